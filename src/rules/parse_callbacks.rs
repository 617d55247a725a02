//! `[callbacks]`: what holds for every callback, and how missed calls are returned.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::model::{Callbacks, GROUP_ORDERS, Line, Missed, TargetRule};
use super::parse::Named;
use super::parse_calendar::week;
use super::parse_lines::named;
use super::parse_steps::{MOST_RING, need, queue_name};
use super::read::{At, Reader, Tab};
use super::words::{shown, suggest, type_of};
use crate::core::calendar::Calendar;
use crate::core::campaign::order::{GroupOrder, Policy, Prompt, Target};
use crate::core::ids::EmployeeId;

/// Nobody waits longer for a callback, and a campaign that outlives its rules is a riddle.
const MOST_TIME: Duration = Duration::from_secs(24 * 3600);
const MOST_TRIES: i64 = 20;

/// The keys of a policy, in `[callbacks]`, `[callbacks.missed]` and `[sites.NAME]` alike.
pub(super) const POLICY: [&str; 9] = [
    "delay",
    "ring",
    "retry",
    "give_up",
    "client_ring",
    "client_tries",
    "client_pause",
    "prompt",
    "press",
];

/// What a table may name.
pub(super) struct Names<'n> {
    pub calendars: &'n Named<Calendar>,
    pub lines: &'n Named<Line>,
}

pub(super) fn callbacks(
    reader: &mut Reader,
    root: &Tab,
    zone: Option<&TimeZone>,
    names: &Names,
) -> Callbacks {
    let mut all = Callbacks::default();
    let Some(tab) = reader.table(root, "callbacks", "`callbacks`") else { return all };
    let known: Vec<&str> = POLICY.into_iter().chain(["hours", "zones", "missed"]).collect();
    reader.keys(&tab, &known);
    all.policy = policy(reader, &tab, &all.policy);
    all.hours = hours(reader, &tab, zone);
    all.zones = zones(reader, &tab);
    if let Some(missed) = reader.table(&tab, "missed", "`missed` of `callbacks`") {
        all.missed = Some(self::missed(reader, &missed, &all.policy, names));
    }
    all
}

fn missed(reader: &mut Reader, tab: &Tab, all: &Policy, names: &Names) -> Missed {
    let known: Vec<&str> = POLICY.into_iter().chain(["lines", "targets", "calendar"]).collect();
    reader.keys(tab, &known);
    let lines = reader.texts(tab, "lines").map(|texts| {
        let known: Vec<&str> = names.lines.keys().map(String::as_str).collect();
        for text in &texts {
            if !known.contains(&text.value) {
                let message = format!("there is no line `{}`", shown(text.value));
                reader.error(&text.span, message, &suggest(text.value, &known));
            }
        }
        texts.iter().map(|text| text.value.to_owned()).collect()
    });
    if tab.item("targets").is_none() {
        reader.missing(tab, "targets", TARGETS);
    }
    Missed {
        lines,
        targets: targets(reader, tab, "targets"),
        calendar: named(reader, tab, "calendar", names.calendars).flatten(),
        policy: policy(reader, tab, all),
        place: reader.place(&tab.span),
    }
}

