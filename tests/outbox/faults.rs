//! A CRM that is down, slow, overloaded, or gives half answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dozvon::core::case::{Event, Known};
use dozvon::outbox::entry::State;

use crate::fake::Does;
use crate::house::{ANNA, House, MS, case, note, until};

#[test]
fn a_crm_that_is_down_gets_everything_in_order_when_it_is_back() {
    let house = House::new(|_| vec![note("a")]);
    house.crm.set_down(true);
    let life = house.start();
    for seq in 1..=20 {
        for client in 10..30 {
            life.occurs(&format!("c{client}"), seq, Event::Ended, &format!("+791611100{client}"));
        }
    }
    life.reach(State::Waiting, 400);
    until("some tries", || house.crm.asked.lock().unwrap().len() > 8);
    assert_eq!(house.crm.done(), Vec::<String>::new());
    house.crm.set_down(false);
    life.reach(State::Done, 400);
    assert_eq!(house.crm.count("note"), 400);
    assert!(house.metrics.render().contains("result=\"done\"} 400"));
}

#[test]
fn while_it_is_down_it_is_asked_now_and_then_and_not_for_every_entry() {
    let mut house = House::new(|_| vec![note("a")]);
    (house.config.retry, house.config.retry_max) = (200 * MS, 60_000 * MS);
    house.crm.set_down(true);
    let life = house.start();
    for client in 100..400 {
        life.occurs(&format!("c{client}"), 1, Event::Ended, &format!("+7916111{client}1"));
    }
    life.reach(State::Waiting, 300);
    until("the circuit opens", || house.crm.asked.lock().unwrap().len() >= 8);
    let asked = house.crm.asked.lock().unwrap().len();
    // Eight at once, then one at each probe: far from 300.
    assert!(asked < 30, "{asked}");
}

#[test]
fn a_429_storm_ends_and_nothing_is_sent_before_retry_after() {
    let mut house = House::new(|_| vec![note("a")]);
    house.config.parallel = std::num::NonZeroUsize::MIN;
    let rest = 300 * MS;
    let first: Arc<std::sync::Mutex<Option<Instant>>> = Arc::default();
    let (seen, early) = (first.clone(), Arc::new(AtomicUsize::new(0)));
    let too_early = early.clone();
    house.crm.script(move |_| {
        let mut first = seen.lock().unwrap();
        match *first {
            None => {
                *first = Some(Instant::now());
                Does::Later(Some(rest))
            }
            Some(at) => {
                if at.elapsed() < rest {
                    too_early.fetch_add(1, Ordering::SeqCst);
                }
                Does::It
            }
        }
    });
    let life = house.start();
    for client in 10..40 {
        life.occurs(&format!("c{client}"), 1, Event::Ended, &format!("+791611100{client}"));
    }
    life.reach(State::Done, 30);
    assert_eq!((early.load(Ordering::SeqCst), house.crm.count("note")), (0, 30));
}

#[test]
fn every_third_request_fails_and_every_action_is_done_once() {
    let house = House::new(|_| vec![note("a"), note("b")]);
    let mut sent = 0;
    house.crm.script(move |_| {
        sent += 1;
        match sent % 9 {
            0 => Does::AnswerLost,
            3 => Does::Later(None),
            6 => Does::RequestLost,
            _ => Does::It,
        }
    });
    let life = house.start();
    for client in 10..40 {
        life.occurs(&format!("c{client}"), 1, Event::Ended, &format!("+791611100{client}"));
    }
    life.reach(State::Done, 30);
    let mut done = house.crm.done();
    done.sort();
    let before = done.len();
    done.dedup();
    assert_eq!((before, done.len()), (60, 60), "nothing lost, nothing twice");
}

#[test]
fn an_answer_that_never_comes_counts_as_lost_and_is_read_back() {
    let mut house = House::new(|_| vec![note("a")]);
    house.config.timeout = 30 * MS;
    let mut sent = 0;
    house.crm.script(move |_| {
        sent += 1;
        if sent == 1 { Does::Hangs { done: true } } else { Does::It }
    });
    let life = house.start();
    life.occurs("c", 1, Event::Ended, ANNA);
    life.reach(State::Done, 1);
    assert_eq!(house.crm.done(), ["note c/1/1"]);
    let entry = life.rt.block_on(life.desk().show(1)).unwrap();
    assert_eq!(entry.progress[0].what, "found done");
}

#[test]
fn what_fails_too_long_is_parked_and_the_client_goes_on() {
    let mut house = House::new(|_| vec![note("a")]);
    house.config.park_after = 50 * MS;
    house.crm.script(|work| match work.case.call.as_str() {
        "poison" => Does::Later(None),
        _ => Does::It,
    });
    let life = house.start();
    life.occurs("poison", 1, Event::Ended, ANNA);
    life.occurs("good", 1, Event::Ended, ANNA);
    life.reach(State::Done, 1);
    let parked = life.list(&[State::Parked]);
    assert!(parked[0].last_error.as_deref().unwrap().starts_with("given up after"), "{parked:?}");
    assert_eq!(house.crm.done(), ["note good/1/1"]);
}

#[test]
fn e09_a_client_who_was_not_known_in_time_is_settled_before_anything_is_sent() {
    let house = House::new(|case| match case.client {
        Known::Unsure => vec![],
        Known::Nobody => vec![note("new")],
        Known::Client(_) => vec![note("known")],
    });
    house.crm.set_down(true);
    let life = house.start();
    life.outbox_occurs_unsure();
    life.reach(State::Waiting, 1);
    house.crm.set_down(false);
    life.reach(State::Done, 1);
    assert_eq!(house.crm.count("note"), 1);
    let anew: String = life.sql("SELECT anew FROM journal");
    assert!(anew.contains("\"client\":\"nobody\""), "{anew}");
}

impl crate::house::Life {
    fn outbox_occurs_unsure(&self) {
        use dozvon::core::case::Clerk;
        let mut case = case("c", 1, Event::Answered, ANNA);
        case.client = Known::Unsure;
        self.outbox.occurred(case);
    }
}

#[test]
fn a_clock_that_was_set_back_stalls_nothing() {
    let mut house = House::new(|_| vec![note("a")]);
    house.config.retry_max = Duration::from_secs(600);
    house.crm.set_down(true);
    let life = house.start();
    life.occurs("c", 1, Event::Ended, ANNA);
    until("a failure", || life.list(&[State::Waiting]).first().is_some_and(|l| l.tries > 0));
    life.rt.block_on(life.outbox.drain(Duration::from_secs(5)));
    // All that was written was written three hours ahead of the clock as it is now.
    life.execute("UPDATE outbox SET created = created + 10800000000, updated = updated + 10800000000, next_try = next_try + 10800000000, since = since + 10800000000");
    life.execute("UPDATE outbox_client SET next_try = next_try + 10800000000");
    life.kill();
    house.crm.set_down(false);
    let life = house.start();
    life.reach(State::Done, 1);
    assert_eq!(house.crm.count("note"), 1);
}
