//! How long a decision takes, from facts to plan and trace.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use dozvon::core::client::{Client, Lookup, Source};
use dozvon::core::facts::{Direction, Facts};
use dozvon::core::ids::Extension;
use dozvon::core::phone::{Caller, Region};
use dozvon::core::route::decide;
use dozvon::core::staff::{Employee, NoPresence, Number, Staff, Status};
use dozvon::rules::Routing;

const RULES: &str = r#"
schema = 1
timezone = "Europe/Moscow"
[blocked]
numbers = ["+74950000000", "+7800*", "+7801*"]
[calendars.office]
hours = { mon-fri = "09:00-19:00" }
holidays = ["2026-12-31..2027-01-08", "2027-02-23"]
[lines.moscow]
numbers = "+74951234567"
calendar = "office"
route = "sales"
[lines.other]
numbers = "any"
route = "sales"
[routes.sales]
title = "Owner, then queue"
why = "A05"
steps = [{ do = "owner" }, { do = "queue", queue = "sales" }]
closed = [{ do = "voicemail", mailbox = "100" }]
"#;

fn staff(count: u32) -> Staff {
    Staff::new((0..count).map(|n| Employee {
        id: n.to_string().as_str().into(),
        name: format!("Employee {n}"),
        numbers: Extension::parse(&(1000 + n).to_string()).map(Number::Line).into_iter().collect(),
        groups: vec!["sales".into()],
        deputy: None,
        status: Status::Active,
        online: None,
    }))
}

fn decisions(c: &mut Criterion) {
    let rules = Routing::parse("routing.toml", RULES).unwrap();
    let staff = staff(200);
    let from = Caller::read("+79161234567", Region::default());
    let client = Client {
        id: "c".into(),
        name: "Пётр".into(),
        company: Some("Ромашка".into()),
        owner: Some("7".into()),
        deals: vec![],
        choice: None,
    };
    let lookup = Lookup::Found { client: Arc::new(client), source: Source::Cached };
    let cases = [
        ("owner", "+74951234567", "2026-11-20T12:00:00+03:00"),
        ("other spelling of the line", "84951234567", "2026-11-20T12:00:00+03:00"),
        ("closed", "+74951234567", "2027-01-02T12:00:00+03:00"),
    ];
    for (name, to, at) in cases {
        let facts = Facts {
            direction: Direction::Inbound,
            from: &from,
            to,
            passed_on: false,
            at: at.parse().unwrap(),
            lookup: &lookup,
            staff: &staff,
            presence: &NoPresence,
        };
        c.bench_function(&format!("decide/{name}"), |b| {
            b.iter(|| decide(&rules, black_box(&facts)))
        });
    }
    c.bench_function("rules/parse", |b| {
        b.iter(|| Routing::parse("routing.toml", black_box(RULES)))
    });
}

criterion_group!(benches, decisions);
criterion_main!(benches);
