//! The head of a set: its settings.

use super::cx::Cx;
use super::model::{Setting, Value};
use super::parse::{MOST_WORDS, Overrides, told};
use super::words::{ADMIN, KINDS, Kind, SHORT_CALL};
use crate::rules::read::Tab;

pub(super) fn settings(cx: &mut Cx, root: &Tab, overrides: &Overrides) {
    let mut tabs = cx.reader.named(root, "settings", "setting");
    cx.declared = tabs.iter().map(|(name, _)| (*name).to_owned()).collect();
    cx.at_head = true;
    // People and times may name other settings: those come first.
    let late = |tab: &Tab| match tab.table.get("type").and_then(|t| t.as_str()) {
        Some("who") => 1,
        Some("due") => 2,
        _ => 0,
    };
    tabs.sort_by_key(|(_, tab)| late(tab));
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
        let value = overrides.get(name).cloned().or(read);
        cx.settings.push(Setting { name: name.to_owned(), kind, of, value, span });
    }
    cx.at_head = false;
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

pub(super) fn admin(cx: &mut Cx, root: &Tab) -> Option<Box<str>> {
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

pub(super) fn short_call(cx: &mut Cx) -> Option<std::time::Duration> {
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
