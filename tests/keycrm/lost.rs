//! Answers that are lost: what was done is found again, and not done twice.

use std::time::Duration;

use dozvon::core::action::Bound;
use dozvon::core::case::{Event, Sound};
use dozvon::crm::ApplyError;
use serde_json::{Value, json};

use crate::fake::{Trouble, says};
use crate::house::{House, NEW, OLGA, PETRO, act};

async fn lost_and_found(house: House, number: &str, path: &'static str, action: Value) -> String {
    let mut case = house.case(Event::Voicemail, number).await;
    case.voicemail = Some(Sound { url: "https://pbx.example/v".into(), seconds: None });
    // Cards are looked for from this time on.
    (case.at, case.ended) = (jiff::Timestamp::now(), Some(case.at));
    case.rung = vec!["13".into()];
    let action = act(action);
    assert_eq!(house.read_back(&action, &case).await, None, "{action:?}");
    if path == "telephony" {
        // The beginning of the call is told, its end is lost.
        house.fake.trouble(path, Trouble::Late(Duration::ZERO), 1);
    }
    house.fake.trouble(path, Trouble::Late(Duration::from_secs(2)), 1);
    let lost = house.try_apply(&action, &case).await;
    assert!(matches!(lost, Err(ApplyError::Lost { .. })), "{action:?}: {lost:?}");
    let found = house.read_back(&action, &case).await;
    let found = found.unwrap_or_else(|| panic!("{action:?} is not found"));
    let told = |bound: Option<&str>| bound.unwrap_or("-").to_owned();
    let ids = (&found.bound.client, &found.bound.deal, &found.bound.unsorted);
    let state = house.fake.state();
    let count = (state.buyers.len(), state.cards.len(), state.orders.len(), state.told.len());
    format!(
        "client {}, deal {}, unsorted {}, call {}; {count:?}",
        told(ids.0.as_ref().map(|id| id.as_str())),
        told(ids.1.as_ref().map(|id| id.as_str())),
        told(ids.2.as_deref()),
        told(found.bound.call.as_deref()),
    )
}

#[tokio::test]
async fn a_card_an_order_and_a_call_are_found_again() {
    let deal = json!({"do": "deal", "title": "x", "owner": "12", "stage": "3"});
    let call = json!({"do": "register_call", "result": "missed"});
    for (orders, number, path, action, found) in [
        (
            false,
            PETRO,
            "cards/5001",
            deal.clone(),
            "client 1003, deal 5001, unsorted -, call -; (2, 5, 0, 0)",
        ),
        (
            true,
            PETRO,
            "order/5001",
            deal,
            "client 1003, deal 5001, unsorted -, call -; (2, 4, 4, 0)",
        ),
        (false, OLGA, "telephony", call, "client -, deal -, unsorted -, call call; (2, 4, 0, 2)"),
    ] {
        let house = if orders { House::with_orders().await } else { House::new().await };
        assert_eq!(lost_and_found(house, number, path, action.clone()).await, found, "{action}");
    }
}

#[tokio::test]
async fn a_client_a_card_and_a_company_whose_answer_was_lost_are_found_again() {
    for (path, number, action, found) in [
        (
            "buyer",
            NEW,
            json!({"do": "contact", "name": "x", "owner": "12"}),
            "client 5001, deal -, unsorted -, call -; (3, 4, 0, 0)",
        ),
        (
            "pipelines/cards",
            PETRO,
            json!({"do": "deal", "title": "x", "owner": "12"}),
            "client 1003, deal 5001, unsorted -, call -; (2, 5, 0, 0)",
        ),
        (
            "pipelines/cards",
            OLGA,
            json!({"do": "unsorted", "kind": "call", "title": "x", "name": "y"}),
            "client -, deal -, unsorted 5001, call -; (2, 5, 0, 0)",
        ),
        (
            "companies",
            OLGA,
            json!({"do": "company", "name": "Вікна"}),
            "client -, deal -, unsorted -, call -; (2, 4, 0, 0)",
        ),
    ] {
        let house = House::new().await;
        house.fake.state().posts_only = true;
        assert_eq!(lost_and_found(house, number, path, action.clone()).await, found, "{action}");
    }
}

#[tokio::test]
async fn a_client_whom_somebody_else_made_before_is_no_work_of_the_call() {
    let house = House::new().await;
    let contact = act(json!({"do": "contact", "name": "x", "owner": "12"}));
    let mut case = crate::house::case(Event::Answered, OLGA);
    case.at = jiff::Timestamp::now();
    let found = house.read_back(&contact, &case).await.unwrap();
    assert_eq!(found.bound.client.unwrap().as_str(), "1002");
    assert_eq!(found.bound.made.client, None);
    house.fake.state().buyers[0]["created_at"] = json!(crate::fake::now());
    let found = house.read_back(&contact, &case).await.unwrap();
    assert_eq!(found.bound.made.client, Some("1002".into()));
}

