//! Each way a callback can go.

use dozvon::callback::{How, Refused};
use dozvon::core::campaign::order::{Ending, Order, Stage};
use dozvon::core::case::{Event, Speaker};
use dozvon::crm::builtin::view::{CallRow, DealRow, UnsortedRow};
use dozvon::sim::{CallSpec, Caller, Script};

use crate::house::{House, LINE, NEW, OLGA, click, form, only, secs, tries, until};

#[test]
fn a14_a16_a20_the_owner_then_the_client_and_the_crm_has_all_the_form_said() {
    let house = House::new();
    house.phone("101", Script::answers(secs(3)));
    house.phone(OLGA, Script::answers(secs(4)).hangs_up_after(secs(40)));
    let life = house.start();
    let id = life.begin(form(OLGA));
    life.stage(&id, Stage::Connected);
    let view = life.over(&id, Ending::Talked);
    assert_eq!(tries(&view), ["101 answered", "client answered"]);
    assert_eq!(
        house.cases(&id),
        ["callback_requested", "ringing", "answered", "ended", "recorded"]
    );
    let calls = house.rows::<CallRow>();
    assert_eq!(calls.len(), 1, "{calls:#?}");
    let call = &calls[0];
    assert_eq!((call.result.as_str(), call.who.as_deref()), ("answered", Some("101")), "{call:?}");
    assert!(call.recording.as_ref().is_some_and(|url| url.starts_with("https://rec.example")));
    assert!(house.folder().join(format!("{id}.wav")).exists(), "the talk is recorded");
    house.ends_empty();
    until("it counts", || {
        life.metric("dozvon_callbacks_total{kind=\"form\",result=\"talked\"}") == 1.0
    });
    assert_eq!(
        life.metric("dozvon_callback_attempts_total{leg=\"client\",result=\"answered\"}"),
        1.0
    );
    assert_eq!(life.metric("dozvon_callback_connect_seconds_count"), 1.0);
    assert_eq!(life.metric("dozvon_callback_first_ring_seconds_count"), 1.0);
    assert_eq!(life.metric("dozvon_legs_dialled_total{node=\"local\"}"), 2.0, "our own legs");
}

#[test]
fn a20_the_deal_of_a_new_client_has_every_field_of_the_form() {
    let house = House::new();
    house.phone("102", Script::answers(secs(2)));
    house.phone(NEW, Script::answers(secs(2)).hangs_up_after(secs(20)));
    let life = house.start();
    let id = life.begin(only("102", NEW));
    life.over(&id, Ending::Talked);
    house.learnt(&id);
    let deals = house.rows::<DealRow>();
    let deal = deals.iter().find(|deal| deal.call.as_deref() == Some(id.as_str())).unwrap();
    assert_eq!(deal.owner.as_deref(), Some("102"));
    let fields = serde_json::to_string(&deal.fields).unwrap();
    for said in ["yandex", "/windows", "window 3", "про окна"] {
        assert!(fields.contains(said), "{said} is missing: {fields}");
    }
    assert_eq!(deal.name, "Ирина");
}

#[test]
fn a18_all_busy_then_again_until_one_is_free() {
    let house = House::new();
    for line in ["101", "102", "103", "106", "+79035550105"] {
        house.phone(line, Script::busy());
    }
    house.phone(NEW, Script::answers(secs(2)).hangs_up_after(secs(10)));
    let life = house.start();
    let id = life.begin(form(NEW));
    let waits = life.stage(&id, Stage::Waiting);
    assert!(waits.next_try.is_some(), "{waits:?}");
    house.phone("103", Script::answers(secs(2)));
    let view = life.over(&id, Ending::Talked);
    let tries = tries(&view);
    assert!(tries.contains(&"103 busy".to_owned()), "{tries:?}");
    assert!(tries.ends_with(&["103 answered".to_owned(), "client answered".to_owned()]));
    assert!(!tries.iter().any(|one| one.starts_with("104")), "on leave: {tries:?}");
}

