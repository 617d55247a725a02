//! An engine is killed at each stage of a callback; the next one goes on, and nobody is called
//! twice.

use dozvon::callback::keep;
use dozvon::core::campaign::order::{Ending, Prompt, Stage, View};
use dozvon::core::ids::CampaignId;
use dozvon::metrics::Metrics;
use dozvon::sim::Script;

use crate::house::{House, Life, NEW, OLGA, form, only, real, secs, tries, until};

/// Kills the engine once the callback stands so, and starts another one.
fn killed_at(house: &House, id: &CampaignId, life: Life, stage: Stage) -> Life {
    life.stage(id, stage);
    life.kill();
    house.start()
}

fn clients(view: &View) -> usize {
    tries(view).iter().filter(|one| one.starts_with("client")).count()
}

#[test]
fn killed_while_it_waits_it_goes_on_waiting() {
    let house = House::new();
    for line in ["101", "102", "103", "106", "+79035550105"] {
        house.phone(line, Script::busy());
    }
    house.phone(NEW, Script::answers(secs(1)).hangs_up_after(secs(5)));
    let life = house.start();
    let mut order = form(NEW);
    order.policy.give_up = secs(30);
    let id = life.begin(order);
    let life = killed_at(&house, &id, life, Stage::Waiting);
    house.phone("101", Script::answers(secs(1)));
    let view = life.over(&id, Ending::Talked);
    assert_eq!(clients(&view), 1, "{view:#?}");
    assert_eq!(house.cases(&id).iter().filter(|case| **case == "callback_requested").count(), 1);
}

/// What a NOC sees of campaigns that starve: another engine's scrape counts them all the same.
#[test]
fn a_callback_nobody_leads_is_overdue_once_its_time_has_come() {
    let house = House::new();
    house.phone("101", Script::busy());
    let life = house.start();
    let id = life.begin(only("101", NEW));
    life.stage(&id, Stage::Waiting);
    life.kill();
    let metrics = Metrics::new().unwrap();
    let counted = || house.block_on(keep::count(&house.store, &metrics)).unwrap();
    counted();
    assert_eq!(metrics.callback_pending.with_label_values(&["waiting"]).get(), 1);
    until("it is overdue", || {
        counted();
        metrics.callback_overdue.get() > 0
    });
    assert!(metrics.callback_oldest.get() >= metrics.callback_overdue.get());
    let life = house.start();
    life.reach(&id, "it is led again", |view| tries(view).len() > 1);
    counted();
    assert_eq!(metrics.callback_overdue.get(), 0);
    drop(life);
}

#[test]
fn killed_while_a_manager_is_rung_his_phone_is_found_again() {
    let house = House::new();
    house.phone("101", Script::answers(secs(50)));
    house.phone(OLGA, Script::answers(secs(2)).hangs_up_after(secs(10)));
    let life = house.start();
    let mut order = only("101", OLGA);
    order.policy.ring = secs(80);
    let id = life.begin(order);
    life.reach(&id, "his phone rings", |view| !view.tries.is_empty());
    until("his phone rings", || house.switch.channels() == 1);
    let life = killed_at(&house, &id, life, Stage::DiallingManagers);
    let view = life.over(&id, Ending::Talked);
    assert_eq!(tries(&view), ["101 answered", "client answered"], "the same leg");
    house.ends_empty();
}

/// He hears the prompt once more, and his key counts.
#[test]
fn killed_while_a_manager_is_on_the_line_he_is_asked_again() {
    for key in [None, Some('1')] {
        let house = House::new();
        // Again and again, as people do.
        let keys = (3..16).map(|n| secs(n * 4));
        let manager = keys.fold(Script::answers(secs(2)), |phone, at| phone.presses(at, '1'));
        house.phone("101", manager);
        house.phone(OLGA, Script::answers(secs(2)).hangs_up_after(secs(10)));
        let life = house.start();
        let mut order = only("101", OLGA);
        order.policy.key = key;
        // Long enough to be killed in.
        order.policy.prompt = Prompt::File("tone_stream://%(8000,0,425)".into());
        let id = life.begin(order);
        life.reach(&id, "he has picked up", |view| {
            view.tries.first().is_some_and(|one| one.answered.is_some())
        });
        life.kill();
        let life = house.start();
        let view = life.over(&id, Ending::Talked);
        assert_eq!(tries(&view), ["101 answered", "client answered"], "the same leg");
        house.ends_empty();
    }
}

