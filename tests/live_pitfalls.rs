//! Pitfalls of the Event Socket, and every kind of step, on a real FreeSWITCH. Skipped, with the reason, where none
//! is installed.

// Helpers are not tests themselves, so clippy.toml does not cover them.
#![allow(clippy::expect_used)]

#[allow(dead_code, reason = "what is left over is for other tests")]
#[path = "support/engine.rs"]
mod engine;
#[allow(dead_code, reason = "what is left over is for other tests")]
#[path = "support/house.rs"]
mod house;

use std::time::Duration;

use engine::Engine;
use futures_util::future::join_all;
use house::freeswitch::{COMPANY, free_port};
use house::sip::{Behaviour, Call};
use house::{AT_ONCE, House, SOON};
use serde_json::Value;
use tokio::time::sleep;

/// Clients of the sample company.
const OLGA: &str = "79161110001";
const MILLER: &str = "79161110002";
const NOBODY: &str = "79990001122";

/// Rings 102, whether or not he talks already.
const RING_102: &str =
    r#"{ do = "employee", employee = "102", ring = "20s", skip_if = ["unregistered"] }"#;

/// Where both sides of a call must be gone by (pitfall 23).
const TWO_SECONDS: Duration = Duration::from_secs(2);

/// A house with an engine whose calls all go these steps.
async fn company(steps: &str) -> Option<(House, Engine)> {
    let calls = free_port().await;
    let house = House::build(&calls.to_string()).await?;
    let engine = Engine::start_steps(calls, house.freeswitch.control, steps).await;
    Some((house, engine))
}

async fn rings(house: &House, extension: usize) -> Call {
    let call = house.phone(extension).next_call(SOON).await;
    call.unwrap_or_else(|| panic!("{extension} rings"))
}

fn millis(most: u64) -> Duration {
    Duration::from_millis(fastrand::u64(0..most))
}

/// A field of what the log says at the end of a call.
fn field<'l>(ended: &'l Value, name: &str) -> &'l str {
    ended[name].as_str().unwrap_or("")
}

fn how_many(ended: &[Value], outcome: &str) -> usize {
    ended.iter().filter(|line| field(line, "outcome") == outcome).count()
}

/// An answer and the caller's CANCEL met on their way.
fn crosses(ended: &Value) -> bool {
    let cancelled = field(ended, "cause") == "ORIGINATOR_CANCEL" && ended["talked_s"] == 0;
    cancelled && field(ended, "outcome") == "answered"
}

/// What the log says of the only call there was.
async fn only_call(engine: &Engine) -> Value {
    let mut ended = engine.ended(1).await;
    assert_eq!(ended.len(), 1, "{ended:#?}");
    ended.remove(0)
}

/// Nobody takes calls from the queue.
async fn no_agent(house: &House) {
    house.only_agent(0).await;
}

// === the end of a call ===

/// Pitfall 10: 150 callers who give up or hang up at any moment make 150 records, and each says what the caller saw.
#[tokio::test]
async fn pitfall_10_every_caller_who_goes_has_his_record() {
    let Some((house, engine)) = company(RING_102).await else { return };
    let answers = Duration::from_millis(250);
    house.phone(102).behave(Behaviour::Answer { after: answers, talk: None });
    let (mut talked, mut gave_up) = (0, 0);
    for batch in 1..=15 {
        let callers = (0..10).map(|caller| {
            let house = &house;
            async move {
                let call = house.call_from(&format!("7999{:07}", batch * 10 + caller)).await;
                assert!(call.rings(SOON).await, "{:?}", call.seen());
                // Some talk for sure, the others go when they like.
                if caller % 2 == 0 {
                    assert!(call.is_answered(SOON).await, "{:?}", call.seen());
                } else {
                    sleep(millis(400)).await;
                    if !call.seen().answered {
                        call.cancel().await;
                    }
                }
                // Where the answer was quicker than the CANCEL, a phone hangs up.
                let answered = call.is_answered(Duration::from_millis(200)).await;
                if answered {
                    sleep(Duration::from_millis(50) + millis(200)).await;
                    call.hang_up().await;
                }
                assert!(call.ended(SOON).await.is_some(), "{:?}", call.seen());
                answered
            }
        });
        for answered in join_all(callers).await {
            *(if answered { &mut talked } else { &mut gave_up }) += 1;
        }
        let ended = engine.ended(batch * 10).await;
        // Once in hundreds of calls the employee picks up in the very moment of the CANCEL: bridged
        // for FreeSWITCH, so answered; the caller has given up.
        let crossed = ended.iter().filter(|line| crosses(line)).count();
        assert!(crossed <= 3, "{ended:#?}");
        assert_eq!(how_many(&ended, "answered"), talked + crossed, "{ended:#?}");
        assert_eq!(how_many(&ended, "abandoned"), gave_up - crossed, "{ended:#?}");
    }
    house.ends_empty().await;
    assert!(gave_up > 20, "some gave up: {gave_up}");
    let ended = engine.ended(150).await;
    assert_eq!(ended.len(), 150);
    for line in ended.into_iter().filter(|line| !crosses(line)) {
        let cause = match field(&line, "outcome") {
            "answered" => "NORMAL_CLEARING",
            _ => "ORIGINATOR_CANCEL",
        };
        assert_eq!(field(&line, "cause"), cause, "{line}");
    }
}

