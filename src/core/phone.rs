//! Phone numbers in E.164, and who may stand behind a caller id.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ids::Extension;

/// The country whose national spelling is understood, such as `RU` for `8 916 …`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Region(phonenumber::country::Id);

/// Why a text is no [`Region`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no country: write two letters such as RU, UA or KZ")]
pub struct RegionError(String);

impl FromStr for Region {
    type Err = RegionError;

    fn from_str(text: &str) -> Result<Self, RegionError> {
        phonenumber::country::Id::from_str(text)
            .map(Self)
            .map_err(|_| RegionError(text.chars().take(20).collect()))
    }
}

impl Default for Region {
    fn default() -> Self {
        Self(phonenumber::country::RU)
    }
}

/// A number in E.164. `Display` and `Debug` mask it, so that no log line can leak it;
/// [`Phone::e164`] is the whole number.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Phone(Arc<str>);

/// Why a text is no [`Phone`]. Carries no digits: it is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// Nothing that could be dialled.
    #[error("the number is empty")]
    Empty,
    /// Letters, or signs that belong to no number.
    #[error("the number has characters that belong to no phone number")]
    Characters,
    /// Fewer than 7 or more than 15 digits (E.164, section 6).
    #[error("the number has {0} digits; E.164 allows 7 to 15")]
    Length(usize),
    /// The country does not know such a number.
    #[error("no country has such a number")]
    NotPossible,
}

impl Phone {
    /// Reads a number as people and trunks write it: `+7 916 …`, `8916…`, `7916…`, `380…`.
    /// A number without `+` is tried in `region` first, then as an international one.
    ///
    /// # Errors
    /// [`PhoneError`]: the caller goes on with the raw text as an unreadable number.
    pub fn parse(text: &str, region: Region) -> Result<Self, PhoneError> {
        let text = text.trim();
        let text = text.strip_prefix("tel:").or_else(|| text.strip_prefix("sip:")).unwrap_or(text);
        if text.is_empty() {
            return Err(PhoneError::Empty);
        }
        let allowed = |c: char| c.is_ascii_digit() || " +-().\u{a0}".contains(c);
        if !text.chars().all(allowed) || text.trim_start_matches('+').contains('+') {
            return Err(PhoneError::Characters);
        }
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        if !(7..=15).contains(&digits.len()) {
            return Err(PhoneError::Length(digits.len()));
        }
        if let Some(phone) = country_seven(text.starts_with('+'), &digits, region) {
            return Ok(phone);
        }
        let international = |digits: &str| {
            phonenumber::parse(None, format!("+{digits}")).ok().filter(phonenumber::is_valid)
        };
        let parsed = if text.starts_with('+') {
            phonenumber::parse(None, format!("+{digits}")).ok()
        } else if let Some(rest) = digits.strip_prefix("00") {
            international(rest)
        } else {
            phonenumber::parse(Some(region.0), &digits)
                .ok()
                .filter(phonenumber::is_valid)
                .or_else(|| international(&digits))
        };
        match parsed {
            Some(number) => {
                Ok(Self(number.format().mode(phonenumber::Mode::E164).to_string().into()))
            }
            None => Err(PhoneError::NotPossible),
        }
    }

    /// The whole number, `+79161234567`. Not for logs.
    pub fn e164(&self) -> &str {
        &self.0
    }

    /// The country it belongs to, as `RU`. `None`: no single one, such as +800.
    pub fn country(&self) -> Option<String> {
        if let Some(national) = self.0.strip_prefix("+7") {
            return Some(if national.starts_with(['6', '7']) { "KZ" } else { "RU" }.to_owned());
        }
        phonenumber::parse(None, self.e164()).ok()?.country().id().map(|id| id.as_ref().to_owned())
    }

    /// Whether a call to it costs the caller more than a call: a form that brings one along is
    /// somebody's business. Shared-cost numbers are meant too.
    pub fn premium(&self) -> bool {
        use phonenumber::Type::{PremiumRate, SharedCost};
        if let Some(national) = self.0.strip_prefix("+7") {
            // The library cuts the 8 off (see `country_seven`). 800 and 804 are free of charge for
            // the caller, the other codes of 80x are not.
            return national.starts_with("80")
                && !national.starts_with("800")
                && !national.starts_with("804");
        }
        let number = phonenumber::parse(None, self.e164());
        number.is_ok_and(|number| {
            matches!(number.number_type(&phonenumber::metadata::DATABASE), PremiumRate | SharedCost)
        })
    }

    /// The digits without the plus, as gateways and dialplans like them.
    pub fn digits(&self) -> &str {
        self.0.trim_start_matches('+')
    }
}

/// Russia and Kazakhstan, `+7` and ten digits. The library takes the 8 of 812, 861 or 800 for the
/// trunk prefix and cuts it off, so that Saint Petersburg had no valid number.
fn country_seven(plus: bool, digits: &str, region: Region) -> Option<Phone> {
    use phonenumber::country::{KZ, RU};
    let national = match digits.len() {
        11 if plus => digits.strip_prefix('7'),
        11 => digits
            .strip_prefix('7')
            .or_else(|| digits.strip_prefix('8').filter(|_| matches!(region.0, RU | KZ))),
        13 if !plus => digits.strip_prefix("007"),
        10 if !plus && region.0 == RU => Some(digits).filter(|d| !d.starts_with('7')),
        _ => None,
    }?;
    let assigned = matches!(national.as_bytes().first(), Some(b'3' | b'4' | b'7'..=b'9'));
    assigned.then(|| Phone(format!("+7{national}").into()))
}

