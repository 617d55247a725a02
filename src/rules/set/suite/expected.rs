//! Actions as a test expects them, read by the names they have in the journal.

use jiff::tz::TimeZone;
use serde_json::{Map, Value as Json, json};
use toml_edit::Item;

use super::{Expected, case};
use crate::core::action::Action;
use crate::rules::read::Tab;
use crate::rules::set::cx::Cx;
use crate::rules::set::words::{ACTIONS, EVERYBODY};

/// `None`: there are mistakes, which are named.
pub(super) fn read(cx: &mut Cx, test: &Tab) -> Option<Vec<Expected>> {
    let tabs = cx.reader.tables(test, "actions", "an action")?;
    let found: Vec<_> = tabs.iter().map(|tab| one(cx, tab)).collect();
    found.into_iter().collect()
}

fn one(cx: &mut Cx, tab: &Tab) -> Option<Expected> {
    if tab.item("do").is_none() {
        cx.reader.missing(tab, "do", "say what is done: { do = \"note\", … }");
    }
    let word = cx.reader.text(tab, "do")?;
    let known: Vec<_> = ACTIONS.iter().map(|(word, _)| (*word, *word)).collect();
    let word = cx.reader.word(&word, "action", &known)?;
    let delay = cx.duration(tab, "delay").filter(|delay| !delay.is_zero());
    let mut fields = Map::new();
    for (key, item) in tab.table.iter().filter(|(key, _)| *key != "delay") {
        let value = match key {
            "due" => due(item, &cx.zone),
            "to" if word == "notify" => to(item),
            _ => json(item),
        };
        fields.insert(key.to_owned(), value);
    }
    match serde_json::from_value::<Action>(Json::Object(fields)) {
        Ok(action) => Some(Expected { action, delay }),
        Err(error) => {
            let message = format!("this is no `{word}` as it is carried out: {error}");
            let help = "all texts are final here: ids of employees, no $settings, no {{ words }}";
            cx.reader.error(&tab.span, message, help);
            None
        }
    }
}

/// A time by the clock of the set becomes a moment.
fn due(item: &Item, zone: &TimeZone) -> Json {
    let written = json(item);
    let moment = written.as_str().and_then(|text| case::moment(text, zone));
    moment.map_or(written, |moment| json!(moment.to_string()))
}

/// `"everybody"`, `"101"`, `["101", "102"]`.
fn to(item: &Item) -> Json {
    match json(item) {
        Json::String(word) if word == EVERYBODY => json!(word),
        Json::String(one) => json!({ "these": [one] }),
        Json::Array(many) => json!({ "these": many }),
        other => other,
    }
}

fn json(item: &Item) -> Json {
    if let Some(table) = item.as_table_like() {
        let fields = table.iter().map(|(key, item)| (key.to_owned(), json(item)));
        return Json::Object(fields.collect());
    }
    match item.as_value() {
        Some(toml_edit::Value::Array(array)) => {
            Json::Array(array.iter().map(|v| json(&Item::Value(v.clone()))).collect())
        }
        Some(toml_edit::Value::String(text)) => json!(text.value()),
        Some(toml_edit::Value::Integer(number)) => json!(number.value()),
        Some(toml_edit::Value::Float(number)) => json!(number.value()),
        Some(toml_edit::Value::Boolean(flag)) => json!(flag.value()),
        Some(toml_edit::Value::Datetime(time)) => json!(time.value().to_string()),
        _ => Json::Null,
    }
}
