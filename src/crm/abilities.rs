//! What a CRM does otherwise than the rules say, or cannot do: told when rules are checked, never
//! silently dropped.

/// An action that comes out otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ability {
    /// The action's word in the rules.
    pub word: &'static str,
    /// What is done instead, as a sentence.
    pub instead: &'static str,
}

/// A short form for tables.
pub(super) const fn otherwise(word: &'static str, instead: &'static str) -> Ability {
    Ability { word, instead }
}
