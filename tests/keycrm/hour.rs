//! An hour in which the CRM says that it is too much.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dozvon::core::case::{Case, Clerk, Event, Known};
use dozvon::outbox::desk::{Desk, Filter};
use dozvon::outbox::entry::State;
use dozvon::outbox::{Outbox, OutboxConfig, Wall};
use jiff::SignedDuration;
use serde_json::json;
use tempfile::TempDir;
use tokio::time::Instant;
use wiremock::ResponseTemplate;

use crate::fake::Trouble;
use crate::house::{House, case};
use crate::matrix::outbox;

/// Much less than any time limit: the requests themselves take real time.
const STEP: Duration = Duration::from_secs(2);

#[test]
fn an_hour_of_429_loses_nothing() {
    let rt = tokio::runtime::Builder::new_current_thread();
    let rt = { rt }.enable_all().start_paused(true).build().unwrap();
    let _in = rt.enter();
    // While a blocking task is under way, time moves by hand only.
    let (hold, held) = std::sync::mpsc::channel::<()>();
    tokio::task::spawn_blocking(move || held.recv());

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
    let metrics = parts.metrics.clone();
    let (begun, start) = (Instant::now(), jiff::Timestamp::now());
    let wall: Wall = Arc::new(move || start + SignedDuration::try_from(begun.elapsed()).unwrap());
    let outbox = Outbox::start_by(parts, wall.clone());
    let mut store = outbox.store();
    let store = rt.block_on(store.wait_for(Option::is_some)).unwrap().clone().unwrap();

    let pass = |time: Duration| {
        let end = begun.elapsed() + time;
        while begun.elapsed() < end {
            rt.block_on(tokio::time::advance(STEP));
            let mut before = None;
            for _ in 0..50 {
                let breath = rt.spawn_blocking(|| std::thread::sleep(Duration::from_millis(2)));
                rt.block_on(async {
                    breath.await.unwrap();
                    tokio::task::yield_now().await;
                });
                let now = (house.fake.state().all.len(), metrics.journal_batch.get_sample_count());
                if before.replace(now) == Some(now) {
                    break;
                }
            }
        }
    };
    let open = || {
        let states = vec![State::Waiting, State::Working, State::Parked];
        let filter = Filter { states, limit: 1000, ..Filter::default() };
        rt.block_on(Desk::new(store.clone()).list(&filter)).unwrap()
    };

    let says = ResponseTemplate::new(429).set_body_json(json!({"message": "Too Many Attempts."}));
    house.fake.trouble("", Trouble::Says(says.clone()), 20);
    let says = says.insert_header("Retry-After", "3");
    house.fake.trouble("", Trouble::Says(says), usize::MAX);
    for n in 0..30 {
        let number = format!("+38050777000{}", n % 6);
        let at = wall();
        let base = case(Event::Missed, &number);
        let call = format!("c{n:02}").as_str().into();
        outbox.began(&call, Some("main"));
        let (client, ended) = (Known::Unsure, Some(at));
        outbox.occurred(Case { call, at, started: at, ended, client, ..base });
        pass(Duration::from_secs(120));
    }
    // The writer's last lines may be on their way to a slow disk.
    let begun = std::time::Instant::now();
    while open().len() < 30 && begun.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(open().len(), 30, "everything waits, nothing is parked");
    assert_eq!(house.fake.state().told.len(), 0);
    let asked = house.fake.state().all.len();
    assert!(asked < 120, "{asked} requests in an hour of 429");

    house.fake.state().trouble.clear();
    let mut minutes = 0;
    while !open().is_empty() {
        assert!(minutes < 20, "{:#?}", open());
        minutes += 1;
        pass(Duration::from_secs(60));
    }
    let state = house.fake.state();
    assert_eq!(state.told.len(), 30, "each call once");
    let numbers: BTreeSet<_> = state.buyers.iter().map(|b| b["phone"][0].to_string()).collect();
    assert_eq!((numbers.len(), state.buyers.len()), (8, 8), "each new client once");
    assert_eq!(state.cards.len(), 4 + 6, "and his card");
    assert_eq!(metrics.outbox_lost.get(), 0);
    drop(hold);
}
