//! `routing.toml` into [`Routing`], with every mistake named at once.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use toml_edit::Document;

use super::model::{Blocked, Internal, Line, Outbound, Route, Routing, StepKind, StepRule};
use super::parse_calendar::{calendar, zone};
use super::parse_callbacks::{Names, callbacks};
use super::parse_lines::lines;
use super::parse_sites::sites;
use super::parse_steps::{MOST_RING, Where, steps};
use super::problem::{RulesError, Source};
use super::read::{At, Reader, Tab};
use super::words::shown;
use crate::core::calendar::Calendar;
use crate::core::phone::{Phone, Region};

/// The version of the format this engine reads.
const SCHEMA: i64 = 1;

/// Things by name; `None`: there is one, with mistakes of its own.
pub(super) type Named<T> = BTreeMap<String, Option<Arc<T>>>;

pub(super) fn routing(file: &str, text: &str) -> Result<Routing, RulesError> {
    let source = Source { file: file.into(), text: text.into() };
    let mut reader = Reader { source, problems: Vec::new() };
    let rules = match Document::parse(text) {
        Ok(document) => rules(&mut reader, &document),
        Err(error) => {
            let span = error.span().unwrap_or(0..0);
            reader.error(&span, format!("this is no TOML: {}", error.message()), "");
            None
        }
    };
    let mut problems = reader.problems;
    problems.sort_by_key(|p| (p.span().start, p.span().end));
    match rules {
        Some(mut rules) if problems.iter().all(super::Problem::is_warning) => {
            rules.warnings = problems;
            Ok(rules)
        }
        _ => Err(RulesError::Wrong { file: reader.source.file, problems }),
    }
}

fn rules(reader: &mut Reader, document: &Document<&str>) -> Option<Routing> {
    let root = &Tab { table: document.as_table(), span: 0..0, what: "the file".into() };
    let known = [
        "schema",
        "timezone",
        "region",
        "blocked",
        "calendars",
        "lines",
        "routes",
        "internal",
        "outbound",
        "callbacks",
        "sites",
    ];
    reader.keys(root, &known);
    schema(reader, root);
    if root.item("timezone").is_none() {
        let help = "add timezone = \"Europe/Moscow\": hours and days of leave are counted in it";
        reader.missing(root, "timezone", help);
    }
    let timezone = zone(reader, root);
    let region = region(reader, root);
    let blocked = blocked(reader, root, region);

    let mut calendars: Named<Calendar> = BTreeMap::new();
    for (name, tab) in reader.named(root, "calendars", "calendar") {
        let calendar = calendar(reader, name, &tab, timezone.as_ref());
        calendars.insert(name.to_owned(), calendar.map(Arc::new));
    }
    let mut routes: Named<Route> = BTreeMap::new();
    let mut written = Vec::new();
    for (id, tab) in reader.named(root, "routes", "route") {
        let route = route(reader, id, &tab);
        routes.insert(id.to_owned(), route.map(Arc::new));
        written.push((id, tab.span));
    }
    let lines = lines(reader, root, region, &calendars, &routes, &written);
    let internal = internal(reader, root);
    let outbound = outbound(reader, root, region);
    let found = lines.as_ref().map(|lines| lines.all.as_slice()).unwrap_or_default();
    let names = Names { calendars: &calendars, lines: &all_lines(root, found) };
    let callbacks = callbacks(reader, root, timezone.as_ref(), &names);
    let sites = sites(reader, root, &callbacks.policy, &names);
    let lines = lines?;
    Some(Routing {
        file: reader.source.file.clone(),
        hash: fnv1a(reader.source.text.as_bytes()),
        timezone: timezone?,
        region,
        blocked,
        lines: lines.all,
        by_number: lines.by_number,
        default_line: lines.default?,
        routes: routes.into_iter().filter_map(|(id, r)| Some((id, r?))).collect(),
        internal,
        outbound,
        callbacks,
        sites,
        warnings: Vec::new(),
    })
}

/// Lines by name, those with mistakes of their own too.
fn all_lines(root: &Tab, found: &[Arc<Line>]) -> Named<Line> {
    let tables = root.item("lines").and_then(|item| item.value.as_table_like());
    let names = tables.into_iter().flat_map(|tables| tables.iter().map(|(name, _)| name));
    let line = |name: &str| found.iter().find(|line| line.name == name).cloned();
    names.map(|name| (name.to_owned(), line(name))).collect()
}

/// FNV-1a: the same on every machine and with every compiler, unlike the standard hasher.
pub(super) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

pub(super) fn schema(reader: &mut Reader, root: &Tab) {
    match root.item("schema") {
        None => reader.missing(root, "schema", "add schema = 1 as the first line"),
        Some(item) if item.value.as_integer() == Some(SCHEMA) => {}
        Some(item) => {
            let message = "this engine reads schema 1 only";
            reader.error(&item.span, message, "write schema = 1");
        }
    }
}

