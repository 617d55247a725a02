//! A span as OTLP spells it in JSON (opentelemetry.io, "OTLP Specification", JSON Protobuf
//! Encoding): ids in hex, 64-bit numbers as text, closed lists as numbers.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::id::{SpanId, TraceId};
use super::mask::masked;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Span {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_span_id: Option<SpanId>,
    /// Few different ones: what sets one call apart stands in the attributes.
    pub name: Cow<'static, str>,
    #[serde(serialize_with = "number")]
    pub kind: Kind,
    #[serde(rename = "startTimeUnixNano", serialize_with = "nanoseconds")]
    pub from: Timestamp,
    #[serde(rename = "endTimeUnixNano", serialize_with = "nanoseconds")]
    pub until: Timestamp,
    pub attributes: Attributes,
    pub events: Vec<Event>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

/// The numbers are OTLP's.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Internal = 1,
    Server = 2,
    Client = 3,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    #[serde(rename = "timeUnixNano", serialize_with = "nanoseconds")]
    pub at: Timestamp,
    pub name: Cow<'static, str>,
    pub attributes: Attributes,
}

/// That it failed.
#[derive(Debug, Serialize)]
pub(super) struct Status {
    code: u8,
    message: String,
}

impl Status {
    /// The message may come from anywhere.
    pub fn failed(why: &str) -> Self {
        Self { code: 2, message: masked(why) }
    }
}

#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(super) struct Attributes(Vec<Attribute>);

#[derive(Debug, Serialize)]
struct Attribute {
    key: &'static str,
    value: Value,
}

#[derive(Debug, Serialize)]
enum Value {
    #[serde(rename = "stringValue")]
    Word(String),
    #[serde(rename = "intValue", serialize_with = "as_text")]
    Int(i64),
    #[serde(rename = "boolValue")]
    Flag(bool),
    #[serde(rename = "arrayValue")]
    List { values: Vec<Value> },
}

impl Attributes {
    /// A word of ours, or an id: as it is.
    pub fn word(mut self, key: &'static str, word: impl ToString) -> Self {
        self.0.push(Attribute { key, value: Value::Word(word.to_string()) });
        self
    }

    /// The same, where there is one.
    pub fn maybe(self, key: &'static str, word: Option<impl ToString>) -> Self {
        match word {
            Some(word) => self.word(key, word),
            None => self,
        }
    }

    /// A text or a number of somebody: telephone numbers in it are masked.
    pub fn text(self, key: &'static str, text: &str) -> Self {
        self.word(key, masked(text))
    }

    pub fn int(mut self, key: &'static str, number: impl TryInto<i64>) -> Self {
        let value = Value::Int(number.try_into().unwrap_or(i64::MAX));
        self.0.push(Attribute { key, value });
        self
    }

    pub fn flag(mut self, key: &'static str, is: bool) -> Self {
        self.0.push(Attribute { key, value: Value::Flag(is) });
        self
    }

    pub fn words(mut self, key: &'static str, words: &[impl ToString]) -> Self {
        let values = words.iter().map(|word| Value::Word(word.to_string())).collect();
        self.0.push(Attribute { key, value: Value::List { values } });
        self
    }
}

fn number<S: Serializer>(kind: &Kind, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_u8(*kind as u8)
}

fn as_text<S: Serializer>(number: &i64, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(number)
}

fn nanoseconds<S: Serializer>(at: &Timestamp, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(&at.as_nanosecond().max(0))
}
