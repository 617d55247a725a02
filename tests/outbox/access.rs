//! A key that the CRM refuses, and a right that a key lacks: nothing is lost, it is seen and told
//! once, and it is over without a restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dozvon::core::case::Event;
use dozvon::core::client::Lookup;
use dozvon::outbox::entry::{Progress, State};

use crate::fake::Does;
use crate::house::{ANNA, House, Life, contact, deal, note, notify, phone, task_on_deal, until};

const BROKEN: &str = "the CRM does not let us in";
const MENDED: &str = "the CRM lets us in again";

fn access(house: &House) -> i64 {
    house.metrics.crm_access.with_label_values(&["fake"]).get()
}

/// Somebody calls, and the CRM says who he is.
fn looks_up(house: &House, life: &Life) {
    let directory = house.directory.clone().unwrap();
    life.rt.block_on(async {
        tokio::spawn(async move {
            let found = directory.lookup(&phone(ANNA)).await;
            assert!(matches!(found, Lookup::Found { .. } | Lookup::Unknown { .. }), "{found:?}");
            directory.refresh_staff().await.unwrap();
        })
        .await
        .unwrap();
    });
}

/// Refuses what `denies` says until it is mended.
fn refusing(
    house: &House,
    denies: impl Fn(&str) -> Option<Does> + Send + 'static,
) -> Arc<AtomicBool> {
    let mended = Arc::new(AtomicBool::new(false));
    let is_mended = mended.clone();
    house.crm.script(move |work| match denies(work.action.word()) {
        Some(does) if !is_mended.load(Ordering::SeqCst) => does,
        _ => Does::It,
    });
    mended
}

/// A key that may read and not write is refused for deliveries only.
#[test]
fn a_key_refused_for_deliveries_only_is_a_state_told_once_and_over_by_itself() {
    let house = House::new(|_| vec![note("a")]).looked_up();
    let mended = refusing(&house, |_| Some(Does::Denies { alone: false }));
    let life = house.start();
    for client in 10..20 {
        life.occurs(&format!("c{client}"), 1, Event::Ended, &format!("+791611100{client}"));
    }
    until("the state", || access(&house) == 0);
    for _ in 0..5 {
        looks_up(&house, &life);
        assert_eq!(access(&house), 0, "look-ups say nothing of deliveries");
    }
    until("many tries", || house.crm.asked.lock().unwrap().len() > 30);
    let told = house.log.lines(BROKEN);
    assert_eq!(told.len(), 1, "{told:#?}");
    for part in ["ERROR", "deliveries", "it refuses our access: 401", "put a good key", "fake"] {
        assert!(told[0].contains(part), "{part}: {told:?}");
    }
    assert_eq!(house.log.lines(MENDED), Vec::<String>::new());
    assert!(house.directory.as_ref().unwrap().state().denied[0].starts_with("deliveries: "));
    mended.store(true, Ordering::SeqCst);
    life.reach(State::Done, 10);
    assert_eq!((access(&house), house.crm.count("note")), (1, 10), "nothing is lost");
    assert_eq!((house.log.lines(BROKEN).len(), house.log.lines(MENDED).len()), (1, 1));
}

#[test]
fn where_it_may_not_even_be_asked_a_403_is_no_matter_of_one_right() {
    let house = House::new(|_| vec![note("a"), notify()]).looked_up();
    let mended = refusing(&house, |_| Some(Does::Denies { alone: true }));
    house.crm.closed.store(true, Ordering::SeqCst);
    let life = house.start();
    life.occurs("c", 1, Event::Ended, ANNA);
    until("the state", || access(&house) == 0);
    until("some tries", || house.crm.asked.lock().unwrap().len() > 5);
    assert_eq!(life.count(State::Waiting), 1, "an address that is blocked today waits");
    house.crm.closed.store(false, Ordering::SeqCst);
    mended.store(true, Ordering::SeqCst);
    life.reach(State::Done, 1);
    assert_eq!((access(&house), house.crm.done().len()), (1, 2));
    assert_eq!((house.log.lines(BROKEN).len(), house.log.lines(MENDED).len()), (1, 1));
}

