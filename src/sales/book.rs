//! Sales in the store, and how the last run of each CRM went.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use sqlx::{FromRow, query, query_as};

use crate::core::ids::{CallId, DealId};
use crate::core::sale::Step;
use crate::outbox::entry::moment;
use crate::store::{Store, StoreError};

/// A deal that was won, at the call or form that brought it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Sale {
    /// Its number here.
    pub id: i64,
    /// The CRM by its configured name.
    pub crm: String,
    /// The deal, as the CRM spells it.
    #[schema(value_type = String)]
    pub deal: DealId,
    /// The call or form.
    #[schema(value_type = String)]
    pub call: CallId,
    /// By which step it was found.
    pub step: Step,
    /// When the deal was won.
    #[schema(value_type = String, format = DateTime)]
    pub closed: Timestamp,
    /// What it brought, where the CRM tells.
    pub price: Option<f64>,
    /// When it was marked here.
    #[schema(value_type = String, format = DateTime)]
    pub marked: Timestamp,
}

/// What became of the deals of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromRow, Serialize, utoipa::ToSchema)]
pub struct Counts {
    /// Deals the CRM told of.
    pub deals: i64,
    /// Marked as a sale of a call or form.
    pub marked: i64,
    /// Marked in an earlier run.
    pub known: i64,
    /// Made by hand, and with no contact: skipped.
    pub no_contact: i64,
    /// Of a contact with no call or form that could have brought it.
    pub no_communication: i64,
}

/// How the runs of a CRM went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Runs {
    /// When sales were asked for first.
    pub since: Timestamp,
    /// When the last run without a mistake began.
    pub success: Option<Timestamp>,
    /// What it brought.
    pub counts: Counts,
    /// When one failed after that, and why.
    pub failed: Option<(Timestamp, String)>,
    /// Somebody runs until then, unless he says otherwise.
    pub claimed_until: Timestamp,
}

/// Sales and runs in a store.
#[derive(Clone, Debug)]
pub(super) struct Book {
    store: Store,
}

/// A row of runs: times, counts, failure, claim.
type RunRow = (i64, Option<i64>, i64, i64, i64, i64, i64, Option<i64>, Option<String>, i64);

#[derive(FromRow)]
struct SaleRow {
    id: i64,
    crm: String,
    deal: String,
    call: String,
    step: String,
    closed: i64,
    price: Option<f64>,
    marked: i64,
}

impl From<SaleRow> for Sale {
    fn from(row: SaleRow) -> Self {
        // The table takes no other words.
        let step = Step::ALL.into_iter().find(|step| step.as_str() == row.step);
        Self {
            id: row.id,
            crm: row.crm,
            deal: DealId::new(row.deal),
            call: CallId::new(row.call),
            step: step.unwrap_or(Step::Deal),
            closed: moment(row.closed),
            price: row.price,
            marked: moment(row.marked),
        }
    }
}

impl Book {
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// How its runs went; it is asked for the first time now, where it never was.
    pub async fn runs(&self, crm: &str, now: Timestamp) -> Result<Runs, StoreError> {
        let made = query("INSERT INTO sales_run (crm, since) VALUES (?, ?) ON CONFLICT DO NOTHING")
            .bind(crm)
            .bind(now.as_microsecond());
        made.execute(self.store.pool()).await.map_err(|e| self.fault(&e))?;
        Ok(self.known_runs(crm).await?.unwrap_or_default())
    }

    /// The same, and nothing is written.
    pub async fn known_runs(&self, crm: &str) -> Result<Option<Runs>, StoreError> {
        let row: Option<RunRow> = query_as(
            "SELECT since, success, deals, marked, known, no_contact, no_communication, failed, \
             error, claimed_until FROM sales_run WHERE crm = ?",
        )
        .bind(crm)
        .fetch_optional(self.store.pool())
        .await
        .map_err(|e| self.fault(&e))?;
        Ok(row.map(|row| {
            let (deals, marked, known, no_contact, no_communication) =
                (row.2, row.3, row.4, row.5, row.6);
            Runs {
                since: moment(row.0),
                success: row.1.map(moment),
                counts: Counts { deals, marked, known, no_contact, no_communication },
                failed: row.7.map(|at| (moment(at), row.8.unwrap_or_default())),
                claimed_until: moment(row.9),
            }
        }))
    }

    /// `false`: somebody else runs, or has run since `seen` was read. A claim that lies further
    /// ahead than a lease is of a clock that was set back.
    pub async fn claim(
        &self,
        (crm, me): (&str, &str),
        seen: &Runs,
        lease: Duration,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let until = now.saturating_add(lease).unwrap_or(now).as_microsecond();
        let done = query(
            "UPDATE sales_run SET claimed_by = ?1, claimed_until = ?2 WHERE crm = ?3 \
             AND (claimed_until <= ?4 OR claimed_until > ?2) AND success IS ?5 AND failed IS ?6",
        )
        .bind(me)
        .bind(until)
        .bind(crm)
        .bind(now.as_microsecond())
        .bind(seen.success.map(Timestamp::as_microsecond))
        .bind(seen.failed.as_ref().map(|(at, _)| at.as_microsecond()))
        .execute(self.store.pool())
        .await;
        done.map(|done| done.rows_affected() > 0).map_err(|e| self.fault(&e))
    }

