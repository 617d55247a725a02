//! The closed vocabulary of steps, as data.

use std::time::Duration;

use crate::core::ids::{Extension, QueueName};
use crate::core::plan::HangupCause;
use crate::core::trace::Place;

/// A step as written.
#[derive(Clone, Debug)]
pub struct StepRule {
    /// What to do.
    pub kind: StepKind,
    /// Where it is written.
    pub place: Place,
}

/// The closed list of steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// Ring the owner of the open deal, else of the client (A05).
    Owner(Attempt),
    /// Ring an employee.
    Employee {
        /// His id in the CRM, or one of his extensions.
        employee: String,
        /// How.
        attempt: Attempt,
    },
    /// Ring the members of a group.
    Group {
        /// Its name.
        group: String,
        /// All at once, or one after another.
        order: Order,
        /// How long: all together, or each.
        ring: Duration,
        /// Whom to pass over.
        skip_if: SkipIf,
    },
    /// A mod_callcenter queue.
    Queue {
        /// Its name.
        queue: QueueName,
        /// Leave it after this long; `None`: the queue's own limits rule.
        wait: Option<Duration>,
    },
    /// A mod_fifo queue.
    Fifo {
        /// Its name.
        queue: QueueName,
        /// Leave it after this long.
        wait: Option<Duration>,
    },
    /// Take a message.
    Voicemail {
        /// The mailbox; `None`, under `[internal]` only: the one of the dialled extension.
        mailbox: Option<Extension>,
    },
    /// Play a file.
    Announce {
        /// Path or stream in FreeSWITCH's own spelling.
        file: String,
    },
    /// End the call.
    Hangup {
        /// How.
        cause: HangupCause,
    },
}

/// How one employee is rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// How long each number rings.
    pub ring: Duration,
    /// When to pass him over.
    pub skip_if: SkipIf,
    /// May a deputy stand in while he is on leave or gone?
    pub deputy: bool,
    /// Which of his numbers.
    pub numbers: Numbers,
}

/// Which numbers of an employee are rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// One after another (E10).
    All,
    /// The first that can be rung.
    First,
}

/// How a group is rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// All at once.
    Together,
    /// One after another.
    InTurn,
}

/// When an employee is passed over. What is not known is never a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SkipIf {
    /// Logged out in the CRM (E10).
    pub offline: bool,
    /// No phone registered on the line (E11).
    pub unregistered: bool,
    /// Talking on one of his lines.
    pub busy: bool,
}

impl Default for SkipIf {
    fn default() -> Self {
        Self { offline: false, unregistered: true, busy: true }
    }
}

impl StepKind {
    /// In a few words, as it stands in a trace.
    pub fn words(&self) -> String {
        match self {
            Self::Owner(_) => "owner".into(),
            Self::Employee { employee, .. } => format!("employee {employee}"),
            Self::Group { group, .. } => format!("group {group}"),
            Self::Queue { queue, .. } => format!("queue {queue}"),
            Self::Fifo { queue, .. } => format!("fifo {queue}"),
            Self::Voicemail { mailbox: Some(m) } => format!("voicemail {m}"),
            Self::Voicemail { mailbox: None } => "voicemail".into(),
            Self::Announce { .. } => "announce".into(),
            Self::Hangup { .. } => "hangup".into(),
        }
    }
}
