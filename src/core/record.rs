//! The record of a call: what happened, in the order it happened. One call, one record, however
//! often it was passed on.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::case::Sound;
use super::facts::Direction;
use super::ids::{CallId, EmployeeId, LegId, QueueName};
use super::phone::Caller;
use super::plan::Role;
use super::trace::{Decision, Fallback};

/// Somebody who talked with the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Party {
    /// The leg he talked on.
    pub leg: LegId,
    /// The employee; `None`: an extension or number that is no employee's ("unlisted").
    pub employee: Option<EmployeeId>,
    /// The dialled extension or number of that leg.
    pub number: String,
}

/// Once together, from bridge to unbridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Talk {
    /// With whom.
    pub party: Party,
    /// How he came into the call.
    pub by: AnsweredBy,
    /// From.
    pub from: Timestamp,
    /// Until; `None` while it lasts.
    pub until: Option<Timestamp>,
}

/// One attempt to bring the call to somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// What was tried.
    pub what: Tried,
    /// The employees rung.
    pub employees: Vec<EmployeeId>,
    /// Begin.
    pub from: Timestamp,
    /// End; `None` while it lasts.
    pub until: Option<Timestamp>,
    /// What came of it.
    pub result: Option<AttemptResult>,
}

/// What was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub enum Tried {
    /// Phones.
    Ring(Role),
    /// A queue.
    Queue(QueueName),
    /// A mailbox.
    Voicemail,
    /// A file.
    Announcement,
}

impl std::fmt::Display for Tried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ring(role) => f.write_str(AnsweredBy::Rung(*role).as_str()),
            Self::Queue(name) => write!(f, "queue {name}"),
            Self::Voicemail => f.write_str("voicemail"),
            Self::Announcement => f.write_str("announcement"),
        }
    }
}

impl From<Tried> for String {
    fn from(tried: Tried) -> Self {
        tried.to_string()
    }
}

/// What came of an attempt: a closed list, because it is a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptResult {
    /// Somebody talked, or the step did its work.
    Answered,
    /// 486.
    Busy,
    /// Rang out.
    NoAnswer,
    /// 603.
    Rejected,
    /// No phone on the line.
    Unregistered,
    /// Wrong number, no route, gateway missing or down.
    Unreachable,
    /// The caller gave up while it rang.
    CallerGone,
    /// The queue let the caller go: nobody there, or too long.
    QueueTimeout,
    /// Anything else, by FreeSWITCH's word in the log.
    Failed,
}

impl AttemptResult {
    /// Each of them.
    pub const ALL: [Self; 9] = [
        Self::Answered,
        Self::Busy,
        Self::NoAnswer,
        Self::Rejected,
        Self::Unregistered,
        Self::Unreachable,
        Self::CallerGone,
        Self::QueueTimeout,
        Self::Failed,
    ];

    /// Reads `variable_originate_disposition` of the bridge's completion. Only this variable is
    /// never stale (FACTS.md, bridge results).
    pub fn from_disposition(text: &str) -> Self {
        match text {
            "SUCCESS" => Self::Answered,
            "USER_BUSY" => Self::Busy,
            "NO_ANSWER"
            | "ALLOTTED_TIMEOUT"
            | "NO_USER_RESPONSE"
            | "PROGRESS_TIMEOUT"
            | "PICKED_OFF"
            | "RECOVERY_ON_TIMER_EXPIRE" => Self::NoAnswer,
            "CALL_REJECTED" => Self::Rejected,
            "USER_NOT_REGISTERED" | "SUBSCRIBER_ABSENT" => Self::Unregistered,
            "UNALLOCATED_NUMBER"
            | "NO_ROUTE_DESTINATION"
            | "NORMAL_TEMPORARY_FAILURE"
            | "INVALID_GATEWAY"
            | "GATEWAY_DOWN"
            | "INVALID_PROFILE"
            | "CHAN_NOT_IMPLEMENTED"
            | "DESTINATION_OUT_OF_ORDER"
            | "INVALID_NUMBER_FORMAT"
            | "NETWORK_OUT_OF_ORDER" => Self::Unreachable,
            "ORIGINATOR_CANCEL" => Self::CallerGone,
            _ => Self::Failed,
        }
    }

    /// The label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::Rejected => "rejected",
            Self::Unregistered => "unregistered",
            Self::Unreachable => "unreachable",
            Self::CallerGone => "caller_gone",
            Self::QueueTimeout => "queue_timeout",
            Self::Failed => "failed",
        }
    }
}

/// How somebody came to talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnsweredBy {
    /// Rung by a step.
    Rung(Role),
    /// From a queue.
    Queue,
    /// By a transfer the phones made among themselves.
    Transfer,
}

impl AnsweredBy {
    /// The label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rung(Role::Owner) => "owner",
            Self::Rung(Role::Deputy) => "deputy",
            Self::Rung(Role::Employee) => "employee",
            Self::Rung(Role::Group) => "group",
            Self::Rung(Role::Dialled) => "dialled",
            Self::Queue => "queue",
            Self::Transfer => "transfer",
        }
    }
}

