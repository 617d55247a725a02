//! The records as a person looks at them: lists, and one with its history.

mod rows;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, FromRow};

use super::Builtin;
use crate::core::phone::Phone;
use crate::crm::CrmError;

pub use rows::{CallRow, ContactRow, DealRow, NoteRow, NotificationRow, TaskRow, UnsortedRow};

/// A moment as it is stored; written as RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(transparent)]
pub struct At(i64);

impl At {
    /// The moment.
    pub fn timestamp(self) -> Timestamp {
        // Only times that are one are ever written.
        Timestamp::from_microsecond(self.0).unwrap_or_default()
    }
}

impl Serialize for At {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.timestamp().serialize(s)
    }
}

/// Tags, numbers or fields.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub struct Json(String);

impl Json {
    /// Parsed.
    pub fn value(&self) -> serde_json::Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(s)
    }
}

/// A kind of record. Its texts are pieces of SQL.
pub trait Listed: for<'r> FromRow<'r, SqliteRow> + Serialize + Send + Unpin {
    /// Columns and tables.
    const SELECT: &'static str;
    /// Which of them a list shows.
    const SHOWN: &'static str = "TRUE";
    /// Which of them belong to the number `?1`.
    const OF_NUMBER: &'static str;
    /// Which one has the id `?1`.
    const ONE: &'static str;
    /// In which order.
    const ORDER: &'static str;
    /// What hangs on the one with the id `?1`, by `client`, `deal` and `call`.
    const HANGS: &'static str = "FALSE";
    /// What a person calls it.
    const NAME: &'static str;
    /// The heads of a list's columns.
    const HEADS: &'static [&'static str];

    /// The cells of a list's row.
    fn cells(&self) -> Vec<String>;
}

/// Something that hangs on a record.
#[derive(Clone, Debug, PartialEq, Eq, FromRow, Serialize)]
pub struct Entry {
    /// When.
    pub at: At,
    /// What: `call`, `deal`, `task`, `note`, `voicemail`, `notification`, `unsorted`, `owner` …
    pub what: String,
    /// Its id.
    pub id: String,
    /// In words.
    pub text: String,
    /// A task is due.
    pub due: Option<At>,
}

/// A record with all that hangs on it, the oldest first.
#[derive(Clone, Debug, Serialize)]
pub struct Full<T> {
    /// The record.
    #[serde(flatten)]
    pub record: T,
    /// What hangs on it.
    pub history: Vec<Entry>,
}

impl Builtin {
    /// The records of a kind, at most `limit` of them: those that matter most come first.
    ///
    /// # Errors
    /// [`CrmError`].
    pub async fn list<T: Listed>(
        &self,
        number: Option<&Phone>,
        limit: u32,
    ) -> Result<Vec<T>, CrmError> {
        let of = if number.is_some() { T::OF_NUMBER } else { "?1 IS NULL" };
        let query =
            format!("{} WHERE {} AND {of} ORDER BY {} LIMIT ?2", T::SELECT, T::SHOWN, T::ORDER);
        sqlx::query_as(AssertSqlSafe(query))
            .bind(number.map(|number| number.e164()))
            .bind(limit)
            .fetch_all(self.store.pool())
            .await
            .map_err(|e| self.fault(&e))
    }

    /// One record with its history. `None`: there is none with this id.
    ///
    /// # Errors
    /// [`CrmError`].
    pub async fn show<T: Listed>(&self, id: &str) -> Result<Option<Full<T>>, CrmError> {
        let read = async {
            let mut tx = self.store.pool().begin().await?;
            let one = AssertSqlSafe(format!("{} WHERE {}", T::SELECT, T::ONE));
            let Some(record) = sqlx::query_as(one).bind(id).fetch_optional(&mut *tx).await? else {
                return Ok(None);
            };
            let history = AssertSqlSafe(HISTORY.replace("HANGS", T::HANGS));
            let history = sqlx::query_as(history).bind(id).fetch_all(&mut *tx).await?;
            Ok(Some(Full { record, history }))
        };
        read.await.map_err(|e: sqlx::Error| self.fault(&e))
    }
}

const HISTORY: &str = "
SELECT started AS at, 'call' AS what, CAST(id AS TEXT) AS id, NULL AS due,
       concat_ws(', ', direction, result, who, nullif(talked, 0) || ' s', recording,
                 nullif(text, '')) AS text
FROM crm_call WHERE HANGS
UNION ALL
SELECT created, 'deal', id, NULL,
       concat_ws(', ', title, pipeline || '/' || stage,
                 CASE WHEN open THEN 'open' ELSE coalesce(result, 'closed') END)
FROM (SELECT id, client, id AS deal, call, created, title, pipeline, stage, open, result FROM deal)
WHERE HANGS
UNION ALL
SELECT made, 'task', CAST(id AS TEXT), due,
       concat_ws(', ', text, kind, 'for ' || owner, iif(done, 'done', 'open'))
FROM task WHERE HANGS
UNION ALL
SELECT made, kind, CAST(id AS TEXT), NULL, concat_ws(', ', nullif(text, ''), url, seconds || ' s')
FROM note WHERE HANGS
UNION ALL
SELECT made, 'notification', CAST(id AS TEXT), NULL,
       concat_ws(', ', text, 'to ' || recipient, iif(read, 'read', NULL))
FROM notification WHERE HANGS
UNION ALL
SELECT made, 'unsorted', CAST(id AS TEXT), NULL, concat_ws(', ', title, kind, state)
FROM unsorted WHERE HANGS
ORDER BY 1, 2, 3";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    async fn plan(store: &Store, query: &str) -> Vec<String> {
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}"));
        let steps: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(explain).bind("1").bind(50).fetch_all(store.pool()).await.unwrap();
        steps.into_iter().map(|(.., step)| step).collect()
    }

    async fn reads_no_table_from_end_to_end<T: Listed>(store: &Store) {
        for (query, hangs) in [
            (format!("{} WHERE {}", T::SELECT, T::ONE), false),
            (format!("{} WHERE {} ORDER BY {} LIMIT ?2", T::SELECT, T::OF_NUMBER, T::ORDER), false),
            (HISTORY.replace("HANGS", T::HANGS), true),
        ] {
            if hangs && T::HANGS == "FALSE" {
                continue;
            }
            let steps = plan(store, &query).await;
            assert!(!steps.iter().any(|s| s.starts_with("SCAN")), "{}: {steps:#?}", T::NAME);
        }
    }

    #[tokio::test]
    async fn what_belongs_to_a_number_or_a_record_is_found_by_an_index() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = Store::open(folder.path().join("s.sqlite")).await.unwrap();
        reads_no_table_from_end_to_end::<ContactRow>(&store).await;
        reads_no_table_from_end_to_end::<DealRow>(&store).await;
        reads_no_table_from_end_to_end::<CallRow>(&store).await;
        reads_no_table_from_end_to_end::<TaskRow>(&store).await;
        reads_no_table_from_end_to_end::<NoteRow>(&store).await;
        reads_no_table_from_end_to_end::<NotificationRow>(&store).await;
        reads_no_table_from_end_to_end::<UnsortedRow>(&store).await;
    }
}
