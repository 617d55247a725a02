//! The CRM's lists come to know of something new after a while only.

use std::sync::Arc;
use std::time::Duration;

use dozvon::core::action::Bound;
use dozvon::core::case::{Case, Event};
use dozvon::crm::{ApplyError, Crm};
use serde_json::json;
use tempfile::TempDir;

use crate::common::{answered, recorded};
use crate::crm_outbox::{self, prompt};
use crate::fake::Trouble;
use crate::house::{House, NEW, OLGA, PETR, act, over, phone};
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

#[tokio::test]
async fn b05_what_one_engine_made_another_one_makes_no_second_time() {
    let mut house = House::new().await;
    house.fake.state().lags = true;
    let nobody = house.case(Event::Answered, NEW).await;
    let one = house.crm.clone();
    for other in [house.restarted(), house.restarted()] {
        for (n, action) in [
            json!({"do": "contact", "name": "Иван", "owner": "12"}),
            json!({"do": "deal", "title": "x", "owner": "12"}),
        ]
        .into_iter()
        .enumerate()
        {
            let key = format!("call/1/{n}");
            house.apply(&key, &act(action), &nobody, &mut Bound::default()).await;
        }
        // The next one knows it all, as does this one after a restart.
        house.crm = other;
        let client = house.crm.find(&phone(NEW)).await.unwrap().unwrap();
        assert_eq!((client.name.as_str(), client.owner), ("Иван", Some("12".into())));
        assert_eq!(client.deals.iter().filter(|deal| deal.open).count(), 1);
    }
    {
        let state = house.fake.state();
        assert_eq!((state.customers.len(), state.orders.len()), (3, 4));
    }
    // A caller who hung up and calls again reaches his manager.
    let rough = Arc::into_inner(house.restarted()).unwrap().rough(true);
    let caller = rough.caller(&phone(NEW)).await.unwrap().unwrap();
    assert_eq!((caller.name.as_str(), caller.owner), ("Иван", Some("12".into())));
    // What the other one changes this one knows.
    let to_13 = act(json!({"do": "change_owner", "of": "client", "to": "13"}));
    house.apply("call/1/2", &to_13, &nobody, &mut Bound::default()).await;
    let client = one.find(&phone(NEW)).await.unwrap().unwrap();
    assert_eq!(client.owner, Some("13".into()));
}

#[tokio::test]
async fn b05_two_engines_at_once_make_one_client_and_one_order() {
    let mut house = House::new().await;
    house.fake.state().lags = true;
    let folder = TempDir::new().unwrap();
    let first = (outbox(&house, &folder, prompt()).await, answered(NEW, "12", "102"));
    house.crm = house.restarted();
    let second = Case { call: "two".into(), ..answered(NEW, "13", "103") };
    let second = (outbox(&house, &folder, prompt()).await, second);
    crm_outbox::at_once(vec![first, second]).await;
    let state = house.fake.state();
    assert_eq!((state.customers.len(), state.orders.len()), (3, 4));
}

#[tokio::test]
async fn c03_two_engines_leave_one_order_that_waits_and_one_accepts_it() {
    let mut house = House::new().await;
    house.fake.state().lags = true;
    let case = house.case(Event::Missed, NEW).await;
    let (one, other) = (house.crm.clone(), house.restarted());
    let unsorted = act(json!({"do": "unsorted", "kind": "call", "title": "x", "name": "y"}));
    let accept = act(json!({"do": "accept_unsorted", "owner": "12"}));
    for (n, action) in [unsorted, accept].iter().enumerate() {
        for (m, crm) in [&one, &other].into_iter().enumerate() {
            house.crm = crm.clone();
            house.apply(&format!("call{n}/{m}/1"), action, &case, &mut Bound::default()).await;
        }
    }
    assert_eq!(house.fake.state().orders.len(), 4);
    let edits =
        house.fake.state().all.iter().filter(|seen| seen.path.contains("orders/1002/edit")).count();
    assert_eq!(edits, 1, "who has it is known to the other one before the lists know");
}

#[tokio::test]
async fn what_was_found_after_a_lost_answer_is_known_before_the_lists_have_it() {
    let mut house = House::new().await;
    house.fake.state().lags = true;
    let case = house.case(Event::Answered, NEW).await;
    let contact = act(json!({"do": "contact", "name": "Иван", "owner": "12"}));
    house.fake.trouble("customers/create", Trouble::Late(house.late()), 1);
    let lost = house.try_apply(&contact, &case).await;
    assert!(matches!(lost, Err(ApplyError::Lost { .. })), "{lost:?}");
    assert!(house.read_back(&contact, &case).await.is_some());
    house.crm = house.restarted();
    house.apply("call2/1/1", &contact, &case, &mut Bound::default()).await;
    assert_eq!(house.fake.state().customers.len(), 3);
}

