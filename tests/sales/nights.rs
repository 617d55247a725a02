//! When CRMs are asked, from when on, and what comes of faults (E01).

use std::time::Duration;

use dozvon::sales::{Counts, Desk, Ran};
use jiff::{SignedDuration, Timestamp};

use crate::crm_outbox::by_hand;
use crate::house::{House, SHOP, moscow};
use crate::office::{NEW, OLGA};
use crate::request::Said;
use crate::server::Wrong;

/// From when on deals were asked for, each time.
fn asked(house: &House<'_>) -> Vec<Timestamp> {
    let said = house.w.server.house().said.clone();
    let from = said.iter().filter_map(|sent| sent.query("filter[closed_at][from]"));
    from.map(|from| Timestamp::from_second(from.parse().unwrap()).unwrap()).collect()
}

fn marked(ran: &Ran) -> i64 {
    match ran {
        Ran::Done(counts) => counts.marked,
        _ => 0,
    }
}

#[test]
fn e01_each_night_from_the_begin_of_the_last_good_run_on_and_never_twice() {
    let (rt, _hold) = by_hand();
    let _in = rt.enter();
    let house = House::new(&rt, true);
    let seller = house.seller(|_| {});
    let at = seller.config.at;
    let (desk, _engine) = house.engine(seller);
    let first = house.until(&desk, "the first run", |one| one.last_success.is_some());
    let begun = first.last_success.unwrap();
    let yesterday = begun.to_zoned(moscow()).date().yesterday().unwrap();
    let midnight = yesterday.to_zoned(moscow()).unwrap().timestamp();
    assert_eq!(asked(&house), [midnight], "the first run: the day before");
    assert_eq!(first.next.to_zoned(moscow()).time(), at, "by the company's clock");

    house.calls("c1", NEW);
    house.wins(house.deals()[0]);
    house.at(first.next + SignedDuration::from_secs(61));
    let second = house.until(&desk, "the night", |one| one.last_success > first.last_success);
    assert_eq!(second.counts.unwrap().marked, 1);
    let overlap = SignedDuration::from_mins(10);
    let from = Timestamp::from_second((begun - overlap).as_second()).unwrap();
    assert_eq!(asked(&house)[1], from, "a little before the begin of the last one");

    // On demand, and what is told again changes nothing.
    house.execute("UPDATE sales_run SET success = success - 86400000000");
    assert!(desk.ask(SHOP.to_owned()));
    let again =
        house.until(&desk, "on demand", |one| one.counts.is_some_and(|counts| counts.known == 1));
    assert_eq!(again.counts, Some(Counts { deals: 1, known: 1, ..Counts::default() }));
    assert_eq!(house.sales(&desk).len(), 1);
}

#[test]
fn e01_a_run_that_fails_counts_for_nothing_and_the_next_begins_where_it_did() {
    let (rt, _hold) = by_hand();
    let _in = rt.enter();
    let house = House::new(&rt, true);
    let (desk, _engine) = house.engine(house.seller(|_| {}));
    let first = house.until(&desk, "the first run", |one| one.last_success.is_some());
    for (call, number) in [("c1", NEW), ("c2", "+79165550007"), ("c3", "+79165550008")] {
        house.calls(call, number);
    }
    for id in house.deals() {
        house.wins(id);
    }
    // The third page of three.
    house.w.server.house().account.habits.page = Some(1);
    let too_many = || Wrong::Answer(Said::refused(429, "Too Many Requests"));
    house.w.server.fault_after("GET /api/v4/leads", 2, too_many());
    house.at(first.next + SignedDuration::from_secs(61));
    let failed = house.until(&desk, "the fault", |one| one.error.is_some());
    assert_eq!((failed.last_success, failed.counts), (first.last_success, first.counts));
    assert!(failed.error.as_ref().unwrap().contains("429"), "{failed:?}");
    assert!(failed.help.unwrap().contains("dozvon doctor"));
    assert_eq!(house.sales(&desk), []);
    assert_eq!(house.metrics.sales_runs.with_label_values(&[SHOP, "failed"]).get(), 1);
    assert_eq!(failed.next, failed.failed.unwrap() + SignedDuration::from_mins(15));

    house.at(failed.next + SignedDuration::from_secs(61));
    let good = house.until(&desk, "the next run", |one| one.error.is_none());
    assert_eq!(good.counts.unwrap().marked, 3);
    let asked = asked(&house);
    assert_eq!(asked.first().map(|_| asked[1]), asked.last().copied(), "from the same time on");
    let calls: Vec<_> = house.sales(&desk).into_iter().map(|(_, call, _)| call).collect();
    assert_eq!(calls, ["c1", "c2", "c3"]);
}

