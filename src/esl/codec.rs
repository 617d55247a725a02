//! Cuts the byte stream into frames: a header block, and a body where `Content-Length` says so.
//!
//! A frame is two slices of one buffer. Nothing is decoded or copied here; FreeSWITCH sends
//! 4–9 KB an event and most headers are never looked at (`esl.md`).

use bytes::BytesMut;
use tokio_util::codec::Decoder;

use super::event::Headers;
use super::frame::{Frame, FrameError, Kind};

/// Upper bounds, so that no peer can make the engine collect bytes without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a header block. A `connect` reply with 250 variables has about 20 KB.
    pub headers: usize,
    /// Bytes of a body. `show channels as json` with 2,000 calls has about 2 MB.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { headers: 256 * 1024, body: 16 * 1024 * 1024 }
    }
}

/// By how much the buffer grows for a body, at least.
const STEP: usize = 64 * 1024;

/// The decoder. Its state: how far the end of the header block was looked for, or the header
/// block whose body is still coming.
#[derive(Debug, Default)]
pub struct Codec {
    limits: Limits,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Looking for the end of the header block; the first `scanned` bytes have none.
    Headers { scanned: usize },
    /// The header block is complete, `length` bytes of body are to come.
    Body { kind: Kind, headers: Headers, length: usize },
}

impl Default for State {
    fn default() -> Self {
        Self::Headers { scanned: 0 }
    }
}

impl Codec {
    /// A codec with its own limits.
    pub fn new(limits: Limits) -> Self {
        Self { limits, state: State::default() }
    }

    fn headers(&mut self, src: &mut BytesMut) -> Result<Option<(Headers, usize)>, FrameError> {
        let State::Headers { scanned } = &mut self.state else {
            return Ok(None);
        };
        if *scanned == 0 {
            let blank = src.iter().take_while(|b| **b == b'\n' || **b == b'\r').count();
            let _ = src.split_to(blank);
        }
        let Some((end, gap)) = find_end(src, *scanned) else {
            *scanned = src.len().saturating_sub(3);
            looks_like_a_header(src)?;
            // One byte more: the block may end at the limit, with half of its blank line here.
            if src.len() > self.limits.headers + 1 {
                return Err(FrameError::HeadersTooLong(self.limits.headers));
            }
            return Ok(None);
        };
        looks_like_a_header(src)?;
        if end > self.limits.headers {
            return Err(FrameError::HeadersTooLong(self.limits.headers));
        }
        let block = src.split_to(end + gap).freeze();
        let headers = Headers::new(block.slice(..end));
        let length = match headers.raw("Content-Length") {
            None => 0,
            Some(text) => text.trim().parse().map_err(|_| FrameError::BadLength)?,
        };
        if length > self.limits.body {
            return Err(FrameError::BodyTooLong { length, limit: self.limits.body });
        }
        Ok(Some((headers, length)))
    }
}

/// The end of the block and the length of the blank line behind it; CRLF is accepted as well.
fn find_end(src: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    while let Some(found) = memchr::memchr(b'\n', &src[at..]) {
        let newline = at + found;
        match &src[newline + 1..] {
            [b'\n', ..] => return Some((newline + 1, 1)),
            [b'\r', b'\n', ..] => return Some((newline + 1, 2)),
            _ => at = newline + 1,
        }
    }
    None
}

/// Bytes that no name of a first header has. Where the stream is cut must not matter: it is the
/// bound of a whole name and of half a one.
const NAME: usize = 128;

/// A stranger (TLS, HTTP, noise) is told apart by the first line, long before the limit.
fn looks_like_a_header(src: &[u8]) -> Result<(), FrameError> {
    let line = memchr::memchr(b'\n', src).map_or(src, |end| &src[..end]);
    let name = memchr::memchr(b':', line).map(|end| &line[..end]);
    let token = |bytes: &[u8]| bytes.iter().all(|b| b.is_ascii_graphic());
    match name {
        Some(name) if !name.is_empty() && name.len() < NAME && token(name) => Ok(()),
        // The first line is not complete yet.
        None if line.len() == src.len() && line.len() < NAME && token(line) => Ok(()),
        _ => Err(FrameError::NotEventSocket),
    }
}

