//! Recorded streams through the translator and the call machine: what FreeSWITCH said becomes the
//! right record. The machine's commands take the place of those that were sent when recording.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/raw.rs"]
mod raw;

use std::time::Duration;

use dozvon::core::call::{App, Call, Input, Occurrence, Output, Recording};
use dozvon::core::facts::Direction;
use dozvon::core::ids::{CallId, Extension, OpId};
use dozvon::core::phone::{Caller, Region};
use dozvon::core::plan::{HangupCause, Ring, Role, Step, Target};
use dozvon::core::record::{AnsweredBy, AttemptResult, CallRecord, Outcome};
use dozvon::core::staff::{Number, Staff};
use dozvon::core::trace::Decision;
use dozvon::esl::Event;
use dozvon::switch::translate::Translator;
use jiff::Timestamp;

fn ring(role: Role, extension: &str) -> Step {
    let number = Number::Line(Extension::parse(extension).unwrap());
    let targets = vec![Target { employee: None, number }];
    Step::Ring(Ring { role, targets, timeout: Duration::from_secs(10) })
}

fn queue() -> Step {
    Step::Callcenter { queue: "sales".into(), wait: None }
}

fn decided(mut plan: Vec<Step>) -> Input {
    plan.push(Step::Hangup { cause: HangupCause::NO_ANSWER });
    Input::Decided(Box::new(Decision {
        line: None,
        internal: false,
        owner: None,
        plan,
        caller_name: None,
        caller_id: None,
        fallback: None,
        trace: vec![],
    }))
}

/// When FreeSWITCH says it happened.
fn when(event: &Event) -> Timestamp {
    let micros = event.raw("Event-Date-Timestamp").unwrap().parse().unwrap();
    Timestamp::from_microsecond(micros).unwrap()
}

/// A recorded call, led by the machine.
struct Played {
    call: Call,
    /// Steps whose application was started, and their commands.
    started: Vec<(&'static str, OpId)>,
    occurred: Vec<Occurrence>,
    closed: Option<CallRecord>,
}

impl Played {
    fn new(first: &Event) -> Self {
        let call = Call::new(CallRecord::new(
            CallId::new(first.raw("Unique-ID").unwrap()),
            Direction::Inbound,
            Caller::Anonymous,
            "100".into(),
            when(first),
        ));
        Self { call, started: vec![], occurred: vec![], closed: None }
    }

    fn take(&mut self, input: Input, now: Timestamp) {
        self.call.handle(input, now);
        while let Some(output) = self.call.poll() {
            match output {
                Output::Run(op, App::Bridge { .. }) => self.started.push(("bridge", op)),
                Output::Run(op, App::Callcenter(_)) => self.started.push(("callcenter", op)),
                Output::Run(_, App::Hangup(_)) => panic!("nobody was to be hung up"),
                Output::Run(..) => {}
                Output::Occurred(occurrence) => self.occurred.push(occurrence),
                Output::Closed(record) => self.closed = Some(*record),
                Output::Record(_) => {}
                Output::Probe | Output::LastLook | Output::Break => {
                    panic!("nothing was to be looked at")
                }
            }
        }
    }

    fn play(&mut self, events: &[Event]) {
        let staff = Staff::default();
        let id = self.call.record().id.clone();
        let translator = Translator {
            call: &id,
            staff: &staff,
            region: Region::default(),
            link: &|file| format!("link to {file}"),
        };
        for event in events {
            let now = when(event);
            assert!(self.call.timeout().is_none_or(|due| now < due), "it took too long");
            match translator.event(event) {
                Some(Input::Done { result, .. }) => {
                    // The recorded command ids are not the machine's: its own by application.
                    let app = event.raw("Application").unwrap();
                    let ours = self.started.iter().rev().find(|(name, _)| *name == app);
                    if let Some((_, op)) = ours.cloned() {
                        self.take(Input::Done { op, result }, now);
                    }
                }
                Some(input) => self.take(input, now),
                None => {}
            }
        }
    }

