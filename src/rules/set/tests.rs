//! What a person sees who made a mistake in a rule set: one test for each kind, with its text.

use super::*;

mod judging;
mod language;
mod mistakes;
mod needs;
mod never;
mod props;
mod suites;

/// A set without a mistake: each test changes one thing in it.
const BASE: &str = r#"schema = 1
title = "Base"
why = "To be changed."
timezone = "Europe/Moscow"
[settings]
admin = { type = "employee", value = "106", why = "E14" }
way = { type = "choice", of = ["now", "never"], value = "now", why = "C02" }
list = { type = "employees", value = ["101"], why = "A07" }
[[chapters]]
id = "client"
title = "Client"
[[chapters.rules]]
id = "new"
title = "New"
why = "A02"
when = { event = "answered", client = "unknown", settings = { way = "now" } }
do = [
    { do = "contact", name = "{{ name or number }}", owner = ["answerer", "$list"] },
    { do = "deal", title = "Call", owner = "admin" },
]
[[chapters.rules]]
id = "missed"
title = "Missed"
why = "C05"
when = { event = "missed", client = "known" }
do = [{ do = "task", kind = "back", on = "client", text = "Call back", owner = "owner", due = "1h" }]
[[chapters.rules]]
id = "otherwise"
default = true
do = []
"#;

/// The base with `change` in place of `what`.
fn changed(what: &str, change: &str) -> String {
    assert!(BASE.contains(what), "{what}");
    BASE.replacen(what, change, 1)
}

/// Every mistake and warning, a line each.
fn lines(text: &str) -> String {
    match RuleSet::parse("s.toml", text) {
        Ok(set) => set.warnings().iter().map(Problem::line).collect::<Vec<_>>().join("\n"),
        Err(error) => error.lines().join("\n"),
    }
}

/// What is said of the base with `change` in place of `what`.
fn told(what: &str, change: &str) -> String {
    lines(&changed(what, change))
}

#[test]
fn the_base_of_these_tests_has_neither_mistakes_nor_warnings() {
    assert_eq!(lines(BASE), "");
}

#[test]
fn every_built_in_set_has_neither_mistakes_nor_warnings() {
    for builtin in BUILTIN {
        let set = RuleSet::builtin(builtin.name).unwrap().unwrap();
        let warnings: Vec<String> = set.warnings().iter().map(Problem::line).collect();
        assert_eq!(warnings.join("\n"), "");
    }
}

#[test]
fn the_hash_follows_the_text_and_the_name_the_file() {
    let one = RuleSet::parse("rules/one.toml", BASE).unwrap();
    let other = RuleSet::parse("two.toml", &changed("\"106\"", "\"105\"")).unwrap();
    assert_eq!((one.name(), other.name()), ("one", "two"));
    assert_eq!(one.hash().len(), 16);
    assert_ne!(one.hash(), other.hash());
}

#[test]
fn mistakes_are_shown_all_at_once_with_a_caret_under_each() {
    let text = changed("event = \"answered\"", "event = \"answerd\"");
    let text = text.replacen("{{ name or number }}", "{{ name or nmber }}", 1);
    let error = RuleSet::parse("s.toml", &text).unwrap_err();
    let theme = miette::GraphicalTheme::unicode_nocolor();
    let handler = miette::GraphicalReportHandler::new_themed(theme).with_width(100);
    let mut shown = String::new();
    handler.render_report(&mut shown, &error).unwrap();
    insta::assert_snapshot!("carets", shown);
}

#[test]
fn a_file_that_is_no_toml_is_shown_in_its_place() {
    insta::assert_snapshot!(lines("schema = 1\ntitle = x\n"), @"s.toml:2:9: error: this is no TOML: string values must be quoted, expected literal string");
}
