//! What is written of callbacks. Each deed is done by the one task that writes, many in one
//! transaction, and is durable before anybody goes on.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::{SqliteConnection, query, query_scalar};

use super::row::{Kept, Row};
use crate::callback::{How, Taken};
use crate::core::facts::Direction;
use crate::core::ids::{CallId, CampaignId};
use crate::core::record::between;
use crate::outbox::entry::moment;
use crate::outbox::paper::Paper;

/// A deed. Doing it twice is the same as doing it once.
pub(crate) enum Deed {
    /// An order: begins a campaign, joins one, or was here before.
    Take(Box<Take>),
    /// A step of a campaign, with what the CRM is to learn of it.
    Step(Box<Step>),
    /// Somebody asks that a campaign end.
    Cancel(CampaignId),
    /// A word was for nobody.
    Heard(i64),
    /// An inbound call was missed.
    Missed(Missed),
    /// Somebody of ours talks with a client.
    Contact(Contact),
    /// This engine is alive until then.
    Renew {
        /// Which engine.
        by: String,
        /// Until when.
        until: Timestamp,
    },
    /// This engine ends: its campaigns are anybody's.
    Leave(String),
    /// Campaigns that are nobody's become this engine's.
    Claim {
        /// Which engine.
        by: String,
        /// Now.
        now: Timestamp,
        /// A row that claims to be alive for longer than this was written by a clock that ran
        /// ahead.
        longest: Timestamp,
        /// So many at most.
        count: u32,
    },
}

/// An order with the campaign it would begin.
pub(crate) struct Take {
    /// The campaign, as it stands at its beginning.
    pub row: Row,
    /// The order as JSON, for a campaign it joins.
    pub order: String,
    /// The sender's idempotency key.
    pub key: Option<String>,
    /// The engine that leads the campaign.
    pub by: String,
    /// The word this order came by, where it had joined a campaign that was over by then.
    pub heard: Option<i64>,
}

/// A step.
pub(crate) struct Step {
    /// How the campaign stands now.
    pub row: Row,
    /// The engine that leads it. Where that is another one by now, nothing is written.
    pub by: String,
    /// The word from outside that led to it.
    pub heard: Option<i64>,
    /// What occurred, and the record.
    pub papers: Vec<Paper>,
}

/// A missed call.
pub(crate) struct Missed {
    pub call: CallId,
    pub number: String,
    pub line: Option<String>,
    pub at: Timestamp,
}

/// A talk with a client.
pub(crate) struct Contact {
    pub number: String,
    pub by: String,
    pub how: Direction,
    pub at: Timestamp,
}

/// What a deed brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// What came of the order.
    Taken(Taken),
    /// Whether it took hold.
    Held(bool),
    /// The campaigns claimed.
    Claimed(Vec<Kept>),
    /// Somebody talked with a client.
    Met(Met),
}

/// What a talk with a client brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Met {
    /// His campaign that is running learns of it.
    pub told: bool,
    /// How long each call of his waited that was missed and is returned by it.
    pub waited: Vec<Duration>,
}

const BEGIN: &str = "INSERT INTO callback (id, phone, kind, stage, next, accepted, updated, running, alive, \
     state, claimed_by) VALUES (?, ?, ?, ?, ?, ?, ?, 1, 1, ?, ?) \
     ON CONFLICT (phone) WHERE running = 1 DO NOTHING";

/// A word for the campaign of this phone, or of this id, that is running.
const SAY: &str = "INSERT INTO callback_word (campaign, at, word, body) \
     SELECT id, ?, ?, ? FROM callback WHERE running = 1 AND ";

impl Deed {
    /// Whether the sender is told at once where the store fails, and can send it again. All
    /// others wait until it is mended.
    pub fn can_be_refused(&self) -> bool {
        matches!(self, Self::Take(_) | Self::Cancel(_))
    }

    /// The papers among it.
    pub fn papers(&self) -> &[Paper] {
        match self {
            Self::Step(step) => &step.papers,
            _ => &[],
        }
    }

    /// Does it.
    pub async fn write(
        &self,
        db: &mut SqliteConnection,
        now: Timestamp,
    ) -> Result<Done, sqlx::Error> {
        match self {
            Self::Take(take) => take.write(db).await.map(Done::Taken),
            Self::Step(step) => step.write(db, now).await.map(Done::Held),
            Self::Cancel(id) => {
                say(db, "id = ?", id.as_str(), "cancel", None).await.map(|n| Done::Held(n > 0))
            }
            Self::Heard(word) => heard(db, Some(*word)).await.map(|()| Done::Held(true)),
            Self::Missed(missed) => missed.write(db).await.map(Done::Held),
            Self::Contact(contact) => contact.write(db).await.map(Done::Met),
            Self::Renew { by, until } => {
                query(
                    "INSERT INTO callback_engine (id, until) VALUES (?1, ?2) \
                     ON CONFLICT (id) DO UPDATE SET until = ?2",
                )
                .bind(by)
                .bind(until.as_microsecond())
                .execute(db)
                .await?;
                Ok(Done::Held(true))
            }
            Self::Leave(by) => {
                let gone = query("DELETE FROM callback_engine WHERE id = ?").bind(by);
                let gone = gone.execute(db).await?.rows_affected();
                Ok(Done::Held(gone > 0))
            }
            Self::Claim { by, now, longest, count } => {
                claim(db, by, *now, *longest, *count).await.map(Done::Claimed)
            }
        }
    }
}

