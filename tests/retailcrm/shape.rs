//! What is sent has the shape that the official client sends. The fake looks at every request.

use dozvon::core::action::Bound;
use dozvon::core::case::Event;
use serde_json::{Value, json};

use crate::fake::Seen;
use crate::house::{House, NEW, OLGA, act, over};

/// A request of the official client, and what else its documents and models have.
struct Known {
    method: &'static str,
    /// `*` stands for an id or a code.
    path: &'static str,
    fixture: Option<&'static str>,
    more: &'static [&'static str],
}

macro_rules! known {
    ($($method:ident $path:literal, $(($file:literal))? [$($more:literal),*];)*) => {
        &[$(Known {
            method: stringify!($method),
            path: $path,
            fixture: [$(include_str!(concat!("fixtures/", $file, ".json")),)?].first().copied(),
            more: &[$($more),*],
        }),*]
    };
}

const KNOWN: &[Known] = known! {
    GET "credentials", ("ApiTest_testCredentials") [];
    GET "telephony/manager", ("TelephonyTest_testManager") [];
    GET "customers", ("CustomersTest_testCustomersList") ["filter[ids]"];
    GET "customers/*", [ "by", "site"];
    GET "customers/notes", ("CustomersTest_testCustomersNotes") ["filter[customerIds]"];
    GET "customers/history", ("CustomersTest_testCustomersHistory") ["filter[startDate]"];
    GET "customers-corporate", ("CustomersCorporateTest_testList")
        ["filter[companyName]", "filter[contactIds]"];
    GET "customers-corporate/*", ["by", "site"];
    GET "customers-corporate/*/contacts", ["by", "site", "limit"];
    GET "customers-corporate/history", ("CustomersCorporateTest_testHistory") ["filter[startDate]"];
    GET "orders", ("OrdersTest_testList")
        ["filter[customerId]", "filter[customer]", "filter[extendedStatus]",
            "filter[statusUpdatedAtFrom]", "limit", "page"];
    GET "orders/*", ["by", "site"];
    GET "orders/history", ("OrdersTest_testHistory") ["filter[startDate]"];
    GET "tasks", ("TasksTest_testList")
        ["filter[customer]", "filter[createdAtFrom]", "limit", "page"];
    GET "users", ("UsersTest_testList") ["limit", "page"];
    GET "custom-fields", ["limit", "page"];
    GET "reference/statuses", ("ReferencesTest_testStatuses") [];
    GET "reference/sites", [];
    GET "reference/order-methods", [];
    GET "reference/order-types", [];
    GET "integration-modules/*", [];
    POST "customers/create", ("CustomersTest_testCustomersCreate") ["source", "id"];
    POST "customers/*/edit", ("CustomersTest_testCustomersEditTags")
        ["managerId", "source", "customFields"];
    POST "customers/notes/create", ("CustomersTest_testCustomersNotesCreate") ["id", "site"];
    POST "customers-corporate/create", ("CustomersCorporateTest_testCreate") ["id"];
    POST "customers-corporate/*/contacts/create", ("CustomersCorporateTest_testContactsCreate") [];
    POST "orders/create", ("OrdersTest_testCreate")
        ["externalId", "managerComment", "source", "call", "customFields"];
    POST "orders/*/edit", ("OrdersTest_testEdit")
        ["managerId", "status", "call", "source", "customFields", "managerComment"];
    POST "tasks/create", ("TasksTest_testCreate")
        ["commentary", "datetime", "complete", "order", "phone", "id"];
    POST "tasks/*/edit", ("TasksTest_testEdit") ["complete"];
    POST "notifications/send", ("NotificationsTest_testSend") ["userIds"];
    POST "telephony/call/event", ("TelephonyTest_testCallEvent")
        ["callExternalId", "hangupStatus", "externalPhone"];
    POST "telephony/calls/upload", ("TelephonyTest_testCallsUpload") ["externalPhone"];
    POST "integration-modules/*/edit", ("IntegrationTests_testMgTransportEdit")
        ["active", "telephony"];
};

/// The telephony part of a module, as its documents have it.
fn telephony() -> Value {
    json!({"makeCallUrl": "https://tel.example.com/make-call", "allowEdit": false,
        "inputEventSupported": true, "outputEventSupported": true, "hangupEventSupported": true,
        "changeUserStatusUrl": "https://tel.example.com/status",
        "additionalCodes": [{"userId": "27", "code": "101"}],
        "externalPhones": [{"siteCode": "shop1", "externalPhone": "+74951234567"}]})
}

/// What is wrong with a request.
pub fn wrong(seen: &Seen) -> Vec<String> {
    let path = seen.path.trim_start_matches("/api/").trim_start_matches("v5/");
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |known: &&Known| {
        let theirs: Vec<&str> = known.path.split('/').collect();
        let same = |(a, b): (&&str, &&str)| a == b || *a == "*";
        known.method == seen.method
            && theirs.len() == parts.len()
            && theirs.iter().zip(&parts).all(same)
    };
    // The exact one before one with an id in its place.
    let known = KNOWN.iter().filter(fits).min_by_key(|known| known.path.contains('*'));
    let Some(known) = known else { return vec![format!("there is no {} {path}", seen.method)] };
    let fixture = known.fixture.map(|text| serde_json::from_str(text).unwrap());
    let fixture: Value = fixture.unwrap_or_default();
    let mut wrong = Vec::new();
    let unversioned = known.path == "credentials";
    if unversioned == seen.path.starts_with("/api/v5/") {
        wrong.push(format!("{}: another version", seen.path));
    }
    query(seen, known, &fixture, &mut wrong);
    let theirs = fixture["request"]["form"].as_object().cloned().unwrap_or_default();
    for (field, text) in &seen.form {
        let at = format!("{path}: {field}");
        match theirs.get(field).map(|there| there.get("@json").unwrap_or(there)) {
            Some(Value::String(_)) => {}
            Some(there) => match serde_json::from_str(text) {
                Ok(ours) => same_shape(&at, &ours, there, known.more, &mut wrong),
                Err(error) => wrong.push(format!("{at}: {error}")),
            },
            None => wrong.push(format!("{path}: there is no field {field}")),
        }
    }
    wrong
}

