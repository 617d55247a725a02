//! What a person does with the outbox: look, release, give up. Works on the store alone, beside
//! a running engine and without one.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use sqlx::{AssertSqlSafe, SqliteConnection, query, query_as, query_scalar};

use super::entry::{ENTRY, Entry, Progress, State, Step, json, text};
use crate::core::action::Planned;
use crate::store::{Store, StoreError};

/// The desk over a store.
#[derive(Clone, Debug)]
pub struct Desk {
    store: Store,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum DeskError {
    /// There is no such entry.
    #[error("the outbox has no entry {0}")]
    #[diagnostic(help("`dozvon outbox list` shows those it has; delivered ones go after a time"))]
    Unknown(i64),
    /// It stands otherwise.
    #[error("entry {id} is {state}: it cannot be {verb}")]
    #[diagnostic(help("{}", advice(*state)))]
    State {
        /// Which.
        id: i64,
        /// How it stands.
        state: State,
        /// What was to be done.
        verb: &'static str,
    },
    /// The store failed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] StoreError),
}

fn advice(state: State) -> &'static str {
    match state {
        State::Working => "an action of it is under way: wait until it is done or parked",
        State::Waiting => "it is tried by itself; what can be done is to drop it",
        State::Done => "all of it is done",
        State::Dropped => "it was given up for good",
        State::Parked => "retry or drop it",
    }
}

/// An entry in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its number.
    pub id: i64,
    /// Where it stands.
    pub state: State,
    /// The client's number, else the call.
    pub client: String,
    /// The call.
    pub call: String,
    /// What occurred.
    pub event: String,
    /// Made.
    pub created: Timestamp,
    /// Not before.
    pub next_try: Timestamp,
    /// Failures in a row.
    pub tries: u32,
    /// Actions done, and all.
    pub done: usize,
    /// Actions altogether.
    pub actions: usize,
    /// Why it failed last.
    pub last_error: Option<String>,
}

/// What failed and is not done, of one CRM.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Failing {
    /// The CRM; empty for webhooks.
    pub crm: String,
    /// Parked, else tried again.
    pub parked: bool,
    /// So many entries.
    pub entries: i64,
    /// Why the oldest of them failed last.
    pub why: String,
    /// The oldest.
    pub id: i64,
}

/// Beside `min` a column is that of the row it was found in.
const FAILING: &str = "SELECT crm, state = 'parked' AS parked, count(*) AS entries, \
    last_error AS why, min(id) AS id FROM outbox WHERE state IN ('waiting', 'working', 'parked') \
    AND last_error IS NOT NULL GROUP BY crm, parked ORDER BY crm, parked";

/// What is to be listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// These states; none: all but done and dropped.
    pub states: Vec<State>,
    /// This client only.
    pub client: Option<String>,
    /// This call only.
    pub call: Option<String>,
    /// After this entry: the next page.
    pub after: i64,
    /// So many at most.
    pub limit: u32,
}

