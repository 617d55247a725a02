//! A real Prometheus scrapes the demo while its story is played, and a second one that meets
//! faults: every panel has an answer, and the alerts that should fire do. Skipped, and said, where
//! there is no `prometheus` (Debian: `apt-get install prometheus`).
//!
//! The alerts' times are those of the source divided by [`PACE`]; thresholds are as they are.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use dozvon::demo::{Stage, random_call};
use dozvon::http::client;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::picture::{self, Answer};
use crate::rules::Pace;
use crate::rules_for;
use crate::source::{Kind, Source, filled};

/// A minute is two seconds.
const PACE: Pace = Pace(30);
/// Whatever is waited for.
const LONG: Duration = Duration::from_secs(40);

/// Ended with the test, by its own handle.
struct Prometheus {
    _child: Child,
    base: String,
    http: reqwest::Client,
    began: Instant,
    _folder: TempDir,
}

impl Prometheus {
    /// `None`: there is none on this machine.
    async fn start(source: &Source, targets: &[String]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in rules_for(source, PACE) {
            fs::write(folder.path().join(format!("{name}.yml")), text).unwrap();
        }
        let example = fs::read_to_string(crate::source::folder().join("prometheus/prometheus.yml"));
        let config = example
            .unwrap()
            .replace("scrape_interval: 5s", "scrape_interval: 1s")
            .replace("evaluation_interval: 15s", "evaluation_interval: 1s")
            .replace("[\"127.0.0.1:8080\"]", &format!("{targets:?}"));
        fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = Command::new("prometheus")
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn"])
            .arg(format!("--web.listen-address={port}"))
            .current_dir(folder.path())
            .kill_on_drop(true)
            .spawn();
        let child = match child {
            Ok(child) => child,
            Err(error) => {
                eprintln!("skipped: no prometheus ({error}); install the package prometheus");
                return None;
            }
        };
        let (base, http) = (format!("http://{port}"), client().build().unwrap());
        let began = Instant::now();
        let prometheus = Self { _child: child, base, http, began, _folder: folder };
        let ready = async {
            let url = format!("{}/-/ready", prometheus.base);
            while !prometheus.http.get(&url).send().await.is_ok_and(|is| is.status().is_success()) {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(LONG, ready).await.expect("Prometheus is ready");
        Some(prometheus)
    }

    async fn get(&self, path: &str, query: &[(&str, String)]) -> Value {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(query);
        let url = format!("{}/api/v1/{path}?{}", self.base, form.finish());
        let answer = self.http.get(url).send().await.unwrap().text().await.unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["status"], "success", "{query:?}: {answer}");
        answer["data"].clone()
    }

    /// An expression from the beginning until now, as a panel over that time asks it.
    async fn asked(&self, expr: &str, at_once: bool) -> Vec<Answer> {
        let now = jiff::Timestamp::now().as_millisecond();
        let passed = i64::try_from(self.began.elapsed().as_millis()).unwrap();
        let seconds = |ms: i64| format!("{}.{:03}", ms / 1000, ms % 1000);
        let expr = filled(expr, &format!("{}s", passed / 1000), "8s");
        let mut query = vec![("query", expr)];
        let path = if at_once {
            query.push(("time", seconds(now)));
            "query"
        } else {
            let (start, end) = (seconds(now - passed), seconds(now));
            query.extend([("start", start), ("end", end), ("step", "1s".into())]);
            "query_range"
        };
        let data = self.get(path, &query).await;
        data["result"].as_array().unwrap().iter().map(Answer::read).collect()
    }

    /// Alerts that fire, with their labels.
    async fn firing(&self) -> Vec<Value> {
        let data = self.get("alerts", &[]).await;
        let alerts = data["alerts"].as_array().unwrap().iter();
        alerts.filter(|one| one["state"] == "firing").map(|one| one["labels"].clone()).collect()
    }

    async fn fires(&self, alert: &str, instance: Option<&str>) {
        let wait = async {
            loop {
                let firing = self.firing().await;
                let is = |labels: &Value| {
                    let there = instance.is_none_or(|instance| labels["instance"] == instance);
                    labels["alertname"] == alert && there
                };
                if firing.iter().any(is) {
                    return;
                }
                sleep(Duration::from_millis(300)).await;
            }
        };
        if timeout(LONG, wait).await.is_err() {
            panic!("{alert} does not fire for {instance:?}; {:?} do", self.firing().await);
        }
    }
}

/// `dozvon demo`, and where its metrics are. Its lines are read until the story is over.
async fn demo(folder: &TempDir) -> (Child, String, tokio::task::JoinHandle<()>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dozvon"))
        .args(["demo", "--speed", "20", "--http", "127.0.0.1:0"])
        .current_dir(folder.path())
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut told = async |what: &str| {
        loop {
            let line = lines.next_line().await.unwrap().expect("the demo goes on");
            if line.contains(what) {
                return line;
            }
        }
    };
    let line = told("Metrics: http://").await;
    let address = line.trim_start_matches("Metrics: http://").trim_end_matches("/metrics").into();
    let story = tokio::spawn(async move {
        timeout(LONG * 2, async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if line.contains(" scenes ended as told.") {
                    // What comes now is nobody's, but it must go somewhere.
                    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                    return;
                }
            }
            panic!("the demo ended");
        })
        .await
        .expect("the story comes to its end");
    });
    (child, address, story)
}

