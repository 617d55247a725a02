//! Peers that are no FreeSWITCH, or a broken one: each is refused with a clear reason and a
//! metric, and no other call is disturbed.

#![allow(clippy::unwrap_used)]

#[path = "support/in_process.rs"]
mod engine;

use std::time::Duration;

use engine::{Engine, MemoryCrm};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn connect(engine: &Engine) -> TcpStream {
    TcpStream::connect(engine.app.calls).await.unwrap()
}

/// Reads until the engine closes.
async fn closed(mut socket: TcpStream) {
    let mut rest = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(30), socket.read_to_end(&mut rest)).await;
    // A reset is a close as well: our bytes may lie unread.
    drop(end.expect("the engine closes the connection"));
}

fn ended(end: &str) -> String {
    format!("dozvon_esl_sessions_total{{end=\"{end}\"}}")
}

/// The reply to `connect`, as short as it can be.
fn channel_data(uuid: &str, mode: &str, control: &str) -> String {
    format!(
        "Event-Name: CHANNEL_DATA\nUnique-ID: {uuid}\nAnswer-State: ringing\n\
         Caller-Caller-ID-Number: 79161110001\nCaller-Destination-Number: 100\n\
         Content-Type: command/reply\nReply-Text: %2BOK%0A\nSocket-Mode: {mode}\nControl: {control}\n\n"
    )
}

#[tokio::test]
async fn bytes_that_are_no_event_socket_are_refused() {
    let engine = Engine::start(MemoryCrm::default()).await;
    for bytes in
        [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], b"\x16\x03\x01\x02\x00\x01", &[0xff; 300]]
    {
        let mut socket = connect(&engine).await;
        socket.write_all(bytes).await.unwrap();
        closed(socket).await;
    }
    engine.until_metric(&ended("unreadable"), 3.0).await;
    assert_eq!(engine.metric("dozvon_esl_parse_errors_total"), 3.0);
}

#[tokio::test]
async fn a_block_that_never_ends_is_refused() {
    let engine = Engine::start(MemoryCrm::default()).await;
    let (mut read, mut write) = connect(&engine).await.into_split();
    let sender = tokio::spawn(async move {
        while write.write_all(&b"X-Header: on and on\n".repeat(500)).await.is_ok() {}
    });
    let mut rest = Vec::new();
    let _ =
        tokio::time::timeout(Duration::from_secs(30), read.read_to_end(&mut rest)).await.unwrap();
    sender.await.unwrap();
    engine.until_metric(&ended("unreadable"), 1.0).await;
}

#[tokio::test]
async fn pitfall_19_a_socket_that_is_not_async_full_is_refused() {
    let engine = Engine::start(MemoryCrm::default()).await;
    for (mode, control) in [("static", "full"), ("async", "single-channel")] {
        let mut socket = connect(&engine).await;
        socket.write_all(channel_data("a", mode, control).as_bytes()).await.unwrap();
        closed(socket).await;
    }
    engine.until_metric(&ended("not_async"), 1.0).await;
    engine.until_metric(&ended("not_full"), 1.0).await;
}

#[tokio::test]
async fn pitfall_13_a_thousand_silent_peers_do_not_hold_up_a_call() {
    let engine = Engine::start(MemoryCrm::default().client("+79161110001", "A", "e101")).await;
    let mut silent = Vec::new();
    for _ in 0..1000 {
        silent.push(connect(&engine).await);
    }
    let mut call = connect(&engine).await;
    call.write_all(channel_data("a", "async", "full").as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    while !String::from_utf8_lossy(&seen).contains("user/101") {
        let read = tokio::time::timeout(Duration::from_secs(20), call.read(&mut buffer)).await;
        let read = read.expect("the bridge is commanded while the silent ones are there").unwrap();
        assert_ne!(read, 0);
        seen.extend_from_slice(&buffer[..read]);
    }
    // The silent ones are sent away after the handshake's time.
    engine.until_metric(&ended("silent"), 1000.0).await;
    drop(silent);
}

#[tokio::test]
async fn pitfall_12_a_caller_gone_at_once_leaves_nothing_behind() {
    let mut engine = Engine::start(MemoryCrm::default().client("+79161110001", "A", "e101")).await;
    for number in 0..20 {
        let mut socket = connect(&engine).await;
        socket
            .write_all(channel_data(&format!("call-{number}"), "async", "full").as_bytes())
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(number)).await;
        drop(socket);
    }
    for _ in 0..20 {
        // FreeSWITCH closes the connection of a caller who goes before it has taken `linger`.
        assert_eq!(engine.record().await.outcome.map(|o| o.as_str()), Some("abandoned"));
    }
    engine.until_metric("dozvon_calls_active", 0.0).await;
    engine.until_metric("dozvon_esl_sessions_open", 0.0).await;
    assert!(engine.app.engine.calls.is_empty());
}

/// The caller hangs up as he is passed on: his second connection comes when the first one's call
/// has its record already.
#[tokio::test]
async fn e02_a_connection_that_comes_after_its_call_makes_no_second_record() {
    let mut engine = Engine::start(MemoryCrm::default().client("+79161110001", "A", "e101")).await;
    let led = |uuid: &str, state: &str| {
        let data = channel_data(uuid, "async", "full").replace("ringing", state);
        data.replace("Socket-Mode", "variable_dozvon_led: true\nSocket-Mode")
    };
    let mut connections = 0.0;
    for (uuid, state) in [("a", "hangup"), ("b", "answered")] {
        for data in [channel_data(uuid, "async", "full"), led(uuid, state)] {
            let mut socket = connect(&engine).await;
            socket.write_all(data.as_bytes()).await.unwrap();
            drop(socket);
            connections += 1.0;
            engine.until_metric(&ended("call"), connections).await;
        }
        assert_eq!(engine.record().await.id.as_str(), uuid);
    }
    // One that another engine led is this one's to record.
    let mut socket = connect(&engine).await;
    socket.write_all(led("c", "answered").as_bytes()).await.unwrap();
    drop(socket);
    assert_eq!(engine.record().await.id.as_str(), "c", "and nothing more of the others");
}