/// Masks the middle of anything number-like: `+7916***4567`.
pub fn mask(number: &str) -> String {
    let chars: Vec<char> = number.chars().take(40).collect();
    if chars.len() < 8 {
        return number.chars().take(40).collect();
    }
    // No number is longer than 15 digits; of what is, no more is shown than of a number.
    let head: String = chars[..(chars.len() - 7).min(6)].iter().collect();
    let tail: String = chars[chars.len() - 4..].iter().collect();
    format!("{head}***{tail}")
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask(&self.0))
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Phone {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Phone {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text, Region::default()).map_err(serde::de::Error::custom)
    }
}

/// What the caller id turned out to be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Caller {
    /// A real number.
    Phone(Phone),
    /// A number of the company itself.
    Extension(Extension),
    /// Withheld, or none at all.
    Anonymous,
    /// Something else: too long, letters. Kept masked; it is routed like an anonymous one.
    Unreadable(String),
}

impl Caller {
    /// Reads FreeSWITCH's `Caller-Caller-ID-Number`. Never fails: a call with a strange number is
    /// still a call.
    pub fn read(raw: &str, region: Region) -> Self {
        let text = raw.trim();
        let hidden =
            ["", "anonymous", "unknown", "restricted", "unavailable", "private", "0000000000"];
        if hidden.iter().any(|h| text.eq_ignore_ascii_case(h)) {
            return Self::Anonymous;
        }
        if let Ok(phone) = Phone::parse(text, region) {
            return Self::Phone(phone);
        }
        match Extension::parse(text) {
            Ok(extension) if text.len() <= 6 => Self::Extension(extension),
            _ => Self::Unreadable(mask(text)),
        }
    }

    /// The number, where there is one.
    pub fn phone(&self) -> Option<&Phone> {
        match self {
            Self::Phone(phone) => Some(phone),
            _ => None,
        }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Phone(phone) => write!(f, "{phone}"),
            Self::Extension(extension) => write!(f, "{extension}"),
            Self::Anonymous => f.write_str("anonymous"),
            Self::Unreadable(text) => write!(f, "{text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn e164(text: &str) -> Result<String, PhoneError> {
        Phone::parse(text, Region::default()).map(|p| p.e164().to_owned())
    }

    #[test]
    fn numbers_as_trunks_write_them_become_e164() {
        for text in
            ["+7 (916) 123-45-67", "89161234567", "79161234567", "9161234567", "+79161234567"]
        {
            assert_eq!(e164(text).as_deref(), Ok("+79161234567"), "{text}");
        }
        assert_eq!(e164("380501234567").as_deref(), Ok("+380501234567"));
        assert_eq!(e164("00380501234567").as_deref(), Ok("+380501234567"));
    }

    #[test]
    fn codes_that_begin_with_8_keep_it() {
        for (text, expected) in [
            ("88121234567", "+78121234567"),
            ("+7 812 123-45-67", "+78121234567"),
            ("8121234567", "+78121234567"),
            ("0078121234567", "+78121234567"),
            ("8 800 555-35-35", "+78005553535"),
            ("87011234567", "+77011234567"),
        ] {
            assert_eq!(e164(text).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(e164("81012345678"), Err(PhoneError::NotPossible));
    }

    #[test]
    fn what_is_no_number_is_refused_and_named() {
        assert_eq!(e164(""), Err(PhoneError::Empty));
        assert_eq!(e164(&"7".repeat(40)), Err(PhoneError::Length(40)));
        assert_eq!(e164("+7916\n1234567"), Err(PhoneError::Characters));
        assert_eq!(e164("7916,user/102"), Err(PhoneError::Characters));
    }

    #[test]
    fn a_number_is_masked_wherever_it_is_printed() {
        let phone = Phone::parse("+79161234567", Region::default()).unwrap();
        assert_eq!(format!("{phone} {phone:?}"), "+7916***4567 +7916***4567");
    }

    #[test]
    fn the_country_and_the_price_of_a_number_are_known() {
        let of = |text: &str| {
            let phone = Phone::parse(text, Region::default()).unwrap();
            (phone.country(), phone.premium())
        };
        for (text, country, premium) in [
            ("+79161234567", Some("RU"), false),
            ("+78095551234", Some("RU"), true),
            ("+78005553535", Some("RU"), false),
            ("+78045551234", Some("RU"), false),
            ("+77011234567", Some("KZ"), false),
            ("+375291234567", Some("BY"), false),
            ("+380501234567", Some("UA"), false),
            ("+380900212345", Some("UA"), true),
            ("+4990012345678", Some("DE"), true),
            ("+19002345678", Some("US"), true),
            ("+442079460000", Some("GB"), false),
        ] {
            assert_eq!(of(text), (country.map(str::to_owned), premium), "{text}");
        }
    }

    #[test]
    fn callers_without_a_readable_number_are_still_callers() {
        let read = |raw: &str| Caller::read(raw, Region::default());
        assert_eq!(read("anonymous"), Caller::Anonymous);
        assert_eq!(read(""), Caller::Anonymous);
        assert!(matches!(read(&"9".repeat(40)), Caller::Unreadable(_)));
        assert!(matches!(read("101"), Caller::Extension(_)));
    }
}
