//! A rule set as data. Settings are put in place of their names when the set is read, so nothing
//! here has to be looked up while a case is judged.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Time;

use super::facts::Point;
use super::text::Text;
use super::words::{Fact, Kind, Who};
use crate::core::action::{CallResult, Dedupe, On, Touch, UnsortedKind};
use crate::core::calendar::Calendar;

/// A setting of the head.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub name: String,
    pub kind: Kind,
    /// Of a choice: its words. Of a flag: `false` and `true`. Else none.
    pub of: Vec<String>,
    /// `None`: it has a mistake of its own.
    pub value: Option<Value>,
    /// Its value in the file.
    pub span: Range<usize>,
}

/// The value of a setting.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// The place in `of`.
    Choice(usize),
    Flag(bool),
    Duration(Duration),
    Time(Time),
    /// As written: it is made a template where it is used.
    Text(Written),
    Texts(Vec<Written>),
    Fields(Vec<(String, Written)>),
    Employee(Box<str>),
    Employees(Vec<Box<str>>),
    Who(Vec<Who>),
    Due(Due),
}

/// A text of the file, before it is made a template.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub text: String,
    pub span: Range<usize>,
}

/// When a task is due.
#[derive(Clone, Debug)]
pub(crate) enum Due {
    /// So long after the case.
    After(Duration),
    /// The end of the day, or of the next one where the case came at this hour or later.
    EndOfDay(Time),
    /// So much working time after the case.
    Working(Duration, Arc<Calendar>),
}

/// Each gives exactly one answer to a case.
#[derive(Clone, Debug)]
pub(crate) struct Chapter {
    pub id: String,
    /// The last one is the default.
    pub rules: Vec<Rule>,
}

/// The first one that matches wins.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub id: String,
    /// `chapter/id`.
    pub path: String,
    pub default: bool,
    pub when: When,
    /// Do the settings in force let it match at all?
    pub live: bool,
    pub steps: Vec<Step>,
    /// Its head in the file.
    pub span: Range<usize>,
}

impl Rule {
    pub(crate) fn matches(&self, point: &Point) -> bool {
        self.live && self.when.facts.iter().zip(point).all(|(mask, bit)| mask & bit != 0)
    }
}

/// What a rule matches: masks over the words of each fact, all bits set where the fact is left
/// out; and over the values of settings.
#[derive(Clone, Debug)]
pub(crate) struct When {
    pub facts: [u64; Fact::ALL.len()],
    /// The place of a setting in the head, and a mask over its `of`.
    pub settings: BTreeMap<usize, u64>,
}

impl Default for When {
    fn default() -> Self {
        Self { facts: [u64::MAX; Fact::ALL.len()], settings: BTreeMap::new() }
    }
}

impl When {
    /// Of a rule whose `when` has a mistake.
    pub(crate) fn nothing() -> Self {
        Self { facts: [0; Fact::ALL.len()], ..Self::default() }
    }
}

/// An action as written.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub action: ActionRule,
    pub delay: Option<Duration>,
    pub span: Range<usize>,
}

/// Fields: those written, and those that came with the call.
#[derive(Clone, Debug, Default)]
pub(crate) struct FieldRules {
    pub written: Vec<(String, Text)>,
    /// Names; a star at the end takes all that begin so.
    pub carried: Vec<String>,
}

/// Whom a notification goes to.
#[derive(Clone, Debug)]
pub(crate) enum To {
    Everybody,
    These(Vec<Who>),
}

/// The closed list of actions, see [`crate::core::action::Action`].
#[derive(Clone, Debug)]
pub(crate) enum ActionRule {
    /// One with a mistake, by its word; without it where the word is the mistake. The set is
    /// refused, and is checked as if the action were right.
    Mistaken(Option<&'static str>),
    Contact {
        name: Text,
        owner: Vec<Who>,
        tags: Vec<Text>,
        fields: FieldRules,
    },
    Company {
        name: Text,
    },
    Deal {
        title: Text,
        owner: Vec<Who>,
        pipeline: Text,
        stage: Text,
        tags: Vec<Text>,
        fields: FieldRules,
    },
    Unsorted {
        kind: UnsortedKind,
        title: Text,
        name: Text,
        pipeline: Text,
        tags: Vec<Text>,
        fields: FieldRules,
    },
    AcceptUnsorted {
        owner: Vec<Who>,
        stage: Text,
    },
    DeclineUnsorted,
    RegisterCall {
        result: CallResult,
        /// `None`: nobody's call.
        who: Option<Vec<Who>>,
        text: Text,
    },
    UpdateCall,
    Voicemail {
        on: On,
        text: Text,
    },
    Task {
        kind: String,
        on: On,
        text: Text,
        owner: Vec<Who>,
        /// `None`: a task that is done is due when it is made.
        due: Option<Due>,
        done: bool,
        dedupe: Dedupe,
    },
    Notify {
        to: To,
        text: Text,
        link: Option<On>,
    },
    ChangeOwner {
        of: On,
        to: Vec<Who>,
    },
    Reactivate,
    Tag {
        on: On,
        tags: Vec<Text>,
    },
    Fields {
        on: On,
        touch: Touch,
        fields: FieldRules,
    },
    Note {
        on: On,
        text: Text,
    },
    Webhook {
        url: Text,
        /// `None`: the case is sent.
        body: Option<Text>,
    },
}

impl ActionRule {
    /// Its word. `None`: the word itself is a mistake.
    pub(crate) fn word(&self) -> Option<&'static str> {
        Some(match self {
            Self::Mistaken(word) => return *word,
            Self::Contact { .. } => "contact",
            Self::Company { .. } => "company",
            Self::Deal { .. } => "deal",
            Self::Unsorted { .. } => "unsorted",
            Self::AcceptUnsorted { .. } => "accept_unsorted",
            Self::DeclineUnsorted => "decline_unsorted",
            Self::RegisterCall { .. } => "register_call",
            Self::UpdateCall => "update_call",
            Self::Voicemail { .. } => "voicemail",
            Self::Task { .. } => "task",
            Self::Notify { .. } => "notify",
            Self::ChangeOwner { .. } => "change_owner",
            Self::Reactivate => "reactivate",
            Self::Tag { .. } => "tag",
            Self::Fields { .. } => "fields",
            Self::Note { .. } => "note",
            Self::Webhook { .. } => "webhook",
        })
    }
}
