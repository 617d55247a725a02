//! What a person does with the records, each in a transaction of its own.

use jiff::Timestamp;
use miette::Diagnostic;
use sqlx::{Sqlite, SqliteConnection, Transaction};

use super::apply::Fail;
use super::{Builtin, records, unsorted};
use crate::store::StoreError;

/// Why nothing was done.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum HandError {
    /// It cannot be done; the sentence says what can.
    #[error("{0}")]
    Refused(String),
    /// The store failed, and is as it was before.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] StoreError),
}

impl Builtin {
    /// An unsorted entry becomes contact and deal of `owner` (C02). Says what came of it.
    ///
    /// # Errors
    /// [`HandError`]: no such entry, decided already, no such employee; the store failed.
    pub async fn accept(&self, id: i64, owner: &str, now: Timestamp) -> Result<String, HandError> {
        let done = async {
            let mut tx = self.begin().await?;
            let now = now.as_microsecond();
            let became = unsorted::accept(&mut tx, id, owner, None, None, now).await?;
            records::raise_revision(&mut tx).await?;
            tx.commit().await?;
            Ok(became.what)
        };
        done.await.map_err(|fail| self.told(fail))
    }

    /// Nothing becomes of an unsorted entry; the number's next call makes a new one (C03).
    ///
    /// # Errors
    /// As [`Builtin::accept`].
    pub async fn decline(&self, id: i64) -> Result<String, HandError> {
        let done = async {
            let mut tx = self.begin().await?;
            unsorted::decline(&mut tx, id).await?;
            tx.commit().await?;
            Ok(format!("unsorted entry {id} is declined"))
        };
        done.await.map_err(|fail| self.told(fail))
    }

    /// A deal is won or lost.
    ///
    /// # Errors
    /// [`HandError`]: no such deal, or closed already; the store failed.
    pub async fn close_deal(
        &self,
        id: &str,
        lost: bool,
        now: Timestamp,
    ) -> Result<String, HandError> {
        let result = if lost { "lost" } else { "won" };
        let close = "UPDATE deal SET open = 0, result = ?2, closed = ?3 WHERE id = ?1 AND open";
        let close = sqlx::query(close).bind(id).bind(result).bind(now.as_microsecond());
        let why = format!("there is no open deal `{id}`: `dozvon crm list deals` shows them");
        self.change(close, true, why).await?;
        Ok(format!("deal {id} is {result}"))
    }

    /// A task is done.
    ///
    /// # Errors
    /// [`HandError`]: no such task, or done already; the store failed.
    pub async fn complete_task(&self, id: i64) -> Result<String, HandError> {
        let done = sqlx::query("UPDATE task SET done = 1 WHERE id = ? AND done = 0").bind(id);
        let why = format!("there is no open task {id}: `dozvon crm list tasks` shows them");
        self.change(done, false, why).await?;
        Ok(format!("task {id} is done"))
    }

    /// A notification was read.
    ///
    /// # Errors
    /// [`HandError`]: no such notification, or read before; the store failed.
    pub async fn read_notification(&self, id: i64) -> Result<String, HandError> {
        let read =
            sqlx::query("UPDATE notification SET read = 1 WHERE id = ? AND read = 0").bind(id);
        let why = format!(
            "there is no unread notification {id}: `dozvon crm list notifications` shows them"
        );
        self.change(read, false, why).await?;
        Ok(format!("notification {id} is read"))
    }

    /// A contact or company is never found again; its history stays.
    ///
    /// # Errors
    /// [`HandError`]: no such client, or deleted already; the store failed.
    pub async fn delete_client(&self, id: &str) -> Result<String, HandError> {
        let delete =
            sqlx::query("UPDATE client SET deleted = 1 WHERE id = ? AND deleted = 0").bind(id);
        let why = format!("there is no contact `{id}`: `dozvon crm list contacts` shows them");
        self.change(delete, true, why).await?;
        Ok(format!("contact {id} is deleted; its history stays"))
    }

    /// A client with whom nothing goes on any more, until an action makes him active again (B07).
    ///
    /// # Errors
    /// [`HandError`]: no such client, or at rest already; the store failed.
    pub async fn deactivate_client(&self, id: &str) -> Result<String, HandError> {
        let rest = "UPDATE client SET active = 0 WHERE id = ? AND active AND deleted = 0";
        let why =
            format!("there is no active contact `{id}`: `dozvon crm list contacts` shows them");
        self.change(sqlx::query(rest).bind(id), false, why).await?;
        Ok(format!("contact {id} is not active any more"))
    }

    /// One row, or the reason why there is none.
    async fn change(
        &self,
        query: sqlx::query::Query<'_, Sqlite, sqlx::sqlite::SqliteArguments>,
        matters: bool,
        why_not: String,
    ) -> Result<(), HandError> {
        let done = async {
            let mut tx = self.begin().await?;
            let db: &mut SqliteConnection = &mut tx;
            if query.execute(&mut *db).await?.rows_affected() == 0 {
                return Err(Fail::Refused(why_not));
            }
            if matters {
                records::raise_revision(db).await?;
            }
            Ok(tx.commit().await?)
        };
        done.await.map_err(|fail| self.told(fail))
    }

    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
        self.store.pool().begin_with("BEGIN IMMEDIATE").await
    }

    fn told(&self, fail: Fail) -> HandError {
        match fail {
            Fail::Refused(why) => HandError::Refused(why),
            Fail::Store(error) => HandError::Store(self.store.explain(&error)),
        }
    }
}
