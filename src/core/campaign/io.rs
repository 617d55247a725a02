//! What goes into a campaign and what comes out.
//!
//! The driver's part: after each [`super::Campaign::handle`] it polls until nothing comes, stores
//! the campaign *and* every [`Output::Occurred`] in one transaction, and only then carries the
//! rest out. An engine killed in between goes on from the stored state: it gives
//! [`Input::Recovered`], and the campaign finds out what became of its legs.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::core::calendar::Calendar;
use crate::core::call::{Recorded, Recording};
use crate::core::case::{Case, Known, Speaker};
use crate::core::ids::{EmployeeId, LegId, NodeId, QueueName};
use crate::core::phone::Phone;
use crate::core::plan::Target;
use crate::core::record::CallRecord;
use crate::core::staff::{Presence, Staff};

use super::order::{Order, Prompt, Whom};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The answer to [`Output::LookUp`]. [`Known::Unsure`] where the CRM is slow or down.
    Known(Known),
    /// A phone of ours rings.
    Ringing {
        /// Which leg.
        leg: LegId,
    },
    /// A phone was picked up. Early media is no answer.
    Answered {
        /// Which leg.
        leg: LegId,
    },
    /// [`Output::Prompt`] is over: it was heard to its end, or, where a key was asked for, that key
    /// was pressed. Nothing is said where it was not: the campaign has a timer for that.
    Confirmed {
        /// Which leg.
        leg: LegId,
    },
    /// The two legs are together (CHANNEL_BRIDGE of either).
    Bridged {
        /// Either leg.
        leg: LegId,
    },
    /// Somebody else of ours talks with the client now: his manager has passed him on.
    PassedOn {
        /// The client's leg.
        leg: LegId,
        /// Who.
        to: Speaker,
    },
    /// The leg is down, or could not be dialled at all: CHANNEL_HANGUP_COMPLETE or the `-ERR` of
    /// `originate`. Nothing comes of it any more.
    Down {
        /// Which leg.
        leg: LegId,
        /// FreeSWITCH's cause, such as `USER_BUSY`.
        cause: String,
        /// What became of the recording that was begun on this leg.
        recorded: Recorded,
    },
    /// News of this leg may have been lost: a command without an answer, a link that broke. It is
    /// looked for ([`Output::Find`]).
    Lost {
        /// Which leg.
        leg: LegId,
    },
    /// An answer to [`Output::Find`]: it exists.
    Found {
        /// Which leg.
        leg: LegId,
        /// It was picked up.
        answered: bool,
        /// Together with this leg.
        with: Option<LegId>,
    },
    /// An answer to [`Output::Find`]: its node has no such leg.
    Gone {
        /// Which leg.
        leg: LegId,
    },
    /// An answer to [`Output::Find`]: its node cannot be asked. The leg may well ring.
    Unknown {
        /// Which leg.
        leg: LegId,
    },
    /// The same form again, or another one of this client.
    Joined(Box<Order>),
    /// Somebody cancels it.
    Cancel,
    /// The client has called in by himself, and somebody of ours talks with him.
    ClientCalled,
    /// This engine has just taken the campaign over, its own from before a restart or another
    /// engine's. To be given first, once the links to the nodes are up.
    Recovered,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Ask the CRM whose number this is (A14); answer with [`Input::Known`].
    LookUp(Phone),
    /// Originate this leg and park it once it is picked up, with hold music for a client.
    Dial(Box<Dial>),
    /// Play this to a manager who has picked up; then, where a key is asked for, wait for it.
    /// Answer with [`Input::Confirmed`]. Where the file is missing go on as if it had been heard.
    Prompt {
        /// The manager's leg.
        leg: LegId,
        /// What he hears.
        prompt: Prompt,
        /// He has to press this.
        key: Option<char>,
    },
    /// Play hold music to the client until he is bridged.
    Hold {
        /// The client's leg.
        leg: LegId,
    },
    /// Bring the two together; answer with [`Input::Bridged`]. What is played to them ends. When
    /// one hangs up the other shall be hung up by FreeSWITCH itself.
    Bridge {
        /// The manager's leg.
        manager: LegId,
        /// The client's leg.
        client: LegId,
    },
    /// Record the talk from now on, on the client's leg.
    Record {
        /// The client's leg.
        leg: LegId,
        /// The file, as FreeSWITCH names it.
        file: Arc<str>,
    },
    /// Say this, then hang up. In one go: both are queued on the leg, so that an engine killed in
    /// between leaves nobody waiting.
    Tell {
        /// The manager's leg.
        leg: LegId,
        /// What he is told.
        told: Told,
    },
    /// Hang up, ringing or picked up. [`Input::Down`] is to come.
    Hangup {
        /// Which leg.
        leg: LegId,
        /// Why.
        why: Why,
    },
    /// Does it exist, is it picked up, with whom is it (`uuid_exists`, `uuid_dump` on the node it
    /// was dialled on)? Answer with [`Input::Found`], [`Input::Gone`] or [`Input::Unknown`].
    Find {
        /// Which leg.
        leg: LegId,
        /// The node it was dialled on.
        node: NodeId,
    },
    /// This happened; rules and journal want to know. Numbered, never twice.
    Occurred(Box<Case>),
    /// It is over, and no leg is left: the record for logs and journal. Nothing comes after it.
    Closed(Box<CallRecord>),
}

