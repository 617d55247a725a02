//! `[sales]`.

use std::time::Duration;

use jiff::civil::Time;
use serde::{Deserialize, Serialize};

use crate::core::sale;
use crate::directory::config::human_duration;

/// How deals that were won go back to their source (E01). Without the section nothing is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SalesConfig {
    /// `false`: as without the section.
    pub enabled: bool,
    /// When CRMs are asked each night, in the time zone of the rules.
    #[serde(with = "clock")]
    pub at: Time,
    /// Which communication a deal of a contact made by hand goes back to.
    pub by_hand: ByHand,
    /// With `by_hand = "last"`: how long before the end of the deal it may have been.
    #[serde(with = "human_duration::positive")]
    pub within: Duration,
    /// The field in which rules write the communication's id onto deals and contacts.
    pub field: String,
}

/// The first communication, or the last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ByHand {
    /// The first one.
    #[default]
    First,
    /// The last one.
    Last,
}

impl Default for SalesConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            at: Time::constant(3, 0, 0, 0),
            by_hand: ByHand::default(),
            within: Duration::from_secs(30 * 24 * 60 * 60),
            field: "communication_id".to_owned(),
        }
    }
}

impl SalesConfig {
    /// What is wrong with it: the key, and why.
    pub(crate) fn check(&self) -> Option<(&'static str, String)> {
        let why = "write the name of the field in which rules keep the communication's id, such as \
                   \"communication_id\"";
        self.field.trim().is_empty().then(|| ("field", why.to_owned()))
    }

    /// As the matching takes it.
    pub(super) fn by_hand(&self) -> sale::ByHand {
        match self.by_hand {
            ByHand::First => sale::ByHand::First,
            ByHand::Last => sale::ByHand::LastWithin(self.within),
        }
    }
}

/// A time of the day as people write it: `03:00`.
mod clock {
    use jiff::civil::Time;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Time, D::Error> {
        let text = String::deserialize(d)?;
        Time::strptime("%H:%M", text.trim()).map_err(|_| {
            let text: String = text.chars().take(40).collect();
            D::Error::custom(format!("`{text}` is no time of the day: write it like \"03:00\""))
        })
    }

    pub fn serialize<S: Serializer>(time: &Time, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&time.strftime("%H:%M"))
    }
}
