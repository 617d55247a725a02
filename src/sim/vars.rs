//! Channel variables, kept in the form they are sent in: one block of `variable_NAME: VALUE`
//! lines. Building an event then copies one piece of memory.

use std::borrow::Cow;

use percent_encoding::{percent_decode_str, utf8_percent_encode};

use crate::esl::command::ESCAPED;

const PREFIX: &str = "variable_";

/// The block, and which names may be in it: most look-ups are for names that are not.
#[derive(Clone, Debug, Default)]
pub(super) struct Vars {
    block: String,
    names: [u64; 32],
}

/// The form a value has in an event.
pub(super) fn encode(value: &str) -> Cow<'_, str> {
    utf8_percent_encode(value, ESCAPED).into()
}

/// The place of a name in the filter of names (FNV-1a).
fn place(name: &[u8]) -> (usize, u64) {
    let hash = name
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
    ((hash >> 32) as usize % 32, 1 << (hash >> 58))
}

impl Vars {
    /// `block`: complete lines, encoded.
    pub(super) fn new(block: String) -> Self {
        let mut vars = Self::default();
        vars.note(&block);
        vars.block = block;
        vars
    }

    pub(super) fn block(&self) -> &str {
        &self.block
    }

    /// Notes the names of new lines.
    fn note(&mut self, lines: &str) {
        for line in lines.lines() {
            let name = line.strip_prefix(PREFIX).and_then(|l| l.split(": ").next());
            let (word, bit) = place(name.unwrap_or_default().as_bytes());
            self.names[word] |= bit;
        }
    }

    /// Where the line of `name` is, and where its value. The last lines are looked at first: what
    /// changes stands there.
    fn find(&self, name: &str) -> Option<(usize, usize, usize)> {
        let (word, bit) = place(name.as_bytes());
        if self.names[word] & bit == 0 {
            return None;
        }
        let bytes = self.block.as_bytes();
        let mut end = bytes.len();
        while end > 0 {
            let start = memchr::memrchr(b'\n', &bytes[..end - 1]).map_or(0, |n| n + 1);
            let line = &bytes[start..end - 1];
            let value = line
                .strip_prefix(PREFIX.as_bytes())
                .and_then(|l| l.strip_prefix(name.as_bytes()))
                .and_then(|l| l.strip_prefix(b": "));
            if let Some(value) = value {
                return Some((start, end - 1 - value.len(), end - 1));
            }
            end = start;
        }
        None
    }

    /// The value, decoded.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.find(name).map(|(_, value, end)| {
            percent_decode_str(&self.block[value..end]).decode_utf8_lossy().into_owned()
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
        let clean: Cow<'_, str> = if name.contains(char::is_control) {
            name.chars().filter(|c| !c.is_control()).collect::<String>().into()
        } else {
            name.into()
        };
        let (word, bit) = place(clean.as_bytes());
        self.names[word] |= bit;
        self.block.push_str(PREFIX);
        self.block.push_str(&clean);
        self.block.push_str(": ");
        for piece in utf8_percent_encode(value, ESCAPED) {
            self.block.push_str(piece);
        }
        self.block.push('\n');
    }

    /// Adds complete lines.
    pub(super) fn append_block(&mut self, block: &str) {
        self.note(block);
        self.block.push_str(block);
    }

    pub(super) fn unset(&mut self, name: &str) {
        if let Some((at, _, end)) = self.find(name) {
            let end = (end + 1).min(self.block.len());
            self.block.replace_range(at..end, "");
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
