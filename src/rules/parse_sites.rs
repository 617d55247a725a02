//! `[sites.NAME]`: the company's pages whose forms are taken.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::str::FromStr;
use std::sync::Arc;

use super::model::{Site, TargetRule};
use super::parse_callbacks::{Names, POLICY, TARGETS, count, policy, targets};
use super::parse_lines::named;
use super::read::{At, Reader, Tab};
use super::words::shown;
use crate::core::campaign::order::Policy;
use crate::core::casebook::is_field_name;
use crate::core::phone::Region;
use crate::core::trace::Place;

/// Forms an hour, where nothing is written: an office has one address.
const PER_ADDRESS: u32 = 30;
const PER_PHONE: u32 = 5;
const MOST_FORMS: i64 = 100_000;

const KEYS: [&str; 11] = [
    "key",
    "origins",
    "line",
    "call",
    "targets",
    "departments",
    "calendar",
    "countries",
    "honeypot",
    "per_address",
    "per_phone",
];

pub(super) fn sites(
    reader: &mut Reader,
    root: &Tab,
    all: &Policy,
    names: &Names,
) -> BTreeMap<String, Arc<Site>> {
    let mut found = BTreeMap::new();
    let mut keys: HashMap<String, Place> = HashMap::new();
    for (name, tab) in reader.named(root, "sites", "site") {
        if let Some(site) = site(reader, name, &tab, all, names, &mut keys) {
            found.insert(name.to_owned(), Arc::new(site));
        }
    }
    found
}

fn site(
    reader: &mut Reader,
    name: &str,
    tab: &Tab,
    all: &Policy,
    names: &Names,
    keys: &mut HashMap<String, Place>,
) -> Option<Site> {
    let known: Vec<&str> = KEYS.into_iter().chain(POLICY).collect();
    reader.keys(tab, &known);
    let key = key(reader, tab, keys);
    let call = reader.flag(tab, "call").unwrap_or(true);
    let line = named(reader, tab, "line", names.lines).flatten();
    let calendar = named(reader, tab, "calendar", names.calendars).flatten();
    if call && tab.item("targets").is_none() {
        reader.missing(tab, "targets", TARGETS);
    }
    for key in ["targets", "departments"] {
        if !call && tab.item(key).is_some() {
            let message = format!("{} calls nobody, and has `{key}`", tab.what);
            reader.error(&tab.key_span(key), message, "take it out, or `call = false`");
        }
    }
    let site = Site {
        name: name.to_owned(),
        key: key.unwrap_or_default(),
        origins: origins(reader, tab),
        line,
        call,
        targets: targets(reader, tab, "targets"),
        departments: departments(reader, tab),
        calendar,
        countries: countries(reader, tab),
        honeypot: honeypot(reader, tab),
        per_address: count(reader, tab, "per_address", MOST_FORMS).unwrap_or(PER_ADDRESS),
        per_phone: count(reader, tab, "per_phone", MOST_FORMS).unwrap_or(PER_PHONE),
        policy: policy(reader, tab, all),
        place: reader.place(&tab.span),
    };
    (!site.key.is_empty()).then_some(site)
}

fn key(reader: &mut Reader, tab: &Tab, keys: &mut HashMap<String, Place>) -> Option<String> {
    if tab.item("key").is_none() {
        reader.missing(tab, "key", "add key = \"…\": what its forms say to be known by");
    }
    let text = reader.text(tab, "key")?;
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_' || b == b'.';
    if !(1..=64).contains(&text.value.len()) || !text.value.bytes().all(fits) {
        let message = format!("`{}` is no key of a site", shown(text.value));
        reader.error(&text.span, message, "letters, digits and - _ . are possible, 64 at most");
        return None;
    }
    let place = reader.place(&text.span);
    if let Some(first) = keys.get(text.value) {
        let message =
            format!("`{}` is the key of a site already, in line {}", text.value, first.line);
        reader.error(&text.span, message, "each site has a key of its own");
        return None;
    }
    keys.insert(text.value.to_owned(), place);
    Some(text.value.to_owned())
}

fn origins(reader: &mut Reader, tab: &Tab) -> Vec<String> {
    let mut found = Vec::new();
    for text in reader.texts(tab, "origins").unwrap_or_default() {
        if is_origin(text.value) {
            found.push(text.value.to_owned());
        } else {
            let message = format!("`{}` is no origin", shown(text.value));
            let help = "write it as a browser does: \"https://shop.example\", in small letters, nothing behind the host but a port";
            reader.error(&text.span, message, help);
        }
    }
    found
}

/// Scheme, host, and a port that is not the scheme's own.
fn is_origin(text: &str) -> bool {
    let (rest, own) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (rest, "443"),
        (_, Some(rest)) => (rest, "80"),
        _ => return false,
    };
    let (host, port) = rest.split_once(':').unwrap_or((rest, "0"));
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    !host.is_empty()
        && host.bytes().all(fits)
        && port.parse::<u16>().is_ok_and(|n| n.to_string() == port)
        && port != own
}

fn departments(reader: &mut Reader, tab: &Tab) -> BTreeMap<String, Vec<TargetRule>> {
    let mut found = BTreeMap::new();
    let what = format!("`departments` of {}", tab.what);
    let Some(table) = reader.table(tab, "departments", &what) else { return found };
    for (name, _) in table.table.iter() {
        let targets = targets(reader, &table, name);
        if found.insert(name.to_lowercase(), targets).is_some() {
            let message = format!("department `{}` is written twice", shown(name));
            reader.error(&table.key_span(name), message, "capital letters make no difference");
        }
    }
    found
}

fn countries(reader: &mut Reader, tab: &Tab) -> Option<BTreeSet<String>> {
    let texts = reader.texts(tab, "countries")?;
    let mut found = BTreeSet::new();
    for text in texts {
        match Region::from_str(text.value) {
            Ok(_) => drop(found.insert(text.value.to_owned())),
            Err(error) => reader.error(&text.span, error.to_string(), ""),
        }
    }
    Some(found)
}

/// Fields that mean something cannot be the trap.
fn honeypot(reader: &mut Reader, tab: &Tab) -> Option<String> {
    let text: At<&str> = reader.text(tab, "honeypot")?;
    let own = ["phone", "name", "comment", "site", "department", "page", "redirect"];
    let more = ["wanted", "timezone", "idempotency_key"];
    if !is_field_name(text.value) {
        let message = format!("`{}` is no name of a field", shown(text.value));
        reader.error(&text.span, message, "a-z, 0-9 and _ are possible, 40 at most");
        return None;
    }
    if own.contains(&text.value) || more.contains(&text.value) {
        let message = format!("people fill in the field `{}`", text.value);
        reader.error(&text.span, message, "name one that stands in no form, such as \"website\"");
        return None;
    }
    Some(text.value.to_owned())
}