/// Pitfall 11: the engine is frozen in a talk, or at its end. FreeSWITCH lets go when linger is over, 8 s.
#[tokio::test]
async fn pitfall_11_a_frozen_engine_keeps_no_channel() {
    let Some((house, engine)) = company(RING_102).await else { return };
    house.phone(102).behave(AT_ONCE);
    for (count, in_talk) in [(1, true), (2, false)] {
        let call = house.call_in().await;
        let employee = rings(&house, 102).await;
        assert!(call.is_answered(SOON).await && employee.is_answered(SOON).await);
        engine.count("answered", count).await;
        if in_talk {
            engine.freeze();
            sleep(Duration::from_millis(300)).await;
        }
        call.hang_up().await;
        engine.freeze();
        assert!(employee.ended(TWO_SECONDS).await.expect("he is not left alone").by_other);
        let linger = Duration::from_secs(8);
        house.freeswitch.is_quiet_within(linger + TWO_SECONDS).await;
        engine.thaw();
        let ended = engine.ended(count).await;
        assert_eq!(how_many(&ended, "answered"), count, "{ended:#?}");
        assert_eq!(ended.len(), count);
    }
}

/// When somebody hangs up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Ringing,
    EarlyMedia,
    AsAnswered,
    Bridged,
}

/// Pitfall 23: whoever hangs up, and whenever, both are gone within two seconds, with the right cause.
#[tokio::test]
async fn pitfall_23_both_are_gone_whoever_hangs_up() {
    let Some((house, engine)) = company(RING_102).await else { return };
    let (mut count, mut answered) = (0, 0);
    for when in [When::Ringing, When::EarlyMedia, When::AsAnswered, When::Bridged] {
        for caller_goes in [true, false] {
            let case = format!("{when:?}, the caller goes: {caller_goes}");
            let call = house.call_in().await;
            let employee = rings(&house, 102).await;
            match when {
                When::EarlyMedia => employee.early_media().await,
                _ => employee.ring().await,
            }
            assert!(call.rings(SOON).await, "{case}");
            if matches!(when, When::AsAnswered | When::Bridged) {
                employee.answer().await;
            }
            match (when, caller_goes) {
                (When::AsAnswered, true) => assert!(call.is_answered(SOON).await, "{case}"),
                (When::Bridged, _) => {
                    assert!(call.is_answered(SOON).await, "{case}");
                    engine.count("answered", answered + 1).await;
                }
                (When::EarlyMedia, _) => {
                    sleep(Duration::from_millis(300)).await;
                    assert!(!call.seen().answered, "{case}: a tone is no answer");
                }
                _ => {}
            }
            let (goes, stays) = if caller_goes { (&call, &employee) } else { (&employee, &call) };
            match (when, caller_goes) {
                (When::Ringing | When::EarlyMedia, true) => goes.cancel().await,
                (When::Ringing | When::EarlyMedia, false) => goes.reject(480).await,
                _ => goes.hang_up().await,
            }
            let end = stays.ended(TWO_SECONDS).await;
            assert!(end.as_ref().is_some_and(|end| end.by_other), "{case}: {end:?}");
            assert!(goes.ended(TWO_SECONDS).await.is_some(), "{case}");
            house.freeswitch.is_quiet_within(TWO_SECONDS).await;
            count += 1;
            let ended = engine.ended(count).await;
            assert_eq!(ended.len(), count, "{case}");
            answered = how_many(&ended, "answered");
            let last = ended.last().expect("counted");
            let told = field(last, "outcome");
            let (outcome, cause) = match (when, caller_goes) {
                (When::Ringing | When::EarlyMedia, true) => ("abandoned", "ORIGINATOR_CANCEL"),
                (When::Ringing | When::EarlyMedia, false) => ("missed", "NO_ANSWER"),
                // He may be gone before FreeSWITCH has put them together: then nobody talked.
                (When::AsAnswered, true) if told == "abandoned" => (told, "NORMAL_CLEARING"),
                // He was gone before FreeSWITCH could put them together.
                (When::AsAnswered, false) if !call.seen().answered => ("missed", "NO_ANSWER"),
                _ => ("answered", "NORMAL_CLEARING"),
            };
            assert_eq!((told, field(last, "cause")), (outcome, cause), "{case}");
        }
    }
}

