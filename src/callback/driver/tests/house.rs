//! A driver, its employees, and a store that is a map.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::sleep;

use super::play::Play;
use crate::callback::book::deed::{Deed, Done};
use crate::callback::config::CallbackConfig;
use crate::callback::driver::{Driver, Note, Papers, Parts, Reins};
use crate::callback::{How, Taken, taking};
use crate::core::campaign::Campaign;
use crate::core::campaign::order::{Kind, Order, Policy, Prompt, Stage, Target, View, Whom};
use crate::core::case::{Case, Clerk};
use crate::core::client::Client;
use crate::core::ids::{CallId, CampaignId, Extension};
use crate::core::phone::{Phone, Region};
use crate::core::record::{CallRecord, between};
use crate::core::staff::{Employee, NoPresence, Number, Status};
use crate::crm::{Crm, CrmError};
use crate::directory::{Directory, DirectoryConfig};
use crate::esl::Limits;
use crate::metrics::Metrics;
use crate::outbox::writer::{Deeds, Pen};
use crate::rules::Routing;
use crate::switch::engine::{Engine, Settings};

/// Knows nobody but its employees, 101 to 106.
struct Office;

#[async_trait]
impl Crm for Office {
    fn name(&self) -> &'static str {
        "office"
    }

    async fn find(&self, _: &Phone) -> Result<Option<Client>, CrmError> {
        Ok(None)
    }

    async fn employees(&self) -> Result<Vec<Employee>, CrmError> {
        let employee = |line: u32| Employee {
            id: format!("e{line}").as_str().into(),
            name: format!("Employee {line}"),
            numbers: vec![Number::Line(Extension::parse(&line.to_string()).unwrap())],
            groups: if line < 104 { vec!["sales".into()] } else { vec![] },
            deputy: None,
            status: Status::Active,
            online: None,
        };
        Ok((101..=106).map(employee).collect())
    }
}

#[derive(Default)]
struct Paper(Mutex<Vec<String>>);

impl Clerk for Paper {
    fn began(&self, _: &CallId, _: Option<&str>) {}
    fn occurred(&self, case: Case) {
        self.0.lock().unwrap().push(case.event.as_str().to_owned());
    }
    fn closed(&self, _: Arc<CallRecord>) {}
}

pub struct House {
    pub hands: Arc<Play>,
    pub reins: Reins,
    pub metrics: Arc<Metrics>,
    paper: Arc<Paper>,
    rows: Arc<Mutex<HashMap<String, String>>>,
    hangs: watch::Sender<bool>,
    gone: Arc<AtomicBool>,
    /// The clock on the wall when the driver began. It goes on while a test is busy, that of the
    /// test does not.
    began: jiff::Timestamp,
}

impl House {
    pub async fn new() -> Self {
        let metrics = Arc::new(Metrics::new().unwrap());
        let directory =
            Directory::new(Arc::new(Office), DirectoryConfig::default(), metrics.clone());
        directory.refresh_staff().await.unwrap();
        let settings = Settings {
            handshake: Duration::from_secs(1),
            limits: Limits::default(),
            dial: crate::switch::dial::Dial::default(),
        };
        let rules = Routing::default_rules().unwrap();
        let engine = Engine::new(settings, directory, rules, Arc::new(NoPresence), metrics.clone());
        let (pen, deeds) = Pen::to_nobody();
        let (hands, paper, rows) =
            (Arc::new(Play::new()), Arc::new(Paper::default()), Arc::default());
        let hangs = watch::Sender::new(false);
        tokio::spawn(store(deeds, hangs.subscribe(), Arc::clone(&rows)));
        let (reins, notes) = Reins::new();
        let parts = Parts {
            config: CallbackConfig::default(),
            pen,
            store: watch::channel(None).1,
            hands: hands.clone(),
            engine: Arc::new(engine),
            switch: None,
            papers: Papers::Clerk(paper.clone()),
            me: "me".into(),
        };
        let began = jiff::Timestamp::now();
        let driver = Driver::new(parts, &reins, notes);
        let gone = Arc::new(AtomicBool::new(false));
        let at_end = gone.clone();
        tokio::spawn(async move {
            driver.run().await;
            at_end.store(true, Ordering::Relaxed);
        });
        Self { hands, reins, metrics, paper, rows, hangs, gone, began }
    }

