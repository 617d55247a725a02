//! What has to hold for any bytes. `fuzz/` and the property tests run the same functions.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "shared by fuzz targets and tests, each uses a part"
)]

use bytes::{Bytes, BytesMut};
use dozvon::esl::{Codec, Event, Frame, Headers, Kind, Limits};
use tokio_util::codec::Decoder;

/// Small, so that the bounds are met often.
pub const LIMITS: Limits = Limits { headers: 512, body: 2048 };

/// Sends `stream` through a codec in pieces of the sizes given, in turn. Gives the frames and,
/// where the stream was refused, the error in words.
pub fn decode(stream: &[u8], sizes: &[usize], limits: Limits) -> (Vec<Frame>, Option<String>) {
    let (mut codec, mut src, mut frames) = (Codec::new(limits), BytesMut::new(), Vec::new());
    let (mut rest, mut sizes) = (stream, sizes.iter().cycle());
    while !rest.is_empty() {
        let size = sizes.next().map_or(rest.len(), |s| *s).clamp(1, rest.len());
        src.extend_from_slice(&rest[..size]);
        rest = &rest[size..];
        loop {
            match codec.decode(&mut src) {
                Ok(Some(frame)) => {
                    assert!(frame.headers.as_bytes().len() <= limits.headers);
                    assert!(frame.body.len() <= limits.body);
                    frames.push(frame);
                }
                Ok(None) => break,
                Err(error) => return (frames, Some(error.to_string())),
            }
        }
        let most = limits.body.max(limits.headers + 2);
        assert!(src.len() <= most, "{} bytes are kept", src.len());
    }
    loop {
        match codec.decode_eof(&mut src) {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return (frames, None),
            Err(error) => return (frames, Some(error.to_string())),
        }
    }
}

/// No panic, no more memory than the limits, and the same frames wherever the stream is cut.
pub fn codec(stream: &[u8], sizes: &[usize]) {
    let whole = decode(stream, &[], LIMITS);
    assert_eq!(whole, decode(stream, sizes, LIMITS));
    for frame in &whole.0 {
        headers(&frame.headers);
    }
}

/// Every event that can be read can be read to the end, and no value makes a header.
pub fn event(bytes: &[u8]) {
    let body = Bytes::copy_from_slice(bytes);
    let frame = |kind| Frame { kind, headers: Headers::default(), body: body.clone() };
    let plain = Event::from_frame(&frame(Kind::EventPlain)).unwrap();
    headers(plain.headers());
    assert!(plain.headers().as_bytes().len() + plain.body().len() <= bytes.len());

    let Ok(json) = Event::from_frame(&frame(Kind::EventJson)) else {
        return;
    };
    headers(json.headers());
    let source: serde_json::Map<_, _> = serde_json::from_slice(bytes).unwrap();
    let names: Vec<_> = json.headers().iter().map(|(name, _)| name).collect();
    for name in &names {
        let value = &source[*name];
        if let Some(text) = value.as_str() {
            assert_eq!(json.get(name).as_deref(), Some(text), "{name}");
        }
    }
    let left_out = |name: &str| name == "_body" || name.contains(['\n', '\r', ':']);
    assert_eq!(names.len(), source.keys().filter(|name| !left_out(name)).count());
}

/// A look-up gives what going through all of them gives.
fn headers(headers: &Headers) {
    for (name, value) in headers.iter() {
        assert!(!name.contains('\n') && !value.contains('\n'));
        let raw = headers.raw(name);
        // A line before it may have the same name and no UTF-8 in its value.
        let first = headers.iter().find(|(n, _)| *n == name);
        assert!(raw.is_none() || raw == first.map(|(_, v)| v), "{name}");
        let _ = headers.get(name);
    }
}
