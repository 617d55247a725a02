//! Keys that a CRM refuses, and rights that a key lacks. The directory keeps the state and tells it;
//! here is known which rights are missing, and what is parked for want of them is tried again.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sqlx::{query_as, query_scalar};
use tracing::debug;

use super::desk::Desk;
use super::entry::{Progress, Step, json};
use super::needs::right;
use super::worker::Worker;
use crate::core::action::Planned;
use crate::store::Store;

/// What is refused where the CRM may not be told anything.
pub(super) const ALL: &str = "deliveries";

/// What is parked for want of a right. The condition of the index stands in the text.
pub(super) const DENIED: &str = "SELECT id, crm, actions, progress FROM outbox \
    WHERE state IN ('waiting', 'working', 'parked') AND state = 'parked' \
    AND progress LIKE '%\"is\":\"denied\"%'";
/// Whether anything for a CRM is on its way.
const GOES_ON: &str = "SELECT EXISTS (SELECT 1 FROM outbox \
    WHERE state IN ('waiting', 'working', 'parked') AND state IN ('waiting', 'working') AND crm = ?)";

/// A CRM, and a right that its key lacks.
type Lack = (String, String);

/// The rights that are missing.
#[derive(Debug, Default)]
pub(super) struct Rights {
    missing: Mutex<BTreeSet<Lack>>,
    given: AtomicBool,
}

impl Rights {
    /// Whether one of them was given since this was asked last.
    pub fn given(&self) -> bool {
        self.given.swap(false, Ordering::Relaxed)
    }

    fn missing(&self) -> MutexGuard<'_, BTreeSet<Lack>> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Worker {
    /// The CRM takes nothing by this key, or not what needs this right.
    pub fn denied(&self, crm: &str, what: &str, why: &str) {
        if what != ALL {
            self.rights.missing().insert((crm.to_owned(), what.to_owned()));
        }
        if let Some(directory) = self.directory.as_ref().and_then(|all| all.named(crm)) {
            directory.refuses(what, why);
        }
    }

    /// It took it.
    pub fn takes(&self, crm: &str, what: &str) {
        if self.rights.missing().remove(&(crm.to_owned(), what.to_owned())) {
            self.rights.given.store(true, Ordering::Relaxed);
        }
        if let Some(directory) = self.directory.as_ref().and_then(|all| all.named(crm)) {
            directory.takes(what);
        }
    }

    /// Releases what is parked for want of a right that is there by now; at the `first` time nothing
    /// is known of them. When it is `due`, the oldest entry of each right is released to see.
    pub async fn try_denied(
        &self,
        store: &Store,
        first: bool,
        due: bool,
    ) -> Result<(), sqlx::Error> {
        let mut parked: Vec<(i64, String, String, String)> =
            query_as(DENIED).fetch_all(store.pool()).await?;
        parked.sort_unstable_by_key(|(id, ..)| *id);
        let mut seen = BTreeSet::new();
        for (id, crm, actions, progress) in parked {
            let (Ok(actions), Ok(progress)) =
                (json::<Vec<Planned>>(&actions), json::<Vec<Step>>(&progress))
            else {
                continue;
            };
            let denied = actions.iter().zip(progress).filter(|(_, s)| s.is == Progress::Denied);
            let mut release = false;
            for (planned, step) in denied {
                let lack = (crm.clone(), right(&planned.action));
                if first {
                    self.denied(&crm, &lack.1, &step.what);
                }
                release |= !self.rights.missing().contains(&lack);
                release |= seen.insert(lack) && due;
            }
            // It may have gone with an earlier one of its call.
            if release && let Err(error) = Desk::new(store.clone()).retry(id).await {
                debug!(entry = id, %error, "what waits for a right stays parked");
            }
        }
        if due {
            self.not_wanted(store, &seen).await?;
        }
        Ok(())
    }

    /// Nothing waits any more for rights that were missing: somebody dropped it.
    async fn not_wanted(&self, store: &Store, wanted: &BTreeSet<Lack>) -> Result<(), sqlx::Error> {
        let missing = self.rights.missing().clone();
        for (crm, right) in missing.difference(wanted) {
            let goes_on: bool = query_scalar(GOES_ON).bind(crm).fetch_one(store.pool()).await?;
            if !goes_on {
                self.takes(crm, right);
            }
        }
        Ok(())
    }
}