async fn say(
    db: &mut SqliteConnection,
    whom: &str,
    is: &str,
    word: &str,
    body: Option<&str>,
) -> Result<u64, sqlx::Error> {
    let said = query(sqlx::AssertSqlSafe(format!("{SAY}{whom}")));
    let said = said.bind(Timestamp::now().as_microsecond()).bind(word).bind(body).bind(is);
    Ok(said.execute(db).await?.rows_affected())
}

async fn heard(db: &mut SqliteConnection, word: Option<i64>) -> Result<(), sqlx::Error> {
    if let Some(word) = word {
        let heard = query("UPDATE callback_word SET heard = 1 WHERE id = ?").bind(word);
        heard.execute(db).await?;
    }
    Ok(())
}

impl Take {
    async fn write(&self, db: &mut SqliteConnection) -> Result<Taken, sqlx::Error> {
        if let Some(key) = &self.key {
            let seen: Option<String> =
                query_scalar("SELECT campaign FROM callback_key WHERE key = ?")
                    .bind(key)
                    .fetch_optional(&mut *db)
                    .await?;
            if let Some(id) = seen {
                return Ok(Taken { id: id.as_str().into(), how: How::Repeated });
            }
        }
        heard(db, self.heard).await?;
        let row = &self.row;
        let begun = query(BEGIN)
            .bind(row.id.as_str())
            .bind(&row.phone)
            .bind(row.kind)
            .bind(row.stage)
            .bind(row.next.map(Timestamp::as_microsecond))
            .bind(row.updated.as_microsecond())
            .bind(row.updated.as_microsecond())
            .bind(&row.state)
            .bind(&self.by)
            .execute(&mut *db)
            .await?;
        let taken = match begun.rows_affected() {
            0 => {
                say(db, "phone = ?", &row.phone, "joined", Some(&self.order)).await?;
                let id: String =
                    query_scalar("SELECT id FROM callback WHERE phone = ? AND running = 1")
                        .bind(&row.phone)
                        .fetch_one(&mut *db)
                        .await?;
                Taken { id: id.as_str().into(), how: How::Joined }
            }
            _ => Taken { id: row.id.clone(), how: How::New },
        };
        if let Some(key) = &self.key {
            query("INSERT INTO callback_key (key, campaign, at) VALUES (?, ?, ?)")
                .bind(key)
                .bind(taken.id.as_str())
                .bind(row.updated.as_microsecond())
                .execute(db)
                .await?;
        }
        Ok(taken)
    }
}

impl Step {
    async fn write(&self, db: &mut SqliteConnection, now: Timestamp) -> Result<bool, sqlx::Error> {
        let row = &self.row;
        let done = query(
            "UPDATE callback SET stage = ?, next = ?, updated = ?, running = ?, alive = ?, \
             state = ? WHERE id = ? AND claimed_by = ?",
        )
        .bind(row.stage)
        .bind(row.next.map(Timestamp::as_microsecond))
        .bind(row.updated.as_microsecond())
        .bind(row.running)
        .bind(row.alive)
        .bind(&row.state)
        .bind(row.id.as_str())
        .bind(&self.by)
        .execute(&mut *db)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        heard(db, self.heard).await?;
        for paper in &self.papers {
            paper.write(db, now).await?;
        }
        Ok(true)
    }
}

impl Missed {
    async fn write(&self, db: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
        let new = query(
            "INSERT INTO missed_call (call, number, line, at) VALUES (?, ?, ?, ?) \
             ON CONFLICT (call) DO NOTHING",
        )
        .bind(self.call.as_str())
        .bind(&self.number)
        .bind(&self.line)
        .bind(self.at.as_microsecond())
        .execute(db)
        .await?;
        Ok(new.rows_affected() > 0)
    }
}

impl Contact {
    /// Closes what was missed of this client. Where he called or was called outside of a
    /// campaign, the one that is running for him learns of it.
    async fn write(&self, db: &mut SqliteConnection) -> Result<Met, sqlx::Error> {
        let returned: Vec<i64> = query_scalar(
            "UPDATE missed_call SET closed = ?, closed_by = ?, how = ? \
             WHERE number = ? AND closed IS NULL RETURNING at",
        )
        .bind(self.at.as_microsecond())
        .bind(&self.by)
        .bind(self.how.as_str())
        .bind(&self.number)
        .fetch_all(&mut *db)
        .await?;
        let waited = returned.into_iter().map(|at| between(moment(at), self.at)).collect();
        if self.how == Direction::Callback {
            return Ok(Met { told: false, waited });
        }
        let told = say(db, "phone = ?", &self.number, "client_called", None).await?;
        Ok(Met { told: told > 0, waited })
    }
}

async fn claim(
    db: &mut SqliteConnection,
    by: &str,
    now: Timestamp,
    longest: Timestamp,
    count: u32,
) -> Result<Vec<Kept>, sqlx::Error> {
    let (now, longest) = (now.as_microsecond(), longest.as_microsecond());
    query("DELETE FROM callback_engine WHERE id != ? AND (until <= ? OR until > ?)")
        .bind(by)
        .bind(now)
        .bind(longest)
        .execute(&mut *db)
        .await?;
    let free: Vec<Kept> = sqlx::query_as(
        "SELECT id, state FROM callback WHERE alive = 1 AND (claimed_by IS NULL OR NOT EXISTS \
         (SELECT 1 FROM callback_engine WHERE id = claimed_by)) ORDER BY accepted LIMIT ?",
    )
    .bind(count)
    .fetch_all(&mut *db)
    .await?;
    for row in &free {
        query("UPDATE callback SET claimed_by = ? WHERE id = ?")
            .bind(by)
            .bind(&row.id)
            .execute(&mut *db)
            .await?;
    }
    Ok(free)
}
