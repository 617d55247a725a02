//! The trace of a decision: every step taken or refused, why, and where the rule stands.

use std::sync::Arc;

use serde::Serialize;

use super::phone::Phone;
use super::plan::Step;

/// Where a rule stands: file and line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file as it was named when the rules were loaded.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// What was looked at, in a few words: `line`, `blocked`, `hours`, `owner`, `queue sales`.
    pub what: String,
    /// Taken, refused, or just noted.
    pub verdict: Verdict,
    /// Why, in a sentence a person understands. Numbers in it are masked.
    pub why: String,
    /// The rule, where one decided.
    pub rule: Option<Place>,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It goes into the plan.
    Taken,
    /// Passed over.
    Refused,
    /// A fact that led on.
    Noted,
}

/// Why the call did not go to an owner: a closed list, because it is a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fallback {
    /// Anonymous or unreadable caller.
    NoNumber,
    /// An employee's own number (E02).
    Employee,
    /// The CRM knows nobody with this number.
    Unknown,
    /// Known, but nobody owns deal or client.
    NoOwner,
    /// The owner is no employee any more and nobody stands in.
    OwnerGone,
    /// On leave, without a deputy.
    OnLeave,
    /// Logged out in the CRM, and the rule looks at that (E10).
    Offline,
    /// No phone registered, and no other number.
    Unregistered,
    /// Talking.
    Busy,
    /// The owner has no number.
    NoNumberOfOwner,
    /// The CRM did not answer in time (E09).
    CrmSlow,
    /// The CRM is down (E09).
    CrmDown,
    /// Outside working hours.
    Closed,
    /// The number is blocked.
    Blocked,
    /// The route has no owner step.
    NoOwnerStep,
}

impl Fallback {
    /// Each of them.
    pub const ALL: [Self; 15] = [
        Self::NoNumber,
        Self::Employee,
        Self::Unknown,
        Self::NoOwner,
        Self::OwnerGone,
        Self::OnLeave,
        Self::Offline,
        Self::Unregistered,
        Self::Busy,
        Self::NoNumberOfOwner,
        Self::CrmSlow,
        Self::CrmDown,
        Self::Closed,
        Self::Blocked,
        Self::NoOwnerStep,
    ];

    /// The label used in metrics and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoNumber => "no_number",
            Self::Employee => "employee",
            Self::Unknown => "unknown",
            Self::NoOwner => "no_owner",
            Self::OwnerGone => "owner_gone",
            Self::OnLeave => "on_leave",
            Self::Offline => "offline",
            Self::Unregistered => "unregistered",
            Self::Busy => "busy",
            Self::NoNumberOfOwner => "no_number_of_owner",
            Self::CrmSlow => "crm_slow",
            Self::CrmDown => "crm_down",
            Self::Closed => "closed",
            Self::Blocked => "blocked",
            Self::NoOwnerStep => "no_owner_step",
        }
    }
}

/// A decision: the plan, and how it came about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// The line the call came in on, by its configured name.
    pub line: Option<String>,
    /// The call turned out to be between employees (E02): it is not registered.
    pub internal: bool,
    /// Whose call this is, were he to answer: the owner, whether or not he can be rung.
    pub owner: Option<super::ids::EmployeeId>,
    /// What to do, in order. Never empty: the last resort is a hang-up with a cause.
    pub plan: Vec<Step>,
    /// The caller's name for every phone that rings, agents of queues included (A04). `None`:
    /// what the trunk or the caller's phone sent.
    pub caller_name: Option<Arc<str>>,
    /// Shown on legs that leave by a gateway; `None`: the gateway's own.
    pub caller_id: Option<Phone>,
    /// Why no owner is rung; `None`: he or his deputy is, or the call is an outbound one.
    pub fallback: Option<Fallback>,
    /// Every step taken or refused.
    pub trace: Vec<Entry>,
}