#[tokio::test]
async fn a_client_who_was_merged_into_another_one_is_not_taken_for_him() {
    let house = House::new().await;
    house.fake.state().lags = true;
    let case = house.case(Event::Answered, NEW).await;
    let contact = act(json!({"do": "contact", "name": "Иван", "owner": "12"}));
    house.apply("call/1/1", &contact, &case, &mut Bound::default()).await;
    {
        let mut state = house.fake.state();
        state.customers.pop();
        state.customers[0]["phones"].as_array_mut().unwrap().push(json!({"number": NEW}));
    }
    let order = act(json!({"do": "deal", "title": "x", "owner": "12"}));
    house.apply("call2/1/1", &order, &case, &mut Bound::default()).await;
    let state = house.fake.state();
    let made = state.all.iter().filter(|seen| seen.path.ends_with("orders/create")).count();
    assert_eq!((made, state.orders.len()), (0, 3), "Ольга, who has the number now, has an order");
}

#[tokio::test]
async fn without_a_store_calls_and_deliveries_go_on_and_this_engine_makes_nothing_twice() {
    let mut house = House::new().await;
    house.crm = house.without_store();
    house.fake.state().lags = true;
    let folder = TempDir::new().unwrap();
    let parts = outbox(&house, &folder, prompt()).await;
    let first = answered(NEW, "12", "102");
    let second = Case { call: "two".into(), ..answered(NEW, "13", "103") };
    crm_outbox::dialogue(parts, vec![first, second], Vec::new).await;
    let client = house.crm.find(&phone(NEW)).await.unwrap().unwrap();
    assert_eq!(client.owner, Some("12".into()));
    let state = house.fake.state();
    assert_eq!((state.customers.len(), state.orders.len()), (3, 4));
}

#[tokio::test]
async fn b07_a_company_of_two_clients_is_made_once_by_two_engines() {
    let mut house = House::new().await;
    house.fake.state().lags = true;
    let company = act(json!({"do": "company", "name": "Окна"}));
    for (n, (number, crm)) in [
        (OLGA, house.crm.clone()),
        (OLGA, house.restarted()),
        (PETR, house.restarted()),
        (PETR, house.restarted()),
    ]
    .into_iter()
    .enumerate()
    {
        house.crm = crm;
        let case = house.case(Event::Answered, number).await;
        house.apply(&format!("call{n}/1/1"), &company, &case, &mut Bound::default()).await;
    }
    let state = house.fake.state();
    assert_eq!(state.corporates.len(), 1);
    let contacts = json!([{"customer": {"id": 1002}}, {"customer": {"id": 1003}}]);
    assert_eq!(state.corporates[0]["customerContacts"], contacts);
}

#[tokio::test]
async fn what_people_delete_at_once_is_not_thought_to_be_there() {
    let mut house = House::new().await;
    house.fake.state().lags = true;
    house.crm.changed().await.unwrap();
    let case = house.case(Event::Answered, NEW).await;
    let make = [
        act(json!({"do": "contact", "name": "Иван", "owner": "12"})),
        act(json!({"do": "deal", "title": "x", "owner": "12"})),
    ];
    for (n, action) in make.iter().enumerate() {
        house.apply(&format!("call/1/{n}"), action, &case, &mut Bound::default()).await;
    }
    {
        let mut state = house.fake.state();
        let (customer, order) = (state.customers.pop().unwrap(), state.orders.pop().unwrap());
        let gone = |kind: &str, id| vec![json!({"id": 1, "deleted": true, kind: {"id": id}})];
        state.history.insert("customers".into(), gone("customer", &customer["id"]));
        state.history.insert("orders".into(), gone("order", &order["id"]));
    }
    tokio::time::sleep(Duration::from_millis(5)).await;
    house.crm.changed().await.unwrap();
    for crm in [house.crm.clone(), house.restarted()] {
        assert_eq!(crm.find(&phone(NEW)).await.unwrap(), None);
    }
    house.crm = house.restarted();
    for (n, action) in make.iter().enumerate() {
        house.apply(&format!("call2/1/{n}"), action, &case, &mut Bound::default()).await;
    }
    let state = house.fake.state();
    assert_eq!((state.customers.len(), state.orders.len()), (3, 4));
}