/// The policy of a table: what it leaves out is as in `all`.
pub(super) fn policy(reader: &mut Reader, tab: &Tab, all: &Policy) -> Policy {
    let mut time = |key: &str, most: Duration, other: Duration| {
        reader.duration(tab, key, most).unwrap_or(other)
    };
    let mut policy = Policy {
        delay: time("delay", MOST_TIME, all.delay),
        ring: time("ring", MOST_RING, all.ring),
        retry: time("retry", MOST_TIME, all.retry),
        give_up: time("give_up", MOST_TIME, all.give_up),
        client_ring: time("client_ring", MOST_RING, all.client_ring),
        client_pause: time("client_pause", MOST_TIME, all.client_pause),
        ..all.clone()
    };
    if let Some(tries) = count(reader, tab, "client_tries", MOST_TRIES) {
        policy.client_tries = tries;
    }
    if let Some(prompt) = prompt(reader, tab) {
        policy.prompt = prompt;
    }
    if let Some(text) = reader.text(tab, "press") {
        let mut chars = text.value.chars();
        match (chars.next(), chars.next()) {
            (None, _) => policy.key = None,
            (Some(c), None) if c.is_ascii_digit() || c == '*' || c == '#' => policy.key = Some(c),
            _ => {
                let message = format!("`{}` is no key of a phone", shown(text.value));
                let help = "write one of 0 to 9, * and #; \"\" asks for none";
                reader.error(&text.span, message, help);
            }
        }
    }
    if policy.retry >= policy.give_up && (tab.item("retry").or(tab.item("give_up"))).is_some() {
        let key = if tab.item("retry").is_some() { "retry" } else { "give_up" };
        let message = format!("{} has one try only: it gives up before the second", tab.what);
        reader.warn(&tab.key_span(key), message, "make `give_up` longer than `retry`");
    }
    policy
}

/// A whole number from 1.
pub(super) fn count(reader: &mut Reader, tab: &Tab, key: &str, most: i64) -> Option<u32> {
    let item = tab.item(key)?;
    match item.value.as_integer() {
        Some(n) if (1..=most).contains(&n) => u32::try_from(n).ok(),
        Some(n) => {
            let message = format!("`{key}` of {} is {n}", tab.what);
            reader.error(&item.span, message, &format!("from 1 to {most} is possible"));
            None
        }
        None => {
            reader.wrong_type(tab, key, &item, "a whole number");
            None
        }
    }
}

fn prompt(reader: &mut Reader, tab: &Tab) -> Option<Prompt> {
    let item = tab.item("prompt")?;
    let help = "write \"tone\", \"none\", { file = \"hello.wav\" } or { say = \"A form\" }";
    if let Some(word) = item.value.as_str() {
        return match word {
            "tone" => Some(Prompt::Tone),
            "none" => Some(Prompt::None),
            _ => {
                reader.error(&item.span, format!("`{}` is no prompt", shown(word)), help);
                None
            }
        };
    }
    let table = reader.table(tab, "prompt", &format!("`prompt` of {}", tab.what))?;
    reader.keys(&table, &["file", "say"]);
    let (file, say) = (reader.text(&table, "file"), reader.text(&table, "say"));
    let text = match (&file, &say) {
        (Some(text), None) | (None, Some(text)) => text,
        _ => {
            reader.error(&table.span, "a prompt is a file or a text", help);
            return None;
        }
    };
    if text.value.trim().is_empty() || text.value.chars().any(char::is_control) {
        reader.error(&text.span, "this can be neither played nor said", "write it on one line");
        return None;
    }
    let text = text.value.to_owned();
    Some(if file.is_some() { Prompt::File(text) } else { Prompt::Say(text) })
}

/// The hours in which a client may be rung: a span for all days, or hours as in a calendar.
fn hours(reader: &mut Reader, tab: &Tab, zone: Option<&TimeZone>) -> Option<Calendar> {
    let table = reader.table(tab, "hours", "`hours` of `callbacks`")?;
    let week = week(reader, &table);
    if week.iter().all(Option::is_none) {
        let help = "write hours = { mon-fri = \"08:00-22:00\", sat-sun = \"09:00-20:00\" }";
        reader.error(&tab.key_span("hours"), "no client could ever be called", help);
    }
    Some(Calendar {
        name: "callbacks".into(),
        zone: zone?.clone(),
        week,
        holidays: Vec::new(),
        work_days: BTreeMap::new(),
        place: reader.place(&tab.key_span("hours")),
    })
}

