//! The rule sets of the configuration as the outbox asks them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use super::judge::{InForce, Judge, Ruler};
use crate::core::action::Ruling;
use crate::core::case::{Case, Event};
use crate::directory::Directory;
use crate::metrics::Metrics;
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

    /// Compares the sets with who works in the CRM of their lines, as often as `every`, and tells what
    /// changed: where somebody is gone others stand in, and that shall not go unseen (E14).
    pub async fn watch_people(self: Arc<Self>, metrics: Arc<Metrics>, every: Duration) {
        let mut told = BTreeSet::new();
        let mut tick = interval(every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let now = self.nobodies(&metrics);
            for (crm, what) in now.difference(&told) {
                warn!(
                    crm,
                    "{what}; others stand in for him (E14): give the place to somebody who works here"
                );
            }
            for (crm, what) in told.difference(&now) {
                info!(crm, "this is put right: {what}");
            }
            told = now;
        }
    }

    /// Places that name nobody, by the CRM whose staff it is.
    fn nobodies(&self, metrics: &Metrics) -> BTreeSet<(String, String)> {
        let (sets, mut all) = (self.sets.load(), BTreeSet::new());
        let lines = sets.lines().chain(self.directory.lines());
        for line in lines.map(Some).chain([None]) {
            let (set, directory) = (sets.for_line(line), self.directory.of(line));
            let state = directory.state();
            // Who has told nothing yet has not said that anybody is gone.
            if state.employees.is_none() {
                continue;
            }
            let nobodies = set.check_staff(&directory.staff()).into_iter();
            all.extend(
                nobodies.map(|n| (state.crm.clone(), format!("{}: {}", n.place, n.message))),
            );
        }
        for directory in self.directory.all() {
            let crm = directory.state().crm;
            let count = all.iter().filter(|(of, _)| *of == crm).count();
            let gauge = metrics.people_missing.with_label_values(&[&crm]);
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        all
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
