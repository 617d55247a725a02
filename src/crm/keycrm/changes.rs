//! What changed in the account. Its automation tells of statuses only, so it is asked as well.

use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::KeyCrm;
use super::config::Deals;
use crate::crm::Changed;
use crate::crm::hooks::{Hooks, Pressed};
use crate::crm::remote::{Class, Fault};

/// Pages of cards that are read in one go, until all are known.
const AT_ONCE: usize = 5;

/// After it told of a change it is asked that soon, however many it tells of.
const SOON: Duration = Duration::from_secs(10);

impl KeyCrm {
    /// What is new. It is asked for at most each `poll`, unless there is more of it to read.
    pub(super) async fn read_on(&self) -> Result<Changed, Fault> {
        let mut asked = self.asked.lock().await;
        if self.config.deals == Deals::Cards {
            for _ in 0..AT_ONCE {
                if self.read_a_page().await? {
                    break;
                }
            }
        }
        let told = self.told.load(Ordering::Relaxed);
        let wait = if told { SOON.min(self.config.poll) } else { self.config.poll };
        let goes_on = self.heard().goes_on();
        if !goes_on && asked.is_some_and(|last| last.elapsed() < wait) {
            return Ok(self.heard().tell());
        }
        *asked = Some(Instant::now());
        self.told.store(false, Ordering::Relaxed);
        self.changed_buyers().await?;
        match self.config.deals {
            Deals::Cards => self.changed_cards(Class::Delivery, None).await?,
            Deals::Orders => self.changed_orders().await?,
        }
        Ok(self.heard().tell())
    }
}

impl Hooks for KeyCrm {
    /// A hint, from whoever knows the address: what changed is asked for.
    fn changes(&self, _form: &[(String, String)]) {
        self.told.store(true, Ordering::Relaxed);
    }

    /// Its button has no page of ours.
    fn pressed(&self, _token: &str, _now: Timestamp) -> Option<Pressed> {
        None
    }
}
