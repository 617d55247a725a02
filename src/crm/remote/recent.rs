//! What we made a moment ago. A CRM's search may not know it yet, so it is remembered: in the
//! store, for the other engines and for this one after a restart, and here, should the store fail.
//! Of two who tell of the same thing the later one is right.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::timeout;
use tracing::warn;

use super::Class;
use crate::crm::lazy::Lazy;
use crate::store::{Store, StoreError};

/// Longer than any index takes, in microseconds.
const KEPT: i64 = 15 * 60 * 1_000_000;
/// An entry of an inbox may wait so long for somebody to decide (C03).
const WAITS: i64 = 90 * 24 * 60 * 60 * 1_000_000;
/// A caller does not wait longer for a slow disk,
const CALLER: Duration = Duration::from_millis(200);
/// and a delivery not longer than this.
const DELIVERY: Duration = Duration::from_secs(2);

/// What was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Thing {
    /// A contact, customer, buyer.
    Client,
    /// A company.
    Company,
    /// A deal, order, card.
    Deal,
    /// An entry of an inbox.
    Unsorted,
}

impl Thing {
    fn kept(self) -> i64 {
        if self == Self::Unsorted { WAITS } else { KEPT }
    }

    /// The word for the store.
    fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Company => "company",
            Self::Deal => "deal",
            Self::Unsorted => "unsorted",
        }
    }
}

/// One such thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// By what it is looked for.
    pub name: String,
    /// What it became.
    pub made: String,
    /// Another engine made or changed it, and nobody here took note of that.
    pub is_news: bool,
    at: i64,
}

/// What was made in one account, each thing under a name that its CRM's adapter chooses.
pub struct Recent {
    crm: &'static str,
    account: String,
    store: Arc<Lazy>,
    made: Mutex<HashMap<(Thing, String), (i64, String)>>,
}

impl Recent {
    /// Of this account of a CRM of that kind.
    pub fn new(store: Arc<Lazy>, crm: &'static str, account: &str) -> Self {
        Self { crm, account: format!("{crm} {account}"), store, made: Mutex::default() }
    }

    /// It was made, or is this by now.
    pub async fn keep(&self, thing: Thing, name: &str, made: &str) {
        let now = now();
        let at = {
            let mut all = self.lock();
            let key = (thing, name.to_owned());
            // Later than what it replaces, also where the clock was set back.
            let at = all.get(&key).map_or(now, |(before, _)| now.max(before + 1));
            all.retain(|(thing, _), (at, _)| *at + thing.kept() > now);
            all.insert(key, (at, made.to_owned()));
            at
        };
        let why = match timeout(DELIVERY, self.write(thing, name, made, at)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the store is too slow".to_owned(),
        };
        let (crm, what) = (self.crm, thing.as_str());
        warn!(why, crm, what, "what was made a moment ago is known to this engine only");
    }

    /// What stands under this name. What is known here does not wait for the store.
    pub async fn read(&self, class: Class, thing: Thing, name: &str) -> Option<String> {
        let since = now() - thing.kept();
        let own = self.lock().get(&(thing, name.to_owned())).cloned();
        if let Some((at, made)) = own
            && at > since
        {
            return Some(made);
        }
        let found = sqlx::query_scalar(
            "SELECT made FROM crm_made WHERE account = ? AND kind = ? AND name = ? AND at > ?",
        );
        let found = found.bind(&self.account).bind(thing.as_str()).bind(name).bind(since);
        let read = async |store: &Store| found.fetch_optional(store.pool()).await;
        self.ask(class, read).await.flatten()
    }

    /// All of a kind, as the last one left it.
    pub async fn all(&self, class: Class, thing: Thing) -> Vec<Made> {
        let since = now() - thing.kept();
        let stored = sqlx::query_as::<_, (String, String, i64)>(
            "SELECT name, made, at FROM crm_made WHERE account = ? AND kind = ? AND at > ?",
        );
        let stored = stored.bind(&self.account).bind(thing.as_str()).bind(since);
        let read = async |store: &Store| stored.fetch_all(store.pool()).await;
        let stored = self.ask(class, read).await.unwrap_or_default();
        let mut all: BTreeMap<String, Made> = BTreeMap::new();
        for ((of, name), (at, made)) in &*self.lock() {
            if *of == thing && *at > since {
                let (name, made) = (name.clone(), made.clone());
                all.insert(name.clone(), Made { name, made, is_news: false, at: *at });
            }
        }
        for (name, made, at) in stored {
            if all.get(&name).is_none_or(|own| own.at < at) {
                all.insert(name.clone(), Made { name, made, is_news: true, at });
            }
        }
        all.into_values().collect()
    }

    /// It is no news any more.
    pub fn noted(&self, thing: Thing, news: Made) {
        let (mut all, now) = (self.lock(), now());
        all.retain(|(thing, _), (at, _)| *at + thing.kept() > now);
        all.insert((thing, news.name), (news.at, news.made));
    }

    /// It is gone.
    pub async fn forget(&self, thing: Thing, name: &str) {
        self.lock().remove(&(thing, name.to_owned()));
        let gone = sqlx::query("DELETE FROM crm_made WHERE account = ? AND kind = ? AND name = ?");
        let gone = gone.bind(&self.account).bind(thing.as_str()).bind(name);
        // Otherwise it is forgotten by itself in a while.
        self.ask(Class::Lookup, async |store| gone.execute(store.pool()).await).await;
    }

    async fn write(&self, thing: Thing, name: &str, made: &str, at: i64) -> Result<(), StoreError> {
        let store = self.store.open().await?;
        let explain = |error: sqlx::Error| store.explain(&error);
        sqlx::query(
            "INSERT INTO crm_made (account, kind, name, made, at) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT DO UPDATE SET made = excluded.made, at = excluded.at \
             WHERE excluded.at >= at",
        )
        .bind(&self.account)
        .bind(thing.as_str())
        .bind(name)
        .bind(made)
        .bind(at)
        .execute(store.pool())
        .await
        .map_err(explain)?;
        sqlx::query("DELETE FROM crm_made WHERE at < ? AND (kind <> ? OR at < ?)")
            .bind(at - KEPT)
            .bind(Thing::Unsorted.as_str())
            .bind(at - WAITS)
            .execute(store.pool())
            .await
            .map_err(explain)?;
        Ok(())
    }

    /// The CRM is asked all the same: a store that fails or is slow is none.
    async fn ask<T>(
        &self,
        class: Class,
        ask: impl AsyncFnOnce(&Store) -> Result<T, sqlx::Error>,
    ) -> Option<T> {
        let patience = match class {
            Class::Lookup => CALLER,
            Class::Delivery => DELIVERY,
        };
        let answer = async {
            let store = self.store.open().await.ok()?;
            ask(store).await.map_err(|error| store.explain(&error)).ok()
        };
        timeout(patience, answer).await.ok().flatten()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(Thing, String), (i64, String)>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn now() -> i64 {
    Timestamp::now().as_microsecond()
}

#[cfg(test)]
mod tests;
