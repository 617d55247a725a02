//! What is sent has the shape that the official client sends.

use dozvon::core::action::Bound;
use dozvon::core::case::Event;
use serde_json::{Value, json};

use crate::fake::Seen;
use crate::house::{House, NEW, OLGA, act, over};

/// Keys of the documents that the fixture of a request happens not to have.
fn documented(path: &str) -> &'static [&'static str] {
    match path {
        "tasks/create" => &["commentary", "datetime", "complete", "order", "phone", "id"],
        "tasks/edit" => &["complete"],
        "customers/create" => &["source", "id"],
        "customers/notes/create" => &["id", "site"],
        "customers/edit" => &["managerId", "source", "customFields"],
        "orders/create" => &["externalId", "managerComment", "source", "call", "customFields"],
        "orders/edit" => &["managerId", "status", "call"],
        "customers-corporate/create" => &["id"],
        "telephony/call/event" => &["callExternalId", "hangupStatus", "externalPhone"],
        "telephony/calls/upload" => &["externalPhone"],
        "notifications/send" => &["userIds"],
        _ => &[],
    }
}

fn same_shape(at: &str, ours: &Value, theirs: &Value, more: &[&str]) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            for (key, value) in ours {
                match theirs.get(key) {
                    // What stands in there are the codes of an account.
                    Some(_) if key == "customFields" => assert!(value.is_object(), "{at}.{key}"),
                    Some(there) => same_shape(&format!("{at}.{key}"), value, there, more),
                    None => assert!(more.contains(&key.as_str()), "{at}: no key {key} there"),
                }
            }
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            let first = theirs.first();
            ours.iter().for_each(|one| {
                first.into_iter().for_each(|first| same_shape(at, one, first, more));
            });
        }
        (ours, theirs) => {
            let same = std::mem::discriminant(ours) == std::mem::discriminant(theirs);
            assert!(same, "{at}: {ours} is not of the kind of {theirs}");
        }
    }
}

fn check(seen: &[Seen], path: &str, fixture: &str) {
    let fixture: Value = serde_json::from_str(fixture).unwrap();
    let theirs = fixture["request"]["form"].as_object().unwrap();
    let (first, last) = path.rsplit_once('/').unwrap();
    let ours = seen.iter().filter(|seen| {
        let sent = seen.path.trim_start_matches("/api/v5/");
        seen.method == "POST"
            && sent.starts_with(first)
            && sent.ends_with(last)
            && (last == "edit" || sent == path)
    });
    let mut many = 0;
    for seen in ours {
        many += 1;
        for (field, text) in &seen.form {
            match theirs.get(field).map(|there| there.get("@json").unwrap_or(there)) {
                Some(Value::String(_)) => {}
                Some(there) => {
                    let ours = serde_json::from_str(text).unwrap();
                    same_shape(&format!("{path}: {field}"), &ours, there, documented(path));
                }
                None => panic!("{path}: no field {field} there"),
            }
        }
    }
    assert!(many > 0, "{path} was never sent");
}

#[tokio::test]
async fn every_request_that_changes_something() {
    let house = House::new().await;
    let case = house.case(Event::Answered, NEW).await;
    let mut bound = Bound::default();
    for (n, action) in [
        json!({"do": "contact", "name": "x", "owner": "12", "tags": ["a"],
            "fields": {"utm_source": "ya"}}),
        json!({"do": "company", "name": "Окна"}),
        json!({"do": "deal", "title": "x", "owner": "12", "stage": "new", "pipeline": "b2b",
            "fields": {"utm_source": "ya"}}),
        json!({"do": "task", "kind": "k", "on": "deal", "text": "x", "owner": "11",
            "due": "2026-11-20T12:00:00Z", "done": true}),
        json!({"do": "notify", "to": {"these": ["13"]}, "text": "x", "link": "deal"}),
        json!({"do": "tag", "on": "client", "tags": ["vip"]}),
        json!({"do": "fields", "on": "client", "touch": "last", "fields": {"utm_source": "b"}}),
        json!({"do": "fields", "on": "deal", "touch": "last", "fields": {"page": "b"}}),
        json!({"do": "change_owner", "of": "deal", "to": "11"}),
        json!({"do": "note", "on": "client", "text": "x"}),
    ]
    .into_iter()
    .enumerate()
    {
        house.apply(&format!("call/1/{n}"), &act(action), &case, &mut bound).await;
    }
    let ended = over(case.clone(), "12", "102");
    let register = act(json!({"do": "register_call", "result": "answered", "who": "12"}));
    house.apply("call/2/1", &register, &ended, &mut bound).await;
    let olga = house.case(Event::Answered, OLGA).await;
    let company = act(json!({"do": "company", "name": "Окна"}));
    house.apply("call2/1/1", &company, &olga, &mut Bound::default()).await;
    let seen = &house.fake.state().all.clone();
    macro_rules! checked {
        ($($path:literal => $file:literal),* $(,)?) => {
            $(check(seen, $path, include_str!(concat!("fixtures/", $file, ".json")));)*
        };
    }
    checked! {
        "customers/create" => "CustomersTest_testCustomersCreate",
        "customers/edit" => "CustomersTest_testCustomersEditTags",
        "customers/notes/create" => "CustomersTest_testCustomersNotesCreate",
        "customers-corporate/create" => "CustomersCorporateTest_testCreate",
        "orders/create" => "OrdersTest_testCreate",
        "orders/edit" => "OrdersTest_testEdit",
        "tasks/create" => "TasksTest_testCreate",
        "tasks/edit" => "TasksTest_testEdit",
        "notifications/send" => "NotificationsTest_testSend",
        "telephony/call/event" => "TelephonyTest_testCallEvent",
        "telephony/calls/upload" => "TelephonyTest_testCallsUpload",
    }
    let contacts = include_str!("fixtures/CustomersCorporateTest_testContactsCreate.json");
    let path = seen.iter().find(|seen| seen.path.ends_with("contacts/create")).unwrap();
    check(seen, path.path.trim_start_matches("/api/v5/"), contacts);
}
