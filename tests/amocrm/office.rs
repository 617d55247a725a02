//! An account with a few clients, and calls in it.

use std::sync::Arc;
use std::time::Duration;

use dozvon::config::Secret;
use dozvon::core::action::{Action, Bound};
use dozvon::core::case::{Case, Event, Known, Sound, Speaker};
use dozvon::core::client::Client;
use dozvon::core::facts::Direction;
use dozvon::core::phone::{Phone, Region};
use dozvon::crm::amocrm::{Amo, AmoConfig};
use dozvon::crm::lazy::Lazy;
use dozvon::crm::{ApplyError, Crm, Done, Work};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::Server;

/// Nobody's number.
pub const NEW: &str = "+79165550001";
/// Contact 7, user 504141, open deal 71 and a lost one.
pub const OLGA: &str = "+79161110001";
/// Contact 8, user 504142, a won deal only.
pub const CLOSED: &str = "+79161110004";
/// Company 9 only.
pub const FIRM: &str = "+74951234567";

pub struct World {
    pub server: Server,
    pub crm: Amo,
    pub folder: TempDir,
}

/// With a long-lived token.
pub fn config(url: String) -> AmoConfig {
    AmoConfig {
        url,
        token: Some(Secret::from("lasting-token".to_owned())),
        other_spellings: false,
        timeout: Duration::from_secs(1),
        ..AmoConfig::default()
    }
}

pub fn phone(text: &str) -> Phone {
    Phone::parse(text, Region::default()).unwrap()
}

pub fn contact(id: i64, name: &str, user: i64, number: &str, leads: &[i64]) -> Value {
    let leads: Vec<Value> = leads.iter().map(|id| json!({ "id": id })).collect();
    json!({
        "id": id, "name": name, "responsible_user_id": user, "created_at": 1_585_758_065 + id,
        "is_deleted": false, "is_unsorted": false,
        "custom_fields_values": [{ "field_id": 3, "field_code": "PHONE", "values":
            [{ "value": number, "enum_code": "WORK" }] }],
        "_embedded": { "tags": [{ "id": 1, "name": "VIP" }], "leads": leads, "companies": [] },
    })
}

pub fn lead(id: i64, name: &str, user: i64, status: i64) -> Value {
    let closed = [142, 143].contains(&status);
    json!({
        "id": id, "name": name, "responsible_user_id": user, "status_id": status,
        "pipeline_id": 50, "created_at": 1_585_758_065 + id, "is_deleted": false,
        "closed_at": closed.then_some(1_585_999_999), "custom_fields_values": null,
        "_embedded": { "tags": [{ "id": 2, "name": "старый" }], "contacts": [] },
    })
}

impl World {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(set: impl FnOnce(&mut AmoConfig)) -> Self {
        let server = Server::start().await;
        {
            let mut house = server.house();
            let account = &mut house.account;
            account.add("contacts", contact(7, "Ольга", 504141, "8 (916) 111-00-01", &[71, 72]));
            account.add("leads", lead(71, "Окна", 504142, 501));
            account.add("leads", lead(72, "Двери", 504141, 143));
            account.add("contacts", contact(8, "Пётр", 504142, "+7 916 111 00 04", &[81]));
            account.add("leads", lead(81, "Крыша", 504142, 142));
            account.add("companies", contact(9, "Ромашка", 504141, "(495) 123-45-67", &[]));
            let text = |id: i64, code: &str, kind: &str| json!({ "id": id, "name": code.to_lowercase(), "code": code, "type": kind });
            account.fields.insert(
                "leads",
                vec![
                    text(901, "UTM_SOURCE", "tracking_data"),
                    text(902, "UTM_MEDIUM", "tracking_data"),
                    json!({ "id": 903, "name": "Комментарий", "code": null, "type": "textarea" }),
                ],
            );
            account.fields.insert("contacts", vec![text(911, "UTM_SOURCE", "text")]);
        }
        let folder = TempDir::new().unwrap();
        let mut settings = config(server.url());
        set(&mut settings);
        let store = Arc::new(Lazy::new(folder.path().join("dozvon.sqlite")));
        let crm = Amo::new(&settings, store).unwrap();
        // As the engine does when it starts; the stages are known then.
        let _ = crm.employees().await;
        server.dialogue();
        Self { server, crm, folder }
    }

