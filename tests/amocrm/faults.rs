//! What each failure means: to a look-up, and to an action that waits in the outbox.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use dozvon::core::action::{Action, Bound};
use dozvon::crm::amocrm::Amo;
use dozvon::crm::lazy::Lazy;
use dozvon::crm::{ApplyError, Crm, CrmError, Work};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{raw, wrongly_certified};
use crate::office::{CLOSED, OLGA, World, case, config, new_deal, phone};
use crate::request::Said;
use crate::server::Wrong;

/// A recorded answer.
fn recorded(name: &str) -> Said {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/amocrm/fixtures/errors");
    let text = std::fs::read_to_string(format!("{folder}/{name}.json")).unwrap();
    let recorded: Value = serde_json::from_str(&text).unwrap();
    let status = recorded["status"].as_u64().unwrap();
    let html = recorded["content_type"] == "text/html";
    let kind = if html { "text/html" } else { "application/problem+json" };
    Said { status: u16::try_from(status).unwrap(), body: recorded["body"].clone(), kind }
}

/// What a look-up says, and what an action is told.
async fn both(w: &World, wrong: impl Fn() -> Wrong) -> (CrmError, ApplyError) {
    let mut call = w.call("c1", CLOSED).await;
    w.server.fault("GET /api/v4/contacts", 1, wrong());
    let look_up = w.crm.find(&phone(OLGA)).await.unwrap_err();
    w.server.house().faults.clear();
    w.server.fault("POST /api/v4/leads", 1, wrong());
    let action = call.tries(new_deal()).await.unwrap_err();
    (look_up, action)
}

fn later(error: &ApplyError) -> Option<Option<Duration>> {
    match error {
        ApplyError::Later { after, .. } => Some(*after),
        _ => None,
    }
}

#[tokio::test]
async fn what_is_mended_one_day_waits_and_what_never_will_be_is_refused() {
    let w = World::new().await;
    for (name, word, waits) in [
        ("400_validation", "custom_fields_values.0.field_id: The value", false),
        ("401_unauthorized", "long-lived token is refused", true),
        ("402_unpaid", "not paid for", true),
        ("403_ip_block", "forbids", true),
        ("422_limit", "Limit 250 per page", false),
        ("500_trace", "amoCRM answered 500", true),
    ] {
        let (look_up, action) = both(&w, || Wrong::Answer(recorded(name))).await;
        assert!(look_up.to_string().contains(word), "{name}: {look_up}");
        assert!(action.to_string().contains(word), "{name}: {action}");
        match waits {
            // The change may have been made before it broke.
            true if name == "500_trace" => {
                assert!(matches!(action, ApplyError::Lost { .. }), "{name}: {action:?}");
            }
            true => {
                let ApplyError::Denied { alone, .. } = action else { panic!("{action:?}") };
                // It may be one right that is missing, or our address: a look tells.
                assert_eq!(alone, name == "403_ip_block", "{name}");
            }
            false => assert!(matches!(action, ApplyError::Refused { .. }), "{name}: {action:?}"),
        }
    }
}

#[tokio::test]
async fn a_429_says_in_header_or_body_or_not_at_all_when_to_come_back() {
    let header = || Wrong::With(recorded("429_not_json"), "Retry-After", "1".to_owned());
    let second = Some(Some(Duration::from_secs(1)));
    type Case = (fn() -> Said, bool, Option<Option<Duration>>);
    let cases: [Case; 3] = [
        (|| recorded("429_not_json"), false, Some(None)),
        (|| recorded("429_not_json"), true, second),
        (
            || {
                let mut said = recorded("429_problem_json");
                said.body["retry_after"] = json!(1);
                said
            },
            false,
            second,
        ),
    ];
    for (said, with_header, after) in cases {
        let w = World::new().await;
        let wrong = || if with_header { header() } else { Wrong::Answer(said()) };
        let (look_up, action) = both(&w, wrong).await;
        assert!(matches!(look_up, CrmError::Fault(_)), "{look_up:?}");
        assert_eq!(later(&action), after, "{action:?}");
        // After each of them nothing was sent for a second.
        let moments = w.server.house().moments.clone();
        assert_eq!(w.server.house().said.len(), 4, "the look-up, the client, his deals, the deal");
        let breath = Duration::from_millis(950);
        let gap = moments[moments.len() - 3] - moments[moments.len() - 4];
        assert!(gap >= breath, "{gap:?}");
        w.crm.find(&phone(OLGA)).await.unwrap();
        let moments = w.server.house().moments.clone();
        let gap = moments[moments.len() - 2] - moments[moments.len() - 3];
        assert!(gap >= breath, "{gap:?}");
    }
}

