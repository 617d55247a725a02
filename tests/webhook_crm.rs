//! Any other CRM, by signed requests.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/crm.rs"]
mod common;
#[path = "support/crm_outbox.rs"]
mod crm_outbox;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dozvon::core::action::{Action, Bound};
use dozvon::core::case::{Case, Event, Known, Sound};
use dozvon::core::client::Lookup;
use dozvon::core::facts::Direction;
use dozvon::core::phone::{Phone, Region};
use dozvon::core::staff::{Number, Status};
use dozvon::crm::webhook::{Hook, HookConfig};
use dozvon::crm::{ApplyError, Crm, WonSince, Work};
use dozvon::directory::{Directory, DirectoryConfig};
use dozvon::metrics::Metrics;
use dozvon::outbox::sign;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

const SECRET: &str = "a secret of both";

/// A system that keeps its part: a key is done once.
#[derive(Clone, Default)]
struct Other {
    done: Arc<Mutex<BTreeMap<String, Value>>>,
    late: Arc<Mutex<bool>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Respond for Other {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let header = |name: &str| request.headers[name].to_str().unwrap().to_owned();
        let body = std::str::from_utf8(&request.body).unwrap();
        let signature = sign(SECRET, &header("Dozvon-Timestamp"), body);
        if header("Dozvon-Signature") != format!("v1={signature}") {
            return ResponseTemplate::new(401);
        }
        let ask: Value = serde_json::from_str(body).unwrap();
        let mut line = ask.clone();
        line.as_object_mut().unwrap().remove("case");
        self.asked.lock().unwrap().push(line.to_string());
        let answer = match ask["do"].as_str().unwrap() {
            "find" if ask["number"] == "+79161234567" => json!({"client": {"id": "7",
                "name": "Anna", "owner": "27", "deals": [{"id": "1", "title": "t", "owner": "27",
                "created": "2026-11-20T09:00:00Z", "open": true}]}}),
            "find" => json!({"client": null}),
            "employees" => json!({"employees": [
                {"id": "27", "name": "Boris", "numbers": ["101", "+79031234567"],
                    "groups": ["sales"], "online": true},
                {"id": "28", "name": "Vera", "gone": true}]}),
            "won"
                if ask["since"] == "2026-11-20T00:00:00Z" && ask["field"] == "communication_id" =>
            {
                json!({"deals": [
                    {"id": "5", "closed": "2026-11-20T15:00:00Z", "price": 12.5,
                        "communication": "call-1", "contact": {"id": "7",
                        "numbers": ["+79161234567"], "communication": null}},
                    {"id": "6", "closed": "2026-11-20T16:00:00Z", "contact": null}]})
            }
            _ if ask["action"]["text"] == "no note" => {
                return ResponseTemplate::new(422).set_body_json(json!({"why": "no notes here"}));
            }
            _ => {
                let mut done = self.done.lock().unwrap();
                let next = done.len() + 1;
                let key = ask["key"].as_str().unwrap().to_owned();
                let what = format!("made {} {next}", ask["action"]["do"].as_str().unwrap());
                let bound = json!({"deal": next.to_string(), "client": ask["bound"]["client"]});
                done.entry(key).or_insert(json!({"what": what, "bound": bound})).clone()
            }
        };
        let answer = ResponseTemplate::new(200).set_body_json(answer);
        match std::mem::take(&mut *self.late.lock().unwrap()) {
            true => answer.set_delay(Duration::from_secs(2)),
            false => answer,
        }
    }
}

async fn world() -> (MockServer, Other, HookConfig) {
    let (server, other) = (MockServer::start().await, Other::default());
    Mock::given(any()).respond_with(other.clone()).mount(&server).await;
    let config = HookConfig {
        url: format!("{}/dozvon", server.uri()),
        secret: Some(SECRET.to_owned().into()),
        timeout: Duration::from_millis(500),
        ..HookConfig::default()
    };
    (server, other, config)
}

fn phone(number: &str) -> Phone {
    Phone::parse(number, Region::default()).unwrap()
}

