//! What came of the tests of a set.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::core::action::Ruling;
use crate::core::trace::Place;
use crate::rules::set::RuleSet;

/// What came of the tests of a set.
#[derive(Debug)]
pub struct Report {
    /// The set.
    pub set: Arc<RuleSet>,
    /// How many tests there are.
    pub tests: usize,
    /// Those that failed.
    pub failures: Vec<Failure>,
    reached: BTreeSet<String>,
}

/// A test that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// Column, from 1.
    pub column: u32,
    /// What was expected and what was found, in lines.
    pub differences: Vec<String>,
}

impl Failure {
    /// `file:line:column: error: …` in one line, as any other mistake.
    pub fn line(&self) -> String {
        let (place, column, name) = (&self.place, self.column, &self.name);
        let differences = self.differences.join("; ");
        format!("{place}:{column}: error: the test `{name}` fails: {differences}")
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.place, self.column, self.name)?;
        for line in &self.differences {
            write!(f, "\n    {line}")?;
        }
        Ok(())
    }
}

impl Report {
    pub(super) fn new(set: Arc<RuleSet>, tests: usize) -> Self {
        Self { set, tests, failures: Vec::new(), reached: BTreeSet::new() }
    }

    pub(super) fn reached(&mut self, ruling: &Ruling) {
        self.reached.extend(ruling.rules.iter().cloned());
    }

    /// Rules that no test reached, with their places.
    pub fn unreached(&self) -> impl Iterator<Item = (&str, Place)> {
        let rules = self.set.chapters.iter().flat_map(|chapter| &chapter.rules);
        let missed = rules.filter(|rule| !self.reached.contains(&rule.path));
        missed.map(|rule| (rule.path.as_str(), self.set.source.place(&rule.span)))
    }
}
