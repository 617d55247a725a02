//! Builds the parts and joins their tasks; the only place that knows them all.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use crate::callback::Desk;
use crate::callback::driver::{self, Reins};
use crate::callback::ears::Ears;
use crate::config::Config;
use crate::core::case::{Clerk, NoClerk};
use crate::core::ids::CallId;
use crate::core::ids::NodeId;
use crate::core::phone::{Phone, Region};
use crate::crm::Crm;
use crate::directory::{BreakerState, Directory};
use crate::esl::Limits;
use crate::http::{self, Caller, Doors, HttpState, Readiness};
use crate::metrics::Metrics;
use crate::outbox::sets::SetsInForce;
use crate::outbox::survivors::Survivors;
use crate::outbox::writer::Writer;
use crate::outbox::{self, Outbox};
use crate::recording::{self, Recorder};
use crate::reload::watch::Watch;
use crate::reload::{Door, Reloader};
use crate::rules::set::Sets;
use crate::rules::{Routing, RulesError};
use crate::sales::{self, Seller};
use crate::switch::control::{LinkState, NodeConfig, Nodes};
use crate::switch::dialler::Dialler;
use crate::switch::engine::{Engine, Settings};
use crate::switch::listener::{self, Stop};
use crate::traces::Tracer;

/// FreeSWITCH has seen by then that nobody takes a connection it had just opened: it looks every
/// 20 ms. Were its call let go of before, it would stay parked for ever.
const REFUSED: Duration = Duration::from_millis(200);
/// After the drain's deadline, this long for the good-byes.
const GOODBYES: Duration = Duration::from_secs(5);
/// Connections that may wait to be accepted; the system may allow less (`net.core.somaxconn`).
/// With the usual 128 a burst of calls overflows: Linux then drops the last step of a handshake,
/// the switch believes itself connected and waits for our `connect` for ever, its caller in
/// silence (seen with 10,000 calls begun at once: 272 of them).
const BACKLOG: u32 = 4096;

/// Why the engine cannot start.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum StartError {
    /// An address is taken, or not ours.
    #[error("cannot listen on {address} for {what}: {reason}")]
    #[diagnostic(help(
        "set {key} to a free address of this machine, or end the process that holds it"
    ))]
    Listen {
        /// For whom.
        what: &'static str,
        /// The setting.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system says.
        reason: std::io::Error,
    },
    /// Two metrics with one name.
    #[error("the metrics cannot be registered: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// The rules as configured: the named file, else `rules/routing.toml`, else the built-in ones.
///
/// # Errors
/// All mistakes of the file at once.
pub fn load_rules(config: &Config) -> Result<Routing, RulesError> {
    Routing::configured(&config.rules)
}

/// Who takes cases down.
enum Papers {
    Clerk(Arc<dyn Clerk>),
    Outbox(Sets),
}

/// Journal and outbox, and the sets they go by.
struct Paperwork {
    outbox: Arc<Outbox>,
    sets: Arc<SetsInForce>,
}

impl Papers {
    fn begin(
        self,
        config: &Config,
        crm: Arc<dyn Crm>,
        directory: &Arc<Directory>,
        metrics: &Arc<Metrics>,
        tracer: &Tracer,
    ) -> (Arc<dyn Clerk>, Option<Paperwork>) {
        let sets = match self {
            Self::Clerk(clerk) => return (clerk, None),
            Self::Outbox(sets) => Arc::new(SetsInForce::new(sets, directory.clone())),
        };
        let outbox = Outbox::start(outbox::Parts {
            path: config.store.path.clone(),
            journal: config.journal.clone(),
            outbox: config.outbox.clone(),
            webhook: config.webhook.clone(),
            judge: sets.clone(),
            crm,
            directory: Some(directory.clone()),
            metrics: metrics.clone(),
            tracer: tracer.clone(),
        });
        (outbox.clone(), Some(Paperwork { outbox, sets }))
    }
}

/// A running engine.
pub struct App {
    /// What sessions share.
    pub engine: Arc<Engine>,
    /// The control links.
    pub nodes: Arc<Nodes>,
    /// Where FreeSWITCH's `socket` application reaches it.
    pub calls: SocketAddr,
    /// Where `/metrics` is.
    pub http: SocketAddr,
    /// The rules in force.
    pub rules: Arc<Reloader>,
    /// Callbacks; `None`: they are switched off.
    pub callbacks: Option<Arc<Desk>>,
    paperwork: Option<Paperwork>,
    /// Of an engine with callbacks and without an outbox.
    writer: Option<(CancellationToken, JoinHandle<()>)>,
    stop: Stop,
    background: CancellationToken,
    taking: TaskTracker,
    tasks: TaskTracker,
}