fn case() -> Case {
    let at = "2026-11-20T09:00:00Z".parse().unwrap();
    Case {
        call: "call".into(),
        seq: 1,
        event: Event::Answered,
        at,
        direction: Direction::Inbound,
        line: None,
        line_number: None,
        number: Some(phone("+79161234567")),
        client: Known::Nobody,
        first: None,
        last: None,
        caller: None,
        rung: vec![],
        started: at,
        answered: None,
        ended: None,
        talked: 0,
        outcome: None,
        recording: None,
        voicemail: None,
        fields: BTreeMap::new(),
        name: None,
        comment: None,
    }
}

fn act(json: Value) -> Action {
    serde_json::from_value(json).unwrap()
}

#[tokio::test]
async fn clients_and_employees_are_read() {
    let (_server, _, config) = world().await;
    let crm = Hook::new(&config).unwrap();
    let client = crm.find(&phone("+79161234567")).await.unwrap().unwrap();
    assert_eq!((client.name.as_str(), client.open_deal().unwrap().id.as_str()), ("Anna", "1"));
    assert_eq!(crm.find(&phone("+79161234568")).await.unwrap(), None);
    let staff = crm.employees().await.unwrap();
    assert!(matches!(staff[0].numbers[..], [Number::Line(_), Number::Outside(_)]));
    assert_eq!((staff[0].online, staff[1].status), (Some(true), Status::Gone));
}

#[tokio::test]
async fn a_caller_goes_before_the_facts_of_calls_that_are_over() {
    let (server, _, config) = world().await;
    let crm = Hook::new(&HookConfig { per_second: 1.try_into().unwrap(), ..config }).unwrap();
    crm.find(&phone("+79161234567")).await.unwrap();
    let (over, over_too) = (phone("+79161234568"), phone("+79161234569"));
    let caller = phone("+79161234567");
    let (one, two, found) = tokio::join!(crm.facts(&over), crm.facts(&over_too), crm.find(&caller));
    assert_eq!((one.unwrap(), two.unwrap()), (None, None));
    assert!(found.unwrap().is_some());
    let asked = server.received_requests().await.unwrap();
    let second: Value = serde_json::from_slice(&asked[1].body).unwrap();
    assert_eq!(second["number"], "+79161234567");
}

