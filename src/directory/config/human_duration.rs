//! Durations as people write them: `500ms`, `30s`, `5m`, `1h 30m`. For `#[serde(with = …)]`.

use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRelativeTo};
use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// Ten years. So no sum of settings and clock can overflow.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Reads a time from zero to ten years.
///
/// # Errors
/// The text, and how to write it.
pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(d)?;
    parse(&text).map_err(D::Error::custom)
}

/// Reads it from a text; a day is 24 hours.
///
/// # Errors
/// The text, and how to write it.
pub fn parse(text: &str) -> Result<Duration, String> {
    let span = text.parse::<Span>().ok();
    span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok())
        .and_then(|time| Duration::try_from(time).ok())
        .filter(|time| *time <= LONGEST)
        .ok_or_else(|| {
            let text: String = text.chars().take(40).collect();
            format!(
                "`{text}` is no time that fits here: write it like \"500ms\", \"30s\", \"5m\" or \"6h\""
            )
        })
}

/// Writes it the same way.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(time: &Duration, s: S) -> Result<S::Ok, S::Error> {
    let time = SignedDuration::try_from(*time).map_err(serde::ser::Error::custom)?;
    s.collect_str(&format_args!("{time:#}"))
}

/// The same for times that must not be zero.
pub mod positive {
    use super::{Deserializer, Duration, Error};

    pub use super::serialize;

    /// Reads a time above zero.
    ///
    /// # Errors
    /// The text, and how to write it.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        let time = super::deserialize(d)?;
        if time.is_zero() {
            return Err(D::Error::custom("a time above zero is needed here"));
        }
        Ok(time)
    }
}
