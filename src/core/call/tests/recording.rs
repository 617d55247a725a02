//! One call, one recording.

use super::*;

const URL: &str = "https://pbx.example/recordings/a.wav?expires=1&signature=2";

fn recorded_call() -> Call {
    let mut call = fresh();
    call.record_into(Recording { file: "/rec/a.wav".into(), url: URL.into() });
    call.handle(decision(vec![ring(Role::Owner, "1"), hangup()]), at(0));
    drain(&mut call);
    call
}

fn begun(outputs: &[Output]) -> usize {
    outputs.iter().filter(|o| matches!(o, Output::Record(_))).count()
}

fn ends(call: &mut Call, recorded: Recorded) -> (CallRecord, Vec<Output>) {
    let words = LastWords { cause: "NORMAL_CLEARING".into(), recorded, ..LastWords::default() };
    call.handle(Input::Completed(words), at(60));
    let mut outputs = drain(call);
    let Some(Output::Closed(record)) = outputs.pop() else { panic!("{outputs:?}") };
    (*record, outputs)
}

#[test]
fn a12_the_link_is_known_at_the_answer_and_the_length_at_the_end() {
    let mut call = recorded_call();
    call.handle(bridged("b", Some("1")), at(3));
    let sound = call.record().recording.clone().unwrap();
    assert_eq!((sound.url.as_str(), sound.seconds), (URL, None));
    assert_eq!(begun(&drain(&mut call)), 1);
    let (record, outputs) = ends(&mut call, Recorded::Milliseconds(57_600));
    assert_eq!(record.recording.unwrap().seconds, Some(58));
    let ended = [Occurrence::Ended, Occurrence::Recorded { seconds: 58 }].map(Output::Occurred);
    assert_eq!(outputs, ended);
}

#[test]
fn e02_a_call_passed_on_is_one_recording() {
    let mut call = recorded_call();
    call.handle(bridged("b", Some("1")), at(3));
    assert_eq!(begun(&drain(&mut call)), 1);
    call.handle(Input::Transferred { to: "104".into() }, at(9));
    call.record_into(Recording { file: "/rec/other.wav".into(), url: String::new() });
    call.handle(decision(vec![ring(Role::Dialled, "2"), hangup()]), at(9));
    call.handle(bridged("c", Some("2")), at(12));
    assert_eq!(begun(&drain(&mut call)), 0, "it goes on");
    assert_eq!(ends(&mut call, Recorded::Milliseconds(1)).0.recording.unwrap().url, URL);
}

#[test]
fn e02_a_call_between_employees_is_not_recorded() {
    let mut call = fresh();
    call.record_into(Recording { file: "/rec/a.wav".into(), url: URL.into() });
    let Input::Decided(mut inside) = decision(vec![ring(Role::Dialled, "1")]) else { panic!() };
    inside.internal = true;
    call.handle(Input::Decided(inside), at(0));
    call.handle(bridged("b", Some("1")), at(3));
    assert_eq!(begun(&drain(&mut call)), 0);
    assert_eq!(call.record().recording, None);
}

#[test]
fn neither_ringing_nor_early_media_is_recorded() {
    let mut call = recorded_call();
    call.handle(Input::Ringing { employee: None }, at(1));
    call.handle(Input::Bridged { party: party("b", None), answered: false }, at(2));
    assert_eq!(begun(&drain(&mut call)), 0);
    let (record, outputs) = ends(&mut call, Recorded::Nothing);
    assert_eq!((record.recording, outputs.len()), (None, 1), "the missed call");
}

#[test]
fn a_path_that_cannot_be_written_leaves_a_call_like_any_other() {
    let mut call = recorded_call();
    call.handle(bridged("b", Some("1")), at(3));
    drain(&mut call);
    let (record, outputs) = ends(&mut call, Recorded::Nothing);
    assert_eq!((record.recording, record.outcome), (None, Some(Outcome::Answered)));
    assert_eq!(outputs, [Output::Occurred(Occurrence::Ended)]);
}

/// The employee who called out passed the client on: the file grows on the client's leg.
#[test]
fn a_recording_that_went_on_without_us_keeps_its_link_and_has_no_length_yet() {
    let mut call = recorded_call();
    call.handle(bridged("b", Some("1")), at(3));
    drain(&mut call);
    let (record, outputs) = ends(&mut call, Recorded::Unknown);
    assert_eq!(record.recording.unwrap().seconds, None);
    assert_eq!(outputs, [Output::Occurred(Occurrence::Ended)]);
}

/// mod_voicemail leaves the same variables behind (transcript 10b).
#[test]
fn a_message_is_no_recording_of_a_talk() {
    let mut call = recorded_call();
    let words = LastWords {
        message_seconds: 4,
        message_url: "https://x/voicemail/m.wav".into(),
        recorded: Recorded::Milliseconds(4460),
        ..LastWords::default()
    };
    call.handle(Input::Completed(words), at(9));
    let record = record(&mut call);
    assert_eq!(record.recording, None);
    assert_eq!(record.voicemail.unwrap().url, "https://x/voicemail/m.wav");
}