#[test]
fn a17_nobody_picks_up_and_the_crm_has_an_unsorted_entry_of_kind_form() {
    let house = House::new();
    for line in ["101", "102", "103", "106", "+79035550105"] {
        house.phone(line, Script::busy());
    }
    let life = house.start();
    let id = life.begin(form(NEW));
    life.over(&id, Ending::NoManager);
    assert_eq!(house.cases(&id).last(), Some(&"callback_failed"));
    let unsorted = house.rows::<UnsortedRow>();
    assert_eq!(unsorted.len(), 1, "{unsorted:#?}");
    assert_eq!(unsorted[0].kind, "form");
    assert!(serde_json::to_string(&unsorted[0].fields).unwrap().contains("yandex"));
    house.ends_empty();
}

#[test]
fn the_client_is_busy_each_time_and_the_manager_was_there() {
    let house = House::new();
    house.phone("101", Script::answers(secs(2)));
    house.phone(OLGA, Script::busy());
    let life = house.start();
    let id = life.begin(form(OLGA));
    let view = life.over(&id, Ending::ClientUnreached);
    let tries = tries(&view);
    assert_eq!(tries.iter().filter(|one| *one == "client busy").count(), 2, "{tries:?}");
    assert_eq!(house.cases(&id).last(), Some(&"callback_client_unreached"));
    house.ends_empty();
}

#[test]
fn a_mailbox_that_answers_for_a_manager_presses_no_key_and_the_client_is_not_dialled() {
    let house = House::new();
    house.phone("101", Script::answers(secs(1)));
    let life = house.start();
    let order = only("101", NEW);
    let policy = dozvon::core::campaign::order::Policy { key: Some('1'), ..order.policy.clone() };
    let id = life.begin(Order { policy, ..order });
    let view = life.over(&id, Ending::NoManager);
    assert!(view.tries[0].answered.is_some(), "{view:?}");
    assert_eq!(tries(&view)[0], "101 no_answer");
    assert!(tries(&view).iter().all(|one| !one.starts_with("client")), "{view:?}");
    house.ends_empty();
}

#[test]
fn cancelled_while_a_phone_rings_it_stops_and_nobody_else_is_rung() {
    let house = House::new();
    let life = house.start();
    let id = life.begin(form(OLGA));
    life.reach(&id, "a phone rings", |view| !view.tries.is_empty());
    let view = life.cancel(&id).unwrap();
    assert_eq!(view.stage, Stage::Over(Ending::Cancelled));
    house.ends_empty();
    assert_eq!(life.cancel(&id).unwrap_err(), Refused::Over);
    assert_eq!(life.cancel(&"nothing".into()).unwrap_err(), Refused::Unknown);
    assert_eq!(tries(&life.view(&id)).len(), 1);
}

#[test]
fn a_second_form_for_the_phone_joins_and_its_fields_are_kept() {
    let house = House::new();
    let life = house.start();
    let id = life.begin(form(NEW));
    let mut second = form(NEW);
    second.fields.insert("size".into(), "120x140".into());
    let taken = life.take(second);
    assert_eq!((taken.how, &taken.id), (How::Joined, &id));
    let view = life.reach(&id, "it joined", |view| view.joined == 1);
    assert_eq!(view.order.fields.get("size").map(String::as_str), Some("120x140"));
    assert_eq!(life.metric("dozvon_callback_deduplicated_total{by=\"phone\",kind=\"form\"}"), 1.0);
    life.cancel(&id).unwrap();
}

