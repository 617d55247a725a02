//! The one task that writes: many papers, changes and deeds in one transaction, so that they share
//! one write to the disk. While the store fails it keeps what it has and tries again; only who can
//! send his deed again is told at once.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use sqlx::{SqliteConnection, query};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::Wall;
use super::change::{Answer, Change};
use super::paper::Paper;
use crate::callback::book::deed::{Deed, Done};
use crate::metrics::Metrics;
use crate::store::{Store, StoreError};
use crate::telemetry::{trace_id, with_help};

/// Jobs of one transaction at most.
const BATCH: usize = 512;
/// Between two tries at a store that fails.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// At the end, this long for a store that fails.
const LAST_TRY: Duration = Duration::from_secs(3);

/// For the writer.
enum Job {
    Paper(Paper),
    Change(Change, oneshot::Sender<Answer>),
    Deed(Box<Deed>, oneshot::Sender<Result<Done, String>>),
}

impl Job {
    fn papers(&self) -> &[Paper] {
        match self {
            Self::Paper(paper) => std::slice::from_ref(paper),
            Self::Change(..) => &[],
            Self::Deed(deed, _) => deed.papers(),
        }
    }
}

/// What came of a job.
enum Wrote {
    Paper,
    Change(Answer),
    Deed(Done),
}

/// The way to the writer. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Pen {
    jobs: mpsc::Sender<Job>,
    lost: Arc<Lost>,
}

/// Cases and records that could not be kept.
struct Lost {
    now: AtomicU64,
    metrics: Arc<Metrics>,
}

impl Lost {
    /// Said aloud once an outage; the end of it says how many they were.
    fn add(&self, count: u64, why: &str) {
        self.metrics.outbox_lost.inc_by(count);
        if count > 0 && self.now.fetch_add(count, Ordering::Relaxed) == 0 {
            error!(
                why,
                "cases of calls are being lost: journal and CRM will not learn of them; calls go on. See to the store; dozvon_outbox_lost_total counts them"
            );
        }
    }

    fn over(&self) {
        let lost = self.now.swap(0, Ordering::Relaxed);
        if lost > 0 {
            warn!(lost, "cases of calls are written again; those lost meanwhile stay lost");
        }
    }
}

/// Deeds as they come, each with whom to answer.
#[cfg(test)]
pub(crate) type Deeds = mpsc::Receiver<(Deed, oneshot::Sender<Result<Done, String>>)>;

#[cfg(test)]
impl Pen {
    /// A pen whose deeds somebody else does: in virtual time there is no disk.
    pub(crate) fn to_nobody() -> (Self, Deeds) {
        let (sender, mut jobs) = mpsc::channel(1024);
        let (given, deeds) = mpsc::channel(1024);
        let metrics = Arc::new(Metrics::new().unwrap());
        tokio::spawn(async move {
            while let Some(job) = jobs.recv().await {
                if let Job::Deed(deed, answer) = job {
                    let _ = given.send((*deed, answer)).await;
                }
            }
        });
        (Self { jobs: sender, lost: Arc::new(Lost { now: AtomicU64::new(0), metrics }) }, deeds)
    }
}

/// The writer is gone: the engine ends.
#[derive(Debug, thiserror::Error)]
#[error("the writer of the outbox has ended")]
pub(crate) struct Ended;

/// Why a deed was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Undone {
    /// The store fails, and this deed does not wait for it.
    #[error("{0}")]
    Store(String),
    /// The engine ends.
    #[error(transparent)]
    Ended(#[from] Ended),
}

impl Pen {
    /// Gives a paper to the writer. Never waits: with no room left it is lost, and that is said.
    pub fn put(&self, paper: Paper) {
        match self.jobs.try_send(Job::Paper(paper)) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.lost.add(1, "as many wait for the disk as fit into memory");
            }
            Err(mpsc::error::TrySendError::Closed(_)) => self.lost.add(1, "the engine ends"),
        }
    }

    /// Makes a change, and waits until it is durable, however long that takes.
    pub(super) async fn change(&self, change: Change) -> Result<Answer, Ended> {
        let (answer, answered) = oneshot::channel();
        self.jobs.send(Job::Change(change, answer)).await.map_err(|_| Ended)?;
        answered.await.map_err(|_| Ended)
    }

    /// Does a deed, and waits until it is durable: however long that takes, unless it can be
    /// refused.
    pub async fn deed(&self, deed: Deed) -> Result<Done, Undone> {
        let (answer, answered) = oneshot::channel();
        self.hand_over(deed, answer).await?;
        answered.await.map_err(|_| Ended)?.map_err(Undone::Store)
    }

    /// The same for who waits elsewhere. When this returns, its place among all deeds is certain.
    pub async fn hand_over(
        &self,
        deed: Deed,
        answer: oneshot::Sender<Result<Done, String>>,
    ) -> Result<(), Ended> {
        self.jobs.send(Job::Deed(Box::new(deed), answer)).await.map_err(|_| Ended)
    }
}

