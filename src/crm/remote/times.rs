//! Times of a CRM that are in a time zone of the account, without saying so.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The zone in which the account's times are.
#[derive(Debug)]
pub struct Times(TimeZone);

impl Times {
    /// In this zone.
    pub fn new(zone: TimeZone) -> Self {
        Self(zone)
    }

    /// `2026-01-31 09:05:00`, or without seconds as tasks have it, or with a zone of its own.
    pub fn read(&self, text: &str) -> Option<Timestamp> {
        if let Ok(time) = text.trim().parse() {
            return Some(time);
        }
        let time: DateTime = match text.trim().len() {
            16 => format!("{}:00", text.trim()).parse().ok()?,
            _ => text.trim().parse().ok()?,
        };
        Some(time.to_zoned(self.0.clone()).ok()?.timestamp())
    }

    /// To the second.
    pub fn write(&self, at: Timestamp) -> String {
        at.to_zoned(self.0.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// To the minute, as tasks have it.
    pub fn write_minute(&self, at: Timestamp) -> String {
        at.to_zoned(self.0.clone()).strftime("%Y-%m-%d %H:%M").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_account() {
        let times = Times::new(TimeZone::get("Europe/Moscow").unwrap());
        let at: Timestamp = "2026-01-31T06:05:00Z".parse().unwrap();
        assert_eq!(times.write(at), "2026-01-31 09:05:00");
        assert_eq!(times.read("2026-01-31 09:05:00"), Some(at));
        assert_eq!(times.read(&times.write_minute(at)), Some(at));
        assert_eq!(times.read("0000-00-00"), None);
        assert_eq!(times.read("2026-01-31T06:05:00.000000Z"), Some(at));
    }
}
