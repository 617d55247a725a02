//! Callbacks: sites and their forms, missed calls, and what holds for all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Line, Routing};
use crate::core::calendar::Calendar;
use crate::core::campaign::order::{GroupOrder, Kind, Order, Policy, Prompt, Target};
use crate::core::ids::EmployeeId;
use crate::core::phone::Phone;
use crate::core::staff::{Employee, Staff};
use crate::core::trace::Place;

/// What holds for every callback: `[callbacks]`.
#[derive(Clone, Debug)]
pub struct Callbacks {
    /// Times and counts, where a site says nothing else.
    pub policy: Policy,
    /// When a client may be rung, by his own clock; `None`: always. Its zone is the file's: the
    /// client's is put in its place by [`Routing::legal`].
    pub hours: Option<Calendar>,
    /// The time zone of numbers that begin so, longest beginning first.
    pub zones: Vec<(String, TimeZone)>,
    /// Missed inbound calls are returned; `None`: they are not.
    pub missed: Option<Missed>,
}

/// `[callbacks.missed]`: a missed inbound call begins a callback.
#[derive(Clone, Debug)]
pub struct Missed {
    /// Calls on these lines; `None`: on all.
    pub lines: Option<BTreeSet<String>>,
    /// Whom to ring, in order.
    pub targets: Vec<TargetRule>,
    /// Working hours; `None`: those of the line that was called.
    pub calendar: Option<Arc<Calendar>>,
    /// Times and counts.
    pub policy: Policy,
    /// The rule.
    pub place: Place,
}

/// A site whose forms are taken: `[sites.NAME]`.
#[derive(Clone, Debug)]
pub struct Site {
    /// Its name.
    pub name: String,
    /// What its forms say to be known by. It stands in the page: no secret.
    pub key: String,
    /// Where its pages come from, as browsers write it: `https://shop.example`.
    pub origins: Vec<String>,
    /// The line whose number the client is shown and under which the CRM books it.
    pub line: Option<Arc<Line>>,
    /// Whether its forms ask for a call. `false`: the CRM is told, nobody is called (E13).
    pub call: bool,
    /// Whom to ring, in order (A15).
    pub targets: Vec<TargetRule>,
    /// Other targets by the department a form names, in small letters (A15).
    pub departments: BTreeMap<String, Vec<TargetRule>>,
    /// Working hours; `None`: those of its line, if it has one.
    pub calendar: Option<Arc<Calendar>>,
    /// Countries whose numbers are taken, as `RU`; `None`: all.
    pub countries: Option<BTreeSet<String>>,
    /// The field that no person sees: who fills it in is a robot.
    pub honeypot: Option<String>,
    /// Forms an hour from one address.
    pub per_address: u32,
    /// Forms an hour for one phone.
    pub per_phone: u32,
    /// Times and counts.
    pub policy: Policy,
    /// The rule.
    pub place: Place,
}

/// Whom to ring, and where that is written. An employee is named by id or extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetRule {
    /// Whom.
    pub target: Target,
    /// Where it is written.
    pub place: Place,
}

/// A form, read and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// The client.
    pub phone: Phone,
    /// His name.
    pub name: Option<String>,
    /// What he wrote.
    pub comment: Option<String>,
    /// The department it names (A15).
    pub department: Option<String>,
    /// All other fields (A20).
    pub fields: BTreeMap<String, String>,
    /// Not before this moment.
    pub wanted: Option<Timestamp>,
    /// The client's time zone, as IANA names it.
    pub timezone: Option<String>,
}

impl Default for Callbacks {
    fn default() -> Self {
        Self { policy: policy(), hours: None, zones: Vec::new(), missed: None }
    }
}

/// What holds where nothing is written (A18: again after 30 s, for 10 min).
fn policy() -> Policy {
    Policy {
        delay: Duration::ZERO,
        ring: Duration::from_secs(20),
        retry: Duration::from_secs(30),
        give_up: Duration::from_secs(600),
        client_ring: Duration::from_secs(40),
        client_tries: 2,
        client_pause: Duration::from_secs(60),
        prompt: Prompt::Tone,
        key: None,
    }
}

/// Rules name an employee by id or extension; an order has his id.
fn targets(rules: &[TargetRule], staff: &Staff) -> Vec<Target> {
    let target = |rule: &TargetRule| match &rule.target {
        Target::Employee(name) => match staff.named(name.as_str()) {
            Some(employee) => Target::Employee(employee.id.clone()),
            // The CRM does not tell who works here yet: it may by the time he is rung.
            None => Target::Employee(name.clone()),
        },
        other => other.clone(),
    };
    rules.iter().map(target).collect()
}

impl Site {
    /// What a form of this site asks for. An order without targets calls nobody (E13).
    pub fn order(&self, form: Form, staff: &Staff) -> Order {
        let mut fields = form.fields;
        fields.insert("site".into(), self.name.clone());
        let department = form.department.as_deref().map(str::to_lowercase);
        let own = department.and_then(|department| self.departments.get(&department));
        Order {
            kind: Kind::Form,
            phone: form.phone,
            site: self.name.clone(),
            line: self.line.as_ref().map(|line| line.name.clone()),
            department: form.department,
            name: form.name,
            comment: form.comment,
            fields,
            wanted: form.wanted,
            timezone: form.timezone,
            targets: targets(own.unwrap_or(&self.targets), staff),
            policy: self.policy.clone(),
        }
    }