impl Decoder for Codec {
    type Item = Frame;
    type Error = FrameError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
        if let Some((headers, length)) = self.headers(src)? {
            let kind = Kind::of(headers.raw("Content-Type").unwrap_or_default());
            self.state = State::Body { kind, headers, length };
        }
        match &self.state {
            State::Body { length, .. } if src.len() >= *length => {}
            State::Body { length, .. } => {
                // Memory follows what came, not what was announced (pitfall 15).
                src.reserve((length - src.len()).min(STEP));
                return Ok(None);
            }
            State::Headers { .. } => return Ok(None),
        }
        match std::mem::take(&mut self.state) {
            State::Body { kind, headers, length } => {
                Ok(Some(Frame { kind, headers, body: src.split_to(length).freeze() }))
            }
            State::Headers { .. } => Ok(None),
        }
    }

    fn decode_eof(&mut self, src: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
        if let Some(frame) = self.decode(src)? {
            return Ok(Some(frame));
        }
        let inside = matches!(self.state, State::Body { .. }) || !src.is_empty();
        if inside { Err(FrameError::CutShort(src.len())) } else { Ok(None) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<Frame>, FrameError> {
        let (mut codec, mut src, mut frames) =
            (Codec::default(), BytesMut::from(bytes), Vec::new());
        while let Some(frame) = codec.decode(&mut src)? {
            frames.push(frame);
        }
        Ok(frames)
    }

    #[test]
    fn a_body_follows_where_content_length_says_so() {
        let frames = all(
            b"Content-Type: auth/request\n\nContent-Type: api/response\nContent-Length: 4\n\ntrue",
        )
        .unwrap();
        assert_eq!(frames.len(), 2);
        assert_eq!(frames[0].kind, Kind::AuthRequest);
        assert_eq!((frames[1].kind, &frames[1].body[..]), (Kind::ApiResponse, &b"true"[..]));
    }

    #[test]
    fn crlf_line_ends_are_accepted() {
        let frames = all(b"Content-Type: command/reply\r\nReply-Text: +OK\r\n\r\n").unwrap();
        assert_eq!(frames[0].headers.raw("Reply-Text"), Some("+OK"));
    }

    #[test]
    fn pitfall_22_a_wrong_content_length_is_an_error_or_a_wait_never_a_panic() {
        assert!(matches!(all(b"Content-Length: many\n\n"), Err(FrameError::BadLength)));
        assert!(matches!(all(b"Content-Length: -1\n\n"), Err(FrameError::BadLength)));
        assert!(matches!(
            all(b"Content-Length: 99999999999\n\n"),
            Err(FrameError::BodyTooLong { .. })
        ));
        assert_eq!(all(b"Content-Length: 10\n\nshort").unwrap(), vec![]);
    }

    #[test]
    fn strangers_are_told_apart_by_their_first_line() {
        for stranger in
            [&b"GET / HTTP/1.1\r\n"[..], b"\x16\x03\x01\x02\x00", b"hello world\n", &[0; 64]]
        {
            assert!(matches!(all(stranger), Err(FrameError::NotEventSocket)), "{stranger:?}");
        }
    }

    #[test]
    fn a_block_that_never_ends_stops_at_the_limit() {
        let mut codec = Codec::new(Limits { headers: 1024, body: 10 });
        let mut src = BytesMut::new();
        let error = (0..100).find_map(|_| {
            src.extend_from_slice(b"X-Header: and on and on\n");
            codec.decode(&mut src).err()
        });
        assert!(matches!(error, Some(FrameError::HeadersTooLong(1024))));
    }

    #[test]
    fn the_end_of_the_stream_inside_a_frame_is_an_error() {
        let mut codec = Codec::default();
        let mut src = BytesMut::from(&b"Content-Length: 10\n\nshort"[..]);
        assert!(matches!(codec.decode_eof(&mut src), Err(FrameError::CutShort(5))));
        assert!(matches!(Codec::default().decode_eof(&mut BytesMut::new()), Ok(None)));
    }
}