/// Pitfall 24: unknown callers, whom the engine answers for the queue, give up in just that moment.
#[tokio::test]
async fn pitfall_24_callers_who_give_up_as_the_queue_answers() {
    let Some((house, engine)) = company(r#"{ do = "queue", queue = "sales" }"#).await else {
        return;
    };
    no_agent(&house).await;
    let mut cancelled = 0;
    for _ in 0..40 {
        let callers = (0..5).map(|_| async {
            let call = house.call_from(NOBODY).await;
            sleep(millis(61)).await;
            call.cancel().await;
            // Where the answer was quicker than the CANCEL, a phone hangs up.
            if call.is_answered(Duration::from_millis(200)).await {
                call.hang_up().await;
            }
            let end = call.ended(SOON).await;
            end.unwrap_or_else(|| panic!("{:?}", call.seen())).code == Some(487)
        });
        cancelled += join_all(callers).await.into_iter().filter(|cancelled| *cancelled).count();
    }
    house.ends_empty().await;
    let handed_over = engine.lines().iter().filter(|l| l["message"] == "call arrived").count();
    assert!((1..200).contains(&cancelled), "CANCEL and answer cross: {cancelled} of 200 cancelled");
    assert!(handed_over >= 200 - cancelled, "{handed_over} reached the engine");
    let ended = engine.ended(handed_over).await;
    assert_eq!(ended.len(), handed_over);
    assert_eq!(how_many(&ended, "abandoned"), handed_over, "nobody talked, and all went");
}

// === the order of commands, and names ===

/// Pitfall 18, A04: variables set in the same write as `bridge` are there when the phone rings, every time.
#[tokio::test]
async fn pitfall_18_commands_run_in_their_order() {
    let Some((house, engine)) = company(RING_102).await else { return };
    let clients = [(OLGA, "Ольга Белова"), (MILLER, "John Miller"), (NOBODY, "Trunk")];
    for round in 0..30 {
        let (number, name) = clients[round % 3];
        let call = house.call_from(number).await;
        let employee = rings(&house, 102).await;
        assert_eq!(employee.shown_name(), name, "round {round}");
        call.cancel().await;
        assert!(call.ended(SOON).await.is_some());
    }
    house.ends_empty().await;
    assert_eq!(how_many(&engine.ended(30).await, "abandoned"), 30);
}

