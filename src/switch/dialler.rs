//! The hands of callbacks: legs we dial ourselves, and what is done with them (A13–A20, D01, E11).
//!
//! The driver of a campaign writes against [`Hands`]. Everything returns at once; what comes of it
//! is told as [`LegEvent`]s, in the order it happened for each leg. A leg's life:
//!
//! ```text
//! dial ─► Ringing ─► Answered ─► (Prompted │ Pressed │ NotPressed)* ─► Bridged ─► Apart ─► Ended
//!    └──────────────────┴─► Ended: busy, rejected, silent, no phone …
//! adopt ─► Found ─► … ─► Ended
//! ```
//!
//! `Ended` comes exactly once for each `dial` and `adopt`, whatever happens, and last. Two things
//! can come at any time before it: `Unseen`, when the link to the node is down and nothing is known,
//! and then `Found`, which says how the leg stands.
//!
//! A leg nobody leads any more does not sit in silence for ever: FreeSWITCH itself hangs it up when
//! it has been without a talk for [`Leg::patience`]. A talk goes on without us.

mod leg;
mod registry;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::core::call::{Recorded, Recording};
use crate::core::campaign::order::Prompt;
use crate::core::ids::{CampaignId, LegId, NodeId};
use crate::core::phone::Phone;
use crate::core::plan::HangupCause;
use crate::core::record::AttemptResult;
use crate::core::staff::Number;
use crate::recording::Recorder;
use crate::switch::control::{LinkState, Nodes};
use crate::switch::dial::Dial;

use registry::{Inbox, Registry};

/// Where the news of a leg go. One for all legs of a campaign, or for each leg one.
pub type Ear = mpsc::UnboundedSender<(LegId, LegEvent)>;

/// A leg to be dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// A UUID of our own, stored before it is dialled.
    pub id: LegId,
    /// On whose behalf. Stands on the leg as `dozvon_campaign`.
    pub campaign: CampaignId,
    /// Whose phone.
    pub number: Number,
    /// How long it rings.
    pub ring: Duration,
    /// What the phone displays: the client's name and comment for a manager (A19). Any text.
    pub shown_name: String,
    /// The number the phone displays: the client's for a manager; for a client the line's (E11).
    pub shown_number: Option<Phone>,
    /// How long it may be without a talk, from its answer on, before FreeSWITCH ends it by itself.
    /// Longer than prompt and ringing of the other side together.
    pub patience: Duration,
}

/// What is done with a leg that has answered. A later order takes the place of an earlier one that
/// still plays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Plays it, once. Without a key: [`LegEvent::Prompted`] behind it. With one: it is played up to
    /// three times, five seconds apart, until the key is pressed: [`LegEvent::Pressed`] or
    /// [`LegEvent::NotPressed`].
    Prompt {
        /// What is heard.
        prompt: Prompt,
        /// The key that is awaited: `0`–`9`, `*`, `#`.
        key: Option<char>,
    },
    /// The ring-back tone, until something else is ordered: for a manager while the client is rung.
    Ringback,
    /// The music on hold: for a client who has lost his manager.
    Music,
    /// Puts this leg through to another one on the same node: [`LegEvent::Bridged`] or
    /// [`LegEvent::NotBridged`], to the owners of both. When one of them ends, the other does.
    Bridge {
        /// The other leg.
        with: LegId,
        /// Where the talk is recorded, on this leg: give the order to the client's.
        record: Option<Recording>,
    },
    /// Records the talk on this leg from now on: for one that was adopted. Where it is being
    /// recorded into this file already, that goes on.
    Record(Recording),
    /// Plays a prompt and hangs up.
    Tell(Prompt),
    /// Hangs up, whatever goes on, ringing included.
    HangUp(HangupCause),
}

/// What happened to a leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LegEvent {
    /// The phone rings. Not told of every phone.
    Ringing,
    /// Picked up. It is parked, in silence.
    Answered,
    /// What was to be played is over, or there was nothing.
    Prompted,
    /// The key was pressed.
    Pressed,
    /// It was not, within all tries: a mailbox, maybe.
    NotPressed,
    /// The two hear each other.
    Bridged {
        /// The other leg.
        with: LegId,
    },
    /// They do not: the other leg is gone, or never answered. This one is parked still.
    NotBridged {
        /// The leg that was wanted.
        with: LegId,
    },
    /// The talk is over, or was passed on. Mostly `Ended` follows.
    Apart,
    /// The link to the node is down: nothing is known of the leg until `Found` or `Ended`.
    Unseen,
    /// How the leg stands, after a gap or an `adopt`; or after a `dial` that was not needed, because
    /// the leg was there. What it says is not told once more: no `Answered`, no `Bridged`.
    Found(Standing),
    /// It is over, or never came to be. Nothing follows.
    Ended(End),
}

