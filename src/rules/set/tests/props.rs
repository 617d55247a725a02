//! Whatever is written or occurs, nothing panics.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;

use super::{BASE, RuleSet};
use crate::core::case::{Case, Event, Known, Sound, Speaker};
use crate::core::client::{Client, Deal};
use crate::core::facts::Direction;
use crate::core::phone::{Phone, Region};
use crate::core::staff::{Employee, Staff, Status};
use crate::rules::set::suite::Suite;

const SMALL: &str = include_str!("../../../../tests/rules/small.toml");

fn event() -> impl Strategy<Value = Event> {
    prop::sample::select(vec![
        Event::Ringing,
        Event::Answered,
        Event::Missed,
        Event::Ended,
        Event::Recorded,
        Event::Voicemail,
        Event::Unreached,
        Event::CallbackRequested,
        Event::CallbackFailed,
        Event::CallbackClientUnreached,
    ])
}

fn direction() -> impl Strategy<Value = Direction> {
    prop::sample::select(vec![
        Direction::Inbound,
        Direction::Outbound,
        Direction::Internal,
        Direction::Callback,
    ])
}

fn id() -> impl Strategy<Value = Option<String>> {
    prop::option::of("10[1-7]|\\PC{0,3}")
}

fn at() -> impl Strategy<Value = Timestamp> {
    (Timestamp::MIN.as_second()..=Timestamp::MAX.as_second())
        .prop_map(|second| Timestamp::from_second(second).unwrap())
}

prop_compose! {
    fn client()(
        name in "\\PC{0,9}",
        owner in id(),
        company in id(),
        deals in prop::collection::vec((id(), any::<bool>(), at()), 0..3),
    ) -> Known {
        let deals = deals.into_iter().zip(0..).map(|((owner, open, created), n)| Deal {
            id: n.to_string().as_str().into(),
            title: format!("deal {n}"),
            owner: owner.map(|o| o.as_str().into()),
            created,
            open,
        });
        let owner = owner.map(|o| o.as_str().into());
        let deals = deals.collect();
        Known::Client(Arc::new(Client { id: "c".into(), name, company, owner, deals, choice: None }))
    }
}

fn speaker() -> impl Strategy<Value = Option<Speaker>> {
    id().prop_map(|id| {
        id.map(|id| Speaker { employee: Some(id.as_str().into()), number: id.clone() })
    })
}

prop_compose! {
    fn case()(
        (event, direction, at) in (event(), direction(), at()),
        client in prop_oneof![Just(Known::Unsure), Just(Known::Nobody), client()],
        (first, last, caller) in (speaker(), speaker(), speaker()),
        (line, comment, url, name) in (id(), id(), id(), id()),
        (shown, answered, talked) in (any::<bool>(), any::<bool>(), any::<u64>()),
        rung in prop::collection::vec("10[1-7]", 0..3),
        fields in prop::collection::btree_map("\\PC{0,5}|utm_[a-z]{1,4}", "\\PC{0,5}", 0..4),
    ) -> Case {
        let sound = |url: &Option<String>| url.clone().map(|url| Sound { url, seconds: None });
        Case {
            call: "call".into(),
            seq: 1,
            event,
            at,
            direction,
            line,
            line_number: None,
            number: Phone::parse("+79161234567", Region::default()).ok().filter(|_| shown),
            client,
            first,
            last,
            caller,
            rung: rung.iter().map(|id| id.as_str().into()).collect(),
            started: at,
            answered: answered.then_some(at),
            ended: None,
            talked,
            outcome: None,
            recording: sound(&url),
            voicemail: sound(&comment),
            fields: BTreeMap::from_iter(fields),
            name,
            comment,
        }
    }
}

fn staff() -> impl Strategy<Value = Staff> {
    prop::collection::vec(("10[1-7]", any::<bool>()), 0..5).prop_map(|all| {
        Staff::new(all.into_iter().map(|(id, gone)| Employee {
            id: id.as_str().into(),
            name: String::new(),
            numbers: Vec::new(),
            groups: Vec::new(),
            deputy: None,
            status: if gone { Status::Gone } else { Status::Active },
            online: None,
        }))
    })
}

/// Pieces of a set, in any order, with anything between them.
fn text() -> impl Strategy<Value = String> {
    let pieces: Vec<String> = SMALL.split_inclusive(['\n', ' ', ',']).map(str::to_owned).collect();
    let piece = prop_oneof![8 => prop::sample::select(pieces), 1 => "\\PC{0,6}", 1 => "[\"{}=\\[\\]$.%]{1,3}"];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// A set with a part of it taken out, doubled or overwritten.
fn damaged() -> impl Strategy<Value = String> {
    (0..SMALL.len(), 0usize..200, "\\PC{0,8}", 0..3u8).prop_map(|(from, length, other, way)| {
        let mut from = from;
        while !SMALL.is_char_boundary(from) {
            from -= 1;
        }
        let mut until = (from + length).min(SMALL.len());
        while !SMALL.is_char_boundary(until) {
            until -= 1;
        }
        let until = until.max(from);
        let (head, part, tail) = (&SMALL[..from], &SMALL[from..until], &SMALL[until..]);
        match way {
            0 => format!("{head}{tail}"),
            1 => format!("{head}{part}{part}{tail}"),
            _ => format!("{head}{other}{tail}"),
        }
    })
}

/// Reads a text and shows all that is wrong with it, as a person would see it.
fn read(text: &str) {
    match RuleSet::parse("s.toml", text) {
        Ok(set) => drop(set.left_to_default()),
        Err(error) => drop(format!("{:?}", miette::Report::new(error))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_parser_panic(text in text()) {
        read(&text);
    }

    #[test]
    fn no_damage_makes_the_parser_panic(text in damaged()) {
        read(&text);
    }

    #[test]
    fn no_template_makes_the_parser_panic(text in "(\\{\\{|\\}\\}|\\{%|%\\}|if|endif|for|in|set|name|number|fields|\\.| |\\||[a-z(),='é]){0,12}") {
        let text = text.replace('\'', "");
        read(&BASE.replace("{{ name or number }}", &text));
    }

    #[test]
    fn no_text_makes_the_tests_beside_a_set_panic(text in "(\\[\\[tests\\]\\]\n|case = \\{|event = \"missed\"|actions = \\[|\\]|\\}|,|do = \"task\"|name = \"x\"\n|due = 7|\\PC){0,20}") {
        let tests = Some(("t".to_owned(), text));
        let suite = Suite { name: "s".into(), set: ("s".into(), BASE.into()), tests };
        let _ = suite.run();
    }
}

proptest! {
    #[test]
    fn every_case_gets_one_answer_in_each_chapter(case in case(), staff in staff()) {
        let set = RuleSet::parse("s.toml", SMALL).unwrap();
        let ruling = set.judge(&case, &staff);
        let chapters = if case.direction == Direction::Internal { 0 } else { 3 };
        prop_assert_eq!(ruling.rules.len(), chapters);
        prop_assert_eq!(&set.judge(&case, &staff), &ruling);
        let mut keys: Vec<&String> = ruling.actions.iter().map(|action| &action.key).collect();
        keys.dedup();
        prop_assert_eq!(keys.len(), ruling.actions.len());
    }
}