    /// The record, which has to be there; with what happened.
    fn record(self) -> (CallRecord, Vec<&'static str>) {
        let names = self.occurred.iter().map(|occurrence| match occurrence {
            Occurrence::Ringing { .. } => "ringing",
            Occurrence::Answered(_) => "answered",
            Occurrence::PassedOn(_) => "passed on",
            Occurrence::Missed(_) => "missed",
            Occurrence::Ended => "ended",
            Occurrence::Recorded { .. } => "recorded",
            Occurrence::Voicemail { .. } => "voicemail",
        });
        (self.closed.expect("the call is closed"), names.collect())
    }
}

/// Plays the stream of one connection as a call that goes these steps.
fn played(stream: &str, plan: Vec<Step>) -> (CallRecord, Vec<&'static str>) {
    let events = raw::events(stream);
    let mut played = Played::new(&events[0]);
    played.take(decided(plan), when(&events[0]));
    played.play(&events);
    played.record()
}

fn numbers(record: &CallRecord) -> Vec<(&str, AnsweredBy)> {
    record.talks.iter().map(|talk| (talk.party.number.as_str(), talk.by)).collect()
}

#[test]
fn transcript_02a_the_owner_answers_and_the_caller_hangs_up() {
    let (record, happened) = played("02a", vec![ring(Role::Owner, "101"), queue()]);
    assert_eq!(record.outcome, Some(Outcome::Answered));
    assert_eq!(numbers(&record), [("101", AnsweredBy::Rung(Role::Owner))]);
    assert_eq!(record.steps(), "owner answered");
    assert_eq!(record.hangup_cause.as_deref(), Some("NORMAL_CLEARING"));
    assert_eq!(happened, ["answered", "ended"]);
    // 0.5 s of ringing, 3 s of talk.
    let (waited, talked) = (record.waited().unwrap().as_millis(), record.talked().as_millis());
    assert!((400..700).contains(&waited) && (2900..3200).contains(&talked), "{waited} {talked}");
}

/// 02a was recorded from before the talk until its end.
#[test]
fn transcript_02a_the_length_of_the_recording_is_in_the_last_words() {
    let events = raw::events("02a");
    let mut played = Played::new(&events[0]);
    played.call.record_into(Recording { file: "/rec/a.wav".into(), url: "link".into() });
    played.take(decided(vec![ring(Role::Owner, "101")]), when(&events[0]));
    played.play(&events);
    let (record, happened) = played.record();
    assert_eq!(happened, ["answered", "ended", "recorded"]);
    let seconds = record.recording.unwrap().seconds.unwrap();
    assert!((3..5).contains(&seconds), "3 s of talk and the ringing before: {seconds}");
}

#[test]
fn transcript_03a_the_owner_is_silent_and_an_agent_answers() {
    let (record, happened) = played("03a", vec![ring(Role::Owner, "102"), queue()]);
    assert_eq!(record.outcome, Some(Outcome::Answered));
    assert_eq!(record.steps(), "owner no_answer, queue sales answered");
    assert_eq!(numbers(&record), [("107", AnsweredBy::Queue)]);
    assert_eq!(happened, ["ringing", "ringing", "answered", "ended"]);
}

#[test]
fn transcript_05a_the_caller_gives_up_while_the_owner_rings() {
    let (record, happened) = played("05a", vec![ring(Role::Owner, "102"), queue()]);
    assert_eq!(record.outcome, Some(Outcome::Abandoned));
    assert_eq!(record.attempts.len(), 1);
    assert_eq!(record.attempts[0].result, Some(AttemptResult::CallerGone));
    assert_eq!(record.hangup_cause.as_deref(), Some("ORIGINATOR_CANCEL"));
    assert_eq!(happened, ["missed"]);
}

#[test]
fn transcript_08a_an_agent_of_the_queue_answers() {
    let (record, happened) = played("08a-callcenter-answered.out1", vec![queue()]);
    assert_eq!(record.outcome, Some(Outcome::Answered));
    assert_eq!(record.steps(), "queue sales answered");
    assert_eq!(numbers(&record), [("107", AnsweredBy::Queue)]);
    assert_eq!(happened, ["ringing", "answered", "ended"]);
}

/// The first connection leads until the second one comes; that one leads then.
#[test]
fn transcript_09b_a_call_passed_on_is_one_record_of_both_connections() {
    let (first, second) = (
        raw::events("09b-blind-refer-by-owner-to-socket-ext.out1"),
        raw::events("09b-blind-refer-by-owner-to-socket-ext.out2"),
    );
    let join = when(&second[0]);
    let mut played = Played::new(&first[0]);
    played.take(decided(vec![ring(Role::Owner, "101")]), when(&first[0]));
    let (before, _): (Vec<_>, Vec<_>) = first.into_iter().partition(|event| when(event) < join);
    played.play(&before);
    played.take(Input::Transferred { to: "200".into() }, join);
    played.take(decided(vec![ring(Role::Dialled, "104")]), join);
    played.play(&second);
    let (record, happened) = played.record();
    assert_eq!(record.outcome, Some(Outcome::Answered));
    let by = [("101", AnsweredBy::Rung(Role::Owner)), ("104", AnsweredBy::Rung(Role::Dialled))];
    assert_eq!(numbers(&record), by);
    assert_eq!(record.steps(), "owner answered, dialled answered");
    assert_eq!(record.transfers.len(), 1);
    assert_eq!(happened, ["answered", "passed on", "ended"]);
    let talked = record.talked().as_millis();
    assert!((3200..3600).contains(&talked), "1 s with 101, 2.4 s with 104: {talked}");
}
