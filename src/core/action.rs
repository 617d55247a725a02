//! What the CRM is to be told: values with an idempotency key, before anything is sent.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::{ClientId, DealId, EmployeeId};

/// What an action is done to. It is looked up when the action is carried out, so that a task can
/// stand on a deal made a moment before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// The client.
    Client,
    /// The deal made in this call, else the client's oldest open one, else the newest closed one;
    /// with none of them, the client.
    Deal,
}

/// What an Unsorted entry came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnsortedKind {
    /// A call (A07).
    Call,
    /// A form (A17).
    Form,
}

/// How a call is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallResult {
    /// There was a talk.
    Answered,
    /// Inbound, nobody answered.
    Missed,
    /// Outbound, the client did not answer (A09).
    Unreached,
    /// A message was left.
    Voicemail,
}

/// When a task like it makes a second one needless.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dedupe {
    /// Never: each is made.
    #[default]
    Never,
    /// While an open one of this kind for the client is not yet due (C05).
    UntilDue,
    /// While an open one of this kind for the client is there.
    WhileOpen,
}

/// Which contact fields tell: the first one, or the last one (E08).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Touch {
    /// A field that has a value keeps it.
    First,
    /// The value is replaced.
    Last,
}

/// Whom a notification goes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipients {
    /// Every employee (A08, B03).
    Everybody,
    /// These.
    These(Vec<EmployeeId>),
}

/// An action. All texts are final; only ids made by earlier actions are filled in later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// A contact with the client's number. None is made where the call has a client already.
    Contact {
        /// Its name.
        name: String,
        /// Who is responsible.
        owner: EmployeeId,
        /// Tags.
        #[serde(default)]
        tags: Vec<String>,
        /// Further fields.
        #[serde(default)]
        fields: BTreeMap<String, String>,
    },
    /// The client belongs to this company; it is made where there is none of that name.
    Company {
        /// Its name.
        name: String,
    },
    /// A deal for the client. None is made where this call made one already.
    Deal {
        /// Its title.
        title: String,
        /// Who is responsible.
        owner: EmployeeId,
        /// The pipeline; `None`: the CRM's first.
        #[serde(default)]
        pipeline: Option<String>,
        /// The stage; `None`: the pipeline's first.
        #[serde(default)]
        stage: Option<String>,
        /// Tags.
        #[serde(default)]
        tags: Vec<String>,
        /// Further fields.
        #[serde(default)]
        fields: BTreeMap<String, String>,
    },
    /// An entry in the inbox of unqualified leads. None is made while one waits for the number
    /// (C03).
    Unsorted {
        /// Where it came from.
        kind: UnsortedKind,
        /// The title of the deal it may become.
        title: String,
        /// The name of the contact it may become.
        name: String,
        /// The pipeline whose inbox it is; `None`: the CRM's first.
        #[serde(default)]
        pipeline: Option<String>,
        /// Tags for contact and deal.
        #[serde(default)]
        tags: Vec<String>,
        /// Fields for the deal.
        #[serde(default)]
        fields: BTreeMap<String, String>,
    },
    /// The entry that waits for the number becomes contact and deal (C02). Without one nothing is
    /// done.
    AcceptUnsorted {
        /// Who is responsible for both.
        owner: EmployeeId,
        /// The stage; `None`: the pipeline's first.
        #[serde(default)]
        stage: Option<String>,
    },
    /// Nothing becomes of the entry that waits for the number: after it a new one may be made
    /// (C03). Without one nothing is done.
    DeclineUnsorted {},
    /// The call stands in the CRM: direction, times, line and recording come from the case.
    RegisterCall {
        /// How it came out so far.
        result: CallResult,
        /// Whose call it is; `None`: nobody's.
        #[serde(default)]
        who: Option<EmployeeId>,
        /// A remark.
        #[serde(default)]
        text: String,
    },
    /// Duration, result and recording of the registered call, as the case has them now (A12).
    UpdateCall {},
    /// The message that was left.
    Voicemail {
        /// Where it is attached.
        on: On,
        /// A remark.
        #[serde(default)]
        text: String,
    },
    /// A task.
    Task {
        /// What it is for: a word of the set's own, by which a second one is known.
        kind: String,
        /// What it stands on.
        on: On,
        /// What to do.
        text: String,
        /// Who is responsible.
        owner: EmployeeId,
        /// Due.
        due: Timestamp,
        /// Made as completed (B06).
        #[serde(default)]
        done: bool,
        /// When none is made.
        #[serde(default)]
        dedupe: Dedupe,
    },
    /// A pop-up or message for employees.
    Notify {
        /// Whom.
        to: Recipients,
        /// What.
        text: String,
        /// With a link to it.
        #[serde(default)]
        link: Option<On>,
    },
    /// Another employee becomes responsible.
    ChangeOwner {
        /// For what.
        of: On,
        /// Who.
        to: EmployeeId,
    },
    /// The client is active again (B07).
    Reactivate {},
    /// Tags besides those it has.
    Tag {
        /// What is tagged.
        on: On,
        /// With.
        tags: Vec<String>,
    },
    /// Fields.
    Fields {
        /// Of what.
        on: On,
        /// Whether a value that is there stays.
        touch: Touch,
        /// Name and value.
        fields: BTreeMap<String, String>,
    },
    /// A note.
    Note {
        /// On what.
        on: On,
        /// Its text.
        text: String,
    },
    /// A signed HTTP request to another system.
    Webhook {
        /// Where.
        url: String,
        /// JSON. Without it the case is sent.
        #[serde(default)]
        body: Option<String>,
    },
}

