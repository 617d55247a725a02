//! Two readers, the same bytes: `esl::Codec` against freeswitch-esl-tokio on every recorded stream.
//!
//! Its parser is private. So a loopback socket plays the stream, and sends a reply only when a
//! command asks for it: that library takes one command at a time.
//!
//! Where the two differ, and why that is right:
//!
//! 1. Names: it writes `Unique-ID` for `unique-id` and so on. Compared in its spelling.
//! 2. Replies: it URL-decodes all of them. We decode where we read; compared decoded.
//! 3. A header that is there twice (`Hangup-Cause` at the end of a call): it keeps the last
//!    value, we the first. The two are the same in every recorded event, and that is checked.
//! 4. A JSON array: it keeps the JSON text, we join it as the plain format does.
//! 5. XML events and log lines: it reads them, we skip them. Passed over in its list.
//! 6. A line without a colon (`getvar` of two lines, 07b): it ends the connection, we skip the
//!    line. That one frame is not played.
//! 7. An empty body: `None` there, no bytes here.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/raw.rs"]
mod raw;

use std::borrow::Cow;
use std::collections::BTreeMap;

use dozvon::esl::{Event, Frame, Headers, Kind};
use freeswitch_esl_tokio::{
    EslClient, EslConnectOptions, EslError, EslEvent, EslEventStream, EslResponse,
    normalize_header_key,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

type Map = BTreeMap<String, String>;

fn is_reply(frame: &Frame) -> bool {
    matches!(frame.kind, Kind::CommandReply | Kind::ApiResponse)
}

/// What we read, in the spelling of the other (differences 1 to 3).
fn ours(name: &str, headers: &Headers) -> Map {
    let mut map = Map::new();
    for (header, _) in headers.iter() {
        let value = headers.get(header).unwrap().into_owned();
        map.insert(normalize_header_key(header), value);
    }
    for (header, raw) in headers.iter() {
        assert_eq!(headers.raw(header), Some(raw), "{name}: {header} has two values");
    }
    map
}

/// What it read. A JSON array gets our form (difference 4).
fn theirs<'a>(headers: impl Iterator<Item = (&'a String, &'a String)>, json: bool) -> Map {
    let joined = |text: &str| {
        let items = serde_json::from_str::<Vec<String>>(text).ok().filter(|_| json)?;
        Some(format!("ARRAY::{}", items.join("|:")))
    };
    headers.map(|(name, v)| (name.clone(), joined(v).unwrap_or_else(|| v.clone()))).collect()
}

fn text(body: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(body)
}

/// Writes the frames; each reply waits for its command.
async fn play(mut socket: TcpStream, frames: Vec<Frame>) {
    let mut asked = Vec::new();
    for frame in &frames {
        while is_reply(frame) {
            if let Some(end) = asked.windows(2).position(|w| w == b"\n\n") {
                asked.drain(..end + 2);
                break;
            }
            assert_ne!(socket.read_buf(&mut asked).await.unwrap(), 0, "it went away");
        }
        socket.write_all(&raw::wire(frame)).await.unwrap();
    }
    socket.shutdown().await.unwrap();
    let _ = socket.read_to_end(&mut asked).await;
}

/// What the other library makes of the frames.
async fn read_by_the_other(frames: &[Frame]) -> (Vec<EslResponse>, Vec<EslEvent>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let options = EslConnectOptions::new().with_event_queue_size(10_000);
    let mut replies = Vec::new();
    let (player, client, events): (_, _, EslEventStream);
    if frames[0].kind == Kind::AuthRequest {
        player = tokio::spawn(accept_and_play(listener, frames.to_vec()));
        let connected =
            EslClient::connect_with_options("127.0.0.1", address.port(), "x", options).await;
        (client, events) = connected.unwrap();
        replies.push(client.auth_response().unwrap().clone());
    } else {
        let socket = TcpStream::connect(address).await.unwrap();
        player = tokio::spawn(play(socket, frames.to_vec()));
        (client, events) =
            EslClient::accept_outbound_with_options(&listener, options).await.unwrap();
        replies.push(client.connect_session().await.unwrap());
    }
    let asked = frames.iter().filter(|f| is_reply(f)).count();
    while replies.len() < asked {
        replies.push(client.api("x").await.unwrap());
    }
    let mut stream = events;
    let mut events = Vec::new();
    while let Some(event) = stream.recv().await {
        events.push(event.unwrap());
    }
    drop((client, stream));
    player.await.unwrap();
    (replies, events)
}

async fn accept_and_play(listener: TcpListener, frames: Vec<Frame>) {
    let (socket, _) = listener.accept().await.unwrap();
    play(socket, frames).await;
}

#[tokio::test]
async fn both_read_the_same_replies_and_events_with_all_their_headers() {
    let mut values = 0;
    for (name, _) in raw::STREAMS.iter().filter(|(name, _)| !name.ends_with("denied")) {
        let mut frames = raw::frames(&raw::stream(name));
        // Difference 6.
        frames.retain(|f| {
            f.headers.as_bytes().trim_ascii().split(|b| *b == b'\n').all(|l| l.contains(&b':'))
        });
        let (replies, events) = read_by_the_other(&frames).await;
        let (mut replies, mut events) = (replies.iter(), events.iter());
        for frame in &frames {
            match frame.kind {
                Kind::CommandReply | Kind::ApiResponse => {
                    let other = replies.next().unwrap();
                    assert_eq!(
                        ours(name, &frame.headers),
                        theirs(other.headers().iter(), false),
                        "{name}"
                    );
                    assert_eq!(text(&frame.body), other.body().unwrap_or_default(), "{name}");
                }
                Kind::EventPlain | Kind::EventJson => {
                    let (event, other) =
                        (Event::from_frame(frame).unwrap(), events.next().unwrap());
                    assert_eq!(
                        event.get("Event-Name").as_deref(),
                        other.header_str("Event-Name"),
                        "{name}"
                    );
                    assert_eq!(
                        event.get("Unique-ID").as_deref(),
                        other.header_str("Unique-ID"),
                        "{name}"
                    );
                    let map = ours(name, event.headers());
                    assert_eq!(
                        map,
                        theirs(other.headers().iter(), frame.kind == Kind::EventJson),
                        "{name}"
                    );
                    assert_eq!(text(event.body()), other.body().unwrap_or_default(), "{name}");
                    values += map.len();
                }
                // Difference 5.
                Kind::Other => drop(events.next().unwrap()),
                Kind::AuthRequest | Kind::DisconnectNotice | Kind::RudeRejection => {}
            }
        }
        assert_eq!((replies.len(), events.len()), (0, 0), "{name}: it read more than we did");
    }
    assert!(values > 40_000, "only {values} values were compared");
}

#[tokio::test]
async fn both_see_that_the_acl_refused_us() {
    let frames = raw::frames(&raw::stream("07e"));
    assert_eq!(frames[0].kind, Kind::RudeRejection);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let player = tokio::spawn(accept_and_play(listener, frames));
    let refused = EslClient::connect("127.0.0.1", port, "x").await;
    assert!(matches!(refused, Err(EslError::AccessDenied { .. })));
    drop(refused);
    player.await.unwrap();
}