#[test]
fn e01_an_engine_that_was_off_at_night_makes_up_for_it_when_it_starts() {
    let (rt, _hold) = by_hand();
    let _in = rt.enter();
    let house = House::new(&rt, true);
    let (desk, engine) = house.engine(house.seller(|_| {}));
    let first = house.until(&desk, "the first run", |one| one.last_success.is_some());
    drop(engine);
    house.calls("c1", NEW);
    house.wins(house.deals()[0]);
    house.later(SignedDuration::from_hours(50));
    assert!(house.standing(&desk).last_success == first.last_success, "nobody was there");
    let (desk, _engine) = house.engine(house.seller(|_| {}));
    let late = house.until(&desk, "at its start", |one| one.last_success > first.last_success);
    assert_eq!(late.counts.unwrap().marked, 1);
}

#[test]
fn e01_of_two_engines_one_asks_and_a_dead_one_holds_nobody_up_for_long() {
    let (rt, _hold) = by_hand();
    let _in = rt.enter();
    let house = House::new(&rt, true);
    house.calls("c1", NEW);
    house.calls("c2", "+79165550007");
    for id in house.deals() {
        house.wins(id);
    }
    house.later(SignedDuration::from_secs(5));
    let (one, other) = (house.seller(|_| {}), house.seller(|_| {}));
    let store = house.store();
    let (a, b) =
        rt.block_on(async { tokio::join!(one.run(&store, SHOP), other.run(&store, SHOP)) });
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!(marked(&a) + marked(&b), 2, "{a:?} {b:?}");
    let desk = Desk::new(one.clone());
    assert_eq!(house.sales(&desk).len(), 2);

    // One was killed in the middle of its run.
    let until = (house.hours.now() + Duration::from_secs(120)).as_microsecond();
    let claim = "UPDATE sales_run SET claimed_by = 'dead', claimed_until = ?";
    rt.block_on(sqlx::query(claim).bind(until).execute(store.pool())).unwrap();
    assert_eq!(rt.block_on(other.run(&store, SHOP)).unwrap(), Ran::Elsewhere);
    assert!(house.standing(&desk).running);
    house.later(SignedDuration::from_secs(121));
    let ran = rt.block_on(other.run(&store, SHOP)).unwrap();
    assert!(matches!(ran, Ran::Done(counts) if counts.known == 2 && counts.marked == 0), "{ran:?}");
}

/// A client who was made in one CRM is not known in another by the same id.
#[test]
fn e01_calls_on_the_lines_of_another_crm_are_not_this_one_s() {
    use dozvon::crm::Crm;
    use dozvon::crm::several::Several;
    use dozvon::sales::Seller;

    let (rt, _hold) = by_hand();
    let _in = rt.enter();
    let house = House::new(&rt, false);
    house.calls("c1", OLGA);
    house.wins(71);
    house.later(SignedDuration::from_secs(5));
    let shop = std::sync::Arc::new(house.w.crm.clone());
    // The other one is never asked.
    let rest = ("other".to_owned(), shop.clone() as std::sync::Arc<dyn Crm>);
    let several = Several::new(rest, [(SHOP.to_owned(), vec!["piter".to_owned()], shop as _)]);
    let seller = Seller { crm: std::sync::Arc::new(several), ..house.seller(|_| {}) };
    let ran = rt.block_on(seller.run(&house.store(), SHOP)).unwrap();
    let none = Counts { deals: 1, no_communication: 1, ..Counts::default() };
    assert_eq!(ran, Ran::Done(none), "the call came on the line moscow");
}