impl Action {
    /// Its word in the rules, for logs and metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Contact { .. } => "contact",
            Self::Company { .. } => "company",
            Self::Deal { .. } => "deal",
            Self::Unsorted { .. } => "unsorted",
            Self::AcceptUnsorted { .. } => "accept_unsorted",
            Self::DeclineUnsorted {} => "decline_unsorted",
            Self::RegisterCall { .. } => "register_call",
            Self::UpdateCall {} => "update_call",
            Self::Voicemail { .. } => "voicemail",
            Self::Task { .. } => "task",
            Self::Notify { .. } => "notify",
            Self::ChangeOwner { .. } => "change_owner",
            Self::Reactivate {} => "reactivate",
            Self::Tag { .. } => "tag",
            Self::Fields { .. } => "fields",
            Self::Note { .. } => "note",
            Self::Webhook { .. } => "webhook",
        }
    }
}

/// An action that a rule decided on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// The idempotency key: call, case and place in it. Two actions never share one.
    pub key: String,
    /// The rule: `chapter/id`.
    pub rule: String,
    /// Not before this moment (E16: the CRM must index first).
    pub after: Option<Timestamp>,
    /// The action.
    pub action: Action,
}

/// What a set of rules says to a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// The set by its name.
    pub set: String,
    /// The hash of its text and settings.
    pub hash: String,
    /// The rule that matched in each chapter, as `chapter/id`, in order.
    pub rules: Vec<String>,
    /// What follows, in order.
    pub actions: Vec<Planned>,
    /// What somebody should know: an owner is gone and the administrator stands in (E14).
    #[serde(default)]
    pub notes: Vec<String>,
}

/// Ids that earlier actions of the call left behind. Kept for the whole call, so that the
/// recording finds the deal made at the answer (B05).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bound {
    /// The client made or found.
    pub client: Option<ClientId>,
    /// The deal made.
    pub deal: Option<DealId>,
    /// The Unsorted entry made.
    pub unsorted: Option<String>,
    /// The registered call, in the CRM's spelling.
    pub call: Option<String>,
    /// What this one action made. It is written down with its answer and not handed on.
    #[serde(skip_serializing_if = "Made::is_nothing")]
    pub made: Made,
}

/// What an action made rather than found: by this a deal that is won goes back to its
/// communication (E01).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Made {
    /// The client.
    pub client: Option<ClientId>,
    /// The deal, also one that still waits in an inbox.
    pub deal: Option<DealId>,
}

impl Made {
    /// Whether it made neither.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl Bound {
    /// Takes over what is there; the rest stays as it was.
    pub fn merge(&mut self, new: Bound) {
        let Bound { client, deal, unsorted, call, made: _ } = new;
        self.client = client.or(self.client.take());
        self.deal = deal.or(self.deal.take());
        self.unsorted = unsorted.or(self.unsorted.take());
        self.call = call.or(self.call.take());
    }
}
