//! What a person sees who made a mistake in a rule file.

use miette::{GraphicalReportHandler, GraphicalTheme};

use super::*;
use crate::core::staff::{Employee, Staff, Status};

mod sites;

const TEN_MISTAKES: &str = include_str!("tests/ten_mistakes.toml");

/// A file that is right, with `change` in place of `what`.
fn changed(what: &str, change: &str) -> String {
    let text = r#"schema = 1
timezone = "Europe/Moscow"
[calendars.office]
hours = { mon-fri = "09:00-19:00" }
[lines.main]
numbers = "any"
route = "sales"
calendar = "office"
[routes.sales]
title = "Sales"
why = "A05"
steps = [{ do = "owner" }, { do = "queue", queue = "sales" }]
closed = [{ do = "hangup" }]
"#;
    assert!(text.contains(what), "{what}");
    text.replace(what, change)
}

fn shown(error: &dyn miette::Diagnostic) -> String {
    let theme = GraphicalTheme::unicode_nocolor();
    let mut out = String::new();
    GraphicalReportHandler::new_themed(theme)
        .with_width(100)
        .render_report(&mut out, error)
        .unwrap();
    out
}

fn lines(text: &str) -> Vec<String> {
    match Routing::parse("r.toml", text) {
        Ok(rules) => rules.warnings().iter().map(Problem::line).collect(),
        Err(error) => error.lines(),
    }
}

#[test]
fn the_built_in_rules_have_neither_mistakes_nor_warnings() {
    let rules = Routing::default_rules().unwrap();
    assert_eq!(rules.warnings().len(), 0);
    assert_eq!(rules.lines().count(), 1);
}

#[test]
fn every_example_in_the_built_in_file_is_right_once_it_is_uncommented() {
    let text = include_str!("../../rules/routing.toml");
    let keys = [
        "calendar = ",
        "caller_id = ",
        "fields = ",
        "[calendars.office]",
        "timezone = ",
        "hours = ",
    ];
    let more = ["holidays = ", "work_days = ", "then = ", "closed = [", "    { do = ", "]"];
    let example = |line: &&str| {
        let key = line.split(" = ").next().is_some_and(|key| CALLBACK_KEYS.contains(&key));
        key || keys.iter().chain(&more).any(|k| line.starts_with(k))
            || CALLBACK_TABLES.contains(line)
    };
    let uncommented = text.lines().map(|line| match line.strip_prefix("# ").filter(example) {
        Some(bare) => bare,
        None => line,
    });
    let uncommented = uncommented.collect::<Vec<_>>().join("\n");
    assert!(
        uncommented.contains("\ncalendar = \"office\"") && uncommented.contains("\nclosed = [")
    );
    let rules = Routing::parse("routing.toml", &uncommented).unwrap();
    assert_eq!(rules.warnings().len(), 0);
    let sites: Vec<_> = rules.sites().map(|site| (site.name.as_str(), site.call)).collect();
    assert_eq!(sites, [("letters", false), ("shop", true)]);
    assert!(rules.missed(Some("main")).is_some() && rules.missed(Some("other")).is_none());
    let left: Vec<_> = uncommented.lines().filter(|line| line.starts_with("# [")).collect();
    assert_eq!(left, Vec::<&str>::new());
}

const CALLBACK_TABLES: [&str; 4] =
    ["[callbacks]", "[callbacks.missed]", "[sites.shop]", "[sites.letters]"];
const CALLBACK_KEYS: [&str; 24] = [
    "ring",
    "retry",
    "give_up",
    "client_ring",
    "client_tries",
    "client_pause",
    "prompt",
    "press",
    "zones",
    "lines",
    "delay",
    "targets",
    "key",
    "origins",
    "line",
    "departments",
    "countries",
    "honeypot",
    "per_address",
    "per_phone",
    "call",
    "calendar",
    "hours",
    "holidays",
];

#[test]
fn all_mistakes_of_a_file_are_named_at_once() {
    let error = Routing::parse("routing.toml", TEN_MISTAKES).unwrap_err();
    insta::assert_snapshot!("ten_mistakes", shown(&error));
    insta::assert_snapshot!("ten_mistakes_in_lines", error.lines().join("\n"));
}

#[test]
fn a_mistake_in_the_toml_itself_is_shown_in_its_place() {
    let error = Routing::parse("routing.toml", "schema = 1\nregion = RU\n").unwrap_err();
    insta::assert_snapshot!("no_toml", shown(&error));
    assert_eq!(lines("[lines.a]\n[lines.a]\n").len(), 1);
}

#[test]
fn a_file_that_is_not_there_says_what_to_do() {
    let error = Routing::load(Path::new("no/such/routing.toml")).unwrap_err();
    insta::assert_snapshot!("no_file", shown(&error));
}

#[test]
fn an_empty_file_is_told_what_it_needs() {
    insta::assert_snapshot!("empty", lines("").join("\n"));
}

