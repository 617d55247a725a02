//! What is told of the rules in force: `GET /v1/rules`.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::rules::Routing;
use crate::rules::set::{RuleSet, Sets};

/// The rules in force, and how the last reload went.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The way of a call.
    pub routing: File,
    /// What the CRM learns; the set for all calls first, the shadow last. Empty: this engine has
    /// no outbox.
    pub sets: Vec<Set>,
    /// Since when.
    pub since: Timestamp,
    /// The last reload; `None`: there was none since the start.
    pub last_reload: Option<Last>,
}

/// A rule file in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct File {
    /// Its path, or the name of a built-in one.
    pub file: String,
    /// The hash of its text, as it stands with decisions.
    pub hash: String,
}

/// A set in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Set {
    /// Its name.
    pub name: String,
    /// Its path, or the name of a built-in one.
    pub file: String,
    /// The hash, as it stands in the journal.
    pub hash: String,
    /// It judges calls on every line without a set of its own.
    pub default: bool,
    /// Lines it judges that have a set of their own.
    pub lines: Vec<String>,
    /// It is compared with the others, and nothing it says is done.
    pub shadow: bool,
}

/// A reload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Last {
    /// When it ended.
    pub at: Timestamp,
    /// Who asked.
    pub door: Door,
    /// How it ended.
    pub outcome: Outcome,
    /// The mistakes where it was refused, else the warnings; a line each, `file:line:column: …`.
    pub problems: Vec<String>,
}

/// Who asks for a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// SIGHUP.
    Signal,
    /// `POST /v1/rules/reload`.
    Http,
    /// A file that was changed.
    File,
}

impl std::fmt::Display for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Signal => "signal",
            Self::Http => "http",
            Self::File => "file",
        })
    }
}

/// How a reload ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Other rules are in force.
    Taken,
    /// The files hold the rules in force.
    Unchanged,
    /// They have mistakes, or tests fail. The old rules stay.
    Refused,
}

impl Status {
    pub(super) fn new(routing: &Routing, sets: Option<&Sets>) -> Self {
        let routing = File { file: routing.file().to_owned(), hash: routing.hash() };
        Self {
            routing,
            sets: sets.map(told).unwrap_or_default(),
            since: Timestamp::now(),
            last_reload: None,
        }
    }

    pub(super) fn same_rules(&self, other: &Self) -> bool {
        self.routing == other.routing && self.sets == other.sets
    }

    /// Every file in force.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        let sets = self.sets.iter().map(|set| set.file.as_str());
        std::iter::once(self.routing.file.as_str()).chain(sets)
    }
}

impl Last {
    /// Is the same known from the last reload?
    pub(super) fn adds_nothing_to(&self, last: Option<&Self>) -> bool {
        let refused = last.is_some_and(|last| last.outcome == Outcome::Refused);
        match self.outcome {
            Outcome::Taken => false,
            Outcome::Unchanged => !refused,
            Outcome::Refused => refused && last.is_some_and(|last| last.problems == self.problems),
        }
    }
}

fn told(sets: &Sets) -> Vec<Set> {
    let told = |set: &Arc<RuleSet>| Set {
        name: set.name().to_owned(),
        file: set.file().to_owned(),
        hash: set.hash(),
        default: Arc::ptr_eq(set, sets.for_line(None)),
        lines: sets
            .lines()
            .filter(|line| Arc::ptr_eq(set, sets.for_line(Some(line))))
            .map(str::to_owned)
            .collect(),
        shadow: sets.shadow().is_some_and(|shadow| Arc::ptr_eq(set, shadow)),
    };
    sets.all().into_iter().map(told).collect()
}
