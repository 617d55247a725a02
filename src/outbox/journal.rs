//! The journal, read: what occurred, and what was made of it.

use jiff::Timestamp;
use sqlx::query_as;

use super::entry::{Anew, json};
use crate::core::action::Planned;
use crate::core::case::Case;
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
        type Row = (i64, String, String, String, Option<String>);
        let rows: Vec<Row> = query_as(
            "SELECT id, facts, hash, actions, anew FROM journal \
             WHERE id > ? AND at >= ? AND hash IS NOT NULL ORDER BY id LIMIT ?",
        )
        .bind(self.after)
        .bind(self.since.as_microsecond())
        .bind(PAGE)
        .fetch_all(self.store.pool())
        .await
        .map_err(|e| self.store.explain(&e))?;
        let Some(last) = rows.last() else { return Ok(None) };
        self.after = last.0;
        let mut page = Page::default();
        for (_, facts, hash, actions, anew) in rows {
            match judged(&facts, hash, &actions, anew.as_deref()) {
                Ok(judged) => page.cases.push(judged),
                Err(_) => page.unreadable += 1,
            }
        }
        Ok(Some(page))
    }
}

fn judged(
    facts: &str,
    hash: String,
    actions: &str,
    anew: Option<&str>,
) -> Result<Judged, sqlx::Error> {
    let mut case: Case = json(facts)?;
    Ok(match anew {
        None => Judged { case, hash, actions: json(actions)? },
        Some(anew) => {
            let Anew { client, ruling, .. } = json(anew)?;
            case.client = client;
            Judged { case, hash: ruling.hash, actions: ruling.actions }
        }
    })
}
