//! The CRM's lists come to know of something new after a while only.

use dozvon::core::action::Bound;
use dozvon::core::case::Event;
use serde_json::json;
use tempfile::TempDir;

use crate::common::{answered, recorded};
use crate::crm_outbox::{self, prompt};
use crate::house::{House, NEW, act, over};
use crate::matrix::outbox;

#[tokio::test]
async fn b05_two_calls_of_one_new_number_make_one_client_and_one_order() {
    let house = House::new().await;
    house.fake.state().lags = true;
    let folder = TempDir::new().unwrap();
    let parts = outbox(&house, &folder, prompt()).await;
    let first = answered(NEW, "12", "102");
    let mut second = answered(NEW, "13", "103");
    second.call = "call2".into();
    let ended = over(first.clone(), "12", "102");
    let cases =
        vec![first, second.clone(), ended.clone(), over(second, "13", "103"), recorded(ended)];
    crm_outbox::dialogue(parts, cases, Vec::new).await;
    let state = house.fake.state();
    assert_eq!((state.customers.len(), state.orders.len()), (3, 4));
    assert_eq!(state.calls.len(), 2);
}

#[tokio::test]
async fn c03_two_missed_calls_of_one_new_number_leave_one_order_that_waits() {
    let house = House::new().await;
    house.fake.state().lags = true;
    let case = house.case(Event::Missed, NEW).await;
    let unsorted = act(json!({"do": "unsorted", "kind": "call", "title": "x", "name": "y"}));
    for key in ["call/1/1", "call2/1/1"] {
        house.apply(key, &unsorted, &case, &mut Bound::default()).await;
    }
    assert_eq!(house.fake.state().orders.len(), 4);
    let accept = act(json!({"do": "accept_unsorted", "owner": "12"}));
    for key in ["call3/1/1", "call4/1/1"] {
        house.apply(key, &accept, &case, &mut Bound::default()).await;
    }
    let edits =
        house.fake.state().all.iter().filter(|seen| seen.path.contains("orders/1002/edit")).count();
    assert_eq!(edits, 1, "who has it is known before the lists know");
}

#[tokio::test]
async fn what_was_made_a_moment_ago_can_be_changed_before_the_lists_have_it() {
    let house = House::new().await;
    house.fake.state().lags = true;
    let case = house.case(Event::Answered, NEW).await;
    let mut bound = Bound::default();
    for (n, action) in [
        json!({"do": "contact", "name": "x", "owner": "12"}),
        json!({"do": "deal", "title": "x", "owner": "12"}),
        json!({"do": "fields", "on": "deal", "touch": "last", "fields": {"page": "/"}}),
        json!({"do": "fields", "on": "client", "touch": "last", "fields": {"visit": "1"}}),
    ]
    .into_iter()
    .enumerate()
    {
        house.apply(&format!("call/1/{n}"), &act(action), &case, &mut bound).await;
    }
    let state = house.fake.state();
    assert_eq!(state.orders.last().unwrap()["managerComment"], "x\npage: /");
    assert_eq!(state.customers.last().unwrap()["customFields"], json!({"visit": "1"}));
}
