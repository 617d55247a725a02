//! Events that lag or never come: the record is right all the same, and nobody waits for ever.

use super::*;

fn waiting() -> (Call, OpId) {
    let mut call = fresh();
    let queue = Step::Callcenter { queue: "sales".into(), wait: None };
    call.handle(decision(vec![queue, ring(Role::Group, "2"), hangup()]), at(0));
    let op = op(&drain(&mut call));
    (call, op)
}

fn words(cause: &str, bridged_with: Option<Party>) -> Input {
    Input::Completed(LastWords { cause: cause.into(), bridged_with, ..LastWords::default() })
}

#[test]
fn last_words_that_never_come_are_asked_for() {
    let mut call = fresh();
    call.handle(decision(vec![ring(Role::Owner, "1"), hangup()]), at(0));
    call.handle(Input::HungUp { cause: "NORMAL_CLEARING".into() }, at(1));
    drain(&mut call);
    assert_eq!(call.timeout(), Some(at(6)));
    call.handle_timeout(at(6));
    assert_eq!(drain(&mut call), [Output::LastLook]);
    call.handle(words("NORMAL_CLEARING", Some(party("b", Some("1")))), at(6));
    assert_eq!(record(&mut call).outcome, Some(Outcome::Answered));
}

#[test]
fn an_answer_that_never_comes_is_not_waited_for_for_ever() {
    let mut call = fresh();
    call.handle(decision(vec![ring(Role::Owner, "1"), hangup()]), at(0));
    call.handle(Input::HungUp { cause: "ORIGINATOR_CANCEL".into() }, at(1));
    call.handle_timeout(at(6));
    drain(&mut call);
    assert_eq!(call.timeout(), Some(at(8)));
    call.handle_timeout(at(8));
    let record = record(&mut call);
    assert_eq!(record.outcome, Some(Outcome::Abandoned));
    assert_eq!(record.hangup_cause.as_deref(), Some("ORIGINATOR_CANCEL"));
}

#[test]
fn pitfall_24_who_hung_up_before_we_asked_for_events_has_abandoned() {
    let (mut call, _) = waiting();
    call.handle(Input::Down, at(0));
    assert_eq!(call.timeout(), Some(at(5)), "no other timer counts");
    call.handle_timeout(at(5));
    assert_eq!(drain(&mut call), [Output::LastLook]);
    call.handle(words("ORIGINATOR_CANCEL", None), at(5));
    let record = record(&mut call);
    assert_eq!(record.outcome, Some(Outcome::Abandoned));
    assert_eq!(record.hangup_cause.as_deref(), Some("ORIGINATOR_CANCEL"));
}

#[test]
fn pitfall_24_who_is_known_to_be_gone_is_led_no_further() {
    let (mut call, queue) = waiting();
    call.handle(Input::Down, at(3));
    call.handle(Input::Done { op: queue, result: Completion::default() }, at(3));
    assert_eq!(drain(&mut call), [], "nobody is rung for nobody");
    call.handle(Input::Lost, at(4));
    assert_eq!(record(&mut call).outcome, Some(Outcome::Abandoned), "not left to FreeSWITCH");
}

#[test]
fn pitfall_15_events_that_lag_behind_the_end_are_still_heard() {
    let mut call = fresh();
    call.handle(decision(vec![ring(Role::Owner, "1"), hangup()]), at(0));
    call.handle(Input::Down, at(30));
    call.handle(bridged("b", Some("1")), at(31));
    call.handle(Input::HungUp { cause: "NORMAL_CLEARING".into() }, at(33));
    assert_eq!(call.timeout(), Some(at(35)), "linger does not begin anew");
    call.handle(completed(), at(34));
    let record = record(&mut call);
    assert_eq!(record.steps(), "owner answered");
    assert_eq!(record.talked(), Duration::from_secs(2));
}

#[test]
fn a_queue_without_a_limit_is_left_even_if_its_completion_is_lost() {
    let (mut call, queue) = waiting();
    let due = call.timeout().expect("a look now and then");
    call.handle_timeout(due);
    let out = drain(&mut call);
    let [Output::Run(mark, App::Mark)] = &out[..] else { panic!("{out:?}") };
    assert_ne!(*mark, queue);
    call.handle(Input::Done { op: mark.clone(), result: Completion::default() }, due);
    assert_eq!(drain(&mut call), [Output::Probe]);
    call.handle(Input::Probed(Probe::Alone), due);
    let out = drain(&mut call);
    assert!(matches!(&out[..], [Output::Run(_, App::Bridge { .. })]), "{out:?}");
}

#[test]
fn a_queue_without_a_limit_may_last() {
    let (mut call, queue) = waiting();
    for _ in 0..100 {
        let due = call.timeout().expect("a look now and then");
        call.handle_timeout(due);
        let out = drain(&mut call);
        assert!(matches!(&out[..], [Output::Run(_, App::Mark)]), "{out:?}");
    }
    let result = Completion { queue_cause: Some("cancel".into()), ..Completion::default() };
    call.handle(Input::Done { op: queue, result }, at(10_000));
    let out = drain(&mut call);
    assert!(matches!(&out[..], [Output::Run(_, App::Bridge { .. })]), "{out:?}");
}
