//! Sales back to their source (E01): each night, and on demand, every CRM is asked which deals
//! were won since the last run that went well, and the call or form that brought each is marked as
//! a sale. Which one that is decides [`crate::core::sale`].
//!
//! * The next run asks from the *begin* of the last good one on, a little earlier even; a deal is a
//!   sale once, whoever marks it and how often.
//! * A run that fails counts for nothing: what it marked stays, and the next one asks from the same
//!   time on. It comes a quarter of an hour later, and after a night in which no engine was up, at
//!   once.
//! * One engine at a time runs a CRM, by a claim in its row.

pub mod book;
pub mod config;
pub mod desk;
pub(crate) mod made;
mod memory;
pub mod run;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sqlx::query_as;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error};

pub use self::book::{Counts, Sale, of_call, run_of};
pub use self::config::SalesConfig;
pub use self::desk::{Desk, Standing};
pub use self::run::{Ran, Seller};
use crate::core::sale::Step;
use crate::crm::named;
use crate::metrics::Metrics;
use crate::outbox::keep::throw_away;
use crate::outbox::writer::opened;
use crate::store::{Store, StoreError};

/// How often is looked whether it is time: the wall clock may be set meanwhile.
const LOOK: Duration = Duration::from_secs(60);
/// Runs on demand that may wait.
const WAITING: usize = 16;
/// How long is remembered what our actions made: longer than deals take.
const KEEP: SignedDuration = SignedDuration::from_hours(3 * 366 * 24);
const OLD: &str = "DELETE FROM made WHERE (kind, id, call) IN \
    (SELECT kind, id, call FROM made WHERE at < ? LIMIT ?)";

/// The work of an engine, to be spawned, and its desk. It begins once the store is open and ends
/// with `stop`.
pub fn begin(
    seller: Seller,
    store: watch::Receiver<Option<Store>>,
    stop: CancellationToken,
) -> (Arc<Desk>, impl Future<Output = ()> + Send) {
    let (ask, asked) = mpsc::channel(WAITING);
    for (crm, _) in named(&*seller.crm) {
        know(&seller.metrics, crm);
    }
    let desk = Arc::new(Desk::of_engine(seller.clone(), ask));
    let work = async move {
        let work = async {
            if let Some(store) = opened(store).await {
                nights(&seller, &store, asked).await;
            }
        };
        stop.run_until_cancelled(work).await;
    };
    (desk, work)
}

async fn nights(seller: &Seller, store: &Store, mut asked: mpsc::Receiver<String>) {
    let mut kept: Option<Timestamp> = None;
    loop {
        for (crm, _) in named(&*seller.crm) {
            told(crm, seller.run_if_due(store, crm).await.map(drop));
        }
        let now = (seller.wall)();
        if kept.is_none_or(|at| now.duration_since(at) > SignedDuration::from_hours(24)) {
            kept = Some(now);
            let before = now.saturating_sub(KEEP).unwrap_or(now);
            if let Err(error) = throw_away(store, OLD, before).await {
                debug!(%error, "what was made long ago could not be thrown away");
            }
        }
        tokio::select! {
            () = sleep(LOOK) => {}
            Some(crm) = asked.recv() => told(&crm, seller.run(store, &crm).await.map(drop)),
        }
    }
}

fn told(crm: &str, result: Result<(), StoreError>) {
    if let Err(error) = result {
        error!(crm, error = %crate::telemetry::with_help(&error), "sales cannot be looked after");
    }
}

/// Counters stand at 0 before the first run.
fn know(metrics: &Metrics, crm: &str) {
    for result in ["ok", "failed"] {
        metrics.sales_runs.with_label_values(&[crm, result]);
    }
    for step in Step::ALL {
        metrics.sales.with_label_values(&[crm, step.as_str()]);
    }
}

/// Sets the metrics that stand in the store, at each scrape, so that several engines do not
/// disagree.
///
/// # Errors
/// The store's.
pub async fn count(store: &Store, names: &[String], metrics: &Metrics) -> Result<(), sqlx::Error> {
    let rows: Vec<(String, i64)> = query_as("SELECT crm, coalesce(success, since) FROM sales_run")
        .fetch_all(store.pool())
        .await?;
    for (crm, at) in rows.into_iter().filter(|(crm, _)| names.contains(crm)) {
        metrics.sales_success_at.with_label_values(&[&crm]).set(at / 1_000_000);
    }
    Ok(())
}
