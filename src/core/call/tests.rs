//! The call machine, scenario by scenario, in microseconds.

mod cases;
mod elsewhere;
mod lost;
mod props;
mod recording;

use super::*;
use crate::core::facts::Direction;
use crate::core::ids::{CallId, Extension};
use crate::core::phone::Caller;
use crate::core::plan::{Ring, Role, Target};
use crate::core::staff::Number;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + seconds).unwrap()
}

fn ring(role: Role, employee: &str) -> Step {
    Step::Ring(Ring {
        role,
        targets: vec![Target {
            employee: Some(employee.into()),
            number: Number::Line(Extension::parse("101").unwrap()),
        }],
        timeout: Duration::from_secs(10),
    })
}

fn queue() -> Step {
    Step::Callcenter { queue: "sales".into(), wait: Some(Duration::from_secs(60)) }
}

fn hangup() -> Step {
    Step::Hangup { cause: HangupCause::NORMAL }
}

fn decision(plan: Vec<Step>) -> Input {
    Input::Decided(Box::new(Decision {
        line: None,
        internal: false,
        owner: None,
        plan,
        caller_name: Some("Пётр".into()),
        caller_id: None,
        fallback: None,
        trace: vec![],
    }))
}

fn fresh() -> Call {
    Call::new(CallRecord::new(
        CallId::new("a"),
        Direction::Inbound,
        Caller::Anonymous,
        "100".into(),
        at(0),
    ))
}

/// Everything it wants to do now.
fn drain(call: &mut Call) -> Vec<Output> {
    std::iter::from_fn(|| call.poll()).collect()
}

/// The last application it started, by its command id.
fn op(outputs: &[Output]) -> OpId {
    let run = outputs
        .iter()
        .rev()
        .find_map(|o| if let Output::Run(op, _) = o { Some(op.clone()) } else { None });
    run.expect("a command")
}

fn done(op: OpId, disposition: &str) -> Input {
    Input::Done {
        op,
        result: Completion { disposition: Some(disposition.into()), ..Completion::default() },
    }
}

fn bridged(leg: &str, employee: Option<&str>) -> Input {
    Input::Bridged { party: party(leg, employee), answered: true }
}

fn completed() -> Input {
    Input::Completed(LastWords { cause: "NORMAL_CLEARING".into(), ..LastWords::default() })
}

fn record(call: &mut Call) -> CallRecord {
    let closed = drain(call)
        .into_iter()
        .find_map(|o| if let Output::Closed(r) = o { Some(*r) } else { None });
    closed.expect("a closed record")
}

#[test]
fn a05_the_owner_answers() {
    let mut call = fresh();
    call.handle(decision(vec![ring(Role::Owner, "1"), queue(), hangup()]), at(0));
    let out = drain(&mut call);
    assert!(
        matches!(&out[..], [Output::Run(_, App::Name(_)), Output::Run(_, App::Bridge { .. })]),
        "{out:?}"
    );
    call.handle(bridged("b", Some("1")), at(3));
    assert_eq!(drain(&mut call), [Output::Occurred(Occurrence::Answered(party("b", Some("1"))))]);
    call.handle(Input::HungUp { cause: "NORMAL_CLEARING".into() }, at(30));
    call.handle(Input::Unbridged, at(30));
    call.handle(done(op(&out), "SUCCESS"), at(30));
    call.handle(completed(), at(30));
    let record = record(&mut call);
    assert_eq!(record.outcome, Some(Outcome::Answered));
    assert_eq!(record.talks[0].by, AnsweredBy::Rung(Role::Owner));
    assert_eq!(
        (record.waited(), record.talked()),
        (Some(Duration::from_secs(3)), Duration::from_secs(27))
    );
}

#[test]
fn a05_busy_owner_leads_to_the_queue_and_a_queue_answer_is_an_answer() {
    let mut call = fresh();
    call.handle(decision(vec![ring(Role::Owner, "1"), queue(), hangup()]), at(0));
    let bridge = op(&drain(&mut call));
    call.handle(done(bridge, "USER_BUSY"), at(1));
    let out = drain(&mut call);
    assert!(
        matches!(&out[..], [Output::Run(_, App::Answer), Output::Run(_, App::Callcenter(_))]),
        "{out:?}"
    );
    let result = Completion {
        queue_cause: Some("answered".into()),
        disposition: Some("USER_BUSY".into()),
        ..Completion::default()
    };
    call.handle(Input::Done { op: op(&out), result }, at(5));
    assert!(
        drain(&mut call).is_empty(),
        "the talk has begun; nothing may disturb it (transcript 08a)"
    );
    call.handle(bridged("agent", Some("7")), at(5));
    call.handle(Input::HungUp { cause: "NORMAL_CLEARING".into() }, at(9));
    call.handle(completed(), at(9));
    let record = record(&mut call);
    assert_eq!((record.outcome, record.talks[0].by), (Some(Outcome::Answered), AnsweredBy::Queue));
    assert_eq!(record.steps(), "owner busy, queue sales answered");
}

