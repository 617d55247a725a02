//! A talk that outlives its engine: the CRM learns of its end all the same.

#![allow(clippy::unwrap_used, dead_code, reason = "a test")]

#[path = "callbacks/house.rs"]
mod house;

use dozvon::crm::builtin::view::CallRow;
use dozvon::sim::{CallSpec, Caller, Script};
use house::{House, LINE, Life, OLGA, secs, until};

/// A talk begins, its engine goes, and the next one is there when it ends.
fn outlived(go: impl Fn(Life)) {
    let house = House::new();
    house.phone("101", Script::answers(secs(2)));
    let life = house.start();
    let caller = Caller::stays().talks_for(secs(200)).gives_up_after(secs(100));
    let spec = CallSpec::new(OLGA, LINE).caller(caller);
    let call = house.block_on(async { house.switch.call(spec) });
    let only = || {
        let mut rows = house.rows::<CallRow>();
        assert!(rows.len() < 2, "one call is registered once: {rows:?}");
        rows.pop()
    };
    until("the CRM knows of the talk", || only().is_some_and(|row| row.answered.is_some()));
    go(life);
    assert_eq!(house.switch.channels(), 2, "they talk on");
    let life = house.start();
    assert!(only().is_some_and(|row| row.ended.is_none()), "nobody knows of an end yet");
    until("the CRM knows of its end", || only().is_some_and(|row| row.ended.is_some()));
    until("and its recording", || only().is_some_and(|row| row.recording_seconds.is_some()));
    let row = only().unwrap();
    assert_eq!(row.result, "answered", "{row:?}");
    assert!(row.talked > 0 && row.recording_seconds > Some(0), "{row:?}");
    drop((call, life));
}

#[test]
fn a12_the_end_of_a_talk_whose_engine_was_killed_is_told_by_the_next_one() {
    outlived(Life::kill);
}

#[test]
fn a12_the_end_of_a_talk_whose_engine_was_drained_is_told_by_the_next_one() {
    outlived(Life::drain);
}
