//! Entries for a CRM that has left the configuration, or was renamed, and those of a time before
//! queues had a CRM: they move into the queue of the CRM that serves their line now.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::{SqliteConnection, query, query_as, query_scalar};

use crate::crm::{Crm, named};
use crate::store::Store;

/// Queues moved in one transaction.
const BATCH: u32 = 100;

/// Which CRM serves a line, by name.
#[derive(Clone, Debug)]
pub(super) struct Homes {
    lines: BTreeMap<String, String>,
    rest: String,
}

impl Homes {
    pub fn new(crm: &dyn Crm) -> Self {
        let all = named(crm);
        let lines = crm.several().into_iter().flat_map(|several| several.lines());
        let lines = lines.filter_map(|(line, at)| Some((line.clone(), all.get(at)?.0.to_owned())));
        Self { lines: lines.collect(), rest: all.first().map_or("", |(name, _)| name).to_owned() }
    }

    pub fn of(&self, line: Option<&str>) -> &str {
        line.and_then(|line| self.lines.get(line)).unwrap_or(&self.rest)
    }
}

/// A CRM that something waits for and that is none of these.
pub(super) async fn gone(store: &Store, names: &[String]) -> Result<Option<String>, sqlx::Error> {
    let mut from = String::new();
    loop {
        let next: Option<String> =
            query_scalar(NEXT).bind(&from).fetch_optional(store.pool()).await?;
        match next {
            Some(next) if names.contains(&next) => from = next + "\u{1}",
            other => return Ok(other),
        }
    }
}

/// One look into the index each: names have no control characters.
pub(super) const NEXT: &str = "SELECT crm FROM outbox_client WHERE lane = 'crm' AND crm >= ? \
    AND next_try IS NOT NULL ORDER BY crm LIMIT 1";

/// Moves some of its queues that nobody works on. `false`: there were none.
pub(super) async fn adopt(
    db: &mut SqliteConnection,
    gone: &str,
    homes: &Homes,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let queues: Vec<(String, i64)> = query_as(
        "SELECT client, revision FROM outbox_client WHERE lane = 'crm' AND crm = ? \
         AND next_try IS NOT NULL AND claimed_until <= ? LIMIT ?",
    )
    .bind(gone)
    .bind(now.as_microsecond())
    .bind(BATCH)
    .fetch_all(&mut *db)
    .await?;
    for (client, revision) in &queues {
        let entries: Vec<(i64, Option<String>)> = query_as(
            "SELECT o.id, j.line FROM outbox o JOIN journal j ON j.id = o.journal \
             WHERE o.client = ? AND o.crm = ? AND o.state IN ('waiting', 'working')",
        )
        .bind(client)
        .bind(gone)
        .fetch_all(&mut *db)
        .await?;
        for (id, line) in entries {
            let home = homes.of(line.as_deref());
            query("UPDATE outbox SET crm = ? WHERE id = ?")
                .bind(home)
                .bind(id)
                .execute(&mut *db)
                .await?;
            query(
                "INSERT INTO outbox_client (client, crm, lane, next_try, revision) \
                 VALUES (?, ?, 'crm', ?, ?) ON CONFLICT (client, crm) DO UPDATE SET \
                 next_try = min(coalesce(next_try, excluded.next_try), excluded.next_try), \
                 revision = max(revision, excluded.revision)",
            )
            .bind(client)
            .bind(home)
            .bind(now.as_microsecond())
            .bind(revision)
            .execute(&mut *db)
            .await?;
        }
        query("UPDATE outbox_client SET next_try = NULL, claimed_by = NULL WHERE client = ? AND crm = ?")
            .bind(client)
            .bind(gone)
            .execute(&mut *db)
            .await?;
    }
    Ok(!queues.is_empty())
}
