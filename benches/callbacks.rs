//! Intake of forms and campaigns that wait: a real file, every transaction on the disk before the
//! sender hears of it; the forms come by HTTP, as from pages. Run it on the disk in question: `DOZVON_BENCH_DIR=… cargo bench --bench
//! callbacks`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use dozvon::app::App;
use dozvon::callback::Callbacks;
use dozvon::config::{Config, Node, Rules};
use dozvon::core::campaign::order::{GroupOrder, Kind, Order, Policy, Prompt, Target, Whom};
use dozvon::core::client::Client;
use dozvon::core::ids::Extension;
use dozvon::core::phone::{Phone, Region};
use dozvon::core::staff::{Employee, Number, Status};
use dozvon::crm::{Crm, CrmError};
use dozvon::rules::Routing;
use dozvon::rules::set::Sets;
use dozvon::sim::{FreeSwitch, Script};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const FORMS: u32 = 10_000;
const SENDERS: u32 = 200;
/// Whose forms come by HTTP: an hour has room for all of them, and none is called today.
const SITE: &str = r#"
[sites.shop]
key = "shop"
line = "main"
targets = ["owner", { group = "sales", order = "longest_idle" }]
delay = "5h"
honeypot = "website"
countries = ["RU"]
per_address = 100000
"#;
/// Tries of waiting campaigns, spread over so long.
const SPREAD: Duration = Duration::from_secs(20);

/// Knows its employees and nobody else.
struct Office;

#[async_trait]
impl Crm for Office {
    fn name(&self) -> &'static str {
        "office"
    }

    async fn find(&self, _: &Phone) -> Result<Option<Client>, CrmError> {
        Ok(None)
    }

    async fn employees(&self) -> Result<Vec<Employee>, CrmError> {
        let employee = |n: u32| Employee {
            id: n.to_string().as_str().into(),
            name: format!("Employee {n}"),
            numbers: vec![Number::Line(Extension::parse(&n.to_string()).unwrap())],
            groups: vec!["sales".into()],
            deputy: None,
            status: Status::Active,
            online: None,
        };
        Ok((101..=106).map(employee).collect())
    }
}

/// A form with as many fields as a landing page sends.
fn order(n: u32, delay: Duration) -> Order {
    let fields = [
        ("utm_source", "yandex"),
        ("utm_medium", "cpc"),
        ("utm_campaign", "brand-2026-autumn"),
        ("utm_term", "office chairs"),
        ("page", "https://shop.example/catalogue/chairs?from=main"),
        ("roistat", "1234567"),
        ("product", "chair with armrests, black"),
    ];
    Order {
        kind: Kind::Form,
        phone: Phone::parse(&format!("+7916{n:07}"), Region::default()).unwrap(),
        site: "shop".into(),
        line: Some("main".into()),
        department: None,
        name: Some(format!("Client {n}")),
        comment: Some("please call me back about the chair, after lunch".into()),
        fields: fields.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
        wanted: None,
        timezone: None,
        targets: vec![
            Target::Owner,
            Target::Group { name: "sales".into(), order: GroupOrder::LongestIdle },
        ],
        policy: Policy {
            delay,
            ring: Duration::from_secs(20),
            retry: Duration::from_secs(3600),
            give_up: Duration::from_secs(7200),
            client_ring: Duration::from_secs(40),
            client_tries: 2,
            client_pause: Duration::from_secs(60),
            prompt: Prompt::Tone,
            key: None,
        },
    }
}

/// Resident memory of this process, in MB.
fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

/// Takes so many from many senders at once.
async fn take(app: &Arc<App>, from: u32, count: u32, delay: impl Fn(u32) -> Duration) -> Duration {
    let begun = Instant::now();
    let mut senders = Vec::new();
    for sender in 0..SENDERS {
        let app = app.clone();
        let orders: Vec<_> = (0..count / SENDERS)
            .map(|n| from + sender * (count / SENDERS) + n)
            .map(|n| (order(n, delay(n - from)), format!("key {n}")))
            .collect();
        senders.push(tokio::spawn(async move {
            let callbacks = app.callbacks.as_ref().unwrap();
            for (order, key) in orders {
                callbacks.take(order, Some(key)).await.unwrap();
            }
        }));
    }
    for sender in senders {
        sender.await.unwrap();
    }
    begun.elapsed()
}

