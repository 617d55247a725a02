//! A page that follows its callback.

use std::time::Duration;

use dozvon::core::campaign::order::{Ending, Stage};
use dozvon::tokens::Scope;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::house::{House, path, request};

async fn taken(house: &House) -> Value {
    house.form(&json!({"site": "shop", "phone": "+79161234567", "name": "Иван"})).await.json()
}

#[tokio::test]
async fn a_page_learns_the_stage_and_neither_numbers_nor_names() {
    let house = House::new().await;
    let taken = taken(&house).await;
    let next = "2026-11-21T12:00:30Z".parse().unwrap();
    house.fake.goes_on(Stage::Waiting, Some(next));
    let got = house.get(&path(&taken["status"]), &[]).await;
    let status = got.json();
    assert_eq!((got.status, &status["stage"]), (200, &"waiting".into()));
    assert_eq!(status["next_try"], "2026-11-21T12:00:30Z");
    let keys: Vec<_> = status.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["accepted", "id", "next_try", "stage"]);

    let all = house.token("crm", &[Scope::Callbacks]).await;
    let id = taken["id"].as_str().unwrap();
    let whole = house.get(&format!("/v1/callbacks/{id}"), &[("authorization", &all)]).await.json();
    assert_eq!(whole["callback"]["order"]["phone"], "+79161234567", "our own people see it");
    let list = house.get("/v1/callbacks?open=true", &[("authorization", &all)]).await.json();
    assert_eq!(list["callbacks"][0]["id"], taken["id"]);
}

#[tokio::test]
async fn a_callback_is_opened_by_its_own_token_only() {
    let house = House::new().await;
    let one = taken(&house).await;
    let two = house.form(&json!({"site": "shop", "phone": "+79161234568"})).await.json();
    let (id, token) = (one["id"].as_str().unwrap(), two["token"].as_str().unwrap());
    for (wrong, status) in [
        (format!("/v1/callbacks/{id}"), 403),
        (format!("/v1/callbacks/{id}?token={token}"), 403),
        (format!("/v1/callbacks/{id}/events?token={token}"), 403),
        (format!("/v1/callbacks/{id}?token="), 403),
        (format!("/v1/callbacks/%FF?token={token}"), 400),
        ("/v1/callbacks".to_owned(), 401),
    ] {
        let got = house.get(&wrong, &[]).await;
        assert_eq!((got.status, got.header("content-type")), (status, "application/problem+json"));
    }
    let cancel = house.post(&format!("/v1/callbacks/{id}/cancel?token={token}"), &[]).await;
    assert_eq!(cancel.status, 403);
}

#[tokio::test]
async fn a_client_cancels_by_his_token_once() {
    let house = House::new().await;
    let taken = taken(&house).await;
    let got = house.post(&path(&taken["cancel"]), &[]).await;
    assert_eq!((got.status, &got.json()["ending"]), (200, &"cancelled".into()));
    let again = house.post(&path(&taken["cancel"]), &[]).await;
    assert_eq!((again.status, again.json()["title"].as_str()), (409, Some("it is over")));
}

#[tokio::test]
async fn a13_a_client_whose_form_joined_an_employees_call_cannot_hang_it_up() {
    let house = House::new().await;
    let token = house.token("crm", &[Scope::Calls]).await;
    let click = json!({"employee": "101", "number": "+79161234567"});
    house.json("/v1/calls", &click, &[("authorization", &token)]).await;
    let form = taken(&house).await;
    assert_eq!(house.post(&path(&form["cancel"]), &[]).await.status, 409);
    assert_eq!(house.get(&path(&form["status"]), &[]).await.json()["stage"], "accepted");
}

fn event(stage: &str) -> String {
    format!("event: {stage}\n")
}

#[tokio::test]
async fn events_tell_each_stage_to_the_end_and_are_not_cut_by_the_deadline() {
    let house = House::new().await;
    tokio::time::pause();
    let taken = taken(&house).await;
    let answer = house.send(request("GET", &path(&taken["events"]), &[], "")).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut body = answer.into_body().into_data_stream();
    let mut next = async || {
        let bytes = body.next().await?.unwrap();
        Some(String::from_utf8(bytes.to_vec()).unwrap())
    };
    assert!(next().await.unwrap().starts_with(&event("accepted")));
    for (stage, word) in [
        (Stage::DiallingManagers, "dialling_managers"),
        (Stage::Waiting, "waiting"),
        (Stage::ManagerOnLine, "manager_on_line"),
        (Stage::DiallingClient, "dialling_client"),
        (Stage::Connected, "connected"),
    ] {
        house.fake.goes_on(stage, None);
        let text = next().await.unwrap();
        assert!(text.starts_with(&event(word)), "{text}");
        assert!(!text.contains("7916") && !text.contains("Иван"), "{text}");
    }
    // A talk lasts longer than a request may; the connection is kept alive meanwhile.
    let before = tokio::time::Instant::now();
    assert_eq!(next().await.unwrap(), ":\n\n");
    assert_eq!(before.elapsed().as_secs(), 15);
    house.fake.goes_on(Stage::Over(Ending::Talked), None);
    let last = next().await.unwrap();
    assert!(last.starts_with(&event("over")) && last.contains("\"ending\":\"talked\""), "{last}");
    assert_eq!(next().await, None);
}

#[tokio::test]
async fn events_end_with_the_engine() {
    let house = House::new().await;
    let taken = taken(&house).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let end = CancellationToken::new();
    let served = tokio::spawn(dozvon::http::serve(listener, house.state.clone(), end.clone()));
    let client = dozvon::http::client().build().unwrap();
    let url = format!("{base}{}", path(&taken["events"]));
    let mut answer = client.get(url).send().await.unwrap();
    assert!(answer.chunk().await.unwrap().unwrap().starts_with(b"event: accepted"));
    end.cancel();
    assert_eq!(answer.chunk().await.unwrap(), None);
    tokio::time::timeout(Duration::from_secs(10), served).await.unwrap().unwrap().unwrap();
}
