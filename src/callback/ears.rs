//! Hears what occurs in calls: who is missed, and who talks with a client.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::book::deed::{Contact, Missed};
use super::driver::Note;
use crate::core::case::{Case, Clerk, Event};
use crate::core::facts::Direction;
use crate::core::ids::{CallId, LegId};
use crate::core::record::CallRecord;

/// A clerk before the clerk: passes everything on, and tells the driver what concerns callbacks.
pub(crate) struct Ears {
    pub clerk: Arc<dyn Clerk>,
    pub notes: mpsc::UnboundedSender<Note>,
}

impl Clerk for Ears {
    fn began(&self, call: &CallId, line: Option<&str>) {
        self.clerk.began(call, line);
    }

    fn occurred(&self, case: Case) {
        if let Some(note) = note(&case) {
            // The driver is gone: the engine ends.
            let _ = self.notes.send(note);
        }
        self.clerk.occurred(case);
    }

    fn closed(&self, record: Arc<CallRecord>) {
        let _ = self.notes.send(Note::Closed(record.clone()));
        self.clerk.closed(record);
    }
}

fn note(case: &Case) -> Option<Note> {
    if case.direction == Direction::Internal {
        let leg = LegId::new(case.call.as_str());
        return case.last.clone().map(|to| Note::PassedOn { leg, to });
    }
    let number = case.number.as_ref()?;
    match (case.event, case.direction) {
        (Event::Missed, Direction::Inbound) => {
            let missed = Missed {
                call: case.call.clone(),
                number: number.e164().to_owned(),
                line: case.line.clone(),
                at: case.at,
            };
            Some(Note::Missed(missed, number.clone()))
        }
        (Event::Answered, how @ (Direction::Inbound | Direction::Outbound)) => {
            let (number, by) = (number.e164().to_owned(), case.call.to_string());
            Some(Note::Contact(Contact { number, by, how, at: case.at }))
        }
        _ => None,
    }
}
