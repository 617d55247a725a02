//! Keeps house: counts for the metrics, and throws old rows away, a few at a time so that nobody
//! waits for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, query, query_as, query_scalar};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::Wall;
use super::entry::{Progress, Step, json, moment};
use crate::core::action::Planned;
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

macro_rules! open {
    ($state:literal) => {
        (
            concat!(
                "SELECT since, actions, progress FROM outbox WHERE state IN ('waiting', 'working', 'parked') AND state = '",
                $state,
                "' AND crm = ?2 AND NOT (tries = 0 AND next_try > ?1) ORDER BY created LIMIT 50"
            ),
            concat!(
                "SELECT id FROM outbox WHERE state IN ('waiting', 'working', 'parked') AND state = '",
                $state,
                "' AND crm = ?2 AND created <= ?1 AND since <= ?1 \
                 AND NOT (tries = 0 AND next_try > ?1) LIMIT ?3"
            ),
        )
    };
}

/// Of the entries of a CRM that wait, and of those under way: the oldest that are due (now, the
/// CRM), and those that were due before (that moment, the CRM, how many at most). One that waits
/// because its rule says so was never tried. The condition of the index stands in the text, or it
/// would not be taken.
pub(super) const OPEN: [(&str, &str); 2] = [open!("waiting"), open!("working")];
/// Later than this an action is late: the promise in `grafana/alerts.toml`.
const LATE: Duration = Duration::from_secs(60);
/// More than so many are not counted one by one at each scrape.
const MOST: i64 = 1000;

/// What is not done, by state and CRM.
pub(super) const COUNT_OPEN: &str = "SELECT state, crm, count(*) FROM outbox \
    WHERE state IN ('waiting', 'working', 'parked') GROUP BY state, crm";

/// What waits for one CRM.
#[derive(Default)]
struct Open {
    pending: i64,
    parked: i64,
    oldest: Duration,
    late: usize,
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
    let rows: Vec<(String, String, i64)> = query_as(COUNT_OPEN).fetch_all(store.pool()).await?;
    // Who has nothing left stands at 0.
    let mut all: BTreeMap<String, Open> =
        metrics.crms_of_outbox().map(|crm| (crm, Open::default())).collect();
    for (state, crm, count) in rows {
        let open = all.entry(shown(&crm).to_owned()).or_default();
        if state == "parked" {
            open.parked += count;
        } else {
            open.pending += count;
            let (due, late) = if state == "working" { OPEN[1] } else { OPEN[0] };
            let made = query_as::<_, Made>(due).bind(now.as_microsecond()).bind(&crm);
            let made = made.fetch_all(store.pool()).await?;
            let ages = made.iter().filter_map(Made::due).map(|due| between(due, now));
            open.oldest = ages.max().unwrap_or_default().max(open.oldest);
            let before = now.checked_sub(LATE).unwrap_or(now).as_microsecond();
            let late = query_scalar::<_, i64>(late).bind(before).bind(&crm).bind(MOST);
            open.late += late.fetch_all(store.pool()).await?.len();
        }
    }
    let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    for (crm, open) in all {
        metrics.outbox_pending.with_label_values(&[&crm]).set(open.pending);
        metrics.outbox_parked.with_label_values(&[&crm]).set(open.parked);
        metrics.outbox_oldest.with_label_values(&[&crm]).set(whole(open.oldest.as_secs()));
        metrics.outbox_overdue.with_label_values(&[&crm]).set(whole(open.late as u64).min(MOST));
    }
    Ok(())
}

/// What tells from when an entry is due: `since`, actions, progress.
#[derive(sqlx::FromRow)]
struct Made {
    since: i64,
    actions: String,
    progress: String,
}

impl Made {
    /// Its rule may have the action wait that is next. `None`: it cannot be read, which the worker
    /// tells of.
    fn due(&self) -> Option<Timestamp> {
        let (actions, progress): (Vec<Planned>, Vec<Step>) =
            (json(&self.actions).ok()?, json(&self.progress).ok()?);
        let undone = |step: Option<&Step>| {
            step.is_none_or(|step| matches!(step.is, Progress::Todo | Progress::Sending))
        };
        let next = actions.iter().enumerate().find(|(n, _)| undone(progress.get(*n)));
        let after = next.and_then(|(_, planned)| planned.after);
        let since = moment(self.since);
        Some(after.map_or(since, |after| after.max(since)))
    }
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
