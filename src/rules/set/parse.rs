//! A rule set's text into [`RuleSet`], with every mistake named at once.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use toml_edit::Document;

use super::cx::Cx;
use super::model::{Chapter, Rule, Setting, Value, When};
use super::parse_actions::steps;
use super::text::Texts;
use super::words::{ADMIN, Fact, KINDS, Kind, SETTINGS, SHORT_CALL};
use super::{RuleSet, check};
use crate::rules::parse::{fnv1a, schema};
use crate::rules::parse_calendar::zone;
use crate::rules::problem::{Problem, RulesError, Source};
use crate::rules::read::{At, Reader, Tab};
use crate::rules::words::{shown, suggest};

/// A mask has 64 bits; the last one is kept for what is not named.
const MOST_WORDS: usize = 63;

/// What stands in place of what the file says.
#[derive(Debug, Default)]
pub(super) struct Overrides {
    pub zone: Option<TimeZone>,
    /// Values of settings.
    pub values: BTreeMap<String, Value>,
}

impl Overrides {
    fn is_none(&self) -> bool {
        self.zone.is_none() && self.values.is_empty()
    }
}

/// People and times may name other settings: those are read first.
pub(super) fn late(kind: &str) -> u8 {
    match kind {
        "who" => 1,
        "due" => 2,
        _ => 0,
    }
}

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
    // The file has been checked with all values of its choices before others are put in place.
    if let Some(read) = read.as_ref().filter(|_| overrides.is_none()) {
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
    if let Some(zone) = &overrides.zone {
        cx.zone = zone.clone();
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
fn told(cx: &mut Cx, tab: &Tab, key: &str) -> Option<String> {
    if tab.item(key).is_none() {
        let help = "say it in a few words: it is shown where the rule is explained";
        cx.reader.missing(tab, key, help);
    }
    cx.reader.text(tab, key).map(|text| text.value.to_owned())
}

fn settings(cx: &mut Cx, root: &Tab, overrides: &Overrides) {
    let mut tabs = cx.reader.named(root, "settings", "setting");
    let kind_of = |tab: &Tab| tab.table.get("type").and_then(|t| t.as_str()).map_or(0, late);
    tabs.sort_by_key(|(_, tab)| kind_of(tab));
    for (name, tab) in tabs {
        cx.reader.keys(&tab, &["type", "of", "value", "why"]);
        told(cx, &tab, "why");
        let Some(kind) = kind(cx, &tab) else { continue };
        let of = of(cx, &tab, kind);
        let item = tab.item("value");
        if item.is_none() {
            cx.reader.missing(&tab, "value", "a setting is what a person changes: give it a value");
        }
        let span = item.as_ref().map_or_else(|| tab.span.clone(), |item| item.span.clone());
        let read =
            item.and_then(|item| cx.value(kind, &of, &item, &format!("the value of {}", tab.what)));
        let value = overrides.values.get(name).cloned().or(read);
        cx.settings.push(Setting { name: name.to_owned(), kind, of, value, span });
    }
}

fn kind(cx: &mut Cx, tab: &Tab) -> Option<Kind> {
    if tab.item("type").is_none() {
        let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
        cx.reader.missing(tab, "type", &format!("one of {}", names.join(", ")));
    }
    let word = cx.reader.text(tab, "type")?;
    cx.reader.word(&word, "type of a setting", &KINDS)
}

fn of(cx: &mut Cx, tab: &Tab, kind: Kind) -> Vec<String> {
    match (kind, tab.item("of")) {
        (Kind::Choice, None) => {
            cx.reader.missing(tab, "of", "list the words it may be: of = [\"now\", \"never\"]");
            Vec::new()
        }
        (Kind::Choice, Some(item)) => {
            let words = cx.reader.texts(tab, "of").unwrap_or_default();
            if words.len() > MOST_WORDS {
                cx.reader.error(&item.span, "a choice has 63 words at most", "");
            }
            words.into_iter().take(MOST_WORDS).map(|word| word.value.to_owned()).collect()
        }
        (Kind::Flag, None) => vec!["false".into(), "true".into()],
        (_, None) => Vec::new(),
        (_, Some(_)) => {
            let message = format!("{} has `of`, but is no choice", tab.what);
            let help = "take it out, or write type = \"choice\"";
            cx.reader.error(&tab.key_span("of"), message, help);
            if kind == Kind::Flag { vec!["false".into(), "true".into()] } else { Vec::new() }
        }
    }
}

fn admin(cx: &mut Cx, root: &Tab) -> Option<Box<str>> {
    let Some(place) = cx.settings.iter().position(|s| s.name == ADMIN) else {
        let wrong = root.table.get("settings").and_then(|s| s.get(ADMIN)).is_some();
        if !wrong {
            let help = "add [settings.admin] with type = \"employee\": he stands in where somebody is gone (E14)";
            let span = root.key_span("settings");
            cx.reader.error(&span, "the set has no setting `admin`", help);
        }
        return None;
    };
    cx.used.push(place);
    let setting = cx.settings.get(place)?;
    match (&setting.value, setting.kind) {
        (Some(Value::Employee(admin)), _) => Some(admin.clone()),
        (_, Kind::Employee) => None,
        (_, kind) => {
            let message = format!("`admin` is of type `{}`", kind.word());
            let help = "write type = \"employee\": one person stands in";
            cx.reader.error(&setting.span.clone(), message, help);
            None
        }
    }
}

fn short_call(cx: &mut Cx) -> Option<std::time::Duration> {
    let place = cx.settings.iter().position(|s| s.name == SHORT_CALL)?;
    cx.used.push(place);
    let setting = cx.settings.get(place)?;
    match (&setting.value, setting.kind) {
        (Some(Value::Duration(duration)), _) => Some(*duration),
        (_, Kind::Duration) => None,
        (_, kind) => {
            let message = format!("`{SHORT_CALL}` is of type `{}`", kind.word());
            cx.reader.error(&setting.span.clone(), message, "write type = \"duration\"");
            None
        }
    }
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
            When::default()
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

/// The bit of a setting's value.
fn in_force(cx: &Cx, place: usize) -> u64 {
    let bit = match cx.settings.get(place).and_then(|s| s.value.as_ref()) {
        Some(Value::Choice(choice)) => *choice,
        Some(Value::Flag(flag)) => usize::from(*flag),
        _ => return 0,
    };
    1 << bit.min(MOST_WORDS)
}

fn when(cx: &mut Cx, tab: &Tab) -> When {
    let mut when = When::default();
    let Some(facts) = cx.reader.table(tab, "when", &format!("`when` of {}", tab.what)) else {
        return when;
    };
    let mut keys: Vec<&str> = Fact::ALL.iter().map(|fact| fact.key()).collect();
    keys.push(SETTINGS);
    cx.reader.keys(&facts, &keys);
    for (mask, fact) in when.facts.iter_mut().zip(Fact::ALL) {
        let Some(words) = cx.reader.texts(&facts, fact.key()) else { continue };
        *mask = 0;
        for word in &words {
            *mask |= bit(cx, fact, word);
        }
        if words.is_empty() {
            let message = format!("`{}` names no word: nothing can match", fact.key());
            cx.reader.error(&facts.key_span(fact.key()), message, "leave the key out to match all");
        }
        let no_bound = !cx.settings.iter().any(|s| s.name == SHORT_CALL);
        if fact == Fact::Length && no_bound {
            let help = "add [settings.short_call] with type = \"duration\" and a value";
            let message = "`length` needs the setting `short_call`, and there is none";
            cx.reader.error(&facts.key_span(fact.key()), message, help);
        }
    }
    let what = format!("`{SETTINGS}` of {}", tab.what);
    if let Some(settings) = cx.reader.table(&facts, SETTINGS, &what) {
        for (name, _) in settings.table.iter() {
            if let Some((place, mask)) = setting(cx, &settings, name) {
                when.settings.insert(place, mask);
            }
        }
    }
    when
}

fn bit(cx: &mut Cx, fact: Fact, word: &At<&str>) -> u64 {
    if fact != Fact::Line {
        let known: Vec<(&str, u32)> = fact.words().iter().copied().zip(0..).collect();
        let bit = cx.reader.word(word, &format!("word of `{}`", fact.key()), &known);
        return bit.map_or(0, |bit| 1 << bit);
    }
    let place = cx.lines.iter().position(|(line, _)| line == word.value).unwrap_or_else(|| {
        cx.lines.push((word.value.to_owned(), word.span.clone()));
        cx.lines.len() - 1
    });
    if place >= MOST_WORDS {
        cx.reader.error(&word.span, "a set names 63 lines at most", "");
        return 0;
    }
    1 << place
}

fn setting(cx: &mut Cx, tab: &Tab, name: &str) -> Option<(usize, u64)> {
    let span = tab.key_span(name);
    let Some(place) = cx.settings.iter().position(|s| s.name == name) else {
        let names: Vec<&str> = cx.settings.iter().map(|s| s.name.as_str()).collect();
        let message = format!("there is no setting `{}`", shown(name));
        cx.reader.error(&span, message, &suggest(name, &names));
        return None;
    };
    cx.used.push(place);
    let setting = cx.settings.get(place)?.clone();
    let item = tab.item(name)?;
    match setting.kind {
        Kind::Choice => {
            let known: Vec<(&str, u32)> = setting.of.iter().map(String::as_str).zip(0..).collect();
            let words = cx.reader.texts(tab, name)?;
            let what = format!("word of the setting `{name}`");
            let bits = words.iter().map(|word| cx.reader.word(word, &what, &known));
            Some((place, bits.flatten().fold(0, |mask, bit| mask | 1 << bit)))
        }
        Kind::Flag => {
            let Some(flag) = item.value.as_bool() else {
                cx.reader.wrong_type(tab, name, &item, "true or false");
                return None;
            };
            Some((place, 1 << u32::from(flag)))
        }
        kind => {
            let message = format!("the setting `{name}` is of type `{}`", kind.word());
            let help = "only a choice or a flag can be asked for";
            cx.reader.error(&span, message, help);
            None
        }
    }
}