fn query(seen: &Seen, known: &Known, fixture: &Value, wrong: &mut Vec<String>) {
    let name = |key: &str| match key.strip_suffix(']').and_then(|key| key.rsplit_once('[')) {
        // The place in a list.
        Some((list, place)) if place.parse::<u32>().is_ok() => list.to_owned(),
        _ => key.to_owned(),
    };
    let flat = fixture["request"]["query_flat"].as_object().cloned().unwrap_or_default();
    let theirs: Vec<String> = flat.keys().map(|key| name(key)).collect();
    for (key, value) in &seen.query {
        let key = name(key);
        if !theirs.contains(&key) && !known.more.contains(&&*key) {
            wrong.push(format!("{} knows no {key}", known.path));
        }
        let right = match key.as_str() {
            "limit" => matches!(value.as_str(), "20" | "50" | "100"),
            "page"
            | "filter[sinceId]"
            | "filter[ids]"
            | "filter[customerIds]"
            | "filter[contactIds]"
            | "filter[customerId]"
            | "filter[performers]" => value.parse::<u64>().is_ok_and(|number| number > 0),
            "by" => matches!(value.as_str(), "id" | "externalId"),
            "details" | "ignoreStatus" => matches!(value.as_str(), "0" | "1"),
            "filter[status]" => matches!(value.as_str(), "performing" | "completed"),
            "filter[startDate]" | "filter[createdAtFrom]" | "filter[statusUpdatedAtFrom]" => {
                value.len() == 19 && value.parse::<jiff::civil::DateTime>().is_ok()
            }
            _ => !value.is_empty(),
        };
        if !right {
            wrong.push(format!("{}: {key} is never `{value}`", known.path));
        }
    }
}

fn same_shape(at: &str, ours: &Value, theirs: &Value, more: &[&str], wrong: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            for (key, value) in ours {
                let at = format!("{at}.{key}");
                match theirs.get(key) {
                    // What stands in there are the codes of an account.
                    _ if key == "customFields" && value.is_object() => {}
                    _ if key == "telephony" => same_shape(&at, value, &telephony(), &[], wrong),
                    Some(there) => same_shape(&at, value, there, more, wrong),
                    None if more.contains(&key.as_str()) => {}
                    None => wrong.push(format!("{at}: there is no such key")),
                }
            }
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            let first = theirs.first();
            for one in ours {
                first.into_iter().for_each(|first| same_shape(at, one, first, more, wrong));
            }
        }
        (ours, theirs) => {
            if std::mem::discriminant(ours) != std::mem::discriminant(theirs) {
                wrong.push(format!("{at}: {ours} is not of the kind of {theirs}"));
            }
        }
    }
}

#[test]
fn a_request_that_no_client_sends_is_noticed() {
    let seen = |method: &str, path: &str, query: &str, form: &str| Seen {
        method: method.into(),
        path: format!("/api/{path}"),
        query: crate::fake::pairs(query),
        form: crate::fake::pairs(form),
    };
    for (bad, word) in [
        (seen("GET", "v5/customers", "filter[phone]=1", ""), "knows no filter[phone]"),
        (seen("GET", "v5/orders", "limit=30", ""), "limit is never `30`"),
        (seen("GET", "v5/tasks", "filter[status]=open", ""), "filter[status] is never `open`"),
        (seen("GET", "v5/credentials", "", ""), "another version"),
        (seen("GET", "v5/nothing", "", ""), "there is no GET nothing"),
        (seen("POST", "v5/tasks/create", "", "task={\"performer\":1}"), "no such key"),
        (seen("POST", "v5/tasks/create", "", "task={\"text\":1}"), "not of the kind"),
        (seen("POST", "v5/tasks/create", "", "job={}"), "there is no field job"),
        (
            seen(
                "POST",
                "v5/integration-modules/x/edit",
                "",
                "integrationModule={\"integrations\":{\"telephony\":{\"callUrl\":\"x\"}}}",
            ),
            "telephony.callUrl: there is no such key",
        ),
    ] {
        let told = wrong(&bad);
        assert!(told.iter().any(|wrong| wrong.contains(word)), "{word}: {told:?}");
    }
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
    house.crm.install("https://pbx.example/crm", "shop", &["+74951111111".into()]).await.unwrap();
    // The fake has looked at each; here it is only seen that each was sent.
    let state = house.fake.state();
    for known in KNOWN.iter().filter(|known| known.method == "POST") {
        let (first, last) = known.path.split_once('*').unwrap_or((known.path, ""));
        let sent = state.all.iter().any(|seen| {
            let path = seen.path.trim_start_matches("/api/v5/");
            seen.method == "POST" && path.starts_with(first) && path.ends_with(last)
        });
        assert!(sent, "{} was never sent", known.path);
    }
}
