//! A node, and how long its links wait for what.

use std::time::Duration;

use crate::core::ids::NodeId;

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
