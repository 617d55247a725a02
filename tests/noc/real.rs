//! A real Prometheus scrapes the demo while its story is played, and a second one that meets
//! faults: every panel has an answer, and the alerts that should fire do. A third engine gets wrong
//! rules and a store in which things are stuck. Skipped, and said, where there is no `prometheus`
//! (Debian: `apt-get install prometheus`).
//!
//! The alerts' times are those of the source divided by [`PACE`]; thresholds are as they are.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use dozvon::demo::{LINE, Stage, random_call};
use dozvon::http::client;
use dozvon::sim::{CallSpec, Caller, Script};
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

/// Between two calls the one agent of the queue can keep up with.
const PAUSE: Duration = Duration::from_millis(600);

async fn calls(stage: &Stage, seconds: u64, pause: Duration) {
    let until = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < until {
        drop(stage.switch.call(random_call(&stage.switch)));
        sleep(pause).await;
    }
}

/// A client gives up before anybody answers, calls again and is answered.
async fn missed_and_returned(stage: &Stage) {
    stage.switch.set_phone("106", Script::answers(Duration::from_secs(6)));
    let call = |caller| stage.switch.call(CallSpec::new("+79265550009", LINE).caller(caller));
    call(Caller::stays().gives_up_after(Duration::from_secs(3))).report().await;
    call(Caller::stays().talks_for(Duration::from_secs(3))).report().await;
}

/// What the number of a panel on the NOC board is.
async fn shown(source: &Source, prometheus: &Prometheus, title: &str) -> f64 {
    let panel = source.boards[0].rows.iter().flat_map(|row| &row.panels);
    let panel = panel.into_iter().find(|panel| panel.title == title).expect(title);
    let answers = prometheus.asked(&panel.queries[0].expr, true).await;
    answers[0].points[0].1
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
    calls(&stage, 15, PAUSE).await;
    missed_and_returned(&stage).await;
    story.await.unwrap();
    calls(&stage, if picture::wanted() { 60 } else { 5 }, PAUSE).await;
    panels(&source, &prometheus).await;
    for target in &targets {
        let page = prometheus.http.get(format!("http://{target}/metrics")).send().await;
        let page = page.unwrap().text().await.unwrap();
        let unlisted = crate::whole::unlisted(&page);
        assert!(unlisted.is_empty(), "add them to src/metrics/zero.rs: {unlisted:?}");
    }
    picture::draw(&source, "noc", ask).await;
    let level = shown(&source, &prometheus, "Service level 80/20").await;
    let reached = shown(&source, &prometheus, "Owner reached").await;
    let given_up = shown(&source, &prometheus, "Abandoned").await;
    assert!((0.5..=1.0).contains(&level), "{level}");
    assert!((0.1..1.0).contains(&reached), "busy and silent owners are not reached: {reached}");
    assert_eq!(shown(&source, &prometheus, "Engines up").await, 1.0);
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
    // Everybody goes to the queue, those of the other engine as well, and one agent is too few.
    calls(&stage, 15, PAUSE / 3).await;
    picture::draw(&source, "noc-faults", ask).await;
    let worse = shown(&source, &prometheus, "Service level 80/20").await;
    assert!(worse < level, "{worse} after {level}");
    let more = shown(&source, &prometheus, "Abandoned").await;
    assert!(more > given_up && more > 0.0, "{more} after {given_up}");
    assert_eq!(shown(&source, &prometheus, "Engines up").await, 0.5);
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
        () = calls(stage, 2 * LONG.as_secs(), PAUSE / 2) => {}
    }
}

/// `dozvon serve` in a folder of its own, with rules and store there.
async fn serve(folder: &TempDir, http: &str) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dozvon"))
        .args(["serve", "--sample"])
        .current_dir(folder.path())
        .env("DOZVON_CALLS__LISTEN", "127.0.0.1:0")
        .env("DOZVON_HTTP__LISTEN", http)
        .env("DOZVON_LOG__FORMAT", "json")
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let ready = async {
        loop {
            let line = lines.next_line().await.unwrap().expect("the engine starts");
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["message"] == "ready for calls" {
                return line["http"].as_str().unwrap().to_owned();
            }
        }
    };
    let at = timeout(LONG, ready).await.expect("the engine is ready");
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, at)
}

