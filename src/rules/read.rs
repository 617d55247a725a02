//! Reading TOML with places: every getter notes what is wrong and goes on, so that all mistakes
//! of a file are named at once.

use std::ops::Range;
use std::time::Duration;

use miette::Severity;
use toml_edit::{Item, TableLike};

use super::problem::{Problem, Source};
use super::words::{duration, shown, suggest, type_name, type_of};
use crate::core::trace::Place;

/// A value with the bytes it was written in.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub value: T,
    pub span: Range<usize>,
}

/// A table with a name for messages, such as "line `moscow`".
#[derive(Clone)]
pub(super) struct Tab<'t> {
    pub table: &'t dyn TableLike,
    pub span: Range<usize>,
    pub what: String,
}

impl<'t> Tab<'t> {
    /// The key's own bytes.
    pub fn key_span(&self, key: &str) -> Range<usize> {
        let key = self.table.get_key_value(key).and_then(|(k, _)| k.span());
        key.unwrap_or_else(|| self.span.clone())
    }

    pub fn item(&self, key: &str) -> Option<At<&'t Item>> {
        let item = self.table.get(key)?;
        let span = item.span().unwrap_or_else(|| self.key_span(key));
        Some(At { value: item, span })
    }
}

/// The file, and what was found wrong so far.
pub(super) struct Reader {
    pub source: Source,
    pub problems: Vec<Problem>,
}

impl Reader {
    pub fn place(&self, span: &Range<usize>) -> Place {
        self.source.place(span)
    }

    pub fn error(&mut self, span: &Range<usize>, message: impl Into<String>, help: &str) {
        self.note(Severity::Error, span, message.into(), help);
    }

    pub fn warn(&mut self, span: &Range<usize>, message: impl Into<String>, help: &str) {
        self.note(Severity::Warning, span, message.into(), help);
    }

    fn note(&mut self, severity: Severity, span: &Range<usize>, message: String, help: &str) {
        let help = (!help.is_empty()).then(|| help.to_owned());
        let problem = Problem::new(&self.source, severity, span.clone(), message, help);
        self.problems.push(problem);
    }

    /// Names every key of the table that is not in the list.
    pub fn keys(&mut self, tab: &Tab, known: &[&str]) {
        for (key, _) in tab.table.iter() {
            if !known.contains(&key) {
                let help = suggest(key, known);
                let message = format!("{} knows no key `{key}`", tab.what);
                self.error(&tab.key_span(key), message, &help);
            }
        }
    }

    pub fn wrong_type(&mut self, tab: &Tab, key: &str, found: &At<&Item>, wanted: &str) {
        let message = format!(
            "`{key}` of {} must be {wanted}, not {}",
            tab.what,
            type_name(found.value.type_name())
        );
        self.error(&found.span, message, "");
    }

    pub fn missing(&mut self, tab: &Tab, key: &str, help: &str) {
        let message = format!("{} has no `{key}`", tab.what);
        self.error(&tab.span.clone(), message, help);
    }

