//! The span of one action that was sent to the CRM or the receiver of a webhook.

use std::time::Duration;

use jiff::Timestamp;

use super::id::{SpanId, TraceId};
use super::span::{Attributes, Kind, Span, Status};
use crate::core::ids::CallId;

/// An action that was sent, and what came of it.
#[derive(Debug)]
pub struct Delivery {
    /// The call it follows from.
    pub call: CallId,
    /// The occurrence it follows from: `answered`.
    pub event: &'static str,
    /// Its word: `deal`.
    pub action: &'static str,
    /// The rule: `chapter/id`.
    pub rule: String,
    /// Its idempotency key.
    pub key: String,
    /// The CRM, or `webhook`.
    pub to: String,
    /// The entry of the outbox.
    pub entry: i64,
    /// The how-manieth try, from 1.
    pub tries: u32,
    /// It may have been sent before: it was looked for.
    pub read_back: bool,
    /// What came of it: done, later, lost, refused.
    pub result: &'static str,
    /// Why it was not done.
    pub why: Option<String>,
    /// The answer, or that there was none.
    pub ended: Timestamp,
    /// How long that took.
    pub took: Duration,
}

impl Delivery {
    pub(super) fn span(&self) -> Span {
        let trace = TraceId::of(&self.call);
        let from = self.ended.checked_sub(self.took).unwrap_or(self.ended);
        let attributes = Attributes::default()
            .word("dozvon.event", self.event)
            .word("dozvon.action", self.action)
            .word("dozvon.rule", &self.rule)
            .word("dozvon.key", &self.key)
            .word("dozvon.crm", &self.to)
            .int("dozvon.entry", self.entry)
            .int("dozvon.tries", self.tries)
            .flag("dozvon.read_back", self.read_back)
            .word("dozvon.result", self.result);
        Span {
            trace_id: trace,
            // An entry that is released by hand counts its tries from 1 again.
            span_id: SpanId::of(trace, &format!("{} {}", self.key, from.as_nanosecond())),
            parent_span_id: Some(SpanId::root(trace)),
            name: format!("deliver {}", self.action).into(),
            kind: Kind::Client,
            from,
            until: self.ended,
            attributes,
            events: Vec::new(),
            status: self.why.as_deref().map(Status::failed),
        }
    }
}
