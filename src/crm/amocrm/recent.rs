//! What we made a moment ago. amoCRM's search may not know it yet, so it is remembered: in the
//! store, for the other engines and for this one after a restart, and here, should the store fail.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;
use tokio::time::timeout;
use tracing::warn;

use super::desk::Entity;
use crate::core::phone::Phone;
use crate::crm::lazy::Lazy;
use crate::crm::remote::Class;

/// Longer than any index takes, in microseconds.
const KEPT: i64 = 15 * 60 * 1_000_000;
/// An entry of Unsorted has no index at all: so long it may wait for somebody to decide (C03).
const WAITS: i64 = 90 * 24 * 60 * 60 * 1_000_000;
/// A caller does not wait longer for a slow disk.
const PATIENCE: Duration = Duration::from_millis(200);

/// A word for the store.
type Kind = &'static str;
const CLIENT: Kind = "client";
const UNSORTED: Kind = "unsorted";
const COMPANY: Kind = "company";

/// Contacts and Unsorted entries by number, companies by name.
pub(super) struct Recent {
    account: String,
    store: Arc<Lazy>,
    made: Mutex<HashMap<(Kind, String), (i64, String)>>,
}

impl Recent {
    pub(super) fn new(store: Arc<Lazy>, account: &Url) -> Self {
        let account = account.host_str().unwrap_or_default().to_owned();
        Self { account, store, made: Mutex::default() }
    }

    pub(super) async fn made_client(&self, phone: &Phone, client: Entity) {
        self.keep(CLIENT, phone.e164(), client.path()).await;
    }

    /// A look-up goes on without it where the store is slow.
    pub(super) async fn client(&self, class: Class, phone: &Phone) -> Option<Entity> {
        let read = self.read(CLIENT, phone.e164());
        let made = match class {
            Class::Lookup => timeout(PATIENCE, read).await.ok().flatten(),
            Class::Delivery => read.await,
        };
        Entity::of_path(&made?)
    }

    pub(super) async fn forget_client(&self, phone: &Phone) {
        self.forget(CLIENT, phone.e164()).await;
    }

    pub(super) async fn made_unsorted(&self, phone: &Phone, uid: &str) {
        self.keep(UNSORTED, phone.e164(), uid.to_owned()).await;
    }

    pub(super) async fn unsorted(&self, phone: &Phone) -> Option<String> {
        self.read(UNSORTED, phone.e164()).await
    }

    pub(super) async fn forget_unsorted(&self, phone: &Phone) {
        self.forget(UNSORTED, phone.e164()).await;
    }

    pub(super) async fn made_company(&self, name: &str, id: i64) {
        self.keep(COMPANY, &name.to_lowercase(), id.to_string()).await;
    }

    pub(super) async fn company(&self, name: &str) -> Option<i64> {
        self.read(COMPANY, &name.to_lowercase()).await?.parse().ok()
    }

    async fn keep(&self, kind: Kind, name: &str, made: String) {
        let now = now();
        {
            let mut all = self.lock();
            all.retain(|(kind, _), (at, _)| *at + kept(kind) > now);
            all.insert((kind, name.to_owned()), (now, made.clone()));
        }
        let written = async {
            let store = self.store.open().await?;
            let explain = |error: sqlx::Error| store.explain(&error);
            sqlx::query("DELETE FROM amocrm_made WHERE kind = ? AND at < ?")
                .bind(kind)
                .bind(now - kept(kind))
                .execute(store.pool())
                .await
                .map_err(explain)?;
            sqlx::query("INSERT OR REPLACE INTO amocrm_made VALUES (?, ?, ?, ?, ?)")
                .bind(&self.account)
                .bind(kind)
                .bind(name)
                .bind(made)
                .bind(now)
                .execute(store.pool())
                .await
                .map_err(explain)
        };
        if let Err(error) = written.await {
            warn!(%error, kind, "what was made in amoCRM is known to this engine only");
        }
    }

    async fn read(&self, kind: Kind, name: &str) -> Option<String> {
        let since = now() - kept(kind);
        let own = self.lock().get(&(kind, name.to_owned())).cloned();
        if let Some((at, made)) = own
            && at > since
        {
            return Some(made);
        }
        let store = self.store.open().await.ok()?;
        let found = sqlx::query_scalar(
            "SELECT made FROM amocrm_made WHERE account = ? AND kind = ? AND name = ? AND at > ?",
        );
        let found = found.bind(&self.account).bind(kind).bind(name).bind(since);
        let found = found.fetch_optional(store.pool()).await;
        // The account is asked all the same.
        found.map_err(|error| store.explain(&error)).ok().flatten()
    }

    async fn forget(&self, kind: Kind, name: &str) {
        self.lock().remove(&(kind, name.to_owned()));
        let Ok(store) = self.store.open().await else { return };
        let gone =
            sqlx::query("DELETE FROM amocrm_made WHERE account = ? AND kind = ? AND name = ?");
        let gone = gone.bind(&self.account).bind(kind).bind(name).execute(store.pool()).await;
        // It is forgotten by itself in a while.
        drop(gone.map_err(|error| store.explain(&error)));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(Kind, String), (i64, String)>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kept(kind: Kind) -> i64 {
    if kind == UNSORTED { WAITS } else { KEPT }
}

fn now() -> i64 {
    Timestamp::now().as_microsecond()
}
