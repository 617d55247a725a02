//! A clerk who keeps what he is told.

#![allow(clippy::unwrap_used, dead_code, reason = "every test uses a part of it")]

use std::sync::{Arc, Mutex};

use dozvon::core::case::{Case, Clerk, Speaker};
use dozvon::core::ids::CallId;
use dozvon::core::record::CallRecord;

/// What a clerk was told, in order.
#[derive(Clone, Debug)]
pub enum Word {
    Began(CallId, Option<String>),
    Occurred(Box<Case>),
    Closed(Arc<CallRecord>),
}

/// Keeps it.
#[derive(Default)]
pub struct Paper(Mutex<Vec<Word>>);

impl Clerk for Paper {
    fn began(&self, call: &CallId, line: Option<&str>) {
        self.0.lock().unwrap().push(Word::Began(call.clone(), line.map(Into::into)));
    }

    fn occurred(&self, case: Case) {
        self.0.lock().unwrap().push(Word::Occurred(Box::new(case)));
    }

    fn closed(&self, record: Arc<CallRecord>) {
        self.0.lock().unwrap().push(Word::Closed(record));
    }
}

impl Paper {
    /// All that was said of this call.
    pub fn words(&self, call: &str) -> Vec<Word> {
        let of = |word: &&Word| match word {
            Word::Began(id, _) => id.as_str() == call,
            Word::Occurred(case) => case.call.as_str() == call,
            Word::Closed(record) => record.id.as_str() == call,
        };
        self.0.lock().unwrap().iter().filter(of).cloned().collect()
    }
}

/// The employee, `unlisted`, or `nobody`.
pub fn who(speaker: &Option<Speaker>) -> &str {
    speaker.as_ref().map_or("nobody", |s| s.employee.as_ref().map_or("unlisted", |e| e.as_str()))
}