#[test]
fn a06_nobody_answers_and_the_call_is_missed_once() {
    let mut call = fresh();
    call.handle(decision(vec![ring(Role::Owner, "1"), hangup()]), at(0));
    let bridge = op(&drain(&mut call));
    call.handle(done(bridge, "NO_ANSWER"), at(11));
    let hang = drain(&mut call);
    assert!(matches!(hang[..], [Output::Run(_, App::Hangup(_))]));
    call.handle(Input::HungUp { cause: "NO_ANSWER".into() }, at(11));
    call.handle(completed(), at(11));
    call.handle(completed(), at(12));
    let out = drain(&mut call);
    let missed =
        out.iter().filter(|o| **o == Output::Occurred(Occurrence::Missed(Outcome::Missed))).count();
    assert_eq!(missed, 1, "{out:?}");
}

#[test]
fn a_caller_who_gives_up_while_the_owner_rings_has_abandoned() {
    let mut call = fresh();
    call.handle(decision(vec![ring(Role::Owner, "1"), queue(), hangup()]), at(0));
    let bridge = op(&drain(&mut call));
    call.handle(Input::HungUp { cause: "ORIGINATOR_CANCEL".into() }, at(2));
    call.handle(done(bridge, "ORIGINATOR_CANCEL"), at(2));
    assert!(drain(&mut call).is_empty(), "no next step for a caller who is gone");
    call.handle(
        Input::Completed(LastWords { cause: "ORIGINATOR_CANCEL".into(), ..LastWords::default() }),
        at(2),
    );
    let record = record(&mut call);
    assert_eq!(record.outcome, Some(Outcome::Abandoned));
    assert_eq!(record.attempts[0].result, Some(AttemptResult::CallerGone));
}

#[test]
fn e02_a_blind_transfer_is_one_call_with_the_right_last_speaker() {
    let mut call = fresh();
    call.handle(decision(vec![ring(Role::Owner, "1"), hangup()]), at(0));
    let first = op(&drain(&mut call));
    call.handle(bridged("b", Some("1")), at(2));
    // Transcript 09b: the second connection comes before the first one's UNBRIDGE.
    call.handle(Input::Transferred { to: "104".into() }, at(10));
    call.handle(decision(vec![ring(Role::Dialled, "4"), hangup()]), at(10));
    let second = op(&drain(&mut call));
    assert_ne!(first, second);
    call.handle(Input::Unbridged, at(10));
    call.handle(done(first, "SUCCESS"), at(10));
    assert!(drain(&mut call).is_empty(), "the old bridge's end means nothing now");
    call.handle(bridged("c", Some("4")), at(12));
    call.handle(completed(), at(20));
    let record = record(&mut call);
    assert_eq!(record.first_answerer().and_then(|p| p.employee.clone()), Some("1".into()));
    assert_eq!(record.last_speaker().and_then(|p| p.employee.clone()), Some("4".into()));
    assert_eq!((record.transfers.len(), record.outcome), (1, Some(Outcome::Answered)));
}

#[test]
fn an_answered_call_passed_to_nobody_is_still_answered() {
    let mut call = fresh();
    call.handle(decision(vec![ring(Role::Owner, "1"), hangup()]), at(0));
    call.handle(bridged("b", Some("1")), at(2));
    call.handle(Input::Transferred { to: "104".into() }, at(10));
    call.handle(decision(vec![ring(Role::Dialled, "4"), hangup()]), at(10));
    let bridge = op(&drain(&mut call));
    call.handle(done(bridge, "NO_ANSWER"), at(20));
    call.handle(completed(), at(20));
    assert_eq!(record(&mut call).outcome, Some(Outcome::Answered));
}

#[test]
fn an_attended_transfer_brings_a_new_speaker_without_a_step() {
    let mut call = fresh();
    call.handle(decision(vec![ring(Role::Owner, "1"), hangup()]), at(0));
    let bridge = op(&drain(&mut call));
    call.handle(bridged("b", Some("1")), at(2));
    drain(&mut call);
    call.handle(Input::Unbridged, at(9));
    call.handle(done(bridge, "SUCCESS"), at(9));
    assert!(drain(&mut call).is_empty(), "transcript 09e: the next bridge is on its way");
    call.handle(bridged("c", Some("4")), at(9));
    call.handle_timeout(at(99));
    assert_eq!(drain(&mut call), [Output::Occurred(Occurrence::PassedOn(party("c", Some("4"))))]);
}

#[test]
fn pitfall_23_a_caller_left_alone_after_a_talk_is_hung_up() {
    let mut call = fresh();
    call.handle(decision(vec![ring(Role::Owner, "1"), queue(), hangup()]), at(0));
    let bridge = op(&drain(&mut call));
    call.handle(bridged("b", Some("1")), at(2));
    call.handle(Input::Unbridged, at(9));
    call.handle(done(bridge, "SUCCESS"), at(9));
    drain(&mut call);
    call.handle_timeout(at(10));
    assert_eq!(drain(&mut call), [Output::Probe]);
    call.handle(Input::Probed(Probe::Alone), at(10));
    let out = drain(&mut call);
    assert!(
        matches!(out[..], [Output::Run(_, App::Hangup(_))]),
        "not back into the queue: {out:?}"
    );
}