#[test]
fn the_client_calls_in_by_himself_and_is_not_called_back() {
    let house = House::new();
    for line in ["101", "102", "103", "106", "+79035550105"] {
        house.phone(line, Script::busy());
    }
    let life = house.start();
    let id = life.begin(form(OLGA));
    life.stage(&id, Stage::Waiting);
    house.phone("101", Script::answers(secs(1)));
    let caller = Caller::stays().hangs_up_after(secs(60));
    let call =
        house.block_on(async { house.switch.call(CallSpec::new(OLGA, LINE).caller(caller)) });
    let view = life.over(&id, Ending::Satisfied);
    assert!(tries(&view).iter().all(|one| !one.starts_with("client")), "{view:?}");
    house.block_on(call.report());
    house.ends_empty();
}

/// The last speaker is who the client was passed on to, as in any other call (DESIGN, step 7).
#[test]
fn a16_a_client_who_is_passed_on_is_one_talk_and_both_are_known() {
    let house = House::new();
    // Late enough for a busy machine to have put them through.
    house.phone("101", Script::answers(secs(2)).transfers(secs(50), "103"));
    house.phone("103", Script::answers(secs(3)));
    house.phone(OLGA, Script::answers(secs(2)).hangs_up_after(secs(150)));
    let life = house.start();
    let id = life.begin(form(OLGA));
    let view = life.over(&id, Ending::Talked);
    assert_eq!(tries(&view), ["101 answered", "client answered"]);
    let learnt = house.learnt(&id);
    let ended = learnt.iter().find(|l| l.judged.case.event == Event::Ended).unwrap();
    let who = |speaker: &Option<Speaker>| speaker.as_ref().unwrap().employee.clone();
    let case = &ended.judged.case;
    assert_eq!(who(&case.first), Some("101".into()), "{case:?}");
    assert_eq!(who(&case.last), Some("103".into()), "{case:?}");
    assert!(case.talked >= 2, "{case:?}");
    assert_eq!(house.rows::<CallRow>().len(), 1, "it stays one call");
    house.ends_empty();
}

#[test]
fn a16_a_client_who_is_passed_on_to_a_silent_colleague_is_not_lost() {
    let house = House::new();
    house.phone("102", Script::answers(secs(2)).transfers(secs(50), "103"));
    house.phone("101", Script::answers(secs(2)));
    house.phone(OLGA, Script::answers(secs(2)).hangs_up_after(secs(180)));
    let life = house.start();
    let id = life.begin(only("102", OLGA));
    life.over(&id, Ending::Talked);
    let learnt = house.learnt(&id);
    let ended = learnt.iter().find(|l| l.judged.case.event == Event::Ended).unwrap();
    let last = ended.judged.case.last.as_ref().unwrap();
    assert_eq!(last.employee, Some("101".into()), "his owner took him");
    assert_eq!(house.rows::<CallRow>().len(), 1, "it stays one call");
    house.ends_empty();
}

#[test]
fn a13_d01_e11_the_button_rings_the_employee_then_the_client_as_his_outbound_call() {
    let house = House::new();
    house.phone("102", Script::answers(secs(2)));
    house.phone(OLGA, Script::answers(secs(3)).hangs_up_after(secs(20)));
    let life = house.start();
    let id = life.begin(click("102", OLGA));
    life.over(&id, Ending::Talked);
    house.learnt(&id);
    let calls = house.rows::<CallRow>();
    assert_eq!(calls.len(), 1, "{calls:#?}");
    let call = &calls[0];
    assert_eq!(
        (call.direction.as_str(), call.result.as_str(), call.who.as_deref()),
        ("outbound", "answered", Some("102")),
        "{call:?}"
    );
}

#[test]
fn e11_the_line_of_an_employee_is_not_registered_and_his_mobile_rings() {
    let house = House::new();
    house.phone("105", Script::unregistered());
    house.phone("+79035550105", Script::answers(secs(2)));
    house.phone(OLGA, Script::answers(secs(2)).hangs_up_after(secs(10)));
    let life = house.start();
    let id = life.begin(click("105", OLGA));
    let view = life.over(&id, Ending::Talked);
    let tries = tries(&view);
    assert!(tries.ends_with(&["+79035550105 answered".to_owned(), "client answered".to_owned()]));
}
