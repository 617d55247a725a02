//! Taking orders: keys, one campaign a phone, a store that fails.

use std::time::{Duration, Instant};

use dozvon::callback::{Callbacks, How, Refused};
use dozvon::core::campaign::order::Ending;
use dozvon::store::Store;

use crate::house::{House, NEW, OLGA, form, until};

#[test]
fn the_same_key_again_is_the_same_callback_even_when_it_is_over() {
    let house = House::new();
    let life = house.start();
    let take = || life.block_on(life.callbacks().take(form(NEW), Some("shop/1".into()))).unwrap();
    let first = take();
    assert_eq!(first.how, How::New);
    assert_eq!((take().how, take().id), (How::Repeated, first.id.clone()));
    life.cancel(&first.id).unwrap();
    life.over(&first.id, Ending::Cancelled);
    assert_eq!((take().how, take().id), (How::Repeated, first.id));
}

/// E01, for programs as for people.
#[test]
fn e01_a_callback_is_shown_with_the_deal_it_brought() {
    let house = House::new();
    let life = house.start();
    let taken = life.take(form(NEW));
    life.cancel(&taken.id).unwrap();
    life.over(&taken.id, Ending::Cancelled);
    let shown = || {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_dozvon"));
        command.env("DOZVON_STORE__PATH", &house.config.store.path);
        let args = ["callbacks", "show", taken.id.as_str(), "--json"];
        let output = command.current_dir(house.folder()).args(args).output().unwrap();
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    assert_eq!((&shown()["id"], shown().get("sales")), (&taken.id.as_str().into(), None));
    let sold = "INSERT INTO sale (crm, deal, call, step, closed, marked) \
        VALUES ('builtin', 'dz-7', ?, 'deal', 1, 1)";
    house.block_on(sqlx::query(sold).bind(taken.id.as_str()).execute(house.store.pool())).unwrap();
    assert_eq!(shown()["sales"][0]["deal"], "dz-7");
}

#[test]
fn many_forms_of_one_phone_at_once_are_one_callback() {
    let house = House::new();
    let life = house.start();
    let callbacks = life.app.as_ref().unwrap().callbacks.clone().unwrap();
    let taken = life.block_on(async {
        let all: Vec<_> = (0..50)
            .map(|_| {
                let callbacks = callbacks.clone();
                tokio::spawn(async move { callbacks.take(form(NEW), None).await.unwrap() })
            })
            .collect();
        let mut taken = Vec::new();
        for one in all {
            taken.push(one.await.unwrap());
        }
        taken
    });
    assert_eq!(taken.iter().filter(|taken| taken.how == How::New).count(), 1);
    assert!(taken.iter().all(|one| one.id == taken[0].id));
    let view = life.reach(&taken[0].id, "all joined", |view| view.joined == 49);
    assert!(view.tries.len() <= 1, "{view:?}");
    life.cancel(&taken[0].id).unwrap();
}

#[test]
fn a_store_that_somebody_holds_is_told_and_nothing_was_taken() {
    let house = House::new();
    let life = house.start();
    let holder = house.block_on(Store::open(&house.config.store.path)).unwrap();
    let mut held = house.block_on(holder.pool().begin_with("BEGIN IMMEDIATE")).unwrap();
    house.block_on(sqlx::query("DELETE FROM callback_key").execute(&mut *held)).unwrap();
    let begun = Instant::now();
    let refused = life.block_on(life.callbacks().take(form(NEW), None)).unwrap_err();
    assert!(matches!(&refused, Refused::Store(why) if why.contains("locked")), "{refused}");
    assert!(begun.elapsed() < Duration::from_secs(15));
    house.block_on(held.rollback()).unwrap();
    // It is written again as soon as the store is free.
    until("it is taken again", || life.block_on(life.callbacks().take(form(OLGA), None)).is_ok());
    assert_eq!(life.block_on(life.callbacks().list(false, 10)).unwrap().len(), 1);
}

#[test]
fn an_order_with_no_target_calls_nobody_and_the_crm_learns_of_it() {
    let house = House::new();
    let life = house.start();
    let id = life.begin(dozvon::core::campaign::order::Order { targets: vec![], ..form(NEW) });
    life.reach(&id, "it is over", |view| {
        matches!(view.stage, dozvon::core::campaign::order::Stage::Over(_))
    });
    assert_eq!(house.cases(&id).first(), Some(&"callback_requested"));
    assert!(life.view(&id).tries.is_empty());
}