    /// `false`: the claim is another one's by now.
    pub async fn renew(
        &self,
        (crm, me): (&str, &str),
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let renew = "UPDATE sales_run SET claimed_until = ? WHERE crm = ? AND claimed_by = ?";
        let done = query(renew).bind(until.as_microsecond()).bind(crm).bind(me);
        let done = done.execute(self.store.pool()).await;
        done.map(|done| done.rows_affected() > 0).map_err(|e| self.fault(&e))
    }

    /// It went well, and began then.
    pub async fn succeeded(
        &self,
        (crm, me): (&str, &str),
        begun: Timestamp,
        counts: &Counts,
    ) -> Result<(), StoreError> {
        query(
            "UPDATE sales_run SET success = ?, deals = ?, marked = ?, known = ?, no_contact = ?, \
             no_communication = ?, failed = NULL, error = NULL, claimed_by = NULL, \
             claimed_until = 0 WHERE crm = ? AND claimed_by = ?",
        )
        .bind(begun.as_microsecond())
        .bind(counts.deals)
        .bind(counts.marked)
        .bind(counts.known)
        .bind(counts.no_contact)
        .bind(counts.no_communication)
        .bind(crm)
        .bind(me)
        .execute(self.store.pool())
        .await
        .map(drop)
        .map_err(|e| self.fault(&e))
    }

    /// It failed. The last success stays what it was.
    pub async fn failed(
        &self,
        (crm, me): (&str, &str),
        at: Timestamp,
        why: &str,
    ) -> Result<(), StoreError> {
        query(
            "UPDATE sales_run SET failed = ?, error = ?, claimed_by = NULL, claimed_until = 0 \
             WHERE crm = ? AND claimed_by = ?",
        )
        .bind(at.as_microsecond())
        .bind(why)
        .bind(crm)
        .bind(me)
        .execute(self.store.pool())
        .await
        .map(drop)
        .map_err(|e| self.fault(&e))
    }

    /// Marks sales, and says of each whether it is a new one.
    pub async fn mark(&self, sales: &[Sale]) -> Result<Vec<bool>, StoreError> {
        let work = async {
            let mut tx = self.store.pool().begin_with("BEGIN IMMEDIATE").await?;
            let mut new = Vec::new();
            for sale in sales {
                let done = query(
                    "INSERT INTO sale (crm, deal, call, step, closed, price, marked) \
                     VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (crm, deal) DO NOTHING",
                )
                .bind(&sale.crm)
                .bind(sale.deal.as_str())
                .bind(sale.call.as_str())
                .bind(sale.step.as_str())
                .bind(sale.closed.as_microsecond())
                .bind(sale.price)
                .bind(sale.marked.as_microsecond())
                .execute(&mut *tx)
                .await?;
                new.push(done.rows_affected() > 0);
            }
            tx.commit().await?;
            Ok(new)
        };
        work.await.map_err(|e: sqlx::Error| self.fault(&e))
    }

    /// Sales behind the one with this number, the oldest first; all CRMs or one.
    pub async fn list(
        &self,
        crm: Option<&str>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Sale>, StoreError> {
        let rows: Result<Vec<SaleRow>, _> = query_as(
            "SELECT id, crm, deal, call, step, closed, price, marked FROM sale \
             WHERE id > ?1 AND (?2 IS NULL OR crm = ?2) ORDER BY id LIMIT ?3",
        )
        .bind(after)
        .bind(crm)
        .bind(limit)
        .fetch_all(self.store.pool())
        .await;
        Ok(rows.map_err(|e| self.fault(&e))?.into_iter().map(Sale::from).collect())
    }

    pub(super) fn fault(&self, error: &sqlx::Error) -> StoreError {
        self.store.explain(error)
    }
}

/// The sales a call or form brought.
///
/// # Errors
/// The store failed.
pub async fn of_call(store: &Store, call: &CallId) -> Result<Vec<Sale>, StoreError> {
    let rows: Result<Vec<SaleRow>, _> = query_as(
        "SELECT id, crm, deal, call, step, closed, price, marked FROM sale WHERE call = ? ORDER BY id",
    )
    .bind(call.as_str())
    .fetch_all(store.pool())
    .await;
    Ok(rows.map_err(|e| store.explain(&e))?.into_iter().map(Sale::from).collect())
}

/// The last success of a CRM, and the failure after it. `None`: it was never asked.
///
/// # Errors
/// The store failed.
pub async fn run_of(store: &Store, crm: &str) -> Result<Option<LastRuns>, StoreError> {
    let runs = Book::new(store.clone()).known_runs(crm).await?;
    Ok(runs.map(|runs| (runs.success, runs.failed)))
}

/// When the last good run began, and when one failed after it, and why.
pub type LastRuns = (Option<Timestamp>, Option<(Timestamp, String)>);
