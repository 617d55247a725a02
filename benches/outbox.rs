//! Occurrences through the rules into the durable outbox: a real file, every transaction on the
//! disk before the next. Then the path of a call and the memory with an empty store and with
//! 100,000 entries that wait, and how fast these are delivered. Run it on the disk in question:
//! `DOZVON_BENCH_DIR=… cargo bench --bench outbox`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark")]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use dozvon::config::Rules;
use dozvon::core::case::{Case, Clerk, Event, Known, Speaker};
use dozvon::core::client::Client;
use dozvon::core::facts::Direction;
use dozvon::core::phone::{Phone, Region};
use dozvon::core::staff::{Employee, Number, Status};
use dozvon::crm::{ApplyError, Crm, CrmError, Done, Work};
use dozvon::directory::{Directory, DirectoryConfig};
use dozvon::metrics::Metrics;
use dozvon::outbox::sets::SetsInForce;
use dozvon::outbox::{JournalConfig, Outbox, OutboxConfig, Parts, WebhookConfig};
use dozvon::rules::set::Sets;
use dozvon::store::Store;
use dozvon::traces::Tracer;
use sqlx::query_scalar;
use tempfile::TempDir;

const CASES: u32 = 60_000;
const TASKS: u32 = 4;
/// Entries that wait.
const BACKLOG: u32 = 100_000;
/// Occurrences whose path is measured: so many, and this long between them.
const SAMPLES: u32 = 4_000;
const BETWEEN: Duration = Duration::from_micros(500);
/// Of the backlog, what is delivered meanwhile is counted.
const DELIVERING: Duration = Duration::from_secs(20);

/// Knows its employees; while it is down, what is written waits, and then all is done at once.
#[derive(Default)]
struct Switched {
    up: AtomicBool,
}

impl Switched {
    fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Crm for Switched {
    fn name(&self) -> &'static str {
        "switched"
    }

    async fn find(&self, _: &Phone) -> Result<Option<Client>, CrmError> {
        self.is_up().then_some(None).ok_or(CrmError::Fault("down".into()))
    }

    async fn apply(&self, _: &Work<'_>) -> Result<Done, ApplyError> {
        match self.is_up() {
            true => Ok(Done::default()),
            false => Err(ApplyError::Later { after: None, why: "down".into() }),
        }
    }

    async fn employees(&self) -> Result<Vec<Employee>, CrmError> {
        let employee = |n: u32| Employee {
            id: n.to_string().as_str().into(),
            name: format!("Employee {n}"),
            numbers: vec![Number::Line(
                dozvon::core::ids::Extension::parse(&n.to_string()).unwrap(),
            )],
            groups: vec![],
            deputy: None,
            status: Status::Active,
            online: None,
        };
        Ok((101..=106).map(employee).collect())
    }
}

/// A new client: answered, over, recorded; so each case leads to actions.
fn case(call: u32, seq: u32) -> Case {
    let at = jiff::Timestamp::now();
    let speaker = Speaker { employee: Some("102".into()), number: "102".into() };
    let number = format!("+7916{:07}", call % 10_000_000);
    Case {
        call: uuid::Uuid::from_u128(u128::from(call) << 64 | 0x1d0).to_string().as_str().into(),
        seq,
        event: [Event::Ringing, Event::Answered, Event::Ended, Event::Recorded][seq as usize - 1],
        at,
        direction: Direction::Inbound,
        line: Some("main".into()),
        line_number: Some("+74951234567".into()),
        number: Phone::parse(&number, Region::default()).ok(),
        client: Known::Nobody,
        first: (seq > 1).then(|| speaker.clone()),
        last: (seq > 1).then_some(speaker),
        caller: None,
        rung: vec!["101".into(), "102".into()],
        started: at,
        answered: (seq > 1).then_some(at),
        ended: (seq > 2).then_some(at),
        talked: 60,
        outcome: None,
        recording: None,
        voicemail: None,
        fields: [("utm_source".to_owned(), "yandex".to_owned())].into(),
        name: None,
        comment: None,
    }
}

fn main() {
    let rt = tokio::runtime::Runtime::new().unwrap();
    // First: what the other holds in memory would hide what this one needs.
    rt.block_on(backlog());
    rt.block_on(throughput());
}

/// An outbox on the disk, with the built-in set.
struct House {
    outbox: Arc<Outbox>,
    store: Store,
    crm: Arc<Switched>,
    metrics: Arc<Metrics>,
    _folder: TempDir,
}

