//! Words and times of a rule file, and what a person is told about a wrong one.

use std::fmt::Write as _;
use std::time::Duration;

use toml_edit::Value;

/// `10s`, `5m`, `1h30m`: whole numbers with units, largest unit first or not.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let mut seconds = 0u64;
    let mut figure: Option<u64> = None;
    for c in text.trim().chars() {
        if let Some(digit) = c.to_digit(10) {
            let grown = figure.unwrap_or(0).checked_mul(10)?;
            figure = Some(grown.checked_add(digit.into())?);
            continue;
        }
        let unit = match c {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return None,
        };
        let part = figure.take()?.checked_mul(unit)?;
        seconds = seconds.checked_add(part)?;
    }
    (figure.is_none() && !text.trim().is_empty()).then(|| Duration::from_secs(seconds))
}

/// What a person is told who wrote an unknown word: the nearest known one, and all of them.
pub(super) fn suggest(word: &str, known: &[&str]) -> String {
    if known.is_empty() {
        return String::new();
    }
    let lower = word.to_lowercase();
    let near = known
        .iter()
        .map(|k| (strsim::jaro_winkler(&lower, &k.to_lowercase()), *k))
        .filter(|(score, _)| *score > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let mut help = String::new();
    if let Some((_, near)) = near {
        let _ = write!(help, "did you mean `{near}`? ");
    }
    if known.len() <= 12 {
        let _ = write!(help, "known here: {}", known.join(", "));
    }
    help.trim_end().to_owned()
}

/// A text from the file, cut to a length that fits into a message.
pub(super) fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short.escape_debug().to_string()
}

pub(super) fn type_of(value: &Value) -> &'static str {
    type_name(value.type_name())
}

pub(super) fn type_name(toml: &str) -> &'static str {
    match toml {
        "string" => "a text",
        "integer" | "float" => "a number",
        "boolean" => "true or false",
        "datetime" => "a date",
        "array" | "array of tables" => "a list",
        _ => "a table",
    }
}
