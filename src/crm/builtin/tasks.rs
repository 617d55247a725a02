//! Tasks.

use jiff::Timestamp;

use super::apply::Fail;
use super::desk::{Desk, Spot, said};
use crate::core::action::{Dedupe, On};
use crate::core::ids::EmployeeId;
use crate::crm::Done;

/// A task to be made.
pub(super) struct NewTask<'a> {
    pub(super) kind: &'a str,
    pub(super) text: &'a str,
    pub(super) owner: &'a EmployeeId,
    pub(super) due: Timestamp,
    pub(super) done: bool,
}

/// The open task of a kind that is due last: of a client, or of a number nobody has yet.
pub(super) const OPEN_OF_CLIENT: &str = "SELECT id, due FROM task \
     WHERE client = ? AND kind = ? AND done = 0 AND due > ? ORDER BY due DESC LIMIT 1";
pub(super) const OPEN_OF_NUMBER: &str = "SELECT id, due FROM task \
     WHERE number = ? AND client IS NULL AND kind = ? AND done = 0 AND due > ? \
     ORDER BY due DESC LIMIT 1";

impl Desk<'_> {
    pub(super) async fn task(
        &mut self,
        on: On,
        new: &NewTask<'_>,
        dedupe: Dedupe,
    ) -> Result<Done, Fail> {
        self.employee(new.owner).await?;
        let spot = self.spot(on).await?;
        let later_than = match dedupe {
            Dedupe::Never => None,
            // At the second it is due it is no longer one that is not yet due.
            Dedupe::UntilDue => Some(self.now),
            Dedupe::WhileOpen => Some(i64::MIN),
        };
        if let Some(later_than) = later_than
            && let Some((id, due)) = self.open_task(&spot, new.kind, later_than).await?
        {
            let due = Timestamp::from_microsecond(due).unwrap_or_default();
            return Ok(said(format!("nothing: task {id} is open, due {due}")));
        }
        let id = sqlx::query(
            "INSERT INTO task (kind, text, owner, due, done, made, number, client, deal, call) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(new.kind)
        .bind(new.text)
        .bind(new.owner.as_str())
        .bind(new.due.as_microsecond())
        .bind(new.done)
        .bind(self.now)
        .bind(self.number())
        .bind(&spot.client)
        .bind(&spot.deal)
        .bind(self.call())
        .execute(&mut *self.db)
        .await?
        .last_insert_rowid();
        let how = if new.done { "completed task" } else { "task" };
        Ok(said(format!("made {how} {id} for {} on {}", new.owner, spot.words())))
    }

    async fn open_task(
        &mut self,
        spot: &Spot,
        kind: &str,
        later_than: i64,
    ) -> Result<Option<(i64, i64)>, sqlx::Error> {
        let (query, whose) = match (&spot.client, self.number()) {
            (Some(client), _) => (OPEN_OF_CLIENT, client.as_str()),
            (None, Some(number)) => (OPEN_OF_NUMBER, number),
            (None, None) => return Ok(None),
        };
        sqlx::query_as(query)
            .bind(whose)
            .bind(kind)
            .bind(later_than)
            .fetch_optional(&mut *self.db)
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn c05_a_second_task_is_looked_for_in_an_index() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = Store::open(folder.path().join("s.sqlite")).await.unwrap();
        for (query, index) in
            [(OPEN_OF_CLIENT, "task_open_by_client"), (OPEN_OF_NUMBER, "task_open_by_number")]
        {
            let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}"));
            let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain)
                .bind("c1")
                .bind("callback")
                .bind(0_i64)
                .fetch_all(store.pool())
                .await
                .unwrap();
            let steps: Vec<_> = plan.iter().map(|(.., step)| step.as_str()).collect();
            assert!(steps.iter().all(|s| s.contains(index)), "{steps:#?}");
            assert!(steps.iter().any(|s| s.contains("due>?")), "{steps:#?}");
        }
    }
}
