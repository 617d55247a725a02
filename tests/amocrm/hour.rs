//! An hour in which the account says that it is too much.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dozvon::core::case::{Case, Clerk, Known};
use dozvon::outbox::OutboxConfig;

use crate::crm_outbox::{Hours, by_hand, parts};
use crate::office::{World, case};
use crate::request::Said;
use crate::server::Wrong;
use crate::sets::file;

#[test]
fn an_hour_of_429_loses_nothing() {
    let (rt, hold) = by_hand();
    let _in = rt.enter();
    let w = rt.block_on(World::with(|config| {
        config.timeout = Duration::from_secs(20);
        config.numbers.insert("504142".into(), vec!["102".into()]);
    }));
    let set = file("amocrm-classic", w.folder.path());
    let crm = Arc::new(w.crm.clone());
    let parts = rt.block_on(parts(crm, set.to_str().unwrap(), &w.folder, OutboxConfig::default()));
    let hours = Hours::begin(&rt, parts);
    let pass = |time| hours.pass(time, || w.server.house().moments.len());

    w.server.fault("", 20, Wrong::Answer(Said::refused(429, "Too Many Requests")));
    let rest = Wrong::With(Said::refused(429, "Too Many Requests"), "Retry-After", "3".to_owned());
    w.server.fault("", u32::MAX, rest);
    let begun = w.server.house().moments.len();
    for n in 0..30 {
        let at = hours.now();
        let base = case(&format!("c{n:02}"), &format!("+7916777000{}", n % 6));
        hours.outbox.began(&base.call, Some("main"));
        let answered = Some(at);
        hours.outbox.occurred(Case { at, started: at, answered, client: Known::Unsure, ..base });
        pass(Duration::from_secs(120));
    }
    assert_eq!(hours.open_at_last(30), 30, "everything waits, nothing is parked");
    assert_eq!(w.server.house().account.all("contacts").len(), 2);
    let asked = w.server.house().moments.len() - begun;
    assert!(asked < 120, "{asked} requests in an hour of 429");

    w.server.house().faults.clear();
    let mut minutes = 0;
    while !hours.open().is_empty() {
        assert!(minutes < 20, "{:#?}", hours.open());
        minutes += 1;
        pass(Duration::from_secs(60));
    }
    let house = w.server.house();
    let count = |kind| house.account.all(kind).len();
    assert_eq!(
        (count("contacts"), count("leads")),
        (2 + 6, 3 + 6),
        "each new client and deal once"
    );
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    for note in house.account.notes.values().flatten() {
        if let Some(call) = note["params"]["uniq"].as_str() {
            *calls.entry(call.to_owned()).or_default() += 1;
        }
    }
    assert_eq!(calls.len(), 30, "{calls:?}");
    assert!(calls.values().all(|times| *times == 1), "each call once: {calls:?}");
    assert_eq!(hours.lost(), 0);
    drop(hold);
}
