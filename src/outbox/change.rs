//! What the worker changes in the store. Each goes through the writer, so that many share one
//! write to the disk, and is durable before the worker goes on.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::{SqliteConnection, query, query_scalar};

use super::adopt::{self, Homes};
use super::entry::{Anew, CallFacts, Lane, Queue, State, Step, text};
use super::paper;
use crate::core::action::{Bound, Planned};
use crate::core::ids::CallId;
use crate::sales::made::MadeBy;

/// A change. Doing it twice is the same as doing it once.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// Queues of this CRM that are due become this engine's, until the lease runs out.
    Claim { lane: Lane, crm: String, count: usize, by: String, lease: Duration },
    /// They stay so.
    Renew { by: String, lease: Duration },
    /// A queue is left to anybody.
    Release { queue: Queue, by: String, next_try: Timestamp },
    /// Facts and actions of an entry are final.
    Settle(Box<Settled>),
    /// How far an entry is.
    Mark(Box<Mark>),
    /// The head of a queue cannot be read: it is parked, so that the others can go on.
    Unreadable { queue: Queue, why: String },
    /// Times too far ahead: the clock was set back. They are due now.
    Clock { longest: Duration, lease: Duration },
    /// Queues for a CRM that is not configured get a home.
    Adopt { gone: String, homes: Homes },
}

/// The end of settling.
#[derive(Clone, Debug)]
pub(super) struct Settled {
    pub entry: i64,
    pub journal: i64,
    pub call: CallId,
    /// New facts of the call.
    pub facts: Option<CallFacts>,
    /// A second ruling.
    pub anew: Option<Anew>,
    /// For the CRM.
    pub actions: Vec<Planned>,
    pub progress: Vec<Step>,
    /// For other systems, each by the queue it goes into.
    pub hooks: Vec<(String, Vec<Planned>)>,
}

/// How far an entry is.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub entry: i64,
    pub state: State,
    pub progress: Vec<Step>,
    pub tries: u32,
    pub next_try: Timestamp,
    pub error: Option<String>,
    /// What the call's actions left behind, where that changed.
    pub bound: Option<(CallId, Bound)>,
    /// The client's queue and the call, where what the CRM says about the client changed.
    pub touched: Option<(CallId, Queue)>,
    /// What its actions made in the CRM since the last mark.
    pub made: Vec<MadeBy>,
}

/// What a change brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Whether it took hold; not where a person dropped the entry meanwhile.
    Took(bool),
    /// The queues claimed.
    Claimed(Vec<String>),
}

impl Change {
    /// Makes it. Times are stored as of `now`.
    pub async fn write(
        &self,
        db: &mut SqliteConnection,
        now: Timestamp,
    ) -> Result<Answer, sqlx::Error> {
        match self {
            Self::Claim { lane, crm, count, by, lease } => {
                claim(db, (*lane, crm), *count, by, now, *lease).await.map(Answer::Claimed)
            }
            Self::Renew { by, lease } => {
                let done = query("UPDATE outbox_client SET claimed_until = ? WHERE claimed_by = ?")
                    .bind(later(now, *lease))
                    .bind(by)
                    .execute(db)
                    .await?;
                Ok(Answer::Took(done.rows_affected() > 0))
            }
            Self::Release { queue, by, next_try } => {
                let done = query(
                    "UPDATE outbox_client SET claimed_by = NULL, claimed_until = 0, updated = ?4, next_try = \
                     CASE WHEN EXISTS (SELECT 1 FROM outbox o WHERE o.client = ?1 AND o.crm = ?5 \
                     AND o.state IN ('waiting', 'working')) THEN ?2 END \
                     WHERE client = ?1 AND crm = ?5 AND claimed_by = ?3",
                )
                .bind(&queue.client)
                .bind(next_try.as_microsecond())
                .bind(by)
                .bind(now.as_microsecond())
                .bind(&queue.crm)
                .execute(db)
                .await?;
                Ok(Answer::Took(done.rows_affected() > 0))
            }
            Self::Settle(settled) => settle(db, settled, now).await.map(Answer::Took),
            Self::Mark(mark) => self::mark(db, mark, now).await.map(Answer::Took),
            Self::Unreadable { queue, why } => {
                let done = query(
                    "UPDATE outbox SET state = 'parked', last_error = ?, updated = ? WHERE id = \
                     (SELECT id FROM outbox WHERE client = ? AND crm = ? \
                     AND state IN ('waiting', 'working') ORDER BY id LIMIT 1)",
                )
                .bind(why)
                .bind(now.as_microsecond())
                .bind(&queue.client)
                .bind(&queue.crm)
                .execute(db)
                .await?;
                Ok(Answer::Took(done.rows_affected() > 0))
            }
            Self::Clock { longest, lease } => {
                let due = query("UPDATE outbox_client SET next_try = ?1 WHERE lane IN ('crm', 'hook') AND next_try > ?2")
                    .bind(now.as_microsecond())
                    .bind(later(now, *longest))
                    .execute(&mut *db)
                    .await?;
                query("UPDATE outbox_client SET claimed_until = 0 WHERE claimed_by IS NOT NULL AND claimed_until > ?")
                    .bind(later(now, *lease))
                    .execute(db)
                    .await?;
                Ok(Answer::Took(due.rows_affected() > 0))
            }
            Self::Adopt { gone, homes } => {
                adopt::adopt(db, gone, homes, now).await.map(Answer::Took)
            }
        }
    }
}

