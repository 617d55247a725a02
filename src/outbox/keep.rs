//! Keeps house: counts for the metrics, and throws old rows away, a few at a time so that nobody
//! waits for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, query, query_as};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::Wall;
use super::entry::moment;
use crate::core::record::between;
use crate::crm::config::WEBHOOKS;
use crate::metrics::Metrics;
use crate::store::Store;

/// How often is counted.
const COUNT: Duration = Duration::from_secs(5);
/// How often is thrown away.
const PRUNE: Duration = Duration::from_secs(10 * 60);
/// Rows at a time.
const BATCH: i64 = 500;
/// Between two batches.
const BREATH: Duration = Duration::from_millis(50);

/// What grows old, in the order in which it may go: an entry before the journal row it stands on.
/// Each takes the cut-off time and the number of rows.
pub(super) const OLD: [&str; 5] = [
    "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE state IN ('done', 'dropped') \
     AND updated < ? LIMIT ?)",
    "DELETE FROM journal WHERE id IN (SELECT id FROM journal j WHERE at < ? AND NOT EXISTS \
     (SELECT 1 FROM outbox WHERE journal = j.id) LIMIT ?)",
    "DELETE FROM call_record WHERE id IN (SELECT id FROM call_record WHERE at < ? LIMIT ?)",
    "DELETE FROM outbox_call WHERE call IN (SELECT call FROM outbox_call c WHERE updated < ? \
     AND NOT EXISTS (SELECT 1 FROM outbox WHERE call = c.call) LIMIT ?)",
    "DELETE FROM outbox_client WHERE (client, crm) IN (SELECT client, crm FROM outbox_client \
     WHERE next_try IS NULL AND claimed_by IS NULL AND updated < ? LIMIT ?)",
];

/// What is not done, by state and CRM.
pub(super) const COUNT_OPEN: &str = "SELECT state, crm, count(*), min(created) FROM outbox \
    WHERE state IN ('waiting', 'working', 'parked') GROUP BY state, crm";

/// What waits for one CRM.
#[derive(Default)]
struct Open {
    pending: i64,
    parked: i64,
    oldest: Option<i64>,
}

/// The name of a CRM in metrics.
pub(super) fn shown(crm: &str) -> &str {
    if crm.is_empty() { WEBHOOKS } else { crm }
}

/// Until `stop`.
pub(super) async fn run(
    store: Store,
    keep: Duration,
    metrics: Arc<Metrics>,
    wall: Wall,
    stop: CancellationToken,
) {
    let mut tick = interval(COUNT);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut pruned: Option<Instant> = None;
    let work = async {
        loop {
            tick.tick().await;
            if let Err(error) = count(&store, &metrics, wall()).await {
                debug!(%error, "the outbox cannot be counted");
            }
            if pruned.is_none_or(|at| at.elapsed() >= PRUNE) {
                pruned = Some(Instant::now());
                match prune(&store, keep, wall()).await {
                    Ok(0) => {}
                    Ok(rows) => info!(rows, "old rows of journal and outbox are thrown away"),
                    Err(error) => debug!(%error, "old rows could not be thrown away"),
                }
            }
        }
    };
    stop.run_until_cancelled(work).await;
}

/// Sets the metrics that stand in the store: now and then for `/readyz`, and at each scrape, so that
/// several engines do not disagree.
///
/// # Errors
/// The store's.
pub async fn count(store: &Store, metrics: &Metrics, now: Timestamp) -> Result<(), sqlx::Error> {
    let rows: Vec<(String, String, i64, i64)> =
        query_as(COUNT_OPEN).fetch_all(store.pool()).await?;
    // Who has nothing left stands at 0.
    let mut all: BTreeMap<String, Open> =
        metrics.crms_of_outbox().map(|crm| (crm, Open::default())).collect();
    for (state, crm, count, created) in rows {
        let open = all.entry(shown(&crm).to_owned()).or_default();
        if state == "parked" {
            open.parked += count;
        } else {
            open.pending += count;
            open.oldest = Some(open.oldest.map_or(created, |oldest| oldest.min(created)));
        }
    }
    for (crm, open) in all {
        let age = open.oldest.map_or(0, |at| between(moment(at), now).as_secs());
        metrics.outbox_pending.with_label_values(&[&crm]).set(open.pending);
        metrics.outbox_parked.with_label_values(&[&crm]).set(open.parked);
        let age = i64::try_from(age).unwrap_or(i64::MAX);
        metrics.outbox_oldest.with_label_values(&[&crm]).set(age);
    }
    Ok(())
}

/// Throws away what is older, and gives the number of rows.
pub(super) async fn prune(
    store: &Store,
    keep: Duration,
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    let Ok(before) = now.checked_sub(keep) else { return Ok(0) };
    let mut all = 0;
    for statement in OLD {
        all += throw_away(store, statement, before).await?;
    }
    Ok(all)
}

/// Throws away what `statement` finds before this time, some rows at a time: it takes the time and
/// the number of rows. Gives how many there were.
pub(crate) async fn throw_away(
    store: &Store,
    statement: &'static str,
    before: Timestamp,
) -> Result<u64, sqlx::Error> {
    let mut all = 0;
    loop {
        let done = query(AssertSqlSafe(statement))
            .bind(before.as_microsecond())
            .bind(BATCH)
            .execute(store.pool())
            .await?
            .rows_affected();
        all += done;
        if done < BATCH.unsigned_abs() {
            return Ok(all);
        }
        sleep(BREATH).await;
    }
}