/// The key may do all but make tasks.
#[test]
fn an_action_whose_right_is_missing_holds_up_nothing_else_and_is_done_when_it_is_given() {
    let mut house = House::new(|case| match case.event {
        Event::Answered => vec![contact(), deal(), task_on_deal(), notify()],
        Event::Recorded => vec![task_on_deal(), note("on client")],
        _ => vec![note("other call")],
    })
    .looked_up();
    // Long enough that only a success frees the rest at once.
    house.config.retry_max = std::time::Duration::from_millis(200);
    let mended = refusing(&house, |word| (word == "task").then_some(Does::Denies { alone: true }));
    let life = house.start();
    life.occurs("c", 1, Event::Answered, ANNA);
    life.occurs("c", 2, Event::Recorded, ANNA);
    for call in 0..10 {
        life.occurs(&format!("d{call}"), 1, Event::Ended, ANNA);
    }
    life.reach(State::Done, 10);
    let all = |what| house.crm.count(what);
    until("the rest", || {
        (all("contact"), all("deal"), all("notify"), all("note")) == (1, 1, 1, 11)
    });
    looks_up(&house, &life);
    assert_eq!(access(&house), 0);
    let told = house.log.lines(BROKEN);
    assert!(told.len() == 1 && told[0].contains("task on deal"), "{told:#?}");
    assert_eq!(house.log.lines("parked"), Vec::<String>::new(), "it is told once");
    life.reach(State::Parked, 2);
    // It is tried now and then, and stands so in between.
    let (mut why, stands) = (String::new(), [Progress::Done, Progress::Done, Progress::Denied]);
    until("it waits for the right", || {
        let entry = life.rt.block_on(life.desk().show(1)).unwrap();
        why = entry.last_error.unwrap_or_default();
        let progress: Vec<_> = entry.progress.iter().map(|step| step.is).collect();
        progress[..3] == stands && progress[3] == Progress::Done
    });
    assert!(why.starts_with("task on deal: it forbids this: 403; it is done by itself"), "{why}");
    mended.store(true, Ordering::SeqCst);
    life.reach(State::Done, 12);
    assert_eq!(all("task"), 2);
    assert_eq!(house.crm.done().len(), 16, "and nothing twice");
    assert_eq!(access(&house), 1);
    assert_eq!((house.log.lines(BROKEN).len(), house.log.lines(MENDED).len()), (1, 1));
}

#[test]
fn what_another_life_of_the_engine_parked_for_a_right_is_tried_again() {
    let house = House::new(|_| vec![note("a")]).looked_up();
    let mended = refusing(&house, |_| Some(Does::Denies { alone: true }));
    let life = house.start();
    life.occurs("c", 1, Event::Ended, ANNA);
    life.reach(State::Parked, 1);
    life.kill();
    mended.store(true, Ordering::SeqCst);
    let life = house.start();
    life.reach(State::Done, 1);
    assert_eq!((access(&house), house.crm.count("note")), (1, 1));
}

#[test]
fn a_right_that_nothing_waits_for_any_more_is_not_missed() {
    let house = House::new(|_| vec![note("a")]).looked_up();
    refusing(&house, |_| Some(Does::Denies { alone: true }));
    let life = house.start();
    life.occurs("c", 1, Event::Ended, ANNA);
    life.reach(State::Parked, 1);
    until("dropped", || life.rt.block_on(life.desk().drop(1)).is_ok());
    until("the state is over", || access(&house) == 1);
}

/// A deal is made, and to set its stage is forbidden.
#[test]
fn an_action_that_is_forbidden_halfway_is_not_begun_anew_and_holds_up_nobody() {
    let house = House::new(|_| vec![contact(), deal(), notify()]).looked_up();
    let mut sent = 0;
    house.crm.script(move |work| match work.action.word() {
        "deal" => {
            sent += 1;
            if sent == 1 { Does::Half } else { Does::It }
        }
        _ => Does::It,
    });
    let life = house.start();
    life.occurs("c", 1, Event::Answered, ANNA);
    life.occurs("d", 1, Event::Ended, "+79161110002");
    // It is looked for, as after a lost answer, and found.
    life.reach(State::Done, 2);
    assert_eq!((house.crm.count("contact"), house.crm.count("deal")), (2, 2), "and none twice");
    let told = house.log.lines(BROKEN);
    assert!(told.len() == 1 && told[0].contains("its stage"), "{told:#?}");
    assert_eq!((access(&house), house.log.lines(MENDED).len()), (1, 1));
}
