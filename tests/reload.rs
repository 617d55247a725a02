//! Other rules take the place of those in force: by HTTP, by a changed file, by SIGHUP (in
//! `serve.rs`, too). All of them or none, and never for a call in hand.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/in_process.rs"]
mod engine;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dozvon::app::App;
use dozvon::config::{Config, Node};
use dozvon::core::case::{Case, Clerk};
use dozvon::core::ids::CallId;
use dozvon::core::record::CallRecord;
use dozvon::reload::watch::Watch;
use dozvon::reload::{Door, Last, Loaded, Outcome};
use dozvon::sim::{CallHandle, CallSpec, Caller, FreeSwitch, Script};
use dozvon::store::Store;
use dozvon::switch::engine::Engine;
use engine::MemoryCrm;
use serde_json::Value;
use tempfile::TempDir;

const OLGA_OF_101: &str = "+79161110001";
const LINE: &str = "+74951234567";

const ROUTING: &str = r#"schema = 1
timezone = "Europe/Moscow"
[lines.moscow]
numbers = "any"
route = "sales"
[routes.sales]
title = "The owner"
why = "A05"
steps = [{ do = "employee", employee = "101", ring = "20s" }]
"#;

/// Each answer and each end leaves a note; the text is what a test changes.
const SET: &str = r#"schema = 1
title = "Notes"
why = "To be changed."
timezone = "Europe/Moscow"
[settings]
admin = { type = "employee", value = "106", why = "E14" }
[[chapters]]
id = "note"
title = "Notes"
[[chapters.rules]]
id = "told"
title = "A word"
why = "A01"
when = { event = ["answered", "ended"] }
do = [{ do = "note", on = "client", text = "old" }]
[[chapters.rules]]
id = "otherwise"
default = true
do = []
"#;

const TESTS: &str = r#"[[tests]]
name = "an answer leaves a note"
case = { event = "answered", client = { name = "Olga", owner = "101" }, first = "101" }
rules = { note = "told" }
actions = [{ do = "note", on = "client", text = "old" }]
"#;

struct House {
    folder: TempDir,
    app: App,
    switch: FreeSwitch,
    store: Store,
}

impl House {
    /// A folder with rules, and the configuration of an engine that goes by them.
    fn written() -> (TempDir, Config) {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("routing.toml"), ROUTING).unwrap();
        fs::write(folder.path().join("notes.toml"), SET).unwrap();
        let mut config = Config::default();
        config.calls.listen = ([127, 0, 0, 1], 0).into();
        config.http.listen = config.calls.listen;
        // Port 9 is nobody's: the link stays down.
        config.node = vec![Node { address: "127.0.0.1:9".into(), ..Node::default() }];
        config.store.path = folder.path().join("dozvon.sqlite");
        config.rules.routing = Some(folder.path().join("routing.toml"));
        config.rules.set = folder.path().join("notes.toml").display().to_string();
        (folder, config)
    }

    async fn new() -> Self {
        let (folder, config) = Self::written();
        let store = Store::open(&config.store.path).await.unwrap();
        let crm = Arc::new(MemoryCrm::default().client(OLGA_OF_101, "Olga", "e101"));
        let watch = Watch::begin(&config.rules);
        let Loaded { routing, sets } = Loaded::load(&config.rules, true).unwrap();
        let sets = sets.expect("they were asked for");
        let app = App::start_ruled(&config, crm, routing, sets).await.unwrap();
        app.watch_rules(watch);
        let switch = FreeSwitch::builder()
            .speed(40.0)
            .phone("101", Script::answers(Duration::from_secs(1)))
            .phone("102", Script::answers(Duration::from_secs(1)))
            .engine(&app.calls.to_string())
            .start()
            .await
            .unwrap();
        Self { folder, app, switch, store }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.path(file), text).unwrap();
    }

    async fn ask(&self, post: bool, path: &str) -> (u16, Value) {
        let client = dozvon::http::client().build().unwrap();
        let url = format!("http://{}{path}", self.app.http);
        let request = if post { client.post(url) } else { client.get(url) };
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn post(&self) -> (u16, Value) {
        self.ask(true, "/v1/rules/reload").await
    }

    async fn shown(&self) -> Value {
        self.ask(false, "/v1/rules").await.1
    }

    /// The hashes in force: routing, set.
    fn hashes(&self) -> (String, String) {
        let status = self.app.rules.status();
        (status.routing.hash, status.sets[0].hash.clone())
    }

    fn metric(&self, line: &str) -> bool {
        self.app.engine.metrics.render().lines().any(|found| found == line)
    }

    async fn last(&self, wanted: impl Fn(&Last) -> bool) -> Last {
        let mut found = None;
        until("a reload", async || {
            found = self.app.rules.status().last_reload.filter(&wanted);
            found.is_some()
        })
        .await;
        found.unwrap()
    }

    fn call(&self) -> CallHandle {
        self.switch.call(CallSpec::new(OLGA_OF_101, LINE).caller(Caller::stays()))
    }

    /// Event, hash and actions of a call's cases in the journal.
    async fn journal(&self, call: &str) -> Vec<(String, String, String)> {
        let rows =
            sqlx::query_as("SELECT event, hash, actions FROM journal WHERE call = ? ORDER BY seq");
        rows.bind(call).fetch_all(self.store.pool()).await.unwrap()
    }

    async fn has_case(&self, call: &str, event: &str) {
        until(event, async || self.journal(call).await.iter().any(|(e, ..)| e == event)).await;
    }
}

