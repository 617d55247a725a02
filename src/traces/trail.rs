//! What is noted while a call goes on, because its record does not keep it.

use std::time::Duration;

use jiff::Timestamp;

use super::id::TraceId;
use crate::core::call::Occurrence;
use crate::core::client::{Lookup, Source};

/// The notes of one call, where they are wanted.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    exemplar: Option<TraceId>,
    notes: Option<Box<Notes>>,
}

/// The notes.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// An engine has led the call before: this is not the whole of it.
    pub again: bool,
    /// The directory was asked: with the first decision and after each transfer.
    pub lookups: Vec<Looked>,
    /// What occurred.
    pub occurred: Vec<(Timestamp, Occurrence)>,
    /// From the accepted connection to the first command.
    pub commanded: Option<Duration>,
    pub(super) asked: Option<Timestamp>,
}

/// One lookup and the decision that followed.
#[derive(Debug)]
pub(super) struct Looked {
    pub asked: Timestamp,
    pub answered: Timestamp,
    /// What it said: a word of a closed list.
    pub result: &'static str,
    /// How fresh that was, where the CRM was asked.
    pub source: Option<&'static str>,
    /// How long the decision took.
    pub deciding: Duration,
}

impl Trail {
    pub(super) fn new(exemplar: Option<TraceId>, kept: bool, again: bool) -> Self {
        Self { exemplar, notes: kept.then(|| Box::new(Notes { again, ..Notes::default() })) }
    }

    /// By which the call can be found from a metric.
    pub fn exemplar(&self) -> Option<TraceId> {
        self.exemplar
    }

    /// Whether anything is noted.
    pub fn is_kept(&self) -> bool {
        self.notes.is_some()
    }

    /// The directory was asked.
    pub fn asked(&mut self, at: Timestamp) {
        if let Some(notes) = &mut self.notes {
            notes.asked = Some(at);
        }
    }

    /// It answered, and what followed was decided within `deciding`.
    pub fn decided(&mut self, lookup: &Lookup, at: Timestamp, deciding: Duration) {
        let Some(notes) = &mut self.notes else { return };
        let (result, source) = words(lookup);
        let asked = notes.asked.take().unwrap_or(at);
        notes.lookups.push(Looked { asked, answered: at, result, source, deciding });
    }

    /// Something occurred.
    pub fn occurred(&mut self, occurrence: &Occurrence, at: Timestamp) {
        if let Some(notes) = &mut self.notes {
            notes.occurred.push((at, occurrence.clone()));
        }
    }

    /// The first command was sent.
    pub fn commanded(&mut self, after: Duration) {
        if let Some(notes) = &mut self.notes {
            notes.commanded = Some(after);
        }
    }

    pub(super) fn into_notes(self) -> Option<Box<Notes>> {
        self.notes
    }
}

fn words(lookup: &Lookup) -> (&'static str, Option<&'static str>) {
    let fresh = |source: &Source| match source {
        Source::Fresh => "fresh",
        Source::Cached => "cached",
        Source::Stale => "stale",
    };
    match lookup {
        Lookup::NotAsked => ("not_asked", None),
        Lookup::Found { source, .. } => ("found", Some(fresh(source))),
        Lookup::Unknown { source } => ("unknown", Some(fresh(source))),
        Lookup::Slow => ("slow", None),
        Lookup::Down => ("down", None),
    }
}
