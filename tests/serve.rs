//! `dozvon serve` as a process: what a person sees in its log, and that no fault of the store
//! costs a caller anything.

#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use dozvon::sim::{Agent, CallReport, CallSpec, Caller, FreeSwitch, Queue, Script};
use sqlx::Connection;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

const OLGA_OF_101: &str = "+79161110001";
const LINE: &str = "+74951234567";

struct Serve {
    child: Child,
    calls: SocketAddr,
    http: SocketAddr,
    log: JoinHandle<String>,
}

fn free_port() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Serve {
    async fn start(folder: &Path, store: &Path, args: &[&str]) -> Self {
        let (calls, http) = (free_port(), free_port());
        let mut child = Command::new(env!("CARGO_BIN_EXE_dozvon"))
            .arg("serve")
            .args(args)
            .current_dir(folder)
            .env("DOZVON_CALLS__LISTEN", calls.to_string())
            .env("DOZVON_HTTP__LISTEN", http.to_string())
            .env("DOZVON_STORE__PATH", store)
            .env("DOZVON_LOG__LEVEL", "debug")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let listens = async {
            while TcpStream::connect(calls).await.is_err() {
                assert!(child.try_wait().unwrap().is_none(), "it ended at once");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), listens).await.unwrap();
        // Read all the while: a pipe that is full would hold the engine up.
        let mut pipe = child.stderr.take().unwrap();
        let log = tokio::spawn(async move {
            let mut log = String::new();
            pipe.read_to_string(&mut log).await.unwrap();
            log
        });
        Self { child, calls, http, log }
    }

    async fn call(&self) -> CallReport {
        let switch = FreeSwitch::builder()
            .speed(40.0)
            .engine(&self.calls.to_string())
            .phone("101", Script::answers(Duration::from_secs(1)))
            .phone("106", Script::answers(Duration::from_secs(1)))
            .agent(Agent::new("egor", "106"))
            .queue("sales", Queue::new(&["egor"]))
            .start()
            .await
            .unwrap();
        let caller = Caller::stays().talks_for(Duration::from_secs(2));
        switch.call(CallSpec::new(OLGA_OF_101, LINE).caller(caller)).report().await
    }

    async fn get(&self, path: &str) -> String {
        let answer = dozvon::http::client()
            .build()
            .unwrap()
            .get(format!("http://{}{path}", self.http))
            .send()
            .await
            .unwrap();
        answer.text().await.unwrap()
    }

    async fn signal(&self, name: &str) {
        let pid = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().await.unwrap().success());
    }

    async fn metric_becomes(&self, line: &str) {
        let seen = async {
            while !self.get("/metrics").await.lines().any(|l| l == line) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), seen).await.expect(line);
    }

    /// Ends it as an operator does; returns its log.
    async fn end(mut self) -> String {
        self.signal("-TERM").await;
        assert!(self.child.wait().await.unwrap().success());
        self.log.await.unwrap()
    }
}

/// No whole number of a client in any line, at the chattiest level.
fn masked(log: &str) {
    assert!(log.contains("+7916***0001"), "the call is in the log:\n{log}");
    assert!(!log.contains("9161110001"), "a whole phone number is in the log:\n{log}");
}

#[tokio::test]
async fn a05_serve_with_the_sample_brings_a_call_to_the_owner_and_masks_numbers() {
    let folder = TempDir::new().unwrap();
    let serve = Serve::start(folder.path(), &folder.path().join("a.sqlite"), &["--sample"]).await;
    let report = serve.call().await;
    assert_eq!((report.answered_by(), report.channels_left), (Some("101"), 0));
    let metrics = serve.get("/metrics").await;
    assert!(
        metrics.contains(
            "dozvon_calls_total{direction=\"inbound\",line=\"main\",outcome=\"answered\"} 1"
        ),
        "{metrics}"
    );
    assert!(serve.get("/readyz").await.starts_with("{\"ready\":true"));
    masked(&serve.end().await);
}

/// One store that is no good: the caller reaches the queue, the log says what to do, `/readyz`
/// tells it.
async fn queue_takes_the_call(store: &Path, says: &str) {
    let folder = TempDir::new().unwrap();
    let serve = Serve::start(folder.path(), store, &[]).await;
    let report = serve.call().await;
    assert_eq!(report.answered_by(), Some("106"), "{report:?}");
    let ready = serve.get("/readyz").await;
    assert!(ready.contains("\"name\":\"outbox\",\"needed\":false,\"ok\":false"), "{ready}");
    let log = serve.end().await;
    assert!(log.contains(says), "`{says}` is not in:\n{log}");
    assert!(log.contains("fallback=\"crm_down\""), "{log}");
    masked(&log);
}

#[tokio::test]
async fn e09_a_store_in_a_missing_folder_costs_no_call() {
    let folder = TempDir::new().unwrap();
    queue_takes_the_call(&folder.path().join("nowhere/dozvon.sqlite"), "nowhere").await;
}

#[tokio::test]
async fn e09_a_store_that_is_no_database_costs_no_call() {
    let folder = TempDir::new().unwrap();
    let store = folder.path().join("dozvon.sqlite");
    std::fs::write(&store, "hello, this is no database at all ".repeat(40)).unwrap();
    queue_takes_the_call(&store, "not a").await;
}