impl Desk {
    /// Over this store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Entries in the order in which they were made.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub async fn list(&self, filter: &Filter) -> Result<Vec<Line>, DeskError> {
        let asked = match filter.states.as_slice() {
            [] => &[State::Waiting, State::Working, State::Parked],
            asked => asked,
        };
        // Words of a closed list: nothing from outside gets into the statement.
        let states: Vec<_> = asked.iter().map(|state| format!("'{state}'")).collect();
        let statement = format!(
            "SELECT o.id, o.state, o.client, o.call, j.event, o.created, o.next_try, o.tries, \
             o.actions, o.progress, o.last_error FROM outbox o JOIN journal j ON j.id = o.journal \
             WHERE o.id > ?1 AND o.state IN ({}) AND (?2 IS NULL OR o.client = ?2) \
             AND (?3 IS NULL OR o.call = ?3) ORDER BY o.id LIMIT ?4",
            states.join(", ")
        );
        #[derive(sqlx::FromRow)]
        struct Row {
            id: i64,
            state: String,
            client: String,
            call: String,
            event: String,
            created: i64,
            next_try: i64,
            tries: u32,
            actions: String,
            progress: String,
            last_error: Option<String>,
        }
        let rows: Vec<Row> = query_as(AssertSqlSafe(statement))
            .bind(filter.after)
            .bind(filter.client.as_deref())
            .bind(filter.call.as_deref())
            .bind(filter.limit)
            .fetch_all(self.store.pool())
            .await
            .map_err(|e| self.fault(&e))?;
        let line = |row: Row| -> Result<Line, sqlx::Error> {
            let progress: Vec<Step> = json(&row.progress)?;
            let actions: Vec<serde::de::IgnoredAny> = json(&row.actions)?;
            Ok(Line {
                id: row.id,
                state: row.state.parse().map_err(|e: String| sqlx::Error::Decode(e.into()))?,
                client: row.client,
                call: row.call,
                event: row.event,
                created: super::entry::moment(row.created),
                next_try: super::entry::moment(row.next_try),
                tries: row.tries,
                done: progress.iter().filter(|step| step.is == Progress::Done).count(),
                actions: actions.len(),
                last_error: row.last_error,
            })
        };
        rows.into_iter().map(|row| line(row).map_err(|e| self.fault(&e))).collect()
    }

    /// How many entries stand how.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub async fn counts(&self) -> Result<BTreeMap<String, i64>, DeskError> {
        let rows: Vec<(String, i64)> =
            query_as("SELECT state, count(*) FROM outbox GROUP BY state")
                .fetch_all(self.store.pool())
                .await
                .map_err(|e| self.fault(&e))?;
        Ok(rows.into_iter().collect())
    }

    /// What failed and is not done, of each CRM.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub async fn failing(&self) -> Result<Vec<Failing>, DeskError> {
        let rows = query_as(FAILING).fetch_all(self.store.pool()).await;
        rows.map_err(|e| self.fault(&e))
    }

    /// An entry with everything.
    ///
    /// # Errors
    /// [`DeskError`].
    pub async fn show(&self, id: i64) -> Result<Entry, DeskError> {
        let found: Option<Entry> = query_as(AssertSqlSafe(format!("{ENTRY} WHERE o.id = ?")))
            .bind(id)
            .fetch_optional(self.store.pool())
            .await
            .map_err(|e| self.fault(&e))?;
        found.ok_or(DeskError::Unknown(id))
    }

    /// Releases a parked entry, and with it the later ones of its call that are parked. What was
    /// done stays done. Gives the entries released.
    ///
    /// # Errors
    /// [`DeskError`].
    pub async fn retry(&self, id: i64) -> Result<Vec<i64>, DeskError> {
        let mut tx = self.begin().await?;
        let (state, call) = self.state(&mut tx, id).await?;
        if state != State::Parked {
            return Err(DeskError::State { id, state, verb: "released" });
        }
        let ids: Vec<i64> = query_scalar(
            "SELECT id FROM outbox WHERE call = ? AND id >= ? AND state = 'parked' \
             AND lane = (SELECT lane FROM outbox WHERE id = ?2) ORDER BY id",
        )
        .bind(call)
        .bind(id)
        .fetch_all(&mut *tx)
        .await
        .map_err(|e| self.fault(&e))?;
        for id in &ids {
            release(&mut tx, *id).await.map_err(|e| self.fault(&e))?;
        }
        tx.commit().await.map_err(|e| self.fault(&e))?;
        Ok(ids)
    }

    /// Releases everything that is parked, and gives how many entries that were.
    ///
    /// # Errors
    /// [`DeskError::Store`].
    pub async fn retry_all(&self) -> Result<usize, DeskError> {
        /// So that nobody waits long for the store.
        const BATCH: usize = 200;
        let mut all = 0;
        loop {
            let mut tx = self.begin().await?;
            let ids: Vec<i64> =
                query_scalar("SELECT id FROM outbox WHERE state = 'parked' ORDER BY id LIMIT 200")
                    .fetch_all(&mut *tx)
                    .await
                    .map_err(|e| self.fault(&e))?;
            for id in &ids {
                release(&mut tx, *id).await.map_err(|e| self.fault(&e))?;
            }
            tx.commit().await.map_err(|e| self.fault(&e))?;
            all += ids.len();
            if ids.len() < BATCH {
                return Ok(all);
            }
        }
    }

    /// Gives an entry up. What was done stays done. Later entries of its call that are parked
    /// because of it stay so: whether they make sense without it only a person knows.
    ///
    /// # Errors
    /// [`DeskError`].
    pub async fn drop(&self, id: i64) -> Result<(), DeskError> {
        let mut tx = self.begin().await?;
        let (state, _) = self.state(&mut tx, id).await?;
        if !matches!(state, State::Waiting | State::Parked) {
            return Err(DeskError::State { id, state, verb: "dropped" });
        }
        query("UPDATE outbox SET state = 'dropped', updated = ? WHERE id = ?")
            .bind(Timestamp::now().as_microsecond())
            .bind(id)
            .execute(&mut *tx)
            .await
            .map_err(|e| self.fault(&e))?;
        tx.commit().await.map_err(|e| self.fault(&e))
    }

    async fn begin(&self) -> Result<sqlx::Transaction<'static, sqlx::Sqlite>, DeskError> {
        let begun = self.store.pool().begin_with("BEGIN IMMEDIATE").await;
        begun.map_err(|e| self.fault(&e))
    }

    async fn state(
        &self,
        db: &mut SqliteConnection,
        id: i64,
    ) -> Result<(State, String), DeskError> {
        let found: Option<(String, String)> =
            query_as("SELECT state, call FROM outbox WHERE id = ?")
                .bind(id)
                .fetch_optional(db)
                .await
                .map_err(|e| self.fault(&e))?;
        let (state, call) = found.ok_or(DeskError::Unknown(id))?;
        let state =
            state.parse().map_err(|why: String| self.fault(&sqlx::Error::Decode(why.into())))?;
        Ok((state, call))
    }

    fn fault(&self, error: &sqlx::Error) -> DeskError {
        self.store.explain(error).into()
    }
}

