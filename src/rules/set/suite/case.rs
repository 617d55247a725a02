//! The case of a test: what is left out is what is most common.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::de::IntoDeserializer;

use crate::core::case::{Case, Event, Known, Sound, Speaker};
use crate::core::client::{Client, Deal};
use crate::core::facts::Direction;
use crate::core::ids::{CallId, EmployeeId};
use crate::core::phone::{Phone, Region};
use crate::core::record::Outcome;
use crate::core::staff::Staff;
use crate::rules::read::{At, Reader, Tab};
use crate::rules::set::cx::Cx;
use crate::rules::set::words::Fact;
use crate::rules::words::{shown, type_name};

const AT: &str = "2026-11-20T12:00:00+03:00";
const NUMBER: &str = "+79161234567";
const KEYS: [&str; 19] = [
    "event",
    "direction",
    "at",
    "number",
    "line",
    "line_number",
    "client",
    "deals",
    "first",
    "last",
    "caller",
    "rung",
    "talked",
    "recording",
    "voicemail",
    "fields",
    "name",
    "comment",
    "call",
];

pub(super) fn read(cx: &mut Cx, test: &Tab, staff: &Staff) -> Option<Case> {
    let zone = cx.zone.clone();
    let reader = &mut cx.reader;
    let tab = &reader.table(test, "case", "`case` of this test")?;
    reader.keys(tab, &KEYS);
    if tab.item("event").is_none() {
        reader.missing(tab, "event", "say what occurred: event = \"answered\"");
    }
    let event: Option<Event> = word(reader, tab, "event", Fact::Event);
    let direction = match tab.item("direction") {
        Some(_) => word(reader, tab, "direction", Fact::Direction),
        None => Some(Direction::Inbound),
    };
    let at = time(reader, tab, "at", &zone, AT);
    let number = number(reader, tab);
    let client = client(reader, tab, staff, &zone);
    let [first, last, caller] =
        ["first", "last", "caller"].map(|key| speaker(reader, tab, key, staff));
    let rung = reader.texts(tab, "rung").unwrap_or_default();
    let rung = rung.iter().map(|text| employee(text.value, staff)).collect();
    let talked = talked(reader, tab);
    let fields = fields(reader, tab);
    let [line, line_number, name, comment, recording, voicemail, call] =
        ["line", "line_number", "name", "comment", "recording", "voicemail", "call"]
            .map(|key| reader.text(tab, key).map(|text| text.value.to_owned()));
    let (event, direction, at) = (event?, direction?, at?);
    let outbound = direction == Direction::Outbound;
    let talk = matches!(event, Event::Answered | Event::Ended | Event::Recorded);
    let over = !matches!(
        event,
        Event::Ringing | Event::Answered | Event::Voicemail | Event::CallbackRequested
    );
    let answered = if outbound { talk } else { first.is_some() };
    let outcome = over.then_some(match event {
        Event::Ended | Event::Recorded => Outcome::Answered,
        Event::Missed if voicemail.is_some() => Outcome::Voicemail,
        Event::Missed => Outcome::Missed,
        _ => Outcome::Unreached,
    });
    let sound = |url| Sound { url, seconds: over.then_some(talked) };
    Some(Case {
        call: CallId::new(call.as_deref().unwrap_or("test")),
        seq: 1,
        event,
        at,
        direction,
        line,
        line_number,
        number,
        client: client?,
        last: last.or_else(|| first.clone()),
        first,
        caller,
        rung,
        started: at,
        answered: answered.then_some(at),
        ended: over.then_some(at),
        talked,
        outcome,
        recording: recording.map(sound),
        voicemail: voicemail.map(sound),
        fields,
        name,
        comment,
    })
}

fn word<T: for<'d> serde::Deserialize<'d> + Copy>(
    reader: &mut Reader,
    tab: &Tab,
    key: &str,
    fact: Fact,
) -> Option<T> {
    let word = reader.text(tab, key)?;
    let parsed = |word: &&'static str| {
        let text: serde::de::value::StrDeserializer<serde::de::value::Error> =
            word.into_deserializer();
        T::deserialize(text).ok()
    };
    let known: Vec<(&str, T)> =
        fact.words().iter().filter_map(|word| Some((*word, parsed(word)?))).collect();
    reader.word(&word, &format!("word of `{key}`"), &known)
}

/// A time with an offset, or by the clock of the set.
fn time(
    reader: &mut Reader,
    tab: &Tab,
    key: &str,
    zone: &TimeZone,
    default: &str,
) -> Option<Timestamp> {
    let text = match tab.item(key) {
        None => default.to_owned(),
        Some(item) => match (item.value.as_str(), item.value.as_datetime()) {
            (Some(text), _) => text.to_owned(),
            (None, Some(time)) => time.to_string(),
            (None, None) => {
                reader.wrong_type(tab, key, &item, "a time");
                return None;
            }
        },
    };
    let at = moment(&text, zone);
    if at.is_none() {
        let span = tab.item(key).map_or_else(|| tab.span.clone(), |item| item.span);
        let message = format!("`{}` is no time", shown(&text));
        reader.error(&span, message, "write 2026-11-20T12:00:00+03:00");
    }
    at
}

