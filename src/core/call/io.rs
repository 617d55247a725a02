//! What goes into the call machine and what comes out.

use std::sync::Arc;

use crate::core::ids::{EmployeeId, Extension, OpId, QueueName};
use crate::core::phone::Phone;
use crate::core::plan::{HangupCause, Ring};
use crate::core::record::{CallRecord, Outcome, Party};
use crate::core::trace::Decision;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The decision is there.
    Decided(Box<Decision>),
    /// A phone rings.
    Ringing {
        /// Whose; `None`: not known, or no employee's.
        employee: Option<EmployeeId>,
    },
    /// The caller's leg was answered: by us for a queue, or by the bridge.
    CallerAnswered,
    /// The caller is together with somebody.
    Bridged {
        /// With whom.
        party: Party,
        /// `false`: early media only, nobody picked up yet (transcript 03f).
        answered: bool,
    },
    /// They are apart again.
    Unbridged,
    /// An application of ours is over.
    Done {
        /// Which.
        op: OpId,
        /// What came of it.
        result: Completion,
    },
    /// FreeSWITCH says on the connection itself, ahead of all events, that the leg is down. Its
    /// events lag, or were sent before we asked for any.
    Down,
    /// The caller's leg is going down.
    HungUp {
        /// FreeSWITCH's cause.
        cause: String,
    },
    /// The caller's leg is down; nothing comes after it. Also the answer to [`Output::LastLook`].
    Completed(LastWords),
    /// The answer to [`Output::Probe`].
    Probed(Probe),
    /// Our `socket` application is over. FreeSWITCH leads the leg by itself: a queue's talk
    /// begins, or a dialplan has it (transcripts 08a, 09c).
    Released,
    /// The call came back on a second connection: it was passed on (transcript 09b).
    Transferred {
        /// The new destination, as dialled.
        to: String,
    },
    /// The connection ended before the call did, or we let go of it.
    Lost,
}

/// What an application left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// `variable_originate_disposition`.
    pub disposition: Option<String>,
    /// `variable_cc_cause`: `answered` when the talk begins (transcript 08a).
    pub queue_cause: Option<String>,
    /// `variable_fifo_status` and the like say nothing; the bridge tells. `true`: an agent took it.
    pub queue_bridged: bool,
    /// The queue lost the caller: he hung up, or somebody transferred him (transcript 05c).
    pub taken_out: bool,
    /// There is no such file to play.
    pub missing: bool,
    /// A message of this many seconds was recorded.
    pub message_seconds: u64,
    /// Where the message can be listened to; empty: nobody can be told where.
    pub message_url: String,
}

/// Where the talk is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// The file, as FreeSWITCH names it.
    pub file: Arc<str>,
    /// Where it can be listened to; empty: nobody can be told where.
    pub url: String,
}

/// What became of the recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recorded {
    /// FreeSWITCH does not say: it went on to another leg with a transfer, or was never begun.
    #[default]
    Unknown,
    /// There is no file: it could not be written, or nothing stood in it.
    Nothing,
    /// The file is complete and this long.
    Milliseconds(u64),
}

/// What CHANNEL_HANGUP_COMPLETE says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastWords {
    /// `Hangup-Cause`.
    pub cause: String,
    /// Set if a bridge took place, however many events were lost (`bridge_hangup_cause`).
    pub bridged_with: Option<Party>,
    /// A message of this many seconds was recorded.
    pub message_seconds: u64,
    /// Where the message can be listened to; empty: nobody can be told where.
    pub message_url: String,
    /// What became of the recording.
    pub recorded: Recorded,
}

/// What a look at the live channel says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// It does not exist any more.
    Gone,
    /// Together with somebody.
    With(Party),
    /// Alone.
    Alone,
    /// FreeSWITCH did not answer: look again later.
    Unknown,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Run this on the caller's leg.
    Run(OpId, App),
    /// Look whether the leg lives and whom it is with; answer with [`Input::Probed`].
    Probe,
    /// Ask how the leg ended, whose last events did not come; answer with [`Input::Completed`].
    LastLook,
    /// Take the caller out of the queue: its time is over.
    Break,
    /// Record the talk from now on into this file.
    Record(Arc<str>),
    /// This happened; rules and journal want to know.
    Occurred(Occurrence),
    /// The record is complete. Let go of the connection.
    Closed(Box<CallRecord>),
}

/// An application with its argument, before it becomes text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum App {
    /// The caller's name for the ringing phone (A04), where bridge and mod_callcenter look for it.
    Name(Arc<str>),
    /// The same, where mod_fifo looks for it.
    FifoName(Arc<str>),
    /// Answer the caller's leg.
    Answer,
    /// Bridge.
    Bridge {
        /// Whom to ring.
        ring: Ring,
        /// The number shown on legs that leave by a gateway; `None`: the gateway's own.
        caller_id: Option<Phone>,
    },
    /// mod_callcenter.
    Callcenter(QueueName),
    /// mod_fifo.
    Fifo(QueueName),
    /// mod_voicemail.
    Voicemail(Extension),
    /// Play a file.
    Playback(String),
    /// Hang up.
    Hangup(HangupCause),
    /// Do nothing, after everything that was sent before.
    Mark,
}

/// What the rules and the journal learn of. Each at the moment it happens (A01, A06).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Occurrence {
    /// A phone rings: the first of a step; in a queue the first of each agent.
    Ringing {
        /// Whose phones ring.
        employees: Vec<EmployeeId>,
    },
    /// Somebody answered, for the first time in this call.
    Answered(Party),
    /// Somebody else speaks now.
    PassedOn(Party),
    /// It ended, and nobody had answered.
    Missed(Outcome),
    /// It ended after a talk.
    Ended,
    /// A message was left.
    Voicemail {
        /// Its length.
        seconds: u64,
    },
    /// The recording of the talk is complete. Comes after [`Occurrence::Ended`].
    Recorded {
        /// Its length.
        seconds: u64,
    },
}