/// What nobody goes on with: an entry that was tried and waits for long, one that is parked, and a
/// callback that was due and cannot be read.
const STUCK: [&str; 4] = [
    "INSERT INTO journal (id, call, seq, at, event, direction, facts, hash) \
     VALUES (1, 'c1', 1, ?1, 'ended', 'inbound', '{}', 'h'), (2, 'c2', 1, ?1, 'ended', 'inbound', '{}', 'h')",
    "INSERT INTO outbox (journal, call, client, lane, state, settled, actions, progress, tries, next_try, since, created, updated) \
     VALUES (1, 'c1', 'k1', 'crm', 'waiting', 1, '[]', '[]', 3, ?1 + 86400000000, ?1, ?1, ?1)",
    "INSERT INTO outbox (journal, call, client, lane, state, settled, actions, progress, tries, next_try, since, created, updated) \
     VALUES (2, 'c2', 'k2', 'crm', 'parked', 1, '[]', '[]', 1, ?1, ?1, ?1, ?1)",
    "INSERT INTO callback (id, phone, kind, stage, next, accepted, updated, running, alive, state) \
     VALUES ('b1', '+79160000009', 'form', 'waiting', ?1, ?1, ?1, 1, 1, '{}')",
];

#[tokio::test(flavor = "multi_thread")]
async fn wrong_rules_and_what_is_stuck_are_alerted_on_and_a_restart_is_marked() {
    let (source, folder) = (Source::read(), tempfile::tempdir().unwrap());
    fs::create_dir(folder.path().join("rules")).unwrap();
    let file = folder.path().join("rules/routing.toml");
    let rules = include_str!("../../rules/routing.toml");
    fs::write(&file, rules).unwrap();
    let (mut engine, at) = serve(&folder, "127.0.0.1:0").await;
    let Some(prometheus) = Prometheus::start(&source, std::slice::from_ref(&at)).await else {
        return;
    };
    let marked = async |name: &str| {
        let mark = source.common.annotations.iter().find(|mark| mark.name == name).unwrap();
        let wait = async {
            while prometheus.asked(&mark.expr, false).await.is_empty() {
                sleep(Duration::from_millis(300)).await;
            }
        };
        assert!(timeout(LONG, wait).await.is_ok(), "no mark `{name}`");
    };
    // Some scrapes, so that there is something to differ from.
    let scraped = async || {
        let wait = async {
            let expr = "count_over_time(up{job=\"dozvon\"}[10s]) > 2 and up == 1";
            while prometheus.asked(expr, true).await.is_empty() {
                sleep(Duration::from_millis(300)).await;
            }
        };
        timeout(LONG, wait).await.expect("it is scraped");
    };
    scraped().await;

    fs::write(&file, format!("# Other rules.\n{rules}")).unwrap();
    marked("Rules taken over").await;
    fs::write(&file, format!("{rules}\nnonsense = 1\n")).unwrap();
    prometheus.fires("RulesReloadFailed", Some(&at)).await;

    let store = dozvon::store::Store::open(folder.path().join("dozvon.sqlite")).await.unwrap();
    let long_ago = jiff::Timestamp::now().as_microsecond() - 400_000_000;
    for statement in STUCK {
        sqlx::query(statement).bind(long_ago).execute(store.pool()).await.unwrap();
    }
    for alert in ["OutboxStuck", "OutboxParked", "CampaignsStarved"] {
        prometheus.fires(alert, None).await;
    }

    fs::write(&file, rules).unwrap();
    engine.kill().await.unwrap();
    let (_engine, again) = serve(&folder, &at).await;
    assert_eq!(again, at);
    marked("Engine started").await;
}
