//! Journal and outbox: what occurs in calls is judged, written down, and the CRM learns of it,
//! once and in order, whatever fails.
//!
//! ```text
//! call ─▶ Outbox (judges, never waits) ─▶ writer ─▶ journal row + entry, many in a transaction
//!                                           ▲                 │
//!                        progress, durable ─┘                 ▼
//!                                        worker ─▶ settle ─▶ action by action ─▶ CRM, webhooks
//! ```
//!
//! * Entries of one client for one CRM go one at a time and in order, clients in parallel. Of several
//!   CRMs each has queues and a circuit of its own: one that is down holds up nobody else. A claim in the
//!   store says who works on a client; it runs out, so that a killed engine holds nothing for long.
//! * `sending` is stored before an action is sent, its result before the next. So after a crash
//!   or a lost answer the CRM is asked whether it was done.
//! * What fails for now is tried again, later and later; the client's other entries wait behind
//!   it. After a day it is parked. A delay (E16) holds the client's queue as well.
//! * What the CRM refuses parks the entry, and nobody waits for it. Its other actions, and later
//!   entries of the call, still do what does not need what it should have made; the rest is held
//!   and parked with it. Released by hand it goes first again, and those behind it with it.
//! * A key that the CRM refuses is a state of the directory, and all waits for a good one. Where a right
//!   is missing and the key is good, what needs that right is parked and nobody waits for it: it is
//!   tried again now and then, and all of it at once when the right is there.
//! * Webhooks wait in queues of their own, so that another system that is down holds up nothing.

pub mod config;
pub mod desk;
pub mod entry;
pub mod journal;
pub mod sets;

mod access;
mod adopt;
mod carry;
mod change;
mod circuit;
mod judge;
pub(crate) mod keep;
mod needs;
pub(crate) mod paper;
mod settle;
pub(crate) mod survivors;
mod webhook;
mod worker;
pub(crate) mod writer;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::warn;

pub use config::{JournalConfig, OutboxConfig, WebhookConfig};
pub use judge::{InForce, Judge, Ruler};
pub use keep::count;
pub use webhook::sign;

use self::access::Rights;
use self::adopt::Homes;
use self::circuit::Circuits;
use self::judge::Rulers;
use self::paper::{Filed, Paper};
use self::webhook::Webhooks;
use self::worker::Worker;
use self::writer::{Pen, Writer};
use crate::core::case::{Case, Clerk, Event};
use crate::core::facts::Direction;
use crate::core::ids::CallId;
use crate::core::record::CallRecord;
use crate::crm::config::WEBHOOKS;
use crate::crm::{Crm, named};
use crate::directory::Directory;
use crate::metrics::Metrics;
use crate::store::Store;
use crate::traces::Tracer;

/// An entry that waits for so many seconds tells of a fault: no wait between two tries is as long.
const LONG: i64 = 15 * 60;

/// The wall clock: what is stored are its times, and they outlive the process.
pub type Wall = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What an outbox is made of.
pub struct Parts {
    /// The file of the store.
    pub path: PathBuf,
    /// How long rows are kept.
    pub journal: JournalConfig,
    /// How entries are worked on.
    pub outbox: OutboxConfig,
    /// How webhooks are signed.
    pub webhook: WebhookConfig,
    /// The rules.
    pub judge: Arc<dyn Judge>,
    /// Who is told.
    pub crm: Arc<dyn Crm>,
    /// Told to forget a client when an action changed him.
    pub directory: Option<Arc<Directory>>,
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// Told what came of each action.
    pub tracer: Tracer,
}

/// The clerk of an engine: judges cases, and sees to it that they are written down and carried
/// out. Works from the moment it is made, in tasks of the current runtime.
pub struct Outbox {
    judge: Arc<dyn Judge>,
    rulers: Arc<Rulers>,
    calls: Mutex<HashMap<CallId, InForce>>,
    pen: Pen,
    /// Which CRM a case is for.
    homes: Homes,
    metrics: Arc<Metrics>,
    store: watch::Receiver<Option<Store>>,
    tasks: Mutex<Option<Tasks>>,
}

struct Tasks {
    writer: JoinHandle<()>,
    worker: JoinHandle<()>,
    stop_worker: CancellationToken,
    stop_writer: CancellationToken,
}

impl Outbox {
    /// Begins to work. The store is opened meanwhile, however long that takes.
    pub fn start(parts: Parts) -> Arc<Self> {
        Self::start_by(parts, Arc::new(Timestamp::now))
    }

