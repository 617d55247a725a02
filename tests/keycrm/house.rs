//! A company with a KeyCRM: who works there, who its clients are, and its calls.

use std::sync::Arc;
use std::time::Duration;

use dozvon::core::action::{Action, Bound};
use dozvon::core::case::{Case, Event, Known};
use dozvon::crm::keycrm::{KeyConfig, KeyCrm};
use dozvon::crm::lazy::Lazy;
use dozvon::crm::{ApplyError, Crm, Done, Work};
use serde_json::json;
use tempfile::TempDir;

use crate::common::no_store;
pub use crate::common::{act, case, over, phone, speaker};
use crate::fake::{Fake, HOOK, KEY};

pub const NEW: &str = "+380501234567";
/// Ольга Біла, whose open card is 2002.
pub const OLGA: &str = "+380500000002";
/// Петро Коваль, whose card is closed.
pub const PETRO: &str = "+380500000003";

pub struct House {
    pub fake: Fake,
    pub crm: Arc<KeyCrm>,
    config: KeyConfig,
    folder: TempDir,
}

pub fn config(url: &str) -> KeyConfig {
    let numbers = [("11", "101"), ("12@x", "102"), ("user13", "103")];
    let numbers = numbers.map(|(user, number)| (user.to_owned(), vec![number.to_owned()]));
    KeyConfig {
        url: format!("{url}/v1"),
        key: Some(KEY.to_owned().into()),
        telephony_url: Some(format!("{url}/telephony/{HOOK}").into()),
        numbers: numbers.into_iter().collect(),
        source: Some(7),
        // More than any test sends, but for the one that is about it.
        per_minute: 5000.try_into().unwrap(),
        timeout: Duration::from_millis(1500),
        poll: Duration::from_millis(1),
        ..KeyConfig::default()
    }
}

pub fn patiently(config: KeyConfig) -> KeyConfig {
    KeyConfig { timeout: Duration::from_secs(60), ..config }
}

fn store(folder: &TempDir) -> Arc<Lazy> {
    Arc::new(Lazy::new(folder.path().join("dozvon.sqlite")))
}

impl House {
    pub async fn new() -> Self {
        Self::with(|config| config).await
    }

    /// For those who tell all that was sent: nothing of it may be given up and sent again because
    /// the machine is slow.
    pub async fn patient() -> Self {
        Self::with(patiently).await
    }

    pub async fn with(change: impl FnOnce(KeyConfig) -> KeyConfig) -> Self {
        let fake = Fake::start().await;
        {
            let mut state = fake.state();
            let user = |id: u64, name: &str, status: &str| {
                json!({"id": id, "full_name": name, "username": format!("user{id}"),
                    "email": format!("{id}@x"), "status": status, "role_id": 2})
            };
            state.users = vec![
                user(11, "Анна", "active"),
                user(12, "Борис", "active"),
                user(13, "Віра", "active"),
                user(14, "Гліб", "blocked"),
            ];
            let buyer = |id: u64, name: &str, number: &str| {
                json!({"id": id, "full_name": name, "phone": [number], "email": [], "note": null,
                    "manager": {"id": 13, "full_name": "Віра"}, "company": null,
                    "custom_fields": [], "created_at": "2026-01-10 10:00:00",
                    "updated_at": "2026-01-10 10:00:00"})
            };
            state.buyers = vec![
                buyer(1002, "Ольга Біла", "050 000 00 02"),
                buyer(1003, "Петро Коваль", PETRO),
            ];
            let card = |id: u64, buyer: u64, finished: bool, day: &str| {
                json!({"id": id, "contact_id": 3000 + buyer, "manager_id": 13, "status_id": 1,
                    "title": format!("№{id}"), "manager_comment": null, "is_finished": finished,
                    "communicate_at": null, "created_at": format!("{day} 09:30:00"),
                    "updated_at": format!("{day} 09:30:00"),
                    "contact": {"id": 3000 + buyer, "client_id": buyer, "phone": null}})
            };
            state.cards = vec![
                card(2001, 1002, true, "2026-01-01"),
                card(2002, 1002, false, "2026-02-01"),
                card(2004, 1002, false, "2026-03-01"),
                card(2003, 1003, true, "2026-02-01"),
            ];
        }
        let config = change(config(&fake.server.uri()));
        let folder = TempDir::new().unwrap();
        let crm = Arc::new(KeyCrm::new(&config, store(&folder)).unwrap());
        Self { fake, crm, config, folder }
    }

    /// Another engine on the same store, or this one after a restart.
    pub fn restarted(&self) -> Arc<KeyCrm> {
        Arc::new(KeyCrm::new(&self.config, store(&self.folder)).unwrap())
    }

    /// An engine whose store cannot be opened.
    pub fn without_store(&self) -> Arc<KeyCrm> {
        Arc::new(KeyCrm::new(&self.config, no_store()).unwrap())
    }

    /// Where orders are the deals: Ольга has an open one, Петро a closed one.
    pub async fn with_orders() -> Self {
        Self::with_orders_and(|config| config).await
    }

    pub async fn with_orders_and(change: impl FnOnce(KeyConfig) -> KeyConfig) -> Self {
        let deals = dozvon::crm::keycrm::Deals::Orders;
        let house = Self::with(|config| KeyConfig { deals, ..change(config) }).await;
        {
            let mut state = house.fake.state();
            state.no_pipelines = true;
            let order = |id: u64, buyer: u64, number: &str, status: u64| {
                json!({"id": id, "status_id": status, "manager": {"id": 13}, "closed_at": null,
                    "buyer": {"id": buyer, "phone": number}, "custom_fields": [],
                    "created_at": "2026-02-01 09:30:00", "updated_at": "2026-02-01 09:30:00"})
            };
            state.orders = vec![
                order(4001, 1002, OLGA, 12),
                order(4002, 1002, OLGA, 1),
                order(4003, 1003, PETRO, 12),
            ];
        }
        house
    }

    pub async fn apply(&self, key: &str, action: &Action, case: &Case, bound: &mut Bound) -> Done {
        let work = Work { key, action, case, bound };
        let done = self.crm.apply(&work).await.unwrap_or_else(|e| panic!("{action:?}: {e}"));
        bound.merge(done.bound.clone());
        done
    }

    pub async fn try_apply(&self, action: &Action, case: &Case) -> Result<Done, ApplyError> {
        let bound = Bound::default();
        self.crm.apply(&Work { key: "call/1/1", action, case, bound: &bound }).await
    }

    pub async fn read_back(&self, action: &Action, case: &Case) -> Option<Done> {
        let bound = Bound::default();
        let work = Work { key: "call/1/1", action, case, bound: &bound };
        self.crm.read_back(&work).await.unwrap()
    }

    /// A case of a call from this number, as the CRM knows it.
    pub async fn case(&self, event: Event, number: &str) -> Case {
        let mut case = case(event, number);
        if let Some(number) = &case.number
            && let Some(client) = self.crm.find(number).await.unwrap()
        {
            case.client = Known::Client(client.into());
        }
        self.fake.dialogue();
        case
    }
}
