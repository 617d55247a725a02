//! `/metrics` in both formats: read by a strict parser, by promtool, and by a real Prometheus where
//! one is installed.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "../support/in_process.rs"]
mod engine;
mod parser;

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dozvon::sim::{CallSpec, Caller, FreeSwitch, Script};
use engine::{Engine, MemoryCrm};
use serde_json::Value;

const OLGA: &str = "+79161110001";
const LINE: &str = "+74951234567";
/// What Prometheus 2.42 sends.
const ACCEPT: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;\
    version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
/// Of a call: histograms whose buckets name it.
const OF_CALLS: [&str; 4] = [
    "dozvon_call_answer_seconds",
    "dozvon_lookup_seconds",
    "dozvon_route_decision_seconds",
    "dozvon_first_command_seconds",
];

/// An engine after one call, and the call.
async fn after_a_call() -> (Engine, String) {
    let mut engine = Engine::start(MemoryCrm::default().client(OLGA, "Ольга", "e101")).await;
    let switch = FreeSwitch::builder()
        .speed(40.0)
        .engine(&engine.app.calls.to_string())
        .phone("101", Script::answers(Duration::from_secs(1)))
        .start()
        .await
        .unwrap();
    let caller = Caller::stays().talks_for(Duration::from_secs(2));
    let report = switch.call(CallSpec::new(OLGA, LINE).caller(caller)).report().await;
    engine.record().await;
    (engine, report.uuid)
}

async fn page(engine: &Engine, accept: &str) -> (String, String) {
    let url = format!("http://{}/metrics", engine.app.http);
    let client = dozvon::http::client().build().unwrap();
    let answer = client.get(url).header("accept", accept).send().await.unwrap();
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    (kind, answer.text().await.unwrap())
}

/// Whether it is installed; says so where it is not.
fn installed(program: &str) -> bool {
    let runs =
        Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let found = runs.is_ok_and(|status| status.success());
    if !found {
        eprintln!("skipped: {program} is not installed (Debian: prometheus)");
    }
    found
}

#[tokio::test]
async fn a_scraper_that_asks_for_openmetrics_gets_it_with_the_calls_trace() {
    let (engine, call) = after_a_call().await;
    let (kind, page) = page(&engine, ACCEPT).await;
    assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let families = parser::parse(&page);
    let calls = &families["dozvon_calls"];
    assert_eq!(
        (calls.kind.as_str(), calls.samples[0].name.as_str()),
        ("counter", "dozvon_calls_total")
    );
    for name in OF_CALLS {
        let family = &families[name];
        assert_eq!(family.unit.as_deref(), Some("seconds"), "{name}");
        let exemplars: Vec<_> = family.samples.iter().filter_map(|s| s.exemplar.as_ref()).collect();
        let [exemplar] = exemplars[..] else { panic!("{name}: {exemplars:?}") };
        assert_eq!(exemplar.trace, call.replace('-', ""), "{name}");
        assert!(exemplar.at > 1.7e9, "{exemplar:?}");
    }
}

#[tokio::test]
async fn both_formats_tell_the_same_series() {
    let (engine, _) = after_a_call().await;
    let series = |page: String| {
        let lines = page.lines().filter(|line| !line.starts_with('#'));
        // Values of the process change from one page to the next.
        let line =
            |line: &str| line.split(" # ").next().unwrap().rsplit_once(' ').unwrap().0.to_owned();
        lines.map(line).collect::<Vec<_>>()
    };
    let (kind, plain) = page(&engine, "*/*").await;
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    let (_, open) = page(&engine, ACCEPT).await;
    assert!(plain.contains("le=\"20.0\"") && !plain.contains("trace_id"), "{plain}");
    assert_eq!(series(plain), series(open));
}

#[tokio::test]
async fn promtool_has_nothing_to_say_of_the_plain_page() {
    if !installed("promtool") {
        return;
    }
    let (engine, _) = after_a_call().await;
    let (_, page) = page(&engine, "").await;
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let said = promtool.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success() && text.is_empty(), "{text}");
}

/// Killed when the test ends.
struct Prometheus(Child);

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn prometheus(folder: &Path, target: &str, listen: &str) -> Prometheus {
    let config = format!(
        "global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: dozvon\n    \
         static_configs:\n      - targets: [\"{target}\"]\n"
    );
    std::fs::write(folder.join("prometheus.yml"), config).unwrap();
    let child = Command::new("prometheus")
        .current_dir(folder)
        .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
        .args(["--enable-feature=exemplar-storage", "--log.level=warn"])
        .arg(format!("--web.listen-address={listen}"))
        .spawn();
    Prometheus(child.unwrap())
}

#[tokio::test]
async fn a_real_prometheus_takes_the_page_and_its_exemplars() {
    if !installed("prometheus") {
        return;
    }
    let (engine, call) = after_a_call().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let _running = prometheus(folder.path(), &engine.app.http.to_string(), &free.to_string());
    let client = dozvon::http::client().build().unwrap();
    let ask = async |path: &str| -> Option<Value> {
        let answer = client.get(format!("http://{free}/api/v1/{path}")).send().await.ok()?;
        answer.json().await.ok()
    };
    let found = async {
        loop {
            let asked =
                "query_exemplars?query=dozvon_call_answer_seconds_bucket&start=1&end=9999999999";
            if let Some(answer) = ask(asked).await
                && let Some(exemplar) = answer.pointer("/data/0/exemplars/0/labels/trace_id")
            {
                return exemplar.clone();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(60), found).await;
    let targets = ask("targets").await.unwrap_or_default();
    assert_eq!(found.ok(), Some(call.replace('-', "").into()), "{targets}");
    assert_eq!(targets.pointer("/data/activeTargets/0/lastError"), Some(&"".into()), "{targets}");
    let count =
        ask("query?query=sum(dozvon_call_answer_seconds_bucket{le=\"20.0\"})").await.unwrap();
    assert_eq!(count.pointer("/data/result/0/value/1"), Some(&"1".into()), "{count}");
}