/// What was refused or held is to be done again; what may have been sent is read back as ever.
async fn release(db: &mut SqliteConnection, id: i64) -> Result<(), sqlx::Error> {
    let (actions, progress, client, crm, lane): (String, String, String, String, String) =
        query_as("SELECT actions, progress, client, crm, lane FROM outbox WHERE id = ?")
            .bind(id)
            .fetch_one(&mut *db)
            .await?;
    let mut progress: Vec<Step> = json(&progress)?;
    progress.resize(json::<Vec<Planned>>(&actions)?.len(), Step::default());
    for step in &mut progress {
        if matches!(step.is, Progress::Refused | Progress::Denied | Progress::Held) {
            let is = if step.begun { Progress::Sending } else { Progress::Todo };
            *step = Step { is, ..Step::default() };
        }
    }
    let now = Timestamp::now().as_microsecond();
    query(
        "UPDATE outbox SET state = 'waiting', progress = ?1, tries = 0, next_try = ?2, \
         since = ?2, updated = ?2 WHERE id = ?3",
    )
    .bind(text(&progress)?)
    .bind(now)
    .bind(id)
    .execute(&mut *db)
    .await?;
    query(
        "INSERT INTO outbox_client (client, crm, lane, next_try) VALUES (?, ?, ?, ?) \
         ON CONFLICT (client, crm) DO UPDATE SET next_try = excluded.next_try",
    )
    .bind(client)
    .bind(crm)
    .bind(lane)
    .bind(now)
    .execute(db)
    .await
    .map(drop)
}
