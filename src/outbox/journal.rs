//! The journal, read: what occurred, and what was made of it.

use jiff::Timestamp;
use sqlx::{FromRow, query_as, query_scalar};

use super::entry::{Anew, json};
use crate::core::action::{Planned, Ruling};
use crate::core::case::Case;
use crate::core::ids::CallId;
use crate::store::{Store, StoreError};

/// Rows at a time.
const PAGE: i64 = 500;

/// A case that was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// With the facts it was judged by in the end.
    pub case: Case,
    /// The hash of the set.
    pub hash: String,
    /// The rule that decided in each chapter, as `chapter/id`.
    pub rules: Vec<String>,
    /// What followed.
    pub actions: Vec<Planned>,
}

/// Some rows.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Cases in the order in which they were written.
    pub cases: Vec<Judged>,
    /// Rows that cannot be read any more.
    pub unreadable: u64,
}

/// Reads the journal from some moment on, page by page.
#[derive(Debug)]
pub struct Journal {
    store: Store,
    since: Timestamp,
    after: i64,
}

impl Journal {
    /// From this moment on.
    pub fn since(store: Store, since: Timestamp) -> Self {
        Self { store, since, after: 0 }
    }

    /// The next rows; `None`: that was all.
    ///
    /// # Errors
    /// The store failed.
    pub async fn page(&mut self) -> Result<Option<Page>, StoreError> {
        let rows: Vec<Row> = query_as(
            "SELECT id, facts, hash, rules, actions, anew FROM journal \
             WHERE id > ? AND at >= ? AND hash IS NOT NULL ORDER BY id LIMIT ?",
        )
        .bind(self.after)
        .bind(self.since.as_microsecond())
        .bind(PAGE)
        .fetch_all(self.store.pool())
        .await
        .map_err(|e| self.store.explain(&e))?;
        let Some(last) = rows.last() else { return Ok(None) };
        self.after = last.id;
        let mut page = Page::default();
        for row in rows {
            match row.judged() {
                Ok(judged) => page.cases.push(judged),
                Err(_) => page.unreadable += 1,
            }
        }
        Ok(Some(page))
    }
}

/// The judged cases of one call, in order.
///
/// # Errors
/// The store failed, or a row cannot be read.
pub async fn of_call(store: &Store, call: &CallId) -> Result<Vec<Judged>, StoreError> {
    let rows: Result<Vec<Row>, _> = query_as(
        "SELECT id, facts, hash, rules, actions, anew FROM journal \
         WHERE call = ? AND hash IS NOT NULL ORDER BY seq",
    )
    .bind(call.as_str())
    .fetch_all(store.pool())
    .await;
    let judged = rows.and_then(|rows| rows.into_iter().map(Row::judged).collect());
    judged.map_err(|e: sqlx::Error| store.explain(&e))
}

/// Whether all that this call left is written: its record comes after its last case.
///
/// # Errors
/// The store failed.
pub async fn is_closed(store: &Store, call: &CallId) -> Result<bool, StoreError> {
    query_scalar("SELECT EXISTS (SELECT 1 FROM call_record WHERE call = ?)")
        .bind(call.as_str())
        .fetch_one(store.pool())
        .await
        .map_err(|e| store.explain(&e))
}

#[derive(FromRow)]
struct Row {
    id: i64,
    facts: String,
    hash: String,
    rules: String,
    actions: String,
    anew: Option<String>,
}

impl Row {
    fn judged(self) -> Result<Judged, sqlx::Error> {
        let Self { id: _, facts, hash, rules, actions, anew } = self;
        let mut case: Case = json(&facts)?;
        Ok(match anew.as_deref() {
            None => Judged { case, hash, rules: json(&rules)?, actions: json(&actions)? },
            Some(anew) => {
                let Anew { client, ruling, .. } = json(anew)?;
                case.client = client;
                let Ruling { hash, rules, actions, .. } = ruling;
                Judged { case, hash, rules, actions }
            }
        })
    }
}