#[test]
fn a_silent_attended_transfer_is_found_by_looking() {
    // Transcript 09i: no CHANNEL_BRIDGE on the caller's leg.
    let mut call = fresh();
    call.handle(decision(vec![ring(Role::Owner, "1"), hangup()]), at(0));
    call.handle(bridged("b", Some("1")), at(2));
    call.handle(Input::Unbridged, at(9));
    drain(&mut call);
    call.handle_timeout(at(10));
    call.handle(Input::Probed(Probe::With(party("c", Some("4")))), at(10));
    assert!(call.is_talking());
    assert_eq!(call.record().last_speaker().map(|p| p.leg.as_str()), Some("c"));
}

#[test]
fn pitfall_15_a_lost_bridge_event_does_not_make_an_answered_call_missed() {
    let mut call = fresh();
    call.handle(decision(vec![ring(Role::Owner, "1"), hangup()]), at(0));
    drain(&mut call);
    call.handle(Input::HungUp { cause: "NORMAL_CLEARING".into() }, at(60));
    let words = LastWords {
        cause: "NORMAL_CLEARING".into(),
        bridged_with: Some(party("b", Some("1"))),
        ..LastWords::default()
    };
    call.handle(Input::Completed(words), at(60));
    assert_eq!(record(&mut call).outcome, Some(Outcome::Answered));
}

#[test]
fn a_step_whose_end_never_comes_is_looked_at() {
    let mut call = fresh();
    call.handle(decision(vec![ring(Role::Owner, "1"), queue(), hangup()]), at(0));
    drain(&mut call);
    call.handle_timeout(at(15));
    assert!(drain(&mut call).is_empty(), "too early: 10 s of ringing, 1 s of slack, 5 s of grace");
    call.handle_timeout(at(16));
    assert_eq!(drain(&mut call), [Output::Probe]);
    call.handle(Input::Probed(Probe::Alone), at(16));
    let out = drain(&mut call);
    assert!(matches!(out.last(), Some(Output::Run(_, App::Callcenter(_)))), "{out:?}");
}

#[test]
fn the_queues_time_ends_with_a_break_and_the_next_step() {
    let mut call = fresh();
    call.handle(
        decision(vec![
            queue(),
            Step::Voicemail { mailbox: Extension::parse("1000").unwrap() },
            hangup(),
        ]),
        at(0),
    );
    let queue = op(&drain(&mut call));
    call.handle_timeout(at(60));
    assert_eq!(drain(&mut call), [Output::Break]);
    call.handle(Input::CallerAnswered, at(60));
    call.handle(
        Input::Done {
            op: queue,
            result: Completion { queue_cause: Some("cancel".into()), ..Completion::default() },
        },
        at(60),
    );
    let out = drain(&mut call);
    assert!(matches!(out[..], [Output::Run(_, App::Voicemail(_))]), "{out:?}");
    let message = Completion { message_seconds: 7, ..Completion::default() };
    call.handle(Input::Done { op: op(&out), result: message }, at(80));
    call.handle(completed(), at(81));
    assert_eq!(record(&mut call).outcome, Some(Outcome::Voicemail));
}

#[test]
fn early_media_is_no_answer() {
    let mut call = fresh();
    call.handle(decision(vec![ring(Role::Owner, "1"), hangup()]), at(0));
    drain(&mut call);
    call.handle(Input::Bridged { party: party("b", Some("1")), answered: false }, at(1));
    assert!(!call.is_talking());
    call.handle(completed(), at(2));
    assert_eq!(record(&mut call).outcome, Some(Outcome::Abandoned));
}

#[test]
fn a_call_we_let_go_of_is_not_booked_as_missed() {
    let mut call = fresh();
    call.handle(decision(vec![ring(Role::Owner, "1"), hangup()]), at(0));
    call.handle(Input::Lost, at(3));
    assert_eq!(record(&mut call).outcome, Some(Outcome::LeftToSwitch));
}

#[test]
fn e02_an_employee_is_told_why_his_call_failed_and_a_client_is_not() {
    for (internal, cause) in [(true, "USER_BUSY"), (false, "NO_ANSWER")] {
        let mut call = fresh();
        let last = Step::Hangup { cause: HangupCause::NO_ANSWER };
        let Input::Decided(mut decided) = decision(vec![ring(Role::Dialled, "1"), last]) else {
            unreachable!()
        };
        decided.internal = internal;
        call.handle(Input::Decided(decided), at(0));
        let bridge = op(&drain(&mut call));
        call.handle(done(bridge, "USER_BUSY"), at(1));
        let out = drain(&mut call);
        let [Output::Run(_, App::Hangup(told))] = &out[..] else { panic!("{out:?}") };
        assert_eq!(told.0.to_string(), cause);
    }
}
