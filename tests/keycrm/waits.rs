//! What a caller waits for, with the limits that KeyCRM has.

use std::sync::Arc;
use std::time::Duration;

use dozvon::core::action::Bound;
use dozvon::core::case::Event;
use dozvon::crm::keycrm::{KeyConfig, KeyCrm};
use dozvon::crm::{Crm, Work};
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::common::no_store;
use crate::crm_outbox::by_hand;
use crate::house::{House, OLGA, act, case, config, phone};

/// Lets what is under way come as far as it can without time.
fn settle(rt: &Runtime, house: &House, until: impl Fn() -> bool) {
    let mut quiet = 0;
    let mut before = 0;
    for _ in 0..5000 {
        let breath = rt.spawn_blocking(|| std::thread::sleep(Duration::from_millis(2)));
        rt.block_on(async {
            breath.await.unwrap();
            tokio::task::yield_now().await;
        });
        let now = house.fake.state().all.len();
        quiet = if now == before { quiet + 1 } else { 0 };
        before = now;
        if until() || quiet > 150 {
            return;
        }
    }
}

fn caller(rt: &Runtime, crm: &Arc<KeyCrm>) -> JoinHandle<bool> {
    let crm = crm.clone();
    rt.spawn(async move { crm.caller(&phone(OLGA)).await.unwrap().is_some() })
}

/// A company with the limits of KeyCRM.
fn house(rt: &Runtime) -> (House, Arc<KeyCrm>) {
    let house = rt.block_on(House::new());
    let real = KeyConfig::default();
    let config = KeyConfig {
        per_minute: real.per_minute,
        timeout: Duration::from_secs(20),
        ..config(&house.fake.server.uri())
    };
    let crm = Arc::new(KeyCrm::new(&config, no_store()).unwrap().rough(true));
    (house, crm)
}

fn callers_do_not_wait(rt: &Runtime, house: &House, crm: &Arc<KeyCrm>) {
    let at = |house: &House| house.fake.state().all.len();
    settle(rt, house, || at(house) >= 43);
    settle(rt, house, || false);
    assert_eq!(at(house), 43, "deliveries leave eleven of a minute's 54 to callers");
    let begun = rt.block_on(async { Instant::now() });
    for n in 1..=11 {
        let caller = caller(rt, crm);
        settle(rt, house, || caller.is_finished());
        assert!(caller.is_finished(), "caller {n} waits for deliveries");
        assert!(rt.block_on(caller).unwrap());
    }
    assert_eq!(rt.block_on(async { Instant::now() }), begun, "no time passed");
    let twelfth = caller(rt, crm);
    settle(rt, house, || twelfth.is_finished());
    assert!(!twelfth.is_finished(), "55 in a minute are too many");
    rt.block_on(tokio::time::advance(Duration::from_secs(60)));
    settle(rt, house, || twelfth.is_finished());
    assert!(rt.block_on(twelfth).unwrap());
}

#[test]
fn a05_a_ringing_call_does_not_wait_for_the_reading_of_cards() {
    let (rt, hold) = by_hand();
    let _in = rt.enter();
    let (house, crm) = house(&rt);
    let old = house.fake.state().cards[0].clone();
    for id in 10_000..12_400 {
        let mut card = old.clone();
        card["id"] = json!(id);
        house.fake.state().cards.push(card);
    }
    let reading = crm.clone();
    rt.spawn(async move {
        // As the engine does each few seconds.
        loop {
            let _ = reading.changed().await;
        }
    });
    callers_do_not_wait(&rt, &house, &crm);
    drop(hold);
}

#[test]
fn a05_a_ringing_call_waits_for_no_delivery() {
    let (rt, hold) = by_hand();
    let _in = rt.enter();
    let (house, crm) = house(&rt);
    for n in 0..30 {
        let crm = crm.clone();
        rt.spawn(async move {
            let note = act(json!({"do": "note", "on": "client", "text": format!("{n}")}));
            let (case, bound) = (case(Event::Ended, OLGA), Bound::default());
            let key = format!("call/{n}/1");
            crm.apply(&Work { key: &key, action: &note, case: &case, bound: &bound }).await
        });
    }
    callers_do_not_wait(&rt, &house, &crm);
    drop(hold);
}
