//! What the control links tell the rest of the engine.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::broadcast::{self, error::RecvError};

use super::Nodes;
use crate::core::ids::{LegId, NodeId};
use crate::esl::Event;

/// A piece of news. In the order in which it happened, for each node.
#[derive(Debug, Clone)]
pub enum News {
    /// The node can be commanded.
    Up(NodeId),
    /// The node cannot be commanded, and no events come.
    Down(NodeId),
    /// Which channels live, after a gap in the events. A call whose channel is not among them
    /// ended in the gap (`esl.md`, pitfall 7).
    Resynced {
        /// Where.
        node: NodeId,
        /// All channels of the node.
        channels: Arc<HashSet<LegId>>,
    },
    /// An event.
    Event {
        /// Where.
        node: NodeId,
        /// It.
        event: Event,
    },
    /// The reader was too slow, so many pieces are lost. Each node that is up resyncs by itself.
    Missed(u64),
}

/// Reads news. A slow reader holds up nobody: he loses the oldest and is told so (pitfall 15).
pub struct NewsReader {
    nodes: Arc<Nodes>,
    news: broadcast::Receiver<News>,
}

impl NewsReader {
    pub(super) fn new(nodes: Arc<Nodes>, news: broadcast::Receiver<News>) -> Self {
        Self { nodes, news }
    }

    /// The next piece. Safe to cancel. Never ends while the reader lives: stop by cancelling.
    pub async fn next(&mut self) -> News {
        loop {
            match self.news.recv().await {
                Ok(news) => return news,
                Err(RecvError::Lagged(missed)) => {
                    self.nodes.resync();
                    return News::Missed(missed);
                }
                // The sender lives in `nodes`, which this reader holds.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