/// A04: the name of a known client is shown to the agents of either queue, and nothing disturbs their talk.
#[tokio::test]
async fn a04_agents_of_both_queues_see_who_calls() {
    for queue in [r#"do = "queue", queue = "sales""#, r#"do = "fifo", queue = "support@127.0.0.1""#]
    {
        let steps = format!(
            r#"{{ {queue}, wait = "3s" }}, {{ do = "employee", employee = "102", ring = "5s" }}"#
        );
        let Some((house, engine)) = company(&steps).await else { return };
        house.only_agent(103).await;
        house.phone(103).behave(AT_ONCE);
        house.phone(104).behave(Behaviour::Reject(486));
        let call = house.call_from(OLGA).await;
        let agent = rings(&house, 103).await;
        assert_eq!(agent.shown_name(), "Ольга Белова", "{queue}");
        assert_eq!(agent.shown_number().trim_start_matches('+'), OLGA, "{queue}");
        assert!(call.is_answered(SOON).await && agent.is_answered(SOON).await);
        // Longer than the queue's time.
        assert_eq!(call.ended(Duration::from_secs(5)).await, None, "{queue}: the talk goes on");
        assert_eq!(agent.ended(Duration::ZERO).await, None, "{queue}: the talk goes on");
        assert!(house.phone(102).next_call(Duration::ZERO).await.is_none(), "{queue}");
        agent.hang_up().await;
        assert!(call.ended(TWO_SECONDS).await.expect("he is not queued again").by_other);
        let answered = engine.says("answered").await;
        assert_eq!((field(&answered, "who"), field(&answered, "by")), ("103", "queue"));
        let ended = only_call(&engine).await;
        assert_eq!(field(&ended, "outcome"), "answered", "{ended}");
        assert!(ended["talked_s"].as_u64().is_some_and(|s| (4..20).contains(&s)), "{ended}");
        let refused: Vec<_> = engine.lines();
        let refused = refused.iter().filter(|l| field(l, "message").contains("refused"));
        assert_eq!(refused.count(), 0);
        house.ends_empty().await;
    }
}

// === steps ===

/// The caller is sent the code of the rules, whatever the phone that was rung has sent.
#[tokio::test]
async fn the_rules_have_the_last_word() {
    let steps = format!(r#"{RING_102}, {{ do = "hangup", cause = "CALL_REJECTED" }}"#);
    let Some((house, engine)) = company(&steps).await else { return };
    house.phone(102).behave(Behaviour::Reject(486));
    let call = house.call_in().await;
    assert_eq!(call.ended(SOON).await.expect("it ends").code, Some(603));
    assert_eq!(field(&only_call(&engine).await, "cause"), "CALL_REJECTED");
    house.ends_empty().await;
}

/// E02: an employee who calls a colleague in vain is told why.
#[tokio::test]
async fn e02_an_employee_is_told_that_his_colleague_is_busy() {
    let Some((house, engine)) = company(RING_102).await else { return };
    for (count, code) in [(1, 486), (2, 603)] {
        house.phone(102).behave(Behaviour::Reject(code));
        let inside = house.freeswitch.phones;
        let call = house.phone(101).call(inside, "102", "Anna", "101").await;
        assert_eq!(call.ended(SOON).await.expect("it ends").code, Some(code));
        assert_eq!(how_many(&engine.ended(count).await, "unreached"), count);
    }
    house.ends_empty().await;
}

/// Nobody is in either queue: after its time come the announcement and the end, and the call is missed.
#[tokio::test]
async fn a06_a_queue_without_agents_leads_to_the_announcement() {
    for queue in [r#"do = "queue", queue = "sales""#, r#"do = "fifo", queue = "nobody@127.0.0.1""#]
    {
        let steps = format!(
            r#"{{ {queue}, wait = "3s" }}, {{ do = "announce", file = "tone_stream://%(1000,0,440)" }},
               {{ do = "hangup", cause = "USER_BUSY" }}"#
        );
        let Some((house, engine)) = company(&steps).await else { return };
        no_agent(&house).await;
        let call = house.call_from(NOBODY).await;
        assert!(call.is_answered(SOON).await);
        let end = call.ended(SOON).await.expect("it ends");
        assert!(end.by_other && end.reason.contains("cause=17"), "{queue}: {end:?}");
        let ended = only_call(&engine).await;
        assert_eq!((field(&ended, "outcome"), field(&ended, "cause")), ("missed", "USER_BUSY"));
        let steps = field(&ended, "steps");
        assert!(steps.ends_with("queue_timeout, announcement answered"), "{queue}: {steps}");
        house.ends_empty().await;
    }
}

/// Nobody is in either queue: after its time the mailbox takes a message. The caller is FreeSWITCH itself, because the
/// phones here cannot be heard.
#[tokio::test]
async fn a_message_is_left_after_a_queue_without_agents() {
    for queue in [r#"do = "queue", queue = "sales""#, r#"do = "fifo", queue = "nobody@127.0.0.1""#]
    {
        let steps =
            format!(r#"{{ {queue}, wait = "2s" }}, {{ do = "voicemail", mailbox = "101" }}"#);
        let Some((house, engine)) = company(&steps).await else { return };
        no_agent(&house).await;
        let line = format!("sofia/internal/{COMPANY}@{}", house.freeswitch.trunk);
        let speak = "&playback(tone_stream://%(9000,0,440))";
        let called = house.freeswitch.api(&format!("originate {line} {speak}")).await;
        assert!(called.starts_with("+OK"), "{called}");
        let said = engine.says("a message was left").await;
        assert!(said["seconds"].as_u64().is_some_and(|s| (3..9).contains(&s)), "{said}");
        let ended = only_call(&engine).await;
        assert_eq!(field(&ended, "outcome"), "voicemail", "{ended}");
        house.ends_empty().await;
    }
}
