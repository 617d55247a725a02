//! What a CRM does otherwise than the rules say, or cannot do: told when rules are checked, never
//! silently dropped.

use std::fmt::Write as _;

use super::config::{CrmConfig, Crms, of_line};
use crate::rules::Routing;
use crate::rules::set::{RuleSet, Sets};

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

/// What the CRM of each line does otherwise than the set of that line says, and lines that are
/// served but not there. A line each.
pub fn differences(routing: &Routing, sets: &Sets, crms: &Crms) -> String {
    let mut out = String::new();
    let named = routing.lines().map(|line| Some(line.name.as_str()));
    let mut told: Vec<(&String, &str)> = Vec::new();
    for line in named.chain([None]) {
        let Some((name, crm)) = of_line(crms, line) else { continue };
        let set = sets.for_line(line);
        if told.contains(&(name, set.name())) {
            continue;
        }
        told.push((name, set.name()));
        tell(&mut out, set, name, crm);
    }
    for (name, crm) in crms {
        for line in crm.lines().iter().filter(|line| routing.lines().all(|l| l.name != **line)) {
            let file = routing.file();
            let _ = writeln!(out, "crm.{name}: warning: {file} has no line `{line}`");
        }
    }
    out
}

/// What each CRM does otherwise than this set says.
pub fn differences_of(set: &RuleSet, crms: &Crms) -> String {
    let mut out = String::new();
    crms.iter().for_each(|(name, crm)| tell(&mut out, set, name, crm));
    out
}

fn tell(out: &mut String, set: &RuleSet, name: &str, crm: &CrmConfig) {
    let asked = set.actions();
    for ability in crm.abilities().iter().filter(|ability| asked.contains(ability.word)) {
        let (file, kind) = (set.file(), crm.kind());
        let _ =
            writeln!(out, "{file}: crm.{name} ({kind}): `{}`: {}", ability.word, ability.instead);
    }
}