#[test]
fn killed_while_the_client_is_rung_he_is_not_dialled_a_second_time_at_once() {
    let house = House::new();
    house.phone("101", Script::answers(secs(2)));
    // The answer of a leg that was taken over is known a second later.
    house.phone(OLGA, Script::answers(secs(60)).hangs_up_after(secs(100)));
    let life = house.start();
    let mut order = only("101", OLGA);
    order.policy.client_ring = secs(90);
    let id = life.begin(order);
    life.stage(&id, Stage::DiallingClient);
    until("both legs are up", || house.switch.channels() == 2);
    let life = killed_at(&house, &id, life, Stage::DiallingClient);
    let view = life.over(&id, Ending::Talked);
    assert_eq!(tries(&view), ["101 answered", "client answered"], "the same legs");
    house.ends_empty();
}

#[test]
fn killed_while_they_talk_the_talk_goes_on_and_its_end_is_told() {
    let house = House::new();
    house.phone("101", Script::answers(secs(2)));
    house.phone(OLGA, Script::answers(secs(2)).hangs_up_after(secs(100)));
    let life = house.start();
    let id = life.begin(only("101", OLGA));
    let life = killed_at(&house, &id, life, Stage::Connected);
    assert_eq!(house.switch.channels(), 2, "they still talk");
    let view = life.over(&id, Ending::Talked);
    assert_eq!(tries(&view).len(), 2, "{view:#?}");
    let cases = house.cases(&id);
    assert_eq!(cases.iter().filter(|case| **case == "answered").count(), 1, "{cases:?}");
    assert!(cases.contains(&"ended"), "{cases:?}");
    house.ends_empty();
}

#[test]
fn they_hang_up_while_no_engine_runs_and_nobody_is_called_again() {
    let house = House::new();
    house.phone("101", Script::answers(secs(2)));
    house.phone(OLGA, Script::answers(secs(2)).hangs_up_after(secs(5)));
    let life = house.start();
    let id = life.begin(only("101", OLGA));
    life.stage(&id, Stage::Connected);
    life.kill();
    house.ends_empty();
    let life = house.start();
    let view = life.over(&id, Ending::Talked);
    assert_eq!(tries(&view).len(), 2, "{view:#?}");
}

#[test]
fn drained_while_they_talk_the_talk_goes_on_and_the_next_engine_takes_it_up_at_once() {
    let house = House::new();
    house.phone("101", Script::answers(secs(2)));
    house.phone(OLGA, Script::answers(secs(2)).hangs_up_after(secs(60)));
    let life = house.start();
    let id = life.begin(only("101", OLGA));
    life.stage(&id, Stage::Connected);
    life.drain();
    assert_eq!(house.switch.channels(), 2, "they still talk");
    let life = house.start();
    life.over(&id, Ending::Talked);
    assert!(house.cases(&id).ends_with(&["ended", "recorded"]), "its length is known");
}

#[test]
fn two_engines_on_one_store_lead_each_callback_once() {
    let house = House::new();
    house.phone("101", Script::answers(secs(2)));
    house.phone(OLGA, Script::answers(secs(2)).hangs_up_after(secs(20)));
    let (one, other) = (house.start(), house.start());
    let id = one.begin(only("101", OLGA));
    let joined = other.take(form(OLGA));
    assert_eq!(joined.id, id);
    one.reach(&id, "the form of the other engine joined", |view| view.joined == 1);
    // The other one asks, this one does it.
    let second = other.begin(only("103", NEW));
    assert!(one.cancel(&second).is_ok());
    other.over(&second, Ending::Cancelled);
    let view = one.over(&id, Ending::Talked);
    assert_eq!(tries(&view), ["101 answered", "client answered"]);
    std::thread::sleep(real(20));
    house.ends_empty();
}
