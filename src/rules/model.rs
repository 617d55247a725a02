//! The rules of a call's way, as data. Every rule knows where it is written.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::problem::Problem;
use crate::core::calendar::Calendar;
use crate::core::ids::{Extension, QueueName};
use crate::core::phone::{Phone, Region};
use crate::core::plan::HangupCause;
use crate::core::trace::Place;

/// A whole `routing.toml`, checked: every name in it leads somewhere.
#[derive(Clone, Debug)]
pub struct Routing {
    pub(crate) file: Arc<str>,
    pub(crate) hash: u64,
    pub(crate) timezone: TimeZone,
    pub(crate) region: Region,
    pub(crate) blocked: Blocked,
    pub(crate) lines: Vec<Arc<Line>>,
    pub(crate) by_number: HashMap<String, Arc<Line>>,
    pub(crate) default_line: Arc<Line>,
    pub(crate) routes: BTreeMap<String, Arc<Route>>,
    pub(crate) internal: Internal,
    pub(crate) outbound: Outbound,
    pub(crate) warnings: Vec<Problem>,
}

impl Routing {
    /// The country whose national spelling is understood: for reading caller ids.
    pub fn region(&self) -> Region {
        self.region
    }

    /// The file these rules came from.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// A hash of the file's text, as 16 hex digits. It stands with every decision kept.
    pub fn hash(&self) -> String {
        format!("{:016x}", self.hash)
    }

    /// What is allowed, but surely not meant.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// All lines, in the order of the file.
    pub fn lines(&self) -> impl Iterator<Item = &Arc<Line>> {
        self.lines.iter()
    }

    /// All routes.
    pub fn routes(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.routes.values()
    }

    /// The zone that counts where a calendar names none of its own.
    pub fn timezone(&self) -> &TimeZone {
        &self.timezone
    }

    /// The line a dialled number belongs to. `None`: no line names it.
    pub fn line(&self, dialled: &str) -> Option<&Arc<Line>> {
        self.by_number.get(dialled).or_else(|| self.by_number.get(&line_key(dialled, self.region)))
    }

    /// Every step of every route, for checks against the staff list.
    pub(crate) fn steps(&self) -> impl Iterator<Item = &StepRule> {
        self.routes
            .values()
            .flat_map(|r| r.steps.iter().chain(&r.closed))
            .chain(&self.internal.then)
            .chain(&self.blocked.then)
    }
}

/// The spelling under which numbers of lines are compared: E.164 where possible, else the digits.
pub(crate) fn line_key(number: &str, region: Region) -> String {
    match Phone::parse(number, region) {
        Ok(phone) => phone.e164().to_owned(),
        Err(_) => number.chars().filter(|c| !" -().".contains(*c)).collect(),
    }
}

/// Callers who are not let in.
#[derive(Clone, Debug)]
pub struct Blocked {
    /// Whole numbers.
    pub numbers: HashMap<Phone, Place>,
    /// Beginnings of numbers, in E.164.
    pub prefixes: Vec<(String, Place)>,
    /// Withheld numbers, too.
    pub anonymous: Option<Place>,
    /// What they get: announcements and a hang-up only.
    pub then: Vec<StepRule>,
}

/// A line: numbers of the company that are treated alike.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// Working hours; `None`: always open.
    pub calendar: Option<Arc<Calendar>>,
    /// Where calls go.
    pub route: Arc<Route>,
    /// Shown on legs that leave by a gateway; `None`: the gateway's own.
    pub caller_id: Option<Phone>,
    /// The rule.
    pub place: Place,
}

/// The way of a call.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its id.
    pub id: String,
    /// A short name for people.
    pub title: String,
    /// Why it is as it is.
    pub why: String,
    /// Steps within working hours.
    pub steps: Vec<StepRule>,
    /// Steps outside working hours.
    pub closed: Vec<StepRule>,
    /// The rule.
    pub place: Place,
}

/// Calls between employees (E02), and to an extension dialled in a transfer.
#[derive(Clone, Debug)]
pub struct Internal {
    /// How long each number rings.
    pub ring: Duration,
    /// What follows when nobody answers.
    pub then: Vec<StepRule>,
    /// The rule, where one is written.
    pub place: Option<Place>,
}

/// Calls to the outside.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// How long the client's phone rings.
    pub ring: Duration,
    /// Shown to the client; `None`: the gateway's own.
    pub caller_id: Option<Phone>,
    /// The rule, where one is written.
    pub place: Option<Place>,
}

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
