//! One greeted connection: commands out, replies and events in.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::consume_budget;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::error::LinkFailure;
use super::keeper::{Keeper, Table, Tag, Wire};
use super::news::News;
use super::node::Order;
use crate::esl::{Command, Event, Incoming, Reply};
use crate::switch::presence::Snapshot;

/// What the engine listens to. No CHANNEL_CALLSTATE and the like: each event has 4–9 KB.
/// CHANNEL_APPLICATION comes only where the application `event` is run, so of no ordinary call.
const EVENTS: &str = "HEARTBEAT BACKGROUND_JOB CHANNEL_APPLICATION CHANNEL_CREATE CHANNEL_ANSWER CHANNEL_BRIDGE \
     CHANNEL_UNBRIDGE CHANNEL_HANGUP_COMPLETE CHANNEL_DESTROY \
     CUSTOM sofia::register sofia::unregister sofia::expire callcenter::info";

/// FreeSWITCH writes its tables a moment after the events. So the first resync is repeated.
const SECOND_LOOK: Duration = Duration::from_secs(10);

/// Where the events leave a doubt, the tables are asked when they are surely up to date.
const IN_DOUBT: Duration = Duration::from_secs(11);
/// Commands that may wait.
const ORDERS: usize = 1024;

/// A greeted connection.
pub(super) struct Connection<'a> {
    keeper: &'a Keeper,
    link: Wire,
    orders: Option<mpsc::Receiver<Order>>,
    heard: Instant,
    probed: bool,
    heartbeat: Instant,
    resync_at: Instant,
    asked: u8,
    snapshot: Snapshot,
}

impl<'a> Connection<'a> {
    pub(super) fn new(keeper: &'a Keeper, link: Wire) -> Self {
        let now = Instant::now();
        Self {
            keeper,
            link,
            orders: None,
            heard: now,
            probed: false,
            heartbeat: now,
            resync_at: now + SECOND_LOOK,
            asked: 0,
            snapshot: Snapshot::default(),
        }
    }

    pub(super) async fn run(mut self, up: &mut bool) -> Result<Infallible, LinkFailure> {
        let (keeper, timing) = (self.keeper, self.keeper.node.config.timing);
        if keeper.first() {
            keeper.shared.presence.begin(&keeper.node.config.name);
            let events = Command::events(EVENTS);
            self.link.send([(Tag::Events, events)]).await?;
            self.ask().await?;
        } else {
            self.open(up);
        }
        let mut tick = interval(timing.heartbeat / 4);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::new();
        loop {
            let quiet = timing.heartbeat * if self.probed { 2 } else { 1 };
            tokio::select! {
                incoming = self.link.next() => {
                    (self.heard, self.probed) = (Instant::now(), false);
                    self.take(incoming?.ok_or(LinkFailure::Closed)?, up)?;
                    // One read holds many events: their readers must get their turn.
                    consume_budget().await;
                }
                _ = take_orders(&mut self.orders, &mut batch) => {
                    let orders = batch.drain(..);
                    let commands = orders.map(|o: Order| (Tag::Caller(o.reply), o.command));
                    self.link.send(commands).await?;
                }
                () = sleep_until(self.heard + quiet) => {
                    if self.probed {
                        return Err(LinkFailure::Silent(quiet));
                    }
                    self.probed = true;
                    self.link.send([(Tag::Probe, Command::api("uuid_exists 0"))]).await?;
                }
                _ = tick.tick() => self.tick().await?,
                () = keeper.node.resync.notified(), if keeper.first() && self.asked == 0 => {
                    self.ask().await?;
                }
            }
        }
    }

    fn open(&mut self, up: &mut bool) {
        let (sender, orders) = mpsc::channel(ORDERS);
        self.orders = Some(orders);
        *up = true;
        self.keeper.open(sender);
    }

