//! Lines: the numbers of the company, each with its hours and its route.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use super::model::{Line, Route, line_key};
use super::parse::{Named, phone};
use super::read::{Reader, Tab};
use super::words::{shown, suggest};
use crate::core::calendar::Calendar;
use crate::core::casebook::{FIELD_LENGTH, MOST_FIELDS, is_field_name};
use crate::core::phone::Region;
use crate::core::trace::Place;

pub(super) struct Lines {
    pub all: Vec<Arc<Line>>,
    pub by_number: HashMap<String, Arc<Line>>,
    pub default: Option<Arc<Line>>,
}

pub(super) fn lines(
    reader: &mut Reader,
    root: &Tab,
    region: Region,
    calendars: &Named<Calendar>,
    routes: &Named<Route>,
    written: &[(&str, Range<usize>)],
) -> Option<Lines> {
    let mut lines = Lines { all: Vec::new(), by_number: HashMap::new(), default: None };
    let mut taken: HashMap<String, Place> = HashMap::new();
    let mut any: Option<Place> = None;
    let mut used = Vec::new();
    for (name, tab) in reader.named(root, "lines", "line") {
        let known = ["numbers", "calendar", "route", "caller_id", "fields"];
        reader.keys(&tab, &known);
        let numbers = numbers(reader, &tab, region, &mut taken, &mut any);
        let calendar = named(reader, &tab, "calendar", calendars);
        if tab.item("route").is_none() {
            reader.missing(&tab, "route", "add route = \"…\": where its calls go");
        }
        let route = named(reader, &tab, "route", routes);
        used.extend(reader_text(&tab, "route"));
        let caller_id = reader.text(&tab, "caller_id");
        let caller_id = caller_id.and_then(|t| phone(reader, &t, region));
        let fields = fields(reader, &tab);
        let Some(Some(route)) = route else { continue };
        if tab.item("calendar").is_some() && route.closed.is_empty() {
            let message =
                format!("{} has hours, but route `{}` has no `closed`", tab.what, route.id);
            let help = format!("say under [routes.{}] what happens outside hours", route.id);
            reader.error(&tab.key_span("calendar"), message, &help);
        }
        let line = Arc::new(Line {
            name: name.to_owned(),
            calendar: calendar.flatten(),
            route,
            caller_id,
            fields,
            place: reader.place(&tab.span),
        });
        match numbers {
            Dialled::Any => lines.default = Some(line.clone()),
            Dialled::These(numbers) => {
                for number in numbers {
                    lines.by_number.insert(number, line.clone());
                }
            }
        }
        lines.all.push(line);
    }
    if any.is_none() {
        let help = "add [lines.other] with numbers = \"any\" and a route: no call may get lost";
        let span = root.key_span("lines");
        reader.error(&span, "no line takes the numbers that no other line names", help);
    }
    for (id, span) in written {
        if !used.contains(id) {
            let message = format!("route `{id}` is used by no line");
            reader.warn(span, message, "name it in a line, or take it out");
        }
    }
    Some(lines)
}

/// Texts by name, as many and as long as a call may bring along.
fn fields(reader: &mut Reader, tab: &Tab) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let Some(table) = reader.table(tab, "fields", &format!("`fields` of {}", tab.what)) else {
        return found;
    };
    for (name, _) in table.table.iter() {
        let span = table.key_span(name);
        let Some(text) = reader.text(&table, name) else { continue };
        if !is_field_name(name) {
            let message = format!("`{}` is no name of a field", shown(name));
            reader.error(&span, message, "a-z, 0-9 and _ are possible, 40 at most");
        } else if text.value.chars().count() > FIELD_LENGTH {
            let message = format!("field `{name}` is longer than {FIELD_LENGTH} characters");
            reader.error(&text.span, message, "shorten it");
        } else if found.len() == MOST_FIELDS {
            let message = format!("{} has more than {MOST_FIELDS} fields", tab.what);
            reader.error(&span, message, "take some out");
            break;
        } else {
            found.insert(name.to_owned(), text.value.to_owned());
        }
    }
    found
}

fn reader_text<'t>(tab: &Tab<'t>, key: &str) -> Option<&'t str> {
    tab.item(key).and_then(|i| i.value.as_str())
}

/// The thing a key names. Outer `None`: nothing is named, or nothing has this name. Inner `None`:
/// it exists, and its own mistakes are named elsewhere.
pub(super) fn named<T>(
    reader: &mut Reader,
    tab: &Tab,
    key: &str,
    all: &Named<T>,
) -> Option<Option<Arc<T>>> {
    let text = reader.text(tab, key)?;
    let found = all.get(text.value).cloned();
    if found.is_none() {
        let names: Vec<&str> = all.keys().map(String::as_str).collect();
        let help = match names.is_empty() {
            true => format!("the file has no [{key}s.…] at all"),
            false => suggest(text.value, &names),
        };
        let message = format!("there is no {key} `{}`", shown(text.value));
        reader.error(&text.span, message, &help);
    }
    found
}

enum Dialled {
    Any,
    These(Vec<String>),
}

fn numbers(
    reader: &mut Reader,
    tab: &Tab,
    region: Region,
    taken: &mut HashMap<String, Place>,
    any: &mut Option<Place>,
) -> Dialled {
    if tab.item("numbers").is_none() {
        let help = "add numbers = [\"+74951234567\"], or numbers = \"any\" for all others";
        reader.missing(tab, "numbers", help);
    }
    let texts = reader.texts(tab, "numbers").unwrap_or_default();
    let mut found = Vec::new();
    for text in texts {
        let place = reader.place(&text.span);
        if text.value == "any" {
            if let Some(first) = any.replace(place) {
                let message = format!("`any` is taken already, in line {}", first.line);
                reader.error(&text.span, message, "only one line can take all other numbers");
            }
            return Dialled::Any;
        }
        let key = line_key(text.value, region);
        let digits = |k: &str| k.bytes().all(|b| b.is_ascii_digit() || b"+*#".contains(&b));
        if key.is_empty() || key.len() > 20 || !digits(&key) {
            let message = format!("`{}` is no number a trunk delivers", shown(text.value));
            reader.error(&text.span, message, "digits are possible, with a + in front");
            continue;
        }
        match taken.get(&key) {
            Some(first) => {
                let message = format!("`{}` is named already, in line {}", text.value, first.line);
                reader.error(&text.span, message, "a number belongs to one line only");
            }
            None => {
                taken.insert(key.clone(), place);
                found.push(key);
            }
        }
    }
    Dialled::These(found)
}
