//! The control socket of the simulated FreeSWITCH.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use dozvon::core::ids::OpId;
use dozvon::esl::{Command, Event, Incoming, Limits, Link};
use dozvon::sim::{Agent, Builder, CallSpec, Caller, FreeSwitch, Queue, Script};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::TcpStream;

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

async fn exchange(furnish: impl FnOnce(Builder) -> Builder) -> FreeSwitch {
    furnish(FreeSwitch::builder().engine("127.0.0.1:1")).start().await.unwrap()
}

type Control<S> = Link<S, ()>;

async fn reply<S: AsyncRead + AsyncWrite + Unpin>(
    link: &mut Control<S>,
    command: Command,
) -> String {
    link.send([((), command)]).await.unwrap();
    loop {
        match link.next().await.unwrap() {
            Some(Incoming::Reply((), reply)) => return reply.text().to_owned(),
            Some(_) => {}
            None => panic!("closed"),
        }
    }
}

async fn event<S: AsyncRead + AsyncWrite + Unpin>(
    link: &mut Control<S>,
    want: impl Fn(&Event) -> bool,
) -> Event {
    loop {
        match link.next().await.unwrap() {
            Some(Incoming::Event(event)) if want(&event) => return event,
            Some(_) => {}
            None => panic!("closed"),
        }
    }
}

/// An authorised connection that hears `names`.
async fn control(fs: &FreeSwitch, names: &str) -> Control<DuplexStream> {
    let mut link = Link::new(fs.control_pipe(), Limits::default());
    assert!(matches!(link.next().await.unwrap(), Some(Incoming::AuthRequest)));
    assert_eq!(reply(&mut link, Command::auth("ClueCon")).await, "+OK accepted");
    reply(&mut link, Command::events(names)).await;
    link
}

/// Starts a job and waits for what comes of it.
async fn job(link: &mut Control<DuplexStream>, line: &str) -> String {
    let id = OpId::new(format!("job {line}"));
    reply(link, Command::bgapi(&id, line)).await;
    let done = event(link, |e| {
        e.name() == "BACKGROUND_JOB" && e.get("Job-UUID").as_deref() == Some(id.as_str())
    })
    .await;
    String::from_utf8(done.body().to_vec()).unwrap().trim().to_owned()
}