/// A moment so much later, as a column holds it.
pub(super) fn later(now: Timestamp, by: Duration) -> i64 {
    let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
    now.as_microsecond().saturating_add(by)
}

/// The queues that are due and nobody's: `lane`, CRM, now, now, how many.
pub(super) const DUE: &str = "SELECT client FROM outbox_client WHERE lane = ? AND crm = ? \
    AND next_try <= ? AND claimed_until <= ? ORDER BY next_try LIMIT ?";

async fn claim(
    db: &mut SqliteConnection,
    (lane, crm): (Lane, &str),
    count: usize,
    by: &str,
    now: Timestamp,
    lease: Duration,
) -> Result<Vec<String>, sqlx::Error> {
    let clients: Vec<String> = query_scalar(DUE)
        .bind(lane.as_str())
        .bind(crm)
        .bind(now.as_microsecond())
        .bind(now.as_microsecond())
        .bind(i64::try_from(count).unwrap_or(i64::MAX))
        .fetch_all(&mut *db)
        .await?;
    for client in &clients {
        let claimed = "UPDATE outbox_client SET claimed_by = ?, claimed_until = ? \
                       WHERE client = ? AND crm = ?";
        query(claimed)
            .bind(by)
            .bind(later(now, lease))
            .bind(client)
            .bind(crm)
            .execute(&mut *db)
            .await?;
    }
    Ok(clients)
}

async fn settle(
    db: &mut SqliteConnection,
    settled: &Settled,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let done = query(
        "UPDATE outbox SET settled = 1, actions = ?, progress = ?, updated = ? \
         WHERE id = ? AND state IN ('waiting', 'working') AND settled = 0",
    )
    .bind(text(&settled.actions)?)
    .bind(text(&settled.progress)?)
    .bind(now.as_microsecond())
    .bind(settled.entry)
    .execute(&mut *db)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    if let Some(facts) = &settled.facts {
        query(
            "INSERT INTO outbox_call (call, revision, known, made, bound, updated) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (call) DO UPDATE \
             SET revision = ?2, known = ?3, updated = ?6",
        )
        .bind(settled.call.as_str())
        .bind(facts.revision)
        .bind(text(&facts.known)?)
        .bind(facts.made)
        .bind(text(&facts.bound)?)
        .bind(now.as_microsecond())
        .execute(&mut *db)
        .await?;
    }
    if let Some(anew) = &settled.anew {
        query("UPDATE journal SET anew = ? WHERE id = ?")
            .bind(text(anew)?)
            .bind(settled.journal)
            .execute(&mut *db)
            .await?;
    }
    for (queue, actions) in &settled.hooks {
        let call = settled.call.as_str();
        paper::webhooks(db, settled.journal, call, queue, actions, now).await?;
    }
    Ok(true)
}

async fn mark(db: &mut SqliteConnection, mark: &Mark, now: Timestamp) -> Result<bool, sqlx::Error> {
    let done = query(
        "UPDATE outbox SET state = ?, progress = ?, tries = ?, next_try = ?, last_error = ?, \
         updated = ? WHERE id = ? AND state IN ('waiting', 'working')",
    )
    .bind(mark.state.as_str())
    .bind(text(&mark.progress)?)
    .bind(mark.tries)
    .bind(mark.next_try.as_microsecond())
    .bind(mark.error.as_deref())
    .bind(now.as_microsecond())
    .bind(mark.entry)
    .execute(&mut *db)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    if let Some((call, bound)) = &mark.bound {
        query("UPDATE outbox_call SET bound = ?, updated = ? WHERE call = ?")
            .bind(text(bound)?)
            .bind(now.as_microsecond())
            .bind(call.as_str())
            .execute(&mut *db)
            .await?;
    }
    if let Some((call, queue)) = &mark.touched {
        query("UPDATE outbox_client SET revision = revision + 1 WHERE client = ? AND crm = ?")
            .bind(&queue.client)
            .bind(&queue.crm)
            .execute(&mut *db)
            .await?;
        query("UPDATE outbox_call SET made = 1 WHERE call = ?")
            .bind(call.as_str())
            .execute(&mut *db)
            .await?;
    }
    for made in &mark.made {
        made.write(db).await?;
    }
    Ok(true)
}