impl App {
    /// Binds, connects and begins to take calls. Nobody takes their cases down.
    ///
    /// # Errors
    /// [`StartError`]. A CRM or FreeSWITCH that does not answer is no reason not to start.
    pub async fn start(
        config: &Config,
        crm: Arc<dyn Crm>,
        rules: Routing,
    ) -> Result<Self, StartError> {
        Self::start_with(config, crm, rules, Arc::new(NoClerk)).await
    }

    /// The same, and what occurs in calls goes by these sets into journal and outbox. A store
    /// that cannot be opened yet is tried again and again; calls are taken all the same.
    ///
    /// # Errors
    /// As [`App::start`].
    pub async fn start_ruled(
        config: &Config,
        crm: Arc<dyn Crm>,
        rules: Routing,
        sets: Sets,
    ) -> Result<Self, StartError> {
        Self::begin(config, crm, rules, Papers::Outbox(sets)).await
    }

    /// The same, with a clerk.
    ///
    /// # Errors
    /// As [`App::start`].
    pub async fn start_with(
        config: &Config,
        crm: Arc<dyn Crm>,
        rules: Routing,
        clerk: Arc<dyn Clerk>,
    ) -> Result<Self, StartError> {
        Self::begin(config, crm, rules, Papers::Clerk(clerk)).await
    }

    async fn begin(
        config: &Config,
        crm: Arc<dyn Crm>,
        rules: Routing,
        papers: Papers,
    ) -> Result<Self, StartError> {
        let metrics = Arc::new(Metrics::new()?);
        let commit = option_env!("DOZVON_COMMIT").unwrap_or_default();
        metrics.build_info.with_label_values(&[env!("CARGO_PKG_VERSION"), commit]).set(1);
        let calls = bind("calls", "calls.listen", config.calls.listen)?;
        let web = bind("metrics and health", "http.listen", config.http.listen)?;
        let addresses = (local(&calls, config.calls.listen), local(&web, config.http.listen));
        // The tables of the phone number library take 20 ms to load: not in the first call.
        let _ = Phone::parse("+74950000000", Region::default());

        let background = CancellationToken::new();
        let nodes: Vec<_> = config.nodes().iter().map(node).collect();
        let nodes = Nodes::start(nodes, metrics.clone(), background.clone());
        let directory = Directory::new(crm.clone(), config.directory.clone(), metrics.clone());
        let (stop, taking, tasks) = (Stop::default(), TaskTracker::new(), TaskTracker::new());
        let tracer = Tracer::start(&config.traces, metrics.clone(), &tasks, background.clone());
        let sold_by = crm.clone();
        let (clerk, paperwork) = papers.begin(config, crm, &directory, &metrics, &tracer);
        let settings = Settings {
            handshake: config.calls.handshake,
            limits: Limits::default(),
            dial: config.dial.clone(),
        };
        let recorder = recorder(config, addresses.1);
        let (reins, notes) = Reins::new();
        let papers = match &paperwork {
            Some(paperwork) => driver::Papers::Outbox(paperwork.outbox.clone()),
            None => driver::Papers::Clerk(clerk.clone()),
        };
        let clerk: Arc<dyn Clerk> = match config.callbacks.enabled {
            true => Arc::new(Ears { clerk, notes: reins.notes.clone() }),
            false => clerk,
        };
        let engine =
            Engine::new(settings, directory.clone(), rules, nodes.presence(), metrics.clone());
        let engine =
            engine.with_clerk(clerk.clone()).with_recorder(recorder.clone()).with_tracer(tracer);
        let engine = Arc::new(engine);

        let sets = paperwork.as_ref().map(|paperwork| paperwork.sets.clone());
        let crms = config.crm.clone();
        let rules = Reloader::new(config.rules.clone(), crms, engine.clone(), sets);

        // Employees first, so that the first call already knows them; a CRM that is down delays
        // the start by its deadline only.
        let staff = directory.all().map(|directory| directory.refresh_staff());
        let staff = futures_util::future::join_all(staff);
        if let Err(error) = tokio::time::timeout(config.directory.request_timeout, staff).await {
            warn!(%error, "the CRM does not tell who works here yet; calls are taken all the same");
        }
        for directory in directory.all() {
            tasks.spawn(directory.clone().run(background.clone()));
        }
        if let Some(Paperwork { sets, .. }) = &paperwork {
            let (metrics, end) = (engine.metrics.clone(), background.clone());
            let watched = sets.clone().watch_people(metrics, config.directory.staff_interval);
            tasks.spawn(async move {
                end.run_until_cancelled(watched).await;
            });
        }
        if let Some(Paperwork { outbox, .. }) = &paperwork {
            let leading = engine.clone();
            let leads = Box::new(move |call: &CallId| leading.calls.leads(call));
            let survivors = Survivors { clerk, store: outbox.store(), leads };
            tasks.spawn(survivors.run(nodes.news(), background.clone()));
        }
        let (ways, writer) = match &paperwork {
            Some(Paperwork { outbox, .. }) => (Some((outbox.pen(), outbox.store())), None),
            None if config.callbacks.enabled => {
                let memory = config.outbox.memory.get();
                let (path, metrics) = (config.store.path.clone(), engine.metrics.clone());
                let (writer, pen) =
                    Writer::new(path, memory, metrics, Arc::new(jiff::Timestamp::now));
                let (store, stop) = (writer.store.subscribe(), writer.stop.clone());
                (Some((pen, store)), Some((stop, tokio::spawn(writer.run()))))
            }
            None => (None, None),
        };
        let store = ways.as_ref().map(|(_, store)| store.clone());
        let callbacks = ways.filter(|_| config.callbacks.enabled).map(|(pen, store)| {
            let (dial, end) = (config.dial.clone(), background.clone());
            let hands = Dialler::start(nodes.clone(), dial, engine.recorder.clone(), end);
            let parts = driver::Parts {
                config: config.callbacks.clone(),
                pen,
                store,
                hands,
                engine: engine.clone(),
                switch: Some(nodes.presence()),
                papers,
                me: uuid::Uuid::new_v4().to_string(),
            };
            Desk::start(parts, reins, notes)
        });
        let sales = config.sales().zip(paperwork.as_ref()).map(|(sales, paperwork)| {
            let rules = engine.clone();
            let seller = Seller {
                config: sales.clone(),
                crm: sold_by,
                zone: Arc::new(move || rules.rules.load().timezone().clone()),
                wall: Arc::new(jiff::Timestamp::now),
                metrics: engine.metrics.clone(),
            };
            let (desk, work) = sales::begin(seller, paperwork.outbox.store(), background.clone());
            tasks.spawn(work);
            desk
        });
        let state = HttpState {
            sales,
            metrics,
            readiness: readiness(
                &engine,
                &nodes,
                &stop,
                paperwork.as_ref().map(|p| p.outbox.clone()),
            ),
            recorder,
            store,
            rules: Some(rules.clone()),
            doors: callbacks
                .clone()
                .map(|callbacks| doors(config, callbacks, &engine, addresses.1)),
            loopback: addresses.1.ip().is_loopback(),
        };
        let end = background.clone();
        tasks.spawn(async move {
            if let Err(error) = http::serve(web, state, end).await {
                error!(%error, "metrics and health are not served any more");
            }
        });
        taking.spawn(listener::serve(engine.clone(), calls, stop.clone()));
        let (calls, http) = addresses;
        let routing = rules.status().routing;
        info!(%calls, %http, rules = routing.file, hash = %routing.hash, "ready for calls");
        Ok(Self {
            engine,
            nodes,
            calls,
            http,
            rules,
            callbacks,
            paperwork,
            writer,
            stop,
            background,
            taking,
            tasks,
        })
    }

