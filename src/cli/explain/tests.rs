use std::cell::Cell;
use std::sync::Arc;

use super::*;
use crate::core::client::{Client, Source};
use crate::core::ids::Extension;
use crate::core::staff::{Employee, Status};
use crate::rules::RuleSet;

const RULES: &str = r#"schema = 1
timezone = "Europe/Moscow"
[calendars.office]
hours = { mon-fri = "09:00-19:00" }
[lines.moscow]
numbers = "+74951234567"
calendar = "office"
route = "sales"
[lines.other]
numbers = "any"
route = "sales"
[routes.sales]
title = "The owner, then the queue"
why = "A05"
steps = [
    { do = "owner", ring = "10s" },
    { do = "queue", queue = "sales", wait = "5m" },
]
closed = [{ do = "announce", file = "closed.wav" }]
"#;

fn rules() -> Routing {
    Routing::parse("rules/routing.toml", RULES).unwrap()
}

fn staff() -> Staff {
    let person = |id: &str, name: &str, line: &str, status| Employee {
        id: id.into(),
        name: name.into(),
        numbers: vec![
            Number::Line(Extension::parse(line).unwrap()),
            Number::Outside(Phone::parse(&format!("+79030000{line}"), Default::default()).unwrap()),
        ],
        groups: vec![],
        deputy: Some("2".into()),
        status,
        online: None,
    };
    Staff::new([
        person("1", "Анна", "101", Status::OnLeave(Some("2026-11-27".parse().unwrap()))),
        person("2", "Борис", "102", Status::Active),
    ])
}

fn client() -> Lookup {
    let client = Client {
        id: "c1".into(),
        name: "Пётр".into(),
        company: None,
        owner: Some("1".into()),
        deals: vec![],
        choice: None,
    };
    Lookup::Found { client: Arc::new(client), source: Source::Fresh }
}

fn args(from: &str, to: &str, at: &str) -> ExplainArgs {
    ExplainArgs {
        from: from.into(),
        to: to.into(),
        at: Some(at.into()),
        direction: None,
        json: false,
    }
}

fn question(args: ExplainArgs) -> Question {
    args.question(&rules(), Timestamp::UNIX_EPOCH).unwrap()
}

fn sets() -> Sets {
    Sets::only(Arc::new(
        RuleSet::parse("small.toml", include_str!("../../../tests/rules/small.toml")).unwrap(),
    ))
}

fn learns(question: &Question, lookup: &Lookup) -> (Vec<String>, String) {
    learns_by(&rules(), question, lookup)
}

fn learns_by(rules: &Routing, question: &Question, lookup: &Lookup) -> (Vec<String>, String) {
    let (staff, sets) = (staff(), sets());
    let decision = answer(rules, question, lookup, &staff);
    let asked = Asked { question, decision: &decision, lookup, rules, staff: &staff };
    let set = sets.for_line(asked.line().as_deref());
    let ways = asked.ways();
    let titles = ways.iter().map(|way| {
        let events: Vec<_> = way.cases.iter().map(|case| format!("{:?}", case.event)).collect();
        format!("{}: {}", way.title, events.join(" "))
    });
    let titles = titles.collect();
    let learnt = learns::learn(ways, set, &staff);
    (titles, learns::render(&learnt, set, &staff, rules.timezone()))
}

#[test]
fn each_way_the_call_could_go_is_told_with_what_the_crm_learns() {
    let call = question(args("+79161234567", "+74951234567", "2026-11-20T12:00"));
    let (ways, text) = learns(&call, &client());
    assert_eq!(ways, ["Борис answers: Ringing Answered Ended", "nobody answers: Ringing Missed"]);
    insta::assert_snapshot!("learns", text);
    let stranger = Lookup::Unknown { source: Source::Fresh };
    insta::assert_snapshot!("learns_stranger", learns(&call, &stranger).1);
}

/// The owner's step, a queue in which both may be, and a mailbox behind it.
#[test]
fn b10_owner_other_nobody_and_a_message_are_four_ways() {
    let text = RULES
        .replace("{ do = \"queue\", queue = \"sales\", wait = \"5m\" },", "{ do = \"queue\", queue = \"sales\", wait = \"5m\" }, { do = \"voicemail\", mailbox = \"100\" },")
        .replace("\"10s\" }", "\"10s\", deputy = false }");
    let rules = Routing::parse("rules/routing.toml", &text).unwrap();
    let call = question(args("+79161234567", "+74951234567", "2026-11-20T12:00"));
    let mut lookup = client();
    let Lookup::Found { client, .. } = &mut lookup else { panic!("found") };
    Arc::make_mut(client).owner = Some("2".into());
    let (ways, _) = learns_by(&rules, &call, &lookup);
    let expected = [
        "Борис, the owner, answers: Ringing Answered Ended",
        "nobody answers: Ringing Missed",
        "nobody answers, and a message is left: Ringing Voicemail Missed",
    ];
    assert_eq!(ways, expected, "Анна is on leave, so nobody else can answer");
    let (ways, _) = learns_by(&rules, &call, &Lookup::Down);
    assert_eq!(ways[0], "Борис answers: Ringing Answered Ended");
}

