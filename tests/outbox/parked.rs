//! What the CRM refuses, and what a person does about it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dozvon::core::case::Event;
use dozvon::outbox::desk::DeskError;
use dozvon::outbox::entry::{Progress, State};

use crate::fake::Does;
use crate::house::{ANNA, House, Life, contact, deal, note, notify, task_on_deal};

/// The CRM refuses deals until it is told otherwise.
fn refusing() -> (House, Life, Arc<AtomicBool>) {
    let house = House::new(|case| match case.event {
        Event::Answered => vec![contact(), deal(), task_on_deal(), notify()],
        Event::Recorded => vec![task_on_deal(), note("on client")],
        _ => vec![note("other call")],
    });
    let mended = Arc::new(AtomicBool::new(false));
    let is_mended = mended.clone();
    house.crm.script(move |work| match work.action.word() {
        "deal" if !is_mended.load(Ordering::SeqCst) => Does::Refuses,
        _ => Does::It,
    });
    let life = house.start();
    life.occurs("c", 1, Event::Answered, ANNA);
    life.occurs("c", 2, Event::Recorded, ANNA);
    life.occurs("d", 1, Event::Ended, ANNA);
    life.reach(State::Parked, 2);
    life.reach(State::Done, 1);
    (house, life, mended)
}

#[test]
fn a_refused_deal_holds_back_what_stands_on_it_and_nobody_else() {
    let (house, life, _) = refusing();
    assert_eq!(
        house.crm.done(),
        ["contact c/1/1", "notify c/1/4", "note c/2/2", "note d/1/1"],
        "no task on another deal of the client"
    );
    let entry = life.rt.block_on(life.desk().show(1)).unwrap();
    let progress: Vec<_> = entry.progress.iter().map(|step| step.is).collect();
    assert_eq!(progress, [Progress::Done, Progress::Refused, Progress::Held, Progress::Done]);
    assert_eq!(entry.last_error.as_deref(), Some("deal: no such field (and 1 more)"));
    assert!(house.metrics.render().contains("action=\"deal\",crm=\"fake\",result=\"refused\"} 1"));
}

#[test]
fn released_it_does_the_rest_in_order_and_those_behind_it_follow() {
    let (house, life, mended) = refusing();
    mended.store(true, Ordering::SeqCst);
    assert_eq!(life.rt.block_on(life.desk().retry(1)).unwrap(), [1, 2]);
    life.reach(State::Done, 3);
    assert_eq!(house.crm.done()[4..], ["deal c/1/2", "task c/1/3", "task c/2/1"]);
    let effects = house.crm.effects.lock().unwrap();
    assert!(effects.iter().filter(|e| e.what == "task").all(|e| e.deal.as_deref() == Some("5")));
}

#[test]
fn dropped_it_stays_undone_and_those_behind_it_wait_for_a_decision() {
    let (house, life, _) = refusing();
    life.rt.block_on(life.desk().drop(1)).unwrap();
    assert_eq!((life.count(State::Dropped), life.count(State::Parked)), (1, 1));
    assert_eq!(life.rt.block_on(life.desk().retry(2)).unwrap(), [2]);
    life.reach(State::Done, 2);
    assert_eq!(house.crm.count("task"), 1);
}

#[test]
fn what_makes_no_sense_is_refused_with_a_reason() {
    let (_, life, _) = refusing();
    let desk = life.desk();
    let done = life.list(&[State::Done])[0].id;
    for (result, says) in [
        (life.rt.block_on(desk.retry(done)).map(drop), "entry 3 is done: it cannot be released"),
        (life.rt.block_on(desk.drop(done)), "entry 3 is done: it cannot be dropped"),
        (life.rt.block_on(desk.drop(99)), "the outbox has no entry 99"),
    ] {
        assert_eq!(result.map_err(|e: DeskError| e.to_string()), Err(says.to_owned()));
    }
}

#[test]
fn everything_parked_is_released_at_once() {
    let (house, life, mended) = refusing();
    mended.store(true, Ordering::SeqCst);
    assert_eq!(life.rt.block_on(life.desk().retry_all()).unwrap(), 2);
    life.reach(State::Done, 3);
    assert_eq!(house.crm.count("task"), 2);
}

#[test]
fn an_entry_that_cannot_be_read_is_parked_and_the_client_goes_on() {
    let house = House::new(|_| vec![note("a")]);
    house.crm.set_down(true);
    let life = house.start();
    life.occurs("c", 1, Event::Ended, ANNA);
    life.reach(State::Waiting, 1);
    life.execute("UPDATE journal SET facts = '{\"made\": \"by another version\"}'");
    life.kill();
    let life = house.start();
    life.occurs("c", 2, Event::Ended, ANNA);
    house.crm.set_down(false);
    life.reach(State::Done, 1);
    let parked = life.list(&[State::Parked]);
    assert!(parked[0].last_error.as_deref().unwrap().contains("cannot be read"), "{parked:?}");
}
