use std::cell::Cell;
use std::sync::Arc;

use super::*;
use crate::core::client::{Client, Source};
use crate::core::ids::Extension;
use crate::core::staff::{Employee, Status};

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

#[test]
fn the_text_tells_every_step_with_file_and_line_and_the_plan_in_words() {
    let question = question(args("+79161234567", "+74951234567", "2026-11-20T18:59:00+03:00"));
    let decision = answer(&rules(), &question, &client(), &staff());
    insta::assert_snapshot!("open", render(&rules(), &question, &decision, &staff()));
    insta::assert_snapshot!("open_json", render_json(&rules(), &question, &decision).unwrap());
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
        assert_eq!(run.run(&rules(), lookup, &staff()).await.unwrap(), ExitCode::SUCCESS);
        assert_eq!(seen.take().as_deref(), asked, "{from} {to}");
    }
}
