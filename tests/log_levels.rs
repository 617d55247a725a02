//! What is logged is changed while the engine runs, and the log shows it.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dozvon::sim::{CallSpec, Caller, FreeSwitch, Script};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::sleep;

struct Engine {
    child: Child,
    lines: Arc<Mutex<Vec<Value>>>,
    folder: TempDir,
}

impl Engine {
    /// Logs as JSON from `info` on.
    fn start() -> Self {
        Self::writing("json")
    }

    fn writing(format: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_dozvon"))
            .args(["serve", "--sample"])
            .current_dir(folder.path())
            .env("DOZVON_CALLS__LISTEN", "127.0.0.1:0")
            .env("DOZVON_HTTP__LISTEN", "127.0.0.1:0")
            .env("DOZVON_LOG__FORMAT", format)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Arc::<Mutex<Vec<Value>>>::default();
        let (pipe, kept) = (BufReader::new(child.stderr.take().unwrap()), lines.clone());
        std::thread::spawn(move || {
            for line in pipe.lines().map_while(Result::ok) {
                let read = serde_json::from_str(&line).unwrap_or_else(|_| plain(&line));
                kept.lock().unwrap().push(read);
            }
        });
        Self { child, lines, folder }
    }

    fn lines(&self, message: &str) -> Vec<Value> {
        let lines = self.lines.lock().unwrap();
        let is = |line: &&Value| {
            let plain = line["plain"].as_str().is_some_and(|plain| plain.contains(message));
            line["message"] == message || plain
        };
        lines.iter().filter(is).cloned().collect()
    }

