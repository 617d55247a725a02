//! TOML into records.

use std::collections::HashMap;

use toml_edit::{Document, Item, Table, Value};

use super::record::{Field, Kind, Problems, Raw, suggestion};

pub(super) fn read(text: &str, problems: &mut Problems) -> Vec<Raw> {
    let lines = Lines(text);
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => {
            problems.add(
                lines.of(error.span()),
                format!("this is not TOML: {}", error.message()),
                "see https://toml.io; text stands in quotes, lists in [ ]",
            );
            return Vec::new();
        }
    };
    let mut records = Vec::new();
    for (name, item) in document.iter() {
        let key = document.key(name).and_then(toml_edit::Key::span);
        let line = lines.of(key.or_else(|| item.span()));
        let Some(kind) = Kind::named(name) else {
            problems.add(
                line,
                format!("`{name}` is no kind of record"),
                suggestion(name, Kind::ALL.map(Kind::as_str)),
            );
            continue;
        };
        let Some(tables) = item.as_array_of_tables() else {
            problems.add(
                line,
                format!("`{name}` is not a list of tables"),
                format!("write [[{name}]], in double brackets, above each {name}"),
            );
            continue;
        };
        records.extend(tables.iter().map(|table| record(kind, table, &lines, problems)));
    }
    records.sort_by_key(|record| record.line);
    records
}

/// Lines by byte offset.
struct Lines<'a>(&'a str);

impl Lines<'_> {
    fn of(&self, span: Option<std::ops::Range<usize>>) -> usize {
        let start = span.map_or(0, |span| span.start);
        let before = self.0.as_bytes().get(..start).unwrap_or_default();
        1 + before.iter().filter(|b| **b == b'\n').count()
    }
}

fn record(kind: Kind, table: &Table, lines: &Lines, problems: &mut Problems) -> Raw {
    let mut fields = HashMap::new();
    for (name, item) in table {
        let key = table.key(name).and_then(toml_edit::Key::span);
        let line = lines.of(key.or_else(|| item.span()));
        let Some(&field) = kind.fields().iter().find(|field| **field == name) else {
            problems.add(
                line,
                format!("{} has no `{name}`", kind.with_article()),
                suggestion(name, kind.fields().iter().copied()),
            );
            continue;
        };
        let list = matches!(field, "numbers" | "groups");
        let values = values(item, list);
        if values.is_none() {
            let (what, todo) = if list {
                ("a list of texts", "[\"…\", \"…\"]")
            } else {
                ("a single value", "\"…\"")
            };
            problems.add(
                line,
                format!("`{field}` is not {what}"),
                format!("write it like {field} = {todo}"),
            );
        }
        let empty = values.as_ref().is_some_and(Vec::is_empty);
        if !empty {
            // Also when it is wrong: it is not missing then.
            let values = values.unwrap_or_default();
            fields.insert(field, Field { line, values });
        }
    }
    Raw { kind, line: lines.of(table.span()), fields }
}

fn values(item: &Item, list: bool) -> Option<Vec<String>> {
    let texts = match item.as_value()? {
        Value::Array(array) if list => array.iter().map(text).collect::<Option<Vec<_>>>()?,
        value => vec![text(value)?],
    };
    Some(texts.into_iter().filter(|text| !text.is_empty()).collect())
}

/// People write ids and numbers without quotes too.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.value().trim().to_owned()),
        Value::Integer(number) => Some(number.value().to_string()),
        Value::Boolean(yes) => Some(if *yes.value() { "yes" } else { "no" }.to_owned()),
        Value::Datetime(time) => Some(time.value().to_string()),
        Value::Float(_) | Value::Array(_) | Value::InlineTable(_) => None,
    }
}