/// How the call came out. An answered call never becomes a missed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Somebody talked with the caller.
    Answered,
    /// Nobody did, and a message was left.
    Voicemail,
    /// The caller gave up while somebody was rung or he waited.
    Abandoned,
    /// Every step was gone through and nobody answered.
    Missed,
    /// Refused: a blocked number.
    Rejected,
    /// An outbound or internal call that nobody answered.
    Unreached,
    /// The engine let go of the call before its end (drain, lost connection); nobody had answered
    /// until then. FreeSWITCH went on with it, so it must not be booked as missed.
    LeftToSwitch,
}

impl Outcome {
    /// Each of them.
    pub const ALL: [Self; 7] = [
        Self::Answered,
        Self::Voicemail,
        Self::Abandoned,
        Self::Missed,
        Self::Rejected,
        Self::Unreached,
        Self::LeftToSwitch,
    ];

    /// The label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Voicemail => "voicemail",
            Self::Abandoned => "abandoned",
            Self::Missed => "missed",
            Self::Rejected => "rejected",
            Self::Unreached => "unreached",
            Self::LeftToSwitch => "left_to_switch",
        }
    }
}

/// A call passed on to another destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Transfer {
    /// When.
    pub at: Timestamp,
    /// Where to, as dialled.
    pub to: String,
}

/// The record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallRecord {
    /// The UUID of the caller's leg.
    pub id: CallId,
    /// Which way it went.
    pub direction: Direction,
    /// Who called.
    pub from: Caller,
    /// What was dialled.
    pub to: String,
    /// The line by its configured name.
    pub line: Option<String>,
    /// Arrival.
    pub started: Timestamp,
    /// End.
    pub ended: Option<Timestamp>,
    /// Whose call it was, were he to answer.
    pub owner: Option<EmployeeId>,
    /// Why no owner was rung first.
    pub fallback: Option<Fallback>,
    /// The first decision; a transfer makes further ones.
    pub decisions: Vec<Decision>,
    /// What was tried.
    pub attempts: Vec<Attempt>,
    /// Who talked, in order.
    pub talks: Vec<Talk>,
    /// Where it was passed on.
    pub transfers: Vec<Transfer>,
    /// How it came out.
    pub outcome: Option<Outcome>,
    /// FreeSWITCH's word for the end.
    pub hangup_cause: Option<String>,
    /// The recording of the talk.
    pub recording: Option<Sound>,
    /// The message that was left.
    pub voicemail: Option<Sound>,
}

impl CallRecord {
    /// The record of a call that has just arrived.
    pub fn new(
        id: CallId,
        direction: Direction,
        from: Caller,
        to: String,
        started: Timestamp,
    ) -> Self {
        Self {
            id,
            direction,
            from,
            to,
            line: None,
            started,
            ended: None,
            owner: None,
            fallback: None,
            decisions: vec![],
            attempts: vec![],
            talks: vec![],
            transfers: vec![],
            outcome: None,
            hangup_cause: None,
            recording: None,
            voicemail: None,
        }
    }

    /// The engine let go of the call, in a talk or before one: its end was not seen.
    pub fn is_left(&self) -> bool {
        self.ended.is_some() && self.hangup_cause.is_none()
    }

    /// Who answered first.
    pub fn first_answerer(&self) -> Option<&Party> {
        self.talks.first().map(|t| &t.party)
    }

    /// Who spoke last.
    pub fn last_speaker(&self) -> Option<&Party> {
        self.talks.last().map(|t| &t.party)
    }

    /// When somebody first talked.
    pub fn answered_at(&self) -> Option<Timestamp> {
        self.talks.first().map(|t| t.from)
    }

    /// From arrival to the first word; `None` for a call nobody answered.
    pub fn waited(&self) -> Option<Duration> {
        self.answered_at().map(|at| between(self.started, at))
    }

    /// From arrival to the end, of a call that is over.
    pub fn lasted(&self) -> Option<Duration> {
        self.ended.map(|at| between(self.started, at))
    }

    /// All talks together.
    pub fn talked(&self) -> Duration {
        let end = |t: &Talk| t.until.or(self.ended).unwrap_or(t.from);
        self.talks.iter().map(|t| between(t.from, end(t))).sum()
    }

    /// The way it went in one line: `owner busy, queue sales answered`.
    pub fn steps(&self) -> String {
        let step = |a: &Attempt| match a.result {
            Some(result) => format!("{} {}", a.what, result.as_str()),
            None => a.what.to_string(),
        };
        self.attempts.iter().map(step).collect::<Vec<_>>().join(", ")
    }
}

/// The time between two moments; zero where the clock went back.
pub fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dispositions_of_transcript_04a_are_told_apart() {
        for (text, result) in [
            ("USER_BUSY", AttemptResult::Busy),
            ("CALL_REJECTED", AttemptResult::Rejected),
            ("NO_USER_RESPONSE", AttemptResult::NoAnswer),
            ("USER_NOT_REGISTERED", AttemptResult::Unregistered),
            ("SUBSCRIBER_ABSENT", AttemptResult::Unregistered),
            ("INVALID_GATEWAY", AttemptResult::Unreachable),
            ("ORIGINATOR_CANCEL", AttemptResult::CallerGone),
            ("SOMETHING_NEW", AttemptResult::Failed),
        ] {
            assert_eq!(AttemptResult::from_disposition(text), result, "{text}");
        }
    }
}
