//! A store that fails: calls go on, what fits into memory is kept, what does not is counted.

use dozvon::core::case::Event;
use dozvon::outbox::entry::State;
use sqlx::Connection;

use crate::house::{ANNA, House, Life, note, until};

/// Limits every connection of the engine's store to the pages it has.
fn full(life: &Life, full: bool) {
    let store = life.store();
    life.rt.block_on(async {
        let pages: i64 =
            sqlx::query_scalar("PRAGMA page_count").fetch_one(store.pool()).await.unwrap();
        let limit = if full { pages } else { 1_000_000 };
        let mut held = Vec::new();
        for _ in 0..4 {
            let mut connection = store.pool().acquire().await.unwrap();
            let pragma = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {limit}"));
            sqlx::query(pragma).execute(&mut *connection).await.unwrap();
            held.push(connection);
        }
    });
}

#[test]
fn a_full_disk_keeps_what_fits_counts_what_is_lost_and_mends_itself() {
    let house = House::new(|_| vec![note("a")]).memory(64);
    let life = house.start();
    life.occurs("before", 1, Event::Ended, ANNA);
    life.reach(State::Done, 1);
    full(&life, true);
    // Until the file has no free page left, and the writer stands still.
    let mut sent = 0;
    until("the disk is full", || {
        sent += 1;
        life.occurs("filling", sent, Event::Ended, ANNA);
        house.metrics.outbox_lost.get() > 0
    });
    let lost = house.metrics.outbox_lost.get();
    for seq in 1..=1000 {
        life.occurs("lost", seq, Event::Ended, ANNA);
    }
    assert_eq!(house.metrics.outbox_lost.get(), lost + 1000, "it never waits, and counts");
    let said = life.outbox.state().expect_err("it is told as long as it lasts");
    assert!(said.contains("cannot be written"), "{said}");
    full(&life, false);
    life.reach(State::Done, 1 + usize::try_from(u64::from(sent) - lost).unwrap());
    life.occurs("after", 1, Event::Ended, ANNA);
    until("a case after it", || house.crm.done().contains(&"note after/1/1".to_owned()));
    assert_eq!(house.metrics.outbox_lost.get(), lost + 1000);
    life.outbox.state().expect("it is over");
}

#[test]
fn a_locked_store_loses_nothing_that_fits() {
    let house = House::new(|_| vec![note("a")]);
    let life = house.start();
    let _ = life.store();
    life.rt.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&house.path);
        let mut other = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::query("BEGIN EXCLUSIVE").execute(&mut other).await.unwrap();
        for seq in 1..=500 {
            use dozvon::core::case::Clerk;
            life.outbox.occurred(crate::house::case("c", seq, Event::Ended, ANNA));
        }
        sqlx::query("COMMIT").execute(&mut other).await.unwrap();
    });
    life.reach(State::Done, 500);
    assert_eq!(house.metrics.outbox_lost.get(), 0);
}

#[test]
fn a_store_that_cannot_be_opened_is_tried_again_and_cases_wait_for_it() {
    let mut house = House::new(|_| vec![note("a")]);
    house.path = house.folder.path().join("later").join("dozvon.sqlite");
    let life = house.start();
    life.occurs("c", 1, Event::Ended, ANNA);
    std::thread::sleep(crate::house::MS * 50);
    std::fs::create_dir(house.path.parent().unwrap()).unwrap();
    life.reach(State::Done, 1);
    assert_eq!(house.metrics.outbox_lost.get(), 0);
}

#[test]
fn old_rows_go_and_what_is_parked_stays() {
    let mut house = House::new(|_| vec![note("a")]);
    house.crm.script(|work| match work.case.call.as_str() {
        "parked" => crate::fake::Does::Refuses,
        _ => crate::fake::Does::It,
    });
    house.keep = crate::house::MS;
    let life = house.start();
    for seq in 1..=700 {
        life.occurs("old", seq, Event::Ended, ANNA);
    }
    life.occurs("parked", 1, Event::Ended, ANNA);
    life.reach(State::Parked, 1);
    life.kill();
    // Each start throws away what is too old, in more than one batch.
    let life = house.start();
    until("the old rows go", || life.sql::<i64>("SELECT count(*) FROM journal") == 1);
    assert_eq!(life.list(&[State::Parked]).len(), 1);
    assert_eq!(life.sql::<String>("SELECT call FROM outbox"), "parked");
}
