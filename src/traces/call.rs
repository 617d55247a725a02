//! The spans of a call, made of its record and notes.

use std::borrow::Cow;

use jiff::Timestamp;

use super::id::{SpanId, TraceId};
use super::span::{Attributes, Event, Kind, Span, Status};
use super::trail::Notes;
use crate::core::call::Occurrence;
use crate::core::phone::mask;
use crate::core::record::{Attempt, AttemptResult, CallRecord, Outcome, Party, Talk, Tried};
use crate::core::trace::{Decision, Verdict};

/// The call and what hangs on it, the root first.
pub(super) fn spans(record: &CallRecord, notes: &Notes) -> Vec<Span> {
    let trace = TraceId::of(&record.id);
    // An engine that takes a call over from another must not make its root a second time.
    let scope = match notes.again {
        true => Cow::Owned(format!("call {}", record.started.as_nanosecond())),
        false => Cow::Borrowed("call"),
    };
    let root = SpanId::of(trace, &scope);
    let mut spans = vec![whole(record, notes, root)];
    let mut child = |name: Cow<'static, str>, from, until: Option<Timestamp>, attributes| {
        let id = SpanId::of(trace, &format!("{scope}/{}", spans.len()));
        let until = until.or(record.ended).unwrap_or(from).max(from);
        spans.push(Span {
            trace_id: trace,
            span_id: id,
            parent_span_id: Some(root),
            name,
            kind: Kind::Internal,
            from,
            until,
            attributes,
            events: Vec::new(),
            status: None,
        });
        spans.len() - 1
    };
    let mut more = Vec::new();
    for (number, looked) in notes.lookups.iter().enumerate() {
        let about = Attributes::default()
            .word("dozvon.lookup.result", looked.result)
            .maybe("dozvon.lookup.source", looked.source);
        let lookup = child("lookup".into(), looked.asked, Some(looked.answered), about);
        if looked.result == "down" || looked.result == "slow" {
            more.push((lookup, Vec::new(), Some(Status::failed("the CRM did not answer"))));
        }
        let Some(decision) = record.decisions.get(number) else { continue };
        let end = looked.answered.checked_add(looked.deciding).unwrap_or(looked.answered);
        let decide = child("decide".into(), looked.answered, Some(end), decided(decision));
        more.push((decide, considered(decision, looked.answered), None));
    }
    for attempt in &record.attempts {
        let tried = child(name(&attempt.what), attempt.from, attempt.until, tried(attempt));
        if let Some(AttemptResult::Failed | AttemptResult::Unreachable) = attempt.result {
            let why = attempt.result.map_or("", AttemptResult::as_str);
            more.push((tried, Vec::new(), Some(Status::failed(why))));
        }
    }
    for talk in &record.talks {
        child("talk".into(), talk.from, talk.until, talked(talk));
    }
    for (number, events, status) in more {
        if let Some(span) = spans.get_mut(number) {
            (span.events, span.status) = (events, status);
        }
    }
    spans
}

fn whole(record: &CallRecord, notes: &Notes, id: SpanId) -> Span {
    let trace = TraceId::of(&record.id);
    let outcome = record.outcome.map_or("unknown", Outcome::as_str);
    let attributes = Attributes::default()
        .word("dozvon.call", &record.id)
        .word("dozvon.direction", record.direction.as_str())
        .word("dozvon.outcome", outcome)
        .text("dozvon.from", &record.from.to_string())
        .text("dozvon.to", &record.to)
        .maybe("dozvon.line", record.line.as_ref())
        .maybe("dozvon.owner", record.owner.as_ref())
        .maybe("dozvon.fallback", record.fallback.map(|fallback| fallback.as_str()))
        .maybe("dozvon.hangup_cause", record.hangup_cause.as_ref())
        .int("dozvon.talked_seconds", record.talked().as_secs());
    let attributes = match notes.commanded {
        Some(after) => attributes.int("dozvon.first_command_us", after.as_micros()),
        None => attributes,
    };
    let mut events: Vec<_> =
        notes.occurred.iter().map(|(at, occurrence)| occurred(*at, occurrence)).collect();
    events.extend(record.transfers.iter().map(|transfer| Event {
        at: transfer.at,
        name: "passed on".into(),
        attributes: Attributes::default().word("dozvon.to", mask(&transfer.to)),
    }));
    events.sort_by_key(|event| event.at);
    Span {
        trace_id: trace,
        span_id: id,
        parent_span_id: notes.again.then(|| SpanId::root(trace)),
        name: format!("{} call", record.direction.as_str()).into(),
        kind: Kind::Server,
        from: record.started,
        until: record.ended.unwrap_or(record.started).max(record.started),
        attributes,
        events,
        status: None,
    }
}

fn occurred(at: Timestamp, occurrence: &Occurrence) -> Event {
    let none = Attributes::default();
    let (name, attributes) = match occurrence {
        Occurrence::Ringing { employees } => ("ringing", none.words("dozvon.employees", employees)),
        Occurrence::Answered(party) => ("answered", who(none, party)),
        Occurrence::PassedOn(party) => ("another speaker", who(none, party)),
        Occurrence::Missed(outcome) => ("missed", none.word("dozvon.outcome", outcome.as_str())),
        Occurrence::Ended => ("ended", none),
        Occurrence::Voicemail { seconds } => ("voicemail", none.int("dozvon.seconds", *seconds)),
        Occurrence::Recorded { seconds } => ("recorded", none.int("dozvon.seconds", *seconds)),
    };
    Event { at, name: name.into(), attributes }
}

fn decided(decision: &Decision) -> Attributes {
    Attributes::default()
        .maybe("dozvon.line", decision.line.as_ref())
        .maybe("dozvon.owner", decision.owner.as_ref())
        .maybe("dozvon.fallback", decision.fallback.map(|fallback| fallback.as_str()))
        .int("dozvon.steps", decision.plan.len())
}

/// The way of the route: every step taken or refused, and why.
fn considered(decision: &Decision, at: Timestamp) -> Vec<Event> {
    let event = |entry: &crate::core::trace::Entry| {
        let verdict = match entry.verdict {
            Verdict::Taken => "taken",
            Verdict::Refused => "refused",
            Verdict::Noted => "noted",
        };
        let attributes = Attributes::default()
            .word("dozvon.verdict", verdict)
            .text("dozvon.why", &entry.why)
            .maybe("dozvon.rule", entry.rule.as_ref());
        Event { at, name: entry.what.clone().into(), attributes }
    };
    decision.trace.iter().map(event).collect()
}

fn name(tried: &Tried) -> Cow<'static, str> {
    match tried {
        Tried::Ring(_) => format!("ring {tried}").into(),
        Tried::Queue(_) => "queue".into(),
        Tried::Voicemail => "voicemail".into(),
        Tried::Announcement => "announcement".into(),
    }
}

fn tried(attempt: &Attempt) -> Attributes {
    let queue = match &attempt.what {
        Tried::Queue(queue) => Some(queue),
        Tried::Ring(_) | Tried::Voicemail | Tried::Announcement => None,
    };
    Attributes::default()
        .maybe("dozvon.result", attempt.result.map(AttemptResult::as_str))
        .maybe("dozvon.queue", queue)
        .words("dozvon.employees", &attempt.employees)
}

fn talked(talk: &Talk) -> Attributes {
    who(Attributes::default().word("dozvon.by", talk.by.as_str()), &talk.party)
}

fn who(attributes: Attributes, party: &Party) -> Attributes {
    let employee = party.employee.as_ref().map_or("unlisted", |employee| employee.as_str());
    attributes.word("dozvon.employee", employee).text("dozvon.number", &party.number)
}
