//! Callbacks by the whole engine on a real FreeSWITCH: `dozvon serve`, forms and buttons by HTTP, SIP phones, the
//! built-in CRM. Skipped, with the reason, where no FreeSWITCH is installed.

// Helpers are not tests themselves, so clippy.toml does not cover them.
#![allow(clippy::expect_used)]

#[allow(dead_code, reason = "what is left over is for other tests")]
#[path = "support/engine.rs"]
mod engine;
#[allow(dead_code, reason = "what is left over is for other tests")]
#[path = "support/house.rs"]
mod house;

use std::time::Duration;

use engine::Engine;
use house::freeswitch::{COMPANY, free_port};
use house::sip::{Behaviour, Call};
use house::{A_WHILE, AT_ONCE, House, SOON};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// Nobody knows this number.
const NEW: &str = "+79265550000";
/// A client with an open deal of 101.
const OLGA: &str = "79161110001";

const SITES: &str = r#"
[sites.shop]
key = "shop-4711"
line = "main"
targets = [{ employee = "101" }, { employee = "102" }]
ring = "8s"
retry = "2s"
give_up = "30s"
client_ring = "20s"
client_pause = "2s"

[sites.key]
key = "key-4711"
line = "main"
targets = [{ employee = "101" }]
press = "1"
retry = "3s"
give_up = "40s"
"#;

struct Company {
    house: House,
    engine: Engine,
    http: String,
    token: String,
    client: reqwest::Client,
}

