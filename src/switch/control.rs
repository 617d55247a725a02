//! The control link: pooled inbound connections to each FreeSWITCH node.
//!
//! The first connection of a node carries events; the others carry commands only, because FreeSWITCH
//! takes about 750 `bgapi` a second from one connection (`esl.md`). A node is up when its first
//! connection is open and has been resynced. While it is down, commands fail at once.

mod error;
mod jobs;
mod keeper;
mod news;
mod wire;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Notify, broadcast, mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::core::ids::NodeId;
use crate::esl::{Command, Reply};
use crate::metrics::Metrics;
use crate::switch::presence::PresenceStore;

pub use error::{ControlError, LinkFailure};
pub use news::{News, NewsReader};
pub use wire::{Dial, Socket, Tcp};

use jobs::Jobs;

/// Commands that may wait for one connection.
const ORDERS: usize = 1024;
/// News that may wait for the slowest reader; 2,048 events are about 16 MB.
const NEWS: usize = 2048;

/// A FreeSWITCH node and how to reach it.
#[derive(Clone)]
pub struct NodeConfig {
    /// Its name in logs, metrics and rules.
    pub name: NodeId,
    /// `host:port` of mod_event_socket.
    pub address: String,
    /// The password of `event_socket.conf.xml`.
    pub password: String,
    /// Connections to keep open, at least one. The first carries events.
    pub links: usize,
    /// How long to wait for what.
    pub timing: Timing,
}

impl NodeConfig {
    /// A node with two connections and the default times.
    pub fn new(name: NodeId, address: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            name,
            address: address.into(),
            password: password.into(),
            links: 2,
            timing: Timing::default(),
        }
    }
}

/// Without the password.
impl std::fmt::Debug for NodeConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeConfig")
            .field("name", &self.name)
            .field("address", &self.address)
            .field("links", &self.links)
            .field("timing", &self.timing)
            .finish_non_exhaustive()
    }
}

/// How long a link waits for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// For the connection and the greeting.
    pub connect: Duration,
    /// FreeSWITCH's `event-heartbeat-interval`. After one interval of silence the link is probed,
    /// after two it is given up and made anew (`esl.md`, pitfall 25).
    pub heartbeat: Duration,
    /// The first pause between two attempts; it doubles up to `pause_max`, with jitter.
    pub pause: Duration,
    /// The longest pause between two attempts.
    pub pause_max: Duration,
    /// How often `show channels` and the like are asked again, to catch what FreeSWITCH lost.
    pub resync: Duration,
    /// For the answer to an `api` command.
    pub api: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            heartbeat: Duration::from_secs(20),
            pause: Duration::from_millis(200),
            pause_max: Duration::from_secs(30),
            resync: Duration::from_secs(300),
            api: Duration::from_secs(5),
        }
    }
}

/// Whether a node can be commanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Not yet, for the first time.
    Connecting,
    /// Yes: open, and resynced.
    Up,
    /// No, and why.
    Down(String),
}

/// A command for a connection, and whoever waits for its reply.
struct Order {
    command: Command,
    reply: oneshot::Sender<Reply>,
}

/// Where commands for one connection go; `None` while it is not usable.
#[derive(Default)]
struct Slot(RwLock<Option<mpsc::Sender<Order>>>);

impl Slot {
    fn get(&self) -> Option<mpsc::Sender<Order>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, orders: Option<mpsc::Sender<Order>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = orders;
    }
}

struct Node {
    config: NodeConfig,
    slots: Vec<Slot>,
    turn: AtomicUsize,
    jobs: Jobs,
    state: RwLock<LinkState>,
    resync: Notify,
}

impl Node {
    fn new(mut config: NodeConfig) -> Self {
        config.links = config.links.max(1);
        Self {
            slots: (0..config.links).map(|_| Slot::default()).collect(),
            config,
            turn: AtomicUsize::new(0),
            jobs: Jobs::default(),
            state: RwLock::new(LinkState::Connecting),
            resync: Notify::new(),
        }
    }

    fn state(&self) -> LinkState {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_state(&self, state: LinkState) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// The connection ended before it took the command.
    fn broke(&self) -> ControlError {
        ControlError::Down(self.config.name.clone(), "the link just broke".to_owned())
    }

    /// A usable connection, taking turns. `spare_first`: the one with the events only where there
    /// is no other, because an `api` command holds its events back (transcript 07q).
    fn pick(&self, spare_first: bool) -> Result<mpsc::Sender<Order>, ControlError> {
        let Some(first) = self.slots[0].get() else {
            let why = match self.state() {
                LinkState::Down(why) => why,
                _ => "the link is still being made".to_owned(),
            };
            return Err(ControlError::Down(self.config.name.clone(), why));
        };
        let from = usize::from(spare_first && self.slots.len() > 1);
        let count = self.slots.len() - from;
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let next = (0..count).find_map(|n| self.slots[from + (turn + n) % count].get());
        Ok(next.unwrap_or(first))
    }
}

/// What all connections share.
struct Shared {
    metrics: Arc<Metrics>,
    presence: Arc<PresenceStore>,
    news: broadcast::Sender<News>,
    dial: Arc<dyn Dial>,
}

/// The control links to all nodes.
pub struct Nodes {
    nodes: Vec<Arc<Node>>,
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

impl Nodes {
    /// Begins to connect over TCP. Everything ends when `cancel` is cancelled.
    pub fn start(
        configs: Vec<NodeConfig>,
        metrics: Arc<Metrics>,
        cancel: CancellationToken,
    ) -> Arc<Self> {
        Self::start_with(Arc::new(Tcp), configs, metrics, cancel)
    }

