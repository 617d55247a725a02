//! Whose turn it is: a caller before deliveries, with the limits the adapter really has.

use std::sync::Arc;
use std::time::Duration;

use dozvon::core::action::Action;
use dozvon::crm::Crm;
use serde_json::json;

use crate::crm_outbox::by_hand;
use crate::office::{Call, OLGA, World, case, phone};

#[test]
fn a_look_up_waits_behind_one_delivery_at_most() {
    let (rt, hold) = by_hand();
    let _in = rt.enter();
    let w = Arc::new(rt.block_on(World::with(|config| config.timeout = Duration::from_secs(20))));
    let breathe = || {
        let breath = rt.spawn_blocking(|| std::thread::sleep(Duration::from_millis(30)));
        rt.block_on(async {
            breath.await.unwrap();
            tokio::task::yield_now().await;
        });
    };
    rt.block_on(tokio::time::advance(Duration::from_secs(10)));
    for n in 0..40 {
        let w = w.clone();
        rt.spawn(async move {
            let note = json!({ "do": "note", "on": "deal", "text": format!("{n}") });
            let action: Action = serde_json::from_value(note).unwrap();
            let mut call = Call::of(&w, case(&format!("c{n}"), OLGA));
            call.case.client = dozvon::core::case::Known::Nobody;
            call.bound.deal = Some("71".into());
            call.bound.client = Some("7".into());
            call.with_key("k", &action).await
        });
    }
    let asked = || w.server.house().said.len();
    // However slow this machine is.
    for _ in 0..100 {
        if asked() < 5 {
            breathe();
        }
    }
    breathe();
    let before = asked();
    assert_eq!(before, 5, "two of seven are for callers");
    let crm = w.crm.clone();
    let mut look_up = rt.spawn(async move { crm.find(&phone(OLGA)).await });
    // No time passes.
    for _ in 0..100 {
        if !look_up.is_finished() {
            breathe();
        }
    }
    assert!(look_up.is_finished(), "after {} requests", asked());
    assert!(rt.block_on(&mut look_up).unwrap().unwrap().is_some());
    let house = w.server.house();
    let behind = house.said.iter().skip(before).position(|sent| sent.path == "/api/v4/contacts");
    assert!(behind.unwrap() <= 1, "{:?}", house.said.iter().map(|s| &s.path).collect::<Vec<_>>());
    drop(house);

    // Seven in any 1.1 seconds, though all the others wait.
    let mut sent = vec![asked()];
    while asked() < before + 2 + 35 {
        rt.block_on(tokio::time::advance(Duration::from_millis(100)));
        breathe();
        sent.push(asked());
        assert!(sent.len() < 200, "{sent:?}");
    }
    for window in sent.windows(11) {
        assert!(window[10] - window[0] <= 7, "{sent:?}");
    }
    drop(hold);
}
