//! The stage: everything a scene needs, in one process.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tracing::warn;

use crate::app::{App, StartError};
use crate::config::{Config, Node};
use crate::core::client::Client;
use crate::core::phone::Phone;
use crate::core::staff::Employee;
use crate::crm::builtin::import::ImportError;
use crate::crm::builtin::{Builtin, load_sample};
use crate::crm::{ApplyError, Crm, CrmError, Done, Work};
use crate::recording::Template;
use crate::rules::{Routing, RulesError};
use crate::sim::{Agent, FreeSwitch, Queue, Script};
use crate::store::{Store, StoreError};

/// How long the control link may take at the start.
const LINK: Duration = Duration::from_secs(5);

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
    /// The simulated FreeSWITCH.
    #[error("the simulated FreeSWITCH cannot start: {0}")]
    Switch(#[from] std::io::Error),
}

/// A CRM that can be switched off.
struct Outage {
    crm: Builtin,
    down: AtomicBool,
}

#[async_trait]
impl Crm for Outage {
    fn name(&self) -> &'static str {
        "builtin"
    }

    async fn find(&self, phone: &Phone) -> Result<Option<Client>, CrmError> {
        if self.down.load(Ordering::Relaxed) {
            return Err(CrmError::Fault("switched off by the demo".into()));
        }
        self.crm.find(phone).await
    }

    async fn employees(&self) -> Result<Vec<Employee>, CrmError> {
        self.crm.employees().await
    }

    async fn apply(&self, work: &Work<'_>) -> Result<Done, ApplyError> {
        if self.down.load(Ordering::Relaxed) {
            let why = "switched off by the demo".to_owned();
            return Err(ApplyError::Later { after: None, why });
        }
        self.crm.apply(work).await
    }

    async fn read_back(&self, work: &Work<'_>) -> Result<Option<Done>, ApplyError> {
        self.crm.read_back(work).await
    }
}

/// The stage.
pub struct Stage {
    /// The engine.
    pub app: App,
    /// The simulated FreeSWITCH.
    pub switch: FreeSwitch,
    crm: Arc<Outage>,
    store: Scrap,
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
        let crm = Arc::new(Outage { crm: Builtin::new(store), down: AtomicBool::new(false) });
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
        let app = App::start(&config, crm.clone(), Routing::default_rules()?).await?;
        switch.set_engine(&app.calls.to_string());
        let stage = Self { app, switch, crm, store: scrap };
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
        self.crm.down.store(down, Ordering::Relaxed);
        if down {
            self.app.engine.directory.invalidate(&crate::directory::Invalidation::All).await;
        }
    }

    /// Takes it down and removes its file.
    pub async fn strike(self) {
        self.app.drain(Duration::ZERO, std::future::pending()).await;
        drop(self.store);
    }
}
