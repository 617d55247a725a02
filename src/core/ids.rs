//! Names that must not be mixed up: each is a type of its own, cheap to clone.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text as it is; nothing is checked.
            pub fn new(text: impl AsRef<str>) -> Self {
                Self(Arc::from(text.as_ref()))
            }

            /// The text as it came.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
    };
}

id! {
    /// A call: the UUID of the leg FreeSWITCH handed over. Never the phone number, because two
    /// calls from one number are two calls (`peers.md`, requirement 4).
    CallId
}
id! {
    /// Any channel of FreeSWITCH, by its `Unique-ID`.
    LegId
}
id! {
    /// One command sent to FreeSWITCH: its `Event-UUID`, which comes back as `Application-UUID`.
    OpId
}
id! {
    /// A callback campaign: a UUID of our own. Also the `CallId` of what the CRM learns of it.
    CampaignId
}
id! {
    /// A deal (amoCRM's lead, retailCRM's order, KeyCRM's card) in the CRM's own spelling.
    DealId
}
id! {
    /// A client (contact or company) in the CRM's own spelling.
    ClientId
}
id! {
    /// An employee in the CRM's own spelling.
    EmployeeId
}
id! {
    /// A FreeSWITCH node by its configured name.
    NodeId
}
id! {
    /// A queue by the name FreeSWITCH knows it under.
    QueueName
}

/// An internal number of the company: 1 to 15 characters of `0-9 * #`.
///
/// The alphabet is closed, so that an extension can never carry a second command or leg into a
/// dial string (`esl.md`, pitfall 21).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Extension(Arc<str>);

/// Why a text is no [`Extension`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no extension: write 1 to 15 digits, `*` or `#`")]
pub struct ExtensionError(String);

impl Extension {
    /// Checks the alphabet and the length.
    ///
    /// # Errors
    /// [`ExtensionError`] with the text, shortened.
    pub fn parse(text: &str) -> Result<Self, ExtensionError> {
        let fits = (1..=15).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_digit() || b == b'*' || b == b'#');
        if fits {
            Ok(Self(Arc::from(text)))
        } else {
            Err(ExtensionError(text.chars().take(40).collect()))
        }
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Extension {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_cannot_carry_a_second_leg() {
        for evil in ["", "101,user/102", "101\nfoo", "1|2", "{a=b}1", "1234567890123456", "１０１"]
        {
            assert!(Extension::parse(evil).is_err(), "{evil:?}");
        }
        assert_eq!(Extension::parse("*98#").map(|e| e.to_string()), Ok("*98#".into()));
    }
}
