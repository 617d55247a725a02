//! The sample company on the simulated FreeSWITCH, with journal, outbox and built-in CRM.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dozvon::app::App;
use dozvon::config::{Config, Node};
use dozvon::core::ids::CallId;
use dozvon::crm::builtin::{Builtin, load_sample};
use dozvon::demo::{Learnt, Outage, Papers};
use dozvon::rules::set::Sets;
use dozvon::rules::{Routing, RuleSet};
use dozvon::sim::{Agent, CallReport, CallSpec, Caller, FreeSwitch, Queue, Script};
use dozvon::store::Store;
use dozvon::traces::TraceConfig;
use tempfile::TempDir;

pub const LINE: &str = "+74951234567";
/// Nobody knows this number.
pub const NEW: &str = "+79265550000";

pub fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub struct House {
    pub app: App,
    pub switch: FreeSwitch,
    pub crm: Arc<Outage>,
    papers: Papers,
    config: Config,
    _folder: TempDir,
}

const ROUTING: &str = "schema = 1\ntimezone = \"Europe/Moscow\"\n[lines.main]\nnumbers = \"any\"\nroute = \"r\"\n\
     [routes.r]\ntitle = \"t\"\nwhy = \"w\"\nsteps = [\
     { do = \"employee\", employee = \"103\", ring = \"2s\" }, \
     { do = \"employee\", employee = \"101\", ring = \"10s\" }]\n";

async fn engine(config: &Config, crm: Arc<Outage>) -> App {
    let routing = Routing::parse("test.toml", ROUTING).unwrap();
    let set = RuleSet::builtin("amocrm-classic").unwrap().unwrap();
    App::start_ruled(config, crm, routing, Sets::only(Arc::new(set))).await.unwrap()
}

impl House {
    /// Its traces go to `endpoint`.
    pub async fn new(endpoint: Option<&str>) -> Self {
        let folder = TempDir::new().unwrap();
        let mut config = Config::default();
        config.store.path = folder.path().join("dozvon.sqlite");
        let store = Store::open(&config.store.path).await.unwrap();
        load_sample(&store).await.unwrap();
        let switch = FreeSwitch::builder()
            .speed(40.0)
            .tick(Duration::ZERO)
            .phone("101", Script::answers(secs(2)).transfers(secs(3), "102"))
            .phone("102", Script::answers(secs(2)))
            .phone("103", Script::silent())
            .agent(Agent::new("anna", "101"))
            .queue("sales", Queue::new(&["anna"]))
            .start()
            .await
            .unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        (config.calls.listen, config.http.listen) = (any, any);
        // Port 9 is nobody's: the control link stays down.
        config.node = vec![Node { address: "127.0.0.1:9".into(), ..Node::default() }];
        config.outbox.poll = Duration::from_millis(10);
        config.traces = TraceConfig {
            endpoint: endpoint.map(str::to_owned),
            headers: [("x-tenant".to_owned(), "north".to_owned().into())].into(),
            service: "dozvon-test".into(),
            ..TraceConfig::default()
        };
        let crm = Arc::new(Outage::new(Builtin::new(store.clone())));
        let app = engine(&config, crm.clone()).await;
        switch.set_engine(&app.calls.to_string());
        let papers = Papers::new(store);
        Self { app, switch, crm, papers, config, _folder: folder }
    }

    /// A new client calls; 103 is silent, 101 answers and passes him on to 102. Returns when the
    /// CRM has learnt all of it.
    pub async fn call(&self) -> (CallReport, Vec<Learnt>) {
        let report = self.only_call().await;
        let learnt = self.learnt(&report).await;
        (report, learnt)
    }

    /// The same, and the CRM may learn of it later.
    pub async fn only_call(&self) -> CallReport {
        let caller = Caller::stays().hangs_up_after(secs(30));
        self.switch.call(CallSpec::new(NEW, LINE).caller(caller)).report().await
    }

    /// What the CRM has learnt of a call, once it has.
    pub async fn learnt(&self, call: &CallReport) -> Vec<Learnt> {
        self.papers.learnt(&CallId::new(&call.uuid)).await.unwrap()
    }

    /// Ends in order, and starts anew with the same store.
    pub async fn restart(self) -> Self {
        let Self { app, switch, crm, papers, config, _folder } = self;
        app.drain(Duration::ZERO, std::future::pending()).await;
        let app = engine(&config, crm.clone()).await;
        switch.set_engine(&app.calls.to_string());
        Self { app, switch, crm, papers, config, _folder }
    }

    pub fn traces(&self, result: &str) -> u64 {
        self.app.engine.metrics.traces.with_label_values(&[result]).get()
    }

    pub async fn until_traces(&self, result: &str, count: u64) {
        let reached = async {
            while self.traces(result) < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(secs(30), reached).await;
        assert!(waited.is_ok(), "{} {result}, not {count}", self.traces(result));
    }

    /// Ends in order: what is left is sent.
    pub async fn end(self) {
        self.app.drain(Duration::ZERO, std::future::pending()).await;
    }
}

/// A log kept in memory, of everything that runs on this test's thread.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub fn begin(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(move || log.clone());
        tracing::subscriber::set_default(lines.finish())
    }

    pub fn count(&self, what: &str) -> usize {
        self.text().matches(what).count()
    }

    /// Waits until it says so.
    pub async fn until(&self, what: &str) {
        let said = async {
            while self.count(what) == 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(secs(30), said).await;
        assert!(waited.is_ok(), "no `{what}` in {}", self.text());
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