    /// A campaign that was taken.
    pub async fn begin(&self, order: Order) -> CampaignId {
        let now = self.began.saturating_add(self.hands.passed()).unwrap();
        let (campaign, _) = taking(order, None, "me", None, now).unwrap();
        let id = campaign.id().clone();
        self.rows
            .lock()
            .unwrap()
            .insert(id.to_string(), crate::outbox::entry::text(&campaign).unwrap());
        self.reins.notes.send(Note::Begin(Box::new(campaign))).ok().unwrap();
        id
    }

    fn view(&self, id: &CampaignId) -> View {
        let state = self.rows.lock().unwrap()[id.as_str()].clone();
        crate::outbox::entry::json::<Campaign>(&state).unwrap().view()
    }

    /// How it stands once it is over and all its legs are gone.
    pub async fn over(&self, id: &CampaignId) -> View {
        for _ in 0..20_000 {
            let view = self.view(id);
            if matches!(view.stage, Stage::Over(_)) && self.hands.up() == 0 {
                return view;
            }
            sleep(Duration::from_millis(250)).await;
        }
        panic!("it does not end: {:?}", self.view(id));
    }

    pub fn cases(&self) -> Vec<String> {
        self.paper.0.lock().unwrap().clone()
    }

    /// The disk takes nothing until it is told otherwise.
    pub fn disk_hangs(&self, hangs: bool) {
        self.hangs.send_replace(hangs);
    }

    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    /// How much later than wanted the first try of each campaign began.
    pub fn lateness(&self) -> Vec<Duration> {
        let rows = self.rows.lock().unwrap();
        let views =
            rows.values().map(|s| crate::outbox::entry::json::<Campaign>(s).unwrap().view());
        let late = |view: View| {
            let wanted = view.accepted + view.order.policy.delay;
            let first = view.tries.iter().find(|t| matches!(t.whom, Whom::Manager { .. }));
            first.map(|first| between(wanted, first.from))
        };
        views.filter_map(late).collect()
    }
}

async fn store(
    mut deeds: Deeds,
    mut hangs: watch::Receiver<bool>,
    rows: Arc<Mutex<HashMap<String, String>>>,
) {
    while let Some((deed, answer)) = deeds.recv().await {
        hangs.wait_for(|hangs| !hangs).await.unwrap();
        let done = match deed {
            Deed::Take(take) => Done::Taken(Taken { id: take.row.id, how: How::New }),
            Deed::Step(step) => {
                rows.lock().unwrap().insert(step.row.id.to_string(), step.row.state);
                Done::Held(true)
            }
            Deed::Claim { .. } => Done::Claimed(vec![]),
            _ => Done::Held(false),
        };
        let _ = answer.send(Ok(done));
    }
}

/// A form whose client belongs to nobody: the sales group is rung.
pub fn order(phone: &str) -> Order {
    Order {
        kind: Kind::Form,
        phone: Phone::parse(phone, Region::default()).unwrap(),
        site: String::new(),
        line: None,
        department: None,
        name: Some("Анна".into()),
        comment: Some("перезвоните".into()),
        fields: BTreeMap::new(),
        wanted: None,
        timezone: None,
        targets: vec![
            Target::Owner,
            Target::Group {
                name: "sales".into(),
                order: crate::core::campaign::order::GroupOrder::InTurn,
            },
        ],
        policy: Policy {
            delay: Duration::ZERO,
            ring: Duration::from_secs(20),
            retry: Duration::from_secs(30),
            give_up: Duration::from_secs(600),
            client_ring: Duration::from_secs(40),
            client_tries: 2,
            client_pause: Duration::from_secs(60),
            prompt: Prompt::Tone,
            key: None,
        },
    }
}

/// The same for one employee.
pub fn only(line: &str, phone: &str) -> Order {
    let targets = vec![Target::Employee(format!("e{line}").as_str().into())];
    Order { targets, ..order(phone) }
}
