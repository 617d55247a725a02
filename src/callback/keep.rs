//! Keeps house: counts for the metrics, and throws old rows away, a few at a time so that nobody
//! waits for it.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::query_as;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::book::row::stage_word;
use super::config::CallbackConfig;
use crate::core::campaign::order::Stage;
use crate::core::record::between;
use crate::metrics::Metrics;
use crate::outbox::entry::moment;
use crate::outbox::keep::throw_away;
use crate::outbox::writer::opened;
use crate::store::Store;

/// How often is thrown away.
const PRUNE: Duration = Duration::from_secs(10 * 60);

/// What grows old. Each takes the cut-off time and the number of rows. Words go with their
/// campaign; a call nobody returned in all that time is no work any more.
const OLD: [&str; 2] = [
    "DELETE FROM callback WHERE id IN (SELECT id FROM callback WHERE alive = 0 AND updated < ? \
     LIMIT ?)",
    "DELETE FROM missed_call WHERE call IN (SELECT call FROM missed_call WHERE at < ? LIMIT ?)",
];
const OLD_KEYS: &str =
    "DELETE FROM callback_key WHERE key IN (SELECT key FROM callback_key WHERE at < ? LIMIT ?)";

/// Until `stop`.
pub(super) async fn run(
    store: watch::Receiver<Option<Store>>,
    config: CallbackConfig,
    stop: CancellationToken,
) {
    let work = async {
        let Some(store) = opened(store).await else { return };
        loop {
            match prune(&store, &config).await {
                Ok(0) => {}
                Ok(rows) => info!(rows, "old callbacks and missed calls are thrown away"),
                Err(error) => debug!(%error, "old callbacks could not be thrown away"),
            }
            sleep(PRUNE).await;
        }
    };
    stop.run_until_cancelled(work).await;
}

/// Throws away what is older, and gives the number of rows.
pub(super) async fn prune(store: &Store, config: &CallbackConfig) -> Result<u64, sqlx::Error> {
    let mut all = 0;
    let ages = OLD.iter().map(|old| (*old, config.keep)).chain([(OLD_KEYS, config.keep_keys)]);
    for (statement, keep) in ages {
        let Ok(before) = Timestamp::now().checked_sub(keep) else { continue };
        all += throw_away(store, statement, before).await?;
    }
    Ok(all)
}

/// Sets the metrics that stand in the store, so that several engines do not disagree. At each
/// scrape.
///
/// # Errors
/// The store's.
pub async fn count(store: &Store, metrics: &Metrics) -> Result<(), sqlx::Error> {
    let stages: Vec<(String, i64, i64, Option<i64>)> = query_as(
        "SELECT stage, count(*), min(accepted), min(next) FROM callback WHERE running = 1 \
         GROUP BY stage",
    )
    .fetch_all(store.pool())
    .await?;
    let (missed, oldest): (i64, Option<i64>) =
        query_as("SELECT count(*), min(at) FROM missed_call WHERE closed IS NULL")
            .fetch_one(store.pool())
            .await?;
    let now = Timestamp::now();
    let since = |at: Option<i64>| {
        let age = at.map_or(0, |at| between(moment(at), now).as_secs());
        i64::try_from(age).unwrap_or(i64::MAX)
    };
    let count = |stage| {
        let row = stages.iter().find(|(is, ..)| is == stage);
        row.map_or(0, |(_, count, ..)| *count)
    };
    for stage in Stage::RUNNING.map(stage_word) {
        metrics.callback_pending.with_label_values(&[stage]).set(count(stage));
    }
    metrics.callback_oldest.set(since(stages.iter().map(|(_, _, accepted, _)| *accepted).min()));
    metrics.callback_overdue.set(since(stages.iter().filter_map(|(.., next)| *next).min()));
    metrics.missed_open.set(missed);
    metrics.missed_oldest.set(since(oldest));
    Ok(())
}