#[tokio::test]
async fn e09_a_read_only_store_costs_no_call() {
    let folder = TempDir::new().unwrap();
    let store = folder.path().join("dozvon.sqlite");
    drop(dozvon::store::Store::open(&store).await.unwrap());
    let mut rights = std::fs::metadata(&store).unwrap().permissions();
    rights.set_readonly(true);
    std::fs::set_permissions(&store, rights).unwrap();
    queue_takes_the_call(&store, "read-only").await;
}

#[tokio::test]
async fn e09_a_locked_store_costs_no_call_and_is_used_as_soon_as_it_is_free() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("dozvon.sqlite");
    let store = dozvon::store::Store::open(&path).await.unwrap();
    dozvon::crm::builtin::load_sample(&store).await.unwrap();
    store.pool().close().await;
    let url = format!("sqlite://{}", path.display());
    let mut lock = sqlx::SqliteConnection::connect(&url).await.unwrap();
    for pragma in ["PRAGMA locking_mode = EXCLUSIVE", "BEGIN EXCLUSIVE"] {
        sqlx::query(pragma).execute(&mut lock).await.unwrap();
    }
    let serve = Serve::start(folder.path(), &path, &[]).await;
    let report = serve.call().await;
    assert_eq!(report.answered_by(), Some("106"), "{report:?}");
    lock.close().await.unwrap();
    let used_again = async {
        while serve.call().await.answered_by() != Some("101") {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(90), used_again).await.expect("without a restart");
    let log = serve.end().await;
    assert!(log.contains("locked"), "{log}");
    masked(&log);
}

#[tokio::test]
async fn a_wrong_key_and_a_taken_port_keep_it_from_starting_and_say_so() {
    let folder = TempDir::new().unwrap();
    std::fs::write(
        folder.path().join("dozvon.toml"),
        "[calls]\nlisten = \"127.0.0.1:1\"\nhandshak = \"5s\"\n",
    )
    .unwrap();
    let run = |env: Vec<(&'static str, String)>| {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_dozvon"));
        command.arg("serve").current_dir(folder.path()).envs(env).timeout(Duration::from_secs(60));
        String::from_utf8(command.assert().failure().get_output().stderr.clone()).unwrap()
    };
    let wrong = run(vec![]);
    assert!(wrong.contains("dozvon.toml:3") && wrong.contains("`handshake`"), "{wrong}");
    std::fs::remove_file(folder.path().join("dozvon.toml")).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = run(vec![("DOZVON_CALLS__LISTEN", taken.local_addr().unwrap().to_string())]);
    assert!(taken.contains("calls.listen"), "{taken}");
}

#[tokio::test]
async fn sighup_takes_new_rules_and_refuses_wrong_ones_without_ending_anything() {
    let folder = TempDir::new().unwrap();
    let rules = folder.path().join("rules");
    std::fs::create_dir(&rules).unwrap();
    let file = rules.join("routing.toml");
    let owner_first = include_str!("../rules/routing.toml");
    std::fs::write(&file, owner_first).unwrap();
    let set = rules.join("amocrm-classic.toml");
    let classic = include_str!("../rules/amocrm-classic.toml");
    std::fs::write(&set, classic).unwrap();
    let store = folder.path().join("a.sqlite");
    let serve = Serve::start(folder.path(), &store, &["--sample"]).await;
    assert_eq!(serve.call().await.answered_by(), Some("101"));

    let owner = "    { do = \"owner\", ring = \"10s\", skip_if = [\"unregistered\", \"busy\"] },\n";
    let queue_only = owner_first.replace(owner, "");
    assert_ne!(queue_only, owner_first);
    let wrong = queue_only.replace("{ do = \"queue\"", "{ do = \"quee\"");
    let line = wrong.lines().position(|l| l.starts_with("    { do = \"quee\"")).unwrap() + 1;
    std::fs::write(&file, wrong).unwrap();
    serve.signal("-HUP").await;
    serve.metric_becomes("dozvon_rules_last_reload_successful 0").await;
    assert_eq!(serve.call().await.answered_by(), Some("101"), "the old rules stay in force");

    std::fs::write(&file, queue_only).unwrap();
    std::fs::remove_file(&set).unwrap();
    serve.signal("-HUP").await;
    let missed = async {
        while !serve.get("/v1/rules").await.contains("the file is gone") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), missed).await.expect("the set is missed");
    assert_eq!(serve.call().await.answered_by(), Some("101"), "no built-in set takes its place");

    std::fs::write(&set, classic).unwrap();
    serve.signal("-HUP").await;
    serve.metric_becomes("dozvon_rules_last_reload_successful 1").await;
    assert_eq!(serve.call().await.answered_by(), Some("106"), "the new rules are in force");

    let log = serve.end().await;
    assert!(log.contains("the new rules are refused, the old ones stay"), "{log}");
    assert!(log.contains(&format!("rules/routing.toml:{line}:")) && log.contains("quee"), "{log}");
    assert!(log.contains("rules are taken over"), "{log}");
}