#[test]
fn a09_an_outbound_call_has_two_ways() {
    let call = question(args("101", "+79161234567", "2026-11-20T12:00"));
    let (ways, _) = learns(&call, &client());
    let expected = [
        "the client answers: Ringing Answered Ended",
        "the client does not answer: Ringing Unreached",
    ];
    assert_eq!(ways, expected);
}

#[test]
fn e02_a_call_between_employees_leads_to_nothing() {
    let (ways, text) = learns(&question(args("101", "102", "2026-11-20T12:00")), &Lookup::NotAsked);
    assert!(ways.is_empty());
    assert!(text.contains("Nothing: calls between employees"), "{text}");
}

#[test]
fn the_text_tells_every_step_with_file_and_line_and_the_plan_in_words() {
    let question = question(args("+79161234567", "+74951234567", "2026-11-20T18:59:00+03:00"));
    let decision = answer(&rules(), &question, &client(), &staff());
    insta::assert_snapshot!("open", render(&rules(), &question, &decision, &staff()));
    insta::assert_snapshot!(
        "open_json",
        render_json(&rules(), &question, &decision, None).unwrap()
    );
}

#[test]
fn a05_of_several_clients_with_the_number_it_says_why_this_one() {
    let question = question(args("+79161234567", "+74951234567", "2026-11-20T18:59:00+03:00"));
    let Lookup::Found { client, source } = client() else { panic!() };
    let says = "2 clients have this number; Пётр is taken: it has an open deal";
    let chosen = Client { choice: Some(says.into()), ..(*client).clone() };
    let lookup = Lookup::Found { client: Arc::new(chosen), source };
    let decision = answer(&rules(), &question, &lookup, &staff());
    let told = render(&rules(), &question, &decision, &staff());
    assert!(told.lines().any(|l| l.starts_with("  · client ") && l.ends_with(says)), "{told}");
}

#[test]
fn e09_a_slow_crm_and_closed_hours_are_told() {
    let now = question(args("8 916 123-45-67", "+74951234567", "2026-11-20T12:00"));
    let decision = answer(&rules(), &now, &Lookup::Slow, &staff());
    insta::assert_snapshot!("slow", render(&rules(), &now, &decision, &staff()));
    let later = question(args("8 916 123-45-67", "+74951234567", "2026-11-20T19:00"));
    let decision = answer(&rules(), &later, &client(), &staff());
    insta::assert_snapshot!("closed", render(&rules(), &later, &decision, &staff()));
}

#[test]
fn a_call_from_an_extension_is_an_outbound_one_unless_said_otherwise() {
    let call = question(args("101", "+79161234567", "2026-11-20T12:00"));
    assert_eq!(call.direction, Direction::Outbound);
    let decision = answer(&rules(), &call, &client(), &staff());
    insta::assert_snapshot!("outbound", render(&rules(), &call, &decision, &staff()));
}

#[test]
fn a_time_without_an_offset_is_one_by_the_rules_zone_and_nonsense_is_refused() {
    let call = question(args("anonymous", "1", "2026-11-20T18:59"));
    assert_eq!(call.at, "2026-11-20T15:59:00Z".parse().unwrap());
    let wrong = args("1", "2", "tomorrow").question(&rules(), Timestamp::UNIX_EPOCH);
    assert!(wrong.unwrap_err().to_string().contains("`tomorrow` is no time"));
}

#[tokio::test]
async fn e02_the_directory_is_asked_for_the_outside_party_and_never_for_an_employee() {
    for (from, to, asked) in [
        ("+79161234567", "+74951234567", Some("+79161234567")),
        ("101", "+79161234567", Some("+79161234567")),
        ("+79030000102", "+74951234567", None),
        ("anonymous", "+74951234567", None),
        ("101", "102", None),
    ] {
        let seen = Cell::new(None);
        let lookup = async |phone: &Phone| {
            seen.set(Some(phone.e164().to_owned()));
            Lookup::Down
        };
        let run = args(from, to, "2026-11-20T12:00");
        assert_eq!(
            run.run(&rules(), Ok(sets()), lookup, &staff()).await.unwrap(),
            ExitCode::SUCCESS
        );
        assert_eq!(seen.take().as_deref(), asked, "{from} {to}");
    }
}
