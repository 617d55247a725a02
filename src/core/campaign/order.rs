//! What a campaign is asked to do, and what can be said of it. Plain data: it is stored as it is.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::core::ids::{CampaignId, EmployeeId, LegId, QueueName};
use crate::core::phone::Phone;
use crate::core::record::AttemptResult;
use crate::core::staff::Number;

/// What made a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A web form asks for a callback (A14).
    Form,
    /// An inbound call was missed.
    MissedCall,
    /// A button: the employee's phones, then the client (A13, D01, E11). One try. Booked as that
    /// employee's outbound call.
    Click,
}

/// What is to be done: whom to connect with whom, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What asked for it.
    pub kind: Kind,
    /// The client.
    pub phone: Phone,
    /// The site's name in the rules; empty for a missed call and a button.
    pub site: String,
    /// The line whose number the client is shown and under which the CRM books it.
    pub line: Option<String>,
    /// The department named in the form (A15).
    pub department: Option<String>,
    /// Name and comment of the form, shown on the managers' phones (A19).
    pub name: Option<String>,
    /// The comment.
    pub comment: Option<String>,
    /// All other fields, UTM tags, visitor ids, the page (A20, E08).
    pub fields: BTreeMap<String, String>,
    /// Not before this moment, where the client named one.
    pub wanted: Option<Timestamp>,
    /// The client's time zone, where the form told (IANA name).
    pub timezone: Option<String>,
    /// Whom to ring, in this order: the next target where the one before has nobody. None at all:
    /// the form wants no call, the CRM is told of it and nobody is rung (E13).
    pub targets: Vec<Target>,
    /// Times and counts.
    pub policy: Policy,
}

/// Who is rung first (A15).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The owner of the client's open deal, else of the client; on leave his deputy.
    Owner,
    /// This employee, his numbers in order.
    Employee(EmployeeId),
    /// A group.
    Group {
        /// Its name.
        name: String,
        /// How it is rung.
        order: GroupOrder,
    },
    /// The available agents of a mod_callcenter queue, longest idle first.
    Queue(QueueName),
}

/// How a group is rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupOrder {
    /// All at once.
    Together,
    /// One after another.
    InTurn,
    /// Who has been without a call for the longest time comes first.
    LongestIdle,
}

/// Times and counts of a campaign. It keeps those it began with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Before the first try: a missed call is not returned in the same second.
    pub delay: Duration,
    /// How long a manager's phone rings.
    pub ring: Duration,
    /// Between tries, while everybody is busy or silent (A18: 30 s).
    pub retry: Duration,
    /// Tries end this long after the first one (A18: 10 min).
    pub give_up: Duration,
    /// How long the client's phone rings.
    pub client_ring: Duration,
    /// How often the client is dialled before he counts as not reached.
    pub client_tries: u32,
    /// Between two dials of the client.
    pub client_pause: Duration,
    /// What the manager hears as he picks up.
    pub prompt: Prompt,
    /// He has to press this key, so that a mailbox never counts as a manager.
    pub key: Option<char>,
}

/// What a manager hears, in FreeSWITCH's spelling where it is a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// Nothing.
    None,
    /// A short tone.
    Tone,
    /// A file.
    File(String),
    /// A text, by the configured speech application.
    Say(String),
}

/// Where a campaign stands. What the client's page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Taken; no try yet.
    Accepted,
    /// Waits: for the wanted time, the hours, or the next try.
    Waiting,
    /// Managers' phones ring.
    DiallingManagers,
    /// A manager has picked up.
    ManagerOnLine,
    /// The client's phone rings.
    DiallingClient,
    /// They talk.
    Connected,
    /// Over.
    Over(Ending),
}

impl Stage {
    /// Each of those that are not the end.
    pub const RUNNING: [Self; 6] = [
        Self::Accepted,
        Self::Waiting,
        Self::DiallingManagers,
        Self::ManagerOnLine,
        Self::DiallingClient,
        Self::Connected,
    ];
}

/// How it came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// A manager and the client talked.
    Talked,
    /// Nobody of ours picked up (A17).
    NoManager,
    /// A manager was there, the client was not reached.
    ClientUnreached,
    /// The client picked up, and nobody of ours was there any more: he waited, and for the CRM it
    /// is a callback that failed.
    ClientAlone,
    /// The client called in by himself.
    Satisfied,
    /// Somebody cancelled it.
    Cancelled,
}

impl Ending {
    /// Each of them.
    pub const ALL: [Self; 6] = [
        Self::Talked,
        Self::NoManager,
        Self::ClientUnreached,
        Self::ClientAlone,
        Self::Satisfied,
        Self::Cancelled,
    ];
}

/// One leg that was dialled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Try {
    /// The leg.
    pub leg: LegId,
    /// Whose phone.
    pub whom: Whom,
    /// When it was dialled.
    pub from: Timestamp,
    /// When it was picked up.
    pub answered: Option<Timestamp>,
    /// When it ended.
    pub until: Option<Timestamp>,
    /// What came of it.
    pub result: Option<AttemptResult>,
}

/// Whose phone a leg rings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// A manager's.
    Manager {
        /// The employee; `None`: unlisted, an agent of a queue that is no employee.
        employee: Option<EmployeeId>,
        /// Which number of his.
        number: Number,
    },
    /// The client's.
    Client(Phone),
}

/// What everybody may ask of a campaign: pages, the command line, the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Which.
    pub id: CampaignId,
    /// What was asked for.
    pub order: Order,
    /// Where it stands.
    pub stage: Stage,
    /// When it was taken.
    pub accepted: Timestamp,
    /// When the next try is expected, while it waits.
    pub next_try: Option<Timestamp>,
    /// Forms that joined it, the first one not counted.
    pub joined: u32,
    /// All tries so far.
    pub tries: Vec<Try>,
}
