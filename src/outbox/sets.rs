//! The rule sets of the configuration as the outbox asks them.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::judge::{InForce, Judge, Ruler};
use crate::core::action::Ruling;
use crate::core::case::{Case, Event};
use crate::directory::Directory;
use crate::rules::set::{RuleSet, Sets};

/// The sets in force, and who works here.
pub struct SetsInForce {
    sets: ArcSwap<Sets>,
    directory: Arc<Directory>,
}

impl SetsInForce {
    /// These sets, until others are stored.
    pub fn new(sets: Sets, directory: Arc<Directory>) -> Self {
        Self { sets: ArcSwap::from_pointee(sets), directory }
    }

    /// The sets in force.
    pub fn current(&self) -> Arc<Sets> {
        self.sets.load_full()
    }

    /// Other sets from now on; calls in hand keep theirs.
    pub fn store(&self, sets: Sets) {
        self.sets.store(Arc::new(sets));
    }

    fn ruler(&self, set: &Arc<RuleSet>) -> Arc<dyn Ruler> {
        Arc::new(Set { hash: set.hash(), set: set.clone(), directory: self.directory.clone() })
    }
}

impl Judge for SetsInForce {
    fn set_for(&self, line: Option<&str>) -> InForce {
        let sets = self.sets.load();
        let shadow = sets.shadow().map(|set| self.ruler(set));
        InForce { live: self.ruler(sets.for_line(line)), shadow }
    }
}

struct Set {
    set: Arc<RuleSet>,
    hash: String,
    directory: Arc<Directory>,
}

impl Ruler for Set {
    fn judge(&self, case: &Case) -> Ruling {
        self.set.judge(case, &self.directory.of(case.line.as_deref()).staff())
    }

    fn hash(&self) -> &str {
        &self.hash
    }

    fn speaks_of(&self, event: Event) -> bool {
        self.set.speaks_of(event)
    }
}
