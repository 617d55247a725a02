//! The words of actions.

use crate::core::action::{CallResult, Dedupe, On, Touch, UnsortedKind};

pub(crate) const ON: [(&str, On); 2] = [("client", On::Client), ("deal", On::Deal)];
pub(crate) const UNSORTED: [(&str, UnsortedKind); 2] =
    [("call", UnsortedKind::Call), ("form", UnsortedKind::Form)];
pub(crate) const RESULTS: [(&str, CallResult); 4] = [
    ("answered", CallResult::Answered),
    ("missed", CallResult::Missed),
    ("unreached", CallResult::Unreached),
    ("voicemail", CallResult::Voicemail),
];
pub(crate) const DEDUPE: [(&str, Dedupe); 3] =
    [("never", Dedupe::Never), ("until_due", Dedupe::UntilDue), ("while_open", Dedupe::WhileOpen)];
pub(crate) const TOUCH: [(&str, Touch); 2] = [("first", Touch::First), ("last", Touch::Last)];

/// The actions with their keys; `delay` goes with each.
pub(crate) const ACTIONS: [(&str, &[&str]); 17] = [
    ("contact", &["name", "owner", "tags", "fields", "carry"]),
    ("company", &["name"]),
    ("deal", &["title", "owner", "pipeline", "stage", "tags", "fields", "carry"]),
    ("unsorted", &["kind", "title", "name", "pipeline", "tags", "fields", "carry"]),
    ("accept_unsorted", &["owner", "stage"]),
    ("decline_unsorted", &[]),
    ("register_call", &["result", "who", "text"]),
    ("update_call", &[]),
    ("voicemail", &["on", "text"]),
    ("task", &["kind", "on", "text", "owner", "due", "done", "dedupe"]),
    ("notify", &["to", "text", "link"]),
    ("change_owner", &["of", "to"]),
    ("reactivate", &[]),
    ("tag", &["on", "tags"]),
    ("fields", &["on", "touch", "fields", "carry"]),
    ("note", &["on", "text"]),
    ("webhook", &["url", "body"]),
];
