//! An engine in a runtime of its own, so that it can be killed, beside a simulated FreeSWITCH and
//! a store that live on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dozvon::app::App;
use dozvon::callback::{Callbacks, How, Refused, Taken};
use dozvon::config::{Config, Node};
use dozvon::core::campaign::order::{
    Ending, GroupOrder, Kind, Order, Policy, Prompt, Stage, Target, View, Whom,
};
use dozvon::core::ids::{CallId, CampaignId};
use dozvon::core::phone::{Phone, Region};
use dozvon::core::staff::Number;
use dozvon::crm::builtin::view::Listed;
use dozvon::crm::builtin::{Builtin, load_sample};
use dozvon::demo::{Learnt, Papers};
use dozvon::recording::Template;
use dozvon::rules::set::Sets;
use dozvon::rules::{Routing, RuleSet};
use dozvon::sim::{Agent, FreeSwitch, Queue, Script};
use dozvon::store::Store;
use dozvon::switch::control::LinkState;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Nobody knows this number.
pub const NEW: &str = "+79265550000";
/// A client with an open deal of 101.
pub const OLGA: &str = "+79161110001";
pub const LINE: &str = "+74951234567";

const SPEED: f64 = 20.0;

const ROUTING: &str = r#"
schema = 1
timezone = "Europe/Moscow"

[lines.main]
numbers = "any"
route = "owner"
caller_id = "+74951234567"

[routes.owner]
title = "The owner"
why = "Nobody else."
steps = [{ do = "owner", ring = "10s" }]
"#;

/// A time of the simulated world.
pub fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// The same time as the engine measures it.
pub fn real(n: u64) -> Duration {
    secs(n).div_f64(SPEED)
}

/// What outlives an engine.
pub struct House {
    pub switch: FreeSwitch,
    pub crm: Builtin,
    pub store: Store,
    pub config: Config,
    /// The rules the CRM is told by.
    pub set: Arc<RuleSet>,
    routing: String,
    sim: Runtime,
    folder: TempDir,
}

/// An engine.
pub struct Life {
    pub app: Option<Arc<App>>,
    runtime: Option<Runtime>,
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

impl House {
    pub fn new() -> Self {
        Self::with("")
    }

    /// With more in its rules.
    pub fn with(rules: &str) -> Self {
        Self::on(rules, TempDir::new().unwrap())
    }

    fn on(rules: &str, folder: TempDir) -> Self {
        let sim = runtime();
        let mut config = Config::default();
        config.store.path = folder.path().join("dozvon.sqlite");
        let (store, switch) = sim.block_on(async {
            let store = Store::open(&config.store.path).await.unwrap();
            load_sample(&store).await.unwrap();
            let switch = FreeSwitch::builder()
                .speed(SPEED)
                .tick(Duration::ZERO)
                .control("127.0.0.1:0")
                .phone("101", Script::silent())
                .phone("102", Script::silent())
                .phone("103", Script::silent())
                .phone("106", Script::silent())
                .phone("+79035550105", Script::silent())
                .gateway("mobile")
                .queue("sales", Queue::new(&["101", "102", "103"]))
                .agent(Agent::new("101", "101"))
                .agent(Agent::new("102", "102"))
                .agent(Agent::new("103", "103"))
                .recordings(folder.path().to_owned())
                .start()
                .await
                .unwrap();
            (store, switch)
        });
        (config.calls.listen, config.http.listen) =
            (([127, 0, 0, 1], 0).into(), ([127, 0, 0, 1], 0).into());
        let address = switch.control_address().unwrap().to_string();
        config.node = vec![Node { address, ..Node::default() }];
        let sounds = folder.path().join("{call}.wav");
        config.recording.path = Some(Template::parse(sounds.to_str().unwrap()).unwrap());
        config.recording.base_url = Some("https://rec.example".into());
        config.outbox.retry = Duration::from_millis(10);
        config.outbox.retry_max = Duration::from_millis(40);
        config.outbox.poll = Duration::from_millis(10);
        config.outbox.lease = Duration::from_secs(1);
        config.callbacks.lease = Duration::from_millis(900);
        config.callbacks.poll = Duration::from_millis(50);
        let crm = Builtin::new(store.clone());
        let routing = format!("{ROUTING}{rules}");
        let set = Arc::new(RuleSet::builtin("amocrm-classic").unwrap().unwrap());
        Self { switch, crm, store, config, set, routing, sim, folder }
    }

    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub fn phone(&self, number: &str, script: Script) -> &Self {
        self.switch.set_phone(number, script);
        self
    }

    /// An engine on this store and this FreeSWITCH.
    pub fn start(&self) -> Life {
        let runtime = runtime();
        let app = runtime.block_on(async {
            let routing = Routing::parse("test.toml", &self.routing).unwrap();
            let crm = Arc::new(self.crm.clone());
            let sets = Sets::only(self.set.clone());
            let app = App::start_ruled(&self.config, crm, routing, sets).await.unwrap();
            self.switch.set_engine(&app.calls.to_string());
            let up = |states: Vec<(_, LinkState)>| states.iter().all(|(_, s)| *s == LinkState::Up);
            while !up(app.nodes.states())
                || app.callbacks.as_ref().unwrap().list(true, 1).await.is_err()
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            app
        });
        Life { app: Some(Arc::new(app)), runtime: Some(runtime) }
    }

