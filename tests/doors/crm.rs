//! What a CRM calls by itself.

use std::sync::atomic::Ordering;
use std::time::Duration;

use dozvon::core::campaign::order::{Kind, Target};

use crate::house::{CRM_SECRET, House, request};

fn at(what: &str) -> String {
    format!("/crm/shop/{CRM_SECRET}/{what}")
}

#[tokio::test]
async fn a13_the_button_of_the_crm_rings_its_user_then_the_client() {
    let house = House::new().await;
    let call = at("call?clientId=shop&userId=27&code=101&phone=79161234567");
    assert_eq!(house.get(&call, &[]).await.status, 200);
    // Known by his extension only, on the line of the number he called by.
    let call = at("call?code=101&phone=89161234568&externalPhone=74951111111");
    assert_eq!(house.get(&call, &[]).await.status, 200);
    let orders = house.fake.orders();
    let told: Vec<_> = orders.iter().map(|o| (o.phone.e164(), o.line.as_deref())).collect();
    assert_eq!(told, [("+79161234567", Some("other")), ("+79161234568", Some("main"))]);
    assert_eq!(orders[0].kind, Kind::Click);
    assert_eq!(orders[0].targets, [Target::Employee("27".into())]);
}

#[tokio::test]
async fn fields_of_a_form_do_as_well() {
    let house = House::new().await;
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let got =
        house.ask(request("POST", &at("call"), &form, "userId=27&phone=%2B79161234567")).await;
    assert_eq!(got.status, 200, "{}", got.text);
    assert_eq!(house.fake.orders().len(), 1);
}

#[tokio::test]
async fn who_does_not_know_the_secret_calls_nobody() {
    let house = House::new().await;
    for address in [
        "/crm/shop/0123456789abcdee/call?userId=27&phone=79161234567".to_owned(),
        "/crm/shop//call?userId=27&phone=79161234567".to_owned(),
        format!("/crm/other/{CRM_SECRET}/call?userId=27&phone=79161234567"),
        format!("/crm/other/{CRM_SECRET}/status"),
    ] {
        assert_eq!(house.get(&address, &[]).await.status, 404, "{address}");
    }
    for (query, status) in [("userId=28&phone=79161234567", 422), ("userId=27&phone=x", 422)] {
        assert_eq!(house.get(&at(&format!("call?{query}")), &[]).await.status, status, "{query}");
    }
    assert_eq!(house.fake.orders(), []);
}

#[tokio::test]
async fn e10_a_status_that_changes_is_asked_for_at_once() {
    let house = House::new().await;
    let before = house.crm.0.load(Ordering::SeqCst);
    assert_eq!(house.get(&at("status?userId=27&status=dinner"), &[]).await.status, 200);
    while house.crm.0.load(Ordering::SeqCst) == before {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(house.get(&at("activity?clientId=shop"), &[]).await.status, 200);
}

#[tokio::test]
async fn keycrm_presses_in_json_and_hangs_up_what_it_began() {
    let house = House::new().await;
    let json = [("content-type", "application/json")];
    let press = r#"{"caller":"101","destination_number":"380501234567"}"#;
    let got = house.ask(request("POST", &at("call"), &json, press)).await;
    let told = got.json();
    assert_eq!((got.status, &told["success"]), (200, &true.into()), "{}", got.text);
    assert_eq!(house.fake.orders()[0].phone.e164(), "+380501234567");
    assert_eq!(house.fake.orders()[0].targets, [Target::Employee("27".into())]);
    let id = told["call_id"].as_str().unwrap().to_owned();
    // Again, and one that is no call of ours: still no mistake.
    let bodies = [
        format!(r#"{{"call":{{"id":"{id}"}}}}"#),
        format!(r#"{{"call_id":"{id}"}}"#),
        r#"{"call":{"call_id":"c-1"}}"#.to_owned(),
        r#"{"call":{"caller":"101"}}"#.to_owned(),
    ];
    for body in bodies {
        let got = house.ask(request("POST", &at("hangup"), &json, body.clone())).await;
        assert_eq!(
            (got.status, &got.json()["success"]),
            (200, &true.into()),
            "{body}: {}",
            got.text
        );
    }
    let again = house.get(&format!("/crm/other/{CRM_SECRET}/hangup"), &[]).await;
    assert_eq!(again.status, 404);
    let press = r#"{"caller":"999","destination_number":"380501234567"}"#;
    assert_eq!(house.ask(request("POST", &at("call"), &json, press)).await.status, 422);
    assert_eq!(house.fake.orders().len(), 1);
}

#[tokio::test]
async fn what_changed_is_told_in_json_too_and_with_the_right_secret_only() {
    let house = House::new().await;
    let json = [("content-type", "application/json")];
    let body = r#"{"event":"order.change_order_status","context":{"id":7,"client_id":42,"tags":["a","b"],"gone":null}}"#;
    let wrong = "/crm/shop/another-secret/changes";
    assert_eq!(house.ask(request("POST", wrong, &json, body)).await.status, 404);
    assert!(house.crm.1.lock().unwrap().is_empty());
    assert_eq!(house.ask(request("POST", &at("changes"), &json, body)).await.status, 200);
    let mut told = house.crm.1.lock().unwrap().clone();
    told.sort();
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let expected = [
        pair("context[client_id]", "42"),
        pair("context[id]", "7"),
        pair("context[tags][0]", "a"),
        pair("context[tags][1]", "b"),
        pair("event", "order.change_order_status"),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn thousands_of_changes_in_one_body_are_taken_and_what_has_no_end_is_refused() {
    let house = House::new().await;
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let letters = "%D0%9A%D0%BB%D0%B8%D0%B5%D0%BD%D1%82".repeat(20);
    let body: Vec<String> = (0..1000)
        .map(|n| format!("leads[update][{n}][id]={n}&leads[update][{n}][name]={letters}"))
        .collect();
    let body = body.join("&");
    assert!(body.len() > 700_000, "{}", body.len());
    assert_eq!(house.ask(request("POST", &at("changes"), &form, body)).await.status, 200);
    assert_eq!(house.crm.1.lock().unwrap().len(), 2000);
    let endless = "a=".to_owned() + &"b".repeat(3 * 1024 * 1024);
    assert_eq!(house.ask(request("POST", &at("changes"), &form, endless)).await.status, 413);
    let form_elsewhere = "a=".to_owned() + &"b".repeat(100 * 1024);
    assert_eq!(house.ask(request("POST", &at("call"), &form, form_elsewhere)).await.status, 413);
}
