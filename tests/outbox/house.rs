//! An outbox on a file, with rules that fit into a line. A life of it ends like a killed process.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dozvon::core::action::{Action, Planned, Ruling};
use dozvon::core::case::{Case, Clerk, DealFact, Event, Known};
use dozvon::core::facts::Direction;
use dozvon::core::phone::{Phone, Region};
use dozvon::crm::Crm;
use dozvon::directory::{Directory, DirectoryConfig};
use dozvon::metrics::Metrics;
use dozvon::outbox::desk::{Desk, Filter, Line};
use dozvon::outbox::entry::State;
use dozvon::outbox::{
    InForce, JournalConfig, Judge, Outbox, OutboxConfig, Parts, Ruler, WebhookConfig,
};
use dozvon::store::Store;
use dozvon::traces::Tracer;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::fake::{Fake, fake};

pub const MS: Duration = Duration::from_millis(1);
pub const ANNA: &str = "+79161110001";

type Rules = dyn Fn(&Case) -> Vec<Action> + Send + Sync;

pub struct Set {
    pub hash: String,
    pub rules: Box<Rules>,
}

impl Ruler for Set {
    fn judge(&self, case: &Case) -> Ruling {
        let plan = |(index, action)| Planned {
            key: format!("{}/{}/{}", case.call, case.seq, index + 1),
            rule: "test/rule".into(),
            after: None,
            action,
        };
        Ruling {
            set: "test".into(),
            hash: self.hash.clone(),
            rules: vec!["test/rule".into()],
            actions: (self.rules)(case).into_iter().enumerate().map(plan).collect(),
            notes: vec![],
        }
    }

    fn hash(&self) -> &str {
        &self.hash
    }
}

pub fn set(
    hash: &str,
    rules: impl Fn(&Case) -> Vec<Action> + Send + Sync + 'static,
) -> Arc<dyn Ruler> {
    Arc::new(Set { hash: hash.into(), rules: Box::new(rules) })
}

pub struct Now(Mutex<InForce>);

impl Judge for Now {
    fn set_for(&self, _: Option<&str>) -> InForce {
        self.0.lock().unwrap().clone()
    }
}

pub fn act(json: serde_json::Value) -> Action {
    serde_json::from_value(json).unwrap()
}

pub fn note(text: &str) -> Action {
    act(serde_json::json!({"do": "note", "on": "client", "text": text}))
}

pub fn contact() -> Action {
    act(serde_json::json!({"do": "contact", "name": "A", "owner": "101"}))
}

pub fn deal() -> Action {
    act(serde_json::json!({"do": "deal", "title": "A", "owner": "101"}))
}

pub fn task_on_deal() -> Action {
    act(serde_json::json!({"do": "task", "kind": "call", "on": "deal", "text": "x",
        "owner": "101", "due": "2026-11-20T12:00:00Z"}))
}

pub fn notify() -> Action {
    act(serde_json::json!({"do": "notify", "to": "everybody", "text": "x"}))
}

/// A new client becomes contact and deal at the answer; a pop-up before.
pub fn first_contact(case: &Case) -> Vec<Action> {
    match case.event {
        Event::Ringing => vec![notify()],
        Event::Answered if case.client().is_none() => vec![contact(), deal()],
        Event::Answered if case.deal_fact() == DealFact::None => vec![deal()],
        Event::Recorded => vec![task_on_deal()],
        _ => vec![],
    }
}

pub fn phone(number: &str) -> Phone {
    Phone::parse(number, Region::default()).unwrap()
}

pub fn case(call: &str, seq: u32, event: Event, number: &str) -> Case {
    let at = jiff::Timestamp::now();
    Case {
        call: call.into(),
        seq,
        event,
        at,
        direction: Direction::Inbound,
        line: Some("main".into()),
        line_number: None,
        number: (!number.is_empty()).then(|| phone(number)),
        client: Known::Nobody,
        first: None,
        last: None,
        caller: None,
        rung: vec![],
        started: at,
        answered: None,
        ended: None,
        talked: 0,
        outcome: None,
        recording: None,
        voicemail: None,
        fields: Default::default(),
        name: None,
        comment: None,
    }
}

pub fn config() -> OutboxConfig {
    OutboxConfig {
        timeout: 500 * MS,
        retry: 5 * MS,
        retry_max: 40 * MS,
        poll: 5 * MS,
        lease: 150 * MS,
        ..OutboxConfig::default()
    }
}

pub struct House {
    pub folder: TempDir,
    pub path: PathBuf,
    pub crm: Arc<Fake>,
    pub metrics: Arc<Metrics>,
    pub config: OutboxConfig,
    pub webhook: WebhookConfig,
    pub keep: Duration,
    pub directory: Option<Arc<Directory>>,
    pub log: Log,
    now: Arc<Now>,
}

