//! kill -9 at every step: nothing lost, nothing done twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dozvon::core::case::Event;
use dozvon::outbox::entry::State;

use crate::fake::Does;
use crate::house::{ANNA, House, first_contact, note, until};

/// Kills the engine at the n-th action, before or after the CRM has done it.
fn killed_at(action: usize, done: bool) {
    let house = House::new(|_| vec![note("a"), note("b"), note("c")]);
    let reached = Arc::new(AtomicBool::new(false));
    let (tell, mut sent) = (reached.clone(), 0);
    house.crm.script(move |_| {
        sent += 1;
        if sent != action {
            return Does::It;
        }
        tell.store(true, Ordering::SeqCst);
        Does::Hangs { done }
    });
    let life = house.start();
    life.occurs("c", 1, Event::Ended, ANNA);
    life.occurs("c", 2, Event::Recorded, ANNA);
    until("the step", || reached.load(Ordering::SeqCst));
    // What was accepted must be on the disk before the kill; what is only in memory may go.
    until("both entries", || life.sql::<i64>("SELECT count(*) FROM outbox") == 2);
    life.kill();

    let life = house.start();
    life.reach(State::Done, 2);
    let expected: Vec<_> =
        (1..=2).flat_map(|seq| (1..=3).map(move |i| format!("note c/{seq}/{i}"))).collect();
    assert_eq!(house.crm.done(), expected, "killed at action {action}, done: {done}");
}

#[test]
fn killed_before_the_action_is_done_it_is_done_once() {
    for action in 1..=6 {
        killed_at(action, false);
    }
}

#[test]
fn killed_after_it_is_done_and_before_the_answer_is_stored_it_is_not_done_again() {
    for action in 1..=6 {
        killed_at(action, true);
    }
}

#[test]
fn b05_after_a_crash_the_recording_still_finds_the_deal_of_the_answer() {
    let house = House::new(first_contact);
    let life = house.start();
    life.occurs("c", 1, Event::Answered, ANNA);
    life.reach(State::Done, 1);
    life.kill();
    let life = house.start();
    life.occurs("c", 2, Event::Recorded, ANNA);
    life.reach(State::Done, 2);
    let effects = house.crm.effects.lock().unwrap();
    assert_eq!(effects.iter().map(|e| e.what).collect::<Vec<_>>(), ["contact", "deal", "task"]);
    assert_eq!(effects[2].deal.as_deref(), Some("2"), "the deal made before the crash");
}

#[test]
fn an_engine_that_ends_in_order_lets_the_running_action_end_and_writes_what_it_has() {
    let house = House::new(|_| vec![note("a")]);
    house.crm.script(|_| Does::Takes(std::time::Duration::from_millis(50)));
    let life = house.start();
    for seq in 1..=50 {
        life.occurs("c", seq, Event::Ended, ANNA);
    }
    life.rt.block_on(life.outbox.drain(std::time::Duration::from_secs(20)));
    let (rows, working): (i64, i64) = (
        life.sql("SELECT count(*) FROM journal"),
        life.sql("SELECT count(*) FROM outbox WHERE state = 'working'"),
    );
    assert_eq!((rows, working), (50, 0));
    assert_eq!(house.metrics.outbox_lost.get(), 0);
    let claimed: i64 = life.sql("SELECT count(*) FROM outbox_client WHERE claimed_by IS NOT NULL");
    assert_eq!(claimed, 0, "the next engine need not wait for a claim to run out");
}
