//! Channel variables, kept in the form they are sent in: one block of `variable_NAME: VALUE`
//! lines. Building an event then copies one piece of memory.

use std::borrow::Cow;

use percent_encoding::{percent_decode_str, utf8_percent_encode};

use crate::esl::command::ESCAPED;

const PREFIX: &str = "variable_";

/// The block.
#[derive(Clone, Debug, Default)]
pub(super) struct Vars(String);

/// The form a value has in an event.
pub(super) fn encode(value: &str) -> Cow<'_, str> {
    utf8_percent_encode(value, ESCAPED).into()
}

impl Vars {
    /// `block`: complete lines, encoded.
    pub(super) fn new(block: String) -> Self {
        Self(block)
    }

    pub(super) fn block(&self) -> &str {
        &self.0
    }

    /// Where the line of `name` is, and where its value.
    fn find(&self, name: &str) -> Option<(usize, usize, usize)> {
        let mut from = 0;
        let mut key = String::with_capacity(PREFIX.len() + name.len() + 2);
        key.push_str(PREFIX);
        key.push_str(name);
        key.push_str(": ");
        let finder = memchr::memmem::Finder::new(&key);
        let bytes = self.0.as_bytes();
        while let Some(at) = finder.find(&bytes[from..]).map(|at| at + from) {
            if at == 0 || bytes[at - 1] == b'\n' {
                let value = at + key.len();
                let end = memchr::memchr(b'\n', &bytes[value..]).map_or(bytes.len(), |n| value + n);
                return Some((at, value, end));
            }
            from = at + key.len();
        }
        None
    }

    /// The value, decoded.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.find(name).map(|(_, value, end)| {
            percent_decode_str(&self.0[value..end]).decode_utf8_lossy().into_owned()
        })
    }

    /// Whether the variable says yes.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|v| {
            matches!(v.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "1" | "t" | "enabled")
        })
    }

    /// Sets a variable; an empty value unsets it. A changed one moves to the end, as in FreeSWITCH.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.unset(name);
        if !value.is_empty() {
            self.append(name, value);
        }
    }

    /// Adds a variable that is not there yet.
    pub(super) fn append(&mut self, name: &str, value: &str) {
        self.0.push_str(PREFIX);
        self.0.extend(name.chars().filter(|c| !c.is_control()));
        self.0.push_str(": ");
        self.0.extend(utf8_percent_encode(value, ESCAPED));
        self.0.push('\n');
    }

    /// Adds complete lines.
    pub(super) fn append_block(&mut self, block: &str) {
        self.0.push_str(block);
    }

    pub(super) fn unset(&mut self, name: &str) {
        if let Some((at, _, end)) = self.find(name) {
            let end = (end + 1).min(self.0.len());
            self.0.replace_range(at..end, "");
        }
    }

    /// One more element of an array (`ARRAY::a|:b`, FACTS.md).
    pub(super) fn push(&mut self, name: &str, element: &str) {
        let value = match self.get(name) {
            None => element.to_owned(),
            Some(old) if old.starts_with("ARRAY::") => format!("{old}|:{element}"),
            Some(old) => format!("ARRAY::{old}|:{element}"),
        };
        self.set(name, &value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_found_by_its_whole_name() {
        let mut vars = Vars::default();
        vars.set("bridge_uuid", "b");
        vars.set("uuid", "Иван: 1");
        assert_eq!(vars.get("uuid").as_deref(), Some("Иван: 1"));
        assert_eq!(vars.get("bridge"), None);
        vars.set("bridge_uuid", "c");
        assert!(vars.block().ends_with("variable_bridge_uuid: c\n"));
        vars.unset("uuid");
        assert_eq!(vars.block(), "variable_bridge_uuid: c\n");
    }

    #[test]
    fn arrays_grow_as_the_transcripts_show() {
        let mut vars = Vars::default();
        vars.push("a", "x");
        assert_eq!(vars.get("a").as_deref(), Some("x"));
        vars.push("a", "y");
        assert_eq!(vars.get("a").as_deref(), Some("ARRAY::x|:y"));
    }
}
