//! `dozvon serve` as a process of its own, with the sample company.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// How long an owner is rung: short, and long enough to see it ring.
pub const RING: &str = "3s";

/// A running engine. Killed, and its folder removed, when dropped.
pub struct Engine {
    child: Child,
    folder: TempDir,
    lines: Arc<Mutex<Vec<Value>>>,
}

impl Engine {
    /// Starts one that takes calls at `calls` and is linked to the FreeSWITCH at `control`.
    pub async fn start(calls: SocketAddr, control: SocketAddr) -> Self {
        let routing = include_str!("../../rules/routing.toml");
        let owner = r#"{ do = "owner", ring = "10s""#;
        assert!(routing.contains(&format!("\n    {owner}")), "the rules ring the owner for 10 s");
        let routing = routing.replace(owner, &format!(r#"{{ do = "owner", ring = "{RING}""#));
        Self::start_with(calls, control, &routing, "").await
    }

    /// The same, with more lines of configuration.
    pub async fn start_configured(calls: SocketAddr, control: SocketAddr, config: &str) -> Self {
        Self::start_with(calls, control, include_str!("../../rules/routing.toml"), config).await
    }

    /// Starts one whose calls all go these steps.
    pub async fn start_steps(calls: SocketAddr, control: SocketAddr, steps: &str) -> Self {
        let routing = format!(
            "schema = 1\ntimezone = \"Europe/Moscow\"\nregion = \"RU\"\n[lines.main]\nnumbers = \"any\"\n\
             route = \"all\"\n[routes.all]\ntitle = \"All\"\nwhy = \"A test\"\nsteps = [{steps}]\n"
        );
        Self::start_with(calls, control, &routing, "").await
    }

    /// Starts one with these rules and these further lines of configuration.
    pub async fn start_with(
        calls: SocketAddr,
        control: SocketAddr,
        routing: &str,
        more: &str,
    ) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        fs::write(folder.path().join("routing.toml"), routing).expect("a file");
        let config = format!(
            r#"
[calls]
listen = "{calls}"
drain = "1s"
[[node]]
address = "{control}"
[http]
listen = "127.0.0.1:0"
[rules]
routing = "routing.toml"
[log]
format = "json"
level = "info,dozvon=debug"
{more}"#
        );
        fs::write(folder.path().join("dozvon.toml"), config).expect("a file");
        let (child, lines) = run(folder.path());
        let engine = Self { child, folder, lines };
        engine.is_up().await;
        engine
    }

    /// Another life of it after [`Engine::kill`]: the same store, the same ports, a new log.
    pub async fn start_again(&mut self) {
        (self.child, self.lines) = run(self.folder.path());
        self.is_up().await;
    }

    async fn is_up(&self) {
        self.says("ready for calls").await;
        self.says("control link to FreeSWITCH is up").await;
    }

    /// Where its store and its configuration are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What one of its verbs says.
    pub fn verb(&self, args: &[&str]) -> String {
        let mut verb = Command::new(env!("CARGO_BIN_EXE_dozvon"));
        let said = verb.args(args).current_dir(self.folder.path()).output().expect("it runs");
        let errors = String::from_utf8_lossy(&said.stderr);
        assert!(said.status.success(), "{args:?}: {errors}");
        String::from_utf8_lossy(&said.stdout).into_owned()
    }

    /// Where its HTTP is.
    pub async fn http(&self) -> String {
        let ready = self.says("ready for calls").await;
        format!("http://{}", ready["http"].as_str().expect("an address"))
    }

    /// Its log so far.
    pub fn lines(&self) -> Vec<Value> {
        self.lines.lock().expect("no test panics inside").clone()
    }

    /// Waits for a log line that begins so.
    pub async fn says(&self, what: &str) -> Value {
        let said = self.count(what, 1).await;
        said.into_iter().next().expect("counted")
    }

    /// Waits until `count` calls have ended, and a moment more; returns what the log tells of all that have.
    pub async fn ended(&self, count: usize) -> Vec<Value> {
        self.count("call ended", count).await;
        // A second record of the same call would come now.
        sleep(Duration::from_millis(300)).await;
        self.count("call ended", count).await
    }

    /// Waits until so many log lines begin so; returns all that do.
    pub async fn count(&self, what: &str, count: usize) -> Vec<Value> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let begins =
                |line: &&Value| line["message"].as_str().is_some_and(|m| m.starts_with(what));
            let said: Vec<_> = self.lines().iter().filter(begins).cloned().collect();
            if said.len() >= count {
                return said;
            }
            assert!(Instant::now() < deadline, "no {count} × \"{what}\" in\n{:#?}", self.lines());
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// What `dozvon doctor` says with this engine's configuration, and whether it is content.
    pub fn doctor(&self) -> (bool, String) {
        let mut doctor = Command::new(env!("CARGO_BIN_EXE_dozvon"));
        let said = doctor.arg("doctor").current_dir(self.folder.path()).output().expect("it runs");
        (said.status.success(), String::from_utf8_lossy(&said.stdout).into_owned())
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it runs");
    }

    /// SIGSTOP: its connections stay open, and nobody reads them.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "{signal} is sent");
    }

    /// SIGTERM; returns when it has ended.
    pub async fn terminate(&mut self) {
        self.signal("-TERM");
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.child.try_wait().expect("it runs").is_none() {
            assert!(Instant::now() < deadline, "it does not end:\n{:#?}", self.lines());
            sleep(Duration::from_millis(20)).await;
        }
    }
}

fn run(folder: &Path) -> (Child, Arc<Mutex<Vec<Value>>>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dozvon"))
        .args(["serve", "--sample"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the engine starts");
    let lines = Arc::<Mutex<Vec<Value>>>::default();
    let (stderr, kept) = (child.stderr.take().expect("piped"), lines.clone());
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
            kept.lock().expect("no test panics inside").push(line);
        }
    });
    (child, lines)
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            for line in self.lines() {
                eprintln!("{line}");
            }
        }
    }
}
