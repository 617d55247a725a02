//! The office: who works there, and who is free.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::order::{GroupOrder, Kind, Order, Policy, Prompt, Target};
use super::super::{Around, Floor, hours};
use crate::core::calendar::{Calendar, Span};
use crate::core::call::Recording;
use crate::core::case::Known;
use crate::core::ids::{EmployeeId, Extension, NodeId, QueueName};
use crate::core::phone::{Phone, Region};
use crate::core::plan;
use crate::core::staff::{Employee, Number, Presence, Staff, Status};

/// Friday noon in Moscow.
pub(super) fn noon() -> Timestamp {
    "2026-11-20T12:00:00+03:00".parse().unwrap()
}

pub(super) fn phone(text: &str) -> Phone {
    Phone::parse(text, Region::default()).unwrap()
}

pub(super) fn line(text: &str) -> Number {
    Number::Line(Extension::parse(text).unwrap())
}

/// Anna 101 and a mobile, Boris 102, Vera 103: sales. Gleb 104 is on leave, Anna his deputy.
fn staff() -> Staff {
    let employee = |id: &str, numbers: Vec<Number>, group: &str| Employee {
        id: id.into(),
        name: id.to_owned(),
        numbers,
        groups: vec![group.to_owned()],
        deputy: None,
        status: Status::Active,
        online: None,
    };
    let mobile = Number::Outside(phone("+79160000001"));
    let mut gleb = employee("gleb", vec![line("104")], "away");
    gleb.status = Status::OnLeave(None);
    gleb.deputy = Some("anna".into());
    Staff::new([
        employee("anna", vec![line("101"), mobile], "sales"),
        employee("boris", vec![line("102")], "sales"),
        employee("vera", vec![line("103")], "sales"),
        gleb,
    ])
}

pub(super) struct Office {
    staff: Staff,
    pub busy: BTreeSet<String>,
    pub unregistered: BTreeSet<String>,
    pub engaged: BTreeSet<EmployeeId>,
    pub idle: BTreeMap<EmployeeId, Timestamp>,
    pub hours: Option<Calendar>,
    pub legal: Option<Calendar>,
    pub node: Option<NodeId>,
    pub recording: Option<Recording>,
    pub known: Known,
    /// The CRM does not answer at all.
    pub silent: bool,
}

impl Office {
    pub(super) fn new() -> Self {
        Self {
            staff: staff(),
            busy: BTreeSet::new(),
            unregistered: BTreeSet::new(),
            engaged: BTreeSet::new(),
            idle: BTreeMap::new(),
            hours: None,
            legal: None,
            node: Some(NodeId::new("fs1")),
            recording: None,
            known: Known::Nobody,
            silent: false,
        }
    }

    pub(super) fn around(&self) -> Around<'_> {
        Around {
            staff: &self.staff,
            presence: self,
            floor: self,
            hours: self.hours.as_ref(),
            legal: self.legal.as_ref(),
            node: self.node.as_ref(),
            line_number: Some("+74950000000"),
            recording: self.recording.as_ref(),
        }
    }

    pub(super) fn lines_of(&self, who: &str) -> Vec<String> {
        let employee = self.staff.get(&who.into()).unwrap_or_else(|| panic!("nobody is {who}"));
        let line = |n: &Number| match n {
            Number::Line(line) => Some(line.as_str().to_owned()),
            Number::Outside(_) => None,
        };
        employee.numbers.iter().filter_map(line).collect()
    }
}

impl Presence for Office {
    fn registered(&self, line: &Extension) -> Option<bool> {
        Some(!self.unregistered.contains(line.as_str()))
    }
    fn busy(&self, line: &Extension) -> Option<bool> {
        Some(self.busy.contains(line.as_str()))
    }
}

impl Floor for Office {
    fn engaged(&self, employee: &EmployeeId) -> bool {
        self.engaged.contains(employee)
    }
    fn idle_since(&self, employee: &EmployeeId) -> Option<Timestamp> {
        self.idle.get(employee).copied()
    }
    fn agents(&self, _: &QueueName) -> Vec<plan::Target> {
        let unlisted = plan::Target { employee: None, number: line("777") };
        vec![unlisted, plan::Target { employee: Some("vera".into()), number: line("103") }]
    }
}

pub(super) fn calendar(span: &str, zone: &str) -> Calendar {
    let (from, to) = span.split_once('-').unwrap();
    let minute = |t: &str| {
        let (hour, minute) = t.split_once(':').unwrap();
        hour.parse::<u16>().unwrap() * 60 + minute.parse::<u16>().unwrap()
    };
    let span = Span::new(minute(from), minute(to)).unwrap();
    hours::legal(span, TimeZone::get(zone).unwrap())
}

/// Мария wants windows. Everybody of sales at once, every 30 s for 10 minutes; the client once.
pub(super) fn order() -> Order {
    let seconds = Duration::from_secs;
    Order {
        kind: Kind::Form,
        phone: phone("+79161234567"),
        site: "okna".into(),
        line: Some("moscow".into()),
        department: None,
        name: Some("Мария".into()),
        comment: Some("Нужны окна".into()),
        fields: [("utm_source".to_owned(), "yandex".to_owned())].into(),
        wanted: None,
        timezone: None,
        targets: vec![Target::Group { name: "sales".into(), order: GroupOrder::Together }],
        policy: Policy {
            delay: Duration::ZERO,
            ring: seconds(20),
            retry: seconds(30),
            give_up: seconds(600),
            client_ring: seconds(40),
            client_tries: 1,
            client_pause: seconds(60),
            prompt: Prompt::None,
            key: None,
        },
    }
}
