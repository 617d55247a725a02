//! Everything that can go wrong on the way, and what becomes of it.

use std::net::TcpListener;
use std::time::Duration;

use dozvon::core::action::Bound;
use dozvon::core::case::Event;
use dozvon::crm::retailcrm::Retail;
use dozvon::crm::{ApplyError, Crm, CrmError, Work};
use serde_json::json;
use wiremock::ResponseTemplate;

use crate::common::{no_store, raw, wrongly_certified};
use crate::fake::{Fake, Trouble, says};
use crate::house::{NEW, act, case, config, phone};

/// What a look-up and an action say: `later 7s: …`.
async fn told(url: &str) -> (String, String) {
    let crm = Retail::new(&config(url), no_store()).unwrap();
    let lookup = match crm.rough(true).caller(&phone(NEW)).await {
        Err(CrmError::Slow) => "slow".to_owned(),
        Err(CrmError::Fault(why) | CrmError::Access(why)) => why,
        Ok(found) => format!("{found:?}"),
    };
    let crm = Retail::new(&config(url), no_store()).unwrap();
    let action = act(json!({"do": "register_call", "result": "missed"}));
    let mut case = case(Event::Missed, NEW);
    case.ended = Some(case.at);
    let bound = Bound::default();
    let work = Work { key: "k", action: &action, case: &case, bound: &bound };
    let action = match crm.apply(&work).await {
        Err(ApplyError::Later { after, why }) => format!("later {after:?}: {why}"),
        Err(ApplyError::Denied { alone: false, why, .. }) => format!("denied all: {why}"),
        Err(ApplyError::Denied { alone: true, why, .. }) => format!("denied alone: {why}"),
        Err(ApplyError::Lost { why }) => format!("lost: {why}"),
        Err(ApplyError::Refused { why }) => format!("refused: {why}"),
        Ok(done) => format!("done: {}", done.what),
    };
    (lookup, action)
}

async fn of(trouble: Trouble) -> (String, String) {
    let fake = Fake::start().await;
    fake.trouble("", trouble, 99);
    told(&fake.server.uri()).await
}

fn error(text: &str) -> serde_json::Value {
    json!({"success": false, "errorMsg": text})
}

#[tokio::test]
async fn the_table() {
    let html = ResponseTemplate::new(200).set_body_raw("<html>no such account</html>", "text/html");
    let moved = ResponseTemplate::new(302).insert_header("Location", "https://elsewhere.example/");
    let busy = || ResponseTemplate::new(429).set_body_json(error("Too many"));
    let cut = raw(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{\"succ",
    );
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port())
    };
    let table = [
        ("slow", of(Trouble::Late(Duration::from_secs(3))).await, "slow", "lost: "),
        ("down", told(&gone).await, "cannot be reached", "later None: "),
        ("cut body", told(&cut).await, "lost", "lost: "),
        ("401", of(says(401, error("no"))).await, "refuses our access", "denied all: "),
        ("402", of(says(402, error("unpaid"))).await, "not paid", "denied all: "),
        ("403", of(says(403, error("Access denied."))).await, "forbids", "denied alone: "),
        (
            "403 key",
            of(says(403, error("Wrong \"apiKey\" value."))).await,
            "our access",
            "denied all: ",
        ),
        ("429", of(Trouble::Says(busy())).await, "429", "later None: "),
        (
            "429 after",
            of(Trouble::Says(busy().insert_header("Retry-After", "7"))).await,
            "429",
            "later Some(7s): ",
        ),
        ("503", of(says(503, error("limit"))).await, "503", "later None: "),
        ("500", of(says(500, error("oops"))).await, "500", "lost: "),
        ("HTML", of(Trouble::Says(html)).await, "cannot be understood", "lost: "),
        ("redirect", of(Trouble::Says(moved)).await, "a redirect", "later None: "),
        ("not JSON's form", of(says(200, json!([1]))).await, "cannot be understood", "lost: "),
        (
            "refused with 200",
            of(says(200, error("Telephony not enabled"))).await,
            "Telephony not enabled",
            "refused: ",
        ),
        (
            "refused, map",
            of(says(
                400,
                json!({"success": false, "errorMsg": "Errors in the entity \
            format", "errors": {"calls[0].date": "blank"}}),
            ))
            .await,
            "calls[0].date: blank",
            "refused: ",
        ),
        (
            "refused, list",
            of(says(
                400,
                json!({"success": false, "errorMsg": "Errors",
            "errors": ["no phone"]}),
            ))
            .await,
            "no phone",
            "refused: ",
        ),
    ];
    for (what, (lookup, action), word, becomes) in &table {
        assert!(lookup.contains(word), "{what}: look-up: {lookup}");
        assert!(action.starts_with(becomes), "{what}: action: {action}");
    }
}

#[tokio::test]
async fn a_wrong_certificate_is_no_way() {
    let url = wrongly_certified();
    let (lookup, action) = told(&url).await;
    assert!(lookup.contains("cannot be reached") && lookup.contains("ertificate"), "{lookup}");
    assert!(action.starts_with("later None: "), "{action}");
}

#[tokio::test]
async fn a_key_that_was_refused_is_read_anew_from_its_file() {
    let house = crate::house::House::new().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "an old key\n").unwrap();
    let config = dozvon::crm::retailcrm::RetailConfig {
        key: None,
        key_file: Some(file.path().to_owned()),
        ..config(&house.fake.server.uri())
    };
    let crm = Retail::new(&config, no_store()).unwrap();
    let why = crm.find(&phone(NEW)).await.unwrap_err().to_string();
    assert!(why.contains("refuses our access"), "{why}");
    std::fs::write(file.path(), format!("{}\n", crate::fake::KEY)).unwrap();
    // It learns of it by the next refusal.
    assert!(crm.find(&phone(NEW)).await.is_err());
    assert_eq!(crm.find(&phone(NEW)).await.unwrap(), None);
}

#[tokio::test]
async fn a_key_without_telephony_holds_nothing_else_up() {
    let house = crate::house::House::new().await;
    let case = house.case(Event::Missed, crate::house::OLGA).await;
    let case = dozvon::core::case::Case { ended: Some(case.at), ..case };
    house.fake.trouble("telephony", says(403, error("Access denied.")), 99);
    let register = act(json!({"do": "register_call", "result": "missed"}));
    match house.try_apply(&register, &case).await {
        Err(ApplyError::Denied { alone: true, why, .. }) => {
            assert!(why.contains("right to telephony"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    let notify = act(json!({"do": "notify", "to": {"these": ["13"]}, "text": "x"}));
    house.try_apply(&notify, &case).await.unwrap();
}
