//! The simulated FreeSWITCH from the engine's side: what its tests, `demo` and `load` stand on.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use dozvon::core::ids::OpId;
use dozvon::esl::{Command, Event, Incoming, Limits, Link};
use dozvon::sim::{CallHandle, CallReport, CallSpec, Caller, FreeSwitch, Outcome, Script};
use tokio::net::{TcpListener, TcpStream};

type Engine = Link<TcpStream, ()>;

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A listening engine, and a FreeSWITCH that calls it.
async fn exchange(
    furnish: impl FnOnce(dozvon::sim::Builder) -> dozvon::sim::Builder,
) -> (TcpListener, FreeSwitch) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let builder = furnish(FreeSwitch::builder().engine(&address));
    (listener, builder.start().await.unwrap())
}

/// Takes the next call over, as the engine does.
async fn accept(listener: &TcpListener) -> (Engine, String) {
    let (stream, _) = listener.accept().await.unwrap();
    let mut link = Link::new(stream, Limits::default());
    link.send([((), Command::connect())]).await.unwrap();
    let Some(Incoming::Reply((), data)) = link.next().await.unwrap() else {
        panic!("no reply to connect")
    };
    let uuid = data.headers.raw("Unique-ID").unwrap().to_owned();
    assert_eq!(data.headers.raw("Socket-Mode"), Some("async"));
    let names = "CHANNEL_PROGRESS CHANNEL_ANSWER CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE CHANNEL_EXECUTE_COMPLETE CUSTOM callcenter::info fifo::info";
    link.send([
        ((), Command::linger(secs(10))),
        ((), Command::filter("Unique-ID", &uuid)),
        ((), Command::filter("Other-Leg-Unique-ID", &uuid)),
        ((), Command::filter("Channel-Call-UUID", &uuid)),
        ((), Command::filter("CC-Member-Session-UUID", &uuid)),
        ((), Command::events(names)),
    ])
    .await
    .unwrap();
    (link, uuid)
}

async fn run(link: &mut Engine, app: &str, arg: &str) {
    let op = OpId::new(app);
    link.send([((), Command::execute(None, &op, app, arg))]).await.unwrap();
}

/// Reads until an event satisfies; everything on the way goes into `seen`.
async fn until(link: &mut Engine, seen: &mut Vec<String>, want: impl Fn(&Event) -> bool) -> Event {
    loop {
        match link.next().await.unwrap() {
            Some(Incoming::Event(event)) => {
                seen.push(event.name().to_owned());
                if want(&event) {
                    return event;
                }
            }
            Some(_) => {}
            None => panic!("closed after {seen:?}"),
        }
    }
}

/// The end of the engine's part: HANGUP_COMPLETE of the caller's leg, then `exit`.
async fn finish(
    mut link: Engine,
    uuid: &str,
    seen: &mut Vec<String>,
    call: CallHandle,
) -> CallReport {
    until(&mut link, seen, |e| {
        e.name() == "CHANNEL_HANGUP_COMPLETE" && e.raw("Unique-ID") == Some(uuid)
    })
    .await;
    link.send([((), Command::exit())]).await.unwrap();
    call.report().await
}

fn completes(app: &'static str) -> impl Fn(&Event) -> bool {
    move |e| e.name() == "CHANNEL_EXECUTE_COMPLETE" && e.raw("Application-UUID") == Some(app)
}

