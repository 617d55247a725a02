//! An hour in which the CRM says that it is too much.

use std::collections::BTreeSet;
use std::time::Duration;

use dozvon::core::case::{Case, Clerk, Event, Known};
use dozvon::outbox::OutboxConfig;
use serde_json::json;
use tempfile::TempDir;
use wiremock::ResponseTemplate;

use crate::crm_outbox::{Hours, by_hand};
use crate::fake::Trouble;
use crate::house::{House, case};
use crate::matrix::outbox;

#[test]
fn an_hour_of_429_loses_nothing() {
    let (rt, hold) = by_hand();
    let _in = rt.enter();
    let long = Duration::from_secs(20);
    let house = rt.block_on(House::with(|config| dozvon::crm::keycrm::KeyConfig {
        timeout: long,
        // As KeyCRM has it, to all who share the key.
        per_minute: 54.try_into().unwrap(),
        nobody: Some("100".into()),
        ..config
    }));
    let folder = TempDir::new().unwrap();
    let parts = rt.block_on(outbox(&house, &folder, OutboxConfig::default()));
    let hours = Hours::begin(&rt, parts);
    let pass = |time| hours.pass(time, || house.fake.state().all.len());

    let says = ResponseTemplate::new(429).set_body_json(json!({"message": "Too Many Attempts."}));
    house.fake.trouble("", Trouble::Says(says.clone()), 20);
    let says = says.insert_header("Retry-After", "3");
    house.fake.trouble("", Trouble::Says(says), usize::MAX);
    for n in 0..30 {
        let number = format!("+38050777000{}", n % 6);
        let at = hours.now();
        let base = case(Event::Missed, &number);
        let call = format!("c{n:02}").as_str().into();
        hours.outbox.began(&call, Some("main"));
        let (client, ended) = (Known::Unsure, Some(at));
        hours.outbox.occurred(Case { call, at, started: at, ended, client, ..base });
        pass(Duration::from_secs(120));
    }
    assert_eq!(hours.open_at_last(30), 30, "everything waits, nothing is parked");
    assert_eq!(house.fake.state().told.len(), 0);
    let asked = house.fake.state().all.len();
    assert!(asked < 120, "{asked} requests in an hour of 429");

    house.fake.state().trouble.clear();
    let mut minutes = 0;
    while !hours.open().is_empty() {
        assert!(minutes < 20, "{:#?}", hours.open());
        minutes += 1;
        pass(Duration::from_secs(60));
    }
    let state = house.fake.state();
    let ends = state.told.iter().filter(|call| call["state"] == "canceled");
    assert_eq!((ends.count(), state.told.len()), (30, 60), "each call begins and ends once");
    let numbers: BTreeSet<_> = state.buyers.iter().map(|b| b["phone"][0].to_string()).collect();
    assert_eq!((numbers.len(), state.buyers.len()), (8, 8), "each new client once");
    assert_eq!(state.cards.len(), 4 + 6, "and his card");
    assert_eq!(hours.lost(), 0);
    drop(hold);
}