    /// The same by another wall clock than the system's.
    pub fn start_by(parts: Parts, wall: Wall) -> Arc<Self> {
        let Parts { path, journal, outbox: config, webhook, .. } = parts;
        let Parts { judge, crm, directory, metrics, tracer, .. } = parts;
        let (writer, pen) = Writer::new(path, config.memory.get(), metrics.clone(), wall.clone());
        let (store, written) = (writer.store.subscribe(), writer.written.clone());
        let (stop_writer, stop_worker) = (writer.stop.clone(), CancellationToken::new());
        let rulers = Arc::new(Rulers::default());
        let homes = Homes::new(&*crm);
        for (name, _) in named(&*crm) {
            metrics.know_outbox_of(name);
        }
        metrics.know_outbox_of(WEBHOOKS);
        let worker = Arc::new(Worker {
            crm,
            directory,
            judge: judge.clone(),
            rulers: rulers.clone(),
            webhooks: Webhooks::new(webhook.secret, config.timeout),
            circuits: Circuits::new(config.retry, config.retry_max),
            rights: Rights::default(),
            config,
            metrics: metrics.clone(),
            tracer,
            pen: pen.clone(),
            wall: wall.clone(),
            me: uuid::Uuid::new_v4().to_string(),
            stop: stop_worker.clone(),
        });
        let counted = metrics.clone();
        let (opening, stop) = (store.clone(), stop_worker.clone());
        let worker = tokio::spawn(async move {
            let Some(Some(store)) = stop.run_until_cancelled(writer::opened(opening)).await else {
                return;
            };
            let keeping = keep::run(store.clone(), journal.keep, counted, wall, stop);
            tokio::join!(worker.run(store, written), keeping);
        });
        let writer = tokio::spawn(writer.run());
        let tasks = Mutex::new(Some(Tasks { writer, worker, stop_worker, stop_writer }));
        let calls = Mutex::default();
        Arc::new(Self { judge, rulers, calls, pen, homes, metrics, store, tasks })
    }

    /// What is wrong, for `/readyz`; no reason to take no calls. As it was counted last, some
    /// seconds ago.
    ///
    /// # Errors
    /// The store is not open or cannot be written, the oldest entry waits for too long, or entries are parked.
    pub fn state(&self) -> Result<(), String> {
        let (oldest, parked) = self.metrics.outbox_trouble();
        if self.store.borrow().is_none() {
            return Err("its store is not open; cases of calls wait in memory, see the log".into());
        }
        if self.metrics.store_writable.get() == 0 {
            return Err(
                "its store cannot be written; cases of calls wait in memory, see the log".into()
            );
        }
        if oldest > LONG {
            let minutes = oldest / 60;
            return Err(format!(
                "the oldest entry waits for {minutes} minutes; see `dozvon outbox list`"
            ));
        }
        match parked {
            0 => Ok(()),
            n => Err(format!("{n} parked; see `dozvon outbox list`, then retry or drop them")),
        }
    }

    /// The store, once it is open.
    pub fn store(&self) -> watch::Receiver<Option<Store>> {
        self.store.clone()
    }

    /// Lets the actions under way end and writes what is there, each for so long at most. What
    /// is in hand then is read back at the next start.
    pub async fn drain(&self, limit: Duration) {
        let Some(mut tasks) = lock(&self.tasks).take() else { return };
        tasks.stop_worker.cancel();
        if timeout(limit, &mut tasks.worker).await.is_err() {
            warn!("an action for the CRM did not end in time; it is read back at the next start");
            tasks.worker.abort();
        }
        tasks.stop_writer.cancel();
        if timeout(limit, &mut tasks.writer).await.is_err() {
            warn!("the journal did not end in order");
            tasks.writer.abort();
        }
    }

    /// A case with its ruling, to be written down by whoever has more to write with it.
    pub(crate) fn filed(&self, case: Case) -> Paper {
        // E02: calls between employees are written down and not judged.
        let crm = self.homes.of(case.line.as_deref()).to_owned();
        let filed = match case.direction {
            Direction::Internal => Filed { case, ruling: None, crm, shadow: None },
            _ => {
                let set = self.set_of(&case);
                let ruling = set.live.judge(&case);
                for rule in &ruling.rules {
                    self.metrics.rule_matches.with_label_values(&[rule]).inc();
                }
                Filed { ruling: Some(ruling), case, crm, shadow: set.shadow }
            }
        };
        Paper::Case(Box::new(filed))
    }

    /// Whether the set of this call has rules for that event by its name.
    pub(crate) fn speaks_of(&self, case: &Case, event: Event) -> bool {
        self.set_of(case).live.speaks_of(event)
    }

    /// A record, in the same way.
    pub(crate) fn record(&self, record: Arc<CallRecord>) -> Paper {
        lock(&self.calls).remove(&record.id);
        Paper::Record(record)
    }

    /// The way to the one task that writes.
    pub(crate) fn pen(&self) -> Pen {
        self.pen.clone()
    }

    /// The set the call began with. For a call nobody announced: the one in force.
    fn set_of(&self, case: &Case) -> InForce {
        let kept = lock(&self.calls).get(&case.call).cloned();
        kept.unwrap_or_else(|| self.in_force(case.line.as_deref()))
    }

    fn in_force(&self, line: Option<&str>) -> InForce {
        let set = self.judge.set_for(line);
        self.rulers.keep(&set.live);
        set
    }
}

impl Clerk for Outbox {
    fn began(&self, call: &CallId, line: Option<&str>) {
        let set = self.in_force(line);
        lock(&self.calls).insert(call.clone(), set);
    }

    fn occurred(&self, case: Case) {
        self.pen.put(self.filed(case));
    }

    fn closed(&self, record: Arc<CallRecord>) {
        self.pen.put(self.record(record));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