    pub fn text<'t>(&mut self, tab: &Tab<'t>, key: &str) -> Option<At<&'t str>> {
        let item = tab.item(key)?;
        match item.value.as_str() {
            Some(value) => {
                let span = item.span;
                Some(At { value, span })
            }
            None => {
                self.wrong_type(tab, key, &item, "a text in quotes");
                None
            }
        }
    }

    pub fn flag(&mut self, tab: &Tab, key: &str) -> Option<bool> {
        let item = tab.item(key)?;
        let flag = item.value.as_bool();
        if flag.is_none() {
            self.wrong_type(tab, key, &item, "true or false");
        }
        flag
    }

    pub fn table<'t>(&mut self, tab: &Tab<'t>, key: &str, what: &str) -> Option<Tab<'t>> {
        let item = tab.item(key)?;
        match item.value.as_table_like() {
            Some(table) => Some(Tab { table, span: item.span, what: what.to_owned() }),
            None => {
                self.wrong_type(tab, key, &item, "a table");
                None
            }
        }
    }

    /// The tables under `key`, by name: `[lines.moscow]`, `[lines.spb]`.
    pub fn named<'t>(&mut self, root: &Tab<'t>, key: &str, kind: &str) -> Vec<(&'t str, Tab<'t>)> {
        let Some(tables) = self.table(root, key, &format!("`{key}`")) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for (name, item) in tables.table.iter() {
            match item.as_table_like() {
                Some(table) => {
                    let span = tables.key_span(name);
                    let what = format!("{kind} `{name}`");
                    found.push((name, Tab { table, span, what }));
                }
                None => {
                    let message = format!("`{name}` of `{key}` must be a table");
                    let help = format!("write [{key}.{name}] and its keys below");
                    self.error(&tables.key_span(name), message, &help);
                }
            }
        }
        found
    }

    /// The tables of a list, inline or as `[[…]]`.
    pub fn tables<'t>(&mut self, tab: &Tab<'t>, key: &str, what: &str) -> Option<Vec<Tab<'t>>> {
        let item = tab.item(key)?;
        let mut found = Vec::new();
        if let Some(array) = item.value.as_array_of_tables() {
            for table in array {
                let span = table.span().unwrap_or_else(|| item.span.clone());
                let what = what.to_owned();
                found.push(Tab { table, span, what });
            }
        } else if let Some(array) = item.value.as_array() {
            for value in array {
                let span = value.span().unwrap_or_else(|| item.span.clone());
                match value.as_inline_table() {
                    Some(table) => {
                        let what = what.to_owned();
                        found.push(Tab { table, span, what });
                    }
                    None => {
                        let message = format!("{what} must be a table, not {}", type_of(value));
                        self.error(&span, message, "write it as { do = \"…\" }");
                    }
                }
            }
        } else {
            self.wrong_type(tab, key, &item, "a list");
            return None;
        }
        Some(found)
    }

    /// One text, or a list of texts.
    pub fn texts<'t>(&mut self, tab: &Tab<'t>, key: &str) -> Option<Vec<At<&'t str>>> {
        let item = tab.item(key)?;
        if let Some(value) = item.value.as_str() {
            let span = item.span;
            return Some(vec![At { value, span }]);
        }
        let Some(array) = item.value.as_array() else {
            self.wrong_type(tab, key, &item, "a text or a list of texts");
            return None;
        };
        let mut found = Vec::new();
        for value in array {
            let span = value.span().unwrap_or_else(|| item.span.clone());
            match value.as_str() {
                Some(value) => found.push(At { value, span }),
                None => {
                    let message = format!("`{key}` must hold texts, not {}", type_of(value));
                    self.error(&span, message, "put it in quotes");
                }
            }
        }
        Some(found)
    }

    /// A word of a closed list.
    pub fn word<T: Copy>(&mut self, word: &At<&str>, what: &str, known: &[(&str, T)]) -> Option<T> {
        let found = known.iter().find(|(name, _)| *name == word.value);
        if found.is_none() {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let message = format!("`{}` is no {what}", shown(word.value));
            self.error(&word.span, message, &suggest(word.value, &names));
        }
        found.map(|(_, value)| *value)
    }

    /// A time such as `10s`, `5m`, `1h30m`, from 1 s to `most`.
    pub fn duration(&mut self, tab: &Tab, key: &str, most: Duration) -> Option<Duration> {
        let item = tab.item(key)?;
        let Some(text) = item.value.as_str() else {
            self.wrong_type(tab, key, &item, "a time in quotes, such as \"10s\"");
            return None;
        };
        let Some(duration) = duration(text) else {
            let message = format!("`{}` is no time", shown(text));
            self.error(&item.span, message, "write \"10s\", \"5m\" or \"1m30s\"");
            return None;
        };
        if duration.is_zero() || duration > most {
            let message = format!("`{key}` of {} is {}", tab.what, text);
            let help = format!("from 1s to {}s is possible", most.as_secs());
            self.error(&item.span, message, &help);
            return None;
        }
        Some(duration)
    }
}
