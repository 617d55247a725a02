//! The rules in force, and how others take their place: parse, check, run the tests beside, swap.
//! Three doors lead here: a signal, HTTP, a changed file ([`watch`]). All of the rules are taken
//! or none; calls in hand keep the ones they began with.

mod load;
mod status;
pub mod watch;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tracing::{debug, error, info, warn};

pub use load::{Loaded, Mistakes};
pub use status::{Door, Last, Outcome, Status};

use crate::config::Rules;
use crate::crm::abilities::differences;
use crate::crm::config::Crms;
use crate::outbox::sets::SetsInForce;
use crate::switch::engine::Engine;

/// Takes rules over, one load at a time.
pub struct Reloader {
    rules: Rules,
    crms: Crms,
    engine: Arc<Engine>,
    sets: Option<Arc<SetsInForce>>,
    status: Mutex<Status>,
    turn: tokio::sync::Mutex<()>,
}

impl Reloader {
    /// For the rules of this configuration. What engine and sets hold now is in force; without
    /// sets only the way of a call is taken over.
    pub fn new(
        rules: Rules,
        crms: Crms,
        engine: Arc<Engine>,
        sets: Option<Arc<SetsInForce>>,
    ) -> Arc<Self> {
        let in_force = sets.as_ref().map(|sets| sets.current());
        let status = Status::new(&engine.rules.load(), in_force.as_deref());
        let this = Self {
            rules,
            crms,
            engine,
            sets,
            status: Mutex::new(status),
            turn: Default::default(),
        };
        this.measure();
        Arc::new(this)
    }

    /// What is in force, and how the last reload went.
    pub fn status(&self) -> Status {
        self.lock().clone()
    }

    /// Reads the files and takes the rules over, or says why not. Whoever comes while another
    /// load is under way waits for it, and then loads for himself. It goes on where the caller
    /// does not wait for it.
    pub fn reload(self: &Arc<Self>, door: Door) -> impl Future<Output = Status> + use<> {
        let (this, asked) = (self.clone(), self.clone());
        let task = tokio::spawn(async move { this.in_turn(door).await });
        async move { task.await.unwrap_or_else(|_| asked.status()) }
    }

    async fn in_turn(&self, door: Door) -> Status {
        let _turn = self.turn.lock().await;
        let (rules, ruled) = (self.rules.clone(), self.sets.is_some());
        // The tests of big sets take a while: not on a thread that serves calls.
        let loaded = match tokio::task::spawn_blocking(move || Loaded::load(&rules, ruled)).await {
            Ok(Ok(loaded)) => self.accept(loaded),
            Ok(Err(mistakes)) => Err(mistakes.lines()),
            Err(error) => Err(vec![format!(
                "the rules could not be checked: {error}; please report it with the rule files"
            )]),
        };
        let (outcome, problems) = match loaded {
            Ok((outcome, warnings)) => (outcome, warnings),
            Err(mistakes) => (Outcome::Refused, mistakes),
        };
        self.tell(Last { at: Timestamp::now(), door, outcome, problems })
    }

    /// Swaps, unless these are the rules in force. Gives the warnings.
    fn accept(&self, loaded: Loaded) -> Result<(Outcome, Vec<String>), Vec<String>> {
        let gone = self.gone(&loaded);
        if !gone.is_empty() {
            return Err(gone);
        }
        let warnings = loaded.warnings();
        let Loaded { routing, sets } = loaded;
        let new = Status::new(&routing, sets.as_ref());
        if self.lock().same_rules(&new) {
            return Ok((Outcome::Unchanged, warnings));
        }
        let change = self.engine.standing.write().unwrap_or_else(PoisonError::into_inner);
        if let Some((in_force, sets)) = self.sets.as_ref().zip(sets) {
            for difference in differences(&routing, &sets, &self.crms).lines() {
                info!("{difference}");
            }
            in_force.store(sets);
        }
        self.engine.rules.store(Arc::new(routing));
        drop(change);
        *self.lock() = new;
        Ok((Outcome::Taken, warnings))
    }

    /// Files in force that are not there any more, where built-in rules would stand in without a
    /// word. An editor takes a file away for a moment, and nobody means that.
    fn gone(&self, loaded: &Loaded) -> Vec<String> {
        let configured = watch::files(&self.rules);
        let configured: Vec<_> = configured.iter().map(|path| path.display().to_string()).collect();
        let new = Status::new(&loaded.routing, loaded.sets.as_ref());
        let now = self.lock();
        let lost = now.files().filter(|file| {
            configured.iter().any(|path| path == file) && !new.files().any(|other| other == *file)
        });
        lost.map(|file| {
            format!("{file}: error: the file is gone (put it back; to go by the built-in rules, start dozvon again without it)")
        })
        .collect()
    }

    /// Log, metrics and status.
    fn tell(&self, last: Last) -> Status {
        let mut status = self.lock();
        // A change of a file comes a moment after the signal that told of it.
        if last.door == Door::File && last.adds_nothing_to(status.last_reload.as_ref()) {
            debug!("the files were touched; their rules are known");
            return status.clone();
        }
        let (door, hash) = (last.door, status.routing.hash.clone());
        match last.outcome {
            Outcome::Refused => {
                for mistake in &last.problems {
                    error!(%mistake, %door, in_force = %hash, "the new rules are refused, the old ones stay; correct the file, see `dozvon check`");
                }
            }
            Outcome::Unchanged => {
                info!(%door, in_force = %hash, "the rules are the ones in force, nothing is taken over");
            }
            Outcome::Taken => {
                info!(rules = status.routing.file, %hash, %door, "rules are taken over");
                for set in &status.sets {
                    info!(set = set.name, file = set.file, hash = %set.hash, "a rule set is in force");
                }
                for warning in &last.problems {
                    warn!(%warning, "the rules are in force with a warning");
                }
            }
        }
        self.engine.metrics.rules_ok.set(i64::from(last.outcome != Outcome::Refused));
        let good = last.outcome != Outcome::Refused;
        status.last_reload = Some(last);
        let told = status.clone();
        drop(status);
        if good {
            self.measure();
        }
        told
    }

    /// The metrics of rules in force, after a load that went well.
    fn measure(&self) {
        let metrics = &self.engine.metrics;
        metrics.rules_ok.set(1);
        metrics.rules_ok_at.set(Timestamp::now().as_second());
        metrics.rules_info.reset();
        metrics.know_lines(self.engine.rules.load().lines().map(|line| line.name.as_str()));
        let status = self.lock();
        let info = |name: &str, hash: &str| {
            metrics.rules_info.with_label_values(&[name, hash]).set(1);
        };
        info("routing", &status.routing.hash);
        for set in &status.sets {
            info(&set.name, &set.hash);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
