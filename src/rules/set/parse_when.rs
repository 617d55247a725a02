//! `when = { event = "missed", … }`: what a rule matches.

use super::cx::Cx;
use super::model::{Value, When};
use super::parse::MOST_WORDS;
use super::words::{Fact, Kind, SETTINGS, SHORT_CALL};
use crate::rules::read::{At, Tab};
use crate::rules::words::{shown, suggest};

/// The bit of a setting's value.
pub(super) fn in_force(cx: &Cx, place: usize) -> u64 {
    let bit = match cx.settings.get(place).and_then(|s| s.value.as_ref()) {
        Some(Value::Choice(choice)) => *choice,
        Some(Value::Flag(flag)) => usize::from(*flag),
        _ => return 0,
    };
    1 << bit.min(MOST_WORDS)
}

pub(super) fn when(cx: &mut Cx, tab: &Tab) -> When {
    let before = cx.reader.problems.len();
    let mut when = When::default();
    let Some(facts) = cx.reader.table(tab, "when", &format!("`when` of {}", tab.what)) else {
        return When::nothing();
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
    // What it was to match is not known.
    if cx.reader.problems.len() > before { When::nothing() } else { when }
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
        if cx.declared.iter().any(|declared| declared == name) {
            return None;
        }
        let names: Vec<&str> = cx.settings.iter().map(|s| s.name.as_str()).collect();
        let message = format!("there is no setting `{}`", shown(name));
        cx.reader.error(&span, message, &suggest(name, &names));
        return None;
    };
    cx.used.push(place);
    let setting = cx.settings.get(place)?.clone();
    let item = tab.item(name)?;
    match setting.kind {
        Kind::Choice if setting.of.is_empty() => None,
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
