//! Web forms.

use dozvon::core::campaign::order::{Kind, Target};
use serde_json::json;

use crate::house::{House, request};

#[tokio::test]
async fn a14_a_form_is_taken_and_all_of_it_stands_in_the_order() {
    let house = House::new().await;
    let body = json!({
        "site": "shop", "phone": "8 916 123-45-67", "name": "Иван", "comment": "Окна в офис",
        "department": "Service", "page": "https://shop.example/windows?utm_source=yandex",
        "utm_source": "yandex", "ua_client_id": "17.18", "city": "Тверь",
    });
    let got = house.form(&body).await;
    assert_eq!(got.status, 202, "{}", got.text);
    let answer = got.json();
    let id = answer["id"].as_str().unwrap();
    let token = answer["token"].as_str().unwrap();
    let status = format!("https://pbx.example/v1/callbacks/{id}?token={token}");
    assert_eq!(answer["status"], status);
    assert_eq!(got.header("location"), status);
    let orders = house.fake.orders();
    let order = orders.first().unwrap();
    assert_eq!((order.kind, order.site.as_str()), (Kind::Form, "shop"));
    assert_eq!((order.phone.e164(), order.line.as_deref()), ("+79161234567", Some("main")));
    assert_eq!(order.targets, [Target::Employee("anna".into())], "A15: the department's");
    assert_eq!(order.name.as_deref(), Some("Иван"), "A19");
    let fields: Vec<_> = order.fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let page = "page=https://shop.example/windows?utm_source=yandex";
    let ours = ["city=Тверь", "department=Service", page, "site=shop"];
    assert_eq!(fields[..4], ours, "A20");
    assert_eq!(fields[4..], ["ua_client_id=17.18", "utm_source=yandex"], "A20");
}

#[tokio::test]
async fn a14_a_plain_html_form_works_and_leads_on_to_a_page_of_the_site() {
    let house = House::new().await;
    let send = async |redirect: &str| {
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let origin = ("origin", "https://shop.example");
        let body = format!("site=shop&phone=%2B79161234567&name=Ivan&redirect={redirect}");
        house.ask(request("POST", "/v1/callbacks", &[kind, origin], body)).await
    };
    let got = send("https%3A%2F%2Fshop.example%2Fthanks%3Fa%3D1").await;
    assert_eq!((got.status, got.header("location")), (303, "https://shop.example/thanks?a=1"));
    assert_eq!(house.fake.orders().len(), 1);
    for evil in [
        "https%3A%2F%2Fevil.example",
        "https%3A%2F%2Fshop.example.evil.example",
        "https%3A%2F%2Fshop.example%40evil.example",
        "%2F%2Fevil.example",
        "javascript%3Aalert(1)",
        "https%3A%2F%2Fshop.example%2F%0D%0ASet-Cookie%3Aa",
    ] {
        let got = send(evil).await;
        assert_eq!((got.status, got.json()["field"].as_str()), (422, Some("redirect")), "{evil}");
    }
    assert_eq!(house.fake.orders().len(), 1);
}

#[tokio::test]
async fn the_same_form_again_is_one_and_a_second_one_of_a_phone_joins() {
    let house = House::new().await;
    let body = json!({"site": "shop", "phone": "+79161234567", "name": "Иван"});
    let once = [("idempotency-key", "abc")];
    let first = house.json("/v1/callbacks", &body, &once).await.json();
    let again = house.json("/v1/callbacks", &body, &once).await.json();
    assert_eq!(first, again);
    let field = json!({"site": "shop", "phone": "+79161234567", "idempotency_key": "abc"});
    assert_eq!(house.form(&field).await.json()["id"], first["id"], "the field does the same");
    assert_eq!(house.fake.orders().len(), 1);
    // The key is the site's own.
    let other = json!({"site": "letters", "phone": "+79161234568", "idempotency_key": "abc"});
    assert_ne!(house.form(&other).await.json()["id"], first["id"]);
}

#[tokio::test]
async fn a_second_form_joins_and_too_many_for_a_phone_have_to_wait() {
    let house = House::new().await;
    let body = json!({"site": "shop", "phone": "+79161234567"});
    let first = house.form(&body).await.json();
    assert_eq!(house.form(&body).await.json()["id"], first["id"]);
    house.form(&body).await;
    let got = house.form(&body).await;
    assert_eq!((got.status, got.json()["title"].as_str()), (429, Some("too many forms")));
    let wait: u64 = got.header("retry-after").parse().unwrap();
    assert!((1190..=1201).contains(&wait), "{wait}");
    assert_eq!(house.fake.orders().len(), 3, "one, and two that joined");
    let other = json!({"site": "shop", "phone": "+79161234568"});
    assert_eq!(house.form(&other).await.status, 202);
}