/// Forms by HTTP, each sender on a connection of its own that stays open.
async fn send(http: SocketAddr, count: u32) -> Duration {
    let begun = Instant::now();
    let mut senders = Vec::new();
    for sender in 0..SENDERS {
        senders.push(tokio::spawn(async move {
            let mut wire = TcpStream::connect(http).await.unwrap();
            for n in 0..count / SENDERS {
                let body = format!(
                    "site=shop&phone=8+926+{:07}&name=%D0%98%D0%B2%D0%B0%D0%BD&comment=please+call+me+back\
                     &page=https%3A%2F%2Fshop.example%2Fchairs&utm_source=yandex&utm_medium=cpc&utm_campaign=brand\
                     &roistat=1234567&product=chair&idempotency_key={sender}-{n}",
                    sender * (count / SENDERS) + n,
                );
                let head = format!(
                    "POST /v1/callbacks HTTP/1.1\r\nHost: {http}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                     Content-Length: {}\r\n\r\n",
                    body.len()
                );
                wire.write_all((head + &body).as_bytes()).await.unwrap();
                let mut answer = Vec::new();
                // The answer is an object, and the last of it.
                while answer.last() != Some(&b'}') {
                    assert_ne!(wire.read_buf(&mut answer).await.unwrap(), 0);
                }
                assert!(answer.starts_with(b"HTTP/1.1 202"), "{}", String::from_utf8_lossy(&answer));
            }
        }));
    }
    for sender in senders {
        sender.await.unwrap();
    }
    begun.elapsed()
}

fn main() {
    tokio::runtime::Runtime::new().unwrap().block_on(run());
}

async fn run() {
    let folder = match std::env::var("DOZVON_BENCH_DIR") {
        Ok(folder) => tempfile::TempDir::new_in(folder).unwrap(),
        Err(_) => tempfile::TempDir::new().unwrap(),
    };
    let switch = FreeSwitch::builder().control("127.0.0.1:0");
    let lines = (101..=106).map(|n| n.to_string());
    let switch = lines.fold(switch, |switch, line| switch.phone(&line, Script::busy()));
    let switch = switch.start().await.unwrap();
    let mut config = Config::default();
    config.calls.listen = ([127, 0, 0, 1], 0).into();
    config.http.listen = config.calls.listen;
    let address = switch.control_address().unwrap().to_string();
    config.node = vec![Node { address, ..Node::default() }];
    config.store.path = folder.path().join("dozvon.sqlite");
    let sets = Sets::load(&Rules::default()).expect("the built-in set");
    let rules = format!("{}{SITE}", include_str!("../rules/routing.toml"));
    let routing = Routing::parse("bench.toml", &rules).unwrap();
    let app = Arc::new(App::start_ruled(&config, Arc::new(Office), routing, sets).await.unwrap());
    while app.callbacks.as_ref().unwrap().list(true, 1).await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    let before = memory();
    let taken = send(app.http, FORMS).await;
    // Until all of them have been identified and wait.
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!(
        "{FORMS} forms by HTTP from {SENDERS} senders: {:.0} a second, each durable before its answer; {:.0} MB more for {FORMS} campaigns that wait",
        f64::from(FORMS) / taken.as_secs_f64(),
        memory() - before,
    );

    let many = FORMS / 10;
    take(&app, FORMS, many, |n| Duration::from_secs(5) + SPREAD * n / many).await;
    tokio::time::sleep(SPREAD + Duration::from_secs(8)).await;
    let views = app.callbacks.as_ref().unwrap().list(true, many).await.unwrap();
    let mut late: Vec<Duration> = views
        .iter()
        .filter_map(|view| {
            let first = view.tries.iter().find(|t| matches!(t.whom, Whom::Manager { .. }))?;
            let wanted = view.accepted + view.order.policy.delay;
            Some(Duration::try_from(first.from.duration_since(wanted)).unwrap_or_default())
        })
        .collect();
    late.sort();
    let at = |part: usize| late.get(late.len() * part / 100).copied().unwrap_or_default();
    println!(
        "{} tries begun among {FORMS} that wait: late by {:?} at p50, {:?} at p99",
        late.len(),
        at(50),
        at(99),
    );
}