impl House {
    async fn start(config: OutboxConfig) -> Self {
        let folder = match std::env::var("DOZVON_BENCH_DIR") {
            Ok(folder) => TempDir::new_in(folder).unwrap(),
            Err(_) => TempDir::new().unwrap(),
        };
        let metrics = Arc::new(Metrics::new().unwrap());
        let crm = Arc::new(Switched::default());
        let directory = Directory::new(crm.clone(), DirectoryConfig::default(), metrics.clone());
        directory.refresh_staff().await.unwrap();
        let sets = Sets::load(&Rules::default()).expect("the built-in set");
        let outbox = Outbox::start(Parts {
            path: folder.path().join("dozvon.sqlite"),
            journal: JournalConfig::default(),
            outbox: config,
            webhook: WebhookConfig::default(),
            judge: Arc::new(SetsInForce::new(sets, directory.clone())),
            crm: crm.clone(),
            directory: Some(directory),
            metrics: metrics.clone(),
            tracer: Tracer::default(),
        });
        let mut store = outbox.store();
        let store = store.wait_for(Option::is_some).await.unwrap().clone().unwrap();
        Self { outbox, store, crm, metrics, _folder: folder }
    }

    /// Waits until so many entries were written.
    async fn written(&self, entries: u32) {
        while self.count("SELECT coalesce(max(id), 0) FROM outbox").await < i64::from(entries) {
            assert_eq!(self.metrics.outbox_lost.get(), 0, "nothing may be lost");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn count(&self, statement: &'static str) -> i64 {
        query_scalar(statement).fetch_one(self.store.pool()).await.unwrap()
    }

    async fn delivered(&self) -> i64 {
        self.count("SELECT count(*) FROM outbox WHERE state = 'done'").await
    }

    /// The path of a call: judged and handed to the writer. The calls begin at `from`.
    async fn path(&self, from: u32) -> String {
        let mut took = Vec::new();
        for n in 0..SAMPLES {
            let case = case(from + n / 4, n % 4 + 1);
            let begun = Instant::now();
            self.outbox.occurred(case);
            took.push(begun.elapsed());
            tokio::time::sleep(BETWEEN).await;
        }
        took.sort_unstable();
        let at = |part: usize| took[took.len() * part / 100].as_secs_f64() * 1e6;
        format!("p50 {:.1} µs, p99 {:.1} µs; RSS {:.1} MB", at(50), at(99), rss())
    }
}

/// Of this process, in MB.
fn rss() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(f64::NAN) / 1024.0
}

async fn throughput() {
    let memory = NonZeroUsize::new(CASES as usize + 1000).unwrap();
    let house = House::start(OutboxConfig { memory, ..OutboxConfig::default() }).await;
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for task in 0..TASKS {
        let outbox = house.outbox.clone();
        tasks.push(tokio::spawn(async move {
            for n in 0..CASES / TASKS {
                outbox.occurred(case(task * 1_000_000 + n / 4, n % 4 + 1));
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let handed = begun.elapsed();
    house.written(CASES).await;
    let durable = begun.elapsed();
    let actions = house.count("SELECT sum(json_array_length(actions)) FROM outbox").await;
    let batches = house.metrics.journal_batch.get_sample_count();
    println!(
        "{CASES} occurrences with {actions} actions: {:.1} µs each on the path of the call; durable {:.0} a second ({:.2} s, {} a transaction); lost {}",
        handed.as_secs_f64() * 1e6 * f64::from(TASKS.min(2)) / f64::from(CASES),
        f64::from(CASES) / durable.as_secs_f64(),
        durable.as_secs_f64(),
        u64::from(CASES) / batches.max(1),
        house.metrics.outbox_lost.get(),
    );
    house.outbox.drain(Duration::from_secs(5)).await;
}

async fn backlog() {
    let house = House::start(OutboxConfig::default()).await;
    // Warm, so that the first figure is not that of cold caches.
    house.path(8_000_000).await;
    println!("the path of a call, nothing waits to speak of: {}", house.path(9_000_000).await);
    let before = 2 * SAMPLES;
    for n in 0..BACKLOG {
        house.outbox.occurred(case(n / 4, n % 4 + 1));
        // No more at once than fit into memory.
        if n % 4_000 == 3_999 {
            house.written(before + n + 1).await;
        }
    }
    println!("the path of a call, {BACKLOG} wait: {}", house.path(9_500_000).await);

    let begun = Instant::now();
    house.crm.up.store(true, Ordering::Relaxed);
    // The circuit may rest for some time yet.
    while house.delivered().await == 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (rested, begun, at) = (begun.elapsed(), Instant::now(), house.delivered().await);
    let meanwhile = house.path(9_700_000);
    let (meanwhile, ()) = tokio::join!(meanwhile, tokio::time::sleep(DELIVERING));
    let delivered = house.delivered().await - at;
    println!(
        "the path of a call while they are delivered: {meanwhile}; {:.0} entries a second are, begun {:.1} s after the CRM was back; RSS {:.1} MB; lost {}",
        delivered as f64 / begun.elapsed().as_secs_f64(),
        rested.as_secs_f64(),
        rss(),
        house.metrics.outbox_lost.get(),
    );
    house.outbox.drain(Duration::from_secs(5)).await;
}
