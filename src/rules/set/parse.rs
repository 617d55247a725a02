//! A rule set's text into [`RuleSet`], with every mistake named at once.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use toml_edit::Document;

use super::cx::Cx;
use super::model::{Chapter, Rule, Value, When};
use super::parse_actions::steps;
use super::parse_settings::{admin, settings, short_call};
use super::parse_when::{in_force, when};
use super::text::Texts;
use super::{RuleSet, check};
use crate::rules::parse::{fnv1a, schema};
use crate::rules::parse_calendar::zone;
use crate::rules::problem::{Problem, RulesError, Source};
use crate::rules::read::{Reader, Tab};
use crate::rules::words::shown;

/// A mask has 64 bits; the last one is kept for what is not named.
pub(super) const MOST_WORDS: usize = 63;

/// Values of settings in place of those in the file.
pub(super) type Overrides = BTreeMap<String, Value>;

pub(super) fn set(
    name: &str,
    file: &str,
    text: &str,
    overrides: &Overrides,
) -> Result<RuleSet, RulesError> {
    let source = Source { file: file.into(), text: text.into() };
    let reader = Reader { source, problems: Vec::new() };
    let mut cx = Cx {
        reader,
        zone: TimeZone::UTC,
        settings: Vec::new(),
        declared: Vec::new(),
        at_head: false,
        used: Vec::new(),
        texts: Texts::default(),
        lines: Vec::new(),
    };
    let read = match Document::parse(text) {
        Ok(document) => read(&mut cx, &document, overrides),
        Err(error) => {
            let span = error.span().unwrap_or(0..0);
            cx.reader.error(&span, format!("this is no TOML: {}", error.message()), "");
            None
        }
    };
    if let Some(read) = &read {
        check::set(&mut cx, &read.chapters);
    }
    let Reader { source, mut problems } = cx.reader;
    problems.sort_by_key(|p| (p.span().start, p.span().end));
    problems.dedup_by(|a, b| a.line() == b.line());
    let Some(read) = read.filter(|_| problems.iter().all(Problem::is_warning)) else {
        return Err(RulesError::Wrong { file: source.file, problems });
    };
    Ok(RuleSet {
        name: name.to_owned(),
        title: read.title,
        hash: fnv1a(source.text.as_bytes()),
        source,
        zone: cx.zone,
        settings: cx.settings,
        admin: read.admin,
        short_call: read.short_call,
        chapters: read.chapters,
        lines: cx.lines,
        texts: cx.texts,
        warnings: problems,
    })
}

struct Read {
    title: String,
    admin: Box<str>,
    short_call: Option<std::time::Duration>,
    chapters: Vec<Chapter>,
}

fn read(cx: &mut Cx, document: &Document<&str>, overrides: &Overrides) -> Option<Read> {
    let root = &Tab { table: document.as_table(), span: 0..0, what: "the set".into() };
    cx.reader.keys(root, &["schema", "title", "why", "timezone", "settings", "chapters"]);
    schema(&mut cx.reader, root);
    let title = told(cx, root, "title");
    told(cx, root, "why");
    if root.item("timezone").is_none() {
        let help = "add timezone = \"Europe/Moscow\": due dates and hours are counted in it";
        cx.reader.missing(root, "timezone", help);
    }
    if let Some(zone) = zone(&mut cx.reader, root) {
        cx.zone = zone;
    }
    settings(cx, root, overrides);
    let admin = admin(cx, root);
    let short_call = short_call(cx);
    if root.item("chapters").is_none() {
        let help = "add [[chapters]] with an id, a title and [[chapters.rules]]";
        cx.reader.missing(root, "chapters", help);
    }
    let tabs = cx.reader.tables(root, "chapters", "a chapter").unwrap_or_default();
    let mut chapters: Vec<Chapter> = Vec::new();
    for tab in tabs {
        let chapter = chapter(cx, tab, &chapters);
        chapters.extend(chapter);
    }
    Some(Read { title: title?, admin: admin?, short_call, chapters })
}

/// A text that people read: required.
pub(super) fn told(cx: &mut Cx, tab: &Tab, key: &str) -> Option<String> {
    if tab.item(key).is_none() {
        let help = "say it in a few words: it is shown where the rule is explained";
        cx.reader.missing(tab, key, help);
    }
    cx.reader.text(tab, key).map(|text| text.value.to_owned())
}