/// A time with an offset, or by the clock of the zone.
pub(super) fn moment(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let local = || zone.to_timestamp(text.parse().ok()?).ok();
    text.parse().ok().or_else(local)
}

fn number(reader: &mut Reader, tab: &Tab) -> Option<Phone> {
    let Some(text) = reader.text(tab, "number") else {
        return Phone::parse(NUMBER, Region::default()).ok();
    };
    if text.value.is_empty() {
        return None;
    }
    let number = Phone::parse(text.value, Region::default());
    if let Err(error) = &number {
        let message = format!("`{}` is no phone number: {error}", shown(text.value));
        reader.error(&text.span, message, "write it as +74951234567; \"\" is a withheld one");
    }
    number.ok()
}

fn employee(name: &str, staff: &Staff) -> EmployeeId {
    staff.named(name).map_or_else(|| name.into(), |employee| employee.id.clone())
}

/// An employee, or any other text for an unlisted extension.
fn speaker(reader: &mut Reader, tab: &Tab, key: &str, staff: &Staff) -> Option<Speaker> {
    let text = reader.text(tab, key)?;
    let employee = staff.named(text.value).map(|employee| employee.id.clone());
    Some(Speaker { employee, number: text.value.to_owned() })
}

fn talked(reader: &mut Reader, tab: &Tab) -> u64 {
    let Some(item) = tab.item("talked") else { return 0 };
    let seconds = item.value.as_integer().and_then(|n| u64::try_from(n).ok());
    if seconds.is_none() {
        reader.wrong_type(tab, "talked", &item, "a number of seconds");
    }
    seconds.unwrap_or_default()
}

fn fields(reader: &mut Reader, tab: &Tab) -> BTreeMap<String, String> {
    let Some(table) = reader.table(tab, "fields", "`fields` of `case`") else {
        return BTreeMap::new();
    };
    let names: Vec<&str> = table.table.iter().map(|(name, _)| name).collect();
    let field = |name: &str, text: At<&str>| (name.to_owned(), text.value.to_owned());
    names.into_iter().filter_map(|name| Some(field(name, reader.text(&table, name)?))).collect()
}

/// `None`: a mistake that is named.
fn client(reader: &mut Reader, tab: &Tab, staff: &Staff, zone: &TimeZone) -> Option<Known> {
    let deals = deals(reader, tab, staff, zone);
    let Some(item) = tab.item("client") else {
        if let Some(deals) = tab.item("deals") {
            let message = "a client nobody knows has no deals";
            reader.error(&deals.span, message, "add client = {}, or take the deals out");
            return None;
        }
        return Some(Known::Nobody);
    };
    let Some(table) = item.value.as_table_like() else {
        let found = type_name(item.value.type_name());
        let help = "write client = { name = \"…\", owner = \"101\" }";
        reader.error(&item.span, format!("`client` must be a table, not {found}"), help);
        return None;
    };
    let tab = &Tab { table, span: item.span, what: "`client`".into() };
    reader.keys(tab, &["id", "name", "company", "owner"]);
    let [id, name, company, owner] =
        ["id", "name", "company", "owner"].map(|key| reader.text(tab, key).map(|text| text.value));
    let client = Client {
        id: id.unwrap_or("client").into(),
        name: name.unwrap_or_default().to_owned(),
        company: company.map(str::to_owned),
        owner: owner.map(|owner| employee(owner, staff)),
        choice: None,
        deals: deals?,
    };
    Some(Known::Client(Arc::new(client)))
}

fn deals(reader: &mut Reader, tab: &Tab, staff: &Staff, zone: &TimeZone) -> Option<Vec<Deal>> {
    let mut found = Vec::new();
    let tabs = match tab.item("deals") {
        Some(_) => reader.tables(tab, "deals", "a deal")?,
        None => Vec::new(),
    };
    for (tab, number) in tabs.iter().zip(1..) {
        reader.keys(tab, &["id", "title", "owner", "open", "created"]);
        let [id, title, owner] = ["id", "title", "owner"]
            .map(|key| reader.text(tab, key).map(|text| text.value.to_owned()));
        // Left out, the first one is the oldest.
        let created = match tab.item("created") {
            Some(_) => time(reader, tab, "created", zone, AT),
            None => moment(AT, zone).and_then(|t| t.checked_add((number - 240).hours()).ok()),
        };
        let open = reader.flag(tab, "open");
        found.push(Deal {
            id: id.unwrap_or_else(|| format!("deal-{number}")).as_str().into(),
            title: title.unwrap_or_default(),
            owner: owner.map(|owner| employee(&owner, staff)),
            created: created?,
            open: open.unwrap_or(true),
        });
    }
    Some(found)
}
