//! Reading the parts that settings, rules and actions share: texts, lists, people, times. A
//! `$name` stands for the value of a setting, and is put in its place here.

mod people;
mod times;
mod value;

use std::ops::Range;

use jiff::tz::TimeZone;
use toml_edit::{Item, Value as Toml};

use super::model::{Setting, Value, Written};
use super::text::{Text, Texts, Use};
use super::words::Kind;
use crate::rules::read::{At, Reader, Tab};
use crate::rules::words::{shown, suggest, type_name, type_of};

/// What is known of the set while it is read.
pub(super) struct Cx {
    pub reader: Reader,
    pub zone: TimeZone,
    pub settings: Vec<Setting>,
    /// The names of all settings, also of those that have a mistake.
    pub declared: Vec<String>,
    /// The settings are being read: some of them are not there yet.
    pub at_head: bool,
    /// Settings that something uses, by their place.
    pub used: Vec<usize>,
    pub texts: Texts,
    /// Lines that rules name.
    pub lines: Vec<(String, Range<usize>)>,
}

/// What a `$name` turned out to be.
enum Named {
    /// The text is no `$name`.
    Not,
    /// It is one, with a mistake that is named by now or stands in the setting.
    Wrong,
    /// The value.
    Is(Value),
}

impl Cx {
    /// The setting's value where the text is a `$name` of one of these types.
    fn named(&mut self, text: &At<&str>, wanted: &[Kind]) -> Named {
        let Some(name) = text.value.strip_prefix('$') else { return Named::Not };
        let Some(place) = self.settings.iter().position(|s| s.name == name) else {
            if self.declared.iter().any(|declared| declared == name) {
                if self.at_head {
                    let message = format!("the setting `{name}` cannot be named here");
                    let help = "lists of people name employees, due policies name durations and times; write the one that is named first";
                    self.reader.error(&text.span, message, help);
                }
                return Named::Wrong;
            }
            let names: Vec<&str> = self.settings.iter().map(|s| s.name.as_str()).collect();
            let message = format!("there is no setting `{}`", shown(name));
            let mut help = suggest(name, &names);
            if help.is_empty() {
                help = format!("write [settings.{name}] at the head, with type, value and why");
            }
            self.reader.error(&text.span, message, &help);
            return Named::Wrong;
        };
        self.used.push(place);
        let Some(setting) = self.settings.get(place) else { return Named::Wrong };
        if !wanted.contains(&setting.kind) {
            let wanted: Vec<&str> = wanted.iter().map(|kind| kind.word()).collect();
            let message = format!(
                "the setting `{name}` is of type `{}`; here goes one of type {}",
                setting.kind.word(),
                wanted.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(" or ")
            );
            self.reader.error(&text.span, message, "");
            return Named::Wrong;
        }
        setting.value.clone().map_or(Named::Wrong, Named::Is)
    }

    fn wrong(&mut self, what: &str, span: &Range<usize>, wanted: &str, found: &Item) {
        let found = type_name(found.type_name());
        self.reader.error(span, format!("{what} must be {wanted}, not {found}"), "");
    }

    /// A text without words in it, or the setting's.
    pub fn plain(&mut self, tab: &Tab, key: &str) -> Option<String> {
        let text = self.reader.text(tab, key)?;
        match self.named(&text, &[Kind::Text]) {
            Named::Not => Some(text.value.to_owned()),
            Named::Is(Value::Text(written)) => Some(written.text),
            Named::Is(_) | Named::Wrong => None,
        }
    }

    /// A text with words in it.
    pub fn text(&mut self, tab: &Tab, key: &str, used: Use) -> Option<Text> {
        let text = self.reader.text(tab, key)?;
        self.text_at(&text, used)
    }

    fn text_at(&mut self, text: &At<&str>, used: Use) -> Option<Text> {
        match self.named(text, &[Kind::Text]) {
            Named::Not => self.texts.add(&mut self.reader, text.value, &text.span, used),
            Named::Is(Value::Text(w)) => self.texts.add(&mut self.reader, &w.text, &w.span, used),
            Named::Is(_) | Named::Wrong => None,
        }
    }

    /// A text, a list of texts, or a setting's.
    pub fn texts(&mut self, tab: &Tab, key: &str) -> Vec<Text> {
        let mut found = Vec::new();
        for text in self.reader.texts(tab, key).unwrap_or_default() {
            let written = match self.named(&text, &[Kind::Texts, Kind::Text]) {
                Named::Not => vec![Written { text: text.value.to_owned(), span: text.span }],
                Named::Is(Value::Texts(all)) => all,
                Named::Is(Value::Text(one)) => vec![one],
                Named::Is(_) | Named::Wrong => continue,
            };
            for Written { text, span } in written {
                let text = self.texts.add(&mut self.reader, &text, &span, Use::Plain);
                found.extend(text.filter(|text| !text.is_empty()));
            }
        }
        found
    }