#[test]
fn what_is_surely_not_meant_is_a_warning_and_the_rules_are_taken() {
    let steps = r#"[{ do = "hangup" }, { do = "owner" }]"#;
    let text = changed(r#"[{ do = "owner" }, { do = "queue", queue = "sales" }]"#, steps);
    insta::assert_snapshot!(lines(&text).join("\n"), @"r.toml:12:29: warning: never reached: the step before it hangs up (take it out, or move it up)");

    let steps = r#"[{ do = "queue", queue = "sales" }, { do = "owner" }]"#;
    let text = changed(r#"[{ do = "owner" }, { do = "queue", queue = "sales" }]"#, steps);
    insta::assert_snapshot!(lines(&text).join("\n"), @r#"r.toml:12:45: warning: never reached, unless queue `sales` has limits of its own (give the queue a wait, such as wait = "5m")"#);

    let steps = r#"[{ do = "owner" }, { do = "owner" }]"#;
    let text = changed(r#"[{ do = "owner" }, { do = "queue", queue = "sales" }]"#, steps);
    insta::assert_snapshot!(lines(&text).join("\n"), @r#"r.toml:12:28: warning: the owner is rung once only: this step does nothing (take it out)"#);

    let text = format!(
        "{}[routes.spare]\ntitle = \"\"\nwhy = \"\"\nsteps = [{{ do = \"hangup\" }}]",
        changed("", "")
    );
    insta::assert_snapshot!(lines(&text).join("\n"), @r#"r.toml:14:9: warning: route `spare` is used by no line (name it in a line, or take it out)"#);
}

#[test]
fn a_holiday_in_the_past_is_no_mistake() {
    let text = changed("[lines.main]", "holidays = [2020-01-01]\n[lines.main]");
    assert_eq!(lines(&text), Vec::<String>::new());
}

#[test]
fn hours_without_closed_steps_are_refused_because_nobody_said_what_happens_then() {
    let text = changed("closed = [{ do = \"hangup\" }]", "");
    insta::assert_snapshot!(lines(&text).join("\n"), @r#"r.toml:8:1: error: line `main` has hours, but route `sales` has no `closed` (say under [routes.sales] what happens outside hours)"#);
}

#[test]
fn a_night_shift_must_not_run_into_the_next_days_hours() {
    let text = changed("\"09:00-19:00\"", "[\"22:00-09:31\", \"09:30-10:00\"]");
    insta::assert_snapshot!(lines(&text).join("\n"), @"r.toml:4:11: error: 22:00-09:31 of mon runs over midnight into the hours of tue (end it where the next day's hours begin)");
    let text = changed("\"09:00-19:00\"", "\"22:00-06:00\"");
    assert_eq!(lines(&text), Vec::<String>::new());
}

#[test]
fn a_blocked_caller_cannot_be_given_a_queue_and_an_internal_call_has_no_owner() {
    let more = "[blocked]\nthen = [{ do = \"queue\" }]\n[internal]\nthen = [{ do = \"owner\" }]\n[lines.main]";
    insta::assert_snapshot!(lines(&changed("[lines.main]", more)).join("\n"), @r#"
    r.toml:6:16: error: a blocked caller cannot be given `queue` (announce and hangup are possible)
    r.toml:8:16: error: a call between employees has no owner (E02) (take the step out)
    "#);
}

#[test]
fn e08_a_line_tells_where_its_callers_come_from() {
    let line = "numbers = \"any\"\nfields = { utm_source = \"yandex\", utm_term = \"окна\" }";
    let text = changed("numbers = \"any\"", line);
    let rules = Routing::parse("r.toml", &text).unwrap();
    let fields: Vec<_> = rules.lines().flat_map(|line| &line.fields).collect();
    assert_eq!(fields.len(), 2);
    assert_eq!(fields[0], (&"utm_source".to_owned(), &"yandex".to_owned()));
}

#[test]
fn e08_fields_are_bounded_and_have_the_names_of_tags() {
    let fields = |fields: &str| {
        let line = format!("numbers = \"any\"\nfields = {fields}");
        lines(&changed("numbers = \"any\"", &line)).join("\n")
    };
    insta::assert_snapshot!(fields(r#"{ "UTM source" = "x", utm_term = 5 }"#), @r"
    r.toml:7:12: error: `UTM source` is no name of a field (a-z, 0-9 and _ are possible, 40 at most)
    r.toml:7:43: error: `utm_term` of `fields` of line `main` must be a text in quotes, not a number
    ");
    let long = format!("{{ a = \"{}\" }}", "я".repeat(501));
    assert!(fields(&long).contains("field `a` is longer than 500 characters"), "{}", fields(&long));
    let many: Vec<_> = (0..40).map(|n| format!("f{n} = \"x\"")).collect();
    let many = fields(&format!("{{ {} }}", many.join(", ")));
    assert!(many.contains("line `main` has more than 32 fields"), "{many}");
    assert_eq!(many.lines().count(), 1);
    assert!(fields("\"yandex\"").contains("must be a table"));
}

#[test]
fn the_hash_follows_the_text() {
    let one = Routing::parse("a", &changed("", "")).unwrap();
    let same = Routing::parse("b", &changed("", "")).unwrap();
    let other = Routing::parse("a", &changed("A05", "D02")).unwrap();
    assert_eq!(one.hash(), same.hash());
    assert_ne!(one.hash(), other.hash());
    assert_eq!(one.hash().len(), 16);
}

#[test]
fn whom_nobody_is_is_named_when_the_staff_is_known() {
    let steps = r#"[{ do = "employee", employee = "7" }, { do = "employee", employee = "101" },
        { do = "group", group = "sale" }, { do = "group", group = "sales" }]"#;
    let text = changed(r#"[{ do = "owner" }, { do = "queue", queue = "sales" }]"#, steps);
    let rules = Routing::parse("r.toml", &text).unwrap();
    let staff = Staff::new([Employee {
        id: "1".into(),
        name: "Анна".into(),
        numbers: vec![crate::core::staff::Number::Line(
            crate::core::ids::Extension::parse("101").unwrap(),
        )],
        groups: vec!["sales".into()],
        deputy: None,
        status: Status::Active,
        online: None,
    }]);
    let found: Vec<String> = rules.check_staff(&staff).iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(found.join("\n"), @r#"
    r.toml:12: nobody has the id or extension `7`
    r.toml:13: nobody is in group `sale`; did you mean `sales`?
    "#);
}