/// The writer.
pub(crate) struct Writer {
    path: PathBuf,
    jobs: mpsc::Receiver<Job>,
    lost: Arc<Lost>,
    metrics: Arc<Metrics>,
    wall: Wall,
    /// Told after each transaction.
    pub written: Arc<Notify>,
    /// The store, once it is open.
    pub store: watch::Sender<Option<Store>>,
    /// No more papers come; what is there is still written.
    pub stop: CancellationToken,
}

impl Writer {
    pub fn new(path: PathBuf, memory: usize, metrics: Arc<Metrics>, wall: Wall) -> (Self, Pen) {
        let (sender, jobs) = mpsc::channel(memory);
        let lost = Arc::new(Lost { now: AtomicU64::new(0), metrics: metrics.clone() });
        let pen = Pen { jobs: sender, lost: lost.clone() };
        let (written, store, stop) =
            (Arc::default(), watch::Sender::new(None), CancellationToken::new());
        (Self { path, jobs, lost, metrics, wall, written, store, stop }, pen)
    }

    /// Writes until it is told to stop, then what is left.
    pub async fn run(mut self) {
        let Some(store) = self.open().await else { return };
        self.store.send_replace(Some(store.clone()));
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                biased;
                count = self.jobs.recv_many(&mut batch, BATCH) => if count == 0 { return },
                () = self.stop.cancelled(), if !self.jobs.is_closed() => {
                    self.jobs.close();
                    continue;
                }
            }
            if !self.write(&store, &mut batch).await {
                return self.give_up(batch);
            }
        }
    }

    /// Opens the store, however long that takes; papers wait meanwhile.
    async fn open(&mut self) -> Option<Store> {
        let mut outage = Outage::default();
        loop {
            match Store::open(&self.path).await {
                Ok(store) => {
                    self.metrics.store_writable.set(1);
                    outage.over();
                    return Some(store);
                }
                Err(error) => {
                    self.metrics.store_writable.set(0);
                    outage.failed(&error, self.jobs.len());
                }
            }
            if self.stop.is_cancelled() {
                self.jobs.close();
                self.give_up(Vec::new());
                return None;
            }
            tokio::select! {
                () = sleep(outage.pause()) => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    /// Writes the batch, however long that takes. Afterwards it is empty. `false`: the engine
    /// ends, and the store still fails.
    async fn write(&self, store: &Store, batch: &mut Vec<Job>) -> bool {
        let mut outage = Outage::default();
        let mut end = None;
        loop {
            let begun = Instant::now();
            match self.commit(store, batch).await {
                Ok(answers) => {
                    self.metrics.journal_write_seconds.observe(begun.elapsed().as_secs_f64());
                    self.metrics.journal_batch.observe(batch.len() as f64);
                    for (job, wrote) in batch.drain(..).zip(answers) {
                        job.papers().iter().for_each(|paper| self.compare(paper));
                        // Who waited may have ended meanwhile.
                        match (job, wrote) {
                            (Job::Change(_, sender), Wrote::Change(answer)) => {
                                let _ = sender.send(answer);
                            }
                            (Job::Deed(_, sender), Wrote::Deed(done)) => {
                                let _ = sender.send(Ok(done));
                            }
                            _ => {}
                        }
                    }
                    self.metrics.store_writable.set(1);
                    outage.over();
                    // With the memory still half full, the next loss belongs to the same outage.
                    if self.jobs.len() <= self.jobs.max_capacity() / 2 {
                        self.lost.over();
                    }
                    self.written.notify_one();
                    return true;
                }
                Err(error) => {
                    let told = StoreError::from_sqlx(store.path(), &error);
                    if is_of_the_job(&told) && self.weed(store, batch, &told).await {
                        continue;
                    }
                    self.metrics.store_writable.set(0);
                    outage.failed(&told, self.jobs.len() + batch.len());
                    refuse(batch, &told);
                }
            }
            if self.stop.is_cancelled() {
                let end = *end.get_or_insert_with(|| Instant::now() + LAST_TRY);
                if Instant::now() >= end {
                    return false;
                }
            }
            // Not cut short by the stop: the store may need the time.
            let pause = if end.is_some() { PAUSE } else { outage.pause() };
            sleep(pause).await;
        }
    }

    /// The shadow set's turn.
    fn compare(&self, paper: &Paper) {
        let Paper::Case(filed) = paper else { return };
        let Some(difference) = filed.shadow_difference() else { return };
        self.metrics.rules_shadow_diff.inc();
        let (call, event) = (&filed.case.call, filed.case.event.as_str());
        info!(%call, trace_id = %trace_id(call), event, difference, "the shadow set would do something else");
    }

    /// A full disk may end a transaction by itself. The library's own transactions do not know of
    /// that, and their connection is of no use any more; so this one speaks plainly.
    async fn commit(&self, store: &Store, batch: &[Job]) -> Result<Vec<Wrote>, sqlx::Error> {
        let mut db = store.pool().acquire().await?;
        query("BEGIN IMMEDIATE").execute(&mut *db).await?;
        let written = write_all(&mut db, batch, (self.wall)()).await;
        let done = match &written {
            Ok(_) => query("COMMIT").execute(&mut *db).await.map(drop),
            Err(_) => Ok(()),
        };
        if written.is_err() || done.is_err() {
            // Fails where the transaction has ended by itself.
            let _ = query("ROLLBACK").execute(&mut *db).await;
        }
        done.and(written)
    }

    /// One job that the store will never take must not hold up the others: each is tried alone,
    /// and dropped where it alone fails. `false`: none was at fault.
    async fn weed(&self, store: &Store, batch: &mut Vec<Job>, error: &StoreError) -> bool {
        if batch.len() == 1 {
            self.lost.add(1, &error.to_string());
            batch.clear();
            return true;
        }
        let mut weeded = false;
        for job in std::mem::take(batch) {
            let alone = self.alone(store, &job).await;
            match alone.map_err(|e| StoreError::from_sqlx(store.path(), &e)) {
                Err(told) if is_of_the_job(&told) => {
                    self.lost.add(1, &told.to_string());
                    weeded = true;
                }
                _ => batch.push(job),
            }
        }
        weeded
    }

    async fn alone(&self, store: &Store, job: &Job) -> Result<(), sqlx::Error> {
        let mut db = store.pool().acquire().await?;
        query("BEGIN IMMEDIATE").execute(&mut *db).await?;
        let written = write_all(&mut db, std::slice::from_ref(job), (self.wall)()).await;
        let _ = query("ROLLBACK").execute(&mut *db).await;
        written.map(drop)
    }

    fn give_up(&mut self, batch: Vec<Job>) {
        self.jobs.close();
        let mut left: u64 = batch.iter().map(|job| job.papers().len() as u64).sum();
        while let Ok(job) = self.jobs.try_recv() {
            left += job.papers().len() as u64;
        }
        self.lost.add(left, "the engine ends and the store cannot be written");
        if left > 0 {
            error!(
                left,
                "cases of calls are lost: the engine ends and the store cannot be written"
            );
        }
    }
}

/// Tells those who can send it again; the others wait.
fn refuse(batch: &mut Vec<Job>, why: &StoreError) {
    for job in std::mem::take(batch) {
        match job {
            Job::Deed(deed, sender) if deed.can_be_refused() => {
                let _ = sender.send(Err(why.to_string()));
            }
            job => batch.push(job),
        }
    }
}

async fn write_all(
    db: &mut SqliteConnection,
    batch: &[Job],
    now: Timestamp,
) -> Result<Vec<Wrote>, sqlx::Error> {
    let mut wrote = Vec::with_capacity(batch.len());
    for job in batch {
        wrote.push(match job {
            Job::Paper(paper) => paper.write(db, now).await.map(|()| Wrote::Paper)?,
            Job::Change(change, _) => Wrote::Change(change.write(db, now).await?),
            Job::Deed(deed, _) => Wrote::Deed(deed.write(db, now).await?),
        });
    }
    Ok(wrote)
}

/// Whether the fault is in what is written, and not in file, disk or lock.
fn is_of_the_job(error: &StoreError) -> bool {
    match error {
        // SQLITE_IOERR, SQLITE_NOMEM and SQLITE_PROTOCOL are told as `Other`, too.
        StoreError::Other { why, .. } => {
            ["constraint", "datatype", "encoding", "decoding", "too big"]
                .iter()
                .any(|word| why.contains(word))
        }
        _ => false,
    }
}

/// A time in which the store fails: said once, and once that it is over.
#[derive(Default)]
struct Outage {
    since: Option<Instant>,
    tries: u32,
}

impl Outage {
    fn failed(&mut self, error: &StoreError, waiting: usize) {
        self.tries += 1;
        match self.since {
            None => {
                self.since = Some(Instant::now());
                error!(
                    error = %with_help(error),
                    waiting,
                    "the journal cannot be written; cases wait in memory, calls go on"
                );
            }
            Some(_) => debug!(%error, waiting, "the journal still cannot be written"),
        }
    }

    fn over(&self) {
        if let Some(since) = self.since {
            info!(seconds = since.elapsed().as_secs(), "the journal is written again");
        }
    }

    fn pause(&self) -> Duration {
        PAUSE.saturating_mul(1 << self.tries.min(10)).min(PAUSE_MAX)
    }
}

/// Waits for the store; `None`: the engine ended first.
pub(crate) async fn opened(mut store: watch::Receiver<Option<Store>>) -> Option<Store> {
    store.wait_for(Option::is_some).await.ok().and_then(|store| store.clone())
}
