//! Order for one client, at the same time for many.

use dozvon::core::action::Action;
use dozvon::core::case::{Case, Event};
use dozvon::outbox::entry::State;

use crate::fake::Does;
use crate::house::{ANNA, House, MS, note, until};

fn two_notes(_: &Case) -> Vec<Action> {
    vec![note("one"), note("two")]
}

#[test]
fn entries_of_one_client_go_in_order_and_clients_go_together() {
    let house = House::new(two_notes);
    house.crm.script(|_| Does::Takes(10 * MS));
    let life = house.start();
    for seq in 1..=5 {
        for client in 0..4 {
            life.occurs(
                &format!("call{client}"),
                seq,
                Event::Ended,
                &format!("+7916111000{client}"),
            );
        }
    }
    life.reach(State::Done, 20);
    let done = house.crm.done();
    for client in 0..4 {
        let prefix = format!("note call{client}/");
        let own: Vec<_> = done.iter().filter(|d| d.starts_with(&prefix)).cloned().collect();
        let expected: Vec<_> = (1..=5)
            .flat_map(|seq| [format!("{prefix}{seq}/1"), format!("{prefix}{seq}/2")])
            .collect();
        assert_eq!(own, expected);
    }
    let busy = house.crm.busy.lock().unwrap();
    assert_eq!(busy.most_of_one, 1, "one client, one action at a time");
    assert!(busy.most > 1, "clients go together");
}

#[test]
fn two_calls_of_one_number_stand_in_one_queue_and_withheld_ones_do_not() {
    let house = House::new(two_notes);
    house.crm.script(|work| match work.case.call.as_str() {
        "stuck" => Does::Later(None),
        _ => Does::It,
    });
    let life = house.start();
    life.occurs("stuck", 1, Event::Ended, ANNA);
    life.reach(State::Waiting, 1);
    life.occurs("behind", 1, Event::Ended, ANNA);
    life.occurs("withheld", 1, Event::Ended, "");
    life.reach(State::Done, 1);
    assert_eq!(house.crm.done(), ["note withheld/1/1", "note withheld/1/2"]);
    life.reach(State::Waiting, 2);
}

#[test]
fn a_slow_client_does_not_hold_up_a_hundred_others() {
    let house = House::new(|_| vec![note("one")]);
    house.crm.script(|work| match work.case.call.as_str() {
        "slow" => Does::Hangs { done: false },
        _ => Does::It,
    });
    let life = house.start();
    life.occurs("slow", 1, Event::Ended, ANNA);
    for call in 100..200 {
        life.occurs(&format!("c{call}"), 1, Event::Ended, &format!("+7916222{call}0"));
    }
    life.reach(State::Done, 100);
    assert_eq!(house.crm.count("note"), 100);
}

#[test]
fn however_many_wait_only_so_many_are_in_hand() {
    let mut house = House::new(|_| vec![note("one")]);
    house.config.timeout = std::time::Duration::from_secs(600);
    // Whoever is sent stays in hand.
    house.crm.script(|_| Does::Hangs { done: false });
    let life = house.start();
    let parallel = house.config.parallel.get();
    for call in 0..2_000 {
        life.occurs(&format!("c{call}"), 1, Event::Ended, &format!("+7916222{call:04}"));
    }
    until("all are written", || life.sql::<i64>("SELECT count(*) FROM outbox") == 2_000);
    life.reach(State::Working, parallel);
    let claimed: i64 = life.sql("SELECT count(*) FROM outbox_client WHERE claimed_by IS NOT NULL");
    assert_eq!(usize::try_from(claimed).unwrap(), parallel, "the others are left in the store");
    // Each asked who the client is; nobody else was looked at.
    assert_eq!(house.crm.asked.lock().unwrap().len(), 2 * parallel);
}