#[tokio::test]
async fn an_action_whose_answer_is_lost_comes_again_with_its_key_and_is_done_once() {
    let (_server, other, config) = world().await;
    let crm = Hook::new(&config).unwrap();
    let (action, case) = (act(json!({"do": "deal", "title": "x", "owner": "27"})), case());
    let bound = Bound { client: Some("7".into()), ..Bound::default() };
    let work = Work { key: "call/1/1", action: &action, case: &case, bound: &bound };
    *other.late.lock().unwrap() = true;
    assert!(matches!(crm.apply(&work).await, Err(ApplyError::Lost { .. })));
    assert_eq!(crm.read_back(&work).await, Ok(None));
    let done = crm.apply(&work).await.unwrap();
    assert_eq!(done.what, "made deal 1");
    assert_eq!((done.bound.client, done.bound.deal), (Some("7".into()), Some("1".into())));
    assert_eq!(other.done.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn c03_an_entry_is_declined_there_as_any_action_is_done() {
    let (server, _, config) = world().await;
    let crm = Hook::new(&config).unwrap();
    let (action, case) = (act(json!({"do": "decline_unsorted"})), case());
    let bound = Bound { unsorted: Some("u7".into()), ..Bound::default() };
    let work = Work { key: "call/1/1", action: &action, case: &case, bound: &bound };
    assert_eq!(crm.apply(&work).await.unwrap().what, "made decline_unsorted 1");
    let asked = server.received_requests().await.unwrap();
    let asked: Value = serde_json::from_slice(&asked[0].body).unwrap();
    assert_eq!(asked["action"], json!({"do": "decline_unsorted"}));
    assert_eq!(asked["bound"]["unsorted"], "u7");
}

#[tokio::test]
async fn a_secret_that_is_put_right_in_its_file_lets_us_in_without_a_restart() {
    let (_server, _, config) = world().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "an old one").unwrap();
    let config = HookConfig { secret: None, secret_file: Some(file.clone()), ..config };
    let metrics = Arc::new(Metrics::new().unwrap());
    let crm = Arc::new(Hook::new(&config).unwrap());
    let directory = Directory::new(crm, DirectoryConfig::default(), metrics.clone());
    let access = || metrics.crm_access.with_label_values(&["webhook"]).get();
    let anna = phone("+79161234567");
    assert_eq!(directory.lookup(&anna).await, Lookup::Down);
    assert_eq!(access(), 0);
    std::fs::write(&file, SECRET).unwrap();
    // This one is refused, too, and the file is looked at for it.
    assert_eq!(directory.lookup(&anna).await, Lookup::Down);
    assert!(directory.lookup(&anna).await.client().is_some());
    assert_eq!(access(), 1);
}

#[tokio::test]
async fn the_log_has_neither_secret_nor_whole_numbers() {
    let (_server, _, config) = world().await;
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let _in = tracing::subscriber::set_default(subscriber);
    let action = act(json!({"do": "note", "on": "client", "text": "x"}));
    let (case, bound) = (case(), Bound::default());
    let work = Work { key: "call/1/1", action: &action, case: &case, bound: &bound };
    let wrong = HookConfig { secret: Some("a wrong secret".to_owned().into()), ..config.clone() };
    let gone = HookConfig { url: "http://127.0.0.1:9/a-token".into(), ..config.clone() };
    for config in [config, wrong, gone] {
        let crm = Arc::new(Hook::new(&config).unwrap());
        drop(crm.apply(&work).await);
        let metrics = Arc::new(Metrics::new().unwrap());
        let directory = Directory::new(crm, DirectoryConfig::default(), metrics);
        directory.lookup(&phone("+79161234567")).await;
        drop(directory.refresh_staff().await);
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("does not let us in"), "{log}");
    for hidden in [SECRET, "a wrong secret", "a-token", "79161234567", "9161234567"] {
        assert!(!log.contains(hidden), "{hidden}: {log}");
    }
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl tracing_subscriber::fmt::MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn what_it_refuses_is_shown_with_its_reason_and_a_wrong_secret_waits_for_somebody() {
    let (_server, _, config) = world().await;
    let crm = Hook::new(&config).unwrap();
    let (action, case) = (act(json!({"do": "note", "on": "client", "text": "no note"})), case());
    let bound = Bound::default();
    let work = Work { key: "call/1/1", action: &action, case: &case, bound: &bound };
    match crm.apply(&work).await {
        Err(ApplyError::Refused { why }) => assert!(why.contains("no notes here"), "{why}"),
        other => panic!("{other:?}"),
    }
    let wrong = HookConfig { secret: Some("another".to_owned().into()), ..config };
    let crm = Hook::new(&wrong).unwrap();
    assert!(matches!(
        crm.apply(&work).await,
        Err(ApplyError::Denied { alone: false, begun: false, .. })
    ));
    assert!(!format!("{crm:?}").contains("another"));
}

#[tokio::test]
async fn e01_deals_that_were_won_are_asked_for_in_one_request() {
    let (_server, _, config) = world().await;
    let crm = Hook::new(&config).unwrap();
    let since = "2026-11-20T00:00:00Z".parse().unwrap();
    let all = crm.won(&WonSince { since, field: "communication_id" }).await.unwrap();
    assert_eq!((all[0].price, all[0].communication.as_ref()), (Some(12.5), Some(&"call-1".into())));
    let contact = all[0].contact.as_ref().unwrap();
    assert_eq!((contact.id.as_str(), contact.numbers[0].e164()), ("7", "+79161234567"));
    assert_eq!((&all[1].contact, all[1].price), (&None, None));
}

/// What the other system says wrongly, and what becomes of a look-up and of an action.
#[tokio::test]
async fn an_answer_that_says_nothing_is_no_answer() {
    let (_, _, config) = world().await;
    let case = case();
    let action = act(json!({"do": "tag", "on": "client", "tags": ["x"]}));
    let bound = Bound::default();
    let work = Work { key: "call/1/1", action: &action, case: &case, bound: &bound };
    let with = |status| ResponseTemplate::new(status);
    let moved = with(302).insert_header("Location", "https://elsewhere.example/");
    let busy = with(429).insert_header("Retry-After", "7");
    let table = [
        ("empty", with(200).set_body_json(json!({})), "understood", "lost"),
        (
            "a fault with 200",
            with(200).set_body_json(json!({"error": "db down"})),
            "understood",
            "lost",
        ),
        ("HTML", with(200).set_body_raw("<html>", "text/html"), "no JSON", "lost"),
        (
            "cut",
            with(200).set_body_raw("{\"client\": {\"id\"", "application/json"),
            "understood",
            "lost",
        ),
        ("no body", with(204), "understood", "lost"),
        ("401", with(401), "refuses our access", "denied"),
        ("402", with(402), "not paid", "denied"),
        ("403", with(403), "forbids", "denied"),
        ("404", with(404), "404", "refused"),
        ("429", busy, "429", "later 7"),
        ("500", with(500), "500", "lost"),
        ("503", with(503), "503", "later"),
        ("redirect", moved, "a redirect", "later"),
    ];
    for (what, answer, word, becomes) in table {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(answer).mount(&server).await;
        let crm = Hook::new(&HookConfig { url: server.uri(), ..config.clone() }).unwrap();
        let looked = crm.find(&phone("+79161234568")).await.unwrap_err().to_string();
        assert!(looked.contains(word), "{what}: {looked}");
        // A rest that was asked for is over.
        let crm = Hook::new(&HookConfig { url: server.uri(), ..config.clone() }).unwrap();
        let told = match crm.apply(&work).await {
            Err(ApplyError::Later { after: Some(after), .. }) => {
                format!("later {}", after.as_secs())
            }
            Err(ApplyError::Later { .. }) => "later".to_owned(),
            Err(ApplyError::Denied { .. }) => "denied".to_owned(),
            Err(ApplyError::Lost { .. }) => "lost".to_owned(),
            Err(ApplyError::Refused { .. }) => "refused".to_owned(),
            Ok(done) => format!("{done:?}"),
        };
        assert_eq!(told, becomes, "{what}");
    }
    let crm = Hook::new(&HookConfig { url: common::wrongly_certified(), ..config }).unwrap();
    assert!(matches!(crm.apply(&work).await, Err(ApplyError::Later { .. })));
}

/// A known client is missed and leaves a message; a stranger is answered, and his call is over.
fn story() -> Vec<Case> {
    use common::{answered, missed, over, recorded};
    let sound = Sound { url: "https://pbx.example/voicemail/1".into(), seconds: Some(4) };
    let lost = Case { call: "lost".into(), ..missed("+79161234567", Some(sound)) };
    let left = Case { event: Event::Voicemail, seq: 2, ..lost.clone() };
    let mut new = Case { call: "new".into(), ..answered("+79165550001", "27", "101") };
    new.fields.insert("utm_source".into(), "google".into());
    let ended = over(new.clone(), "27", "101");
    vec![lost, left, new, ended.clone(), recorded(ended)]
}

#[tokio::test]
async fn every_set_of_ours_goes_through_the_outbox_to_the_other_system() {
    for set in ["amocrm-classic", "retailcrm-matrix", "sipuni", "keycrm", "comagic"] {
        let (_server, other, config) = world().await;
        let config = HookConfig { timeout: Duration::from_secs(10), ..config };
        let crm = Arc::new(Hook::new(&config).unwrap());
        let folder = tempfile::TempDir::new().unwrap();
        let parts = crm_outbox::parts(crm, set, &folder, crm_outbox::prompt()).await;
        let sent = || std::mem::take(&mut *other.asked.lock().unwrap());
        let told = crm_outbox::dialogue(parts, story(), sent).await;
        insta::with_settings!({ snapshot_suffix => set }, { insta::assert_snapshot!(told) });
    }
}