impl Company {
    async fn new() -> Option<Self> {
        let calls = free_port().await;
        let house = House::build(&calls.to_string()).await?;
        // Only who is heard can press a key.
        house.phone(101).hums(400).await;
        let routing = include_str!("../rules/routing.toml");
        let caller_id = "# caller_id = \"+74951234567\"        # shown where";
        assert!(routing.contains(caller_id), "the line may show its number");
        let routing = routing.replace(caller_id, &caller_id[2..]) + SITES;
        let folder = house.freeswitch.recordings();
        let more = format!(
            "[callbacks]\nlease = \"2s\"\n[outbox]\nlease = \"2s\"\n[recording]\nfolder = \"{}\"\n",
            folder.display()
        );
        let engine = Engine::start_with(calls, house.freeswitch.control, &routing, &more).await;
        let token = engine.verb(&["token", "new", "crm", "--scope", "calls,callbacks"]);
        let token = token.split_whitespace().find(|word| word.starts_with("dzt_"));
        let token = format!("Bearer {}", token.expect("it is shown"));
        let (http, client) = (engine.http().await, dozvon::http::client().build());
        Some(Self { house, engine, http, token, client: client.expect("a client") })
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.client.post(format!("{}{path}", self.http)).json(body);
        let answer = request.header("authorization", &self.token).send().await.expect("it answers");
        let status = answer.status();
        let text = answer.text().await.expect("a body");
        assert!(status.is_success(), "{status}: {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    /// A form was sent; the id of its callback.
    async fn form(&self, form: Value) -> String {
        let taken = self.post("/v1/callbacks", &form).await;
        taken["id"].as_str().expect("an id").to_owned()
    }

    async fn status(&self, id: &str) -> Value {
        let request = self.client.get(format!("{}/v1/callbacks/{id}", self.http));
        let answer = request.header("authorization", &self.token).send().await.expect("it answers");
        answer.json().await.expect("JSON")
    }

    /// Waits until it stands so.
    async fn stage(&self, id: &str, stage: &str) -> Value {
        let deadline = Instant::now() + SOON * 3;
        loop {
            let status = self.status(id).await;
            if status["stage"] == stage {
                return status;
            }
            assert!(Instant::now() < deadline, "it is not {stage}: {status:#}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits for its end, and gives whom it rang with what came of each.
    async fn over(&self, id: &str, ending: &str) -> Vec<String> {
        let status = self.stage(id, "over").await;
        assert_eq!(status["ending"], ending, "{status:#}");
        let tries = status["callback"]["tries"].as_array().expect("a list").iter();
        let line = |one: &Value| {
            let whom = &one["whom"]["manager"]["number"]["line"];
            let whom = whom.as_str().unwrap_or("client");
            format!("{whom} {}", one["result"].as_str().unwrap_or("…"))
        };
        tries.map(line).collect()
    }

    async fn rings(&self, extension: usize) -> Call {
        let call = self.house.phone(extension).next_call(SOON).await;
        call.unwrap_or_else(|| panic!("{extension} rings"))
    }

    async fn client_rings(&self) -> Call {
        self.house.mobile.next_call(SOON * 2).await.expect("the client is called")
    }

    /// Nobody's phone has rung but those that were looked at.
    async fn nobody_else_was_called(&self) {
        for extension in 101..=104 {
            let call = self.house.phone(extension).next_call(Duration::ZERO).await;
            assert!(call.is_none(), "{extension} was called once more");
        }
        assert!(self.house.mobile.next_call(Duration::ZERO).await.is_none(), "the client, again");
    }

    /// `kill -9`, and the next one.
    async fn next_engine(&mut self) {
        self.engine.kill();
        self.engine.start_again().await;
        self.http = self.engine.http().await;
    }

    /// Waits until the CRM lists a record of which this holds.
    async fn listed(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + SOON;
        loop {
            let list = self.engine.verb(&["crm", "list", what, "--json"]);
            let rows: Value = serde_json::from_str(&list).expect("JSON");
            if let Some(row) = rows.as_array().expect("a list").iter().find(|row| is(row)) {
                return row.clone();
            }
            assert!(Instant::now() < deadline, "none of {what} is it: {rows:#}");
            sleep(Duration::from_millis(100)).await;
        }
    }
}

async fn talk(one: &Call, other: &Call) {
    assert!(one.is_answered(SOON).await && other.is_answered(SOON).await, "both have picked up");
    assert_eq!(one.ended(A_WHILE).await, None, "it goes on");
    assert_eq!(other.ended(Duration::ZERO).await, None, "it goes on");
}

/// Both managers are busy; two seconds later one is free: name and comment are on his phone, the line's number on the
/// client's; the deal has every field, the call its recording.
#[tokio::test]
async fn a18_a19_a20_managers_are_busy_then_free_and_the_client_is_connected() {
    let Some(company) = Company::new().await else { return };
    let house = &company.house;
    house.phone(101).behave(Behaviour::Reject(486));
    house.phone(102).behave(Behaviour::Reject(603));
    house.mobile.behave(AT_ONCE);
    let id = company
        .form(json!({
            "site": "shop-4711", "phone": NEW, "name": "Ирина", "comment": "замер 2 окон",
            "utm_source": "yandex", "page": "https://shop.example/windows", "roistat": "4711",
        }))
        .await;
    for busy in [101, 102] {
        company.rings(busy).await;
    }
    let waits = company.stage(&id, "waiting").await;
    assert!(waits["next_try"].is_string(), "{waits}");
    house.phone(101).behave(AT_ONCE);
    let manager = company.rings(101).await;
    assert_eq!(manager.shown_name(), "Ирина · замер 2 окон");
    assert_eq!(manager.shown_number(), NEW);
    let client = company.client_rings().await;
    assert_eq!(client.shown_number().trim_start_matches('+'), COMPANY);
    talk(&manager, &client).await;
    company.stage(&id, "connected").await;
    client.hang_up().await;
    assert!(manager.ended(SOON).await.expect("it ends").by_other);
    let tries = company.over(&id, "talked").await;
    assert_eq!(tries, ["101 busy", "102 rejected", "101 answered", "client answered"]);
    house.ends_empty().await;
    company.nobody_else_was_called().await;

    let deal = company.listed("deals", |deal| deal["call"] == id.as_str()).await;
    assert_eq!((&deal["owner"], &deal["name"]), (&"101".into(), &"Ирина".into()), "{deal}");
    for (name, value) in [
        ("utm_source", "yandex"),
        ("page", "https://shop.example/windows"),
        ("roistat", "4711"),
        ("comment", "замер 2 окон"),
    ] {
        assert_eq!(deal["fields"][name], value, "{deal:#}");
    }
    let whole = |call: &Value| call["call"] == id.as_str() && !call["recording_seconds"].is_null();
    let call = company.listed("calls", whole).await;
    let link = call["recording"].as_str().expect("a link");
    let sound = company.client.get(link).send().await.expect("it answers");
    let length = sound.error_for_status().expect("a sound").bytes().await.expect("bytes").len();
    assert!(length > 16_000, "{length} bytes");
}

/// A13, D01, E11: the button, and its hang-up.
#[tokio::test]
async fn a13_d01_the_button_rings_the_employee_then_the_client_and_hangs_up() {
    let Some(company) = Company::new().await else { return };
    let house = &company.house;
    house.phone(102).behave(AT_ONCE);
    house.mobile.behave(AT_ONCE);
    let click = json!({"employee": "102", "number": OLGA, "line": "main"});
    let begun = company.post("/v1/calls", &click).await;
    let id = begun["id"].as_str().expect("an id");
    let employee = company.rings(102).await;
    assert_eq!(employee.shown_name(), "Ольга Белова");
    let client = company.client_rings().await;
    assert_eq!(client.shown_number().trim_start_matches('+'), COMPANY);
    talk(&employee, &client).await;
    let ended = company.post(&format!("/v1/calls/{id}/hangup"), &json!({})).await;
    assert_eq!(ended["ending"], "talked", "{ended}");
    for side in [&employee, &client] {
        assert!(side.ended(SOON).await.expect("it ends").by_other);
    }
    house.ends_empty().await;
    let call = company.listed("calls", |call| call["call"] == id).await;
    let told = (&call["direction"], &call["result"], &call["who"]);
    assert_eq!(told, (&"outbound".into(), &"answered".into(), &"102".into()), "{call}");
}

/// The engine is killed while the manager is on the line, asked for a key, and again while the client rings, and again
/// while they talk: the same legs are led on, nobody is called twice, no leg stays, the talk is recorded to its end.
#[tokio::test]
async fn an_engine_killed_with_people_on_the_line_calls_nobody_twice() {
    let Some(mut company) = Company::new().await else { return };
    company.house.phone(101).behave(AT_ONCE);
    company.house.mobile.behave(Behaviour::Manual);
    let id = company.form(json!({"site": "key-4711", "phone": OLGA})).await;
    let manager = company.rings(101).await;
    assert!(manager.is_answered(SOON).await);
    sleep(A_WHILE).await;
    company.next_engine().await;
    company.engine.says("callbacks of an earlier life are taken over").await;
    // The prompt is played once more.
    let client = async {
        loop {
            manager.press('1').await;
            if let Some(call) = company.house.mobile.next_call(A_WHILE).await {
                return call;
            }
        }
    };
    let client = tokio::time::timeout(SOON * 2, client).await.expect("the key is heard");
    client.ring().await;
    company.stage(&id, "dialling_client").await;
    company.next_engine().await;
    company.engine.says("callbacks of an earlier life are taken over").await;
    client.answer().await;
    company.stage(&id, "connected").await;
    talk(&manager, &client).await;
    company.next_engine().await;
    company.engine.says("callbacks of an earlier life are taken over").await;
    sleep(A_WHILE * 2).await;
    assert_eq!(manager.ended(Duration::ZERO).await, None, "they still talk");
    client.hang_up().await;
    assert!(manager.ended(SOON).await.expect("it ends").by_other);
    assert_eq!(company.over(&id, "talked").await, ["101 answered", "client answered"]);
    company.house.ends_empty().await;
    company.nobody_else_was_called().await;
    let whole = |call: &Value| call["call"] == id.as_str() && !call["recording_seconds"].is_null();
    let call = company.listed("calls", whole).await;
    assert!(call["recording_seconds"].as_i64() >= Some(4), "{call}");
}

/// The manager hangs up while no engine runs: the next one tries again, as if he had been silent, and calls the client
/// once.
#[tokio::test]
async fn a_manager_who_leaves_while_no_engine_runs_is_rung_again() {
    let Some(mut company) = Company::new().await else { return };
    company.house.phone(101).behave(AT_ONCE);
    company.house.mobile.behave(AT_ONCE);
    let id = company.form(json!({"site": "key-4711", "phone": OLGA})).await;
    let manager = company.rings(101).await;
    assert!(manager.is_answered(SOON).await);
    company.engine.kill();
    manager.hang_up().await;
    company.house.ends_empty().await;
    company.engine.start_again().await;
    company.http = company.engine.http().await;
    let again = company.rings(101).await;
    assert!(again.is_answered(SOON).await);
    sleep(A_WHILE).await;
    again.press('1').await;
    let client = company.client_rings().await;
    talk(&again, &client).await;
    again.hang_up().await;
    assert!(client.ended(SOON).await.is_some());
    company.over(&id, "talked").await;
    company.house.ends_empty().await;
    company.nobody_else_was_called().await;
}

/// The manager hangs up in the moment the client picks up: the next free one talks with the client, on the same leg or
/// on a new one, and never on two.
#[tokio::test]
async fn a_manager_who_leaves_as_the_client_answers_leaves_him_to_a_colleague() {
    let Some(company) = Company::new().await else { return };
    let house = &company.house;
    house.phone(101).behave(AT_ONCE);
    house.phone(102).behave(AT_ONCE);
    house.mobile.behave(Behaviour::Manual);
    let id = company.form(json!({"site": "shop-4711", "phone": NEW})).await;
    let manager = company.rings(101).await;
    let mut client = company.client_rings().await;
    client.ring().await;
    company.stage(&id, "dialling_client").await;
    client.answer().await;
    manager.hang_up().await;
    house.phone(101).behave(Behaviour::Reject(486));
    let colleague = company.rings(102).await;
    if client.ended(A_WHILE).await.is_some() {
        client = company.client_rings().await;
        client.answer().await;
    }
    talk(&colleague, &client).await;
    client.hang_up().await;
    assert!(colleague.ended(SOON).await.is_some());
    let tries = company.over(&id, "talked").await;
    assert!(tries.contains(&"102 answered".to_owned()), "{tries:?}");
    house.ends_empty().await;
}

/// The client calls in by himself while his callback waits: he is not called.
#[tokio::test]
async fn a_client_who_calls_in_by_himself_is_not_called_back() {
    let Some(company) = Company::new().await else { return };
    let house = &company.house;
    for extension in [101, 102] {
        house.phone(extension).behave(Behaviour::Reject(486));
    }
    let id = company.form(json!({"site": "shop-4711", "phone": OLGA})).await;
    company.stage(&id, "waiting").await;
    house.phone(101).behave(AT_ONCE);
    let call = house.call_from(OLGA).await;
    assert!(call.is_answered(SOON).await);
    company.over(&id, "satisfied").await;
    call.hang_up().await;
    house.ends_empty().await;
    assert!(house.mobile.next_call(Duration::ZERO).await.is_none(), "he is not called");
}

/// A16: the manager passes the client on to a colleague: they talk, and it stays one call.
#[tokio::test]
async fn a16_a_client_who_is_passed_on_talks_with_a_colleague() {
    let Some(company) = Company::new().await else { return };
    let house = &company.house;
    house.phone(101).behave(AT_ONCE);
    house.phone(103).behave(AT_ONCE);
    house.mobile.behave(AT_ONCE);
    let id = company.form(json!({"site": "shop-4711", "phone": OLGA})).await;
    let manager = company.rings(101).await;
    let client = company.client_rings().await;
    talk(&manager, &client).await;
    manager.transfer("103").await;
    let colleague = company.rings(103).await;
    talk(&colleague, &client).await;
    assert!(manager.ended(SOON).await.is_some());
    assert_eq!(company.status(&id).await["stage"], "connected");
    client.hang_up().await;
    assert!(colleague.ended(SOON).await.is_some());
    company.over(&id, "talked").await;
    house.ends_empty().await;
    let whole = |call: &Value| call["call"] == id.as_str() && !call["ended"].is_null();
    let call = company.listed("calls", whole).await;
    assert_eq!((&call["who"], &call["result"]), (&"101".into(), &"answered".into()), "{call}");
    let calls: Value =
        serde_json::from_str(&company.engine.verb(&["crm", "list", "calls", "--json"]))
            .expect("JSON");
    assert_eq!(calls.as_array().expect("a list").len(), 1, "it stays one call: {calls:#}");
    company.nobody_else_was_called().await;
}
