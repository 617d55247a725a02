//! Everything that can go wrong on the way, and what becomes of it.

use std::net::TcpListener;
use std::time::Duration;

use dozvon::core::action::Bound;
use dozvon::core::case::Event;
use dozvon::crm::keycrm::{KeyConfig, KeyCrm};
use dozvon::crm::{ApplyError, Crm, CrmError, Work};
use serde_json::json;
use wiremock::ResponseTemplate;

use crate::common::{no_store, raw, wrongly_certified};
use crate::fake::{Fake, Trouble, says};
use crate::house::{House, NEW, act, case, config, phone};

/// What a look-up and two actions say, one to the API and one of telephony.
async fn told(url: &str) -> [String; 3] {
    let crm = || KeyCrm::new(&config(url), no_store()).unwrap();
    let lookup = match crm().rough(true).caller(&phone(NEW)).await {
        Err(CrmError::Slow) => "slow".to_owned(),
        Err(CrmError::Fault(why) | CrmError::Access(why)) => why,
        Ok(found) => format!("{found:?}"),
    };
    let mut case = case(Event::Answered, NEW);
    let contact = act(json!({"do": "contact", "name": "x", "owner": "12"}));
    let contact = done(&crm(), &contact, &case).await;
    case.event = Event::Missed;
    case.ended = Some(case.at);
    let call = act(json!({"do": "register_call", "result": "missed"}));
    let nobody = KeyConfig { nobody: Some("100".into()), ..config(url) };
    [lookup, contact, done(&KeyCrm::new(&nobody, no_store()).unwrap(), &call, &case).await]
}

async fn done(
    crm: &KeyCrm,
    action: &dozvon::core::action::Action,
    case: &dozvon::core::case::Case,
) -> String {
    let bound = Bound::default();
    match crm.apply(&Work { key: "k", action, case, bound: &bound }).await {
        Err(ApplyError::Later { after, why }) => format!("later {after:?}: {why}"),
        Err(ApplyError::Denied { alone: false, why, .. }) => format!("denied all: {why}"),
        Err(ApplyError::Denied { alone: true, why, .. }) => format!("denied alone: {why}"),
        Err(ApplyError::Lost { why }) => format!("lost: {why}"),
        Err(ApplyError::Refused { why }) => format!("refused: {why}"),
        Ok(done) => format!("done: {}", done.what),
    }
}

async fn of(trouble: Trouble) -> [String; 3] {
    let fake = Fake::start().await;
    fake.trouble("", trouble, 99);
    told(&fake.server.uri()).await
}

#[tokio::test]
async fn the_table() {
    let html = ResponseTemplate::new(200).set_body_raw("<html>moved</html>", "text/html");
    let moved = ResponseTemplate::new(302).insert_header("Location", "https://elsewhere.example/");
    let error = |text: &str| json!({"message": text});
    let busy = || ResponseTemplate::new(429).set_body_json(error("Too Many Attempts."));
    let cut = raw(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{\"tot",
    );
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port())
    };
    let invalid = json!({"message": "The given data was invalid.",
        "errors": {"phone": ["has already been taken"]}});
    let later = "later None: ";
    let table = [
        ("slow", of(Trouble::Late(Duration::from_secs(3))).await, "slow", "lost: "),
        ("down", told(&gone).await, "cannot be reached", later),
        ("cut body", told(&cut).await, "lost", "lost: "),
        ("401", of(says(401, error("Unauthenticated."))).await, "refuses our access", "denied "),
        ("402", of(says(402, error("unpaid"))).await, "not paid", "denied all: "),
        ("403", of(says(403, error("no"))).await, "forbids", "denied alone: "),
        ("429", of(Trouble::Says(busy())).await, "429", later),
        (
            "429 after",
            of(Trouble::Says(busy().insert_header("Retry-After", "7"))).await,
            "429",
            "later Some(7s): ",
        ),
        ("500", of(says(500, error("Server Error"))).await, "500", "lost: "),
        ("redirect", of(Trouble::Says(moved)).await, "a redirect", later),
        ("422", of(says(422, invalid)).await, "phone: has already been taken", "refused: "),
        ("400", of(says(400, error("Leads are not enabled"))).await, "Leads", "refused: "),
    ];
    for (what, [lookup, contact, call], word, becomes) in &table {
        assert!(lookup.contains(word), "{what}: look-up: {lookup}");
        assert!(call.starts_with(becomes), "{what}: call: {call}");
        // It asks whether the client is there before it makes one: nothing can be done by then.
        let becomes = if *what == "500" { later } else { becomes };
        assert!(contact.starts_with(becomes), "{what}: contact: {contact}");
    }
    // The key of the API is one thing, the secret in the address of calls another.
    let [_, contact, call] = of(says(401, error("Unauthenticated."))).await;
    assert!(contact.starts_with("denied all: "), "{contact}");
    assert!(call.starts_with("denied alone: ") && call.contains("address of calls"), "{call}");
    for (what, trouble) in [("HTML", Trouble::Says(html)), ("a list", says(200, json!([1])))] {
        let [lookup, contact, call] = of(trouble).await;
        assert!(lookup.contains("cannot be understood"), "{what}: {lookup}");
        assert!(contact.starts_with("lost: "), "{what}: {contact}");
        assert!(call.starts_with("done: "), "{what}: any 2xx will do for a call: {call}");
    }
}

#[tokio::test]
async fn a_wrong_certificate_is_no_way() {
    let [lookup, contact, _] = told(&wrongly_certified()).await;
    assert!(lookup.contains("cannot be reached") && lookup.contains("ertificate"), "{lookup}");
    assert!(contact.starts_with("later None: "), "{contact}");
}

#[tokio::test]
async fn a_key_that_was_refused_is_read_anew_from_its_file() {
    let house = House::new().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "an old key\n").unwrap();
    let key_file = Some(file.path().to_owned());
    let config = KeyConfig { key: None, key_file, ..config(&house.fake.server.uri()) };
    let crm = KeyCrm::new(&config, no_store()).unwrap();
    let why = crm.find(&phone(NEW)).await.unwrap_err().to_string();
    assert!(why.contains("refuses our access"), "{why}");
    std::fs::write(file.path(), format!("{}\n", crate::fake::KEY)).unwrap();
    // It learns of it by the next refusal.
    assert!(crm.find(&phone(NEW)).await.is_err());
    assert_eq!(crm.find(&phone(NEW)).await.unwrap(), None);
}