#[tokio::test]
async fn too_many_forms_from_one_address_have_to_wait_whatever_it_says_of_itself() {
    let house = House::new().await;
    let send = async |n: u32, said: &str| {
        let body = json!({"site": "letters", "phone": format!("+7916123456{n}")});
        house.json("/v1/callbacks", &body, &[("x-forwarded-for", said)]).await.status
    };
    assert_eq!(send(1, "203.0.113.1").await, 202);
    assert_eq!(send(2, "203.0.113.2").await, 202);
    assert_eq!(send(3, "203.0.113.3").await, 429, "its own word for it is not taken");
}

#[tokio::test]
async fn a_robot_is_told_that_all_is_well_and_nothing_is_done() {
    let house = House::new().await;
    let body = json!({"site": "shop", "phone": "+79161234567", "website": "http://spam"});
    let got = house.form(&body).await;
    assert_eq!(got.status, 202);
    let person = house.form(&json!({"site": "shop", "phone": "+79161234567"})).await.json();
    let answer = got.json();
    let keys = |v: &serde_json::Value| v.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&answer), keys(&person), "it cannot tell the difference");
    assert_eq!(house.fake.orders().len(), 1);
}

#[tokio::test]
async fn a_wrong_field_is_named_and_nothing_is_taken() {
    let house = House::new().await;
    for (body, field) in [
        (json!({"phone": "+79161234567"}), "site"),
        (json!({"site": "shops", "phone": "+79161234567"}), "site"),
        (json!({"site": "shop"}), "phone"),
        (json!({"site": "shop", "phone": "tomorrow"}), "phone"),
        (json!({"site": "shop", "phone": "+375291234567"}), "phone"),
        (json!({"site": "shop", "phone": "+78095551234"}), "phone"),
        (json!({"site": "shop", "phone": "+79161234567", "name": "a\u{7}"}), "name"),
        (json!({"site": "shop", "phone": "+79161234567", "wanted": "later"}), "wanted"),
        (json!({"site": "shop", "phone": "+79161234567", "x": {"y": 1}}), "x"),
    ] {
        let got = house.form(&body).await;
        assert_eq!((got.status, got.json()["field"].as_str()), (422, Some(field)), "{body}");
        assert_eq!(got.header("content-type"), "application/problem+json");
    }
    assert_eq!(house.fake.orders(), []);
}

#[tokio::test]
async fn a_store_that_fails_is_told_as_such_so_that_the_page_sends_it_again() {
    let house = House::new().await;
    house.fake.breaks(true);
    let body = json!({"site": "shop", "phone": "+79161234567"});
    let got = house.form(&body).await;
    assert_eq!((got.status, got.json()["title"].as_str()), (503, Some("the store failed")));
    assert!(!got.header("retry-after").is_empty());
    house.fake.breaks(false);
    assert_eq!(house.form(&body).await.status, 202);
}

#[tokio::test]
async fn only_a_sites_own_pages_may_send_its_forms() {
    let house = House::new().await;
    let body = json!({"site": "shop", "phone": "+79161234567"});
    let from = async |origin: &str| {
        let got = house.json("/v1/callbacks", &body, &[("origin", origin)]).await;
        (got.status, got.header("access-control-allow-origin").to_owned())
    };
    assert_eq!(from("https://shop.example").await, (202, "https://shop.example".into()));
    assert_eq!(from("https://pbx.example").await, (202, "https://pbx.example".into()), "the demo");
    for evil in ["https://evil.example", "http://shop.example", "null", "https://pbx.exampl"] {
        assert_eq!(from(evil).await, (403, String::new()), "{evil}");
    }
    let ask = [
        ("origin", "https://shop.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,idempotency-key"),
    ];
    let got = house.ask(request("OPTIONS", "/v1/callbacks", &ask, "")).await;
    assert_eq!(got.status, 200);
    assert_eq!(got.header("access-control-allow-origin"), "https://shop.example");
    assert_eq!(got.header("access-control-allow-headers"), "content-type,idempotency-key");
    assert_eq!(got.header("access-control-allow-methods"), "GET,POST");
    let other = [("origin", "https://evil.example"), ask[1]];
    let got = house.ask(request("OPTIONS", "/v1/callbacks", &other, "")).await;
    assert_eq!(got.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn e13_a_form_without_a_call_is_taken_and_has_nobody_to_ring() {
    let house = House::new().await;
    let got = house.form(&json!({"site": "letters", "phone": "+79161234567"})).await;
    assert_eq!(got.status, 202);
    assert_eq!(house.fake.orders().first().unwrap().targets, []);
}

#[tokio::test]
async fn a_process_without_callbacks_says_so() {
    let mut house = House::new().await;
    house.state.doors = None;
    let got = house.form(&json!({"site": "shop", "phone": "+79161234567"})).await;
    assert_eq!((got.status, got.json()["title"].as_str()), (404, Some("no callbacks")));
}
