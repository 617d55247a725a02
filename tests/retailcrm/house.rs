//! A company with a retailCRM: who works there, who its clients are, and its calls.

use std::sync::Arc;
use std::time::Duration;

use dozvon::core::action::{Action, Bound};
use dozvon::core::case::{Case, Event, Known};
use dozvon::crm::lazy::Lazy;
use dozvon::crm::retailcrm::{Retail, RetailConfig};
use dozvon::crm::{ApplyError, Crm, Done, Work};
use serde_json::json;
use tempfile::TempDir;

use crate::common::no_store;
pub use crate::common::{act, case, over, phone, speaker};
use crate::fake::{Fake, KEY};

pub const NEW: &str = "+79161234567";
/// Ольга Белова, whose open order is 2002.
pub const OLGA: &str = "+79160000002";
/// Пётр Смирнов, whose orders are all closed.
pub const PETR: &str = "+79160000003";

pub struct House {
    pub fake: Fake,
    pub crm: Arc<Retail>,
    config: RetailConfig,
    folder: TempDir,
}

pub fn config(url: &str) -> RetailConfig {
    RetailConfig {
        url: url.to_owned(),
        key: Some(KEY.to_owned().into()),
        site: Some("shop".into()),
        timeout: Duration::from_millis(500),
        poll: Duration::from_millis(1),
        ..RetailConfig::default()
    }
}

fn store(folder: &TempDir) -> Arc<Lazy> {
    Arc::new(Lazy::new(folder.path().join("dozvon.sqlite")))
}

impl House {
    pub async fn new() -> Self {
        Self::with(|config| config).await
    }

    /// One whose CRM may take its time: many at once are slow.
    pub async fn patient() -> Self {
        Self::with(|config| RetailConfig { timeout: Duration::from_secs(60), ..config }).await
    }

    pub async fn with(change: impl FnOnce(RetailConfig) -> RetailConfig) -> Self {
        let fake = Fake::start().await;
        {
            let mut state = fake.state();
            let user = |id: u64, name: &str| {
                json!({"id": id, "active": true, "firstName": name, "email": format!("{id}@x"),
                    "status": "free", "online": true,
                    "groups": [{"id": 25, "name": "Менеджеры", "code": "manager"}]})
            };
            state.users = vec![user(11, "Анна"), user(12, "Борис"), user(13, "Вера")];
            state.users.push(json!({"id": 14, "active": false, "firstName": "Глеб"}));
            state.module = Some(json!({"code": "dozvon", "active": true, "integrations":
                {"telephony": {"additionalCodes": [{"userId": "11", "code": "101"},
                    {"userId": 12, "code": "102"}, {"userId": "13", "code": 103}]}}}));
            let field = |entity: &str, code: &str, kind: &str| json!({"code": code, "entity": entity, "type": kind, "name": code});
            state.own_fields = vec![
                field("order", "visit", "string"),
                field("customer", "visit", "string"),
                field("order", "pages", "integer"),
                field("order", "segment", "dictionary"),
                field("customer", "ua_client_id", "string"),
            ];
            state.customers = vec![
                json!({"id": 1002, "type": "customer", "site": "shop", "managerId": 13,
                    "firstName": "Ольга", "lastName": "Белова", "customFields": [],
                    "createdAt": "2026-01-10 10:00:00",
                    "phones": [{"number": "8 (916) 000-00-02"}]}),
                json!({"id": 1003, "type": "customer", "site": "shop", "managerId": 13,
                    "firstName": "Пётр", "lastName": "Смирнов",
                    "createdAt": "2026-01-11 10:00:00", "phones": [{"number": "9160000003"}]}),
            ];
            let order = |id: u64, customer: u64, status: &str| {
                json!({"id": id, "number": format!("{id}A"), "site": "shop", "status": status,
                    "managerId": 13, "createdAt": "2026-02-01 09:30:00",
                    "customer": {"id": customer}})
            };
            state.orders = vec![
                order(2001, 1002, "complete"),
                order(2002, 1002, "assembling"),
                order(2003, 1003, "no-call"),
            ];
        }
        let config = change(config(&fake.server.uri()));
        let folder = TempDir::new().unwrap();
        let crm = Arc::new(Retail::new(&config, store(&folder)).unwrap());
        Self { fake, crm, config, folder }
    }

    /// Another engine on the same store, or this one after a restart.
    pub fn restarted(&self) -> Arc<Retail> {
        Arc::new(Retail::new(&self.config, store(&self.folder)).unwrap())
    }

    /// An engine whose store cannot be opened.
    pub fn without_store(&self) -> Arc<Retail> {
        Arc::new(Retail::new(&self.config, no_store()).unwrap())
    }

    /// Later than anybody waits.
    pub fn late(&self) -> Duration {
        Duration::from_secs(2)
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
