//! Calendars: weekly hours, holidays, work days with hours of their own.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::read::{At, Reader, Tab};
use super::words::{shown, suggest};
use crate::core::calendar::{Calendar, Day, Holiday, Span};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

pub(super) fn zone(reader: &mut Reader, tab: &Tab) -> Option<TimeZone> {
    let text = reader.text(tab, "timezone")?;
    zone_named(reader, &text)
}

pub(super) fn zone_named(reader: &mut Reader, text: &At<&str>) -> Option<TimeZone> {
    match TimeZone::get(text.value) {
        Ok(zone) => Some(zone),
        Err(_) => {
            let message = format!("no time zone is called `{}`", shown(text.value));
            let names: Vec<String> = jiff::tz::db().available().map(|n| n.to_string()).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let near = suggest(text.value, &names);
            let help =
                if near.is_empty() { "write it as in Europe/Moscow".to_owned() } else { near };
            reader.error(&text.span, message, &help);
            None
        }
    }
}

pub(super) fn calendar(
    reader: &mut Reader,
    name: &str,
    tab: &Tab,
    default_zone: Option<&TimeZone>,
) -> Option<Calendar> {
    reader.keys(tab, &["timezone", "hours", "holidays", "work_days"]);
    let zone = match tab.item("timezone") {
        Some(_) => zone(reader, tab),
        None => default_zone.cloned(),
    };
    let week = match reader.table(tab, "hours", &format!("`hours` of {}", tab.what)) {
        Some(hours) => week(reader, &hours),
        None => {
            if tab.item("hours").is_none() {
                let help = "add: hours = { mon-fri = \"09:00-19:00\" }";
                reader.missing(tab, "hours", help);
            }
            Default::default()
        }
    };
    let holidays = holidays(reader, tab);
    let work_days = work_days(reader, tab);
    Some(Calendar {
        name: name.to_owned(),
        zone: zone?,
        week,
        holidays,
        work_days,
        place: reader.place(&tab.span),
    })
}

pub(super) fn week(reader: &mut Reader, hours: &Tab) -> [Option<Day>; 7] {
    let mut week: [Option<Day>; 7] = Default::default();
    let mut written: [Option<Range<usize>>; 7] = Default::default();
    for (key, _) in hours.table.iter() {
        let key_span = hours.key_span(key);
        let Some(days) = weekdays(reader, key, &key_span) else {
            continue;
        };
        let Some(day) = spans(reader, hours, key) else {
            continue;
        };
        for index in days {
            if week[index].is_some() {
                let message = format!("the hours of {} are written twice", DAYS[index]);
                let help =
                    "several spans of one day are a list: [\"09:00-13:00\", \"14:00-18:00\"]";
                reader.error(&key_span, message, help);
                continue;
            }
            week[index] = Some(day.clone());
            written[index] = Some(key_span.clone());
        }
    }
    // `mon-fri` is one key: it is named once.
    let mut named = None;
    for index in 0..7 {
        let next = (index + 1) % 7;
        let (Some(day), Some(after)) = (&week[index], &week[next]) else {
            continue;
        };
        let runs_into = |s: &Span| after.spans.iter().any(|n| s.runs_into(*n));
        let span = day.spans.iter().find(|s| runs_into(s));
        if let (Some(span), Some(at)) = (span, &written[index])
            && named != Some(at)
        {
            named = Some(at);
            let message = format!(
                "{span} of {} runs over midnight into the hours of {}",
                DAYS[index], DAYS[next]
            );
            reader.error(at, message, "end it where the next day's hours begin");
        }
    }
    week
}

/// `mon`, `mon-fri`, `sat-mon`: indices from Monday.
fn weekdays(reader: &mut Reader, key: &str, span: &Range<usize>) -> Option<Vec<usize>> {
    let known: Vec<(&str, usize)> = DAYS.iter().zip(0..).map(|(d, i)| (*d, i)).collect();
    let mut word = |value: &str| {
        let span = span.clone();
        reader.word(&At { value, span }, "weekday", &known)
    };
    match key.split_once('-') {
        None => Some(vec![word(key)?]),
        Some((first, last)) => {
            let (first, last) = (word(first), word(last));
            let (first, last) = (first?, last?);
            let count = (last + 7 - first) % 7 + 1;
            Some((0..count).map(|n| (first + n) % 7).collect())
        }
    }
}

/// The spans of a day, in order.
fn spans(reader: &mut Reader, tab: &Tab, key: &str) -> Option<Day> {
    let texts = reader.texts(tab, key)?;
    let mut found: Vec<Span> = Vec::new();
    for text in &texts {
        let Some(span) = span(text.value) else {
            let message = format!("`{}` are no hours", shown(text.value));
            let help =
                "write \"09:00-19:00\"; over midnight \"22:00-06:00\"; all day \"00:00-24:00\"";
            reader.error(&text.span, message, help);
            continue;
        };
        if let Some(other) = found.iter().find(|s| s.overlaps(span)) {
            let message = format!("{span} overlaps with {other} of the same day");
            reader.error(&text.span, message, "join the two, or part them");
            continue;
        }
        found.push(span);
    }
    found.sort_unstable();
    let place = reader.place(&tab.key_span(key));
    Some(Day { spans: found, place })
}

fn span(text: &str) -> Option<Span> {
    let (start, end) = text.split_once('-')?;
    Span::new(minute(start)?, minute(end)?)
}

pub(super) fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let figures = |t: &str| (1..=2).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_digit());
    if !figures(hour) || minute.len() != 2 || !figures(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let fits = (hour < 24 && minute < 60) || (hour == 24 && minute == 0);
    fits.then_some(hour * 60 + minute)
}

pub(super) fn holidays(reader: &mut Reader, tab: &Tab) -> Vec<Holiday> {
    let Some(item) = tab.item("holidays") else {
        return Vec::new();
    };
    let Some(array) = item.value.as_array() else {
        let help = "holidays = [\"2027-02-23\", \"2026-12-31..2027-01-08\"]";
        reader.error(&item.span, "`holidays` must be a list of dates", help);
        return Vec::new();
    };
    let mut found = Vec::new();
    for value in array {
        let span = value.span().unwrap_or_else(|| item.span.clone());
        let text = match value.as_str() {
            Some(text) => text.to_owned(),
            None => value.as_datetime().map(ToString::to_string).unwrap_or_default(),
        };
        let place = reader.place(&span);
        match range(&text) {
            Some((first, last)) if first <= last => found.push(Holiday { first, last, place }),
            Some(_) => {
                let help = "write the earlier day first";
                reader.error(&span, "these holidays end before they begin", help);
            }
            None => {
                let message = format!("`{}` is no date", shown(&text));
                let help = "write \"2027-02-23\", or \"2026-12-31..2027-01-08\" for several days";
                reader.error(&span, message, help);
            }
        }
    }
    found
}

fn range(text: &str) -> Option<(Date, Date)> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
}

pub(super) fn work_days(reader: &mut Reader, tab: &Tab) -> BTreeMap<Date, Day> {
    let what = format!("`work_days` of {}", tab.what);
    let Some(days) = reader.table(tab, "work_days", &what) else {
        return BTreeMap::new();
    };
    let mut found = BTreeMap::new();
    for (key, _) in days.table.iter() {
        let Ok(date) = key.parse::<Date>() else {
            let message = format!("`{}` is no date", shown(key));
            let help = "write work_days = { 2026-12-26 = \"10:00-16:00\" }";
            reader.error(&days.key_span(key), message, help);
            continue;
        };
        if let Some(day) = spans(reader, &days, key) {
            found.insert(date, day);
        }
    }
    found
}
