//! Numbers that must be equal are equal: calls as the simulated FreeSWITCH saw them, as the metrics
//! count them and as the journal has them, after many calls with faults.

#![allow(clippy::unwrap_used, reason = "a test")]

mod faults;
#[path = "../support/in_process.rs"]
mod in_process;
mod numbers;

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use dozvon::app::App;
use dozvon::config::{Config, Node};
use dozvon::rules::set::Sets;
use dozvon::rules::{Routing, RuleSet};
use dozvon::sim::{
    Agent, Builder, CallReport, CallSpec, Caller, Connector, FreeSwitch, Outcome, Queue, Script,
};
use dozvon::store::Store;
use faults::{Faulty, cut};
use in_process::MemoryCrm;
use numbers::Page;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Calls of the test, unless `DOZVON_CALLS` says otherwise. A debug build needs two minutes for them.
const CALLS: usize = 10_000;
/// In hand at once.
const AT_ONCE: usize = 100;

const ROUTING: &str = r#"
schema = 1
timezone = "Europe/Moscow"
[blocked]
numbers = ["+74950000000"]
[lines.main]
numbers = "+74951234567"
route = "owner"
[lines.second]
numbers = "+74951234568"
route = "message"
[lines.third]
numbers = "any"
route = "passed_on"
[routes.owner]
title = "Owner, then queue"
why = "A05"
steps = [{ do = "owner", ring = "10s" }, { do = "queue", queue = "sales" }]
[routes.message]
title = "Employee, then message"
why = "B10"
steps = [{ do = "employee", employee = "103", ring = "2s" }, { do = "voicemail", mailbox = "100" }]
[routes.passed_on]
title = "An employee who passes on"
why = "A11"
steps = [{ do = "employee", employee = "104", ring = "10s" }]
"#;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn switch(engine: &str) -> Builder {
    FreeSwitch::builder()
        .speed(100.0)
        .tick(Duration::ZERO)
        .engine(engine)
        .phone("101", Script::answers(Duration::ZERO))
        .phone("102", Script::busy())
        .phone("103", Script::silent())
        .phone("104", Script::answers(Duration::ZERO).transfers(secs(1), "101"))
        .phone("106", Script::answers(secs(1)))
        .agent(Agent::new("egor", "106"))
        .queue("sales", Queue::new(&["egor"]))
        .voicemail("100")
}

/// What the callers do, in turn.
fn spec(number: usize) -> CallSpec {
    let talks = || Caller::stays().talks_for(secs(2));
    let (from, to, caller) = match number % 8 {
        0 => ("+79161110001", "+74951234567", talks()),
        1 => ("+79161110002", "+74951234567", talks()),
        2 => ("+79161110003", "+74951234567", Caller::stays().gives_up_after(secs(3))),
        3 => ("+79161110003", "+74951234568", Caller::stays().hangs_up_after(secs(20))),
        4 => ("+79161110001", "+74951234569", Caller::stays().hangs_up_after(secs(4))),
        5 => ("+74950000000", "+74951234567", Caller::stays()),
        6 => ("anonymous", "+74951234567", talks()),
        // Nobody knows him, and each time it is another.
        _ => return CallSpec::new(&format!("+7926{number:07}"), "+74951234567").caller(talks()),
    };
    CallSpec::new(from, to).caller(caller)
}

/// All of these calls, so many at once.
async fn run(switch: &FreeSwitch, calls: std::ops::Range<usize>) -> Vec<CallReport> {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for number in calls {
        let place = room.clone().acquire_owned().await.unwrap();
        let call = switch.call(spec(number));
        running.spawn(async move {
            let report = tokio::time::timeout(secs(60), call.report()).await;
            drop(place);
            report.unwrap()
        });
    }
    running.join_all().await
}

