//! The control link: pooled inbound connections to each FreeSWITCH node.
//!
//! The first connection of a node carries events; the others carry commands only, because FreeSWITCH
//! takes about 750 `bgapi` a second from one connection (`esl.md`). A node is up when its first
//! connection is open and has been resynced. While it is down, commands fail at once.

mod config;
mod connection;
mod error;
mod jobs;
mod keeper;
mod news;
mod node;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, oneshot};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::core::ids::{LegId, NodeId, OpId};
use crate::esl::Command;
use crate::metrics::Metrics;
use crate::switch::presence::PresenceStore;

pub use config::{NodeConfig, Timing};
pub use error::{ControlError, LinkFailure};
pub use news::{News, NewsReader};
pub use node::LinkState;
pub use wire::{Dial, Socket, Tcp};

use node::{Node, Order};

/// News that may wait for the slowest reader; 2,048 events are about 16 MB.
const NEWS: usize = 2048;

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
            // A link that never comes up is down as well.
            let name = [node.config.name.as_str()];
            shared.metrics.link_up.with_label_values(&name).set(0);
            shared.metrics.link_reconnects.with_label_values(&name);
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
        let begun = Instant::now();
        let result = self.run(node, Command::api(call)).await;
        self.count("api", begun, &result);
        result
    }

    async fn run(&self, node: &NodeId, command: Command) -> Result<String, ControlError> {
        let node = self.node(node)?;
        let deadline = node.config.timing.api;
        let orders = node.pick(true)?;
        let answer = async {
            let (reply, wait) = oneshot::channel();
            let order = Order { command, reply };
            orders.send(order).await.map_err(|_| node.broke())?;
            let reply = wait.await.map_err(|_| ControlError::Cut)?;
            said(reply.text())
        };
        timeout(deadline, answer).await.unwrap_or(Err(ControlError::Deadline(deadline)))
    }

    /// Gives a leg an application to run, behind those it was given before. `op` comes back as
    /// `Application-UUID`. The answer says that it was taken, not that it ran. Await it before the
    /// next one for this leg: only so the order is kept.
    ///
    /// # Errors
    /// [`ControlError`]; [`ControlError::Refused`] where there is no such leg.
    pub async fn execute(
        &self,
        node: &NodeId,
        leg: &LegId,
        op: &OpId,
        app: &str,
        arg: &str,
    ) -> Result<(), ControlError> {
        let begun = Instant::now();
        let result = self.run(node, Command::execute(Some(leg), op, app, arg)).await;
        self.count("sendmsg", begun, &result);
        result.map(drop)
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
        let begun = Instant::now();
        let result = self.run_bgapi(node, call, deadline).await;
        self.count("bgapi", begun, &result);
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

    /// A leg of our own is dialled there.
    pub fn dialled(&self, node: &NodeId) {
        self.shared.metrics.legs_dialled.with_label_values(&[node.as_str()]).inc();
    }

    fn count(&self, verb: &str, begun: Instant, result: &Result<String, ControlError>) {
        let outcome = match result {
            Ok(_) => "ok",
            Err(ControlError::Refused(_) | ControlError::UnknownNode(_)) => "error",
            Err(ControlError::Deadline(_)) => "timeout",
            Err(ControlError::Down(..) | ControlError::Cut) => "down",
        };
        let commands = &self.shared.metrics.commands;
        commands.with_label_values(&[verb, outcome]).inc();
        let seconds = self.shared.metrics.command_seconds.with_label_values(&[verb]);
        seconds.observe(begun.elapsed().as_secs_f64());
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