#[tokio::test]
async fn slow_html_and_a_redirect() {
    let w = World::new().await;
    let (look_up, action) = both(&w, || Wrong::Silent).await;
    assert!(matches!(look_up, CrmError::Slow), "{look_up:?}");
    assert!(matches!(action, ApplyError::Lost { .. }), "{action:?}");

    let page = || Said { status: 200, body: json!("<html>вход</html>"), kind: "text/html" };
    let (look_up, action) = both(&w, || Wrong::Answer(page())).await;
    assert!(look_up.to_string().contains("200 and no JSON"), "{look_up}");
    assert!(matches!(action, ApplyError::Lost { .. }), "{action:?}");

    let moved = || Said { status: 302, ..page() };
    let other = "https://elsewhere.example/".to_owned();
    let (look_up, action) = both(&w, || Wrong::With(moved(), "Location", other.clone())).await;
    assert!(look_up.to_string().contains("a redirect: is the address right?"), "{look_up}");
    assert_eq!(later(&action), Some(None), "nothing was done here: {action:?}");
}

/// What a look-up says at this address, and what an action is told.
async fn at(address: &str) -> (String, ApplyError) {
    let folder = TempDir::new().unwrap();
    let store = Arc::new(Lazy::new(folder.path().join("dozvon.sqlite")));
    let crm = Amo::new(&config(address.to_owned()), store).unwrap();
    let look_up = crm.find(&phone(OLGA)).await.unwrap_err().to_string();
    let note = json!({ "do": "note", "on": "client", "text": "!" });
    let action: Action = serde_json::from_value(note).unwrap();
    let bound = Bound { client: Some("7".into()), ..Bound::default() };
    let case = case("c1", OLGA);
    let work = Work { key: "k", action: &action, case: &case, bound: &bound };
    (look_up, crm.apply(&work).await.unwrap_err())
}

#[tokio::test]
async fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (look_up, action) = at(&address).await;
    assert!(look_up.contains("cannot be reached"), "{look_up}");
    assert_eq!(later(&action), Some(None), "nothing was sent: {action:?}");
}

#[tokio::test]
async fn a_body_that_is_cut_off() {
    let address = raw(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/hal+json\r\nContent-Length: 500\r\n\r\n{\"_pa",
    );
    let (look_up, action) = at(&address).await;
    assert!(look_up.contains("answer was lost"), "{look_up}");
    assert!(matches!(action, ApplyError::Lost { .. }), "it may be done: {action:?}");
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for() {
    let (look_up, action) = at(&wrongly_certified()).await;
    assert!(look_up.contains("cannot be reached") && look_up.contains("ertificate"), "{look_up}");
    assert_eq!(later(&action), Some(None), "nothing was sent: {action:?}");
}

#[tokio::test]
async fn e14_a_504_is_answered_with_smaller_pages() {
    let w = World::new().await;
    w.server.fault("GET /api/v4/users", 1, Wrong::Answer(Said::refused(504, "Gateway Timeout")));
    assert_eq!(w.crm.employees().await.unwrap().len(), 3);
    let asked = w.server.dialogue();
    assert!(asked[0].ends_with("limit=50") && asked[1].ends_with("limit=10"), "{asked:?}");
}
