//! Actions side by side, in lines.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value as Json;

use super::Expected;
use crate::core::action::Ruling;

/// Actions that are not as expected, in lines.
pub(super) fn actions(
    expected: &[Expected],
    ruling: &Ruling,
    at: Timestamp,
    zone: &TimeZone,
) -> Vec<String> {
    let mut lines = Vec::new();
    for place in 0..expected.len().max(ruling.actions.len()) {
        let wanted = expected.get(place);
        let found = ruling.actions.get(place);
        let after = found.and_then(|found| found.after);
        let delay = wanted.and_then(|w| w.delay).and_then(|d| at.checked_add(d).ok());
        let same = wanted.map(|w| &w.action) == found.map(|f| &f.action) && delay == after;
        if same {
            continue;
        }
        let number = place + 1;
        match (wanted.map(|w| fields(&w.action, delay, zone)), found) {
            (Some(wanted), Some(found)) => {
                let rule = &found.rule;
                let found = fields(&found.action, after, zone);
                if wanted.first() != found.first() {
                    lines.push(format!("action {number}: expected {}", line(&wanted)));
                    lines.push(format!("          found    {}  [{rule}]", line(&found)));
                    continue;
                }
                let what = found.first().map(|(_, what)| what.clone()).unwrap_or_default();
                lines.push(format!("action {number}, {what} of rule {rule}:"));
                let keys: BTreeSet<&String> = wanted.iter().chain(&found).map(|(k, _)| k).collect();
                for key in keys {
                    let value = |all: &[(String, String)]| {
                        let found = all.iter().find(|(k, _)| k == key);
                        found.map_or_else(|| "nothing".to_owned(), |(_, value)| value.clone())
                    };
                    let (wanted, found) = (value(&wanted), value(&found));
                    if wanted != found {
                        lines.push(format!("    {key}: expected {wanted}, found {found}"));
                    }
                }
            }
            (Some(wanted), None) => {
                lines.push(format!("action {number}: expected {}", line(&wanted)));
                lines.push("          found    nothing more".to_owned());
            }
            (None, Some(found)) => {
                let shown = fields(&found.action, after, zone);
                lines.push(format!("action {number}: expected nothing more"));
                lines.push(format!("          found    {}  [{}]", line(&shown), found.rule));
            }
            (None, None) => {}
        }
    }
    lines
}

/// The action's keys and values; what is not set is left out. Its word comes first.
fn fields(
    action: &crate::core::action::Action,
    after: Option<Timestamp>,
    zone: &TimeZone,
) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if let Ok(Json::Object(map)) = serde_json::to_value(action) {
        let text = |value: &Json| match value {
            Json::Null => None,
            Json::String(text) if text.is_empty() => None,
            Json::Array(list) if list.is_empty() => None,
            Json::Object(map) if map.is_empty() => None,
            Json::Bool(false) => None,
            other => Some(other.to_string()),
        };
        let due = |key: &str, value: &Json| match (key, value.as_str()) {
            ("due", Some(due)) => due.parse().ok().map(|due| wall(due, zone)),
            _ => None,
        };
        let word = map.get("do").and_then(text);
        found.extend(word.map(|word| ("do".to_owned(), word)));
        for (key, value) in map.iter().filter(|(key, _)| *key != "do") {
            let shown = due(key, value).or_else(|| text(value));
            found.extend(shown.map(|shown| (key.clone(), shown)));
        }
    }
    found.extend(after.map(|after| ("not before".to_owned(), wall(after, zone))));
    found
}

fn wall(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).to_string()
}

fn line(fields: &[(String, String)]) -> String {
    let fields: Vec<String> = fields.iter().map(|(k, v)| format!("{k} = {v}")).collect();
    format!("{{ {} }}", fields.join(", "))
}