    /// Takes the rules over by themselves whenever their files change.
    pub fn watch_rules(&self, watch: Watch) {
        let (rules, end) = (self.rules.clone(), self.background.clone());
        let watched = watch.run(async move || drop(rules.reload(Door::File).await));
        self.tasks.spawn(async move { end.run_until_cancelled(watched).await });
    }

    /// Takes no more calls, lets those in hand go on until `deadline`, then leaves them to
    /// FreeSWITCH: talks and queues go on there undisturbed.
    pub async fn drain(self, deadline: Duration, hurry: impl Future<Output = ()>) {
        self.stop.accept.cancel();
        self.taking.close();
        if let Some(callbacks) = &self.callbacks {
            callbacks.rest();
        }
        let left = self.engine.calls.len();
        if left > 0 {
            info!(
                calls = left,
                seconds = deadline.as_secs(),
                "no more calls are taken; those in hand may go on"
            );
        }
        let refused = tokio::time::sleep(REFUSED);
        let end = async {
            tokio::select! {
                () = tokio::time::sleep(deadline) => {}
                () = hurry => {}
            }
            refused.await;
        };
        let over = async {
            self.taking.wait().await;
            if let Some(callbacks) = &self.callbacks {
                callbacks.rested().await;
            }
        };
        tokio::select! {
            () = over => {}
            () = end => {}
        }
        let left = self.engine.calls.len();
        if left > 0 {
            info!(calls = left, "calls are left to FreeSWITCH");
        }
        self.stop.calls.cancel();
        if tokio::time::timeout(GOODBYES, self.taking.wait()).await.is_err() {
            warn!(calls = self.engine.calls.len(), "some calls did not end in order");
        }
        if let Some(callbacks) = &self.callbacks {
            callbacks.end(GOODBYES).await;
        }
        if let Some(paperwork) = &self.paperwork {
            paperwork.outbox.drain(GOODBYES).await;
        }
        if let Some((stop, writer)) = self.writer {
            stop.cancel();
            drop(tokio::time::timeout(GOODBYES, writer).await);
        }
        self.background.cancel();
        self.tasks.close();
        if tokio::time::timeout(GOODBYES, self.tasks.wait()).await.is_err() {
            warn!("some tasks did not end in order");
        }
        info!("ended");
    }
}

