//! One Event Socket connection: what was asked for on it, and the bytes on their way.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::event::Kind;
use super::interest::Interest;
use crate::esl::event::{Event, Headers};

/// A byte stream: TCP, or a pipe in memory.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A command of the engine, with the headers and the body that came along.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) line: String,
    pub(super) headers: Headers,
    pub(super) body: String,
}

impl Request {
    /// The first word and the rest.
    pub(super) fn split(&self) -> (&str, &str) {
        let (verb, rest) = self.line.split_once(' ').unwrap_or((&self.line, ""));
        (verb, rest.trim())
    }

    /// A header by its name in any case, raw.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim())
    }
}

/// The connection.
pub(super) struct Conn {
    io: Option<Box<dyn Io>>,
    input: BytesMut,
    output: BytesMut,
    /// Events that wait for the next look at the queue.
    held: BytesMut,
    pub(super) flush_due: bool,
    pub(super) interest: Interest,
    /// `connect` has come.
    pub(super) connected: bool,
    /// Seconds to linger.
    pub(super) linger: Option<u64>,
    pub(super) lingering: bool,
    pub(super) resume: bool,
    /// Close when everything is written.
    pub(super) closing: bool,
    /// What its end does to the caller's leg is done.
    pub(super) left: bool,
}

impl std::fmt::Debug for Conn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conn")
            .field("open", &self.io.is_some())
            .field("interest", &self.interest)
            .finish_non_exhaustive()
    }
}

impl Conn {
    pub(super) fn new(io: Box<dyn Io>) -> Self {
        Self {
            io: Some(io),
            input: BytesMut::new(),
            output: BytesMut::new(),
            held: BytesMut::new(),
            flush_due: false,
            interest: Interest::default(),
            connected: false,
            linger: None,
            lingering: false,
            resume: false,
            closing: false,
            left: false,
        }
    }

    pub(super) fn open(&self) -> bool {
        self.io.is_some()
    }

    /// Open, and nobody has said goodbye.
    pub(super) fn controls(&self) -> bool {
        self.io.is_some() && !self.closing
    }

    pub(super) fn wants(&self, kind: Kind, subclass: Option<&str>) -> bool {
        self.controls() && self.interest.wanted.has(kind, subclass)
    }

    /// Bytes that go out at once, before the events that wait.
    pub(super) fn reply(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
    }

    pub(super) fn reply_text(&mut self, text: &str) {
        for piece in ["Content-Type: command/reply\nReply-Text: ", text, "\n\n"] {
            self.reply(piece.as_bytes());
        }
    }

    pub(super) fn reply_api(&mut self, body: &str) {
        let body = if body.is_empty() { "-ERR no reply\n" } else { body };
        self.reply(
            format!("Content-Type: api/response\nContent-Length: {}\n\n{body}", body.len())
                .as_bytes(),
        );
    }

    /// An event; `hold` keeps it for the next look at the queue.
    pub(super) fn event(&mut self, body: &str, hold: bool) {
        let out = if hold { &mut self.held } else { &mut self.output };
        if self.interest.json {
            let body = to_json(body);
            frame(out, body.as_bytes(), b"json");
        } else {
            frame(out, body.as_bytes(), b"plain");
        }
    }

    /// A notice that stays behind the events told before it.
    pub(super) fn notice(&mut self, bytes: &[u8]) {
        self.release();
        self.output.extend_from_slice(bytes);
    }

    /// Lets the events go that were held.
    pub(super) fn release(&mut self) {
        if !self.held.is_empty() {
            let held = self.held.split();
            self.output.unsplit(held);
        }
        self.flush_due = false;
    }

