//! What a call began with, and what its cases say of who is who.

use std::sync::Arc;

use super::*;
use crate::core::call::{Call, Input, LastWords, Output};
use crate::core::case::AnsweredBy;
use crate::core::client::{Client, Deal, Source};
use crate::core::facts::Facts;
use crate::core::ids::{CallId, LegId};
use crate::core::phone::Region;
use crate::core::staff::{Employee, NoPresence, Number, Status};

const RULES: &str = r#"
schema = 1
timezone = "Europe/Moscow"
[blocked]
numbers = ["+74950000000"]
[lines.moscow]
numbers = "+74951234567"
route = "all"
fields = { utm_source = "yandex", utm_medium = "cpc" }
[lines.other]
numbers = "any"
route = "all"
[routes.all]
title = "All"
why = "A05"
steps = [{ do = "owner" }, { do = "queue", queue = "sales" }]
"#;

const CLIENT: &str = "+79161234567";
const LINE: &str = "+74951234567";

fn staff() -> Staff {
    let person = |line: &str| Employee {
        id: EmployeeId::new(format!("e{line}")),
        name: line.into(),
        numbers: vec![
            Number::Line(Extension::parse(line).unwrap()),
            Number::Outside(Phone::parse(&format!("+79030000{line}"), Region::default()).unwrap()),
        ],
        groups: vec![],
        deputy: None,
        status: Status::Active,
        online: None,
    };
    Staff::new([person("101"), person("102")])
}

/// Owned by e101; his two open deals are e102's (the older one) and e101's.
fn client() -> Lookup {
    let deal = |id: &str, created: &str, owner: &str| Deal {
        id: id.into(),
        title: id.into(),
        owner: Some(owner.into()),
        created: created.parse().unwrap(),
        open: true,
    };
    let client = Client {
        id: "c".into(),
        name: "Пётр".into(),
        company: None,
        owner: Some("e101".into()),
        choice: None,
        deals: vec![
            deal("new", "2026-05-01T00:00:00Z", "e101"),
            deal("old", "2026-01-01T00:00:00Z", "e102"),
        ],
    };
    Lookup::Found { client: Arc::new(client), source: Source::Fresh }
}

/// The call from its arrival to its end, `talk` in it.
struct Scene<'a> {
    direction: Direction,
    from: &'a str,
    to: &'a str,
    lookup: Lookup,
    brought: Brought,
    /// Who answers, one after another.
    talks: &'a [&'a str],
}

fn inbound<'a>(from: &'a str, talks: &'a [&'a str]) -> Scene<'a> {
    let (lookup, brought) = (client(), Brought::default());
    Scene { direction: Direction::Inbound, from, to: LINE, lookup, brought, talks }
}

fn outbound<'a>(from: &'a str, talks: &'a [&'a str]) -> Scene<'a> {
    Scene { direction: Direction::Outbound, to: CLIENT, ..inbound(from, talks) }
}

impl Scene<'_> {
    fn cases(self) -> Vec<Case> {
        let rules = Routing::parse("r.toml", RULES).unwrap();
        let (staff, at) = (staff(), Timestamp::UNIX_EPOCH);
        let from = Caller::read(self.from, Region::default());
        let facts = Facts {
            direction: self.direction,
            from: &from,
            to: self.to,
            passed_on: false,
            at,
            lookup: &self.lookup,
            staff: &staff,
            presence: &NoPresence,
        };
        let decision = crate::core::route::decide(&rules, &facts);
        let record =
            CallRecord::new(CallId::new("a"), self.direction, from.clone(), self.to.into(), at);
        let (lookup, brought) = (Some(&self.lookup), self.brought);
        let begin = Beginning::new(&record, &decision, lookup, &rules, &staff, brought);
        let mut book = Casebook::new(begin);
        let mut call = Call::new(record);
        call.handle(Input::Decided(Box::new(decision)), at);
        for number in self.talks {
            let employee = Extension::parse(number).ok().and_then(|e| staff.by_extension(&e));
            let party = Party {
                leg: LegId::new(number),
                employee: employee.map(|e| e.id.clone()),
                number: (*number).to_owned(),
            };
            call.handle(Input::Bridged { party, answered: true }, at);
        }
        let words = LastWords { cause: "NORMAL_CLEARING".into(), ..LastWords::default() };
        call.handle(Input::Completed(words), at);
        let mut cases = Vec::new();
        while let Some(output) = call.poll() {
            if let Output::Occurred(occurrence) = output {
                cases.extend(book.occurred(call.record(), &occurrence, at));
            }
        }
        cases
    }

    /// The first and the last one.
    fn ends(self) -> (Case, Case) {
        let cases = self.cases();
        (cases.first().unwrap().clone(), cases.last().unwrap().clone())
    }
}

fn who(speaker: &Option<Speaker>) -> &str {
    speaker.as_ref().map_or("nobody", |s| s.employee.as_ref().map_or("unlisted", |e| e.as_str()))
}

#[test]
fn a01_an_answered_call_tells_line_number_client_and_who_answered() {
    let (answered, ended) = inbound(CLIENT, &["102"]).ends();
    assert_eq!((answered.event, ended.event), (Event::Answered, Event::Ended));
    assert_eq!(
        (answered.line.as_deref(), answered.line_number.as_deref()),
        (Some("moscow"), Some(LINE))
    );
    assert_eq!(answered.number.as_ref().map(Phone::e164), Some(CLIENT));
    assert_eq!(who(&answered.first), "e102");
    assert_eq!(answered.caller, None);
}

