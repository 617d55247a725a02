//! Who may do what.

use dozvon::tokens::{Scope, Tokens};
use jiff::Timestamp;
use serde_json::json;

use crate::house::House;

const CLICK: fn() -> serde_json::Value = || json!({"employee": "101", "number": "+79161234567"});

#[tokio::test]
async fn a_token_opens_what_it_was_made_for_and_nothing_else() {
    let house = House::new().await;
    let calls = house.token("crm", &[Scope::Calls]).await;
    let all = house.token("all", &Scope::ALL).await;
    for (path, status) in
        [("/v1/outbox", 403), ("/v1/rules", 403), ("/v1/log", 403), ("/v1/callbacks", 403)]
    {
        let got = house.get(path, &[("authorization", &calls)]).await;
        assert_eq!(got.status, status, "{path}");
        assert!(got.json()["detail"].as_str().unwrap().starts_with("token `crm` is not good for"));
    }
    for (path, status) in [("/v1/outbox", 200), ("/v1/rules", 404), ("/v1/callbacks", 200)] {
        assert_eq!(house.get(path, &[("authorization", &all)]).await.status, status, "{path}");
    }
    for wrong in ["", "Bearer", "Bearer x", "Basic abc", &format!("{all}0"), "Bearer dzt_"] {
        let got = house.json("/v1/calls", &CLICK(), &[("authorization", wrong)]).await;
        assert_eq!((got.status, got.header("content-type")), (401, "application/problem+json"));
    }
    assert_eq!(house.json("/v1/calls", &CLICK(), &[]).await.status, 401);
    assert_eq!(house.fake.orders(), []);
}

#[tokio::test]
async fn a_revoked_token_opens_nothing() {
    let house = House::new().await;
    let token = house.token("crm", &[Scope::Calls]).await;
    let head = [("authorization", token.as_str())];
    assert_eq!(house.json("/v1/calls", &CLICK(), &head).await.status, 202);
    let store = house.state.store.as_ref().unwrap().borrow().clone().unwrap();
    Tokens::new(store).revoke("crm", Timestamp::now()).await.unwrap();
    assert_eq!(house.json("/v1/calls", &CLICK(), &head).await.status, 401);
}

#[tokio::test]
async fn outbox_and_rules_are_open_to_this_machine_until_there_is_a_token() {
    let mut house = House::new().await;
    assert_eq!(house.get("/v1/outbox", &[]).await.status, 200);
    let proxied = [("x-forwarded-for", "203.0.113.1")];
    assert_eq!(house.get("/v1/outbox", &proxied).await.status, 401, "somebody from elsewhere");
    house.state.loopback = false;
    assert_eq!(house.get("/v1/outbox", &[]).await.status, 401);
    assert_eq!(house.post("/v1/rules/reload", &[]).await.status, 401);
    assert_eq!(house.get("/v1/log", &[]).await.status, 401);
    house.state.loopback = true;
    house.token("crm", &[Scope::Calls]).await;
    assert_eq!(house.get("/v1/outbox", &[]).await.status, 401);
    for path in ["/metrics", "/healthz", "/openapi.json", "/api", "/callback", "/callback.js"] {
        assert_eq!(house.get(path, &[]).await.status, 200, "{path}");
    }
    assert_eq!(house.get("/readyz", &[]).await.status, 503, "nothing has been started");
}

#[tokio::test]
async fn buttons_and_the_list_of_callbacks_always_need_one() {
    let house = House::new().await;
    assert_eq!(house.json("/v1/calls", &CLICK(), &[]).await.status, 401);
    assert_eq!(house.get("/v1/callbacks", &[]).await.status, 401);
}

fn dozvon(house: &House, args: &[&str]) -> (i32, String, String) {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_dozvon"));
    let command = command.current_dir(house.folder()).env("USER", "olga").args(args);
    let output = command.env("DOZVON_STORE__PATH", "s.sqlite").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn the_command_line_makes_lists_and_revokes_them_beside_a_running_engine() {
    let house = House::new().await;
    let (code, token, told) = dozvon(&house, &["token", "new", "crm", "--scope", "calls,outbox"]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("audit") && told.contains("command line (olga)"), "{told}");
    assert!(!told.contains(token.trim()), "it stands in no log");
    let bearer = format!("Bearer {}", token.trim());
    let head = [("authorization", bearer.as_str())];
    assert_eq!(house.json("/v1/calls", &CLICK(), &head).await.status, 202);
    let (_, list, _) = dozvon(&house, &["token", "list"]);
    assert!(list.contains("crm") && list.contains("calls,outbox"), "{list}");
    let (_, json, _) = dozvon(&house, &["token", "list", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json[0]["name"], &json[0]["revoked"]), (&"crm".into(), &serde_json::Value::Null));

    let (code, _, told) = dozvon(&house, &["token", "new", "crm", "--scope", "calls"]);
    assert!(code != 0 && told.contains("there is a token `crm` already"), "{told}");
    let (code, _, told) = dozvon(&house, &["token", "new", "b", "--scope", "all"]);
    assert!(code != 0 && told.contains("calls, callbacks, outbox, sales, rules, log"), "{told}");
    let (code, ..) = dozvon(&house, &["token", "revoke", "crm"]);
    assert_eq!(code, 0);
    assert_eq!(house.json("/v1/calls", &CLICK(), &head).await.status, 401);
    let (code, _, told) = dozvon(&house, &["token", "revoke", "crm"]);
    assert!(code != 0 && told.contains("revoked already"), "{told}");
}
