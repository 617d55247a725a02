//! The plan: ordered steps a call goes through until somebody talks.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::ids::{EmployeeId, Extension, QueueName};
use super::staff::Number;

/// A step of the way. Steps are tried in order; one that fails leads to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Step {
    /// Ring phones until one answers.
    Ring(Ring),
    /// Answer, then wait in a mod_callcenter queue.
    Callcenter {
        /// The queue.
        queue: QueueName,
        /// Leave it after this long; `None`: the queue's own limits rule. Seconds in JSON.
        #[serde(serialize_with = "seconds_if_any")]
        wait: Option<Duration>,
    },
    /// Answer, then wait in a mod_fifo queue.
    Fifo {
        /// The queue.
        queue: QueueName,
        /// Leave it after this long. Seconds in JSON.
        #[serde(serialize_with = "seconds_if_any")]
        wait: Option<Duration>,
    },
    /// Answer, then record a message into this mailbox.
    Voicemail {
        /// The mailbox.
        mailbox: Extension,
    },
    /// Answer, then play a file.
    Announce {
        /// Path or stream in FreeSWITCH's own spelling.
        file: String,
    },
    /// End the call.
    Hangup {
        /// FreeSWITCH's name of the cause.
        cause: HangupCause,
    },
}

/// Phones rung together in one bridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ring {
    /// Whom: owner, deputy, employee, group.
    pub role: Role,
    /// The phones. All ring at once.
    pub targets: Vec<Target>,
    /// How long. The caller hears at least this much: see `switch::dial`. Seconds in JSON.
    #[serde(serialize_with = "seconds")]
    pub timeout: Duration,
}

fn seconds<S: Serializer>(time: &Duration, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_u64(time.as_secs())
}

fn seconds_if_any<S: Serializer>(time: &Option<Duration>, s: S) -> Result<S::Ok, S::Error> {
    time.map(|t| t.as_secs()).serialize(s)
}

/// One phone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Target {
    /// Whose it is; `None`: no employee of the CRM.
    pub employee: Option<EmployeeId>,
    /// Which number of his.
    pub number: Number,
}

/// Why these phones are rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The owner of the open deal, else of the client (A05).
    Owner,
    /// Stands in for an owner on leave.
    Deputy,
    /// Named in the route.
    Employee,
    /// A group named in the route.
    Group,
    /// The number the caller dialled himself: internal and outbound calls, transfers.
    Dialled,
}

impl Role {
    /// Each of them.
    pub const ALL: [Self; 5] =
        [Self::Owner, Self::Deputy, Self::Employee, Self::Group, Self::Dialled];
}

/// A hangup cause by FreeSWITCH's name, checked against its own list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct HangupCause(pub freeswitch_types::HangupCause);

impl From<HangupCause> for String {
    fn from(cause: HangupCause) -> Self {
        cause.0.to_string()
    }
}

impl HangupCause {
    /// The ordinary end.
    pub const NORMAL: Self = Self(freeswitch_types::HangupCause::NormalClearing);
    /// Everybody was tried and nobody answered.
    pub const NO_ANSWER: Self = Self(freeswitch_types::HangupCause::NoAnswer);
    /// What was dialled is no number of anybody's.
    pub const UNALLOCATED: Self = Self(freeswitch_types::HangupCause::UnallocatedNumber);
    /// No phone of the dialled employee can be rung.
    pub const UNREGISTERED: Self = Self(freeswitch_types::HangupCause::UserNotRegistered);
    /// The cause of this name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        name.parse().ok().map(Self)
    }

    /// For a blocked caller.
    pub const REJECTED: Self = Self(freeswitch_types::HangupCause::CallRejected);
}
