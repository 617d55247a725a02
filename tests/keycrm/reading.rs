//! How cards are known: all are read, then what changes, while people work.

use std::time::Duration;

use dozvon::core::ids::ClientId;
use dozvon::crm::keycrm::KeyConfig;
use dozvon::crm::{Changed, Crm};
use serde_json::{Value, json};

use crate::common::no_store;
use crate::fake::{State, Trouble, now, says};
use crate::house::{House, OLGA, phone};

fn ago(seconds: i64) -> Value {
    let at = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(seconds);
    json!(at.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// Cards of other clients.
fn add(state: &mut State, ids: std::ops::Range<u64>, changed: &Value) {
    for id in ids {
        let mut card = state.cards[0].clone();
        (card["id"], card["contact"]["client_id"]) = (json!(id), json!(id));
        card["updated_at"] = changed.clone();
        state.cards.push(card);
    }
}

fn pages(house: &House) -> usize {
    house.fake.dialogue().iter().filter(|seen| seen.path.ends_with("/cards")).count()
}

async fn next(house: &House) -> Vec<ClientId> {
    tokio::time::sleep(Duration::from_millis(5)).await;
    let mut changed = house.crm.changed().await.unwrap();
    changed.clients.sort();
    changed.clients
}

#[tokio::test]
async fn after_a_bulk_edit_of_cards_work_goes_on_though_each_try_is_given_up() {
    let house = House::patient().await;
    add(&mut house.fake.state(), 10_000..11_200, &json!("2026-01-01 00:00:00"));
    house.crm.find(&phone(OLGA)).await.unwrap();
    let edited = ago(20);
    for card in &mut house.fake.state().cards {
        card["updated_at"] = edited.clone();
    }
    // Others go on with their work: so it is known where KeyCRM's clock stands.
    house.fake.state().cards[3]["updated_at"] = json!(now());
    pages(&house);
    let mut tries = 0;
    let mut asked = 0;
    let olga = phone(OLGA);
    loop {
        tries += 1;
        assert!(tries < 20, "it begins again and again");
        // The tenth request is given up, as the outbox does after 30 seconds.
        let before = house.fake.state().all.len();
        let hangs = async {
            while house.fake.state().all.len() < before + 10 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let found = tokio::select! {
            biased;
            () = hangs => None,
            found = house.crm.find(&olga) => Some(found.unwrap()),
        };
        asked += pages(&house);
        if found.is_some() {
            break;
        }
    }
    // Of each try the page that was given up is asked for again.
    assert!(asked < 2 * 25, "{asked} requests for 25 pages");
    house.crm.find(&phone(OLGA)).await.unwrap();
    assert_eq!(pages(&house), 1, "what was read is not read for ever");
}

#[tokio::test]
async fn a_bulk_edit_of_cards_holds_up_nobody_who_has_an_open_card() {
    let house = House::patient().await;
    add(&mut house.fake.state(), 10_000..11_200, &json!("2026-01-01 00:00:00"));
    let client = async |number| house.crm.facts(&phone(number)).await.unwrap().unwrap();
    client(OLGA).await;
    {
        let (mut state, edited) = (house.fake.state(), now());
        state.cards[1]["is_finished"] = json!(true);
        state.cards.iter_mut().for_each(|card| card["updated_at"] = json!(edited));
        // Those of the others are listed first.
        state.cards.rotate_left(4);
    }
    house.fake.dialogue();
    let open = client(OLGA).await.open_deal().map(|deal| deal.id.to_string());
    let asked: Vec<_> = house.fake.dialogue().iter().map(|seen| seen.short()).collect();
    assert_eq!(open.as_deref(), Some("2004"), "2002 was closed meanwhile");
    let page = "GET pipelines/cards filter[updated_between] = …";
    assert_eq!(asked[1..], [page, "GET pipelines/cards/2002", "GET pipelines/cards/2004"]);
    // Of whom no open card is known one may be among the others.
    assert_eq!(client(crate::house::PETRO).await.open_deal(), None);
    assert!(pages(&house) >= 24, "of 25, one was read for Ольга");
}

#[tokio::test]
async fn e09_what_was_read_for_a_delivery_is_still_told_to_the_directory() {
    let house = House::patient().await;
    assert_eq!(next(&house).await, []);
    {
        let mut state = house.fake.state();
        state.cards[1]["manager_id"] = json!(12);
        state.cards[1]["updated_at"] = json!(now());
    }
    // An entry of the outbox is settled before the next poll.
    house.crm.find(&phone(OLGA)).await.unwrap();
    assert_eq!(next(&house).await, [ClientId::new("1002")]);
    assert_eq!(next(&house).await, [], "once");
}

#[tokio::test]
async fn e09_what_was_found_before_a_fault_is_told_after_it() {
    let house = House::patient().await;
    assert_eq!(next(&house).await, []);
    house.fake.state().buyers[1]["updated_at"] = json!(now());
    house.fake.trouble("pipelines/cards", says(500, json!({})), 1);
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert!(house.crm.changed().await.is_err());
    assert_eq!(next(&house).await, [ClientId::new("1003")]);
}

#[tokio::test]
async fn e09_the_daily_reading_tells_of_cards_that_are_gone_and_of_what_changed() {
    let house = House::patient().await;
    assert_eq!(next(&house).await, []);
    {
        let mut state = house.fake.state();
        // One is deleted, which no list of changes tells of; another one changed long ago by the
        // clock of KeyCRM, so that only the reading of all of them sees it.
        state.cards.remove(3);
        state.cards[1]["manager_id"] = json!(12);
    }
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(25 * 3600)).await;
    tokio::time::resume();
    assert_eq!(next(&house).await, [ClientId::new("1002"), ClientId::new("1003")]);
    let petro = house.crm.find(&phone(crate::house::PETRO)).await.unwrap().unwrap();
    assert_eq!(petro.deals, []);
}

#[tokio::test]
async fn a05_who_called_before_the_cards_were_known_is_asked_for_anew() {
    let house = House::patient().await;
    let config = crate::house::config(&house.fake.server.uri());
    let crm = dozvon::crm::keycrm::KeyCrm::new(&config, no_store()).unwrap().rough(true);
    assert_eq!(crm.caller(&phone(OLGA)).await.unwrap().unwrap().deals, []);
    let told = Changed { clients: vec!["1002".into()], added: false };
    assert_eq!(crm.changed().await.unwrap(), told);
    assert_eq!(crm.caller(&phone(OLGA)).await.unwrap().unwrap().deals.len(), 3);
}

#[tokio::test]
async fn a_change_that_slips_through_between_two_pages_is_seen_the_next_time() {
    let house = House::patient().await;
    house.crm.find(&phone(OLGA)).await.unwrap();
    {
        let mut state = house.fake.state();
        state.by_change = true;
        // 50 cards on the first page, then Ольга's, which was closed, then 40 more.
        add(&mut state, 10_000..10_050, &ago(90));
        state.cards[1]["is_finished"] = json!(true);
        state.cards[1]["updated_at"] = ago(80);
        add(&mut state, 11_000..11_040, &ago(70));
        // The list is told in the order of changes: who changes a card of the first page pushes
        // Ольга's onto it.
        state.meanwhile = Some((2, |state| {
            let card = state.cards.iter_mut().find(|card| card["id"] == 10_007).unwrap();
            card["updated_at"] = json!(now());
        }));
    }
    house.crm.find(&phone(OLGA)).await.unwrap();
    assert!(house.fake.state().meanwhile.is_none(), "it occurred");
    let olga = house.crm.find(&phone(OLGA)).await.unwrap().unwrap();
    assert_eq!(olga.open_deal().unwrap().id.as_str(), "2004");
}

#[tokio::test]
async fn a_look_up_is_answered_while_a_page_of_cards_hangs() {
    let house = House::patient().await;
    house.fake.trouble("pipelines/cards", Trouble::Late(Duration::from_secs(50)), 1);
    let config = crate::house::config(&house.fake.server.uri());
    let config = KeyConfig { timeout: Duration::from_secs(60), ..config };
    let crm = std::sync::Arc::new(
        dozvon::crm::keycrm::KeyCrm::new(&config, no_store()).unwrap().rough(true),
    );
    let reading = tokio::spawn({
        let crm = crm.clone();
        async move { crm.changed().await }
    });
    while pages(&house) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let caller = crm.caller(&phone(OLGA)).await.unwrap().unwrap();
    assert_eq!(caller.owner, Some("13".into()));
    assert!(!reading.is_finished());
    reading.abort();
}