    /// Another engine on the same store, or this one after a restart.
    pub fn restarted(&self, set: impl FnOnce(&mut AmoConfig)) -> Amo {
        let mut settings = config(self.server.url());
        set(&mut settings);
        let store = Arc::new(Lazy::new(self.folder.path().join("dozvon.sqlite")));
        Amo::new(&settings, store).unwrap()
    }

    pub async fn find(&self, number: &str) -> Option<Client> {
        self.crm.find(&phone(number)).await.unwrap()
    }

    /// A call of a number as it is known now; the requests for that are not counted.
    pub async fn call(&self, call: &str, number: &str) -> Call<'_> {
        let mut case = case(call, number);
        if let Some(number) = &case.number {
            let found = self.crm.find(number).await.unwrap();
            case.client = found.map_or(Known::Nobody, |client| Known::Client(client.into()));
        }
        self.server.dialogue();
        Call::of(self, case)
    }
}

/// An inbound call, answered by 504142 a moment ago.
pub fn case(call: &str, number: &str) -> Case {
    let at = jiff::Timestamp::now();
    let speaker = Speaker { employee: Some("504142".into()), number: "102".into() };
    Case {
        call: call.into(),
        seq: 1,
        event: Event::Answered,
        at,
        direction: Direction::Inbound,
        line: Some("moscow".into()),
        line_number: Some("+74957654321".into()),
        number: Phone::parse(number, Region::default()).ok(),
        client: Known::Nobody,
        first: Some(speaker.clone()),
        last: Some(speaker),
        caller: None,
        rung: vec!["504142".into()],
        started: at,
        answered: Some(at),
        ended: None,
        talked: 0,
        outcome: None,
        recording: None,
        voicemail: None,
        fields: Default::default(),
        name: None,
        comment: None,
    }
}

pub fn sound(url: &str, seconds: Option<u64>) -> Option<Sound> {
    Some(Sound { url: url.to_owned(), seconds })
}

/// A call, and what its actions left behind.
pub struct Call<'w> {
    pub w: &'w World,
    pub case: Case,
    pub bound: Bound,
    /// Actions so far: a part of the key.
    count: u32,
}

impl<'w> Call<'w> {
    /// Of this case; nobody is asked whose it is.
    pub fn of(w: &'w World, case: Case) -> Self {
        Self { w, case, bound: Bound::default(), count: 0 }
    }

    pub async fn with_key(&mut self, key: &str, action: &Action) -> Result<Done, ApplyError> {
        let work = Work { key, action, case: &self.case, bound: &self.bound };
        let done = self.w.crm.apply(&work).await?;
        self.bound.merge(done.bound.clone());
        Ok(done)
    }

    pub async fn tries(&mut self, action: Value) -> Result<Done, ApplyError> {
        self.count += 1;
        let key = format!("{}/1/{}", self.case.call, self.count);
        self.with_key(&key, &serde_json::from_value(action).unwrap()).await
    }

    /// What was done.
    pub async fn does(&mut self, action: Value) -> String {
        self.tries(action).await.unwrap().what
    }

    /// As the outbox does after a lost answer: it is looked for, and done where it was not.
    pub async fn looks_back(&mut self, action: Value) -> Option<String> {
        let action: Action = serde_json::from_value(action).unwrap();
        let work = Work { key: "again", action: &action, case: &self.case, bound: &self.bound };
        let done = self.w.crm.read_back(&work).await.unwrap()?;
        self.bound.merge(done.bound.clone());
        Some(done.what)
    }

    /// Why an action is refused for good.
    pub async fn refused(&mut self, action: Value) -> String {
        match self.tries(action).await {
            Err(ApplyError::Refused { why }) => why,
            other => panic!("not refused: {other:?}"),
        }
    }
}

pub fn new_contact() -> Value {
    json!({ "do": "contact", "name": "Иван", "owner": "504142" })
}

pub fn new_deal() -> Value {
    json!({ "do": "deal", "title": "Входящий звонок", "owner": "504142" })
}

pub fn register() -> Value {
    json!({ "do": "register_call", "result": "answered", "who": "504142" })
}

pub fn new_unsorted(kind: &str) -> Value {
    json!({ "do": "unsorted", "kind": kind, "title": "Пропущенный звонок", "name": "Иван",
        "tags": ["утро"], "fields": { "utm_source": "ya" } })
}

pub fn task(dedupe: &str) -> Value {
    let due = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let due = jiff::Timestamp::from_second(due.as_second()).unwrap();
    json!({ "do": "task", "kind": "call_back", "on": "deal", "text": "Перезвонить",
        "owner": "504142", "due": due, "dedupe": dedupe })
}
