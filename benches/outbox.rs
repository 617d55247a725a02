//! Occurrences through the rules into the durable outbox: a real file, every transaction on the
//! disk before the next. Run it on the disk in question: `DOZVON_BENCH_DIR=… cargo bench --bench
//! outbox`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark")]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use dozvon::config::Rules;
use dozvon::core::case::{Case, Clerk, Event, Known, Speaker};
use dozvon::core::client::Client;
use dozvon::core::facts::Direction;
use dozvon::core::phone::{Phone, Region};
use dozvon::core::staff::{Employee, Number, Status};
use dozvon::crm::{Crm, CrmError};
use dozvon::directory::{Directory, DirectoryConfig};
use dozvon::metrics::Metrics;
use dozvon::outbox::sets::SetsInForce;
use dozvon::outbox::{JournalConfig, Outbox, OutboxConfig, Parts, WebhookConfig};
use dozvon::rules::set::Sets;
use dozvon::traces::Tracer;

const CASES: u32 = 60_000;
const TASKS: u32 = 4;

/// Knows its employees and is down for everything else: what is written waits.
struct Down;

#[async_trait]
impl Crm for Down {
    fn name(&self) -> &'static str {
        "down"
    }

    async fn find(&self, _: &Phone) -> Result<Option<Client>, CrmError> {
        Err(CrmError::Fault("down".into()))
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
    rt.block_on(run());
}

async fn run() {
    let folder = match std::env::var("DOZVON_BENCH_DIR") {
        Ok(folder) => tempfile::TempDir::new_in(folder).unwrap(),
        Err(_) => tempfile::TempDir::new().unwrap(),
    };
    let metrics = Arc::new(Metrics::new().unwrap());
    let crm: Arc<dyn Crm> = Arc::new(Down);
    let directory = Directory::new(crm.clone(), DirectoryConfig::default(), metrics.clone());
    directory.refresh_staff().await.unwrap();
    let sets = Sets::load(&Rules::default()).expect("the built-in set");
    let judge = Arc::new(SetsInForce::new(sets, directory.clone()));
    let outbox = Outbox::start(Parts {
        path: folder.path().join("dozvon.sqlite"),
        journal: JournalConfig::default(),
        outbox: OutboxConfig {
            memory: NonZeroUsize::new(CASES as usize + 1000).unwrap(),
            ..OutboxConfig::default()
        },
        webhook: WebhookConfig::default(),
        judge,
        crm,
        directory: Some(directory),
        metrics: metrics.clone(),
        tracer: Tracer::default(),
    });
    let mut store = outbox.store();
    let store = store.wait_for(Option::is_some).await.unwrap().clone().unwrap();

    let begun = Instant::now();
    let mut tasks = Vec::new();
    for task in 0..TASKS {
        let outbox = outbox.clone();
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
    loop {
        let written: i64 = sqlx::query_scalar("SELECT max(id) FROM outbox")
            .fetch_one(store.pool())
            .await
            .unwrap_or(0);
        if written >= i64::from(CASES) {
            break;
        }
        assert_eq!(metrics.outbox_lost.get(), 0, "nothing may be lost");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let durable = begun.elapsed();
    let actions: i64 = sqlx::query_scalar("SELECT sum(json_array_length(actions)) FROM outbox")
        .fetch_one(store.pool())
        .await
        .unwrap();
    let batches = metrics.journal_batch.get_sample_count();
    println!(
        "{CASES} occurrences with {actions} actions: {:.1} µs each on the path of the call; durable {:.0} a second ({:.2} s, {} a transaction); lost {}",
        handed.as_secs_f64() * 1e6 * f64::from(TASKS.min(2)) / f64::from(CASES),
        f64::from(CASES) / durable.as_secs_f64(),
        durable.as_secs_f64(),
        u64::from(CASES) / batches.max(1),
        metrics.outbox_lost.get(),
    );
}
