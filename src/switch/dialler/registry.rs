//! Which leg is led by which task, and what the news mean to them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::{Order, Tools};
use crate::core::ids::{LegId, NodeId};
use crate::esl::Event;
use crate::switch::control::{ControlError, News, NewsReader};

/// What a leg's task is told.
pub(super) enum Inbox {
    /// By its owner.
    Order(Order),
    /// By FreeSWITCH: an event of this leg.
    Event(Event),
    /// … of another leg that is bridged with this one.
    With { other: LegId, together: bool },
    /// What `originate` came to.
    Dialled(Result<String, ControlError>),
    /// Another leg's task tries to be put through to this one.
    NotBridged(LegId),
    /// The link is down.
    Down,
    /// Look how the leg stands: events may have been lost.
    Look,
}

/// A leg that is led.
struct Seat {
    node: NodeId,
    inbox: mpsc::UnboundedSender<Inbox>,
    answered: Arc<AtomicBool>,
}

/// All legs that are led.
#[derive(Default)]
pub(super) struct Registry(Mutex<HashMap<LegId, Seat>>);

impl Registry {
    /// A leg is led from now on; a flag to be set when it has answered.
    pub fn enter(
        &self,
        leg: &LegId,
        node: &NodeId,
    ) -> (mpsc::UnboundedReceiver<Inbox>, Arc<AtomicBool>) {
        let (inbox, letters) = mpsc::unbounded_channel();
        let answered = Arc::new(AtomicBool::new(false));
        let seat = Seat { node: node.clone(), inbox, answered: answered.clone() };
        self.lock().insert(leg.clone(), seat);
        (letters, answered)
    }

    /// It is over.
    pub fn leave(&self, leg: &LegId) {
        self.lock().remove(leg);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// How many there are on this node.
    pub fn on(&self, node: &NodeId) -> usize {
        self.lock().values().filter(|seat| seat.node == *node).count()
    }

    /// Whether a leg that is led has answered; no for one that is not led.
    pub fn answered(&self, leg: &LegId) -> bool {
        self.lock().get(leg).is_some_and(|seat| seat.answered.load(Ordering::Relaxed))
    }

    /// Tells a leg something, if it is led.
    pub fn send(&self, leg: &LegId, what: impl FnOnce() -> Inbox) {
        if let Some(seat) = self.lock().get(leg) {
            // Its task is just ending.
            let _ = seat.inbox.send(what());
        }
    }

    fn send_all(&self, what: impl Fn(&LegId, &NodeId) -> Option<Inbox>) {
        for (leg, seat) in self.lock().iter() {
            if let Some(what) = what(leg, &seat.node) {
                let _ = seat.inbox.send(what);
            }
        }
    }

    fn event(&self, event: Event) {
        if self.len() == 0 {
            return;
        }
        let name = event.name();
        if matches!(name, "CHANNEL_BRIDGE" | "CHANNEL_UNBRIDGE") {
            let together = name == "CHANNEL_BRIDGE";
            let side = |header| event.raw(header).map(LegId::new);
            if let (Some(a), Some(b)) = (side("Bridge-A-Unique-ID"), side("Bridge-B-Unique-ID")) {
                self.send(&a, || Inbox::With { other: b.clone(), together });
                self.send(&b, || Inbox::With { other: a.clone(), together });
            }
        } else if let Some(leg) = event.raw("Unique-ID").map(LegId::new) {
            self.send(&leg, || Inbox::Event(event));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LegId, Seat>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands the news on, until the engine ends. An event of a leg of somebody else's costs a look
/// into a table.
pub(super) async fn listen(tools: Arc<Tools>, mut news: NewsReader) {
    let registry = &tools.registry;
    loop {
        let piece = tokio::select! {
            biased;
            () = tools.cancel.cancelled() => return,
            piece = news.next() => piece,
        };
        match piece {
            News::Event { event, .. } => registry.event(event),
            News::Down(down) => {
                registry.send_all(|_, node| (*node == down).then_some(Inbox::Down));
            }
            News::Up(up) => registry.send_all(|_, node| (*node == up).then_some(Inbox::Look)),
            News::Resynced { node: of, channels } => registry.send_all(|leg, node| {
                (*node == of && !channels.contains(leg)).then_some(Inbox::Look)
            }),
            News::Missed(_) => registry.send_all(|_, _| Some(Inbox::Look)),
        }
    }
}
