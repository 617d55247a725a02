//! When the call is not where the machine left it: led by a dialplan, passed on, gone.

use super::*;

/// An owner who talks, then passes the caller on to a dialplan.
fn passed_to_a_dialplan() -> Call {
    let mut call = fresh();
    call.handle(decision(vec![ring(Role::Owner, "1"), hangup()]), at(0));
    let bridge = op(&drain(&mut call));
    call.handle(bridged("b", Some("1")), at(2));
    call.handle(Input::Unbridged, at(9));
    call.handle(done(bridge, "SUCCESS"), at(9));
    call.handle(Input::Released, at(9));
    drain(&mut call);
    call
}

fn look(call: &mut Call, seconds: i64, probe: Probe) -> Vec<Output> {
    call.handle_timeout(at(seconds));
    assert_eq!(drain(call), [Output::Probe]);
    call.handle(Input::Probed(probe), at(seconds));
    drain(call)
}

#[test]
fn transcript_09c_a_caller_in_the_queue_of_a_dialplan_is_left_in_peace() {
    let mut call = passed_to_a_dialplan();
    assert_eq!(look(&mut call, 10, Probe::Alone), []);
    assert_eq!(look(&mut call, 70, Probe::Alone), []);
    call.handle(bridged("agent", Some("7")), at(75));
    assert_eq!(
        drain(&mut call),
        [Output::Occurred(Occurrence::PassedOn(party("agent", Some("7"))))]
    );
    call.handle(completed(), at(90));
    assert_eq!(record(&mut call).talks[1].by, AnsweredBy::Transfer);
}

#[test]
fn a_call_that_died_in_a_dialplan_without_a_word_is_closed() {
    let mut call = passed_to_a_dialplan();
    assert_eq!(look(&mut call, 10, Probe::Gone), []);
    call.handle_timeout(at(15));
    call.handle_timeout(at(17));
    assert_eq!(record(&mut call).outcome, Some(Outcome::Answered));
}

#[test]
fn a_call_that_comes_back_from_a_dialplan_is_ours_again() {
    let mut call = passed_to_a_dialplan();
    call.handle(Input::Transferred { to: "104".into() }, at(20));
    call.handle(decision(vec![ring(Role::Dialled, "4"), queue(), hangup()]), at(20));
    drain(&mut call);
    // The colleague's completion is lost. He did not talk: the caller goes on.
    let out = look(&mut call, 36, Probe::Alone);
    assert!(matches!(out.last(), Some(Output::Run(_, App::Callcenter(_)))), "{out:?}");
}

#[test]
fn transcript_02b_a_bond_to_who_hung_up_is_no_talk() {
    let mut call = fresh();
    call.handle(decision(vec![ring(Role::Owner, "1"), hangup()]), at(0));
    call.handle(bridged("b", Some("1")), at(2));
    call.handle(Input::Unbridged, at(9));
    drain(&mut call);
    let out = look(&mut call, 10, Probe::With(party("b", Some("1"))));
    assert!(matches!(out[..], [Output::Run(_, App::Hangup(_))]), "{out:?}");
}

#[test]
fn a_ringing_call_that_is_transferred_was_not_abandoned() {
    let mut call = fresh();
    call.handle(decision(vec![ring(Role::Owner, "1"), queue(), hangup()]), at(0));
    let bridge = op(&drain(&mut call));
    // So ends a bridge whose caller is taken away by uuid_transfer; no CHANNEL_HANGUP follows.
    call.handle(done(bridge, "ORIGINATOR_CANCEL"), at(2));
    call.handle(Input::Transferred { to: "104".into() }, at(2));
    call.handle(decision(vec![ring(Role::Dialled, "4"), hangup()]), at(2));
    call.handle(bridged("c", Some("4")), at(4));
    call.handle(completed(), at(9));
    let record = record(&mut call);
    assert_eq!(record.outcome, Some(Outcome::Answered));
    assert_eq!(record.steps(), "owner failed, dialled answered");
}

#[test]
fn pitfall_23_an_owner_who_hangs_up_as_he_answers_leaves_a_caller_who_goes_on() {
    let mut call = fresh();
    call.handle(decision(vec![ring(Role::Owner, "1"), queue(), hangup()]), at(0));
    let bridge = op(&drain(&mut call));
    call.handle(Input::CallerAnswered, at(2));
    call.handle(done(bridge, "ORIGINATOR_CANCEL"), at(2));
    assert_eq!(drain(&mut call), [], "a caller who is gone needs no queue");
    call.handle_timeout(at(3));
    let out = drain(&mut call);
    assert!(matches!(out[..], [Output::Run(_, App::Callcenter(_))]), "{out:?}");
}

