//! The button that calls.

use dozvon::core::campaign::order::{Kind, Stage, Target};
use dozvon::tokens::Scope;
use serde_json::json;

use crate::house::{House, path};

#[tokio::test]
async fn a13_e11_the_button_rings_the_employee_then_the_client_with_the_lines_number() {
    let house = House::new().await;
    let token = house.token("crm", &[Scope::Calls]).await;
    let token = [("authorization", token.as_str())];
    let click = json!({"employee": "101", "number": "8 916 123-45-67", "line": "main"});
    let got = house.json("/v1/calls", &click, &token).await;
    assert_eq!(got.status, 202, "{}", got.text);
    let begun = got.json();
    assert_eq!(begun["joined"], false);
    let orders = house.fake.orders();
    let order = orders.first().unwrap();
    assert_eq!((order.kind, order.policy.client_tries), (Kind::Click, 1));
    assert_eq!(order.targets, [Target::Employee("anna".into())]);
    assert_eq!((order.phone.e164(), order.line.as_deref()), ("+79161234567", Some("main")));

    house.fake.goes_on(Stage::DiallingClient, None);
    let status = house.get(&path(&begun["status"]), &token).await.json();
    assert_eq!(status["stage"], "dialling_client");
    let hangup = format!("{}/hangup", path(&begun["status"]));
    assert_eq!(house.post(&hangup, &token).await.json()["ending"], "cancelled");
    assert_eq!(house.post(&hangup, &token).await.status, 409);
    assert_eq!(house.get("/v1/calls/none", &token).await.status, 404);
}

#[tokio::test]
async fn d01_what_is_wrong_with_a_button_names_its_field() {
    let house = House::new().await;
    let token = house.token("crm", &[Scope::Calls]).await;
    let token = [("authorization", token.as_str())];
    let good = json!({"employee": "anna", "number": "+79161234567"});
    for (key, value, field) in [
        ("employee", "999", "employee"),
        ("employee", "gone", "employee"),
        ("employee", "boris", "employee"),
        ("number", "101", "number"),
        ("number", "+79161234567,user/102", "number"),
        ("number", "+78095551234", "number"),
        ("line", "none", "line"),
    ] {
        let mut click = good.clone();
        click[key] = value.into();
        let got = house.json("/v1/calls", &click, &token).await;
        assert_eq!((got.status, got.json()["field"].as_str()), (422, Some(field)), "{click}");
    }
    for body in [json!({}), json!([]), json!({"employee": "101", "number": "1", "more": 1})] {
        let got = house.json("/v1/calls", &body, &token).await;
        assert!((400..=422).contains(&got.status) && got.json()["detail"].is_string(), "{body}");
    }
    assert_eq!(house.fake.orders(), []);
}

#[tokio::test]
async fn a_button_pressed_twice_makes_one_call() {
    let house = House::new().await;
    let token = house.token("crm", &[Scope::Calls]).await;
    let head = [("authorization", token.as_str()), ("idempotency-key", "1")];
    let click = json!({"employee": "101", "number": "+79161234567"});
    let first = house.json("/v1/calls", &click, &head).await.json();
    assert_eq!(house.json("/v1/calls", &click, &head).await.json(), first);
    let second = house.json("/v1/calls", &click, &head[..1]).await.json();
    assert_eq!((&second["id"], &second["joined"]), (&first["id"], &true.into()));
}