    /// Writes as much as the other side takes.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) {
        if self.closing {
            self.release();
        }
        while let Some(io) = &mut self.io {
            if self.output.is_empty() {
                if self.closing {
                    let _ = Pin::new(io).poll_shutdown(cx);
                    self.io = None;
                }
                return;
            }
            match Pin::new(io).poll_write(cx, &self.output) {
                Poll::Ready(Ok(n)) if n > 0 => self.output.advance(n),
                Poll::Ready(_) => self.io = None,
                Poll::Pending => return,
            }
        }
    }

    /// Reads what has come. `true`: something has, or the other side has gone.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> bool {
        let mut any = false;
        while let Some(io) = &mut self.io {
            let mut space = [std::mem::MaybeUninit::uninit(); 2048];
            let mut buf = ReadBuf::uninit(&mut space);
            match Pin::new(io).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => {
                    self.input.extend_from_slice(buf.filled());
                    any = true;
                }
                Poll::Ready(_) => {
                    self.io = None;
                    any = true;
                }
                Poll::Pending => break,
            }
        }
        any
    }

    /// Bytes that were read elsewhere.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// What is to be written, for one who writes elsewhere.
    pub(super) fn take_output(&mut self) -> BytesMut {
        self.output.split()
    }

    /// The next complete command.
    pub(super) fn next(&mut self) -> Option<Request> {
        loop {
            let blank = self.input.iter().take_while(|b| matches!(b, b'\n' | b'\r')).count();
            self.input.advance(blank);
            let (end, gap) = end_of_block(&self.input)?;
            let block = Bytes::copy_from_slice(&self.input[..end]);
            let line_end = memchr::memchr(b'\n', &block).map_or(block.len(), |n| n + 1);
            let headers = Headers::new(block.slice(line_end..));
            let mut request = Request {
                line: String::from_utf8_lossy(&block[..line_end]).trim().to_owned(),
                headers,
                body: String::new(),
            };
            let length =
                request.header("content-length").and_then(|l| l.parse::<usize>().ok()).unwrap_or(0);
            if self.input.len() < end + gap + length {
                return None;
            }
            self.input.advance(end + gap);
            request.body = String::from_utf8_lossy(&self.input.split_to(length)).into_owned();
            if !request.line.is_empty() {
                return Some(request);
            }
        }
    }
}

fn frame(out: &mut BytesMut, body: &[u8], format: &[u8]) {
    let mut digits = [0_u8; 20];
    let (mut at, mut n) = (digits.len(), body.len());
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(n % 10).unwrap_or(0);
        n /= 10;
        if n == 0 {
            break;
        }
    }
    for piece in
        [b"Content-Length: ", &digits[at..], b"\nContent-Type: text/event-", format, b"\n\n", body]
    {
        out.extend_from_slice(piece);
    }
}

/// Where the header block ends, and the length of the line end and blank line there.
fn end_of_block(input: &[u8]) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(found) = memchr::memchr(b'\n', &input[from..]) {
        let at = from + found;
        match &input[at + 1..] {
            [b'\n', ..] => return Some((at + 1, 1)),
            [b'\r', b'\n', ..] => return Some((at + 1, 2)),
            _ => from = at + 1,
        }
    }
    None
}

/// The same event in JSON: all values strings, the body in `_body`.
fn to_json(plain: &str) -> String {
    let event = Event::from_plain(&Bytes::copy_from_slice(plain.as_bytes()));
    let mut map: serde_json::Map<String, serde_json::Value> = event
        .headers()
        .iter()
        .map(|(name, _)| {
            let value = event.get(name).unwrap_or_default();
            let value = match value.strip_prefix("ARRAY::") {
                Some(items) => items.split("|:").collect::<Vec<_>>().into(),
                None => value.into_owned().into(),
            };
            (name.to_owned(), value)
        })
        .collect();
    if !event.body().is_empty() {
        let body = String::from_utf8_lossy(event.body()).into_owned();
        map.insert("_body".into(), body.into());
    }
    serde_json::Value::Object(map).to_string()
}

/// The notice that a connection ends.
pub(super) fn goodbye(leg: Option<&str>) -> String {
    const TEXT: &str = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n";
    let session = leg
        .map(|uuid| format!("Controlled-Session-UUID: {uuid}\nContent-Disposition: disconnect\n"))
        .unwrap_or_default();
    format!(
        "Content-Type: text/disconnect-notice\n{session}Content-Length: {}\n\n{TEXT}",
        TEXT.len()
    )
}

/// The first error of the list, or the connection.
pub(super) async fn first_that_listens(
    connector: &super::Connector,
    targets: &str,
) -> io::Result<Box<dyn Io>> {
    let mut last = io::Error::other("no address");
    for target in targets.split('|') {
        match connector.connect(target.trim()).await {
            Ok(io) => return Ok(io),
            Err(error) => last = error,
        }
    }
    Err(last)
}