#[tokio::test]
async fn a_stage_that_keycrm_refuses_is_told_and_holds_nothing_up() {
    let deal = act(json!({"do": "deal", "title": "x", "owner": "12", "stage": "999"}));
    let no_id = act(json!({"do": "deal", "title": "x", "owner": "12", "stage": "Новий"}));
    let invalid = json!({"message": "The selected status id is invalid."});
    for (orders, path) in [(false, "cards/5001"), (true, "order/5001")] {
        for (action, word) in [(&deal, "status id is invalid"), (&no_id, "Новий")] {
            let house = if orders { House::with_orders().await } else { House::new().await };
            house.fake.trouble(path, says(422, invalid.clone()), usize::MAX);
            let mut case = house.case(Event::Answered, PETRO).await;
            case.at = jiff::Timestamp::now();
            let done = house.try_apply(action, &case).await.unwrap();
            assert!(done.what.contains("its stage was refused"), "{}", done.what);
            assert!(done.what.contains(word), "{}", done.what);
            assert_eq!(done.bound.deal.unwrap().as_str(), "5001", "what follows has its deal");
            // The same where the answer that made it was lost.
            let found = house.read_back(action, &case).await.unwrap();
            assert!(found.what.contains("its stage was refused"), "{}", found.what);
            assert_eq!(found.bound.deal.unwrap().as_str(), "5001");
        }
    }
}

#[tokio::test]
async fn an_order_whose_answer_was_lost_gets_its_tags_all_the_same() {
    let house = House::with_orders().await;
    let deal = json!({"do": "deal", "title": "x", "owner": "12", "stage": "3",
        "tags": ["vip", "new"]});
    let (case, deal) = (house.case(Event::Answered, PETRO).await, act(deal));
    house.fake.trouble("order/5001", Trouble::Late(Duration::from_secs(2)), 1);
    let lost = house.try_apply(&deal, &case).await;
    assert!(matches!(lost, Err(ApplyError::Lost { .. })), "{lost:?}");
    house.read_back(&deal, &case).await.unwrap();
    let state = house.fake.state();
    let order = state.orders.last().unwrap();
    assert_eq!((&order["tags"], &order["status_id"]), (&json!([31]), &json!(3)));
    assert_eq!(order["manager_comment"], "x\n#new");
}

#[tokio::test]
async fn c02_an_accepted_card_whose_answer_was_lost_is_still_the_deal_of_the_call() {
    let house = House::new().await;
    let mut case = house.case(Event::Answered, PETRO).await;
    let unsorted = act(json!({"do": "unsorted", "kind": "call", "title": "x", "name": "y"}));
    house.apply("call/1/0", &unsorted, &case, &mut Bound::default()).await;
    case.seq = 2;
    let accept = act(json!({"do": "accept_unsorted", "owner": "12"}));
    assert_eq!(house.read_back(&accept, &case).await, None, "it waits");
    house.fake.trouble("cards/5001", Trouble::Late(Duration::from_secs(2)), 1);
    let lost = house.try_apply(&accept, &case).await;
    assert!(matches!(lost, Err(ApplyError::Lost { .. })), "{lost:?}");
    let found = house.read_back(&accept, &case).await.unwrap();
    assert_eq!(found.bound.client.unwrap().as_str(), "1003");
    assert_eq!(found.bound.deal.unwrap().as_str(), "5001");
}

#[tokio::test]
async fn c03_a_card_whose_declining_was_lost_is_declined_once() {
    let house = House::new().await;
    let case = house.case(Event::Missed, PETRO).await;
    let unsorted = act(json!({"do": "unsorted", "kind": "call", "title": "x", "name": "y"}));
    house.apply("call/1/0", &unsorted, &case, &mut Bound::default()).await;
    let decline = act(json!({"do": "decline_unsorted"}));
    assert_eq!(house.read_back(&decline, &case).await, None, "it waits");
    house.fake.trouble("cards/5001", Trouble::Late(Duration::from_secs(2)), 1);
    let lost = house.try_apply(&decline, &case).await;
    assert!(matches!(lost, Err(ApplyError::Lost { .. })), "{lost:?}");
    let found = house.read_back(&decline, &case).await.unwrap();
    assert_eq!(found.what, "nothing without a manager waits for this number any more");
    assert_eq!(house.fake.state().cards[4]["title"], "Відхилено: x");
}
