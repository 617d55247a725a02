//! Recorded streams of FreeSWITCH 1.10.12, byte by byte. What is asserted of their content is in
//! FACTS.md, "Framing and encoding".

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/raw.rs"]
mod raw;

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use dozvon::esl::{Codec, Command, Event, Frame, Incoming, Kind, Limits, Link};
use tokio::io::AsyncWriteExt;
use tokio_util::codec::Decoder;

fn replies(prefix: &str) -> Vec<Frame> {
    let mut frames = raw::frames(&raw::stream(prefix));
    frames.retain(|f| matches!(f.kind, Kind::CommandReply | Kind::ApiResponse));
    frames
}

#[test]
fn every_byte_belongs_to_a_frame_and_the_count_is_that_of_the_transcript() {
    for (name, count) in raw::STREAMS {
        let bytes = raw::stream(name);
        let frames = raw::frames(&bytes);
        assert_eq!(frames.len(), count, "{name}");
        let again: Vec<u8> = frames.iter().flat_map(raw::wire).collect();
        assert!(again == bytes, "{name}: the frames are not the stream");
    }
}

#[test]
fn every_event_can_be_read_to_its_last_header() {
    for (name, _) in raw::STREAMS {
        for event in raw::events(name) {
            assert!(!event.name().is_empty(), "{name}");
            assert_eq!(event.raw("Core-UUID").map(str::len), Some(36), "{name}");
            if event.name().starts_with("CHANNEL_") {
                assert_eq!(event.raw("Unique-ID").map(str::len), Some(36), "{name}");
            }
            let lines = event.headers().as_bytes().split(|b| *b == b'\n').count() - 1;
            assert_eq!(event.headers().iter().count(), lines, "{name}");
            let mut first = HashMap::new();
            for (header, value) in event.headers().iter() {
                first.entry(header).or_insert(value);
            }
            for (header, value) in first {
                assert_eq!(event.raw(header), Some(value), "{name} {header}");
                let value = event.get(header).unwrap();
                assert!(!value.contains('\u{fffd}'), "{name} {header}: {value}");
            }
        }
    }
}

#[test]
fn a_frame_is_the_same_wherever_it_is_cut_in_two() {
    // These five have every kind of frame; the others are cut in "one byte at a time".
    for name in ["05a", "07b", "07d", "07e", "08a-callcenter-answered.ccinfo"] {
        let frames = raw::frames(&raw::stream(name));
        let mut pairs = frames.iter().peekable();
        while let Some(frame) = pairs.next() {
            let next = pairs.peek();
            let this = raw::wire(frame);
            let after = next.map(|f| raw::wire(f)).unwrap_or_default();
            let after = &after[..after.len().min(100)];
            for cut in 1..this.len() {
                let mut codec = Codec::default();
                let mut src = BytesMut::with_capacity(this.len() + after.len());
                src.extend_from_slice(&this[..cut]);
                assert_eq!(codec.decode(&mut src).unwrap(), None, "{name} {cut}");
                src.extend_from_slice(&this[cut..]);
                src.extend_from_slice(after);
                assert!(codec.decode(&mut src).unwrap().as_ref() == Some(frame));
                // The bytes behind it are untouched: what was shown there is shown once.
                assert!(src == after, "{name} {cut}");
            }
        }
    }
}

