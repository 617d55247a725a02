//! What is read leniently: no row is worth a whole answer.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tracing::debug;

use super::Ref;
use crate::crm::remote::{Id, object, quiet};

/// A map; an empty one comes as a list.
pub(in crate::crm::retailcrm) fn map<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    d: D,
) -> Result<BTreeMap<String, T>, D::Error> {
    object(d).map(Option::unwrap_or_default)
}

/// A text. Some accounts have numbers where others have texts.
pub(in crate::crm::retailcrm) fn text<'de, D: Deserializer<'de>>(
    d: D,
) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(d)? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// The same; nothing is an empty one.
pub(super) fn plain<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    text(d).map(Option::unwrap_or_default)
}

/// An id; an empty text is none.
pub(super) fn id<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Id>, D::Error> {
    Ok(Id::deserialize(Value::deserialize(d)?).ok())
}

/// Something with an id; anything else is nothing.
pub(super) fn reference<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Ref>, D::Error> {
    Ok(Ref::deserialize(Value::deserialize(d)?).ok())
}

/// A list without those of its rows that cannot be read.
pub(super) fn rows<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    d: D,
) -> Result<Vec<T>, D::Error> {
    let rows: Vec<Value> = Option::deserialize(d)?.unwrap_or_default();
    let read = |row| match serde_json::from_value(row) {
        Ok(row) => Some(row),
        Err(error) => {
            let why = quiet(&error.to_string());
            debug!(why, "a row of a list cannot be read, and is passed over");
            None
        }
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

/// Yes or no, in any of its spellings.
pub(super) fn flag<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    Ok(match Value::deserialize(d)? {
        Value::Bool(flag) => flag,
        Value::Number(number) => number.as_u64() == Some(1),
        Value::String(text) => matches!(text.as_str(), "true" | "1"),
        _ => false,
    })
}

/// Codes: a list of them, a list of what has one, or a map by them.
pub(super) fn codes<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    let code = |one: Value| one.as_str().or(one["code"].as_str()).map(str::to_owned);
    Ok(match Value::deserialize(d)? {
        Value::Array(list) => list.into_iter().filter_map(code).collect(),
        Value::Object(map) => map.into_iter().map(|(code, _)| code).collect(),
        _ => Vec::new(),
    })
}