#[test]
fn d03_the_owner_of_the_oldest_open_deal_is_the_owner() {
    for (by, expected) in
        [("102", AnsweredBy::Owner), ("101", AnsweredBy::Other), ("999", AnsweredBy::Unlisted)]
    {
        let (answered, _) = inbound(CLIENT, &[by]).ends();
        assert_eq!(answered.deal().map(|d| d.id.as_str()), Some("old"));
        assert_eq!(answered.answered_by(), expected, "{by}");
    }
}

#[test]
fn e02_a_client_passed_on_has_a_first_and_a_last_speaker_and_stays_a_client() {
    let cases = inbound(CLIENT, &["101", "102"]).cases();
    assert_eq!(cases.iter().map(|c| c.event).collect::<Vec<_>>(), [Event::Answered, Event::Ended]);
    assert_eq!((who(&cases[1].first), who(&cases[1].last)), ("e101", "e102"));
    assert_eq!(cases[1].direction, Direction::Inbound);
}

#[test]
fn a06_nobody_answered() {
    let (missed, _) = inbound(CLIENT, &[]).ends();
    assert_eq!((missed.event, missed.answered_by()), (Event::Missed, AnsweredBy::Nobody));
}

#[test]
fn a09_on_an_outbound_call_the_speaker_is_who_called() {
    for (from, expected, id) in [
        ("102", AnsweredBy::Owner, "e102"),
        ("101", AnsweredBy::Other, "e101"),
        ("155", AnsweredBy::Unlisted, "unlisted"),
    ] {
        let (answered, ended) = outbound(from, &[CLIENT]).ends();
        assert_eq!((answered.event, ended.event), (Event::Answered, Event::Ended));
        assert_eq!(answered.answered_by(), expected);
        for speaker in [&ended.first, &ended.last, &ended.caller] {
            assert_eq!(who(speaker), id, "the client is none of our speakers");
        }
        assert_eq!(answered.number.as_ref().map(Phone::e164), Some(CLIENT));
        let (unreached, _) = outbound(from, &[]).ends();
        assert_eq!(
            (unreached.event, unreached.answered_by()),
            (Event::Unreached, AnsweredBy::Nobody)
        );
        assert_eq!((who(&unreached.caller), who(&unreached.first)), (id, "nobody"));
    }
}

#[test]
fn a09_the_line_of_an_outbound_call_is_the_one_whose_number_is_shown() {
    for (shown, line, number) in [
        (Some("84951234567"), Some("moscow"), Some(LINE)),
        (Some("+74990000000"), None, Some("+74990000000")),
        (Some("0000000000"), None, None),
        (None, None, None),
    ] {
        let brought = Brought { shown: shown.map(Into::into), ..Brought::default() };
        let (case, _) = Scene { brought, ..outbound("101", &[]) }.ends();
        assert_eq!((case.line.as_deref(), case.line_number.as_deref()), (line, number));
        assert!(case.fields.is_empty(), "an advertisement brings calls in, not out");
    }
}

#[test]
fn e02_calls_among_employees_are_internal_whichever_way_they_are_found_out() {
    for (direction, from, to, line) in [
        (Direction::Internal, "101", "102", None),
        (Direction::Outbound, "101", "+79030000102", None),
        (Direction::Inbound, "+79030000101", LINE, Some(LINE)),
        (Direction::Outbound, "101", LINE, Some(LINE)),
    ] {
        for (talks, event) in [(&["102"][..], Event::Ended), (&[], Event::Unreached)] {
            let (_, case) = Scene { direction, to, ..inbound(from, talks) }.ends();
            assert_eq!((case.event, case.direction), (event, Direction::Internal), "{from} {to}");
            assert_eq!((who(&case.caller), case.client()), ("e101", None));
            assert_eq!((case.number, case.line_number.as_deref()), (None, line));
            assert!(case.fields.is_empty());
        }
    }
}

#[test]
fn a_blocked_caller_gives_nothing() {
    assert_eq!(inbound("+74950000000", &[]).cases(), []);
}

#[test]
fn e09_what_the_crm_did_not_say_is_not_known() {
    let asked =
        |lookup: Lookup, from: &'static str| Scene { lookup, ..inbound(from, &[]) }.ends().0.client;
    let fresh = Source::Fresh;
    assert_eq!(asked(Lookup::Slow, CLIENT), Known::Unsure);
    assert_eq!(asked(Lookup::Down, CLIENT), Known::Unsure);
    assert_eq!(asked(Lookup::Unknown { source: fresh }, CLIENT), Known::Nobody);
    assert_eq!(asked(Lookup::NotAsked, "anonymous"), Known::Nobody);
    assert!(matches!(asked(client(), CLIENT), Known::Client(_)));
}

#[test]
fn e08_what_the_dialplan_says_of_a_caller_goes_before_what_the_line_says() {
    let fields = [("utm_source", "google"), ("ua_client_id", "7")];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let brought = Brought { fields, ..Brought::default() };
    let (case, _) = Scene { brought, ..inbound(CLIENT, &[]) }.ends();
    let fields: Vec<_> = case.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let expected = [("ua_client_id", "7"), ("utm_medium", "cpc"), ("utm_source", "google")];
    assert_eq!(fields, expected);
}
