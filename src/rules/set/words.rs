//! The closed vocabulary of the rule sets. `rules/LANGUAGE.md` explains each word; a test
//! compares the two.

mod actions;
mod templates;

pub(crate) use actions::{ACTIONS, DEDUPE, ON, RESULTS, TOUCH, UNSORTED};
pub(crate) use templates::{WORDS, Word};

/// What a rule may look at. The place of a word in [`Fact::words`] is its bit in a mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    Event,
    Direction,
    Client,
    Deal,
    Owner,
    AnsweredBy,
    Number,
    Voicemail,
    Length,
    Line,
}

impl Fact {
    pub(crate) const ALL: [Self; 10] = [
        Self::Event,
        Self::Direction,
        Self::Client,
        Self::Deal,
        Self::Owner,
        Self::AnsweredBy,
        Self::Number,
        Self::Voicemail,
        Self::Length,
        Self::Line,
    ];

    /// Its key in `when`.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Direction => "direction",
            Self::Client => "client",
            Self::Deal => "deal",
            Self::Owner => "owner",
            Self::AnsweredBy => "answered_by",
            Self::Number => "number",
            Self::Voicemail => "voicemail",
            Self::Length => "length",
            Self::Line => "line",
        }
    }

    /// Its words. A line may be any text.
    pub(crate) fn words(self) -> &'static [&'static str] {
        match self {
            Self::Event => &[
                "ringing",
                "answered",
                "missed",
                "ended",
                "recorded",
                "voicemail",
                "unreached",
                "callback_requested",
                "callback_failed",
                "callback_client_unreached",
            ],
            Self::Direction => &["inbound", "outbound", "callback"],
            Self::Client => &["unknown", "known"],
            Self::Deal => &["none", "open", "closed"],
            Self::Owner => &["somebody", "nobody"],
            Self::AnsweredBy => &["owner", "other", "unlisted", "nobody"],
            Self::Number => &["shown", "withheld"],
            Self::Voicemail => &["left", "none"],
            Self::Length => &["short", "long"],
            Self::Line => &[],
        }
    }
}

/// The key of `when` that looks at settings.
pub(crate) const SETTINGS: &str = "settings";

/// The type of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Choice,
    Flag,
    Duration,
    Time,
    Text,
    Texts,
    Fields,
    Employee,
    Employees,
    Who,
    Due,
}

pub(crate) const KINDS: [(&str, Kind); 11] = [
    ("choice", Kind::Choice),
    ("flag", Kind::Flag),
    ("duration", Kind::Duration),
    ("time", Kind::Time),
    ("text", Kind::Text),
    ("texts", Kind::Texts),
    ("fields", Kind::Fields),
    ("employee", Kind::Employee),
    ("employees", Kind::Employees),
    ("who", Kind::Who),
    ("due", Kind::Due),
];

impl Kind {
    pub(crate) fn word(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("", |(word, _)| word)
    }
}

/// Whom a list of responsible people may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Answered first.
    Answerer,
    /// Spoke last.
    LastSpeaker,
    /// Called, outbound.
    Caller,
    /// Of the case's deal, open or closed.
    DealOwner,
    /// Of the client.
    ClientOwner,
    /// Of the open deal, else of the client.
    Owner,
    /// Rung first.
    FirstOnLine,
    /// The setting `admin`.
    Admin,
    /// By id or extension.
    Employee(Box<str>),
    /// Ends a list: rather nobody than the administrator.
    Nobody,
}

pub(crate) const WHO: [(&str, Who); 9] = [
    ("answerer", Who::Answerer),
    ("last_speaker", Who::LastSpeaker),
    ("caller", Who::Caller),
    ("deal_owner", Who::DealOwner),
    ("client_owner", Who::ClientOwner),
    ("owner", Who::Owner),
    ("first_on_line", Who::FirstOnLine),
    ("admin", Who::Admin),
    ("nobody", Who::Nobody),
];

/// In `to` of `notify`: every employee.
pub(crate) const EVERYBODY: &str = "everybody";

/// The setting every set has: who stands in for somebody who is gone (E14).
pub(crate) const ADMIN: &str = "admin";
/// The setting that tells short talks from long ones.
pub(crate) const SHORT_CALL: &str = "short_call";
