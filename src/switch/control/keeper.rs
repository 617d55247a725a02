//! Keeps one connection: makes it, uses it, and makes it anew for ever.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::connection::Connection;
use super::error::LinkFailure;
use super::news::News;
use super::node::{LinkState, Node, Order};
use super::wire::Socket;
use crate::esl::{Command, Incoming, Limits, Link, Reply};

/// `show channels as json` with 10,000 calls has about 10 MB.
const LIMITS: Limits = Limits { headers: 256 * 1024, body: 64 * 1024 * 1024 };

/// What a reply belongs to.
pub(super) enum Tag {
    Auth,
    Events,
    Table(Table),
    Probe,
    Caller(oneshot::Sender<Reply>),
}

#[derive(Clone, Copy)]
pub(super) enum Table {
    Channels,
    Registrations,
    Agents,
    Tiers,
}

pub(super) type Wire = Link<Box<dyn Socket>, Tag>;

pub(super) struct Keeper {
    pub(super) node: Arc<Node>,
    pub(super) shared: Arc<Shared>,
    index: usize,
}

impl Keeper {
    pub(super) fn new(node: Arc<Node>, shared: Arc<Shared>, index: usize) -> Self {
        Self { node, shared, index }
    }

    pub(super) async fn run(self, cancel: CancellationToken) {
        let timing = self.node.config.timing;
        let mut pause = timing.pause;
        let (mut told, mut failures) = (None, 0);
        loop {
            let mut up = false;
            let failure = tokio::select! {
                biased;
                () = cancel.cancelled() => None,
                Err(failure) = self.live(&mut up) => Some(failure),
            };
            let Some(failure) = failure else {
                self.close("the engine is ending".to_owned(), up);
                return;
            };
            if up {
                (pause, told, failures) = (timing.pause, None, 0);
            }
            failures += 1;
            // A restart of FreeSWITCH takes all connections; the first one tells it for all.
            if self.first() || (failures > 1 && self.node.state() == LinkState::Up) {
                self.tell(&failure, &mut told);
            }
            self.close(failure.to_string(), up);
            if failure.needs_somebody() {
                pause = timing.pause_max;
            }
            let jitter = 0.5 + fastrand::f64() / 2.0;
            tokio::select! {
                () = cancel.cancelled() => return,
                () = sleep(pause.mul_f64(jitter)) => {}
            }
            pause = (pause * 2).min(timing.pause_max);
        }
    }

    /// One connection from its beginning to its end. `up` is set when it has become usable.
    async fn live(&self, up: &mut bool) -> Result<Infallible, LinkFailure> {
        let config = &self.node.config;
        let patience = config.timing.connect;
        let socket = timeout(patience, self.shared.dial.dial(&config.address))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(LinkFailure::Connect)?;
        let mut link = Link::new(socket, LIMITS);
        timeout(patience, self.greet(&mut link)).await.map_err(|_| LinkFailure::NoGreeting)??;
        Connection::new(self, link).run(up).await
    }

    async fn greet(&self, link: &mut Wire) -> Result<(), LinkFailure> {
        loop {
            match link.next().await?.ok_or(LinkFailure::Closed)? {
                Incoming::AuthRequest => {
                    let auth = Command::auth(&self.node.config.password);
                    link.send([(Tag::Auth, auth)]).await?;
                }
                Incoming::Refused => return Err(LinkFailure::Acl),
                Incoming::Reply(Tag::Auth, reply) if reply.is_error() => {
                    return Err(LinkFailure::Password);
                }
                Incoming::Reply(..) => return Ok(()),
                Incoming::Event(_) | Incoming::Notice { .. } => {}
            }
        }
    }

    pub(super) fn first(&self) -> bool {
        self.index == 0
    }

    pub(super) fn open(&self, orders: mpsc::Sender<Order>) {
        self.node.slots[self.index].set(Some(orders));
        if self.first() {
            let name = &self.node.config.name;
            self.node.set_state(LinkState::Up);
            let up = &self.shared.metrics.link_up;
            up.with_label_values(&[name.as_str()]).set(1);
            tracing::info!(node = %name, address = %self.node.config.address, "control link to FreeSWITCH is up");
            // Nobody listens: then nobody needs it.
            let _ = self.shared.news.send(News::Up(name.clone()));
        }
    }

    /// Nothing may be sent here from now on, and who waits is told.
    fn close(&self, why: String, was_up: bool) {
        self.node.slots[self.index].set(None);
        if !self.first() {
            return;
        }
        let name = &self.node.config.name;
        self.node.set_state(LinkState::Down(why));
        self.node.jobs.give_up();
        self.shared.presence.forget(name);
        let metrics = &self.shared.metrics;
        metrics.link_up.with_label_values(&[name.as_str()]).set(0);
        if was_up {
            let again = &metrics.link_reconnects;
            again.with_label_values(&[name.as_str()]).inc();
            let _ = self.shared.news.send(News::Down(name.clone()));
        }
    }

    /// Logs a failure once, until it changes or the link was up again.
    fn tell(&self, failure: &LinkFailure, told: &mut Option<String>) {
        let text = failure.to_string();
        if told.as_ref() != Some(&text) {
            let (node, address) = (&self.node.config.name, &self.node.config.address);
            tracing::warn!(%node, %address, connection = self.index, "control link to FreeSWITCH is down, trying again: {text}");
            *told = Some(text);
        }
    }
}
