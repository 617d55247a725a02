//! The recorded byte streams of `tests/transcripts/raw`.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared by several tests; a fixture that cannot be read has to stop the test"
)]

use bytes::{Bytes, BytesMut};
use dozvon::esl::{Codec, Event, Frame, Kind};
use tokio_util::codec::Decoder;

/// Name of a stream, and its frames as the text transcript counts them: its `<<<` marks.
pub const STREAMS: [(&str, usize); 14] = [
    ("01-inbound-playback-caller-hangup.out1", 24),
    ("02a-bridge-answered-caller-hangs-up.out1", 25),
    ("03a-owner-no-answer-then-callcenter.out1", 69),
    ("04a-bridge-failures.out1", 67),
    ("05a-caller-cancels-while-owner-rings.out1", 16),
    ("06b-inbound-originate.in1", 129),
    ("07a-events-json.out1", 35),
    ("07b-url-encoding-unicode-arrays.out1", 57),
    ("07d-inbound-misc.in1", 67),
    ("07e-rude-rejection-acl.denied", 2),
    ("08a-callcenter-answered.ccinfo", 13),
    ("08a-callcenter-answered.out1", 48),
    ("09b-blind-refer-by-owner-to-socket-ext.out1", 35),
    ("09b-blind-refer-by-owner-to-socket-ext.out2", 20),
];

/// The bytes of a stream; a prefix of its name is enough.
pub fn stream(prefix: &str) -> Bytes {
    let (name, _) = STREAMS.iter().find(|(name, _)| name.starts_with(prefix)).unwrap();
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts/raw");
    std::fs::read(format!("{dir}/{name}.in.raw")).unwrap().into()
}

/// Cuts bytes that hold whole frames only.
pub fn frames(bytes: &[u8]) -> Vec<Frame> {
    let (mut codec, mut src) = (Codec::default(), BytesMut::from(bytes));
    let frames = std::iter::from_fn(|| codec.decode_eof(&mut src).unwrap()).collect();
    assert!(src.is_empty(), "{} bytes are left", src.len());
    frames
}

/// The events of a stream.
pub fn events(prefix: &str) -> Vec<Event> {
    frames(&stream(prefix))
        .iter()
        .filter(|frame| matches!(frame.kind, Kind::EventPlain | Kind::EventJson))
        .map(|frame| Event::from_frame(frame).unwrap())
        .collect()
}

/// The frame as it was on the wire.
pub fn wire(frame: &Frame) -> Bytes {
    [frame.headers.as_bytes(), b"\n", &frame.body].concat().into()
}
