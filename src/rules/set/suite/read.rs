//! `NAME.test.toml` into tests, with every mistake named at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml_edit::Document;

use super::pins::Pins;
use super::{Suite, Test, case, expected};
use crate::core::ids::Extension;
use crate::core::staff::{Employee, Number, Staff, Status};
use crate::rules::problem::{Problem, RulesError, Source};
use crate::rules::read::{Reader, Tab};
use crate::rules::set::RuleSet;
use crate::rules::set::cx::Cx;
use crate::rules::set::facts;
use crate::rules::set::text::Texts;
use crate::rules::words::{shown, suggest};

/// Who works where a test names nobody.
const STAFF: [&str; 6] = ["101", "102", "103", "104", "105", "106"];
const KEYS: [&str; 7] = ["name", "row", "settings", "staff", "case", "rules", "actions"];

pub(super) fn tests(
    suite: &Suite,
    set: &Arc<RuleSet>,
    file: &str,
    text: &str,
) -> Result<Vec<Test>, RulesError> {
    let source = Source { file: file.into(), text: text.into() };
    let mut cx = Cx {
        reader: Reader { source, problems: Vec::new() },
        zone: set.zone.clone(),
        settings: set.settings.clone(),
        declared: Vec::new(),
        at_head: false,
        used: Vec::new(),
        texts: Texts::default(),
        lines: Vec::new(),
    };
    let mut tests = Vec::new();
    match Document::parse(text) {
        Ok(document) => {
            let root = &Tab { table: document.as_table(), span: 0..0, what: "the file".into() };
            cx.reader.keys(root, &["timezone", "settings", "tests"]);
            let pins = &Pins::read(&mut cx, suite, set, root);
            for tab in cx.reader.tables(root, "tests", "a test").unwrap_or_default() {
                tests.extend(test(&mut cx, pins, tab));
            }
        }
        Err(error) => {
            let span = error.span().unwrap_or(0..0);
            cx.reader.error(&span, format!("this is no TOML: {}", error.message()), "");
        }
    }
    let Reader { source, mut problems } = cx.reader;
    problems.sort_by_key(|p| (p.span().start, p.span().end));
    problems.dedup_by(|a, b| a.line() == b.line());
    match problems.iter().all(Problem::is_warning) {
        true => Ok(tests),
        false => Err(RulesError::Wrong { file: source.file, problems }),
    }
}

fn test(cx: &mut Cx, pins: &Pins, mut tab: Tab) -> Option<Test> {
    tab.what = "this test".into();
    cx.reader.keys(&tab, &KEYS);
    for (key, help) in [
        ("name", "say what it shows"),
        ("case", "write case = { event = \"answered\" }"),
        ("rules", "name the rule expected in each chapter; one left out stands for its default"),
        ("actions", "write exactly what follows; actions = [] where nothing does"),
    ] {
        if tab.item(key).is_none() {
            cx.reader.missing(&tab, key, help);
        }
    }
    let name = cx.reader.text(&tab, "name").map(|name| name.value.to_owned());
    cx.reader.texts(&tab, "row");
    let set = pins.set(cx, &tab);
    let staff = staff(cx, &tab);
    let case = case::read(cx, &tab, &staff);
    if let (Some(set), Some(case)) = (&set, &case) {
        let point = facts::point(case, &set.lines, set.short_call);
        if let Some((facts, why)) = point.and_then(|point| set.impossible(&point)) {
            let span = tab.item("case").map_or_else(|| tab.span.clone(), |item| item.span);
            cx.reader.error(&span, format!("no case has {facts}"), why);
        }
    }
    let rules = rules(cx, set.as_ref().unwrap_or(pins.head), &tab);
    let actions = expected::read(cx, &tab);
    let place = cx.reader.place(&tab.span);
    let (_, column) = cx.reader.source.line_column(tab.span.start);
    Some(Test {
        name: name?,
        place,
        column,
        set: set?,
        staff,
        case: case?,
        rules,
        actions: actions?,
    })
}

fn staff(cx: &mut Cx, tab: &Tab) -> Staff {
    let named = cx.reader.texts(tab, "staff");
    let ids: Vec<String> = match named {
        Some(ids) => ids.into_iter().map(|id| id.value.to_owned()).collect(),
        None => STAFF.map(str::to_owned).to_vec(),
    };
    Staff::new(ids.iter().map(|id| Employee {
        id: id.as_str().into(),
        name: format!("Employee {id}"),
        numbers: Extension::parse(id).map(Number::Line).into_iter().collect(),
        groups: Vec::new(),
        deputy: None,
        status: Status::Active,
        online: None,
    }))
}

fn rules(cx: &mut Cx, set: &RuleSet, tab: &Tab) -> Vec<(String, String)> {
    let chapters: BTreeMap<&str, Vec<&str>> = set
        .chapters
        .iter()
        .map(|c| (c.id.as_str(), c.rules.iter().map(|r| r.id.as_str()).collect()))
        .collect();
    let mut found = Vec::new();
    let Some(table) = cx.reader.table(tab, "rules", "`rules` of this test") else {
        return found;
    };
    for (chapter, _) in table.table.iter() {
        let Some(rules) = chapters.get(chapter) else {
            let names: Vec<&str> = chapters.keys().copied().collect();
            let message = format!("the set has no chapter `{}`", shown(chapter));
            cx.reader.error(&table.key_span(chapter), message, &suggest(chapter, &names));
            continue;
        };
        let Some(rule) = cx.reader.text(&table, chapter) else { continue };
        if rules.contains(&rule.value) {
            found.push((chapter.to_owned(), rule.value.to_owned()));
        } else {
            let message = format!("chapter `{chapter}` has no rule `{}`", shown(rule.value));
            cx.reader.error(&rule.span, message, &suggest(rule.value, rules));
        }
    }
    found
}