impl House {
    pub fn new(rules: impl Fn(&Case) -> Vec<Action> + Send + Sync + 'static) -> Self {
        let folder = TempDir::new().unwrap();
        let live = set("one", rules);
        Self {
            path: folder.path().join("dozvon.sqlite"),
            folder,
            crm: fake(),
            metrics: Arc::new(Metrics::new().unwrap()),
            config: config(),
            webhook: WebhookConfig::default(),
            keep: Duration::from_secs(3600),
            directory: None,
            log: Log::default(),
            now: Arc::new(Now(Mutex::new(InForce { live, shadow: None }))),
        }
    }

    /// With a directory of the same CRM.
    pub fn looked_up(mut self) -> Self {
        let config = DirectoryConfig { ttl: MS, negative_ttl: MS, ..DirectoryConfig::default() };
        self.crm.calls.store(true, std::sync::atomic::Ordering::SeqCst);
        self.directory = Some(Directory::new(self.crm.clone(), config, self.metrics.clone()));
        self
    }

    pub fn memory(mut self, cases: usize) -> Self {
        self.config.memory = NonZeroUsize::new(cases).unwrap();
        self
    }

    pub fn rules(&self, set: InForce) {
        *self.now.0.lock().unwrap() = set;
    }

    pub fn start(&self) -> Life {
        self.start_with(self.crm.clone())
    }

    pub fn parts(&self, crm: Arc<dyn Crm>) -> Parts {
        Parts {
            path: self.path.clone(),
            journal: JournalConfig { keep: self.keep },
            outbox: self.config.clone(),
            webhook: self.webhook.clone(),
            judge: self.now.clone(),
            crm,
            directory: self.directory.clone(),
            metrics: self.metrics.clone(),
            tracer: Tracer::default(),
        }
    }

    pub fn start_with(&self, crm: Arc<dyn Crm>) -> Life {
        let log = self.log.clone();
        let rt = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .on_thread_start(move || {
                let log = tracing_subscriber::fmt().with_ansi(false).with_writer(log.clone());
                // As long as the thread lives.
                std::mem::forget(tracing::subscriber::set_default(log.finish()));
            })
            .enable_all()
            .build()
            .unwrap();
        let _in = rt.enter();
        let outbox = Outbox::start(self.parts(crm));
        drop(_in);
        Life { rt, outbox }
    }
}

/// What is logged, from `info` on.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Lines with this in them.
    pub fn lines(&self, with: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(with)).map(str::to_owned).collect()
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

/// From start to kill.
pub struct Life {
    pub rt: Runtime,
    pub outbox: Arc<Outbox>,
}

impl Life {
    pub fn occurs(&self, call: &str, seq: u32, event: Event, number: &str) {
        self.outbox.occurred(case(call, seq, event, number));
    }

    pub fn store(&self) -> Store {
        let mut store = self.outbox.store();
        let opened = async {
            let limit = Duration::from_secs(30);
            let opened = tokio::time::timeout(limit, store.wait_for(Option::is_some)).await;
            opened.expect("the store does not open").unwrap().clone().unwrap()
        };
        self.rt.block_on(opened)
    }

    pub fn desk(&self) -> Desk {
        Desk::new(self.store())
    }

    pub fn list(&self, states: &[State]) -> Vec<Line> {
        let filter = Filter { states: states.to_vec(), limit: 100_000, ..Filter::default() };
        self.rt.block_on(self.desk().list(&filter)).unwrap()
    }

    pub fn count(&self, state: State) -> usize {
        let counts = self.rt.block_on(self.desk().counts()).unwrap();
        usize::try_from(counts.get(state.as_str()).copied().unwrap_or_default()).unwrap()
    }

    /// Waits until so many entries stand so.
    pub fn reach(&self, state: State, count: usize) {
        until(&format!("{count} entries {state}"), || self.count(state) == count);
    }

    /// As if the process were killed: no task goes on, nothing is put in order.
    pub fn kill(self) {
        let Self { rt, outbox } = self;
        drop(outbox);
        rt.shutdown_background();
    }

    pub fn sql<T>(&self, statement: &'static str) -> T
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite> + Send + Unpin,
    {
        let store = self.store();
        self.rt.block_on(sqlx::query_scalar(statement).fetch_one(store.pool())).unwrap()
    }

    pub fn execute(&self, statement: &'static str) {
        let store = self.store();
        self.rt.block_on(sqlx::query(statement).execute(store.pool())).unwrap();
    }
}

/// Waits for what must come. The limit is only there so that a fault ends the test.
pub fn until(what: &str, mut true_now: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !true_now() {
        assert!(begun.elapsed() < Duration::from_secs(30), "waited in vain for {what}");
        std::thread::sleep(3 * MS);
    }
}
