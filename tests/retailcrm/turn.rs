//! Whose turn it is, with the adapter's own limits, in virtual time.

use std::time::Duration;

use dozvon::core::action::Bound;
use dozvon::core::case::Event;
use dozvon::crm::retailcrm::{Retail, RetailConfig};
use dozvon::crm::{Crm, Work};
use serde_json::json;
use tokio::time::Instant;

use crate::common::no_store;
use crate::crm_outbox::by_hand;
use crate::house::{House, OLGA, PETR, act, config, phone};

/// Deliveries that wait: far more than the limit lets through in a second.
const MANY: usize = 150;

/// `path`: of what is delivered.
fn waits_behind_one_delivery(rough: bool, telephony: bool, path: &'static str) {
    let (rt, hold) = by_hand();
    let _in = rt.enter();
    let house = rt.block_on(House::new());
    let long =
        RetailConfig { timeout: Duration::from_secs(600), ..config(&house.fake.server.uri()) };
    let crm = std::sync::Arc::new(Retail::new(&long, no_store()).unwrap().rough(rough));
    if !telephony {
        let denied = json!({"success": false, "errorMsg": "Access denied."});
        house.fake.trouble("telephony/manager", crate::fake::says(403, denied), 9);
    }
    let mut case = rt.block_on(house.case(Event::Missed, OLGA));
    case.ended = Some(case.at);
    let begun = Instant::now();
    // Real time for what is on its way; virtual time stands still meanwhile.
    let breathe = |step: Duration| {
        rt.block_on(tokio::time::advance(step));
        let breath = rt.spawn_blocking(|| std::thread::sleep(Duration::from_millis(3)));
        rt.block_on(breath).unwrap();
    };
    let sent = || {
        let state = house.fake.state();
        state.all.iter().filter(|seen| seen.path.ends_with(path)).count()
    };
    let mut deliveries = Vec::new();
    for n in 0..MANY {
        let (crm, case) = (crm.clone(), case.clone());
        deliveries.push(rt.spawn(async move {
            let action = match path {
                "calls/upload" => json!({"do": "register_call", "result": "missed"}),
                _ => json!({"do": "note", "on": "client", "text": format!("{n}")}),
            };
            let (key, action, bound) = (format!("call/1/{n}"), act(action), Bound::default());
            crm.apply(&Work { key: &key, action: &action, case: &case, bound: &bound }).await
        }));
    }
    while sent() < 10 {
        breathe(Duration::from_millis(50));
    }
    // What has its turn arrives.
    (0..50).for_each(|_| breathe(Duration::ZERO));
    let before = house.fake.state().all.len();
    let asked = Instant::now();
    let looks = {
        let crm = crm.clone();
        rt.spawn(async move { crm.caller(&phone(OLGA)).await })
    };
    let mut breaths = 0;
    while !looks.is_finished() {
        breaths += 1;
        breathe(Duration::from_millis(if breaths % 50 == 0 { 50 } else { 0 }));
        assert!(asked.elapsed() < Duration::from_secs(5), "it waits for the deliveries");
    }
    let olga = rt.block_on(looks).unwrap().unwrap().unwrap();
    assert_eq!(olga.owner, Some("13".into()));
    let (mut waited_for, mut asked) = (0, 0);
    for seen in &house.fake.state().all[before..] {
        if seen.path.ends_with(path) {
            waited_for += 1;
        } else {
            assert!(waited_for <= 1, "{waited_for} deliveries before {}", seen.path);
            (waited_for, asked) = (0, asked + 1);
        }
    }
    assert!(asked > 0);
    let behind = sent();
    assert!(behind < MANY, "the deliveries still wait");
    while !deliveries.iter().all(|delivery| delivery.is_finished()) {
        breathe(Duration::from_millis(100));
    }
    assert_eq!(sent(), MANY);
    assert!(begun.elapsed() >= Duration::from_secs(MANY as u64 / 40), "the limit held");
    drop(hold);
}

#[test]
fn a_look_up_waits_behind_at_most_one_delivery() {
    waits_behind_one_delivery(true, true, "calls/upload");
}

#[test]
fn the_whole_answer_waits_for_one_delivery_a_request_at_most() {
    waits_behind_one_delivery(false, true, "notes/create");
}

#[test]
fn so_does_a_look_up_without_telephony() {
    waits_behind_one_delivery(true, false, "notes/create");
}

#[test]
fn facts_of_calls_that_are_over_leave_callers_their_part() {
    let (rt, hold) = by_hand();
    let _in = rt.enter();
    let house = rt.block_on(House::new());
    let long =
        RetailConfig { timeout: Duration::from_secs(600), ..config(&house.fake.server.uri()) };
    let crm = std::sync::Arc::new(Retail::new(&long, no_store()).unwrap());
    let breathe = || {
        let breath = rt.spawn_blocking(|| std::thread::sleep(Duration::from_millis(3)));
        rt.block_on(breath).unwrap();
    };
    rt.block_on(crm.find(&phone(OLGA))).unwrap();
    rt.block_on(tokio::time::advance(Duration::from_secs(2)));
    for _ in 0..MANY {
        let crm = crm.clone();
        rt.spawn(async move { crm.facts(&phone(PETR)).await });
    }
    (0..100).for_each(|_| breathe());
    let begun = Instant::now();
    let looks = {
        let crm = crm.clone();
        rt.spawn(async move { crm.find(&phone(OLGA)).await })
    };
    for _ in 0..2000 {
        if looks.is_finished() {
            break;
        }
        breathe();
    }
    assert!(looks.is_finished(), "it waits for facts");
    assert!(rt.block_on(looks).unwrap().unwrap().is_some());
    assert_eq!(begun.elapsed(), Duration::ZERO, "no time has passed");
    drop(hold);
}
