//! All rules of a configuration at once.

use miette::Diagnostic;

use crate::config::Rules;
use crate::rules::set::{Sets, SetsError};
use crate::rules::{Problem, Routing, RulesError};

/// Rules without a mistake, whose tests went well.
pub struct Loaded {
    /// The way of a call.
    pub routing: Routing,
    /// What the CRM learns; `None`: the engine leaves the CRM alone.
    pub sets: Option<Sets>,
}

/// Everything that is wrong with the rules.
#[derive(Debug, thiserror::Error)]
#[error("the rules cannot be used")]
pub struct Mistakes {
    routing: Option<RulesError>,
    sets: Option<SetsError>,
}

impl Loaded {
    /// Reads, checks and tests what the configuration names; the sets only where the CRM is to
    /// learn something.
    ///
    /// # Errors
    /// Every mistake of routing and sets.
    pub fn load(rules: &Rules, ruled: bool) -> Result<Self, Mistakes> {
        let sets = ruled.then(|| Sets::load(rules)).transpose();
        match (Routing::configured(rules), sets) {
            (Ok(routing), Ok(sets)) => Ok(Self { routing, sets }),
            (routing, sets) => Err(Mistakes { routing: routing.err(), sets: sets.err() }),
        }
    }

    /// What is allowed, but surely not meant, a line each.
    pub(super) fn warnings(&self) -> Vec<String> {
        let sets = self.sets.iter().flat_map(Sets::all).flat_map(|set| set.warnings());
        self.routing.warnings().iter().chain(sets).map(Problem::line).collect()
    }
}

impl Mistakes {
    /// One line a mistake, for logs.
    pub fn lines(&self) -> Vec<String> {
        let routing = self.routing.iter().flat_map(RulesError::lines);
        routing.chain(self.sets.iter().flat_map(SetsError::lines)).collect()
    }
}

impl Diagnostic for Mistakes {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        let routing = self.routing.iter().map(|error| error as &dyn Diagnostic);
        let sets = self.sets.iter().map(|error| error as &dyn Diagnostic);
        Some(Box::new(routing.chain(sets)))
    }
}
