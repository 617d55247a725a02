//! What a set makes of a case: the parts that the tests beside the sets cannot show.

use std::sync::Arc;

use super::{BASE, RuleSet, changed};
use crate::core::action::{Action, Recipients, Ruling};
use crate::core::case::{Case, Event, Known, Speaker};
use crate::core::client::Client;
use crate::core::facts::Direction;
use crate::core::phone::{Phone, Region};
use crate::core::staff::{Employee, Staff, Status};

fn employee(id: &str, status: Status) -> Employee {
    Employee {
        id: id.into(),
        name: format!("Employee {id}"),
        numbers: Vec::new(),
        groups: Vec::new(),
        deputy: None,
        status,
        online: None,
    }
}

fn case(event: Event) -> Case {
    let at = "2026-11-20T12:00:00+03:00".parse().unwrap();
    let client = Client {
        id: "c".into(),
        name: "Анна \"А\"".into(),
        company: None,
        owner: Some("103".into()),
        deals: Vec::new(),
        choice: None,
    };
    Case {
        call: "call".into(),
        seq: 7,
        event,
        at,
        direction: Direction::Inbound,
        line: None,
        line_number: None,
        number: Phone::parse("+79161234567", Region::default()).ok(),
        client: Known::Client(Arc::new(client)),
        first: None,
        last: None,
        caller: None,
        rung: Vec::new(),
        started: at,
        answered: None,
        ended: None,
        talked: 0,
        outcome: None,
        recording: None,
        voicemail: None,
        fields: Default::default(),
        name: None,
        comment: None,
    }
}

fn owner(ruling: &Ruling) -> &str {
    match &ruling.actions[0].action {
        Action::Task { owner, .. } => owner.as_str(),
        other => panic!("{other:?}"),
    }
}

fn judge(text: &str, case: &Case, staff: &[Employee]) -> Ruling {
    RuleSet::parse("s.toml", text).unwrap().judge(case, &Staff::new(staff.iter().cloned()))
}

#[test]
fn e14_the_administrator_stands_in_for_an_owner_who_is_gone_and_that_is_said() {
    let staff = [employee("103", Status::Gone), employee("106", Status::Active)];
    let ruling = judge(BASE, &case(Event::Missed), &staff);
    assert_eq!(owner(&ruling), "106");
    assert_eq!(
        ruling.notes,
        [
            "rule `client/missed`: Employee 103 (103) is gone; the administrator Employee 106 stands in (E14)"
        ]
    );
}

#[test]
fn e14_an_administrator_who_is_gone_himself_is_said_too() {
    let staff = [employee("103", Status::Gone), employee("106", Status::Gone)];
    let ruling = judge(BASE, &case(Event::Missed), &staff);
    assert_eq!(owner(&ruling), "106");
    assert!(
        ruling.notes[0].contains("put another one into the setting `admin`"),
        "{:?}",
        ruling.notes
    );
}

#[test]
fn while_nobody_knows_who_works_here_nobody_is_taken_for_gone() {
    let ruling = judge(BASE, &case(Event::Missed), &[]);
    assert_eq!((owner(&ruling), ruling.notes.len()), ("103", 0));
}

#[test]
fn a_key_names_call_case_and_place() {
    let mut unknown = case(Event::Answered);
    unknown.client = Known::Unsure;
    unknown.first = Some(Speaker { employee: Some("101".into()), number: "101".into() });
    let ruling = judge(BASE, &unknown, &[]);
    let keys: Vec<&str> = ruling.actions.iter().map(|planned| planned.key.as_str()).collect();
    assert_eq!(keys, ["call/7/1", "call/7/2"]);
    assert_eq!(ruling.rules, ["client/new"]);
}

#[test]
fn e02_a_call_between_employees_is_not_ruled() {
    let mut inside = case(Event::Missed);
    inside.direction = Direction::Internal;
    let ruling = judge(BASE, &inside, &[]);
    assert!(ruling.rules.is_empty() && ruling.actions.is_empty());
}

fn with(action: &str) -> String {
    changed("do = []", &format!("do = [{action}]"))
}

