//! Header blocks and events, decoded only when read.

use std::borrow::Cow;

use bytes::Bytes;
use percent_encoding::percent_decode_str;

use super::frame::{Frame, Kind};

/// A header block: `Name: value` lines in one buffer. A look-up scans it; an event is asked for
/// five to ten of its 160 headers.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Headers(Bytes);

impl Headers {
    /// Wraps a block, without the blank line at its end.
    pub fn new(block: Bytes) -> Self {
        Self(block)
    }

    /// The value as it stands on the wire: the first header of this very name. `None` as well
    /// where it is no UTF-8.
    pub fn raw(&self, name: &str) -> Option<&str> {
        let (block, name) = (&self.0[..], name.as_bytes());
        // What is asked for most often stands first: `Event-Name`, `Content-Length`.
        if let Some(rest) = block.strip_prefix(name).and_then(|rest| rest.strip_prefix(b":")) {
            return value_of(rest);
        }
        // Names are looked for as a whole line start: a value can contain anything.
        memchr::memmem::find_iter(block, name).find_map(|at| {
            let at_line_start = at == 0 || block[at - 1] == b'\n';
            let rest = block[at + name.len()..].strip_prefix(b":")?;
            at_line_start.then(|| value_of(rest))
        })?
    }

    /// The value URL-decoded, as event headers have to be (`FACTS.md`, framing). The lines were
    /// split before, so `%0A` cannot make a header (`esl.md`, pitfall 20).
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.raw(name).map(|value| percent_decode_str(value).decode_utf8_lossy())
    }

    /// All headers in order, raw. A line without a colon, or that is no UTF-8, is left out.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.split(|b| *b == b'\n').filter_map(|line| {
            let colon = memchr::memchr(b':', line)?;
            let name = std::str::from_utf8(&line[..colon]).ok()?;
            Some((name, value_of(&line[colon + 1..])?))
        })
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The value at the beginning of what follows a name and its colon.
fn value_of(rest: &[u8]) -> Option<&str> {
    let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    let value = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
    std::str::from_utf8(value.strip_prefix(b" ").unwrap_or(value)).ok()
}

/// An event. Plain ones are two slices of the frame; JSON ones are turned into the same form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    headers: Headers,
    body: Bytes,
}

/// Why a frame is no readable event. The frame is skipped; the link goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Not an event at all.
    #[error("a {0:?} is no event")]
    NotAnEvent(Kind),
    /// JSON that cannot be read.
    #[error("the event is no JSON object: {0}")]
    Json(String),
}

impl Event {
    /// Reads the frame of an event.
    ///
    /// # Errors
    /// [`EventError`], where it is none.
    pub fn from_frame(frame: &Frame) -> Result<Self, EventError> {
        match frame.kind {
            Kind::EventPlain => Ok(Self::from_plain(&frame.body)),
            Kind::EventJson => Self::from_json(&frame.body),
            kind => Err(EventError::NotAnEvent(kind)),
        }
    }

    /// Splits the event's own header block from its own body.
    pub fn from_plain(block: &Bytes) -> Self {
        match memchr::memmem::find(block, b"\n\n") {
            Some(end) => {
                Self { headers: Headers::new(block.slice(..end + 1)), body: block.slice(end + 2..) }
            }
            None => Self { headers: Headers::new(block.clone()), body: Bytes::new() },
        }
    }

    fn from_json(bytes: &[u8]) -> Result<Self, EventError> {
        let map: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(bytes).map_err(|e| EventError::Json(e.to_string()))?;
        let (mut block, mut body) = (String::new(), Bytes::new());
        for (name, value) in map {
            let text = match value {
                serde_json::Value::String(text) => text,
                // An array variable: the plain format joins it this way (FACTS.md, arrays).
                serde_json::Value::Array(items) => {
                    let items: Vec<_> = items.iter().filter_map(|i| i.as_str()).collect();
                    format!("ARRAY::{}", items.join("|:"))
                }
                other => other.to_string(),
            };
            if name == "_body" {
                body = Bytes::from(text);
            } else if !name.contains(['\n', '\r', ':']) {
                // Such a name would make a header of its own choice (pitfall 20).
                let encoded = percent_encoding::utf8_percent_encode(&text, super::command::ESCAPED);
                block.push_str(&format!("{name}: {encoded}\n"));
            }
        }
        Ok(Self { headers: Headers::new(Bytes::from(block)), body })
    }

    /// `Event-Name`.
    pub fn name(&self) -> &str {
        self.headers.raw("Event-Name").unwrap_or_default()
    }

    /// `Event-Subclass`, decoded: `callcenter::info`.
    pub fn subclass(&self) -> Option<Cow<'_, str>> {
        self.headers.get("Event-Subclass")
    }

    /// A header, URL-decoded.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.headers.get(name)
    }

    /// A header as it stands on the wire: for values that need no decoding, such as UUIDs.
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.headers.raw(name)
    }

    /// A channel variable, URL-decoded.
    pub fn variable(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut header = String::with_capacity(9 + name.len());
        header.push_str("variable_");
        header.push_str(name);
        self.headers.get(&header)
    }

    /// The headers.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The event's own body: of BACKGROUND_JOB, say.
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &'static str) -> Event {
        Event::from_plain(&Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn headers_are_found_by_their_whole_name_only() {
        let e = event("Event-Name: X\nCaller-Unique-ID: c\nUnique-ID: a\nX: Unique-ID: evil\n\n");
        assert_eq!(e.raw("Unique-ID"), Some("a"));
        assert_eq!(e.raw("ID"), None);
        assert_eq!(e.raw("Event-Nam"), None);
    }

    #[test]
    fn pitfall_20_an_encoded_newline_stays_a_value() {
        let e =
            event("Event-Name: X\nCaller-Caller-ID-Name: a%0AUnique-ID: evil\nUnique-ID: good\n\n");
        assert_eq!(e.raw("Unique-ID"), Some("good"));
        assert_eq!(e.get("Caller-Caller-ID-Name").as_deref(), Some("a\nUnique-ID: evil"));
    }

    #[test]
    fn an_event_with_a_body_keeps_it_apart() {
        let e = event("Event-Name: BACKGROUND_JOB\nContent-Length: 10\n\n+OK abc\n\nd");
        assert_eq!((e.name(), &e.body()[..]), ("BACKGROUND_JOB", &b"+OK abc\n\nd"[..]));
    }

    #[test]
    fn json_gives_the_same_event() {
        let e = Event::from_json(
            r#"{"Event-Name":"X","a":"Иван\n","v":["1","2"],"_body":"b"}"#.as_bytes(),
        )
        .unwrap();
        assert_eq!(e.get("a").as_deref(), Some("Иван\n"));
        assert_eq!(e.get("v").as_deref(), Some("ARRAY::1|:2"));
        assert_eq!(&e.body()[..], b"b");
        assert!(Event::from_json(b"[1").is_err());
    }

    #[test]
    fn bytes_that_are_no_utf8_are_no_value_and_no_panic() {
        let e = Event::from_plain(&Bytes::from_static(b"A: \xff\xfe\nB: %FF\n\n"));
        assert_eq!(e.raw("A"), None);
        assert_eq!(e.get("B").as_deref(), Some("\u{fffd}"));
    }
}
