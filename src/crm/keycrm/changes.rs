//! What changed in the account. Its automation tells of statuses only, so it is asked as well.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::KeyCrm;
use super::config::Deals;
use super::wire::{Buyer, Id, Order};
use crate::core::ids::ClientId;
use crate::crm::Changed;
use crate::crm::hooks::{Hooks, Pressed};
use crate::crm::remote::{Class, Fault};

/// Pages of what changed in one go.
const PAGES: u32 = 10;
/// Pages of cards that are read in one go, until all are known.
const AT_ONCE: usize = 5;

/// After it told of a change it is asked that soon, however many it tells of.
const SOON: Duration = Duration::from_secs(10);

/// How far it was read.
#[derive(Debug, Default)]
pub(super) struct Seen {
    last_at: Option<Instant>,
    buyers: Option<Timestamp>,
    orders: Option<Timestamp>,
    /// What was told last: the time filter includes its ends.
    last: HashSet<(Id, Option<String>)>,
}

impl KeyCrm {
    /// What is new, at most each `poll`.
    pub(super) async fn read_on(&self) -> Result<Changed, Fault> {
        let mut seen = self.seen.lock().await;
        if self.config.deals == Deals::Cards {
            for _ in 0..AT_ONCE {
                if self.read_a_page().await? {
                    break;
                }
            }
        }
        let told = self.told.load(Ordering::Relaxed);
        let wait = if told { SOON.min(self.config.poll) } else { self.config.poll };
        if seen.last_at.is_some_and(|last| last.elapsed() < wait) {
            return Ok(Changed::default());
        }
        seen.last_at = Some(Instant::now());
        self.told.store(false, Ordering::Relaxed);
        let mut clients: HashSet<Id> = HashSet::new();
        let mut added = false;
        let first =
            Timestamp::now().saturating_sub(SignedDuration::from_mins(1)).unwrap_or_default();
        let since = seen.buyers.unwrap_or(first);
        let (mut latest, mut last) = (since, HashSet::new());
        for buyer in self.since::<Buyer>("buyer", "manager", since).await? {
            let read = |at: &Option<String>| at.as_deref().and_then(|at| self.times.read(at));
            latest = latest.max(read(&buyer.updated_at).unwrap_or(since));
            let told = (buyer.id, buyer.updated_at.clone());
            let again = seen.last.contains(&told);
            last.insert(told);
            if again {
                continue;
            }
            added |= read(&buyer.created_at).is_none_or(|at| at >= since);
            clients.insert(buyer.id);
        }
        match self.config.deals {
            Deals::Cards => {
                let (buyers, others) = self.changed_cards(Class::Delivery).await?;
                clients.extend(buyers);
                added |= others;
            }
            Deals::Orders => {
                let since = seen.orders.unwrap_or(first);
                let mut latest = since;
                for order in self.since::<Order>("order", "buyer", since).await? {
                    let at = order.updated_at.as_deref().and_then(|at| self.times.read(at));
                    latest = latest.max(at.unwrap_or(since));
                    clients.extend(order.buyer.map(|buyer| buyer.id));
                }
                seen.orders = Some(latest);
            }
        }
        seen.buyers = Some(latest);
        seen.last = last;
        let clients = clients.into_iter().map(|id| ClientId::new(id.to_string())).collect();
        Ok(Changed { clients, added })
    }

    async fn since<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        include: &str,
        since: Timestamp,
    ) -> Result<Vec<T>, Fault> {
        let between = self.between(since);
        let query = [("filter[updated_between]", between.as_str()), ("include", include)];
        self.api.list(Class::Delivery, path, &query, PAGES).await
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
