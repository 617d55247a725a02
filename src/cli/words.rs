//! What occurred and what the CRM is told, in words for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::tz::TimeZone;

use crate::core::action::{Action, CallResult, On, Planned, Recipients, UnsortedKind};
use crate::core::campaign::order::{Ending, Kind, Stage};
use crate::core::case::{Case, Event};
use crate::core::ids::EmployeeId;
use crate::core::staff::Staff;

/// What occurred.
pub fn event(event: Event) -> &'static str {
    match event {
        Event::Ringing => "a phone rings (ringing)",
        Event::Answered => "at the answer (answered)",
        Event::Missed => "at its end, unanswered (missed)",
        Event::Ended => "at its end (ended)",
        Event::Recorded => "the recording is complete (recorded)",
        Event::Voicemail => "the message is left (voicemail)",
        Event::Unreached => "at its end, unanswered (unreached)",
        Event::CallbackRequested => "a callback is asked for (callback_requested)",
        Event::CallbackFailed => "no employee took the callback (callback_failed)",
        Event::CallbackClientUnreached => "the client did not answer (callback_client_unreached)",
    }
}

/// What asked for a callback.
pub fn asked_by(kind: Kind) -> &'static str {
    match kind {
        Kind::Form => "a form",
        Kind::MissedCall => "a missed call",
        Kind::Click => "a button",
    }
}

/// Where a callback stands.
pub fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Accepted => "accepted",
        Stage::Waiting => "waiting",
        Stage::DiallingManagers => "dialling managers",
        Stage::ManagerOnLine => "manager on the line",
        Stage::DiallingClient => "dialling the client",
        Stage::Connected => "connected",
        Stage::Over(Ending::Talked) => "over: they talked",
        Stage::Over(Ending::NoManager) => "over: nobody of ours picked up",
        Stage::Over(Ending::ClientUnreached) => "over: the client was not reached",
        Stage::Over(Ending::ClientAlone) => "over: the client was left alone",
        Stage::Over(Ending::Satisfied) => "over: the client called in",
        Stage::Over(Ending::Cancelled) => "over: cancelled",
    }
}

/// Actions in words.
pub struct Words<'a> {
    /// Whose names they are.
    pub staff: &'a Staff,
    /// Whose clock the times are told by.
    pub zone: &'a TimeZone,
}

impl Words<'_> {
    /// An action that follows from this case.
    pub fn planned(&self, case: &Case, planned: &Planned) -> String {
        let action = self.action(&planned.action);
        match planned.after.map(|after| after.duration_since(case.at).as_secs()) {
            Some(seconds) => format!("{action} ({seconds} s later)"),
            None => action,
        }
    }

    /// The employee's name.
    pub fn name<'n>(&'n self, id: &'n EmployeeId) -> &'n str {
        self.staff.get(id).map_or(id.as_str(), |employee| employee.name.as_str())
    }

    fn action(&self, action: &Action) -> String {
        let of = |on: &On| match on {
            On::Client => "the client",
            On::Deal => "the deal",
        };
        match action {
            Action::Contact { name, owner, tags, fields } => {
                let more = more(tags, fields);
                format!("contact \"{name}\", owner {}{more}", self.name(owner))
            }
            Action::Company { name } => format!("the client belongs to company \"{name}\""),
            Action::Deal { title, owner, pipeline, stage, tags, fields } => {
                let place = place(pipeline.as_deref(), stage.as_deref());
                let more = more(tags, fields);
                format!("deal \"{title}\", owner {}{place}{more}", self.name(owner))
            }
            Action::Unsorted { kind, title, name, pipeline, tags, fields } => {
                let kind = match kind {
                    UnsortedKind::Call => "call",
                    UnsortedKind::Form => "form",
                };
                let place = place(pipeline.as_deref(), None);
                let more = more(tags, fields);
                format!("Unsorted entry ({kind}) \"{title}\", contact \"{name}\"{place}{more}")
            }
            Action::AcceptUnsorted { owner, stage } => {
                let place = place(None, stage.as_deref());
                format!("the waiting Unsorted entry is accepted, owner {}{place}", self.name(owner))
            }
            Action::DeclineUnsorted {} => "the waiting Unsorted entry is declined".into(),
            Action::RegisterCall { result, who, text } => {
                let result = match result {
                    CallResult::Answered => "answered",
                    CallResult::Missed => "missed",
                    CallResult::Unreached => "unreached",
                    CallResult::Voicemail => "voicemail",
                };
                let who = who.as_ref().map_or("nobody's", |id| self.name(id));
                format!("the call is registered as {result}, {who}{}", quoted(text))
            }
            Action::UpdateCall {} => "the registered call gets its length and recording".into(),
            Action::Voicemail { on, text } => {
                format!("the message is attached to {}{}", of(on), quoted(text))
            }
            Action::Task { kind, on, text, owner, due, done, dedupe: _ } => {
                let due = self.zone.to_datetime(*due).strftime("%a %Y-%m-%d %H:%M");
                let when = if *done { "done already".to_owned() } else { format!("due {due}") };
                let owner = self.name(owner);
                format!("task ({kind}) on {}: \"{text}\", for {owner}, {when}", of(on))
            }
            Action::Notify { to, text, link } => {
                let to = match to {
                    Recipients::Everybody => "everybody".to_owned(),
                    Recipients::These(ids) => {
                        ids.iter().map(|id| self.name(id)).collect::<Vec<_>>().join(", ")
                    }
                };
                let link = link.as_ref().map(|on| format!(", with a link to {}", of(on)));
                format!("{to} is told \"{text}\"{}", link.unwrap_or_default())
            }
            Action::ChangeOwner { of: on, to } => {
                format!("{} becomes the owner of {}", self.name(to), of(on))
            }
            Action::Reactivate {} => "the client is active again".into(),
            Action::Tag { on, tags } => format!("{} gets the tags {}", of(on), tags.join(", ")),
            Action::Fields { on, touch: _, fields } => {
                let fields = more(&[], fields);
                format!("{} gets fields{}", of(on), fields.trim_start_matches(','))
            }
            Action::Note { on, text } => format!("note on {}: \"{text}\"", of(on)),
            Action::Webhook { url, body: _ } => format!("request to {url}"),
        }
    }
}

fn quoted(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": \"{text}\"") }
}

fn place(pipeline: Option<&str>, stage: Option<&str>) -> String {
    let pipeline = pipeline.map(|p| format!(", pipeline {p}")).unwrap_or_default();
    let stage = stage.map(|s| format!(", stage {s}")).unwrap_or_default();
    pipeline + &stage
}

fn more(tags: &[String], fields: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    if !tags.is_empty() {
        let _ = write!(out, ", tags {}", tags.join(" "));
    }
    for (name, value) in fields {
        let _ = write!(out, ", {name}={value}");
    }
    out
}