    fn take(&mut self, incoming: Incoming<Tag>, up: &mut bool) -> Result<(), LinkFailure> {
        match incoming {
            // The caller may have given up; the reply was his all the same (pitfall 3).
            Incoming::Reply(Tag::Caller(caller), reply) => drop(caller.send(reply)),
            Incoming::Reply(Tag::Table(table), reply) => self.table(table, &reply, up),
            Incoming::Reply(Tag::Events, reply) if reply.is_error() => {
                return Err(LinkFailure::Events(reply.text().to_owned()));
            }
            Incoming::Reply(..) | Incoming::AuthRequest | Incoming::Notice { .. } => {}
            Incoming::Refused => return Err(LinkFailure::Acl),
            Incoming::Event(event) => self.event(event),
        }
        Ok(())
    }

    fn event(&mut self, event: Event) {
        let (shared, node) = (&self.keeper.shared, &self.keeper.node);
        let name = &node.config.name;
        match event.name() {
            "HEARTBEAT" => {
                self.heartbeat = Instant::now();
                shared.metrics.heartbeat(name.as_str(), &event);
            }
            "BACKGROUND_JOB" => node.jobs.done(&event),
            _ => {
                let now = Instant::now();
                if shared.presence.apply(name, &event, now) {
                    self.resync_at = self.resync_at.min(now + IN_DOUBT);
                }
                let node = name.clone();
                let _ = shared.news.send(News::Event { node, event });
            }
        }
    }

    /// Asks for everything that events would have told.
    async fn ask(&mut self) -> Result<(), LinkFailure> {
        let tables = [
            (Table::Channels, "show channels as json"),
            (Table::Registrations, "show registrations as json"),
            (Table::Agents, "callcenter_config agent list"),
            (Table::Tiers, "callcenter_config tier list"),
        ];
        self.asked = 4;
        self.snapshot = Snapshot::default();
        let commands = tables.map(|(table, call)| (Tag::Table(table), Command::api(call)));
        Ok(self.link.send(commands).await?)
    }

    fn table(&mut self, table: Table, reply: &Reply, up: &mut bool) {
        match table {
            Table::Channels => self.snapshot.read_channels(reply.text()),
            Table::Registrations => self.snapshot.read_registrations(reply.text()),
            Table::Agents => self.snapshot.read_agents(reply.text()),
            Table::Tiers => self.snapshot.read_tiers(reply.text()),
        }
        self.asked = self.asked.saturating_sub(1);
        if self.asked > 0 {
            return;
        }
        let (shared, node) = (&self.keeper.shared, &self.keeper.node.config.name);
        let snapshot = std::mem::take(&mut self.snapshot);
        for missing in snapshot.unreadable() {
            tracing::warn!(%node, "`{missing}` gave no table; what it tells is taken as not known");
        }
        let channels = shared.presence.resync(node, snapshot, Instant::now());
        if let Some(channels) = channels {
            let (node, channels) = (node.clone(), Arc::new(channels));
            let _ = shared.news.send(News::Resynced { node, channels });
        }
        self.count_lines();
        if !*up {
            self.open(up);
        }
    }

    async fn tick(&mut self) -> Result<(), LinkFailure> {
        if !self.keeper.first() {
            return Ok(());
        }
        let (shared, node) = (&self.keeper.shared, &self.keeper.node.config);
        let age = i64::try_from(self.heartbeat.elapsed().as_secs()).unwrap_or(i64::MAX);
        let gauge = &shared.metrics.heartbeat_age;
        gauge.with_label_values(&[node.name.as_str()]).set(age);
        let now = Instant::now();
        shared.presence.sweep(&node.name, now);
        self.count_lines();
        if self.asked == 0 && now >= self.resync_at {
            self.resync_at = now + node.timing.resync;
            self.ask().await?;
        }
        Ok(())
    }

    fn count_lines(&self) {
        let shared = &self.keeper.shared;
        let lines = i64::try_from(shared.presence.lines_registered()).unwrap_or(i64::MAX);
        shared.metrics.lines_registered.set(lines);
    }
}

/// Takes what waits, so that it goes out in one write.
async fn take_orders(orders: &mut Option<mpsc::Receiver<Order>>, batch: &mut Vec<Order>) {
    match orders {
        Some(orders) => {
            orders.recv_many(batch, 64).await;
        }
        None => std::future::pending().await,
    }
}