    /// Texts without words in them.
    pub fn names(&mut self, tab: &Tab, key: &str) -> Vec<String> {
        let mut found = Vec::new();
        for text in self.reader.texts(tab, key).unwrap_or_default() {
            match self.named(&text, &[Kind::Texts]) {
                Named::Not => found.push(text.value.to_owned()),
                Named::Is(Value::Texts(all)) => found.extend(all.into_iter().map(|w| w.text)),
                Named::Is(_) | Named::Wrong => {}
            }
        }
        found
    }

    /// Fields by name, or a setting's.
    pub fn fields(&mut self, tab: &Tab, key: &str) -> Vec<(String, Text)> {
        let what = format!("`{key}` of {}", tab.what);
        let Some(item) = tab.item(key) else { return Vec::new() };
        let named = match item.value.as_str() {
            Some(value) => self.named(&At { value, span: item.span.clone() }, &[Kind::Fields]),
            None => Named::Not,
        };
        let written = match named {
            Named::Not => self.fields_at(&item, &what).unwrap_or_default(),
            Named::Is(Value::Fields(all)) => all,
            Named::Is(_) | Named::Wrong => return Vec::new(),
        };
        let mut found = Vec::new();
        for (name, Written { text, span }) in written {
            let text = self.text_at(&At { value: text.as_str(), span }, Use::Plain);
            found.extend(text.map(|text| (name, text)));
        }
        found
    }

    /// `None`: it is no table.
    fn fields_at(&mut self, item: &At<&Item>, what: &str) -> Option<Vec<(String, Written)>> {
        let Some(table) = item.value.as_table_like() else {
            self.wrong(what, &item.span, "a table of texts", item.value);
            return None;
        };
        let fields = Tab { table, span: item.span.clone(), what: what.to_owned() };
        let mut found = Vec::new();
        for (name, _) in table.iter() {
            let text = self.reader.text(&fields, name);
            found.extend(text.map(|At { value, span }| {
                (name.to_owned(), Written { text: value.to_owned(), span })
            }));
        }
        Some(found)
    }

    /// A word of a closed list, or a choice whose words are all in it.
    pub fn word<T: Copy>(
        &mut self,
        tab: &Tab,
        key: &str,
        what: &str,
        known: &[(&str, T)],
    ) -> Option<T> {
        let word = self.reader.text(tab, key)?;
        let choice = match self.named(&word, &[Kind::Choice]) {
            Named::Not => return self.reader.word(&word, what, known),
            Named::Is(Value::Choice(choice)) => choice,
            Named::Is(_) | Named::Wrong => return None,
        };
        let name = word.value.trim_start_matches('$');
        let of = self.settings.iter().find(|s| s.name == name).map(|s| s.of.clone());
        let of = of.unwrap_or_default();
        if let Some(other) = of.iter().find(|w| !known.iter().any(|(k, _)| k == w)) {
            let message = format!("the setting `{name}` may be `{other}`, which is no {what}");
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            self.reader.error(&word.span, message, &suggest(other, &names));
            return None;
        }
        let word = of.get(choice)?;
        known.iter().find(|(name, _)| name == word).map(|(_, value)| *value)
    }

    /// `true`, `false` or a setting's.
    pub fn flag(&mut self, tab: &Tab, key: &str) -> Option<bool> {
        let item = tab.item(key)?;
        let Some(text) = item.value.as_str() else { return self.reader.flag(tab, key) };
        match self.named(&At { value: text, span: item.span.clone() }, &[Kind::Flag]) {
            Named::Not => self.reader.flag(tab, key),
            Named::Is(Value::Flag(flag)) => Some(flag),
            Named::Is(_) | Named::Wrong => None,
        }
    }

    fn text_of<'t>(&mut self, value: &'t Toml, item: &At<&Item>) -> Option<At<&'t str>> {
        let span = value.span().unwrap_or_else(|| item.span.clone());
        match value.as_str() {
            Some(value) => Some(At { value, span }),
            None => {
                let message = format!("this must be a text, not {}", type_of(value));
                self.reader.error(&span, message, "put it in quotes");
                None
            }
        }
    }
}
