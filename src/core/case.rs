//! A case before the rules: one occurrence of a call, with everything rules may look at and
//! actions are made of. It is written into the journal as it is, so that every decision can be
//! made again (`dozvon replay`).

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::client::{Client, Deal};
use super::facts::Direction;
use super::ids::{CallId, EmployeeId};
use super::phone::Phone;
use super::record::{CallRecord, Outcome};

/// What occurred: the word `event` of the rules (scenarios.md, words used for facts).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A phone rings for the first time in this call.
    Ringing,
    /// Somebody answered, for the first time in this call (A01).
    Answered,
    /// An inbound call ended and nobody had answered it, message or not (A06).
    Missed,
    /// A call ended after a talk.
    Ended,
    /// The recording of a talk is complete.
    Recorded,
    /// A message was left (B10).
    Voicemail,
    /// An outbound call ended and the client had not answered (A09, C08).
    Unreached,
    /// A form asked for a callback.
    CallbackRequested,
    /// No employee answered a callback (A17).
    CallbackFailed,
    /// An employee answered a callback, the client did not.
    CallbackClientUnreached,
}

impl Event {
    /// Its word in the rules.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ringing => "ringing",
            Self::Answered => "answered",
            Self::Missed => "missed",
            Self::Ended => "ended",
            Self::Recorded => "recorded",
            Self::Voicemail => "voicemail",
            Self::Unreached => "unreached",
            Self::CallbackRequested => "callback_requested",
            Self::CallbackFailed => "callback_failed",
            Self::CallbackClientUnreached => "callback_client_unreached",
        }
    }
}

/// Who answered, as the rules see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnsweredBy {
    /// The owner of the open deal, else of the client. On an outbound call: he who called.
    Owner,
    /// Another employee.
    Other,
    /// An extension or number that is no employee's.
    Unlisted,
    /// Nobody.
    Nobody,
}

/// Deals of the client, as the rules see them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DealFact {
    /// Never had one.
    None,
    /// At least one is open.
    Open,
    /// Had one, none is open.
    Closed,
}

/// Whom the number belongs to. Taken when the call begins and settled by a fresh look before the
/// first action; from then on the same for the whole call, whatever our own actions change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// Not known yet: the CRM was slow or down. The rules see `unknown` meanwhile.
    #[default]
    Unsure,
    /// The CRM knows nobody with this number, or there is no number.
    Nobody,
    /// This client.
    Client(Arc<Client>),
}

/// Somebody who spoke with the client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Speaker {
    /// The employee; `None`: unlisted.
    pub employee: Option<EmployeeId>,
    /// His extension or number.
    pub number: String,
}

/// Something that can be listened to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sound {
    /// Where. Known before the file is complete (A12); empty: nobody can be told where.
    pub url: String,
    /// Length in seconds, once it is complete.
    pub seconds: Option<u64>,
}

/// The case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Which call.
    pub call: CallId,
    /// The how-manieth occurrence of this call, from 1: with the call it names the case.
    pub seq: u32,
    /// What occurred.
    pub event: Event,
    /// When.
    pub at: Timestamp,
    /// Which way the call goes.
    pub direction: Direction,
    /// The line by its configured name.
    pub line: Option<String>,
    /// The company's number of this call: dialled by the client, or shown to him.
    pub line_number: Option<String>,
    /// The client's number; `None`: withheld or unreadable.
    pub number: Option<Phone>,
    /// Whom it belongs to.
    pub client: Known,
    /// Who answered first. On an outbound call: who called, once the client has answered.
    pub first: Option<Speaker>,
    /// Who spoke last. Never the client.
    pub last: Option<Speaker>,
    /// Who called, on an outbound or internal call.
    pub caller: Option<Speaker>,
    /// The employees rung so far, in order. The first one is the first on the line (C06).
    pub rung: Vec<EmployeeId>,
    /// Arrival.
    pub started: Timestamp,
    /// When somebody first talked.
    pub answered: Option<Timestamp>,
    /// The end.
    pub ended: Option<Timestamp>,
    /// Seconds talked so far, all talks together.
    pub talked: u64,
    /// How it came out, once it is over.
    pub outcome: Option<Outcome>,
    /// The recording of the talk.
    pub recording: Option<Sound>,
    /// The message that was left.
    pub voicemail: Option<Sound>,
    /// UTM tags, visitor ids, fields of a form (E08, A20).
    pub fields: BTreeMap<String, String>,
    /// Name and comment of a form (A19).
    pub name: Option<String>,
    /// The comment of a form.
    pub comment: Option<String>,
}

impl Case {
    /// The client, where he is known.
    pub fn client(&self) -> Option<&Arc<Client>> {
        match &self.client {
            Known::Client(client) => Some(client),
            Known::Unsure | Known::Nobody => None,
        }
    }

    /// The deal the case is about: the oldest open one (D03), else the newest closed one.
    pub fn deal(&self) -> Option<&Deal> {
        self.client()?.main_deal()
    }

    /// Deals of the client.
    pub fn deal_fact(&self) -> DealFact {
        match self.client() {
            Some(client) if client.open_deal().is_some() => DealFact::Open,
            Some(client) if !client.deals.is_empty() => DealFact::Closed,
            _ => DealFact::None,
        }
    }

    /// Whose client it is: the owner of the open deal, else of the client (A05).
    pub fn owner(&self) -> Option<&EmployeeId> {
        let client = self.client()?;
        client.open_deal().and_then(|d| d.owner.as_ref()).or(client.owner.as_ref())
    }

    /// The employee's side of the talk: who answered, or who called.
    pub fn speaker(&self) -> Option<&Speaker> {
        match self.direction {
            Direction::Outbound => self.caller.as_ref().filter(|_| self.answered.is_some()),
            _ => self.first.as_ref(),
        }
    }

    /// Who answered. On an outbound call the employee who called, once the client answered.
    pub fn answered_by(&self) -> AnsweredBy {
        let Some(speaker) = self.speaker() else { return AnsweredBy::Nobody };
        match &speaker.employee {
            None => AnsweredBy::Unlisted,
            Some(id) if self.owner() == Some(id) => AnsweredBy::Owner,
            Some(_) => AnsweredBy::Other,
        }
    }
}

/// Takes down what occurs in calls. Its methods never wait and never fail: a call must not hang
/// on its paperwork.
pub trait Clerk: Send + Sync {
    /// Whether cases are worth making at all.
    fn wants(&self) -> bool {
        true
    }
    /// A call on this line begins: it keeps the rules that are in force now.
    fn began(&self, call: &CallId, line: Option<&str>);
    /// Something occurred.
    fn occurred(&self, case: Case);
    /// The call is over, and this is its record. Comes after its last case.
    fn closed(&self, record: Arc<CallRecord>);
}

/// Takes nothing down.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoClerk;

impl Clerk for NoClerk {
    fn wants(&self) -> bool {
        false
    }
    fn began(&self, _: &CallId, _: Option<&str>) {}
    fn occurred(&self, _: Case) {}
    fn closed(&self, _: Arc<CallRecord>) {}
}
