//! What a call was like for the people in it.

use std::time::Duration;

/// How a call ended for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// He spoke to somebody the engine had found.
    Talked,
    /// He left a message.
    Voicemail,
    /// The engine was not there, or went away: the dialplan's own queue took the call.
    DialplanFallback,
    /// He gave up before anybody spoke to him.
    GaveUp,
    /// We ended the call before anybody spoke to him.
    Refused,
}

/// A talk. Times are counted from the beginning of the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Talked {
    /// The phone or number at the other end.
    pub with: String,
    /// When it began.
    pub from: Duration,
    /// When it ended.
    pub until: Option<Duration>,
}

/// A phone that was called. Times are counted from the beginning of the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rung {
    /// The phone or number.
    pub phone: String,
    /// When the INVITE reached it.
    pub at: Duration,
    /// When it stopped ringing.
    pub until: Option<Duration>,
    /// The name its display showed.
    pub shown_name: String,
    /// The number its display showed.
    pub shown_number: String,
    /// `ANSWERED`, or the hangup cause of its leg.
    pub result: String,
}

/// All of it.
#[derive(Clone, Debug)]
pub struct CallReport {
    /// The caller's channel.
    pub uuid: String,
    /// The caller's number.
    pub from: String,
    /// The number dialled.
    pub to: String,
    /// How it ended for the caller.
    pub outcome: Outcome,
    /// Who spoke to the caller, in order.
    pub talks: Vec<Talked>,
    /// Which phones were called, in order.
    pub rung: Vec<Rung>,
    /// Files the caller heard, in order.
    pub played: Vec<String>,
    /// Queues the caller stood in, in order.
    pub queues: Vec<String>,
    /// The voice mailbox that has a message now.
    pub voicemail: Option<String>,
    /// The hangup cause of the caller's leg.
    pub cause: &'static str,
    /// The caller ended it.
    pub caller_hung_up: bool,
    /// The dialplan went on without the engine.
    pub fell_to_dialplan: bool,
    /// The longest time the caller heard nothing: neither ringing nor music nor a voice.
    pub longest_silence: Duration,
    /// From the INVITE to the end.
    pub duration: Duration,
    /// Outbound connections opened for this call.
    pub connections: usize,
    /// Commands the engine sent.
    pub commands: usize,
    /// Events it was sent.
    pub events: usize,
    /// Channels that were still there at the end. Must be 0.
    pub channels_left: usize,
    /// From the connection to the engine's first `bridge`, in real time.
    pub decision: Option<Duration>,
}

impl CallReport {
    /// Who spoke to the caller first.
    pub fn answered_by(&self) -> Option<&str> {
        self.talks.first().map(|t| t.with.as_str())
    }

    /// Who spoke to the caller last.
    pub fn last_speaker(&self) -> Option<&str> {
        self.talks.last().map(|t| t.with.as_str())
    }

    /// The phones that were called, in order.
    pub fn phones_rung(&self) -> Vec<&str> {
        self.rung.iter().map(|r| r.phone.as_str()).collect()
    }
}