    /// All its targets, those of its departments too.
    pub(crate) fn all_targets(&self) -> impl Iterator<Item = &TargetRule> {
        self.targets.iter().chain(self.departments.values().flatten())
    }
}

impl Missed {
    /// What a missed call of this client on this line asks for.
    pub fn order(&self, phone: Phone, line: Option<&str>, staff: &Staff) -> Order {
        Order {
            kind: Kind::MissedCall,
            targets: targets(&self.targets, staff),
            policy: self.policy.clone(),
            ..bare(phone, line)
        }
    }
}

fn bare(phone: Phone, line: Option<&str>) -> Order {
    Order {
        kind: Kind::Click,
        phone,
        site: String::new(),
        line: line.map(str::to_owned),
        department: None,
        name: None,
        comment: None,
        fields: BTreeMap::new(),
        wanted: None,
        timezone: None,
        targets: Vec::new(),
        policy: policy(),
    }
}

impl Routing {
    /// The site a form belongs to, by the key it brings along.
    pub fn site(&self, key: &str) -> Option<&Arc<Site>> {
        self.sites.values().find(|site| site.key == key)
    }

    /// All sites.
    pub fn sites(&self) -> impl Iterator<Item = &Arc<Site>> {
        self.sites.values()
    }

    /// What holds for every callback.
    pub fn callbacks(&self) -> &Callbacks {
        &self.callbacks
    }

    /// How a call missed on this line is returned; `None`: it is not.
    pub fn missed(&self, line: Option<&str>) -> Option<&Missed> {
        let missed = self.callbacks.missed.as_ref()?;
        let named = |lines: &BTreeSet<String>| line.is_some_and(|line| lines.contains(line));
        missed.lines.as_ref().is_none_or(named).then_some(missed)
    }

    /// What the button asks for: this employee, then the number. One try (A13, D01, E11).
    pub fn click(&self, employee: &Employee, phone: Phone, line: Option<&str>) -> Order {
        let all = &self.callbacks.policy;
        let policy = Policy {
            delay: Duration::ZERO,
            client_tries: 1,
            ring: all.ring,
            client_ring: self.outbound.ring,
            // He pressed the button himself a moment ago.
            prompt: Prompt::None,
            key: None,
            ..all.clone()
        };
        let targets = vec![Target::Employee(EmployeeId::clone(&employee.id))];
        Order { targets, policy, ..bare(phone, line) }
    }

    /// A line by its name.
    pub fn named_line(&self, name: &str) -> Option<&Arc<Line>> {
        self.lines.iter().find(|line| line.name == name)
    }

    /// What is shown on legs that leave by a gateway: the line's number where it has one, else
    /// the one of `[outbound]` (E11). `None`: the gateway's own.
    pub fn caller_id(&self, line: Option<&str>) -> Option<&Phone> {
        let line = line.and_then(|line| self.named_line(line));
        line.and_then(|line| line.caller_id.as_ref()).or(self.outbound.caller_id.as_ref())
    }

    /// When those who are to call are at work; `None`: always. A button is always obeyed.
    pub fn working(&self, order: &Order) -> Option<&Calendar> {
        let line = || self.named_line(order.line.as_deref()?)?.calendar.as_deref();
        match order.kind {
            Kind::Click => None,
            Kind::MissedCall => {
                let own = self.callbacks.missed.as_ref().and_then(|m| m.calendar.as_deref());
                own.or_else(line)
            }
            Kind::Form => {
                let site = self.sites.get(&order.site);
                site.and_then(|site| site.calendar.as_deref()).or_else(line)
            }
        }
    }

    /// When this client may be rung, by his own clock; `None`: always. A button is always obeyed.
    pub fn legal(&self, order: &Order) -> Option<Calendar> {
        let hours = self.callbacks.hours.as_ref().filter(|_| order.kind != Kind::Click)?;
        let zone = self.client_zone(&order.phone, order.timezone.as_deref());
        Some(Calendar { zone, ..hours.clone() })
    }

    /// The client's time zone: the form's, else the one of his number's beginning, else the file's.
    pub fn client_zone(&self, phone: &Phone, told: Option<&str>) -> TimeZone {
        let told = told.and_then(|name| TimeZone::get(name).ok());
        let zones = &self.callbacks.zones;
        let by_number = || zones.iter().find(|(begin, _)| phone.e164().starts_with(begin));
        told.or_else(|| by_number().map(|(_, zone)| zone.clone()))
            .unwrap_or_else(|| self.timezone.clone())
    }

    /// Every target that is written, for checks against the staff list.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &TargetRule> {
        let missed = self.callbacks.missed.iter().flat_map(|missed| &missed.targets);
        self.sites.values().flat_map(|site| site.all_targets()).chain(missed)
    }
}

/// How a group is rung, by the words of the file.
pub(crate) const GROUP_ORDERS: [(&str, GroupOrder); 3] = [
    ("together", GroupOrder::Together),
    ("in_turn", GroupOrder::InTurn),
    ("longest_idle", GroupOrder::LongestIdle),
];
