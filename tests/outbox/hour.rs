//! What takes an hour and more, in virtual time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dozvon::core::case::Event;
use dozvon::outbox::entry::State;
use jiff::SignedDuration;

use crate::by_hand::ByHand;
use crate::fake::Does;
use crate::house::{ANNA, House, first_contact, note};

const MINUTE: Duration = Duration::from_secs(60);

/// A house with the waits a company has.
fn house(
    rules: impl Fn(&dozvon::core::case::Case) -> Vec<dozvon::core::action::Action>
    + Send
    + Sync
    + 'static,
) -> House {
    let mut house = House::new(rules);
    house.config = dozvon::outbox::OutboxConfig::default();
    house
}

/// A whole call of one of twelve clients.
fn call(life: &ByHand, n: u32) {
    let (id, number) = (format!("c{n:03}"), format!("+79161110{:03}", n % 12));
    for (seq, event) in (1..).zip([Event::Ringing, Event::Answered, Event::Recorded]) {
        life.occurs(&id, seq, event, &number);
    }
}

#[test]
fn a_crm_that_is_down_for_an_hour_gets_everything_once_and_in_order() {
    let house = house(first_contact);
    let life = ByHand::start(&house);
    // The last answers before it goes down are lost on their way.
    house.crm.script(|work| match work.case.call.as_str() {
        "c005" => Does::AnswerLost,
        _ => Does::It,
    });
    (0..5).for_each(|n| call(&life, n));
    life.pass_until("done entries", MINUTE, |life| life.list(&[State::Done]).len() == 15);
    call(&life, 5);
    // The sixth pop-up is shown, and nobody knows.
    life.pass_until("pop-up", MINUTE, |_| house.crm.count("notify") == 6);

    house.crm.set_down(true);
    house.crm.script(|_| Does::It);
    let asked = || house.crm.asked.lock().unwrap().len();
    let (before, done) = (asked(), house.crm.done().len());
    for minute in 0..60 {
        call(&life, 6 + 2 * minute);
        call(&life, 7 + 2 * minute);
        life.pass(MINUTE);
    }
    let tries = asked() - before;
    // Eight may have been under way together; then one at a time, ever later.
    assert!((8..40).contains(&tries), "{tries} tries in an hour");
    assert_eq!(house.crm.done().len(), done);
    assert_eq!(life.list(&[State::Parked]), []);

    house.crm.set_down(false);
    // The longest wait is ten minutes.
    let all = 3 * 126;
    life.pass_until("done entries", 11 * MINUTE, |life| life.list(&[State::Done]).len() == all);

    let effects = house.crm.effects.lock().unwrap();
    let keys: BTreeSet<_> = effects.iter().map(|e| (&e.key, e.what)).collect();
    assert_eq!(keys.len(), effects.len(), "nothing twice");
    let mut by_client: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for effect in effects.iter() {
        by_client.entry(&effect.number).or_default().push(&effect.key);
    }
    assert_eq!(by_client.len(), 12);
    for (client, keys) in by_client {
        assert!(keys.is_sorted(), "{client}: {keys:?}");
    }
    drop(effects);
    let counts = ["notify", "contact", "deal", "task"].map(|what| house.crm.count(what));
    // One pop-up and one task a call; one contact and one deal a client.
    assert_eq!(counts, [126, 12, 12, 126]);
    assert_eq!(house.metrics.outbox_lost.get(), 0);
}

#[test]
fn a_clock_that_is_set_back_while_the_engine_runs_stalls_nothing() {
    let house = house(|_| vec![note("a")]);
    house.crm.set_down(true);
    let life = ByHand::start(&house);
    life.occurs("c", 1, Event::Ended, ANNA);
    life.pass(5 * MINUTE);
    assert!(life.list(&[State::Waiting])[0].tries > 3, "it failed, and waits");
    life.set_clock(-SignedDuration::from_hours(3));
    house.crm.set_down(false);
    // By the stored times it would be due in three hours.
    life.pass_until("done entry", 11 * MINUTE, |life| life.list(&[State::Done]).len() == 1);
    life.occurs("d", 1, Event::Ended, ANNA);
    life.pass_until("done entry", MINUTE, |life| life.list(&[State::Done]).len() == 2);
    assert_eq!(house.crm.done(), ["note c/1/1", "note d/1/1"]);
}

#[test]
fn what_is_wrong_with_the_outbox_is_told_and_that_it_is_over() {
    let house = house(|_| vec![note("a")]);
    house.crm.set_down(true);
    let life = ByHand::start(&house);
    life.occurs("c", 1, Event::Ended, ANNA);
    life.pass(10 * MINUTE);
    assert_eq!(life.outbox.state(), Ok(()), "it was down for some minutes only");
    life.pass(10 * MINUTE);
    let told = life.outbox.state().unwrap_err();
    assert!(told.starts_with("the oldest entry waits for "), "{told}");
    house.crm.script(|_| Does::Refuses);
    house.crm.set_down(false);
    life.pass_until("parked entry", 11 * MINUTE, |life| life.list(&[State::Parked]).len() == 1);
    life.pass(Duration::from_secs(10));
    let told = life.outbox.state().unwrap_err();
    assert!(told.starts_with("1 parked; "), "{told}");
}