fn zones(reader: &mut Reader, tab: &Tab) -> Vec<(String, TimeZone)> {
    let mut found = Vec::new();
    let Some(table) = reader.table(tab, "zones", "`zones` of `callbacks`") else { return found };
    for (begin, _) in table.table.iter() {
        let digits = begin.strip_prefix('+').unwrap_or_default();
        if !(1..=14).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
            let message = format!("`{}` is no beginning of numbers", shown(begin));
            reader.error(&table.key_span(begin), message, "write it as \"+7383\"");
        }
        let Some(text) = reader.text(&table, begin) else { continue };
        if let Some(zone) = super::parse_calendar::zone_named(reader, &text) {
            found.push((begin.to_owned(), zone));
        }
    }
    found.sort_by_key(|(begin, _)| std::cmp::Reverse(begin.len()));
    found
}

/// What is said where there are none.
pub(super) const TARGETS: &str =
    "add targets = [\"owner\", { group = \"sales\" }]: whom to ring, in order";

/// `["owner", { group = "sales", order = "in_turn" }, { employee = "101" }, { queue = "sales" }]`.
pub(super) fn targets(reader: &mut Reader, tab: &Tab, key: &str) -> Vec<TargetRule> {
    let Some(item) = tab.item(key) else { return Vec::new() };
    let Some(array) = item.value.as_array() else {
        reader.wrong_type(tab, key, &item, "a list");
        return Vec::new();
    };
    let mut found: Vec<TargetRule> = Vec::new();
    for value in array {
        let span = value.span().unwrap_or_else(|| item.span.clone());
        let target = match (value.as_str(), value.as_inline_table()) {
            (Some(word), _) => {
                let word = At { value: word, span: span.clone() };
                reader.word(&word, "target", &[("owner", ())]).map(|()| Target::Owner)
            }
            (None, Some(table)) => {
                let what = format!("a target of {}", tab.what);
                target(reader, &Tab { table, span: span.clone(), what })
            }
            (None, None) => {
                let message = format!("a target must be a text or a table, not {}", type_of(value));
                reader.error(&span, message, TARGET);
                None
            }
        };
        let Some(target) = target else { continue };
        if found.iter().any(|other| other.target == target) {
            let message = "this target is named before: it is rung once only";
            reader.warn(&span, message, "take it out");
            continue;
        }
        found.push(TargetRule { target, place: reader.place(&span) });
    }
    if array.is_empty() {
        let message = format!("`{key}` of {} is empty", tab.what);
        reader.error(&item.span, message, TARGETS);
    }
    found
}

const TARGET: &str =
    "write \"owner\", { group = \"sales\" }, { employee = \"101\" } or { queue = \"sales\" }";

fn target(reader: &mut Reader, tab: &Tab) -> Option<Target> {
    reader.keys(tab, &["group", "order", "employee", "queue"]);
    let named: Vec<&str> =
        ["group", "employee", "queue"].into_iter().filter(|k| tab.item(k).is_some()).collect();
    let [key] = named.as_slice() else {
        let message = match named.is_empty() {
            true => format!("{} names nobody", tab.what),
            false => format!("{} names two at once", tab.what),
        };
        reader.error(&tab.span, message, TARGET);
        return None;
    };
    let order = reader.text(tab, "order");
    if order.is_some() && *key != "group" {
        reader.error(&tab.key_span("order"), "only a group has an order", "take it out");
    }
    let name = need(reader, tab, key, "")?;
    if name.value.trim().is_empty() {
        reader.error(&name.span, format!("{} names nobody", tab.what), TARGET);
        return None;
    }
    Some(match *key {
        "group" => {
            let order = order.and_then(|word| reader.word(&word, "order", &GROUP_ORDERS));
            let order = order.unwrap_or(GroupOrder::Together);
            Target::Group { name: name.value.to_owned(), order }
        }
        "employee" => Target::Employee(EmployeeId::new(name.value)),
        _ => Target::Queue(queue_name(reader, &name)?),
    })
}
