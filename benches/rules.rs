//! How long a ruling takes, from case to actions, and how long a set takes to read.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use dozvon::core::case::{Case, Event, Known, Sound, Speaker};
use dozvon::core::client::{Client, Deal};
use dozvon::core::facts::Direction;
use dozvon::core::ids::Extension;
use dozvon::core::phone::{Phone, Region};
use dozvon::core::staff::{Employee, Number, Staff, Status};
use dozvon::rules::RuleSet;
use dozvon::rules::set::BUILTIN;

fn staff(count: u32) -> Staff {
    Staff::new((0..count).map(|n| Employee {
        id: n.to_string().as_str().into(),
        name: format!("Employee {n}"),
        numbers: Extension::parse(&(100 + n).to_string()).map(Number::Line).into_iter().collect(),
        groups: vec![],
        deputy: None,
        status: Status::Active,
        online: None,
    }))
}

fn case(event: Event, known: bool) -> Case {
    let at = "2026-11-20T17:55:00+03:00".parse().unwrap();
    let deal = Deal {
        id: "d".into(),
        title: "Сделка".into(),
        owner: Some("2".into()),
        created: at,
        open: true,
    };
    let client = Client {
        id: "c".into(),
        name: "Пётр Петров".into(),
        company: Some("Ромашка".into()),
        owner: Some("1".into()),
        deals: vec![deal],
        choice: None,
    };
    let answered = event != Event::Missed;
    let speaker = || answered.then(|| Speaker { employee: Some("2".into()), number: "102".into() });
    let fields = ["utm_source", "utm_medium", "utm_campaign", "site"];
    Case {
        call: "8d1f4d0e-6c55-4f6e-9c1f-0e8a7c3b2a10".into(),
        seq: 2,
        event,
        at,
        direction: Direction::Inbound,
        line: Some("moscow".into()),
        line_number: Some("+74951234567".into()),
        number: Phone::parse("+79161234567", Region::default()).ok(),
        client: if known { Known::Client(Arc::new(client)) } else { Known::Nobody },
        first: speaker(),
        last: speaker(),
        caller: None,
        rung: vec!["1".into()],
        started: at,
        answered: answered.then_some(at),
        ended: None,
        talked: 65,
        outcome: None,
        recording: Some(Sound { url: "https://example.org/r/1".into(), seconds: None }),
        voicemail: None,
        fields: BTreeMap::from_iter(fields.map(|name| (name.to_owned(), "value".to_owned()))),
        name: None,
        comment: None,
    }
}

fn rulings(c: &mut Criterion) {
    let staff = staff(200);
    let cases = [
        ("answered, new client", case(Event::Answered, false)),
        ("missed, new client", case(Event::Missed, false)),
        ("missed, known client", case(Event::Missed, true)),
        ("ended, known client", case(Event::Ended, true)),
    ];
    for builtin in BUILTIN {
        let set = RuleSet::parse(builtin.name, builtin.text).unwrap();
        for (name, case) in &cases {
            c.bench_function(&format!("judge/{}/{name}", builtin.name), |b| {
                b.iter(|| set.judge(black_box(case), &staff))
            });
        }
    }
    let text = BUILTIN[0].text;
    c.bench_function("set/parse and check", |b| b.iter(|| RuleSet::parse("s", black_box(text))));
}

criterion_group!(benches, rulings);
criterion_main!(benches);
