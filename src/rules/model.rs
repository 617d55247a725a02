//! The rules of a call's way, as data. Every rule knows where it is written.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::problem::Problem;
use crate::core::calendar::Calendar;
use crate::core::phone::{Phone, Region};
use crate::core::trace::Place;

mod sites;
mod steps;

pub(crate) use sites::GROUP_ORDERS;
pub use sites::{Callbacks, Form, Missed, Site, TargetRule};
pub use steps::{Attempt, Numbers, Order, SkipIf, StepKind, StepRule};

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
    pub(crate) callbacks: Callbacks,
    pub(crate) sites: BTreeMap<String, Arc<Site>>,
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

    /// The line an inbound call to this number is on.
    pub fn line_of(&self, dialled: &str) -> &Arc<Line> {
        self.line(dialled.trim()).unwrap_or(&self.default_line)
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
    /// What the CRM is to know of whoever calls it: `utm_source` of the advertisement it stands in.
    pub fields: BTreeMap<String, String>,
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
