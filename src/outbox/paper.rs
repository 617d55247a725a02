//! Papers: what a call leaves to be written down. Each becomes rows of one transaction.

use std::sync::Arc;

use jiff::Timestamp;
use sqlx::{SqliteConnection, query, query_scalar};

use super::entry::text;
use super::judge::{Ruler, difference};
use crate::core::action::{Planned, Ruling};
use crate::core::case::Case;
use crate::core::record::CallRecord;

/// To be written down.
pub(crate) enum Paper {
    /// A case with its ruling.
    Case(Box<Filed>),
    /// A call that is over.
    Record(Arc<CallRecord>),
}

/// A case with its ruling; none for calls between employees (E02).
pub(crate) struct Filed {
    pub case: Case,
    pub ruling: Option<Ruling>,
    /// The CRM it is for.
    pub crm: String,
    /// Judges the case as well, away from the path of the call.
    pub shadow: Option<Arc<dyn Ruler>>,
}

impl Filed {
    /// Where the shadow set would have done something else.
    pub fn shadow_difference(&self) -> Option<String> {
        difference(self.ruling.as_ref()?, &self.shadow.as_ref()?.judge(&self.case))
    }

    /// Whose queue it stands in.
    pub fn client(&self) -> &str {
        self.case.number.as_ref().map_or(self.case.call.as_str(), |number| number.e164())
    }
}

impl Paper {
    /// Writes it down as of `now`.
    pub async fn write(
        &self,
        db: &mut SqliteConnection,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        match self {
            Self::Case(filed) => case(db, filed, now).await,
            Self::Record(record) => {
                query("INSERT INTO call_record (call, at, record) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
                    .bind(record.id.as_str())
                    .bind(record.ended.unwrap_or(record.started).as_microsecond())
                    .bind(text(&**record)?)
                    .execute(db)
                    .await
                    .map(drop)
            }
        }
    }
}

/// Journal row, entry, and the client's queue: one message to the database, because the way there
/// and back costs more than the rows. Where there is a row of this call and number already,
/// nothing is done. A queue that is held back stays so: the new entry is behind the one that
/// failed.
const CASE: &str = "\
    INSERT INTO journal (call, seq, at, event, direction, line, number, facts, rule_set, hash, \
    rules, actions, notes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
    ON CONFLICT (call, seq) DO NOTHING; \
    INSERT INTO outbox (journal, call, client, actions, next_try, since, created, updated, crm, lane, \
    state, settled, progress, tries) SELECT last_insert_rowid(), ?, ?, ?, ?, ?, ?, ?, ?, 'crm', \
    'waiting', 0, '[]', 0 WHERE changes() > 0 AND ? IS NOT NULL; \
    INSERT INTO outbox_client (client, crm, next_try, lane) SELECT ?, ?, ?, 'crm' \
    WHERE changes() > 0 ON CONFLICT (client, crm) \
    DO UPDATE SET next_try = excluded.next_try WHERE next_try IS NULL";

async fn case(db: &mut SqliteConnection, filed: &Filed, now: Timestamp) -> Result<(), sqlx::Error> {
    let queue = (filed.client(), filed.crm.as_str());
    if write(db, &filed.case, filed.ruling.as_ref(), queue, now).await? {
        return Ok(());
    }
    if let Some((case, ruling)) = renumber(db, filed).await? {
        write(db, &case, ruling.as_ref(), queue, now).await?;
    }
    Ok(())
}

/// `false`: there is a row of this call and number already.
async fn write(
    db: &mut SqliteConnection,
    case: &Case,
    ruling: Option<&Ruling>,
    (client, crm): (&str, &str),
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let now = now.as_microsecond();
    let call = case.call.as_str();
    let hash = ruling.map(|r| r.hash.as_str());
    let actions = ruling.map(|r| text(&r.actions)).transpose()?;
    let journal = query(CASE)
        .bind(call)
        .bind(case.seq)
        .bind(case.at.as_microsecond())
        .bind(case.event.as_str())
        .bind(case.direction.as_str())
        .bind(case.line.as_deref())
        .bind(case.number.as_ref().map(|number| number.e164()))
        .bind(text(case)?)
        .bind(ruling.map(|r| r.set.as_str()))
        .bind(hash)
        .bind(ruling.map(|r| text(&r.rules)).transpose()?)
        .bind(actions.clone())
        .bind(ruling.map(|r| text(&r.notes)).transpose()?);
    let entry = journal.bind(call).bind(client).bind(actions);
    let entry = entry.bind(now).bind(now).bind(now).bind(now).bind(crm).bind(hash);
    let done = entry.bind(client).bind(crm).bind(now).execute(db).await?;
    Ok(done.rows_affected() > 0)
}

/// A call that comes back to an engine that was restarted counts its cases from 1 again. They are
/// other cases: the next free number is theirs. `None`: it is the very case that is there.
async fn renumber(
    db: &mut SqliteConnection,
    filed: &Filed,
) -> Result<Option<(Case, Option<Ruling>)>, sqlx::Error> {
    let call = filed.case.call.as_str();
    let same: i64 =
        query_scalar("SELECT count(*) FROM journal WHERE call = ? AND seq = ? AND facts = ?")
            .bind(call)
            .bind(filed.case.seq)
            .bind(text(&filed.case)?)
            .fetch_one(&mut *db)
            .await?;
    if same > 0 {
        return Ok(None);
    }
    let seq: u32 = query_scalar("SELECT max(seq) + 1 FROM journal WHERE call = ?")
        .bind(call)
        .fetch_one(db)
        .await?;
    let case = Case { seq, ..filed.case.clone() };
    let mut ruling = filed.ruling.clone();
    for (index, planned) in ruling.iter_mut().flat_map(|r| &mut r.actions).enumerate() {
        planned.key = format!("{call}/{seq}/{}", index + 1);
    }
    Ok(Some((case, ruling)))
}

/// Puts webhooks at the end of a queue of theirs.
pub(super) async fn webhooks(
    db: &mut SqliteConnection,
    journal: i64,
    call: &str,
    client: &str,
    actions: &[Planned],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let now = now.as_microsecond();
    query(
        "INSERT INTO outbox (journal, call, client, lane, state, settled, actions, progress, \
         tries, next_try, since, created, updated) \
         VALUES (?1, ?2, ?3, 'hook', 'waiting', 1, ?4, '[]', 0, ?5, ?5, ?5, ?5)",
    )
    .bind(journal)
    .bind(call)
    .bind(client)
    .bind(text(&actions)?)
    .bind(now)
    .execute(&mut *db)
    .await?;
    // A queue that is held back stays so: its new entry is behind the one that failed.
    query(
        "INSERT INTO outbox_client (client, crm, lane, next_try) VALUES (?, '', 'hook', ?) \
         ON CONFLICT (client, crm) \
         DO UPDATE SET next_try = excluded.next_try WHERE next_try IS NULL",
    )
    .bind(client)
    .bind(now)
    .execute(db)
    .await
    .map(drop)
}