/// How a leg stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// It was picked up.
    pub answered: bool,
    /// Whom it talks with.
    pub with: Option<LegId>,
}

/// How a leg ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// In our words; `Answered` if it was ever picked up.
    pub result: AttemptResult,
    /// In FreeSWITCH's words; [`UNSEEN_END`] where it ended in a gap, [`NOT_DIALLED`] where nothing
    /// was dialled.
    pub cause: String,
    /// The recording that was begun on this leg.
    pub recorded: Recorded,
}

/// [`End::cause`] of a leg that ended while nobody could see it.
pub const UNSEEN_END: &str = "UNSEEN";
/// [`End::cause`] of a leg that was not dialled, because the link to the node is down. Another node
/// may do.
pub const NOT_DIALLED: &str = "NOT_DIALLED";

/// Dials legs and leads them.
#[async_trait]
pub trait Hands: Send + Sync {
    /// The node with room: of those that are up the one with the fewest channels. All legs of a
    /// campaign go to one node, because only those can be bridged. `None`: no node is up.
    fn room(&self) -> Option<NodeId>;

    /// Dials a leg. A leg id is dialled once in all time; it is stored before.
    fn dial(&self, node: &NodeId, leg: Leg, ear: Ear);

    /// Leads a leg that was dialled before this engine was started: [`LegEvent::Found`], or
    /// [`LegEvent::Ended`] where it is gone. Nothing comes before the node can be asked.
    fn adopt(&self, node: &NodeId, leg: LegId, ear: Ear);

    /// Gives an order. One for a leg that is over, or nobody leads, does nothing.
    fn order(&self, leg: &LegId, order: Order);

    /// Whether the leg is there. `None`: the node cannot be asked.
    async fn exists(&self, node: &NodeId, leg: &LegId) -> Option<bool>;
}

/// The hands as everybody holds them.
pub type AnyHands = Arc<dyn Hands>;

/// The hands on real control links.
pub struct Dialler {
    tools: Arc<Tools>,
}

/// What all legs share.
struct Tools {
    nodes: Arc<Nodes>,
    dial: Dial,
    recorder: Arc<Recorder>,
    registry: Registry,
    cancel: CancellationToken,
}

impl Dialler {
    /// Begins to listen to the news. After `cancel` nothing is led any more; what FreeSWITCH does
    /// with the legs then, see the module.
    pub fn start(
        nodes: Arc<Nodes>,
        dial: Dial,
        recorder: Arc<Recorder>,
        cancel: CancellationToken,
    ) -> Arc<Self> {
        let registry = Registry::default();
        let tools = Arc::new(Tools { nodes, dial, recorder, registry, cancel });
        tokio::spawn(registry::listen(tools.clone(), tools.nodes.news()));
        Arc::new(Self { tools })
    }

    /// Legs that are led now.
    pub fn legs(&self) -> usize {
        self.tools.registry.len()
    }
}

#[async_trait]
impl Hands for Dialler {
    fn room(&self) -> Option<NodeId> {
        let presence = self.tools.nodes.presence();
        let states = self.tools.nodes.states().into_iter();
        let up = states.filter(|(_, state)| *state == LinkState::Up).map(|(node, _)| node);
        // Legs just ordered are no channels yet, nor may `show channels` be allowed.
        let load = |node: &NodeId| {
            let led = self.tools.registry.on(node);
            presence.channels(node).unwrap_or_default().max(led)
        };
        up.min_by_key(load)
    }

    fn dial(&self, node: &NodeId, leg: Leg, ear: Ear) {
        leg::lead(&self.tools, node, leg.id.clone(), Some(leg), ear);
    }

    fn adopt(&self, node: &NodeId, leg: LegId, ear: Ear) {
        leg::lead(&self.tools, node, leg, None, ear);
    }

    fn order(&self, leg: &LegId, order: Order) {
        self.tools.registry.send(leg, || Inbox::Order(order));
    }

    async fn exists(&self, node: &NodeId, leg: &LegId) -> Option<bool> {
        match self.tools.nodes.api(node, &format!("uuid_exists {leg}")).await.as_deref() {
            Ok("true") => Some(true),
            Ok("false") => Some(false),
            _ => None,
        }
    }
}
