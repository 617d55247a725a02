//! Scenarios of the decision. The CRM's answer, the staff and the phones are told; nothing waits.

use std::sync::Arc;

use jiff::Timestamp;

use super::*;
use crate::core::client::{Client, Deal, Lookup, Source};
use crate::core::plan::{Ring, Role};
use crate::core::staff::{Presence, Staff, Status};
use crate::core::trace::Fallback;

mod hours;
mod inside;
mod owner;
mod props;

/// 12:00 on a Friday in Moscow.
const NOON: &str = "2026-11-20T12:00:00+03:00";

pub(super) const RULES: &str = r#"
schema = 1
timezone = "Europe/Moscow"

[blocked]
numbers = ["+74950000000", "+7800*"]
anonymous = true

[calendars.office]
hours = { mon-fri = "09:00-19:00" }
holidays = ["2026-12-31..2027-01-08"]

[calendars.ural]
timezone = "Asia/Yekaterinburg"
hours = { mon-fri = "09:00-19:00" }

[lines.moscow]
numbers = ["+74951234567", "100500"]
calendar = "office"
route = "sales"
caller_id = "+74951234567"

[lines.ural]
numbers = "+73431234567"
calendar = "ural"
route = "sales"

[lines.partners]
numbers = "+74957654321"
route = "partners"

[lines.other]
numbers = "any"
route = "sales"

[routes.sales]
title = "Owner, then queue"
why = "A05"
steps = [
    { do = "owner", ring = "10s" },
    { do = "queue", queue = "sales", wait = "5m" },
    { do = "voicemail", mailbox = "100" },
]
closed = [{ do = "announce", file = "closed.wav" }, { do = "voicemail", mailbox = "100" }]

[routes.partners]
title = "Partners"
why = "They have a group of their own."
steps = [
    { do = "employee", employee = "103", ring = "15s" },
    { do = "group", group = "sales", order = "together", ring = "20s" },
    { do = "fifo", queue = "support" },
]

[internal]
ring = "25s"
then = [{ do = "voicemail" }]

[outbound]
ring = "45s"
caller_id = "+74950001122"
"#;

/// Which lines are known to be without a phone, or talking; all others are not known.
#[derive(Default)]
struct Phones {
    silent: Vec<&'static str>,
    talking: Vec<&'static str>,
    unknown: bool,
}

impl Presence for Phones {
    fn registered(&self, line: &Extension) -> Option<bool> {
        (!self.unknown).then(|| !self.silent.contains(&line.as_str()))
    }

    fn busy(&self, line: &Extension) -> Option<bool> {
        (!self.unknown).then(|| self.talking.contains(&line.as_str()))
    }
}

/// A case: everything is at its most ordinary until a test changes it.
struct Case {
    rules: String,
    direction: Direction,
    from: &'static str,
    to: &'static str,
    passed_on: bool,
    at: Timestamp,
    lookup: Lookup,
    staff: Vec<Employee>,
    phones: Phones,
}

impl Case {
    fn new() -> Self {
        Self {
            rules: RULES.to_owned(),
            direction: Direction::Inbound,
            from: "+79161234567",
            to: "+74951234567",
            passed_on: false,
            at: at(NOON),
            lookup: found(client(Some("1"), vec![])),
            staff: vec![
                employee("1", "Анна", &["101", "+79031111111"]),
                employee("2", "Борис", &["102"]),
                employee("3", "Вера", &["103", "+79033333333"]),
            ],
            phones: Phones { silent: vec!["555"], ..Phones::default() },
        }
    }

    fn decide(&self) -> Decision {
        let rules = Routing::parse("routing.toml", &self.rules).unwrap();
        let staff = Staff::new(self.staff.clone());
        let from = Caller::read(self.from, rules.region());
        let facts = Facts {
            direction: self.direction,
            from: &from,
            to: self.to,
            passed_on: self.passed_on,
            at: self.at,
            lookup: &self.lookup,
            staff: &staff,
            presence: &self.phones,
        };
        decide(&rules, &facts)
    }

    /// The plan in short words: `owner 1:101 10s`, `queue sales`, `hangup NO_ANSWER`.
    fn plan(&self) -> Vec<String> {
        self.decide().plan.iter().map(short).collect()
    }

    fn person(&mut self, id: &str) -> &mut Employee {
        self.staff.iter_mut().find(|e| e.id.as_str() == id).unwrap()
    }
}

fn short(step: &Step) -> String {
    match step {
        Step::Ring(Ring { role, targets, timeout, .. }) => {
            let phones = targets.iter().map(|t| match (&t.employee, &t.number) {
                (Some(id), Number::Line(line)) => format!("{id}:{line}"),
                (Some(id), Number::Outside(phone)) => format!("{id}:{}", phone.e164()),
                (None, Number::Line(line)) => line.to_string(),
                (None, Number::Outside(phone)) => phone.e164().to_owned(),
            });
            let role = match role {
                Role::Owner => "owner",
                Role::Deputy => "deputy",
                Role::Employee => "employee",
                Role::Group => "group",
                Role::Dialled => "dialled",
            };
            let phones: Vec<_> = phones.collect();
            format!("{role} {} {}s", phones.join("+"), timeout.as_secs())
        }
        Step::Callcenter { queue, .. } => format!("queue {queue}"),
        Step::Fifo { queue, .. } => format!("fifo {queue}"),
        Step::Voicemail { mailbox } => format!("voicemail {mailbox}"),
        Step::Announce { file } => format!("announce {file}"),
        Step::Hangup { cause } => format!("hangup {}", cause.0),
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn employee(id: &str, name: &str, numbers: &[&str]) -> Employee {
    let number = |n: &&str| match Extension::parse(n) {
        Ok(line) => Number::Line(line),
        Err(_) => Number::Outside(Phone::parse(n, Default::default()).unwrap()),
    };
    Employee {
        id: id.into(),
        name: name.into(),
        numbers: numbers.iter().map(number).collect(),
        groups: vec!["sales".into()],
        deputy: None,
        status: Status::Active,
        online: None,
    }
}

fn deal(id: &str, owner: Option<&str>, month: u8, open: bool) -> Deal {
    Deal {
        id: id.into(),
        title: String::new(),
        owner: owner.map(Into::into),
        created: at(&format!("2026-{month:02}-01T00:00:00Z")),
        open,
    }
}

fn client(owner: Option<&str>, deals: Vec<Deal>) -> Client {
    Client {
        id: "c1".into(),
        name: "Пётр Ильин".into(),
        company: Some("Ромашка".into()),
        owner: owner.map(Into::into),
        deals,
        choice: None,
    }
}

fn found(client: Client) -> Lookup {
    Lookup::Found { client: Arc::new(client), source: Source::Fresh }
}

const QUEUE: [&str; 3] = ["queue sales", "voicemail 100", "hangup NORMAL_CLEARING"];