#[test]
fn one_byte_at_a_time_gives_the_same_frames() {
    for (name, _) in raw::STREAMS {
        let bytes = raw::stream(name);
        let (mut codec, mut src, mut frames) = (Codec::default(), BytesMut::new(), Vec::new());
        for byte in bytes.iter() {
            src.extend_from_slice(&[*byte]);
            frames.extend(codec.decode(&mut src).unwrap());
        }
        assert!(frames == raw::frames(&bytes), "{name}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn random_pieces_give_the_same_frames(which in 0..raw::STREAMS.len(), sizes in proptest::collection::vec(1..5000usize, 1..20)) {
        let bytes = raw::stream(raw::STREAMS[which].0);
        let (mut codec, mut src, mut frames) = (Codec::default(), BytesMut::new(), Vec::new());
        let (mut rest, mut sizes) = (&bytes[..], sizes.into_iter().cycle());
        while !rest.is_empty() {
            let (piece, left) = rest.split_at(sizes.next().unwrap().min(rest.len()));
            src.extend_from_slice(piece);
            while let Some(frame) = codec.decode(&mut src).unwrap() {
                frames.push(frame);
            }
            rest = left;
        }
        proptest::prop_assert!(frames == raw::frames(&bytes));
    }
}

#[test]
fn the_connect_reply_has_no_content_length_and_is_url_encoded() {
    for (name, _) in raw::STREAMS.iter().filter(|(n, _)| n.contains(".out")) {
        let connect = &raw::frames(&raw::stream(name))[0];
        assert_eq!((connect.kind, connect.body.len()), (Kind::CommandReply, 0));
        let headers = &connect.headers;
        assert_eq!(headers.raw("Content-Length"), None, "{name}");
        assert_eq!(headers.raw("Event-Name"), Some("CHANNEL_DATA"), "{name}");
        assert_eq!(headers.raw("Reply-Text"), Some("%2BOK%0A"), "{name}");
        assert_eq!(headers.get("Reply-Text").as_deref(), Some("+OK\n"));
        assert_eq!(headers.raw("Socket-Mode"), Some("async"), "{name}");
        assert_eq!(headers.raw("Control"), Some("full"), "{name}");
        let number = headers.get("Caller-Caller-ID-Number").unwrap();
        assert!(number.starts_with("79"), "{name}");
        assert_eq!(headers.raw("Unique-ID"), headers.raw("Channel-Unique-ID"));
    }
    // Every other reply is plain text.
    for reply in &replies("02a")[1..] {
        assert!(reply.headers.raw("Reply-Text").unwrap().starts_with("+OK"));
    }
}

#[test]
fn an_inner_content_length_is_the_size_of_the_events_own_body() {
    let mut bodies = Vec::new();
    for event in raw::events("06b").iter().chain(&raw::events("07d")) {
        let announced = event.raw("Content-Length").map(|n| n.parse().unwrap());
        assert_eq!(event.body().len(), announced.unwrap_or(0), "{}", event.name());
        if event.name() == "BACKGROUND_JOB" {
            assert!(event.raw("Job-UUID").is_some());
            bodies.push(String::from_utf8(event.body().to_vec()).unwrap());
        }
    }
    for cause in ["USER_BUSY", "NO_ANSWER", "USER_NOT_REGISTERED"] {
        assert!(bodies.contains(&format!("-ERR {cause}\n")), "{bodies:?}");
    }
    assert!(bodies.iter().any(|b| b.starts_with("+OK ") && b.len() == 41));
}

#[test]
fn arrays_are_joined_and_json_gives_the_same() {
    let plain = raw::events("07b");
    let mut arrs: Vec<_> = plain.iter().filter_map(|e| e.variable("arr")).collect();
    arrs.dedup();
    // An array of one element is just the element.
    let expected = ["a", "ARRAY::a|:b|:c", "ARRAY::a|:b|:c|:последний"];
    assert_eq!(arrs, expected);

    let json = raw::events("07a");
    assert_eq!(json.len(), 22);
    let mut values: Vec<_> = json.iter().filter_map(|e| e.variable("arr")).collect();
    assert_eq!(values.len(), 15);
    values.dedup();
    assert_eq!(values, ["a", "ARRAY::a|:b", "ARRAY::a|:b|:c d"]);
    let with_both = |events: &[Event]| events[0].variable("DP_MATCH").map(|v| v.into_owned());
    assert_eq!(with_both(&json), with_both(&plain));
}

#[test]
fn cyrillic_names_come_out_whole_in_every_form() {
    let name = Some("Иван Петров");
    let plain = raw::events("07b");
    assert_eq!(plain[0].variable("sip_from_display").as_deref(), name);
    assert_eq!(plain[0].variable("sip_h_X-CRM-Deal").as_deref(), Some("сделка 7"));
    let json = raw::events("07a");
    assert_eq!(json[0].get("Caller-Caller-ID-Name").as_deref(), name);
    let connect = &replies("07b")[0].headers;
    assert_eq!(connect.get("variable_sip_from_display").as_deref(), name);
}

#[test]
fn getvar_answers_in_raw_text_that_a_newline_breaks() {
    let replies = replies("07b");
    let texts: Vec<_> = replies.iter().filter_map(|r| r.headers.raw("Reply-Text")).collect();
    assert!(texts.contains(&"ARRAY::a|:b|:c|:последний"), "not encoded");
    assert!(texts.contains(&"Иван Петров"), "not encoded");
    assert_eq!(texts.iter().filter(|t| **t == "-ERR command not found").count(), 2);
    // 700 characters were set; "Reply-Text: " and the end of the block share 511 bytes with it.
    assert!(texts.iter().any(|t| t.len() > 450 && t.len() < 512));
    // The second line of the value stands as a line without a colon: skipped, not a header.
    let broken = replies.iter().find(|r| r.headers.raw("Reply-Text") == Some("line one"));
    let broken = &broken.unwrap().headers;
    assert!(broken.as_bytes().ends_with(b"\nline two\n"));
    assert_eq!(broken.iter().count(), 2);
    // `api uuid_getvar` is safe: a body.
    assert!(replies.iter().any(|r| r.body.len() == 700));
}

#[test]
fn a_lower_case_content_length_of_sendevent_is_another_header() {
    let events = raw::events("07d");
    let event = events.iter().find(|e| e.raw("content-length").is_some()).unwrap();
    assert_eq!(event.subclass().as_deref(), Some("test::multi"));
    assert_eq!(event.raw("content-length"), Some("51"));
    assert_eq!(event.get("Command").as_deref(), Some("sendevent CUSTOM"));
    assert_eq!(event.get("X-Name").as_deref(), Some("Иван Петров"));
    // The body has a blank line of its own: only the first one ends the headers.
    let body = "первая строка\nsecond line\n\nafter blank\n";
    assert_eq!(event.body(), body);
    let json = events.iter().find(|e| e.body() == body && e != &event).unwrap();
    assert_eq!(json.raw("Content-Length"), Some("51"));
}

#[test]
fn api_bodies_are_taken_as_they_are() {
    let bodies: Vec<Bytes> = replies("07d").into_iter().map(|r| r.body).collect();
    for body in ["-ERR no reply\n", "{\"row_count\": 0}\n", "false", "-ERR No such channel!\n"] {
        assert!(bodies.iter().any(|b| b == body), "{body:?}");
    }
}

#[test]
fn a_notice_says_whether_the_last_events_are_still_to_come() {
    let notices = |prefix| {
        let mut frames = raw::frames(&raw::stream(prefix));
        frames.retain(|f| f.kind == Kind::DisconnectNotice);
        let disposition = |f: &Frame| f.headers.raw("Content-Disposition").map(str::to_owned);
        frames.iter().map(|f| (disposition(f), f.body.len())).collect::<Vec<_>>()
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(notices("05a"), [(some("linger"), 0), (some("disconnect"), 67)]);
    assert_eq!(notices("06b"), [(None, 67)]);
    assert_eq!(notices("07e"), [(None, 67)]);
    assert_eq!(raw::frames(&raw::stream("07e"))[0].kind, Kind::RudeRejection);
}

#[test]
fn a_transferred_call_shows_its_events_on_both_connections() {
    let (first, second) = (
        raw::events("09b-blind-refer-by-owner-to-socket-ext.out1"),
        raw::events("09b-blind-refer-by-owner-to-socket-ext.out2"),
    );
    let key = |e: &Event| {
        (e.raw("Core-UUID").map(str::to_owned), e.raw("Event-Sequence").map(str::to_owned))
    };
    let twice: Vec<_> = second
        .iter()
        .filter_map(|e| first.iter().find(|f| key(f) == key(e)).map(|f| (f, e)))
        .collect();
    // A duplicate is told by sequence number, and is the same to the byte.
    assert!(twice.len() >= 9, "{} of {}", twice.len(), second.len());
    for (one, other) in twice {
        assert_eq!(one, other);
    }
    assert_eq!(first[0].raw("Unique-ID"), second[0].raw("Unique-ID"));
}

/// Plays a stream to a link that sent as many commands as the stream has replies.
#[tokio::test]
async fn a_link_gives_each_recorded_reply_to_its_command() {
    for (name, count) in raw::STREAMS {
        let bytes = raw::stream(name);
        let frames = raw::frames(&bytes);
        let expected: Vec<_> = frames
            .iter()
            .filter(|f| matches!(f.kind, Kind::CommandReply | Kind::ApiResponse))
            .collect();
        let skipped = frames.iter().filter(|f| f.kind == Kind::Other).count();
        let (ours, mut theirs) = tokio::io::duplex(1024 * 1024);
        let mut link = Link::new(ours, Limits::default());
        link.send((0..expected.len()).map(|n| (n, Command::api("x")))).await.unwrap();
        let player = tokio::spawn(async move { theirs.write_all(&bytes).await });
        let (mut replies, mut others) = (0, 0);
        while let Some(incoming) = link.next().await.unwrap() {
            if let Incoming::Reply(tag, reply) = incoming {
                assert_eq!(tag, replies, "{name}");
                assert_eq!(
                    (&reply.headers, &reply.body),
                    (&expected[tag].headers, &expected[tag].body)
                );
                replies += 1;
            } else {
                others += 1;
            }
        }
        player.await.unwrap().unwrap();
        assert_eq!((replies, replies + others + skipped), (expected.len(), count), "{name}");
        assert_eq!(link.unanswered(), 0);
    }
}
