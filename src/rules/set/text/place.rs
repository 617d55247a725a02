//! Where in the file a part of a text stands.

use std::ops::Range;

use crate::rules::read::Reader;

/// The first place of a whole word.
pub(super) fn find(text: &str, word: &str) -> Option<Range<usize>> {
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    let mut from = 0;
    while let Some(found) = text.get(from..).and_then(|rest| rest.find(word)) {
        let (start, end) = (from + found, from + found + word.len());
        let before = text[..start].chars().next_back().is_some_and(joins);
        let after = text[end..].chars().next().is_some_and(joins);
        if !before && !after {
            return Some(start..end);
        }
        from = end;
    }
    None
}

/// Bytes of a text as bytes of the file; the whole text where it is written with escapes.
pub(super) fn inside(
    reader: &Reader,
    span: &Range<usize>,
    text: &str,
    part: Option<Range<usize>>,
) -> Range<usize> {
    let Some((part, written)) = part.zip(reader.source.text.get(span.clone())) else {
        return span.clone();
    };
    let Some(start) = written.find(text) else { return span.clone() };
    let from = span.start + start + part.start.min(text.len());
    let mut until = span.start + start + part.end.clamp(part.start + 1, text.len().max(1));
    let file = &reader.source.text;
    while until < file.len() && !file.is_char_boundary(until) {
        until += 1;
    }
    if file.is_char_boundary(from) && from < until { from..until } else { span.clone() }
}
