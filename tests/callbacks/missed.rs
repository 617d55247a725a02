//! Missed calls as work: the list of those nobody has returned, and the campaign that returns them.

use dozvon::callback::book::{Book, MissedCall};
use dozvon::callback::keep;
use dozvon::core::campaign::order::{Ending, Kind};
use dozvon::sim::{CallSpec, Caller, Script};

use crate::house::{House, LINE, Life, NEW, OLGA, form, only, secs, until};

const RETURNED: &str = "[callbacks.missed]\ndelay = \"1s\"\nring = \"5s\"\nretry = \"1s\"\ngive_up = \"5s\"\ntargets = [{ employee = \"102\" }]\n";

fn inbound(house: &House, from: &str) {
    let caller = Caller::stays().hangs_up_after(secs(20)).gives_up_after(secs(15));
    let call =
        house.block_on(async { house.switch.call(CallSpec::new(from, LINE).caller(caller)) });
    house.block_on(call.report());
}

fn missed(house: &House, open: bool) -> Vec<MissedCall> {
    house.block_on(Book::new(house.store.clone()).missed(open, 100)).unwrap()
}

fn open(life: &Life, house: &House) -> f64 {
    let metrics = &life.app.as_ref().unwrap().engine.metrics;
    house.block_on(keep::count(&house.store, metrics)).unwrap();
    life.metric("dozvon_missed_open")
}

#[test]
fn a_missed_call_is_on_the_list_until_the_client_calls_again_and_is_answered() {
    let house = House::new();
    let life = house.start();
    inbound(&house, OLGA);
    inbound(&house, OLGA);
    until("both are listed", || missed(&house, true).len() == 2);
    assert_eq!(missed(&house, true)[0].line.as_deref(), Some("main"));
    assert_eq!(open(&life, &house), 2.0);
    until("the oldest has an age", || {
        open(&life, &house) == 2.0 && life.metric("dozvon_missed_oldest_seconds") >= 1.0
    });
    assert!(
        house.block_on(life.callbacks().list(false, 10)).unwrap().is_empty(),
        "no option, no call"
    );
    house.phone("101", Script::answers(secs(1)));
    inbound(&house, OLGA);
    until("both are closed", || missed(&house, true).is_empty());
    let all = missed(&house, false);
    assert!(all.iter().all(|call| call.how.as_deref() == Some("inbound")), "{all:?}");
    until("it counts", || life.metric("dozvon_missed_returned_seconds_count") == 2.0);
    assert_eq!(open(&life, &house), 0.0);
}

#[test]
fn a_missed_call_is_closed_by_an_employee_who_calls_the_client() {
    let house = House::new();
    let life = house.start();
    inbound(&house, OLGA);
    until("it is listed", || missed(&house, true).len() == 1);
    house.phone(OLGA, Script::answers(secs(1)).hangs_up_after(secs(5)));
    let call = CallSpec::new("101", OLGA).variable("dozvon_direction", "outbound");
    let call = house.block_on(async { house.switch.call(call.caller(Caller::stays())) });
    house.block_on(call.report());
    until("it is closed", || missed(&house, true).is_empty());
    assert_eq!(missed(&house, false)[0].how.as_deref(), Some("outbound"));
    assert_eq!(open(&life, &house), 0.0);
}

#[test]
fn a_missed_call_is_closed_by_a_callback_that_reached_the_client() {
    let house = House::new();
    let life = house.start();
    inbound(&house, NEW);
    until("it is listed", || missed(&house, true).len() == 1);
    house.phone("102", Script::answers(secs(1)));
    house.phone(NEW, Script::answers(secs(1)).hangs_up_after(secs(10)));
    let id = life.begin(only("102", NEW));
    life.over(&id, Ending::Talked);
    until("it is closed", || missed(&house, true).is_empty());
    let call = missed(&house, false).remove(0);
    assert_eq!(
        (call.how.as_deref(), call.closed_by.as_deref()),
        (Some("callback"), Some(id.as_str()))
    );
}

#[test]
fn a_missed_call_is_returned_where_the_rules_say_so() {
    let house = House::with(RETURNED);
    house.phone("102", Script::answers(secs(1)));
    house.phone(OLGA, Script::answers(secs(1)).hangs_up_after(secs(10)));
    let life = house.start();
    inbound(&house, OLGA);
    let list = || life.block_on(life.callbacks().list(false, 10)).unwrap();
    until("a callback begins", || list().len() == 1);
    let view = list().remove(0);
    assert_eq!(view.order.kind, Kind::MissedCall);
    let view = life.over(&view.id, Ending::Talked);
    assert!(view.tries[0].from >= view.accepted + secs(1), "not in the same second");
    until("it is closed", || missed(&house, true).is_empty());
}

#[test]
fn a_form_of_a_client_whose_missed_call_is_being_returned_joins_it() {
    let house = House::with(RETURNED);
    let life = house.start();
    inbound(&house, OLGA);
    let list = || life.block_on(life.callbacks().list(true, 10)).unwrap();
    until("a callback begins", || list().len() == 1);
    let taken = life.take(form(OLGA));
    assert_eq!((taken.how, taken.id), (dozvon::callback::How::Joined, list()[0].id.clone()));
}
