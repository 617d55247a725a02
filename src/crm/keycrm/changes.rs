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
        let told = self.told.load(Ordering::Relaxed);
        let wait = if told { SOON.min(self.config.poll) } else { self.config.poll };
        let due = asked.last.is_none_or(|last| last.elapsed() >= wait);
        if asked.failed && !due {
            return Ok(self.heard().tell());
        }
        let cards = self.read_cards().await;
        let goes_on = self.heard().goes_on();
        if cards.is_ok() && !goes_on && !due {
            return Ok(self.heard().tell());
        }
        (asked.last, asked.failed) = (Some(Instant::now()), true);
        self.told.store(false, Ordering::Relaxed);
        // Cards that cannot be read hide no change of a buyer.
        self.changed_buyers().await?;
        cards?;
        match self.config.deals {
            Deals::Cards => self.changed_cards(Class::Delivery, None).await?,
            Deals::Orders => {
                self.changed_orders().await?;
                // A caller shall not have to ask for them.
                self.closed(Class::Delivery).await?;
            }
        }
        asked.failed = false;
        Ok(self.heard().tell())
    }

    async fn read_cards(&self) -> Result<(), Fault> {
        if self.config.deals == Deals::Orders {
            return Ok(());
        }
        for _ in 0..AT_ONCE {
            if self.read_a_page().await? {
                break;
            }
        }
        self.ask_for_missing(AT_ONCE).await
    }
}

/// When it was asked last what changed, and whether that went wrong: then it waits its time.
#[derive(Debug, Default)]
pub(super) struct Asked {
    last: Option<Instant>,
    failed: bool,
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
