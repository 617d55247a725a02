//! Answers that are lost: what was done is found again, and not done twice.

use std::time::Duration;

use dozvon::core::case::{Event, Sound};
use dozvon::crm::ApplyError;
use serde_json::{Value, json};

use crate::fake::Trouble;
use crate::house::{House, NEW, OLGA, act};

async fn lost_and_found(number: &str, path: &'static str, action: Value) -> String {
    let house = House::new().await;
    let mut case = house.case(Event::Voicemail, number).await;
    case.voicemail = Some(Sound { url: "https://pbx.example/v".into(), seconds: None });
    let action = act(action);
    assert_eq!(house.read_back(&action, &case).await, None, "{action:?}");
    house.fake.trouble(path, Trouble::Late(Duration::from_secs(2)), 1);
    let lost = house.try_apply(&action, &case).await;
    assert!(matches!(lost, Err(ApplyError::Lost { .. })), "{action:?}: {lost:?}");
    let found = house.read_back(&action, &case).await;
    let found = found.unwrap_or_else(|| panic!("{action:?} is not found"));
    let made = |bound: Option<&str>| bound.unwrap_or("-").to_owned();
    let ids = (found.bound.client, found.bound.deal, found.bound.unsorted);
    let count = {
        let state = house.fake.state();
        (state.customers.len(), state.orders.len(), state.tasks.len(), state.notes.len())
    };
    format!(
        "client {}, deal {}, unsorted {}; {count:?}",
        made(ids.0.as_ref().map(|id| id.as_str())),
        made(ids.1.as_ref().map(|id| id.as_str())),
        made(ids.2.as_deref()),
    )
}

#[tokio::test]
async fn a_client_an_order_a_task_and_a_note_are_found_again() {
    let task = json!({"do": "task", "kind": "k", "on": "deal", "text": "x", "owner": "11",
        "due": "2026-11-20T12:00:00Z", "done": true});
    for (number, path, action, found) in [
        (
            NEW,
            "customers/create",
            json!({"do": "contact", "name": "x", "owner": "12"}),
            "client 1001, deal -, unsorted -; (3, 3, 0, 0)",
        ),
        (
            OLGA,
            "orders/create",
            json!({"do": "deal", "title": "x", "owner": "12"}),
            "client 1002, deal 1001, unsorted -; (2, 4, 0, 0)",
        ),
        (
            NEW,
            "orders/create",
            json!({"do": "unsorted", "kind": "call", "title": "x", "name": "y"}),
            "client -, deal -, unsorted 1002; (3, 4, 0, 0)",
        ),
        (OLGA, "tasks/create", task.clone(), "client -, deal -, unsorted -; (2, 3, 1, 0)"),
        (OLGA, "tasks/1001/edit", task, "client -, deal -, unsorted -; (2, 3, 1, 0)"),
        (
            OLGA,
            "notes/create",
            json!({"do": "note", "on": "client", "text": "x"}),
            "client -, deal -, unsorted -; (2, 3, 0, 1)",
        ),
        (
            OLGA,
            "notes/create",
            json!({"do": "voicemail", "on": "client", "text": "x"}),
            "client -, deal -, unsorted -; (2, 3, 0, 1)",
        ),
    ] {
        assert_eq!(lost_and_found(number, path, action.clone()).await, found, "{action}");
    }
}