#[tokio::test(start_paused = true)]
async fn a05_the_owner_answers_and_the_caller_hangs_up() {
    let (listener, fs) = exchange(|b| b.phone("101", Script::answers(secs(2)))).await;
    let spec = CallSpec::new("79161234567", "100").name("Иван Петров");
    let call = fs.call(spec.caller(Caller::stays().talks_for(secs(5))));
    let (mut link, uuid) = accept(&listener).await;
    run(&mut link, "multiset", "^^;continue_on_fail=true;hangup_after_bridge=true").await;
    run(&mut link, "bridge", "{ignore_early_media=true,leg_timeout=11}user/101").await;
    let mut seen = Vec::new();
    let done = until(&mut link, &mut seen, completes("bridge")).await;
    assert_eq!(done.variable("originate_disposition").as_deref(), Some("SUCCESS"));
    assert_eq!(done.variable("bridge_hangup_cause").as_deref(), Some("NORMAL_CLEARING"));
    let report = finish(link, &uuid, &mut seen, call).await;
    assert_eq!(report.outcome, Outcome::Talked);
    assert_eq!(report.answered_by(), Some("101"));
    assert_eq!(report.rung[0].shown_name, "Иван Петров");
    assert_eq!(report.channels_left, 0);
    assert_eq!(fs.channels(), 0);
    assert_eq!(report.duration.as_secs(), 7);
    let order: Vec<_> =
        seen.iter().map(String::as_str).filter(|n| *n != "CHANNEL_EXECUTE_COMPLETE").collect();
    assert_eq!(
        order,
        [
            "CHANNEL_PROGRESS",
            "CHANNEL_PROGRESS",
            "CHANNEL_ANSWER",
            "CHANNEL_ANSWER",
            "CHANNEL_BRIDGE",
            "CHANNEL_HANGUP",
            "CHANNEL_HANGUP",
            "CHANNEL_HANGUP_COMPLETE",
            "CHANNEL_UNBRIDGE",
            "CHANNEL_HANGUP_COMPLETE"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_lingering_connection_still_tells_how_the_call_ended() {
    let (listener, fs) = exchange(|b| b).await;
    let caller = Caller::stays().hangs_up_after(secs(1));
    let call = fs.call(CallSpec::new("79161234567", "100").caller(caller));
    let (mut link, _) = accept(&listener).await;
    while !matches!(link.next().await.unwrap(), Some(Incoming::Notice { linger: true })) {}
    link.send([((), Command::connect())]).await.unwrap();
    let cause = loop {
        if let Some(Incoming::Reply((), reply)) = link.next().await.unwrap()
            && let Some(cause) = reply.headers.raw("Hangup-Cause")
        {
            break cause.to_owned();
        }
    };
    assert_eq!(cause, "ORIGINATOR_CANCEL");
    link.send([((), Command::exit())]).await.unwrap();
    assert_eq!(call.report().await.channels_left, 0);
}

#[tokio::test(start_paused = true)]
async fn a05_busy_silent_unregistered_and_missing_phones_leave_the_caller_with_us() {
    let (listener, fs) = exchange(|b| {
        b.phone("101", Script::busy())
            .phone("102", Script::silent())
            .phone("103", Script::unregistered())
            .gateway("mob")
            .phone("79990000000", Script::rejects())
    })
    .await;
    let call = fs.call(CallSpec::new("79161234567", "100"));
    let (mut link, uuid) = accept(&listener).await;
    run(&mut link, "multiset", "continue_on_fail=true").await;
    let mut seen = Vec::new();
    for (target, disposition) in [
        ("user/101", "USER_BUSY"),
        ("user/102", "NO_ANSWER"),
        ("user/103", "USER_NOT_REGISTERED"),
        ("user/199", "SUBSCRIBER_ABSENT"),
        ("sofia/gateway/mob/79990000000", "CALL_REJECTED"),
        ("sofia/gateway/nope/1", "INVALID_GATEWAY"),
    ] {
        run(&mut link, "bridge", &format!("{{leg_timeout=3}}{target}")).await;
        let done = until(&mut link, &mut seen, completes("bridge")).await;
        assert_eq!(
            done.variable("originate_disposition").as_deref(),
            Some(disposition),
            "{target}"
        );
        assert_eq!(done.raw("Answer-State"), Some("ringing"));
    }
    run(&mut link, "hangup", "USER_BUSY").await;
    let report = finish(link, &uuid, &mut seen, call).await;
    assert_eq!((report.outcome, report.cause), (Outcome::Refused, "USER_BUSY"));
    assert_eq!(report.phones_rung(), ["101", "102", "79990000000"]);
    assert_eq!(report.channels_left, 0);
}

#[tokio::test(start_paused = true)]
async fn the_engine_is_not_there_and_the_dialplan_takes_the_call() {
    let fs = FreeSwitch::builder().engine("127.0.0.1:1|127.0.0.1:2").start().await.unwrap();
    let report = fs.call(CallSpec::new("79161234567", "100")).report().await;
    assert_eq!(report.outcome, Outcome::DialplanFallback);
    assert_eq!(report.channels_left, 0);
}

#[tokio::test(start_paused = true)]
async fn the_engine_dies_while_the_owner_rings_and_the_dialplan_takes_the_call() {
    let (listener, fs) = exchange(|b| b.phone("101", Script::silent())).await;
    let call = fs.call(CallSpec::new("79161234567", "100"));
    let (mut link, _) = accept(&listener).await;
    run(&mut link, "bridge", "{leg_timeout=5}user/101").await;
    tokio::time::sleep(secs(1)).await;
    drop(link);
    let report = call.report().await;
    assert_eq!(report.outcome, Outcome::DialplanFallback);
    assert_eq!(report.channels_left, 0);
}

/// As with the real one, nothing is read after its good-bye: `linger` that comes later is not taken.
#[tokio::test]
async fn a_caller_who_is_gone_before_linger_ends_the_connection_unanswered() {
    let (listener, switch) = exchange(|builder| builder).await;
    let caller = Caller::stays().gives_up_after(Duration::from_millis(1));
    let call = switch.call(CallSpec::new("+79161110001", "+74951234567").caller(caller));
    let (stream, _) = listener.accept().await.unwrap();
    let mut link = Link::new(stream, Limits::default());
    tokio::time::sleep(Duration::from_millis(100)).await;
    link.send([((), Command::connect()), ((), Command::linger(secs(10)))]).await.unwrap();
    let mut replies = 0;
    while let Some(incoming) = link.next().await.unwrap() {
        match incoming {
            Incoming::Reply(..) => replies += 1,
            Incoming::Notice { linger } => assert!(!linger),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((replies, link.unanswered()), (1, 1));
    assert_eq!(call.report().await.outcome, Outcome::GaveUp);
}