async fn calls(stage: &Stage, seconds: u64) {
    let until = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < until {
        drop(stage.switch.call(random_call(&stage.switch)));
        sleep(Duration::from_millis(150)).await;
    }
}

/// Every panel over the whole time.
async fn panels(source: &Source, prometheus: &Prometheus) {
    for (board, panel) in source.panels() {
        let at_once = matches!(panel.kind, Kind::Stat | Kind::Table);
        for query in &panel.queries {
            let answers = prometheus.asked(&query.expr, at_once).await;
            let place = format!("{}, {}: {}", board.title, panel.title, query.expr);
            let mut numbers = answers.iter().flat_map(|answer| &answer.points).map(|(_, y)| *y);
            if at_once {
                assert!(!answers.is_empty() && numbers.all(f64::is_finite), "{place}: {answers:?}");
            } else {
                assert!(numbers.any(f64::is_finite), "{place}: {answers:?}");
            }
        }
    }
    for mark in &source.common.annotations {
        prometheus.asked(&mark.expr, false).await;
    }
    for variable in &source.common.variables {
        let path = format!("label/{}/values", variable.name);
        let data = prometheus.get(&path, &[("match[]", variable.of.clone())]).await;
        assert!(!data.as_array().unwrap().is_empty(), "${}", variable.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_panel_has_an_answer_and_faults_are_alerted_on() {
    let source = Source::read();
    let folder = tempfile::tempdir().unwrap();
    let (mut first, first_at, story) = demo(&folder).await;
    let stage = Stage::set(20.0, "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let second_at = stage.app.http.to_string();
    let targets = [first_at.clone(), second_at.clone()];
    let Some(prometheus) = Prometheus::start(&source, &targets).await else { return };

    let ask = async |expr: &str, at_once| prometheus.asked(expr, at_once).await;

    // All is well.
    calls(&stage, 15).await;
    story.await.unwrap();
    calls(&stage, if picture::wanted() { 30 } else { 5 }).await;
    panels(&source, &prometheus).await;
    picture::draw(&source, "noc", ask).await;
    let quiet = ["EngineDown", "AbsentMetrics", "NoSessionsWhileCalls", "LinkDown"];
    for labels in prometheus.firing().await {
        assert!(!quiet.contains(&labels["alertname"].as_str().unwrap()), "{labels}");
    }
    // The simulated world is twenty times faster, and so is its clock.
    prometheus.fires("ClockSkew", Some(&second_at)).await;

    // An engine is killed; the other one's CRM is down.
    first.kill().await.unwrap();
    stage.crm_down(true).await;
    let faults = async {
        prometheus.fires("EngineDown", Some(&first_at)).await;
        prometheus.fires("CrmDown", Some(&second_at)).await;
    };
    during(&stage, faults).await;
    picture::draw(&source, "noc-faults", ask).await;
    stage.crm_down(false).await;

    // FreeSWITCH's calls do not reach the engine that is left; then FreeSWITCH itself is gone.
    stage.switch.set_engine("127.0.0.1:1");
    during(&stage, prometheus.fires("NoSessionsWhileCalls", None)).await;
    stage.switch.stop_control();
    prometheus.fires("LinkDown", Some(&second_at)).await;

    // Nothing is left at all.
    stage.strike().await;
    prometheus.fires("AbsentMetrics", None).await;
}

/// Calls come meanwhile.
async fn during(stage: &Stage, wait: impl Future<Output = ()>) {
    tokio::select! {
        () = wait => {}
        () = calls(stage, 2 * LONG.as_secs()) => {}
    }
}
