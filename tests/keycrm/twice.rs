//! KeyCRM's search may not know yet what was made a moment ago.

use dozvon::core::action::Bound;
use dozvon::core::case::{Case, Event};
use dozvon::crm::Crm;
use serde_json::json;
use tempfile::TempDir;

use crate::common::answered;
use crate::crm_outbox::{at_once, dialogue, prompt};
use crate::house::{House, NEW, OLGA, act, phone};
use crate::matrix::outbox;

#[tokio::test]
async fn two_calls_of_one_new_number_make_one_client_and_one_card() {
    let house = House::new().await;
    house.fake.state().lags = true;
    let folder = TempDir::new().unwrap();
    let parts = outbox(&house, &folder, prompt()).await;
    let one = answered(NEW, "12", "102");
    let two = Case { call: "two".into(), ..one.clone() };
    assert_eq!(two.event, Event::Answered);
    dialogue(parts, vec![one, two], || {
        house.fake.dialogue().iter().map(|seen| seen.line()).collect()
    })
    .await;
    {
        let state = house.fake.state();
        let his = state.buyers.iter().filter(|buyer| buyer["phone"][0] == NEW);
        assert_eq!((his.count(), state.cards.len()), (1, 5), "{:#?}", state.buyers);
    }
    let client = house.crm.caller(&phone(NEW)).await.unwrap().unwrap();
    assert_eq!(client.owner, Some("12".into()), "and the next call reaches his manager");
}

#[tokio::test]
async fn d05_what_one_engine_made_another_one_makes_no_second_time() {
    let mut house = House::new().await;
    house.fake.state().lags = true;
    let nobody = house.case(Event::Answered, NEW).await;
    // The other one knows the cards there were before.
    let other = house.restarted();
    other.find(&phone(OLGA)).await.unwrap();
    for next in [other, house.restarted(), house.restarted()] {
        for (n, action) in [
            json!({"do": "contact", "name": "Іван", "owner": "12"}),
            json!({"do": "deal", "title": "x", "owner": "12"}),
        ]
        .into_iter()
        .enumerate()
        {
            let key = format!("call/1/{n}");
            house.apply(&key, &act(action), &nobody, &mut Bound::default()).await;
        }
        // The next one knows it all, as does this one after a restart.
        house.crm = next;
        let client = house.crm.find(&phone(NEW)).await.unwrap().unwrap();
        assert_eq!((client.name.as_str(), client.owner), ("Іван", Some("12".into())));
        assert_eq!(client.deals.iter().filter(|deal| deal.open).count(), 1);
    }
    {
        let state = house.fake.state();
        assert_eq!((state.buyers.len(), state.cards.len()), (3, 5));
    }
    // Who knows it asks for it no second time.
    house.fake.dialogue();
    house.crm.find(&phone(NEW)).await.unwrap();
    let asked = house.fake.dialogue();
    assert!(asked.iter().all(|seen| !seen.path.contains("cards/")), "{asked:?}");
}

#[tokio::test]
async fn d05_two_engines_at_once_make_one_client_and_one_card() {
    let mut house = House::new().await;
    house.fake.state().lags = true;
    let folder = TempDir::new().unwrap();
    let first = (outbox(&house, &folder, prompt()).await, answered(NEW, "12", "102"));
    house.crm = house.restarted();
    let second = Case { call: "two".into(), ..answered(NEW, "13", "103") };
    let second = (outbox(&house, &folder, prompt()).await, second);
    at_once(vec![first, second]).await;
    let state = house.fake.state();
    assert_eq!((state.buyers.len(), state.cards.len()), (3, 5));
}

#[tokio::test]
async fn d05_two_engines_make_one_order_where_orders_are_the_deals() {
    let mut house = House::with_orders().await;
    house.fake.state().lags = true;
    let nobody = house.case(Event::Answered, NEW).await;
    let contact = act(json!({"do": "contact", "name": "Іван", "owner": "12"}));
    let order = act(json!({"do": "deal", "title": "x", "owner": "12"}));
    for next in [house.crm.clone(), house.restarted(), house.restarted()] {
        house.apply("call/1/1", &contact, &nobody, &mut Bound::default()).await;
        let done = house.apply("call/1/2", &order, &nobody, &mut Bound::default()).await;
        assert_eq!(done.bound.deal, Some("5002".into()), "{}", done.what);
        house.crm = next;
    }
    let state = house.fake.state();
    assert_eq!((state.buyers.len(), state.orders.len()), (3, 4));
}

#[tokio::test]
async fn c03_two_engines_leave_one_card_that_waits_and_one_accepts_it() {
    let mut house = House::new().await;
    house.fake.state().lags = true;
    let case = house.case(Event::Missed, NEW).await;
    let (one, other) = (house.crm.clone(), house.restarted());
    let unsorted = act(json!({"do": "unsorted", "kind": "call", "title": "x", "name": "y"}));
    let accept = act(json!({"do": "accept_unsorted", "owner": "12"}));
    let mut said = Vec::new();
    for (n, action) in [unsorted, accept].iter().enumerate() {
        for (m, crm) in [&one, &other].into_iter().enumerate() {
            house.crm = crm.clone();
            let key = format!("call{n}/{m}/1");
            said.push(house.apply(&key, action, &case, &mut Bound::default()).await.what);
        }
    }
    assert_eq!(house.fake.state().cards.len(), 5);
    // Who has it is known to the other one before a list tells.
    assert_eq!(
        said,
        [
            "made card 5001 without a manager",
            "nothing: card 5001 waits for this number (C03)",
            "card 5001 is of 12 now",
            "nothing: nothing without a manager waits for this number",
        ]
    );
}

#[tokio::test]
async fn without_a_store_calls_and_deliveries_go_on_and_this_engine_makes_nothing_twice() {
    let mut house = House::new().await;
    house.crm = house.without_store();
    house.fake.state().lags = true;
    let folder = TempDir::new().unwrap();
    let parts = outbox(&house, &folder, prompt()).await;
    let second = Case { call: "two".into(), ..answered(NEW, "13", "103") };
    dialogue(parts, vec![answered(NEW, "12", "102"), second], Vec::new).await;
    let client = house.crm.find(&phone(NEW)).await.unwrap().unwrap();
    assert_eq!(client.owner, Some("12".into()));
    let state = house.fake.state();
    assert_eq!((state.buyers.len(), state.cards.len()), (3, 5));
}