fn region(reader: &mut Reader, root: &Tab) -> Region {
    let Some(text) = reader.text(root, "region") else {
        return Region::default();
    };
    Region::from_str(text.value).unwrap_or_else(|error| {
        reader.error(&text.span, error.to_string(), "");
        Region::default()
    })
}

pub(super) fn phone(reader: &mut Reader, text: &At<&str>, region: Region) -> Option<Phone> {
    match Phone::parse(text.value, region) {
        Ok(phone) => Some(phone),
        Err(error) => {
            let message = format!("`{}` is no phone number: {error}", shown(text.value));
            reader.error(&text.span, message, "write it as +74951234567");
            None
        }
    }
}

fn blocked(reader: &mut Reader, root: &Tab, region: Region) -> Blocked {
    let mut blocked = Blocked {
        numbers: HashMap::new(),
        prefixes: Vec::new(),
        anonymous: None,
        then: Vec::new(),
    };
    if let Some(tab) = reader.table(root, "blocked", "`blocked`") {
        reader.keys(&tab, &["numbers", "anonymous", "then"]);
        for text in reader.texts(&tab, "numbers").unwrap_or_default() {
            let place = reader.place(&text.span);
            if let Some(prefix) = text.value.strip_suffix('*') {
                match prefix.strip_prefix('+') {
                    Some(d) if !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()) => {
                        blocked.prefixes.push((prefix.to_owned(), place));
                    }
                    _ => {
                        let message = format!("`{}` is no beginning of numbers", shown(text.value));
                        reader.error(&text.span, message, "write it as +7495*");
                    }
                }
            } else if let Some(phone) = phone(reader, &text, region) {
                blocked.numbers.insert(phone, place);
            }
        }
        if reader.flag(&tab, "anonymous") == Some(true) {
            blocked.anonymous = Some(reader.place(&tab.key_span("anonymous")));
        }
        blocked.then = plain(steps(reader, &tab, "then", Where::Blocked));
    }
    blocked
}

fn plain(steps: Option<Vec<At<StepRule>>>) -> Vec<StepRule> {
    steps.unwrap_or_default().into_iter().map(|s| s.value).collect()
}

fn route(reader: &mut Reader, id: &str, tab: &Tab) -> Option<Route> {
    reader.keys(tab, &["title", "why", "steps", "closed"]);
    for key in ["title", "why"] {
        if tab.item(key).is_none() {
            let help = "say it in a few words: it is shown where the route is explained";
            reader.missing(tab, key, help);
        }
    }
    let title = reader.text(tab, "title");
    let why = reader.text(tab, "why");
    if tab.item("steps").is_none() {
        reader.missing(
            tab,
            "steps",
            "add steps = [{ do = \"owner\" }, { do = \"queue\", queue = \"sales\" }]",
        );
    }
    let open = steps(reader, tab, "steps", Where::Route);
    let closed = plain(steps(reader, tab, "closed", Where::Route));
    let open = open?;
    let owners = |s: &&At<StepRule>| matches!(s.value.kind, StepKind::Owner(_));
    if let Some(second) = open.iter().filter(owners).nth(1) {
        let message = "the owner is rung once only: this step does nothing";
        reader.warn(&second.span.clone(), message, "take it out");
    }
    Some(Route {
        id: id.to_owned(),
        title: title?.value.to_owned(),
        why: why?.value.to_owned(),
        steps: plain(Some(open)),
        closed,
        place: reader.place(&tab.span),
    })
}

fn internal(reader: &mut Reader, root: &Tab) -> Internal {
    let mut internal = Internal { ring: Duration::from_secs(30), then: Vec::new(), place: None };
    if let Some(tab) = reader.table(root, "internal", "`internal`") {
        reader.keys(&tab, &["ring", "then"]);
        internal.ring = reader.duration(&tab, "ring", MOST_RING).unwrap_or(internal.ring);
        internal.then = plain(steps(reader, &tab, "then", Where::Internal));
        internal.place = Some(reader.place(&root.key_span("internal")));
    }
    internal
}

fn outbound(reader: &mut Reader, root: &Tab, region: Region) -> Outbound {
    let mut outbound = Outbound { ring: Duration::from_secs(60), caller_id: None, place: None };
    if let Some(tab) = reader.table(root, "outbound", "`outbound`") {
        reader.keys(&tab, &["ring", "caller_id"]);
        outbound.ring = reader.duration(&tab, "ring", MOST_RING).unwrap_or(outbound.ring);
        let text = reader.text(&tab, "caller_id");
        outbound.caller_id = text.and_then(|t| phone(reader, &t, region));
        outbound.place = Some(reader.place(&root.key_span("outbound")));
    }
    outbound
}