    async fn says(&self, message: &str, times: usize) -> Vec<Value> {
        let said = async {
            while self.lines(message).len() < times {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let said = tokio::time::timeout(Duration::from_secs(30), said).await;
        assert!(said.is_ok(), "{times} × {message}: {:#?}", self.lines.lock().unwrap());
        self.lines(message)
    }

    /// A call from beginning to end; `number`: the how-manieth. Its id.
    async fn call(&self, number: usize) -> String {
        let ready = &self.says("ready for calls", 1).await[0];
        let switch = FreeSwitch::builder()
            .speed(40.0)
            .engine(ready["calls"].as_str().unwrap())
            .phone("101", Script::answers(Duration::from_secs(1)))
            .start()
            .await
            .unwrap();
        let caller = Caller::stays().talks_for(Duration::from_secs(2));
        let spec = CallSpec::new("+79161110001", "+74951234567").caller(caller);
        let report = switch.call(spec).report().await;
        self.says("call ended", number).await;
        report.uuid
    }

    async fn log(&self, method: Method, body: Value) -> (u16, String, Value) {
        let ready = &self.says("ready for calls", 1).await[0];
        let url = format!("http://{}/v1/log", ready["http"].as_str().unwrap());
        let client = dozvon::http::client().build().unwrap();
        let answer = client.request(method, url).body(body.to_string()).send().await.unwrap();
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        (answer.status().as_u16(), kind, answer.json().await.unwrap())
    }

    async fn level(&self) -> Value {
        self.log(Method::GET, Value::Null).await.2
    }
}

/// A line for people: its words, and what stands in it as `name=value`.
fn plain(line: &str) -> Value {
    let mut read = serde_json::Map::new();
    for (name, value) in line.split([' ', '{', '}']).filter_map(|word| word.split_once('=')) {
        read.insert(name.to_owned(), value.trim_matches('"').into());
    }
    read.insert("plain".to_owned(), line.into());
    read.into()
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_module_is_made_chatty_for_a_call_and_quiet_again() {
    let engine = Engine::start();
    engine.call(1).await;
    assert_eq!(engine.lines("decided").len(), 0);
    let chatty = json!({"level": "info,dozvon::switch=debug", "for": "10m"});
    let (status, _, told) = engine.log(Method::PUT, chatty).await;
    assert_eq!((status, &told["level"]), (200, &json!("info,dozvon::switch=debug")));
    assert!(told["until"].is_string(), "{told}");
    let call = engine.call(2).await;
    let decided = engine.says("decided", 1).await;
    assert_eq!(decided[0]["span"]["id"], call);
    assert_eq!(decided[0]["span"]["trace_id"], call.replace('-', ""), "for machines: {decided:?}");
    let (status, _, told) = engine.log(Method::DELETE, Value::Null).await;
    let configured = json!({"level": "info", "configured": "info", "until": null});
    assert_eq!((status, told), (200, configured));
    engine.call(3).await;
    assert_eq!(engine.lines("decided").len(), 1);
    let audited = engine.lines("audit: something was changed");
    let [chatty, reset] = &audited[..] else { panic!("{audited:?}") };
    let what = chatty["what"].as_str().unwrap();
    assert!(what.starts_with("what is logged is `info,dozvon::switch=debug` until 20"), "{what}");
    assert_eq!((&chatty["who"], &chatty["target"]), (&"this machine".into(), &"audit".into()));
    assert_eq!(reset["what"], "what is logged is as configured from now on");
}

#[tokio::test]
async fn a_level_for_a_time_goes_back_by_itself() {
    let engine = Engine::start();
    let (status, ..) = engine.log(Method::PUT, json!({"level": "debug", "for": "100ms"})).await;
    assert_eq!(status, 200);
    let back = async {
        while engine.level().await["level"] != "info" {
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), back).await.unwrap();
    assert_eq!(engine.level().await["until"], Value::Null);
    engine.says("what is logged is as configured again: the time is over", 1).await;
}

#[tokio::test]
async fn whoever_silences_the_log_stands_in_it() {
    let engine = Engine::start();
    let (status, ..) = engine.log(Method::PUT, json!({"level": "off"})).await;
    assert_eq!(status, 200);
    let audited = engine.says("audit: something was changed", 1).await;
    assert_eq!(audited[0]["what"], "what is logged is `off` from now on");
}

#[tokio::test]
async fn what_is_no_level_is_refused_and_changes_nothing() {
    let engine = Engine::start();
    for (body, status) in [
        (json!({"level": "loud"}), 422),
        (json!({"level": "info,dozvon=loud"}), 422),
        (json!({"level": "debug", "for": "soon"}), 400),
        (json!({"level": "debug", "for": "0s"}), 400),
        (json!({"levl": "debug"}), 400),
        (json!("debug"), 400),
    ] {
        let (told, kind, problem) = engine.log(Method::PUT, body.clone()).await;
        assert_eq!(
            (told, kind.as_str()),
            (status, "application/problem+json"),
            "{body}: {problem}"
        );
        assert!(problem["help"].as_str().unwrap().contains("dozvon::switch=debug"), "{problem}");
    }
    assert_eq!(engine.level().await["level"], "info");
}

/// Whoever has a line has the trace, and whoever has the trace finds what the CRM was told.
#[tokio::test]
async fn lines_of_a_call_name_its_trace_for_people_too_and_so_does_the_outbox() {
    let engine = Engine::writing("text");
    let call = engine.call(1).await;
    let trace = call.replace('-', "");
    for message in ["call arrived", "answered", "call ended"] {
        let line = &engine.says(message, 1).await[0];
        assert_eq!((&line["id"], &line["trace_id"]), (&json!(call), &json!(trace)), "{line}");
    }
    let outbox = |args: &[&str]| {
        let mut dozvon = Command::new(env!("CARGO_BIN_EXE_dozvon"));
        let out = dozvon.arg("outbox").args(args).current_dir(engine.folder.path()).output();
        String::from_utf8(out.unwrap().stdout).unwrap()
    };
    let told = async {
        let states = "waiting,working,done,parked";
        loop {
            let listed = outbox(&["list", "--json", "--state", states, "--call", &call]);
            let listed: Value = serde_json::from_str(&listed).unwrap_or_default();
            if let Some(id) = listed["entries"][0]["id"].as_i64() {
                let shown = outbox(&["show", &id.to_string()]);
                assert!(shown.contains(&format!("trace {trace}")), "{shown}");
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), told).await.expect("the outbox names it");
}
