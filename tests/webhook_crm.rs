//! Any other CRM, by signed requests.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dozvon::core::action::{Action, Bound};
use dozvon::core::case::{Case, Event, Known};
use dozvon::core::facts::Direction;
use dozvon::core::phone::{Phone, Region};
use dozvon::core::staff::{Number, Status};
use dozvon::crm::webhook::{Hook, HookConfig};
use dozvon::crm::{ApplyError, Crm, WonSince, Work};
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
            _ if ask["action"]["do"] == "note" => {
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
async fn what_it_refuses_is_shown_with_its_reason_and_a_wrong_secret_waits_for_somebody() {
    let (_server, _, config) = world().await;
    let crm = Hook::new(&config).unwrap();
    let (action, case) = (act(json!({"do": "note", "on": "client", "text": "x"})), case());
    let bound = Bound::default();
    let work = Work { key: "call/1/1", action: &action, case: &case, bound: &bound };
    match crm.apply(&work).await {
        Err(ApplyError::Refused { why }) => assert!(why.contains("no notes here"), "{why}"),
        other => panic!("{other:?}"),
    }
    let wrong = HookConfig { secret: Some("another".to_owned().into()), ..config };
    let crm = Hook::new(&wrong).unwrap();
    assert!(matches!(crm.apply(&work).await, Err(ApplyError::Later { .. })));
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
