//! Words and their values, as templates see them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::Object;

use crate::rules::set::words::{WORDS, Word};

/// Values by name, as templates see them.
#[derive(Debug)]
struct Names(Vec<(Cow<'static, str>, Value)>);

impl Object for Names {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone())
    }
}

/// Values by name, for a template.
pub(crate) fn names<N: Into<Cow<'static, str>>>(
    all: impl IntoIterator<Item = (N, Value)>,
) -> Value {
    let all = all.into_iter().map(|(name, value)| (name.into(), value));
    Value::from_object(Names(all.collect()))
}

/// All words empty, or all there.
pub(super) fn trial(full: bool, fields: &BTreeSet<String>) -> Value {
    let value = if full { "x" } else { "" };
    let there = fields.iter().filter(|_| full);
    let fields = names(there.map(|name| (name.clone(), Value::from("x"))));
    names(WORDS.into_iter().map(|(name, word)| match word {
        Word::Fields => (name, fields.clone()),
        _ => (name, Value::from(value)),
    }))
}