#[tokio::test(start_paused = true)]
async fn transcript_06a_a_wrong_password_ends_the_connection() {
    let fs = exchange(|b| b).await;
    let mut link: Control<_> = Link::new(fs.control_pipe(), Limits::default());
    assert_eq!(reply(&mut link, Command::api("status")).await, "-ERR command not found");
    assert_eq!(reply(&mut link, Command::auth("wrong")).await, "-ERR invalid");
    assert!(matches!(link.next().await.unwrap(), Some(Incoming::Notice { linger: false })));
    assert!(link.next().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn presence_is_told_registrations_agents_and_heartbeats() {
    let fs = exchange(|b| {
        b.phone("101", Script::answers(secs(1)))
            .phone("102", Script::unregistered())
            .agent(Agent::new("agent1", "101"))
            .queue("sales", Queue::new(&["agent1"]))
            .heartbeat(secs(20))
    })
    .await;
    let names = "HEARTBEAT CUSTOM sofia::register sofia::unregister callcenter::info";
    let mut link = control(&fs, names).await;
    let text = reply(&mut link, Command::api("show registrations as json")).await;
    let shown: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(shown["row_count"], 1);
    assert_eq!(shown["rows"][0]["reg_user"], "101");
    let text = reply(&mut link, Command::api("show channels as json")).await;
    assert_eq!(text, r#"{"row_count":0}"#);
    let text = reply(&mut link, Command::api("callcenter_config agent list")).await;
    assert!(text.contains("agent1|single_box||callback|") && text.contains("|Available|Waiting|"));
    fs.set_phone("102", Script::answers(secs(1)));
    let told = event(&mut link, |e| e.subclass().as_deref() == Some("sofia::register")).await;
    assert_eq!(told.raw("from-user"), Some("102"));
    fs.set_phone("101", Script::unregistered());
    event(&mut link, |e| e.subclass().as_deref() == Some("sofia::unregister")).await;
    fs.set_agent_status("agent1", "Logged Out");
    let told = event(&mut link, |e| e.raw("CC-Action") == Some("agent-status-change")).await;
    assert_eq!(told.get("CC-Agent-Status").as_deref(), Some("Logged Out"));
    let beat = event(&mut link, |e| e.name() == "HEARTBEAT").await;
    assert_eq!(beat.raw("Core-UUID"), Some(fs.core_uuid()));
    assert_eq!(beat.raw("Session-Since-Startup"), Some("0"), "no call yet");
}

#[tokio::test(start_paused = true)]
async fn all_channels_are_seen_and_killed_from_here() {
    let fs = exchange(|b| b.fallback_talk(secs(60))).await;
    let mut link = control(&fs, "CHANNEL_CREATE CHANNEL_HANGUP_COMPLETE").await;
    let call = fs.call(CallSpec::new("79161234567", "100"));
    let made = event(&mut link, |e| e.name() == "CHANNEL_CREATE").await;
    assert_eq!(made.raw("Unique-ID"), Some(call.uuid()));
    tokio::time::sleep(secs(1)).await;
    let text = reply(&mut link, Command::api("show channels as json")).await;
    let shown: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(shown["rows"][0]["uuid"], call.uuid());
    assert_eq!(shown["rows"][0]["cid_num"], "79161234567");
    let exists = format!("uuid_exists {}", call.uuid());
    assert_eq!(reply(&mut link, Command::api(&exists)).await, "true");
    let kill = format!("uuid_kill {} CALL_REJECTED", call.uuid());
    assert_eq!(reply(&mut link, Command::api(&kill)).await.trim(), "+OK");
    event(&mut link, |e| e.name() == "CHANNEL_HANGUP_COMPLETE").await;
    assert_eq!(reply(&mut link, Command::api(&exists)).await, "false");
    assert_eq!(call.report().await.cause, "CALL_REJECTED");
}

#[tokio::test(start_paused = true)]
async fn transcript_06b_originate_says_what_came_of_it() {
    let fs = exchange(|b| {
        b.phone("101", Script::answers(secs(1)))
            .phone("102", Script::silent())
            .phone("103", Script::busy())
            .phone("105", Script::rejects())
            .phone("109", Script::unregistered())
    })
    .await;
    let mut link = control(&fs, "BACKGROUND_JOB").await;
    for (dialled, answer) in [
        ("originate {originate_timeout=5}user/102 &park", "-ERR NO_ANSWER"),
        ("originate user/103 &park", "-ERR USER_BUSY"),
        ("originate user/105 &park", "-ERR CALL_REJECTED"),
        ("originate user/109 &park", "-ERR USER_NOT_REGISTERED"),
        ("originate user/199 &park", "-ERR SUBSCRIBER_ABSENT"),
        ("originate sofia/gateway/nope/7495 &park", "-ERR INVALID_GATEWAY"),
        ("originate {origination_uuid=u-1}user/101 &park", "+OK u-1"),
        ("originate {origination_uuid=u-1}user/101 &park", "-ERR DESTINATION_OUT_OF_ORDER"),
        ("nosuchapi x", "-ERR nosuchapi Command not found!"),
    ] {
        assert_eq!(job(&mut link, dialled).await, answer, "{dialled}");
    }
    assert!(job(&mut link, "originate").await.starts_with("-USAGE:"));
    reply(&mut link, Command::api("uuid_kill u-1")).await;
    tokio::time::sleep(secs(1)).await;
    assert_eq!(fs.channels(), 0);
}

#[tokio::test(start_paused = true)]
async fn transcript_06b_two_dialled_legs_are_bridged_and_end_together() {
    let fs = exchange(|b| {
        b.phone("101", Script::answers(secs(1)))
            .phone("104", Script::answers(secs(1)).hangs_up_after(secs(10)))
    })
    .await;
    let mut link =
        control(&fs, "BACKGROUND_JOB CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_HANGUP_COMPLETE")
            .await;
    job(&mut link, "originate {origination_uuid=u-1}user/101 &park").await;
    job(&mut link, "originate {origination_uuid=u-2}user/104 &park").await;
    assert_eq!(job(&mut link, "uuid_bridge u-1 u-2").await, "+OK u-2");
    let bridged = event(&mut link, |e| e.name() == "CHANNEL_BRIDGE").await;
    assert_eq!(bridged.raw("Bridge-A-Unique-ID"), Some("u-1"));
    assert_eq!(bridged.raw("Bridge-B-Unique-ID"), Some("u-2"));
    for leg in ["u-2", "u-1"] {
        event(&mut link, |e| {
            e.name() == "CHANNEL_HANGUP_COMPLETE" && e.raw("Unique-ID") == Some(leg)
        })
        .await;
    }
    assert_eq!(job(&mut link, "uuid_bridge u-1 u-2").await, "-ERR Invalid uuid");
    assert_eq!(fs.channels(), 0);
}

#[tokio::test(start_paused = true)]
async fn originate_rings_a_group_and_the_first_to_answer_wins() {
    let fs = exchange(|b| {
        b.phone("101", Script::answers(secs(5))).phone("102", Script::answers(secs(2)))
    })
    .await;
    let mut link = control(&fs, "BACKGROUND_JOB").await;
    let mut watch = control(&fs, "CHANNEL_HANGUP").await;
    let dialled = "originate [origination_uuid=u-1]user/101,[origination_uuid=u-2]user/102 &park";
    assert_eq!(job(&mut link, dialled).await, "+OK u-2");
    let lost = event(&mut watch, |e| e.name() == "CHANNEL_HANGUP").await;
    assert_eq!((lost.raw("Unique-ID"), lost.raw("Hangup-Cause")), (Some("u-1"), Some("LOSE_RACE")));
}

#[tokio::test]
async fn freeswitch_is_gone_and_back_at_the_same_address() {
    let fs = exchange(|b| b.control("127.0.0.1:0")).await;
    let address = fs.control_address().unwrap();
    let mut link: Control<_> =
        Link::new(TcpStream::connect(address).await.unwrap(), Limits::default());
    reply(&mut link, Command::auth("ClueCon")).await;
    fs.stop_control();
    assert!(matches!(link.next().await, Ok(None) | Err(_)));
    fs.restart_control().await.unwrap();
    assert_eq!(fs.control_address(), Some(address));
    let mut link: Control<_> =
        Link::new(TcpStream::connect(address).await.unwrap(), Limits::default());
    assert_eq!(reply(&mut link, Command::auth("ClueCon")).await, "+OK accepted");
    fs.cut_control();
    assert!(matches!(link.next().await, Ok(None) | Err(_)));
    let caller = Caller::stays().hangs_up_after(Duration::from_millis(10));
    let report = fs.call(CallSpec::new("79161234567", "100").caller(caller)).report().await;
    assert_eq!(report.channels_left, 0);
}