/// An id that nothing before it has.
fn id<'a>(
    cx: &mut Cx,
    tab: &Tab,
    what: &str,
    mut taken: impl Iterator<Item = &'a str>,
) -> Option<String> {
    if tab.item("id").is_none() {
        cx.reader.missing(tab, "id", "a short word: tests and journal name it");
    }
    let id = cx.reader.text(tab, "id")?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if id.value.is_empty() || !id.value.chars().all(fits) {
        let message = format!("`{}` is no id", shown(id.value));
        cx.reader.error(&id.span, message, "write letters, digits, - and _");
        return None;
    }
    if taken.any(|other| other == id.value) {
        let message = format!("two {what} have the id `{}`", id.value);
        cx.reader.error(&id.span, message, "give one of them another id");
    }
    Some(id.value.to_owned())
}

fn chapter(cx: &mut Cx, mut tab: Tab, earlier: &[Chapter]) -> Option<Chapter> {
    tab.what = "this chapter".into();
    let id = id(cx, &tab, "chapters", earlier.iter().map(|c| c.id.as_str()));
    if let Some(id) = &id {
        tab.what = format!("chapter `{id}`");
    }
    cx.reader.keys(&tab, &["id", "title", "rules"]);
    told(cx, &tab, "title");
    let mut rules: Vec<Rule> = Vec::new();
    let tabs = cx.reader.tables(&tab, "rules", "a rule").unwrap_or_default();
    for tab in tabs {
        let chapter = id.as_deref().unwrap_or("?");
        let rule = rule(cx, tab, chapter, &rules);
        rules.push(rule);
    }
    let default = rules.iter().position(|rule| rule.default);
    match default {
        None => {
            let message = format!("{} has no default", tab.what);
            let help =
                "add last: [[chapters.rules]] with id = \"otherwise\", default = true, do = []";
            cx.reader.error(&tab.span, message, help);
        }
        Some(place) => {
            for rule in rules.get(place + 1..).unwrap_or_default() {
                let message = if rule.default {
                    format!("{} has a second default", tab.what)
                } else {
                    format!("rule `{}` stands after the default of its chapter", rule.path)
                };
                cx.reader.error(&rule.span, message, "the default is the last rule of its chapter");
            }
        }
    }
    Some(Chapter { id: id?, rules })
}

fn rule(cx: &mut Cx, mut tab: Tab, chapter: &str, earlier: &[Rule]) -> Rule {
    tab.what = "this rule".into();
    let id = id(cx, &tab, "rules of the chapter", earlier.iter().map(|r| r.id.as_str()));
    if let Some(id) = &id {
        tab.what = format!("rule `{chapter}/{id}`");
    }
    cx.reader.keys(&tab, &["id", "row", "title", "why", "when", "do", "default"]);
    cx.reader.texts(&tab, "row");
    let default = cx.reader.flag(&tab, "default") == Some(true);
    for key in ["title", "why"] {
        match default {
            true => drop(cx.reader.text(&tab, key)),
            false => drop(told(cx, &tab, key)),
        }
    }
    let when = match (default, tab.item("when")) {
        (true, None) => When::default(),
        (true, Some(_)) => {
            let message = format!("{} is the default and has a `when`", tab.what);
            let help = "the default takes whatever is left: take `when` out";
            cx.reader.error(&tab.key_span("when"), message, help);
            When::default()
        }
        (false, None) => {
            let help = "say when it goes, or write default = true where it is the last one";
            cx.reader.missing(&tab, "when", help);
            When::nothing()
        }
        (false, Some(_)) => when(cx, &tab),
    };
    if tab.item("do").is_none() {
        cx.reader.missing(&tab, "do", "write do = [] where nothing is to be done");
    }
    let steps = steps(cx, &tab);
    let live = when.settings.iter().all(|(place, mask)| in_force(cx, *place) & mask != 0);
    let id = id.unwrap_or_else(|| "?".into());
    let path = format!("{chapter}/{id}");
    Rule { id, path, default, when, live, steps, span: tab.span }
}
