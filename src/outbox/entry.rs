//! An entry: what follows from one case, and how far it has come.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use sqlx::sqlite::SqliteRow;

use crate::core::action::{Bound, Planned};
use crate::core::case::{Case, Known};
use crate::core::ids::CallId;
use crate::sales::Sale;
use crate::traces::TraceId;

/// A closed list of words that stands in a column.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $unknown:literal { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(format!(concat!("`{}` is no ", $unknown), text)),
                }
            }
        }
    };
}

words! {
    /// Where an entry stands.
    State, "state: write waiting, working, done, parked or dropped" {
        /// It will be tried, now or at `next_try`.
        Waiting = "waiting",
        /// An action has been sent, and its answer is not stored yet.
        Working = "working",
        /// All of it is done.
        Done = "done",
        /// It was given up until a person releases or drops it.
        Parked = "parked",
        /// A person gave it up.
        Dropped = "dropped",
    }
}

words! {
    /// What an entry needs: they do not wait for each other.
    Lane, "lane" {
        /// The CRM.
        Crm = "crm",
        /// The receiver of a webhook.
        Hook = "hook",
    }
}

/// What came of one action.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// How far it is.
    pub is: Progress,
    /// What was done, or why not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub what: String,
    /// Of a denied one: a part of it may be done, so it is read back before it is sent again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub begun: bool,
}

/// How far an action is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Not sent.
    #[default]
    Todo,
    /// Sent, perhaps: its answer is not known. It is read back before it is sent again.
    Sending,
    /// Done.
    Done,
    /// The CRM will not have it.
    Refused,
    /// Not done, because the CRM's key lacks a right: it is tried again by itself.
    Denied,
    /// Not sent, because it needs what another action should have made.
    Held,
}

/// An entry, with the case it follows from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its number in the store.
    pub id: i64,
    /// Where it stands.
    pub state: State,
    /// What it needs.
    pub lane: Lane,
    /// The call.
    pub call: CallId,
    /// Whose queue it stands in.
    pub client: String,
    /// For which CRM, by its name in the configuration; empty for webhooks.
    pub crm: String,
    /// Failures in a row.
    pub tries: u32,
    /// Not before.
    pub next_try: Timestamp,
    /// From when its age counts.
    pub since: Timestamp,
    /// Why it failed last.
    pub last_error: Option<String>,
    /// Made.
    pub created: Timestamp,
    /// Last changed.
    pub updated: Timestamp,
    /// Whether facts and actions are final.
    pub settled: bool,
    /// What is to be done, in order.
    pub actions: Vec<Planned>,
    /// What came of each.
    pub progress: Vec<Step>,
    /// The hash of the set that ruled it.
    pub hash: String,
    /// The journal's row.
    #[serde(skip)]
    pub journal: i64,
    /// What occurred. The facts about the client are those the actions follow from.
    pub case: Case,
}

/// An entry as it is shown to machines.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// The trace of its call.
    pub trace_id: TraceId,
    /// The deals its call brought, once they are won (E01).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sales: Vec<Sale>,
    /// The entry.
    #[serde(flatten)]
    pub entry: Entry,
}

impl Shown {
    /// With the sales of its call.
    pub fn new(entry: Entry, sales: Vec<Sale>) -> Self {
        Self { trace_id: TraceId::of(&entry.call), sales, entry }
    }
}

/// A queue: one client's entries for one CRM go one at a time and in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Queue {
    /// The CRM's name; empty for webhooks.
    pub crm: String,
    /// Whose.
    pub client: String,
}

impl Entry {
    /// Where it stands.
    pub(super) fn queue(&self) -> Queue {
        Queue { crm: self.crm.clone(), client: self.client.clone() }
    }
}

/// What holds for a whole call.
#[derive(Clone, Debug)]
pub(super) struct CallFacts {
    /// Settled at this revision of the client's queue.
    pub revision: i64,
    /// Whom the number belongs to.
    pub known: Known,
    /// Whether its own actions changed what the CRM says about the client.
    pub made: bool,
    /// What they left behind.
    pub bound: Bound,
}

/// The columns of an [`Entry`], to be followed by `WHERE`.
pub(super) const ENTRY: &str = "SELECT o.id, o.journal, o.call, o.client, o.crm, o.lane, o.state, \
    o.settled, o.actions, o.progress, o.tries, o.next_try, o.since, o.last_error, o.created, \
    o.updated, j.facts, coalesce(j.hash, '') AS hash, j.anew \
    FROM outbox o JOIN journal j ON j.id = o.journal ";

/// A second ruling, as it stands in the journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Anew {
    /// When.
    pub at: Timestamp,
    /// Whom the number belongs to after all.
    pub client: Known,
    /// What holds instead. Its hash differs from the row's where the first set was not in memory
    /// any more, after a restart with other rules.
    pub ruling: crate::core::action::Ruling,
}

#[derive(FromRow)]
struct Row {
    id: i64,
    journal: i64,
    call: String,
    client: String,
    crm: String,
    lane: String,
    state: String,
    settled: bool,
    actions: String,
    progress: String,
    tries: i64,
    next_try: i64,
    since: i64,
    last_error: Option<String>,
    created: i64,
    updated: i64,
    facts: String,
    hash: String,
    anew: Option<String>,
}

/// A time as it stands in a column.
pub(crate) fn moment(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or_default()
}

fn unreadable(error: impl fmt::Display) -> sqlx::Error {
    sqlx::Error::Decode(error.to_string().into())
}

pub(crate) fn json<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, sqlx::Error> {
    serde_json::from_str(text).map_err(unreadable)
}

pub(crate) fn text(value: &impl Serialize) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

impl FromRow<'_, SqliteRow> for Entry {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let row = Row::from_row(row)?;
        let mut case: Case = json(&row.facts)?;
        let mut hash = row.hash;
        if let Some(anew) = row.anew.as_deref() {
            let anew: Anew = json(anew)?;
            (case.client, hash) = (anew.client, anew.ruling.hash);
        }
        let actions: Vec<Planned> = json(&row.actions)?;
        let mut progress: Vec<Step> = json(&row.progress)?;
        progress.resize(actions.len(), Step::default());
        Ok(Self {
            id: row.id,
            state: row.state.parse().map_err(unreadable)?,
            lane: row.lane.parse().map_err(unreadable)?,
            call: CallId::new(&row.call),
            client: row.client,
            crm: row.crm,
            tries: u32::try_from(row.tries).unwrap_or(u32::MAX),
            next_try: moment(row.next_try),
            since: moment(row.since),
            last_error: row.last_error,
            created: moment(row.created),
            updated: moment(row.updated),
            settled: row.settled,
            actions,
            progress,
            hash,
            journal: row.journal,
            case,
        })
    }
}
