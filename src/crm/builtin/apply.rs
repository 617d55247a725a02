//! An action, its answer and its key in one transaction: whatever is killed or repeated, it is
//! done once.

use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::desk::Desk;
use crate::core::action::{Action, Bound};
use crate::crm::{ApplyError, Done, Work};
use crate::store::Store;

/// How many answers are kept. A key is only ever repeated soon after, so this is years of safety
/// and a bounded file; counting is safe from a clock that jumps.
const KEPT: i64 = 1_000_000;

/// Why a transaction was taken back.
pub(super) enum Fail {
    Store(sqlx::Error),
    Refused(String),
}

impl From<sqlx::Error> for Fail {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error)
    }
}

impl Fail {
    /// A store that is locked, full, away or damaged is mended one day; a row it does not accept
    /// never becomes acceptable.
    pub(super) fn told(self, store: &Store) -> ApplyError {
        match self {
            Self::Refused(why) => ApplyError::Refused { why },
            Self::Store(error) => {
                let code = error.as_database_error().and_then(|e| e.code());
                let code = code.and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff);
                let why = store.explain(&error).to_string();
                match code {
                    // SQLITE_TOOBIG, SQLITE_CONSTRAINT, SQLITE_MISMATCH.
                    Some(18..=20) => ApplyError::Refused { why },
                    _ => ApplyError::Later { after: None, why },
                }
            }
        }
    }
}

pub(super) async fn apply(store: &Store, work: &Work<'_>) -> Result<Done, ApplyError> {
    if let Action::Webhook { .. } = work.action {
        return Err(ApplyError::webhook());
    }
    once(store, work).await.map_err(|fail| fail.told(store))
}

async fn once(store: &Store, work: &Work<'_>) -> Result<Done, Fail> {
    // Writers queue up here: what is looked at below cannot change before it is acted upon.
    let mut tx = store.pool().begin_with("BEGIN IMMEDIATE").await?;
    if let Some(done) = kept(&mut tx, work.key).await? {
        return Ok(done);
    }
    let done = Desk::new(&mut tx, work).carry_out().await?;
    keep(&mut tx, work.key, &done).await?;
    tx.commit().await?;
    Ok(done)
}

/// What was done under this key.
pub(super) async fn read_back(store: &Store, key: &str) -> Result<Option<Done>, ApplyError> {
    let read = async {
        let mut db = store.pool().acquire().await?;
        kept(&mut db, key).await
    };
    read.await.map_err(|error: sqlx::Error| Fail::Store(error).told(store))
}

async fn kept(db: &mut SqliteConnection, key: &str) -> Result<Option<Done>, sqlx::Error> {
    let row: Option<(String, String)> =
        sqlx::query_as("SELECT bound, what FROM crm_done WHERE key = ?")
            .bind(key)
            .fetch_optional(db)
            .await?;
    row.map(|(bound, what)| {
        let bound: Bound =
            serde_json::from_str(&bound).map_err(|e| sqlx::Error::Decode(Box::new(e)))?;
        Ok(Done { bound, what })
    })
    .transpose()
}

async fn keep(db: &mut SqliteConnection, key: &str, done: &Done) -> Result<(), sqlx::Error> {
    let bound = serde_json::to_string(&done.bound).map_err(|e| sqlx::Error::Encode(Box::new(e)))?;
    let number = sqlx::query("INSERT INTO crm_done (key, bound, what, at) VALUES (?, ?, ?, ?)")
        .bind(key)
        .bind(bound)
        .bind(&done.what)
        .bind(Timestamp::now().as_microsecond())
        .execute(&mut *db)
        .await?
        .last_insert_rowid();
    sqlx::query("DELETE FROM crm_done WHERE n <= ?").bind(number - KEPT).execute(db).await?;
    Ok(())
}
