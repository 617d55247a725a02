//! The pitfalls of `esl.md` that concern codec and link, each with what it was learned from.
//! What a unit test beside the code shows (numbers 3, 20, 21, 22 there) is not shown again.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use dozvon::esl::{Codec, Command, FrameError, Incoming, Limits, Link, LinkError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::codec::Decoder;

fn api_response(body: &str) -> String {
    format!("Content-Type: api/response\nContent-Length: {}\n\n{body}", body.len())
}

fn event(block: &str) -> String {
    format!("Content-Length: {}\nContent-Type: text/event-plain\n\n{block}", block.len())
}

fn link<T>() -> (Link<DuplexStream, T>, DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    (Link::new(ours, Limits::default()), theirs)
}

/// Counts how often its socket is read.
struct Counted {
    socket: DuplexStream,
    reads: usize,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.reads += 1;
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

/// freeswitch-esl connection.rs: a loop that reads for ever at the end of the stream.
#[tokio::test]
async fn pitfall_01_a_closed_peer_ends_the_link_and_nothing_spins() {
    let (socket, mut theirs) = tokio::io::duplex(1024);
    let mut link: Link<_, ()> = Link::new(Counted { socket, reads: 0 }, Limits::default());
    theirs.write_all(event("Event-Name: X\n\n").as_bytes()).await.unwrap();
    drop(theirs);
    assert!(matches!(link.next().await, Ok(Some(Incoming::Event(_)))));
    assert!(matches!(link.next().await, Ok(None)));
    assert!(link.socket().reads <= 3, "{} reads", link.socket().reads);
    // Whoever asks again is told again, at once.
    for _ in 0..100 {
        assert!(matches!(link.next().await, Ok(None)));
    }
    assert!(link.socket().reads <= 103, "{} reads", link.socket().reads);
}

/// fsock#37, greenswitch#47, node-esl#58: commands that wait for ever after a cut.
#[tokio::test(start_paused = true)]
async fn pitfall_02_a_cut_at_any_byte_ends_the_link_and_leaves_nothing_pending() {
    let wire = [
        api_response("true"),
        event("Event-Name: BACKGROUND_JOB\nContent-Length: 4\n\n+OK\n"),
        "Content-Type: command/reply\nReply-Text: +OK\n\n".to_owned(),
        "Content-Type: text/disconnect-notice\nContent-Length: 5\n\nbye.\n".to_owned(),
    ];
    let ends: Vec<usize> = (1..=wire.len()).map(|n| wire[..n].concat().len()).collect();
    let wire = wire.concat();
    for cut in 0..=wire.len() {
        let (mut link, mut theirs) = link();
        link.send((0..3).map(|n| (n, Command::api("x")))).await.unwrap();
        theirs.write_all(&wire.as_bytes()[..cut]).await.unwrap();
        drop(theirs);
        let mut seen = 0;
        let end = loop {
            match timeout(Duration::from_millis(100), link.next()).await.expect("it hangs") {
                Ok(Some(_)) => seen += 1,
                end => break end,
            }
        };
        let whole = ends.iter().filter(|end| **end <= cut).count();
        assert_eq!(seen, whole, "cut at {cut}");
        let at_a_frame = cut == 0 || ends.contains(&cut);
        match end {
            Ok(None) => assert!(at_a_frame, "cut at {cut} was not noticed"),
            Err(LinkError::Frame(FrameError::CutShort(_))) => assert!(!at_a_frame),
            other => panic!("cut at {cut}: {other:?}"),
        }
        let replies = usize::from(whole >= 1) + usize::from(whole >= 3);
        assert_eq!(link.unanswered(), 3 - replies);
        assert_eq!(link.take_unanswered(), (replies..3).collect::<VecDeque<_>>());
        assert_eq!(link.unanswered(), 0);
    }
}

/// The same when the peer takes no bytes any more, and when it is gone.
#[tokio::test(start_paused = true)]
async fn pitfall_02_a_peer_that_takes_no_bytes_is_an_error_and_not_a_hang() {
    let (mut link, theirs) = link();
    let long = "x".repeat(200 * 1024);
    let stalled = link.send([((), Command::api(&long))]).await;
    assert!(matches!(stalled, Err(LinkError::WriteStalled)), "{stalled:?}");
    drop(theirs);
    let broken = link.send([((), Command::api("x"))]).await;
    assert!(matches!(broken, Err(LinkError::Io(_))), "{broken:?}");
    assert_eq!(link.take_unanswered().len(), 2);
}

type Ask = (String, oneshot::Sender<String>);

/// The least owner of a link: sends what is asked for, gives each reply to who asked.
async fn own(mut link: Link<DuplexStream, oneshot::Sender<String>>, mut asks: mpsc::Receiver<Ask>) {
    loop {
        // `next` is dropped half-way each time a command comes.
        tokio::select! {
            ask = asks.recv() => match ask {
                Some((call, answer)) => link.send([(answer, Command::api(&call))]).await.unwrap(),
                None => return,
            },
            incoming = link.next() => match incoming.unwrap() {
                Some(Incoming::Reply(answer, reply)) => drop(answer.send(reply.text().to_owned())),
                Some(_) => {}
                None => return,
            },
        }
    }
}

/// A peer that answers each `api X` with X after a random while, in random pieces, with events
/// between the replies.
async fn echo(socket: DuplexStream) {
    let (mut from, mut to) = tokio::io::split(socket);
    let mut asked = Vec::new();
    while from.read_buf(&mut asked).await.unwrap() > 0 {
        while let Some(end) = asked.windows(2).position(|w| w == b"\n\n") {
            let call: Vec<u8> = asked.drain(..end + 2).collect();
            let call = std::str::from_utf8(&call[4..end]).unwrap();
            tokio::time::sleep(Duration::from_millis(fastrand::u64(0..20))).await;
            let mut wire = api_response(call);
            if fastrand::bool() {
                wire.insert_str(0, &event("Event-Name: HEARTBEAT\n\n"));
            }
            for piece in wire.as_bytes().chunks(fastrand::usize(1..40)) {
                to.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
        }
    }
}

/// node-esl#1, #72: a caller who gives up shifts every later reply.
#[tokio::test(start_paused = true)]
async fn pitfall_03_random_cancels_shift_no_reply() {
    fastrand::seed(3);
    let (link, theirs) = link();
    let (ask, asks) = mpsc::channel(4);
    let peer = tokio::spawn(echo(theirs));
    let owner = tokio::spawn(own(link, asks));
    let (mut answered, mut given_up) = (0, 0);
    let callers: Vec<_> = (0..1000)
        .map(|n| {
            let (ask, patience) = (ask.clone(), Duration::from_millis(fastrand::u64(0..20_000)));
            tokio::spawn(async move {
                let (answer, reply) = oneshot::channel();
                let call = format!("call-{n}");
                ask.send((call.clone(), answer)).await.unwrap();
                let reply = timeout(patience, reply).await.ok()?;
                assert_eq!(reply.unwrap(), call);
                Some(())
            })
        })
        .collect();
    for caller in callers {
        match caller.await.unwrap() {
            Some(()) => answered += 1,
            None => given_up += 1,
        }
    }
    assert!(answered > 100 && given_up > 100, "{answered} answered, {given_up} gave up");
    // After all that, the next one still gets its own.
    let (answer, reply) = oneshot::channel();
    ask.send(("last".to_owned(), answer)).await.unwrap();
    assert_eq!(reply.await.unwrap(), "last");
    drop(ask);
    owner.await.unwrap();
    peer.await.unwrap();
}

/// eslgo#46, go-eventsocket PR#13: a short body at the close is a panic.
#[tokio::test]
async fn pitfall_14_a_body_shorter_than_announced_at_the_close_is_an_error() {
    for wire in [
        "Content-Type: text/event-plain\nContent-Length: 100\n\nEvent-Name: X\n\n",
        "Content-Type: text/event-json\nContent-Length: 9\n\n{\"a\":",
        "Content-Type: api/response\nContent-Length: 1\n\n",
        "Content-Type",
    ] {
        let (mut link, mut theirs) = link();
        link.send([((), Command::api("x"))]).await.unwrap();
        theirs.write_all(wire.as_bytes()).await.unwrap();
        drop(theirs);
        let end = link.next().await;
        assert!(matches!(end, Err(LinkError::Frame(FrameError::CutShort(_)))), "{end:?}");
    }
    // An event without anything in it is one whose name is empty.
    let (mut link, mut theirs): (Link<_, ()>, _) = link();
    theirs.write_all(b"Content-Type: text/event-plain\n\n").await.unwrap();
    match link.next().await {
        Ok(Some(Incoming::Event(event))) => assert_eq!(event.name(), ""),
        other => panic!("{other:?}"),
    }
}

/// freeswitch#2061 and its like, from our side: what a peer can make us keep is bounded.
#[tokio::test]
async fn pitfall_15_a_block_that_never_ends_is_cut_off_at_the_limit() {
    let limits = Limits { headers: 16 * 1024, body: 1024 };
    let (ours, mut theirs) = tokio::io::duplex(4 * 1024);
    let mut link: Link<_, ()> = Link::new(ours, limits);
    let peer = tokio::spawn(async move {
        let mut taken = 0;
        while let Ok(()) = theirs.write_all(b"X-And-On: and on and on and on\n").await {
            taken += 31;
        }
        taken
    });
    let end = link.next().await;
    assert!(matches!(end, Err(LinkError::Frame(FrameError::HeadersTooLong(_)))), "{end:?}");
    drop(link);
    let taken = peer.await.unwrap();
    assert!(taken < limits.headers + 16 * 1024, "{taken} bytes were taken");
}

#[test]
fn pitfall_15_memory_follows_the_bytes_that_came_not_the_length_announced() {
    let mut codec = Codec::default();
    let mut src = bytes::BytesMut::from("Content-Length: 16000000\n\n");
    assert!(codec.decode(&mut src).unwrap().is_none());
    assert!(src.capacity() < 256 * 1024, "{} bytes are reserved", src.capacity());
    src.extend_from_slice(&[b'x'; 1000]);
    assert!(codec.decode(&mut src).unwrap().is_none());
    assert!(src.capacity() < 256 * 1024, "{} bytes are reserved", src.capacity());
}

/// greenswitch, switchio: decoding before splitting. JSON has its own way in.
#[tokio::test]
async fn pitfall_20_a_name_or_value_in_json_makes_no_header() {
    let (mut link, mut theirs): (Link<_, ()>, _) = link();
    let body = r#"{"Caller-Caller-ID-Name":"a\nUnique-ID: evil","b\nUnique-ID":"evil","c: d":"e","Unique-ID":"good"}"#;
    let head = format!("Content-Type: text/event-json\nContent-Length: {}\n\n", body.len());
    theirs.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let Ok(Some(Incoming::Event(event))) = link.next().await else { panic!("no event") };
    assert_eq!(event.raw("Unique-ID"), Some("good"));
    assert_eq!(event.get("Caller-Caller-ID-Name").as_deref(), Some("a\nUnique-ID: evil"));
    assert_eq!(event.headers().iter().count(), 2);
}

/// Cuts what we sent as mod_event_socket does: a block, and a body where content-length says so.
fn commands(mut wire: &[u8]) -> Vec<(String, String)> {
    let mut commands = Vec::new();
    while !wire.is_empty() {
        let end = wire.windows(2).position(|w| w == b"\n\n").unwrap();
        let head = String::from_utf8(wire[..end].to_vec()).unwrap();
        let length = head.lines().find_map(|l| l.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |l| l.parse().unwrap());
        let (body, rest) = wire[end + 2..].split_at(length);
        commands.push((head, String::from_utf8(body.to_vec()).unwrap()));
        wire = rest;
    }
    commands
}

/// cgrates fsagent, fsock, eslrs: an argument that is a second command. Seen from the peer, with
/// the commands pipelined: nothing of one reaches into the next.
#[tokio::test]
async fn pitfall_21_hostile_arguments_stay_one_command_each_for_the_peer() {
    let hostile = [
        "x\n\napi shutdown\n\n",
        "x\r\n\r\nexit\r\n",
        "\n\nexit",
        "\0\n\n\0",
        "content-length: 999",
        "x\ncontent-length: 0\n",
        "Иван\nexecute-app-name: system",
        "a,b{c}[d]'e'|f^g",
    ];
    let (mut link, mut theirs) = link();
    let mut all = Vec::new();
    for arg in hostile {
        all.extend([
            Command::api(arg),
            Command::auth(arg),
            Command::filter(arg, arg),
            Command::events(arg),
            Command::hangup(arg),
            Command::bgapi(&arg.into(), arg),
            Command::execute(None, &arg.into(), arg, arg),
            Command::execute(Some(&arg.into()), &arg.into(), "set", arg),
        ]);
    }
    let (count, first) = (all.len(), all.len() / hostile.len());
    link.send(all.into_iter().map(|c| ((), c))).await.unwrap();
    drop(link);
    let mut wire = Vec::new();
    theirs.read_to_end(&mut wire).await.unwrap();
    let seen = commands(&wire);
    assert_eq!(seen.len(), count);
    let verbs = ["api", "auth", "filter", "event", "sendmsg", "bgapi", "sendmsg", "sendmsg"];
    for (n, (head, body)) in seen.iter().enumerate() {
        assert_eq!(head.split([' ', '\n']).next(), Some(verbs[n % first]), "{head}");
        assert!(!(head.clone() + body).contains(['\r', '\0']), "{head:?}");
        assert_eq!(head.matches("\nexecute-app-name:").count(), usize::from(n % first > 5));
    }
}

/// eslrs stops at 32 headers, others at a body that does not come in one read.
#[tokio::test]
async fn pitfall_22_a_connect_reply_with_250_headers_and_a_body_of_a_megabyte_come_whole() {
    let (mut link, mut theirs) = link();
    link.send([(1, Command::connect()), (2, Command::api("show channels"))]).await.unwrap();
    let variables: String =
        (0..250).map(|n| format!("variable_n{n}: {}\n", "%20".repeat(25))).collect();
    let connect = format!(
        "Event-Name: CHANNEL_DATA\n{variables}Content-Type: command/reply\nReply-Text: %2BOK%0A\nControl: full\n\n"
    );
    let body: String = (0..1_000_000).map(|n| if n % 100 == 0 { '\n' } else { 'x' }).collect();
    let wire = connect + &api_response(&body) + &event("Event-Name: LAST\n\n");
    let peer = tokio::spawn(async move { theirs.write_all(wire.as_bytes()).await });
    let Ok(Some(Incoming::Reply(1, reply))) = link.next().await else { panic!("no reply") };
    assert_eq!(reply.headers.iter().count(), 254);
    assert_eq!(reply.headers.get("variable_n249").unwrap(), " ".repeat(25));
    assert_eq!(reply.headers.raw("Control"), Some("full"));
    let Ok(Some(Incoming::Reply(2, reply))) = link.next().await else { panic!("no reply") };
    assert!(reply.text() == body);
    assert!(matches!(link.next().await, Ok(Some(Incoming::Event(e))) if e.name() == "LAST"));
    peer.await.unwrap().unwrap();
}

/// A Content-Length too small leaves bytes that are no header; one too large swallows the next
/// frame. Both end the link: there is no way to find the next frame.
#[tokio::test(start_paused = true)]
async fn pitfall_22_a_wrong_content_length_ends_the_link_with_the_reason() {
    let reply = |length: usize| {
        format!("Content-Type: api/response\nContent-Length: {length}\n\n+OK a b c\n")
    };
    let next = event("Event-Name: X\n\n");

    let (mut link, mut theirs) = link();
    link.send([((), Command::api("x"))]).await.unwrap();
    theirs.write_all((reply(4) + &next).as_bytes()).await.unwrap();
    let Ok(Some(Incoming::Reply((), reply4))) = link.next().await else { panic!("no reply") };
    assert_eq!(reply4.text(), "+OK ");
    let end = link.next().await;
    assert!(matches!(end, Err(LinkError::Frame(FrameError::NotEventSocket))), "{end:?}");

    let (mut link, mut theirs) = self::link();
    link.send([((), Command::api("x"))]).await.unwrap();
    theirs.write_all((reply(500) + &next).as_bytes()).await.unwrap();
    // It waits; how long a command may take is the owner's business.
    assert!(timeout(Duration::from_secs(3600), link.next()).await.is_err());
    drop(theirs);
    let end = link.next().await;
    assert!(matches!(end, Err(LinkError::Frame(FrameError::CutShort(_)))), "{end:?}");
    assert_eq!(link.take_unanswered().len(), 1);
}

/// freeswitch#2420: FreeSWITCH may say a thing twice. The link hides nothing; whoever keeps state
/// sees both, with the sequence number that tells them to be one.
#[tokio::test]
async fn duplicate_events_come_through_as_they_are() {
    let (mut link, mut theirs): (Link<_, ()>, _) = link();
    let twice = event("Event-Name: CHANNEL_ANSWER\nEvent-Sequence: 7\nUnique-ID: a\n\n");
    theirs.write_all(twice.repeat(2).as_bytes()).await.unwrap();
    for _ in 0..2 {
        let Ok(Some(Incoming::Event(event))) = link.next().await else { panic!("no event") };
        assert_eq!((event.raw("Event-Sequence"), event.raw("Unique-ID")), (Some("7"), Some("a")));
    }
}
