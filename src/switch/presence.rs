//! Which phones are registered and which lines are busy, kept from the events of all nodes.
//!
//! The answer of a node counts only while its control link is up and has been resynced. A node
//! whose link is down makes the answer "not known" rather than old.

mod node;
mod snapshot;

use std::collections::{BTreeMap, HashSet};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::core::ids::{Extension, LegId, NodeId, QueueName};
use crate::core::staff::Presence;
use crate::esl::Event;

use node::NodePresence;
pub use snapshot::Snapshot;

/// An agent of mod_callcenter, in its words.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Agent {
    /// `Available`, `On Break`, `Logged Out` …
    pub status: String,
    /// `Waiting`, `Receiving`, `In a queue call` …
    pub state: String,
    /// His extension: his name, else the last one of his contact.
    pub line: Option<Extension>,
    /// When his last talk from a queue ended, as seconds since 1970.
    pub talked: Option<u64>,
}

/// An agent who can take a call now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreeAgent {
    /// His extension.
    pub line: Extension,
    /// How long he has been without a call. `None`: he had none that is known of.
    pub idle: Option<Duration>,
}

/// What is known of all nodes together. Reading takes a shared lock only.
#[derive(Debug)]
pub struct PresenceStore {
    nodes: RwLock<BTreeMap<NodeId, NodePresence>>,
}

impl PresenceStore {
    /// Knows nothing yet of these nodes.
    pub fn new(nodes: impl IntoIterator<Item = NodeId>) -> Self {
        let nodes = nodes.into_iter().map(|n| (n, NodePresence::default()));
        Self { nodes: RwLock::new(nodes.collect()) }
    }

    /// Events of this node come from now on; what was known of it is no longer.
    pub fn begin(&self, node: &NodeId) {
        let mut nodes = self.write();
        let known = nodes.entry(node.clone()).or_default();
        *known = std::mem::take(known).unseen();
    }

    /// The link to this node is down: nothing is known of it.
    pub fn forget(&self, node: &NodeId) {
        self.begin(node);
    }

    /// Takes an event in. One that says nothing about phones changes nothing. True: what is known
    /// of a line is in doubt now, ask for a resync in a moment.
    #[must_use]
    pub fn apply(&self, node: &NodeId, event: &Event, now: Instant) -> bool {
        self.write().get_mut(node).is_some_and(|known| known.apply(event, now))
    }

    /// Sets right what the events did not tell. Gives all channels of the node that live.
    ///
    /// FreeSWITCH writes its tables a moment after the events, so what an event told in the last
    /// seconds counts more than the table.
    pub fn resync(
        &self,
        node: &NodeId,
        snapshot: Snapshot,
        now: Instant,
    ) -> Option<HashSet<LegId>> {
        let mut nodes = self.write();
        nodes.entry(node.clone()).or_default().resync(snapshot, now)
    }

    /// Drops registrations that ran out without an event.
    pub fn sweep(&self, node: &NodeId, now: Instant) {
        if let Some(known) = self.write().get_mut(node) {
            known.sweep(now);
        }
    }

    /// Lines with a phone registered, over all nodes.
    pub fn lines_registered(&self) -> usize {
        let nodes = self.read();
        let lines: HashSet<_> = nodes.values().flat_map(NodePresence::lines).collect();
        lines.len()
    }

    /// How many channels a node has. `None`: not known.
    pub fn channels(&self, node: &NodeId) -> Option<usize> {
        self.read().get(node)?.channels()
    }

    /// An agent of mod_callcenter by his name there. `None`: not known.
    pub fn agent(&self, name: &str) -> Option<Agent> {
        self.read().values().find_map(|n| n.agent(name)).cloned()
    }

    /// How long a line has been without a call. `None`: it has one, or had none since this engine
    /// was started.
    pub fn idle(&self, line: &Extension) -> Option<Duration> {
        if self.busy(line) == Some(true) {
            return None;
        }
        let now = Instant::now();
        let ended = self.read().values().filter_map(|node| node.quiet_since(line)).max()?;
        Some(now - ended)
    }

    /// The agents of a mod_callcenter queue who can take a call now, who was idle longest first;
    /// those whose phone is busy with something else are not among them. `None`: no node knows this
    /// queue. Tables and events: a change of a tier is known after the next resync.
    pub fn queue(&self, queue: &QueueName) -> Option<Vec<FreeAgent>> {
        let agents: Vec<Agent> = {
            let nodes = self.read();
            nodes.values().find_map(|node| node.free_agents(queue))?
        };
        let wall = Timestamp::now().as_second();
        let mut free: Vec<_> = agents
            .into_iter()
            .filter_map(|agent| {
                let line = agent.line?;
                let table = agent.talked.and_then(|at| u64::try_from(wall).ok()?.checked_sub(at));
                let idle = self.idle(&line).or_else(|| table.map(Duration::from_secs));
                (self.busy(&line) != Some(true)).then_some(FreeAgent { line, idle })
            })
            .collect();
        free.sort_by_key(|agent| std::cmp::Reverse(agent.idle.unwrap_or(Duration::MAX)));
        Some(free)
    }

    /// Yes if a node says yes; no if all nodes say no; else not known.
    fn ask(&self, of: impl Fn(&NodePresence) -> Option<bool>) -> Option<bool> {
        let nodes = self.read();
        let mut answer = (!nodes.is_empty()).then_some(false);
        for node in nodes.values() {
            match of(node) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => answer = None,
            }
        }
        answer
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<NodeId, NodePresence>> {
        self.nodes.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<NodeId, NodePresence>> {
        self.nodes.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Presence for PresenceStore {
    /// Not known as well while no phone at all is registered on any node: then the phones
    /// register elsewhere, at Kamailio say.
    fn registered(&self, line: &Extension) -> Option<bool> {
        let answer = self.ask(|node| node.registered(line));
        answer.filter(|yes| *yes || self.lines_registered() > 0)
    }

    fn busy(&self, line: &Extension) -> Option<bool> {
        self.ask(|node| node.busy(line))
    }
}

#[cfg(test)]
mod tests;