#[test]
fn a_caller_taken_out_of_the_queue_is_not_sent_to_the_mailbox() {
    let mut call = fresh();
    let mailbox = Step::Voicemail { mailbox: Extension::parse("1000").unwrap() };
    call.handle(decision(vec![queue(), mailbox, hangup()]), at(0));
    let waiting = op(&drain(&mut call));
    let result =
        Completion { queue_cause: Some("cancel".into()), taken_out: true, ..Completion::default() };
    call.handle(Input::Done { op: waiting, result }, at(5));
    assert_eq!(drain(&mut call), []);
}

#[test]
fn a_transfer_of_a_caller_who_has_hung_up_starts_nothing() {
    let mut call = fresh();
    call.handle(decision(vec![ring(Role::Owner, "1"), hangup()]), at(0));
    call.handle(bridged("b", Some("1")), at(2));
    call.handle(Input::HungUp { cause: "NORMAL_CLEARING".into() }, at(9));
    call.handle(Input::Transferred { to: "104".into() }, at(9));
    drain(&mut call);
    assert!(!call.is_deciding());
    call.handle_timeout(at(14));
    call.handle_timeout(at(16));
    let record = record(&mut call);
    assert_eq!((record.outcome, record.transfers.len()), (Some(Outcome::Answered), 0));
}

#[test]
fn pitfall_15_a_talk_known_from_the_last_words_only_is_the_steps() {
    let mut call = fresh();
    call.handle(decision(vec![ring(Role::Owner, "1"), hangup()]), at(0));
    call.handle(Input::HungUp { cause: "NORMAL_CLEARING".into() }, at(60));
    let bridged_with = Some(party("b", Some("1")));
    let words = LastWords { cause: "NORMAL_CLEARING".into(), bridged_with, ..LastWords::default() };
    call.handle(Input::Completed(words), at(60));
    let record = record(&mut call);
    assert_eq!(record.steps(), "owner answered");
    assert_eq!(record.talks[0].by, AnsweredBy::Rung(Role::Owner));
    assert_eq!(record.talks[0].until, Some(at(60)));
}

#[test]
fn b10_who_hangs_up_after_his_message_has_left_one() {
    let mut call = fresh();
    let mailbox = Step::Voicemail { mailbox: Extension::parse("1000").unwrap() };
    call.handle(decision(vec![mailbox, hangup()]), at(0));
    let voicemail = op(&drain(&mut call));
    call.handle(Input::HungUp { cause: "NORMAL_CLEARING".into() }, at(9));
    let result = Completion { message_seconds: 4, ..Completion::default() };
    call.handle(Input::Done { op: voicemail, result }, at(9));
    assert_eq!(drain(&mut call), [Output::Occurred(Occurrence::Voicemail { seconds: 4 })]);
    let words = LastWords { message_seconds: 4, ..LastWords::default() };
    call.handle(Input::Completed(words), at(9));
    let record = record(&mut call);
    assert_eq!(record.outcome, Some(Outcome::Voicemail));
    assert_eq!(record.steps(), "voicemail answered");
}

#[test]
fn b11_a_step_rings_once_however_many_phones_say_so() {
    let mut call = fresh();
    call.handle(decision(vec![ring(Role::Owner, "1"), ring(Role::Deputy, "2")]), at(0));
    let first = op(&drain(&mut call));
    call.handle(Input::Ringing { employee: None }, at(1));
    call.handle(Input::Ringing { employee: None }, at(1));
    assert_eq!(drain(&mut call).len(), 1);
    call.handle(done(first, "NO_ANSWER"), at(11));
    drain(&mut call);
    call.handle(Input::Ringing { employee: None }, at(12));
    assert_eq!(
        drain(&mut call),
        [Output::Occurred(Occurrence::Ringing { employees: vec!["2".into()] })]
    );
}

#[test]
fn what_we_let_go_of_has_no_result() {
    let mut call = fresh();
    call.handle(decision(vec![ring(Role::Owner, "1"), hangup()]), at(0));
    call.handle(Input::Lost, at(3));
    assert_eq!(record(&mut call).attempts[0].result, None);
}
