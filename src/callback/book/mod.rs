//! The book of callbacks: what the store knows of campaigns and missed calls. Reading works on the
//! store alone, beside a running engine and without one; writing goes by the one writer, in
//! deeds (`deed`).

pub(crate) mod deed;
pub(crate) mod row;

use jiff::Timestamp;
use serde::Serialize;
use sqlx::{query_as, query_scalar};

use self::deed::{Deed, Done};
use super::Refused;
use crate::core::campaign::Campaign;
use crate::core::campaign::order::View;
use crate::core::ids::CampaignId;
use crate::outbox::entry::{json, moment};
use crate::store::Store;

/// The book over a store.
#[derive(Clone, Debug)]
pub struct Book {
    store: Store,
}

/// A missed call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissedCall {
    /// The call.
    pub call: String,
    /// Who called, E.164.
    pub number: String,
    /// The line he called.
    pub line: Option<String>,
    /// When.
    pub at: Timestamp,
    /// When somebody of ours talked with him afterwards; `None`: not yet.
    pub closed: Option<Timestamp>,
    /// In which call or campaign.
    pub closed_by: Option<String>,
    /// Which way that went: inbound, outbound, callback.
    pub how: Option<String>,
}

/// Something a campaign was told from outside and has not heard yet.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Word {
    pub id: i64,
    pub campaign: String,
    pub word: String,
    pub body: Option<String>,
    /// Its campaign is led still.
    pub alive: bool,
}

impl Book {
    /// Over this store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Where a campaign stands.
    ///
    /// # Errors
    /// [`Refused::Store`], [`Refused::Unknown`].
    pub async fn show(&self, id: &CampaignId) -> Result<View, Refused> {
        let state: Option<String> = query_scalar("SELECT state FROM callback WHERE id = ?")
            .bind(id.as_str())
            .fetch_optional(self.store.pool())
            .await
            .map_err(|e| self.failed(&e))?;
        self.view(&state.ok_or(Refused::Unknown)?)
    }

    /// The newest first; `open`: only those that are not over.
    ///
    /// # Errors
    /// [`Refused::Store`].
    pub async fn list(&self, open: bool, limit: u32) -> Result<Vec<View>, Refused> {
        let states: Vec<String> = query_scalar(
            "SELECT state FROM callback WHERE running >= ? ORDER BY accepted DESC, id LIMIT ?",
        )
        .bind(open)
        .bind(limit)
        .fetch_all(self.store.pool())
        .await
        .map_err(|e| self.failed(&e))?;
        states.iter().map(|state| self.view(state)).collect()
    }

    /// Asks that a campaign end; the engine that leads it hears of it, now or when it is started.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn cancel(&self, id: &CampaignId) -> Result<(), Refused> {
        let written = async {
            let mut tx = self.store.pool().begin_with("BEGIN IMMEDIATE").await?;
            let done = Deed::Cancel(id.clone()).write(&mut tx, Timestamp::now()).await?;
            tx.commit().await?;
            Ok(done)
        };
        match written.await.map_err(|e: sqlx::Error| self.failed(&e))? {
            Done::Held(true) => Ok(()),
            // It is over, or never was.
            _ => self.show(id).await.and(Err(Refused::Over)),
        }
    }

    /// Missed calls, the oldest first; `open`: only those nobody has returned.
    ///
    /// # Errors
    /// [`Refused::Store`].
    pub async fn missed(&self, open: bool, limit: u32) -> Result<Vec<MissedCall>, Refused> {
        type Columns =
            (String, String, Option<String>, i64, Option<i64>, Option<String>, Option<String>);
        let rows: Vec<Columns> = query_as(
            "SELECT call, number, line, at, closed, closed_by, how FROM missed_call \
             WHERE closed IS NULL OR NOT ? ORDER BY at LIMIT ?",
        )
        .bind(open)
        .bind(limit)
        .fetch_all(self.store.pool())
        .await
        .map_err(|e| self.failed(&e))?;
        let missed = |(call, number, line, at, closed, closed_by, how): Columns| MissedCall {
            call,
            number,
            line,
            at: moment(at),
            closed: closed.map(moment),
            closed_by,
            how,
        };
        Ok(rows.into_iter().map(missed).collect())
    }

    /// What campaigns of this engine were told and have not heard yet.
    pub(crate) async fn words(&self, engine: &str) -> Result<Vec<Word>, sqlx::Error> {
        query_as(
            "SELECT w.id, w.campaign, w.word, w.body, c.alive FROM callback_word w \
             JOIN callback c ON c.id = w.campaign WHERE w.heard = 0 AND c.claimed_by = ? \
             ORDER BY w.id LIMIT 1000",
        )
        .bind(engine)
        .fetch_all(self.store.pool())
        .await
    }

    fn view(&self, state: &str) -> Result<View, Refused> {
        let campaign: Campaign = json(state).map_err(|e| self.failed(&e))?;
        Ok(campaign.view())
    }

    fn failed(&self, error: &sqlx::Error) -> Refused {
        Refused::Store(self.store.explain(error).to_string())
    }
}