    /// The same over another kind of connection: the simulator, or a test.
    pub fn start_with(
        dial: Arc<dyn Dial>,
        configs: Vec<NodeConfig>,
        metrics: Arc<Metrics>,
        cancel: CancellationToken,
    ) -> Arc<Self> {
        let names = configs.iter().map(|c| c.name.clone());
        let shared = Arc::new(Shared {
            metrics,
            presence: Arc::new(PresenceStore::new(names)),
            news: broadcast::channel(NEWS).0,
            dial,
        });
        let tasks = TaskTracker::new();
        let nodes: Vec<_> = configs.into_iter().map(|c| Arc::new(Node::new(c))).collect();
        for node in &nodes {
            for index in 0..node.slots.len() {
                let keeper = keeper::Keeper::new(node.clone(), shared.clone(), index);
                tasks.spawn(keeper.run(cancel.clone()));
            }
        }
        tasks.close();
        Arc::new(Self { nodes, shared, tasks })
    }

    /// What is known of registrations, busy lines and queue members, from all nodes together.
    pub fn presence(&self) -> Arc<PresenceStore> {
        self.shared.presence.clone()
    }

    /// Each node and its state, in the order of the configuration.
    pub fn states(&self) -> Vec<(NodeId, LinkState)> {
        self.nodes.iter().map(|n| (n.config.name.clone(), n.state())).collect()
    }

    /// News from now on.
    pub fn news(self: &Arc<Self>) -> NewsReader {
        NewsReader::new(self.clone(), self.shared.news.subscribe())
    }

    /// Asks every node that is up for its channels and registrations once more.
    pub fn resync(&self) {
        for node in &self.nodes {
            node.resync.notify_one();
        }
    }

    /// Runs an `api` command. Only for what answers at once: it holds back its connection (07q).
    ///
    /// # Errors
    /// [`ControlError`]; [`ControlError::may_have_run`] tells whether it may be repeated.
    pub async fn api(&self, node: &NodeId, call: &str) -> Result<String, ControlError> {
        let result = self.run_api(node, call).await;
        self.count("api", &result);
        result
    }

    async fn run_api(&self, node: &NodeId, call: &str) -> Result<String, ControlError> {
        let node = self.node(node)?;
        let deadline = node.config.timing.api;
        let orders = node.pick(true)?;
        let answer = async {
            let (reply, wait) = oneshot::channel();
            let command = Command::api(call);
            let order = Order { command, reply };
            orders.send(order).await.map_err(|_| node.broke())?;
            let reply = wait.await.map_err(|_| ControlError::Cut)?;
            said(reply.text())
        };
        timeout(deadline, answer).await.unwrap_or(Err(ControlError::Deadline(deadline)))
    }

    /// Runs a `bgapi` command and waits for its result, which comes as BACKGROUND_JOB on the
    /// connection with the events: sometimes before the reply (`esl.md`, pitfall 4).
    ///
    /// A deadline stops the waiting, not the command: ask `uuid_exists` then. The result is the
    /// command's, not the call's: after `uuid_bridge` wait for CHANNEL_BRIDGE (pitfall 5).
    ///
    /// # Errors
    /// [`ControlError`]; [`ControlError::may_have_run`] tells whether it may be repeated.
    pub async fn bgapi(
        &self,
        node: &NodeId,
        call: &str,
        deadline: Duration,
    ) -> Result<String, ControlError> {
        let result = self.run_bgapi(node, call, deadline).await;
        self.count("bgapi", &result);
        result
    }

    async fn run_bgapi(
        &self,
        node: &NodeId,
        call: &str,
        deadline: Duration,
    ) -> Result<String, ControlError> {
        let node = self.node(node)?;
        // Before the connection is picked: a link that falls in between must find the job.
        let mut job = node.jobs.expect();
        let orders = node.pick(false)?;
        let answer = async {
            let (reply, mut wait) = oneshot::channel();
            let command = Command::bgapi(job.id(), call);
            let order = Order { command, reply };
            orders.send(order).await.map_err(|_| node.broke())?;
            tokio::select! {
                body = job.body() => return said(&body.ok_or(ControlError::Cut)?),
                reply = &mut wait => {
                    let reply = reply.map_err(|_| ControlError::Cut)?;
                    if reply.is_error() {
                        return said(reply.text());
                    }
                }
            }
            said(&job.body().await.ok_or(ControlError::Cut)?)
        };
        timeout(deadline, answer).await.unwrap_or(Err(ControlError::Deadline(deadline)))
    }

    /// Commands whose result is still awaited, over all nodes.
    pub fn jobs_waiting(&self) -> usize {
        self.nodes.iter().map(|n| n.jobs.len()).sum()
    }

    /// Waits until all connections have ended after the cancellation.
    pub async fn stopped(&self) {
        self.tasks.wait().await;
    }

    fn node(&self, name: &NodeId) -> Result<&Arc<Node>, ControlError> {
        let node = self.nodes.iter().find(|n| n.config.name == *name);
        node.ok_or_else(|| ControlError::UnknownNode(name.clone()))
    }

    fn count(&self, verb: &str, result: &Result<String, ControlError>) {
        let outcome = match result {
            Ok(_) => "ok",
            Err(ControlError::Refused(_) | ControlError::UnknownNode(_)) => "error",
            Err(ControlError::Deadline(_)) => "timeout",
            Err(ControlError::Down(..) | ControlError::Cut) => "down",
        };
        let commands = &self.shared.metrics.commands;
        commands.with_label_values(&[verb, outcome]).inc();
    }
}

/// The answer, or what FreeSWITCH has against it.
fn said(text: &str) -> Result<String, ControlError> {
    let text = text.trim_end();
    if text.starts_with("-ERR") || text.starts_with("-USAGE") {
        Err(ControlError::Refused(text.to_owned()))
    } else {
        Ok(text.to_owned())
    }
}
