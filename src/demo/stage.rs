//! The stage: everything a scene needs, in one process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tracing::warn;

use super::outage::Outage;
use super::papers::Papers;
use crate::app::{App, StartError};
use crate::config::{Config, Node};
use crate::crm::builtin::import::ImportError;
use crate::crm::builtin::{Builtin, load_sample};
use crate::recording::Template;
use crate::rules::set::Sets;
use crate::rules::{Routing, RuleSet, RulesError};
use crate::sales::SalesConfig;
use crate::sim::{Agent, FreeSwitch, Queue, Script};
use crate::store::{Store, StoreError};

/// How long the control link may take at the start.
const LINK: Duration = Duration::from_secs(5);
/// How long the outbox leaves a CRM alone that failed, in the time of the simulated world.
const RETRY: Duration = Duration::from_secs(1);

/// Why the stage cannot be set.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum StageError {
    /// The store of the demo.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] StoreError),
    /// Its clients.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Sample(#[from] ImportError),
    /// The engine.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Start(#[from] StartError),
    /// The rules.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Rules(#[from] RulesError),
    /// The set that is the default is no part of this program.
    #[error("this build has no built-in rule set")]
    NoSet,
    /// The simulated FreeSWITCH.
    #[error("the simulated FreeSWITCH cannot start: {0}")]
    Switch(#[from] std::io::Error),
}

/// The stage.
pub struct Stage {
    /// The engine.
    pub app: App,
    /// The simulated FreeSWITCH.
    pub switch: FreeSwitch,
    /// Its journal and outbox.
    pub papers: Papers,
    /// Its CRM's records.
    pub crm: Builtin,
    /// What is made later came of the story.
    pub set_at: Timestamp,
    outage: Arc<Outage>,
    scrap: Scrap,
}

/// A store and recordings that are removed with the stage, whether or not it was ever set.
struct Scrap(PathBuf);

impl Scrap {
    fn recordings(&self) -> PathBuf {
        self.0.with_extension("recordings")
    }
}

impl Drop for Scrap {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.recordings());
        for suffix in ["", "-wal", "-shm"] {
            let mut name = self.0.clone().into_os_string();
            name.push(suffix);
            // The system's temporary folder is cleaned by the system as well.
            let _ = std::fs::remove_file(name);
        }
    }
}

impl Stage {
    /// Sets it up. `speed` divides all waits of the simulated world.
    ///
    /// # Errors
    /// [`StageError`].
    pub async fn set(speed: f64, http: SocketAddr) -> Result<Self, StageError> {
        let file =
            std::env::temp_dir().join(format!("dozvon-demo-{}.sqlite", uuid::Uuid::new_v4()));
        let scrap = Scrap(file);
        let store = Store::open(&scrap.0).await?;
        load_sample(&store).await?;
        let set_at = Timestamp::now();
        let crm = Builtin::new(store.clone());
        let outage = Arc::new(Outage::new(crm.clone()));
        let switch = FreeSwitch::builder()
            .speed(speed)
            .control("127.0.0.1:0")
            .phone("101", Script::answers(Duration::from_secs(3)))
            .phone("102", Script::answers(Duration::from_secs(3)))
            .phone("103", Script::silent())
            .phone("104", Script::unregistered())
            .phone("105", Script::unregistered())
            .phone("106", Script::answers(Duration::from_secs(2)))
            .phone("+79035550105", Script::answers(Duration::from_secs(3)))
            .gateway("mobile")
            .agent(Agent::new("egor", "106"))
            .queue("sales", Queue::new(&["egor"]))
            .voicemail("100")
            .recordings(scrap.recordings())
            .start()
            .await?;
        let mut config = Config::default();
        config.calls.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.http.listen = http;
        let control = switch.control_address().map(|a| a.to_string()).unwrap_or_default();
        config.node = vec![Node { address: control, ..Node::default() }];
        let path = scrap.recordings().join("{date}/{call}.wav");
        config.recording.path = path.to_str().and_then(|path| Template::parse(path).ok());
        config.recording.secret = Some(uuid::Uuid::new_v4().to_string().into());
        config.store.path = scrap.0.clone();
        config.sales = Some(SalesConfig::default());
        config.outbox.retry = RETRY.div_f64(speed);
        config.outbox.retry_max = config.outbox.retry * 2;
        config.outbox.poll = config.outbox.retry / 4;
        let routing = Routing::parse("demo routing.toml", include_str!("routing.toml"))?;
        let set = RuleSet::builtin(&config.rules.set).ok_or(StageError::NoSet)??;
        let sets = Sets::only(Arc::new(set));
        let app = App::start_ruled(&config, outage.clone(), routing, sets).await?;
        switch.set_engine(&app.calls.to_string());
        let papers = Papers::new(store);
        let stage = Self { app, switch, papers, crm, set_at, outage, scrap };
        if tokio::time::timeout(LINK, stage.link_up()).await.is_err() {
            warn!("the control link is not up yet; presence is not known");
        }
        Ok(stage)
    }

    async fn link_up(&self) {
        use crate::switch::control::LinkState;
        while !self.app.nodes.states().iter().all(|(_, state)| *state == LinkState::Up) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Switches the CRM off or on, and forgets what was known of clients where it goes off.
    pub async fn crm_down(&self, down: bool) {
        self.outage.set_down(down);
        if down {
            self.app.engine.directory.invalidate(&crate::directory::Invalidation::All).await;
        }
    }

    /// The file of its store, as long as it stands.
    pub fn store(&self) -> &Path {
        &self.scrap.0
    }

    /// Takes it down and removes its file.
    pub async fn strike(self) {
        self.app.drain(Duration::ZERO, std::future::pending()).await;
        drop(self.scrap);
    }
}