#[test]
fn a_word_in_a_webhooks_body_brings_its_own_quotes() {
    let text =
        with(r#"{ do = "webhook", url = "https://x/{{ event }}", body = '{"n": {{ name }}}' }"#);
    let ruling = judge(&text, &case(Event::Ended), &[]);
    let Action::Webhook { url, body } = &ruling.actions[0].action else { panic!("{ruling:?}") };
    assert_eq!(url, "https://x/ended");
    assert_eq!(body.as_deref(), Some(r#"{"n": "Анна \"А\""}"#));
}

#[test]
fn all_of_a_list_are_notified_each_once_and_who_is_gone_is_not() {
    let text = with(r#"{ do = "notify", to = ["owner", "103", "102", "104"], text = "x" }"#);
    let staff = [
        employee("102", Status::Active),
        employee("103", Status::Active),
        employee("104", Status::Gone),
    ];
    let ruling = judge(&text, &case(Event::Ended), &staff);
    let Action::Notify { to, .. } = &ruling.actions[0].action else { panic!("{ruling:?}") };
    assert_eq!(*to, Recipients::These(vec!["103".into(), "102".into()]));
    assert_eq!(
        ruling.notes,
        ["rule `client/otherwise`: Employee 104 (104) is gone; he is not notified"]
    );
}

#[test]
fn what_comes_out_with_nothing_to_do_is_left_out() {
    let text = with(
        r#"{ do = "tag", on = "client", tags = "{{ comment }}" }, { do = "note", on = "client", text = "{{ comment }}" },
        { do = "company", name = "{{ company }}" }, { do = "fields", on = "client", touch = "first", carry = "utm_*" },
        { do = "webhook", url = "{{ comment }}" }, { do = "notify", to = "$nobody", text = "x" }"#,
    );
    let setting = "[settings]\nnobody = { type = \"employees\", value = [], why = \"A07\" }";
    let ruling = judge(&text.replacen("[settings]", setting, 1), &case(Event::Ended), &[]);
    assert_eq!(ruling.rules, ["client/otherwise"]);
    assert_eq!(ruling.actions, []);
}

#[test]
fn e16_a_delay_counts_from_the_case() {
    let text = with(r#"{ do = "note", on = "client", text = "x", delay = "30s" }"#);
    let ruling = judge(&text, &case(Event::Ended), &[]);
    assert_eq!(ruling.actions[0].after, "2026-11-20T12:00:30+03:00".parse().ok());
}

#[test]
fn a_list_that_ends_with_nobody_never_comes_to_the_administrator() {
    let text = changed(r#"event = "missed""#, r#"event = "ended""#).replacen(
        r#"{ do = "task", kind = "back", on = "client", text = "Call back", owner = "owner", due = "1h" }"#,
        r#"{ do = "task", kind = "x", on = "client", text = "x", owner = ["answerer", "nobody"], due = "1h" },
        { do = "change_owner", of = "client", to = ["answerer", "nobody"] },
        { do = "notify", to = ["answerer", "nobody"], text = "x" },
        { do = "register_call", result = "answered", who = ["answerer", "nobody"] }"#,
        1,
    );
    let mut answered = case(Event::Ended);
    answered.first = Some(Speaker { employee: None, number: "777".into() });
    let ruling = judge(&text, &answered, &[]);
    let [only] = ruling.actions.as_slice() else { panic!("{ruling:?}") };
    assert!(matches!(only.action, Action::RegisterCall { who: None, .. }), "{ruling:?}");
    assert_eq!((only.key.as_str(), ruling.notes.len()), ("call/7/1", 0));

    answered.first = Some(Speaker { employee: Some("101".into()), number: "101".into() });
    assert_eq!(judge(&text, &answered, &[]).actions.len(), 4, "somebody is there");
    let staff = [employee("101", Status::Gone), employee("106", Status::Active)];
    let ruling = judge(&text, &answered, &staff);
    assert_eq!(ruling.actions.len(), 1);
    let note = "rule `client/missed`: Employee 101 (101) is gone; nobody is taken instead";
    assert!(ruling.notes.iter().any(|told| told == note), "{:?}", ruling.notes);
}