/// How the engine calls what a caller has seen.
fn word(report: &CallReport) -> &'static str {
    match report.outcome {
        Outcome::Talked => "answered",
        Outcome::Voicemail => "voicemail",
        Outcome::GaveUp => "abandoned",
        Outcome::Refused => "rejected",
        Outcome::DialplanFallback => panic!("the engine led it: {report:?}"),
    }
}

fn text<'a>(of: &'a Value, key: &str) -> &'a str {
    of[key].as_str().unwrap_or_default()
}

fn tally<T>(of: &[T], key: impl Fn(&T) -> String) -> BTreeMap<String, u64> {
    let mut tally = BTreeMap::new();
    for one in of {
        *tally.entry(key(one)).or_default() += 1;
    }
    tally
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_the_same_many_in_metrics_journal_and_freeswitch_whatever_fails() {
    let calls = std::env::var("DOZVON_CALLS").map_or(CALLS, |calls| calls.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.store.path = folder.path().join("dozvon.sqlite");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    (config.calls.listen, config.http.listen) = (any, any);
    // Port 9 is nobody's: the control link stays down.
    config.node = vec![Node { address: "127.0.0.1:9".into(), ..Node::default() }];
    config.outbox.memory = NonZeroUsize::new(calls * 10).unwrap();
    let clients = MemoryCrm::default()
        .client("+79161110001", "Ольга", "e101")
        .client("+79161110002", "Иван", "e102")
        .client("+79161110003", "Анна", "e103");
    let set = RuleSet::builtin("amocrm-classic").unwrap().unwrap();
    let app = App::start_ruled(
        &config,
        Arc::new(Faulty::new(clients)),
        Routing::parse("test.toml", ROUTING).unwrap(),
        Sets::only(Arc::new(set)),
    );
    let app = app.await.unwrap();
    let (metrics, address) = (app.engine.metrics.clone(), app.calls.to_string());

    // One FreeSWITCH is well, but for a while it cannot reach the engine; the connections of the
    // other break.
    let (well, ill) = (switch(&address), switch(&address).connector(Connector::Custom(cut())));
    let (well, ill) = (well.start().await.unwrap(), ill.start().await.unwrap());
    let (part, rest) = (calls / 10, calls % 10);
    let mut led = run(&well, 0..4 * part).await;
    well.set_engine("127.0.0.1:9");
    let fallen = run(&well, 0..part).await;
    well.set_engine(&address);
    led.extend(run(&well, 4 * part..8 * part).await);
    let broken = run(&ill, 0..part + rest).await;
    app.drain(Duration::ZERO, std::future::pending()).await;

    let page = Page::read(&metrics.render());
    let store = Store::open(&config.store.path).await.unwrap();
    let rows: Vec<String> =
        sqlx::query_scalar("SELECT record FROM call_record").fetch_all(store.pool()).await.unwrap();
    let records: Vec<Value> = rows.iter().map(|row| serde_json::from_str(row).unwrap()).collect();

    // What FreeSWITCH saw: calls the engine never heard of, and those that were over before it said
    // a word. They are counted nowhere, and only as connections.
    assert!(fallen.iter().all(|report| report.outcome == Outcome::DialplanFallback));
    assert!(led.iter().chain(&broken).all(|report| report.channels_left == 0));
    let connections = led.iter().chain(&broken).map(|r| r.connections as u64).sum::<u64>();
    assert_eq!(page.sum("dozvon_esl_sessions_total"), connections);
    let all = led.len() + broken.len();
    led.retain(|report| report.commands > 0);
    let broken: Vec<_> = broken.into_iter().filter(|report| report.commands > 0).collect();
    // A connection that broke before it said who calls: the only one of its call, or the second one
    // of a call that was passed on.
    let early = page.series("dozvon_esl_sessions_total").remove("end=\"closed\"");
    let silent = (all - led.len() - broken.len()) as u64;
    let second = broken.iter().map(|report| report.connections as u64 - 1).sum::<u64>();
    let early = early.unwrap_or_default();
    assert!((silent..=silent + second).contains(&early), "{silent} and {second}: {early}");

    // Each other call has one record, which says what the caller has seen.
    let ids = |reports: &[CallReport]| -> HashSet<String> {
        reports.iter().map(|report| report.uuid.clone()).collect()
    };
    let (seen_well, seen_ill) = (ids(&led), ids(&broken));
    let (of_well, of_ill): (Vec<_>, Vec<_>) =
        records.iter().partition(|record| seen_well.contains(text(record, "id")));
    let outcome = |record: &&Value| text(record, "outcome").to_owned();
    let id = |record: &&Value| text(record, "id").to_owned();
    assert_eq!(tally(&of_well, outcome), tally(&led, |report| word(report).to_owned()));
    assert!(of_ill.iter().all(|record| seen_ill.contains(text(record, "id"))));
    // Each once. A call whose connection broke is left to FreeSWITCH; one that comes back on another
    // connection, because it is passed on, is led anew and has a record of that.
    let (well_times, ill_times) = (tally(&of_well, id), tally(&of_ill, id));
    assert!(of_well.len() == led.len() && well_times.len() == led.len());
    assert_eq!(ill_times.len(), broken.len());
    for report in &broken {
        let times = ill_times[&report.uuid];
        assert!(times <= report.connections as u64, "{times} records: {report:?}");
    }

    // What the metrics count.
    let labels = |record: &Value| {
        let (direction, line) = (text(record, "direction"), text(record, "line"));
        let outcome = text(record, "outcome");
        format!("direction=\"{direction}\",line=\"{line}\",outcome=\"{outcome}\"")
    };
    assert_eq!(page.series("dozvon_calls_total"), tally(&records, labels));
    let outcomes =
        |word: &str| records.iter().filter(|r| text(r, "outcome") == word).count() as u64;
    assert!(outcomes("left_to_switch") > 0, "no connection broke in a call");
    let list = |record: &Value, key: &str| record[key].as_array().unwrap().clone();
    for (name, count) in [
        ("dozvon_call_answer_seconds_count", outcomes("answered")),
        ("dozvon_call_talk_seconds_count", outcomes("answered")),
        ("dozvon_call_abandon_seconds_count", outcomes("abandoned")),
        ("dozvon_calls_active", 0),
        ("dozvon_esl_sessions_open", 0),
        ("dozvon_outbox_lost_total", 0),
    ] {
        assert_eq!(page.sum(name), count, "{name}");
    }
    let tried = records.iter().flat_map(|record| list(record, "attempts"));
    let no_phone = |what: &str| what.starts_with("queue") || what == "voicemail";
    let rung = tried.filter(|a| !a["result"].is_null() && !no_phone(text(a, "what")));
    assert_eq!(page.sum("dozvon_ring_attempts_total"), rung.count() as u64);
    // What the journal was told of the calls FreeSWITCH led to their end.
    let events: Vec<(String, String)> =
        sqlx::query_as("SELECT call, event FROM journal").fetch_all(store.pool()).await.unwrap();
    let told = |event: &str| {
        events.iter().filter(|(call, e)| e == event && seen_well.contains(call)).count()
    };
    let saw = |outcome: Outcome| led.iter().filter(|report| report.outcome == outcome).count();
    assert_eq!(told("answered"), saw(Outcome::Talked));
    // A caller who hangs up in the moment in which he is passed on: neither connection tells of it.
    // The control link does (`tests/survivors.rs`), and there is none here.
    let unseen = |r: &&&Value| text(r, "outcome") == "answered" && r["hangup_cause"].is_null();
    assert_eq!(told("ended") + of_well.iter().filter(unseen).count(), saw(Outcome::Talked));
    assert_eq!(told("voicemail"), saw(Outcome::Voicemail));
    assert_eq!(told("missed"), saw(Outcome::Voicemail) + saw(Outcome::GaveUp));
    assert!(page.sum("dozvon_crm_requests_total") > 0 && page.is_some("outcome=\"fault\""));
}