/// A leg to be dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dial {
    /// Its `origination_uuid`: a UUID, never used before.
    pub leg: LegId,
    /// On this node. Both sides of a talk are on the same.
    pub node: NodeId,
    /// Whose phone.
    pub whom: Whom,
    /// How long it shall ring at least. FreeSWITCH may stop a second early (`RING_SLACK`).
    pub ring: Duration,
    /// The client's number: shown on a manager's SIP line.
    pub client: Phone,
    /// Shown on a manager's phone beside it: the client's name as the CRM has it, else name and
    /// comment of the form (A04, A19).
    pub display: Option<String>,
    /// The line whose number is shown on legs that leave by a gateway.
    pub line: Option<String>,
}

/// What a manager is told before he is let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Told {
    /// The client did not pick up; he is dialled again later.
    ClientLater,
    /// The client did not pick up; this was the last try.
    ClientUnreached,
    /// The client has called in by himself.
    ClientCalled,
    /// It was cancelled.
    Cancelled,
    /// The client was there and hung up before they were together.
    ClientGone,
}

/// Why a leg is hung up. A phone that rings can tell its owner why it stopped: not every one of
/// these is a call he missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// Somebody else was faster (`PICKED_OFF`: answered elsewhere).
    Taken,
    /// It is not needed any more (`ORIGINATOR_CANCEL`).
    Cancelled,
    /// It rang long enough, or nobody pressed the key (`NO_ANSWER`).
    NoAnswer,
    /// The ordinary end (`NORMAL_CLEARING`).
    Done,
}

/// What is known just now, besides what the campaign knows itself.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// Employees.
    pub staff: &'a Staff,
    /// Registered and busy lines.
    pub presence: &'a dyn Presence,
    /// Who is engaged elsewhere, who has been idle for long, who serves a queue.
    pub floor: &'a dyn Floor,
    /// Working hours of those who are to call; `None`: always.
    pub hours: Option<&'a Calendar>,
    /// When the law allows to ring the client, by his own clock; `None`: always. See
    /// [`super::hours::legal`].
    pub legal: Option<&'a Calendar>,
    /// The node with the most room; `None`: none can take a leg now.
    pub node: Option<&'a NodeId>,
    /// The number behind the order's line, E.164: it stands in the cases.
    pub line_number: Option<&'a str>,
    /// Where a talk of this campaign is to be recorded; `None`: it is not.
    pub recording: Option<&'a Recording>,
}

/// Who can take a call, as far as presence does not tell.
pub trait Floor: Send + Sync {
    /// Another campaign rings him or has him on the line.
    fn engaged(&self, employee: &EmployeeId) -> bool;
    /// The end of his last call; `None`: not known, he comes first.
    fn idle_since(&self, employee: &EmployeeId) -> Option<Timestamp>;
    /// The available agents of a queue, longest idle first.
    fn agents(&self, queue: &QueueName) -> Vec<Target>;
}

/// Nobody is engaged, nobody serves a queue.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptyFloor;

impl Floor for EmptyFloor {
    fn engaged(&self, _: &EmployeeId) -> bool {
        false
    }
    fn idle_since(&self, _: &EmployeeId) -> Option<Timestamp> {
        None
    }
    fn agents(&self, _: &QueueName) -> Vec<Target> {
        vec![]
    }
}
