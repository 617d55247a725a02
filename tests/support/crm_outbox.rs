//! The outbox of a company whose CRM is behind HTTP: a dialogue of cases, and hours in virtual time.

#![allow(clippy::unwrap_used, dead_code, reason = "a test; not every one needs all of it")]

use std::sync::Arc;
use std::time::Duration;

use dozvon::config::Rules;
use dozvon::core::case::{Case, Clerk, Known};
use dozvon::crm::Crm;
use dozvon::directory::{Directory, DirectoryConfig};
use dozvon::metrics::Metrics;
use dozvon::outbox::desk::{Desk, Filter, Line};
use dozvon::outbox::entry::State;
use dozvon::outbox::sets::SetsInForce;
use dozvon::outbox::{JournalConfig, Outbox, OutboxConfig, Parts, Wall, WebhookConfig};
use dozvon::rules::set::Sets;
use dozvon::store::Store;
use dozvon::traces::Tracer;
use jiff::SignedDuration;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::time::Instant;

/// The outbox of a company that goes by this set: its name, or a file.
pub async fn parts(crm: Arc<dyn Crm>, set: &str, folder: &TempDir, outbox: OutboxConfig) -> Parts {
    let metrics = Arc::new(Metrics::new().unwrap());
    let directory = Directory::new(crm.clone(), DirectoryConfig::default(), metrics.clone());
    directory.refresh_staff().await.unwrap();
    let rules = Rules { set: set.into(), ..Rules::default() };
    let sets = Sets::load(&rules).unwrap_or_else(|_| panic!("the set is not loaded"));
    Parts {
        path: folder.path().join("dozvon.sqlite"),
        journal: JournalConfig::default(),
        outbox,
        webhook: WebhookConfig::default(),
        judge: Arc::new(SetsInForce::new(sets, directory.clone())),
        crm,
        directory: Some(directory),
        tracer: Tracer::default(),
        metrics,
    }
}

/// What an outbox is that does not wait.
pub fn prompt() -> OutboxConfig {
    OutboxConfig { poll: Duration::from_millis(5), ..OutboxConfig::default() }
}

/// What the CRM is sent while these cases occur, one after the other. `sent`: what it was sent
/// since it was asked last, a line each.
pub async fn dialogue(parts: Parts, cases: Vec<Case>, sent: impl Fn() -> Vec<String>) -> String {
    let outbox = Outbox::start(parts);
    let mut store = outbox.store();
    let store = store.wait_for(Option::is_some).await.unwrap().clone().unwrap();
    sent();
    let mut told = String::new();
    let mut begun = Vec::new();
    for (n, case) in cases.into_iter().enumerate() {
        if !begun.contains(&case.call) {
            outbox.began(&case.call, Some("main"));
            begun.push(case.call.clone());
        }
        told.push_str(&format!("--- {}\n", case.event.as_str()));
        outbox.occurred(Case { client: Known::Unsure, ..case });
        all_done(&store, n + 1).await;
        for line in sent() {
            told.push_str(&line);
            told.push('\n');
        }
    }
    told
}

/// Much less than any time limit: the requests themselves take real time.
const STEP: Duration = Duration::from_secs(2);

/// A runtime in virtual time. While the sender lives, time moves by hand only.
pub fn by_hand() -> (Runtime, std::sync::mpsc::Sender<()>) {
    let rt = tokio::runtime::Builder::new_current_thread();
    let rt = { rt }.enable_all().start_paused(true).build().unwrap();
    let (hold, held) = std::sync::mpsc::channel::<()>();
    rt.spawn_blocking(move || held.recv());
    (rt, hold)
}

/// An outbox in virtual time.
pub struct Hours<'r> {
    rt: &'r Runtime,
    begun: Instant,
    store: Store,
    metrics: Arc<Metrics>,
    wall: Wall,
    pub outbox: Arc<Outbox>,
}

impl<'r> Hours<'r> {
    /// Begins now. Inside the runtime.
    pub fn begin(rt: &'r Runtime, parts: Parts) -> Self {
        let metrics = parts.metrics.clone();
        let (begun, start) = (Instant::now(), jiff::Timestamp::now());
        let wall: Wall =
            Arc::new(move || start + SignedDuration::try_from(begun.elapsed()).unwrap());
        let outbox = Outbox::start_by(parts, wall.clone());
        let mut store = outbox.store();
        let store = rt.block_on(store.wait_for(Option::is_some)).unwrap().clone().unwrap();
        Self { rt, begun, store, metrics, wall, outbox }
    }

    /// The wall clock itself.
    pub fn wall(&self) -> Wall {
        self.wall.clone()
    }

    /// The store.
    pub fn store(&self) -> Store {
        self.store.clone()
    }

    /// What the wall clock shows.
    pub fn now(&self) -> jiff::Timestamp {
        (self.wall)()
    }

    /// Lets time pass; after each step until nothing is asked and written any more.
    pub fn pass(&self, time: Duration, asked: impl Fn() -> usize) {
        let end = self.begun.elapsed() + time;
        while self.begun.elapsed() < end {
            self.rt.block_on(tokio::time::advance(STEP));
            let mut before = None;
            for _ in 0..50 {
                let breath =
                    self.rt.spawn_blocking(|| std::thread::sleep(Duration::from_millis(2)));
                self.rt.block_on(async {
                    breath.await.unwrap();
                    tokio::task::yield_now().await;
                });
                let now = (asked(), self.metrics.journal_batch.get_sample_count());
                if before.replace(now) == Some(now) {
                    break;
                }
            }
        }
    }

    /// Entries that are not done.
    pub fn open(&self) -> Vec<Line> {
        let states = vec![State::Waiting, State::Working, State::Parked];
        let filter = Filter { states, limit: 1000, ..Filter::default() };
        self.rt.block_on(Desk::new(self.store.clone()).list(&filter)).unwrap()
    }

    /// Waits in real time for so many: the writer's last lines may be on their way to a slow disk.
    pub fn open_at_last(&self, many: usize) -> usize {
        let begun = std::time::Instant::now();
        while self.open().len() < many && begun.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.open().len()
    }

    /// Cases that could not be kept.
    pub fn lost(&self) -> u64 {
        self.metrics.outbox_lost.get()
    }
}

/// Several engines on one store, and to each a case at the same moment; until all is done.
pub async fn at_once(engines: Vec<(Parts, Case)>) {
    let many = engines.len();
    let (mut outboxes, mut cases) = (Vec::new(), Vec::new());
    for (parts, case) in engines {
        let outbox = Outbox::start(parts);
        outbox.began(&case.call, Some("main"));
        outboxes.push(outbox);
        cases.push(case);
    }
    let mut store = outboxes[0].store();
    let store = store.wait_for(Option::is_some).await.unwrap().clone().unwrap();
    for (outbox, case) in outboxes.iter().zip(cases) {
        outbox.occurred(Case { client: Known::Unsure, ..case });
    }
    all_done(&store, many).await;
}

/// Waits until there are so many entries, and each is done.
async fn all_done(store: &Store, many: usize) {
    loop {
        let states = vec![State::Waiting, State::Working, State::Parked, State::Done];
        let filter = Filter { states, limit: 100, ..Filter::default() };
        let lines = Desk::new(store.clone()).list(&filter).await.unwrap();
        assert!(lines.iter().all(|line| line.state != State::Parked), "{lines:#?}");
        if lines.len() >= many && lines.iter().all(|line| line.state == State::Done) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
