//! Facts are the call's, and two calls at once make nothing twice.

use std::sync::Arc;

use dozvon::core::case::{Clerk, Event, Known};
use dozvon::core::client::Client;
use dozvon::core::facts::Direction;
use dozvon::outbox::InForce;
use dozvon::outbox::entry::State;

use crate::house::{ANNA, House, case, contact, deal, first_contact, note, set, task_on_deal};

#[test]
fn two_calls_of_a_new_number_in_one_second_make_one_contact_and_one_deal() {
    let house = House::new(first_contact);
    let life = house.start();
    for event in [(1, Event::Answered), (2, Event::Ended), (3, Event::Recorded)] {
        for call in ["one", "two"] {
            life.occurs(call, event.0, event.1, ANNA);
        }
    }
    life.reach(State::Done, 6);
    let counts = ["contact", "deal", "task"].map(|what| house.crm.count(what));
    assert_eq!(counts, [1, 1, 2]);
}

#[test]
fn they_do_so_too_when_both_had_a_pop_up_before_either_was_answered() {
    let house = House::new(first_contact);
    let life = house.start();
    for event in [(1, Event::Ringing), (2, Event::Answered)] {
        for call in ["one", "two"] {
            life.occurs(call, event.0, event.1, ANNA);
        }
    }
    life.reach(State::Done, 4);
    let counts = ["notify", "contact", "deal"].map(|what| house.crm.count(what));
    assert_eq!(counts, [2, 1, 1]);
}

#[test]
fn our_own_contact_does_not_make_the_client_known_within_the_call() {
    let house = House::new(|case| match (case.event, case.client()) {
        (Event::Answered, None) => vec![contact(), deal()],
        (_, None) => vec![note("still new")],
        (_, Some(_)) => vec![],
    });
    let life = house.start();
    life.occurs("c", 1, Event::Answered, ANNA);
    life.occurs("c", 2, Event::Ended, ANNA);
    life.reach(State::Done, 2);
    assert_eq!(house.crm.count("note"), 1);
}

#[test]
fn b05_the_id_of_the_deal_goes_into_the_actions_behind_it() {
    let house = House::new(|_| vec![contact(), deal(), task_on_deal()]);
    let life = house.start();
    life.occurs("c", 1, Event::Answered, ANNA);
    life.reach(State::Done, 1);
    let effects = house.crm.effects.lock().unwrap();
    let deals: Vec<_> = effects.iter().map(|e| e.deal.as_deref()).collect();
    assert_eq!(deals, [None, None, Some("2")]);
}

#[test]
fn what_the_cache_said_wrongly_is_put_right_and_the_journal_shows_it() {
    let house = House::new(first_contact);
    let client =
        Client { id: "9".into(), name: "Gone".into(), company: None, owner: None, deals: vec![] };
    let life = house.start();
    // The directory remembered a client whom the CRM does not have any more.
    let mut stale = case("c", 1, Event::Answered, ANNA);
    stale.client = Known::Client(Arc::new(client));
    life.outbox.occurred(stale);
    life.reach(State::Done, 1);
    assert_eq!(house.crm.done(), ["contact c/1/1", "deal c/1/2"]);
    let (facts, anew): (String, String) =
        (life.sql("SELECT facts FROM journal"), life.sql("SELECT anew FROM journal"));
    assert!(facts.contains("Gone") && anew.contains("\"hash\":\"one\""), "{anew}");
}

#[test]
fn a_call_keeps_the_set_it_began_with() {
    let house = House::new(|_| vec![note("old")]);
    let life = house.start();
    life.outbox.began(&"c".into(), None);
    house.rules(InForce { live: set("two", |_| vec![]), shadow: None });
    life.occurs("c", 1, Event::Ended, ANNA);
    life.occurs("new", 1, Event::Ended, ANNA);
    life.reach(State::Done, 2);
    assert_eq!(house.crm.done(), ["note c/1/1"]);
    let hashes: String =
        life.sql("SELECT group_concat(hash, ' ') FROM (SELECT hash FROM journal ORDER BY id)");
    assert_eq!(hashes, "one two");
}

#[test]
fn after_a_restart_with_other_rules_actions_stand_and_only_what_is_judged_anew_is_by_the_new_set() {
    let house = House::new(|_| vec![note("old")]);
    house.crm.set_down(true);
    let life = house.start();
    life.occurs("stands", 1, Event::Ended, ANNA);
    let mut unsure = case("anew", 1, Event::Ended, "+79161110002");
    unsure.client = Known::Unsure;
    life.outbox.occurred(unsure);
    life.reach(State::Waiting, 2);
    life.kill();
    house.rules(InForce { live: set("two", |_| vec![note("new"), note("new")]), shadow: None });
    house.crm.set_down(false);
    let life = house.start();
    life.reach(State::Done, 2);
    let mut done = house.crm.done();
    done.sort();
    assert_eq!(done, ["note anew/1/1", "note anew/1/2", "note stands/1/1"]);
    let anew: String = life.sql("SELECT anew FROM journal WHERE call = 'anew'");
    assert!(anew.contains("\"hash\":\"two\"") && anew.contains("not in memory any more"), "{anew}");
}

#[test]
fn e02_calls_between_employees_are_written_down_and_nothing_follows() {
    let house = House::new(|_| vec![note("never")]);
    let life = house.start();
    let mut internal = case("c", 1, Event::Ended, "");
    internal.direction = Direction::Internal;
    life.outbox.occurred(internal);
    life.occurs("d", 1, Event::Ended, ANNA);
    life.reach(State::Done, 1);
    assert_eq!(life.sql::<i64>("SELECT count(*) FROM journal"), 2);
    assert_eq!(house.crm.done(), ["note d/1/1"]);
}

#[test]
fn a_shadow_set_is_compared_and_nothing_of_it_is_sent() {
    let house = House::new(|_| vec![note("live")]);
    let live = set("one", |_| vec![note("live")]);
    let shadow = set("dark", |case| match case.event {
        Event::Ended => vec![note("live")],
        _ => vec![note("live"), deal()],
    });
    house.rules(InForce { live, shadow: Some(shadow) });
    let life = house.start();
    life.occurs("c", 1, Event::Answered, ANNA);
    life.occurs("c", 2, Event::Ended, ANNA);
    life.reach(State::Done, 2);
    assert_eq!(house.metrics.rules_shadow_diff.get(), 1);
    assert_eq!(house.crm.count("deal"), 0);
}

#[test]
fn a_call_that_comes_back_to_a_restarted_engine_loses_no_case() {
    let house = House::new(|_| vec![note("a")]);
    let life = house.start();
    let first = case("c", 1, Event::Ringing, ANNA);
    life.outbox.occurred(first.clone());
    // The same one again is the same one; another one with its number is another.
    life.outbox.occurred(first);
    life.occurs("c", 1, Event::Answered, ANNA);
    life.reach(State::Done, 2);
    assert_eq!(house.crm.done(), ["note c/1/1", "note c/2/1"]);
}
