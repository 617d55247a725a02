//! A node as its connections and its callers share it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use tokio::sync::{Notify, mpsc, oneshot};

use super::config::NodeConfig;
use super::error::ControlError;
use super::jobs::Jobs;
use crate::esl::{Command, Reply};

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
pub(super) struct Order {
    pub(super) command: Command,
    pub(super) reply: oneshot::Sender<Reply>,
}

/// Where commands for one connection go; `None` while it is not usable.
#[derive(Default)]
pub(super) struct Slot(RwLock<Option<mpsc::Sender<Order>>>);

impl Slot {
    pub(super) fn get(&self) -> Option<mpsc::Sender<Order>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, orders: Option<mpsc::Sender<Order>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = orders;
    }
}

pub(super) struct Node {
    pub(super) config: NodeConfig,
    pub(super) slots: Vec<Slot>,
    turn: AtomicUsize,
    pub(super) jobs: Jobs,
    state: RwLock<LinkState>,
    pub(super) resync: Notify,
}

impl Node {
    pub(super) fn new(mut config: NodeConfig) -> Self {
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

    pub(super) fn state(&self) -> LinkState {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_state(&self, state: LinkState) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// The connection ended before it took the command.
    pub(super) fn broke(&self) -> ControlError {
        ControlError::Down(self.config.name.clone(), "the link just broke".to_owned())
    }

    /// A usable connection, taking turns. `spare_first`: the one with the events only where there
    /// is no other, because an `api` command holds its events back (transcript 07q).
    pub(super) fn pick(&self, spare_first: bool) -> Result<mpsc::Sender<Order>, ControlError> {
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