/// Waits for what must come. The limit is only there so that a fault ends the test.
async fn until(what: &str, mut now: impl AsyncFnMut() -> bool) {
    let seen = async {
        while !now().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), seen).await.expect(what);
}

fn problems(answer: &Value) -> Vec<&str> {
    answer["problems"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect()
}

#[tokio::test]
async fn http_takes_routing_and_set_together_and_shows_what_is_in_force() {
    let house = House::new().await;
    let before = house.shown().await;
    assert_eq!(before["last_reload"], Value::Null);
    assert_eq!(before["routing"]["file"], house.path("routing.toml").display().to_string());
    assert_eq!(before["sets"][0]["name"], "notes");
    assert_eq!(before["sets"][0]["default"], true);
    let hash = before["sets"][0]["hash"].as_str().unwrap();
    assert!(house.metric(&format!("dozvon_rules_info{{hash=\"{hash}\",name=\"notes\"}} 1")));

    house.write("routing.toml", &ROUTING.replace("\"101\"", "\"102\""));
    house.write("notes.toml", &SET.replace("\"old\"", "\"new\""));
    let (code, now) = house.post().await;
    assert_eq!((code, &now["last_reload"]["outcome"]), (200, &"taken".into()), "{now}");
    assert_eq!(now["last_reload"]["door"], "http");
    for part in ["/routing/hash", "/sets/0/hash", "/since"] {
        assert_ne!(now.pointer(part), before.pointer(part), "{part}");
    }
    let new = now["sets"][0]["hash"].as_str().unwrap();
    assert!(house.metric(&format!("dozvon_rules_info{{hash=\"{new}\",name=\"notes\"}} 1")));
    assert!(!house.metric(&format!("dozvon_rules_info{{hash=\"{hash}\",name=\"notes\"}} 1")));

    let call = house.call();
    let id = call.uuid().to_owned();
    house.has_case(&id, "answered").await;
    call.hang_up();
    assert_eq!(call.report().await.answered_by(), Some("102"));
    assert!(house.journal(&id).await.iter().all(|(_, hash, _)| hash == new));
}

#[tokio::test]
async fn one_wrong_file_keeps_the_others_out_and_every_mistake_is_told() {
    let house = House::new().await;
    let before = house.hashes();
    house.write("routing.toml", &ROUTING.replace("\"101\"", "\"102\""));
    house.write("notes.toml", &SET.replace("event = [\"answered\"", "event = [\"anwsered\""));
    let (code, wrong) = house.post().await;
    assert_eq!(code, 422, "{wrong}");
    let line = 1 + SET.lines().position(|line| line.starts_with("when")).unwrap();
    let place = format!("notes.toml:{line}:");
    assert!(problems(&wrong)[0].contains(&place), "{wrong}");
    assert!(problems(&wrong)[0].contains("answered"), "the nearest word is told: {wrong}");
    assert_eq!(house.hashes(), before, "the good routing is not taken either");
    assert!(house.metric("dozvon_rules_last_reload_successful 0"));
    assert_eq!(house.shown().await["last_reload"]["problems"], wrong["problems"]);

    house.write("routing.toml", &ROUTING.replace("do = \"employee\"", "do = \"employe\""));
    let (_, wrong) = house.post().await;
    let told = problems(&wrong).join("\n");
    assert!(told.contains("routing.toml:9:") && told.contains(&place), "{told}");

    house.write("routing.toml", ROUTING);
    house.write("notes.toml", SET);
    let (code, back) = house.post().await;
    assert_eq!((code, &back["last_reload"]["outcome"]), (200, &"unchanged".into()));
    assert_eq!(house.hashes(), before);
    assert!(house.metric("dozvon_rules_last_reload_successful 1"));
}

#[tokio::test]
async fn a_set_whose_tests_beside_it_fail_is_not_taken() {
    let house = House::new().await;
    let before = house.hashes();
    house.write("notes.test.toml", TESTS);
    let (code, same) = house.post().await;
    assert_eq!((code, &same["last_reload"]["outcome"]), (200, &"unchanged".into()), "{same}");
    house.write("notes.toml", &SET.replace("\"old\"", "\"new\""));
    let (code, red) = house.post().await;
    assert_eq!(code, 422);
    assert!(
        problems(&red)[0]
            .contains("notes.test.toml:1:1: error: the test `an answer leaves a note` fails: "),
        "{red}"
    );
    assert_eq!(house.hashes(), before);
    house.write("notes.test.toml", &TESTS.replace("\"old\"", "\"new\""));
    assert_eq!(house.post().await.0, 200);
    assert_ne!(house.hashes().1, before.1);
}

/// What a CRM cannot do as the rules say is never left out in silence, whenever rules are loaded.
#[tokio::test]
async fn what_the_crm_does_otherwise_than_the_new_rules_say_is_logged_when_they_are_taken_over() {
    let log = Log::default();
    let told = tracing_subscriber::fmt().with_ansi(false).with_writer(log.clone()).finish();
    let _in = tracing::subscriber::set_default(told);
    let (folder, mut config) = House::written();
    let keycrm = serde_json::json!({"kind": "keycrm", "key": "k"});
    config.crm.insert("shop".to_owned(), serde_json::from_value(keycrm).unwrap());
    let Loaded { routing, sets } = Loaded::load(&config.rules, true).unwrap();
    let crm = Arc::new(MemoryCrm::default());
    let app = App::start_ruled(&config, crm, routing, sets.unwrap()).await.unwrap();
    log.take();
    let set = SET.replace("do = \"note\", on = \"client\", text", "do = \"company\", name");
    fs::write(folder.path().join("notes.toml"), set).unwrap();
    let status = app.rules.reload(Door::Signal).await;
    assert_eq!(status.last_reload.unwrap().outcome, Outcome::Taken);
    let lines = log.take();
    let told: Vec<_> = lines.lines().filter(|line| line.contains("crm.shop (keycrm)")).collect();
    assert_eq!(told.len(), 1, "only what this set asks for, once: {lines}");
    assert!(
        told[0].contains("notes.toml") && told[0].contains("`company`: is made anew"),
        "{told:?}"
    );
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<std::sync::Mutex<Vec<u8>>>);

impl Log {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'w> tracing_subscriber::fmt::MakeWriter<'w> for Log {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_changed_file_is_taken_by_itself_and_a_wrong_one_is_told() {
    let house = House::new().await;
    let before = house.hashes();
    house.write("notes.toml", &SET.replace("event =", "evnt ="));
    let red = house.last(|last| last.outcome == Outcome::Refused).await;
    assert_eq!(red.door, Door::File);
    assert!(red.problems[0].contains("notes.toml:14:"), "{red:?}");
    assert_eq!(house.hashes(), before);
    // As an editor saves: beside it, then in its place.
    house.write("notes.toml~", &SET.replace("\"old\"", "\"new\""));
    fs::rename(house.path("notes.toml~"), house.path("notes.toml")).unwrap();
    house.last(|last| (last.door, last.outcome) == (Door::File, Outcome::Taken)).await;
    assert_ne!(house.hashes().1, before.1);
    assert!(house.metric("dozvon_rules_last_reload_successful 1"));
}

/// The boards mark when other rules were taken over.
#[tokio::test]
async fn a_reload_of_the_same_rules_is_no_moment_in_which_rules_were_taken_over() {
    let house = House::new().await;
    let metrics = &house.app.engine.metrics;
    metrics.rules_ok_at.set(1);
    let (_, told) = house.post().await;
    assert_eq!(told["last_reload"]["outcome"], "unchanged", "{told}");
    assert_eq!(metrics.rules_ok_at.get(), 1);
    house.write("notes.test.toml", &TESTS.replace("\"old\"", "\"new\""));
    house.write("notes.toml", &SET.replace("\"old\"", "\"new\""));
    let (status, told) = house.post().await;
    assert_eq!((status, &told["last_reload"]["outcome"]), (200, &"taken".into()), "{told}");
    assert!(metrics.rules_ok_at.get() > 1);
    assert_eq!(metrics.rules_ok.get(), 1);
}

#[tokio::test]
async fn a_missing_file_keeps_the_rules_in_force() {
    let house = House::new().await;
    let before = house.hashes();
    for file in ["notes.toml", "routing.toml"] {
        let text = fs::read_to_string(house.path(file)).unwrap();
        fs::remove_file(house.path(file)).unwrap();
        let red = house.last(|last| last.outcome == Outcome::Refused).await;
        assert_eq!(red.door, Door::File);
        assert!(red.problems[0].contains(file), "{red:?}");
        assert_eq!(house.hashes(), before);
        house.write(file, &text);
        house.last(|last| last.outcome == Outcome::Unchanged).await;
    }
}

#[tokio::test]
async fn a_call_in_hand_keeps_the_set_it_began_with_and_the_next_has_the_new_one() {
    let house = House::new().await;
    let old = house.hashes().1;
    let first = house.call();
    let id = first.uuid().to_owned();
    house.has_case(&id, "answered").await;
    house.write("notes.toml", &SET.replace("\"old\"", "\"new\""));
    assert_eq!(house.post().await.1["last_reload"]["outcome"], "taken");
    let new = house.hashes().1;
    assert_ne!(old, new);

    let second = house.call();
    let next = second.uuid().to_owned();
    house.has_case(&next, "answered").await;
    for (call, id, hash, text) in [(first, id, old, "old"), (second, next, new, "new")] {
        call.hang_up();
        call.report().await;
        house.has_case(&id, "ended").await;
        let rows = house.journal(&id).await;
        assert!(rows.iter().all(|(_, found, _)| *found == hash), "{rows:?}");
        for event in ["answered", "ended"] {
            let (_, _, actions) = rows.iter().find(|(found, ..)| found == event).unwrap();
            assert!(actions.contains(&format!("\"{text}\"")), "{event}: {actions}");
        }
    }
}

#[tokio::test]
async fn reloads_asked_for_at_once_go_one_after_another_and_each_is_answered() {
    let house = House::new().await;
    house.write("notes.toml", &SET.replace("\"old\"", "\"new\""));
    let asked: Vec<_> = (0..5).map(|_| house.app.rules.reload(Door::Signal)).collect();
    let mut outcomes = Vec::new();
    for answer in asked {
        outcomes.push(answer.await.last_reload.unwrap().outcome);
    }
    let taken = outcomes.iter().filter(|outcome| **outcome == Outcome::Taken).count();
    assert_eq!((outcomes.len(), taken), (5, 1), "{outcomes:?}");
    assert!(!outcomes.contains(&Outcome::Refused));
}

#[test]
fn serve_does_not_start_with_wrong_rules_and_tells_every_mistake_of_all_files() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("rules")).unwrap();
    fs::write(folder.path().join("rules/routing.toml"), ROUTING.replace("\"101\"", "7")).unwrap();
    let wrong = SET.replace("do = \"note\"", "do = \"nte\"").replace("\"106\"", "true");
    fs::write(folder.path().join("rules/notes.toml"), wrong).unwrap();
    let mut serve = assert_cmd::Command::new(env!("CARGO_BIN_EXE_dozvon"));
    serve.arg("serve").current_dir(folder.path()).env("DOZVON_RULES__SET", "notes");
    let output = serve.timeout(Duration::from_secs(60)).assert().code(1);
    let told = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    for place in ["rules/routing.toml:9:", "rules/notes.toml:6:", "rules/notes.toml:15:"] {
        assert!(told.contains(place), "{place}: {told}");
    }
    assert!(!folder.path().join("dozvon.sqlite").exists(), "nothing was begun");
}

#[tokio::test]
async fn an_engine_that_leaves_the_crm_alone_does_not_read_the_sets() {
    let (folder, config) = House::written();
    fs::write(folder.path().join("notes.toml"), "no set").unwrap();
    let Loaded { routing, sets } = Loaded::load(&config.rules, false).unwrap();
    assert!(sets.is_none());
    let app = App::start(&config, Arc::new(MemoryCrm::default()), routing).await.unwrap();
    let changed = ROUTING.replace("The owner", "Olga's owner");
    fs::write(folder.path().join("routing.toml"), changed).unwrap();
    let status = app.rules.reload(Door::Signal).await;
    assert_eq!(status.last_reload.unwrap().outcome, Outcome::Taken);
}

/// Looks, as a call takes up its set, whether other rules could be put in force just then.
#[derive(Default)]
struct Onlooker {
    engine: std::sync::OnceLock<Arc<Engine>>,
    could_change: std::sync::Mutex<Vec<bool>>,
}

impl Clerk for Onlooker {
    fn began(&self, _: &CallId, _: Option<&str>) {
        let engine = self.engine.get().unwrap();
        self.could_change.lock().unwrap().push(engine.standing.try_write().is_ok());
    }

    fn occurred(&self, _: Case) {}

    fn closed(&self, _: Arc<CallRecord>) {}
}

#[tokio::test]
async fn a_call_takes_its_way_and_its_set_from_one_version() {
    let (_folder, config) = House::written();
    let routing = Loaded::load(&config.rules, false).unwrap().routing;
    let clerk = Arc::new(Onlooker::default());
    let crm = Arc::new(MemoryCrm::default().client(OLGA_OF_101, "Olga", "e101"));
    let app = App::start_with(&config, crm, routing, clerk.clone()).await.unwrap();
    let _ = clerk.engine.set(app.engine.clone());
    let answers = Script::answers(Duration::from_secs(1));
    let switch = FreeSwitch::builder().speed(40.0).phone("101", answers);
    let switch = switch.engine(&app.calls.to_string()).start().await.unwrap();
    let _call = switch.call(CallSpec::new(OLGA_OF_101, LINE).caller(Caller::stays()));
    until("a decision", async || !clerk.could_change.lock().unwrap().is_empty()).await;
    assert_eq!(*clerk.could_change.lock().unwrap(), [false], "the rules stand meanwhile");
    until("the end of it", async || app.engine.standing.try_write().is_ok()).await;
}