/// How people reach this engine, and the file that holds its key where none is configured.
fn own(config: &Config, http: SocketAddr) -> (String, PathBuf) {
    let url = config.http.public_url.clone().unwrap_or_else(|| format!("http://{http}"));
    (url, config.store.path.with_extension("key"))
}

/// Where web forms and buttons come in.
fn doors(
    config: &Config,
    callbacks: Arc<Desk>,
    engine: &Arc<Engine>,
    http: SocketAddr,
) -> Arc<Doors> {
    let (url, key) = own(config, http);
    let key = recording::key(&config.recording, &key);
    let crms = config.crm.iter().filter_map(|(name, crm)| {
        let line = crm.lines().first().cloned();
        let directory = engine.directory.of(line.as_deref()).clone();
        let secret = crm.hook_secret()?.clone();
        Some(Caller { name: name.clone(), secret, line, directory })
    });
    let doors = Doors::of_engine(callbacks, engine, key, &url, &config.http);
    Arc::new(doors.with_crms(crms.collect()))
}

/// Where talks are recorded, and links to them begin.
fn recorder(config: &Config, http: SocketAddr) -> Arc<Recorder> {
    let (url, key) = own(config, http);
    if config.recording.enabled && config.recording.folder().is_none() {
        info!("recordings have no links in the CRM: name their folder as recording.folder");
    }
    Arc::new(Recorder::new(&config.recording, &url, &key))
}

/// A node of the configuration as the control link takes it.
pub(crate) fn node(node: &crate::config::Node) -> NodeConfig {
    let mut config =
        NodeConfig::new(NodeId::new(&node.name), &node.address, node.password.reveal());
    config.links = node.links;
    config
}

fn bind(
    what: &'static str,
    key: &'static str,
    address: SocketAddr,
) -> Result<TcpListener, StartError> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A restart must not wait for connections of the last run to time out.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().map_err(|reason| StartError::Listen { what, key, address, reason })
}

fn local(listener: &TcpListener, asked: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(asked)
}

/// What `/readyz` says. A CRM, an outbox or a link that fails is told, and is no reason to take no calls.
fn readiness(
    engine: &Arc<Engine>,
    nodes: &Arc<Nodes>,
    stop: &Stop,
    outbox: Option<Arc<Outbox>>,
) -> Arc<dyn Fn() -> Readiness + Send + Sync> {
    let (engine, nodes, accept) = (engine.clone(), nodes.clone(), stop.accept.clone());
    Arc::new(move || {
        let draining = match accept.is_cancelled() {
            true => Err("no more calls are taken: the engine is about to end".to_owned()),
            false => Ok(()),
        };
        let states: Vec<_> = engine.directory.all().map(|directory| directory.state()).collect();
        let many = states.len() > 1;
        let wrong = states.into_iter().filter_map(|state| {
            let why = match state.breaker {
                _ if !state.denied.is_empty() => {
                    format!("the CRM does not let us in: {}", state.denied.join("; "))
                }
                BreakerState::Closed => return None,
                _ => state.last_error.unwrap_or_else(|| "the CRM fails".to_owned()),
            };
            Some(if many { format!("{}: {why}", state.crm) } else { why })
        });
        let crm = wrong.reduce(|one, other| format!("{one}; {other}")).map_or(Ok(()), Err);
        let mut start = Readiness::default().needs("calls", draining).reports("crm", crm);
        if let Some(outbox) = &outbox {
            start = start.reports("outbox", outbox.state());
        }
        nodes.states().into_iter().fold(start, |readiness, (node, state)| {
            let state = match state {
                LinkState::Up => Ok(()),
                LinkState::Connecting => Err("the link is being made".to_owned()),
                LinkState::Down(why) => Err(why),
            };
            readiness.reports(format!("link {node}"), state)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpStream;

    /// With a backlog of 128 the connections beyond it hang.
    #[tokio::test]
    async fn a_burst_of_connections_finds_room_before_any_is_accepted() {
        let listener = bind("calls", "calls.listen", ([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let mut callers = Vec::new();
        for _ in 0..300 {
            callers.push(TcpStream::connect(address).await.unwrap());
        }
        for caller in &callers {
            let (_, peer) = listener.accept().await.unwrap();
            assert_eq!(peer, caller.local_addr().unwrap());
        }
    }
}