    /// What the CRM learnt of a campaign that is over.
    pub fn learnt(&self, id: &CampaignId) -> Vec<Learnt> {
        let papers = Papers::new(self.store.clone());
        let learnt = self.sim.block_on(papers.learnt(&CallId::new(id.as_str()))).unwrap();
        let undone: Vec<_> = learnt.iter().filter_map(Learnt::undone).collect();
        assert!(undone.is_empty(), "{undone:?}");
        learnt
    }

    /// The words of its cases, in order.
    pub fn cases(&self, id: &CampaignId) -> Vec<&'static str> {
        self.learnt(id).iter().map(|learnt| learnt.judged.case.event.as_str()).collect()
    }

    pub fn rows<T: Listed>(&self) -> Vec<T> {
        self.sim.block_on(self.crm.list::<T>(None, 1000)).unwrap()
    }

    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.sim.block_on(future)
    }

    /// No channel is left, soon.
    pub fn ends_empty(&self) {
        until("no channel is left", || self.switch.channels() == 0);
    }
}

impl Life {
    fn app(&self) -> &App {
        self.app.as_ref().unwrap()
    }

    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.as_ref().unwrap().block_on(future)
    }

    pub fn callbacks(&self) -> &dyn Callbacks {
        &**self.app().callbacks.as_ref().unwrap()
    }

    pub fn take(&self, order: Order) -> Taken {
        self.block_on(self.callbacks().take(order, None)).unwrap()
    }

    pub fn begin(&self, order: Order) -> CampaignId {
        let taken = self.take(order);
        assert_eq!(taken.how, How::New);
        taken.id
    }

    pub fn view(&self, id: &CampaignId) -> View {
        self.block_on(self.callbacks().show(id)).unwrap()
    }

    pub fn cancel(&self, id: &CampaignId) -> Result<View, Refused> {
        self.block_on(self.callbacks().cancel(id))
    }

    /// Waits until it stands so.
    pub fn reach(&self, id: &CampaignId, what: &str, so: impl Fn(&View) -> bool) -> View {
        let mut last = None;
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(30) {
            let view = self.view(id);
            if so(&view) {
                return view;
            }
            last = Some(view);
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("it does not come so far ({what}): {last:#?}");
    }

    pub fn stage(&self, id: &CampaignId, stage: Stage) -> View {
        self.reach(id, &format!("{stage:?}"), |view| view.stage == stage)
    }

    pub fn over(&self, id: &CampaignId, ending: Ending) -> View {
        let over = |view: &View| matches!(view.stage, Stage::Over(_));
        let view = self.reach(id, "its end", over);
        assert_eq!(view.stage, Stage::Over(ending), "{view:#?}");
        view
    }

    pub fn metric(&self, name: &str) -> f64 {
        let text = self.app().engine.metrics.render();
        let line = text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }

    /// Ends in order.
    pub fn drain(mut self) {
        let app = self.app.take().and_then(Arc::into_inner).unwrap();
        self.block_on(app.drain(Duration::ZERO, std::future::pending()));
    }

    /// Ends as if killed: no task of it runs on, nothing more is written or sent.
    pub fn kill(mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Waits for it.
pub fn until(what: &str, so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it never came: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whom the tries rang, in order, with what came of each.
pub fn tries(view: &View) -> Vec<String> {
    let line = |one: &dozvon::core::campaign::order::Try| {
        let whom = match &one.whom {
            Whom::Client(_) => "client".to_owned(),
            Whom::Manager { number: Number::Line(line), .. } => line.to_string(),
            Whom::Manager { number: Number::Outside(phone), .. } => phone.e164().to_owned(),
        };
        format!("{whom} {}", one.result.map_or("…", |result| result.as_str()))
    };
    view.tries.iter().map(line).collect()
}

/// A form of this client: his owner, else the sales group, one after another.
pub fn form(phone: &str) -> Order {
    let fields = [("utm_source", "yandex"), ("page", "/windows"), ("product", "window 3")];
    Order {
        kind: Kind::Form,
        phone: Phone::parse(phone, Region::default()).unwrap(),
        site: "shop".into(),
        line: Some("main".into()),
        department: None,
        name: Some("Ирина".into()),
        comment: Some("про окна".into()),
        fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        wanted: None,
        timezone: None,
        targets: vec![
            Target::Owner,
            Target::Group { name: "sales".into(), order: GroupOrder::InTurn },
        ],
        policy: policy(),
    }
}

/// The same for one employee only.
pub fn only(employee: &str, phone: &str) -> Order {
    Order { targets: vec![Target::Employee(employee.into())], ..form(phone) }
}

/// The button.
pub fn click(employee: &str, phone: &str) -> Order {
    let policy = Policy { client_tries: 1, prompt: Prompt::None, ..policy() };
    let fields = BTreeMap::new();
    Order {
        kind: Kind::Click,
        site: String::new(),
        name: None,
        comment: None,
        fields,
        policy,
        ..only(employee, phone)
    }
}

fn policy() -> Policy {
    Policy {
        delay: Duration::ZERO,
        ring: secs(5),
        retry: real(30),
        give_up: real(100),
        client_ring: secs(10),
        client_tries: 2,
        client_pause: real(20),
        prompt: Prompt::Tone,
        key: None,
    }
}
