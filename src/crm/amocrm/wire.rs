//! What amoCRM and we say to each other, as it stands on the wire. Read leniently: what is not
//! used is not named, and `null` is as good as missing.

use std::collections::HashMap;

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use tracing::warn;

use super::desk::Entity;
use crate::crm::remote::{Profile, quiet};

/// Deals are won or lost on these stages, in every pipeline.
const CLOSED: [i64; 2] = [142, 143];

/// `null` and PHP's empty list are nothing, and a number may be a text.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: Default + DeserializeOwned>(
    d: D,
) -> Result<T, D::Error> {
    let told = match Value::deserialize(d)? {
        Value::Null => return Ok(T::default()),
        Value::Array(list) if list.is_empty() => return Ok(T::default()),
        told => told,
    };
    let number = told.as_str().and_then(|text| text.trim().parse::<i64>().ok());
    serde_json::from_value(told).or_else(|error| match number {
        Some(number) => serde_json::from_value(number.into()).map_err(D::Error::custom),
        None => Err(D::Error::custom(error)),
    })
}

/// One odd record does not cost the others of its list.
fn those_read<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    d: D,
) -> Result<HashMap<String, Vec<T>>, D::Error> {
    let told: HashMap<String, Vec<Value>> = or_default(d)?;
    let read = |(kind, list): (String, Vec<Value>)| {
        let read = |one| match serde_json::from_value(one) {
            Ok(one) => Some(one),
            Err(error) => {
                let why = quiet(&error.to_string());
                warn!(of = kind, why, "amoCRM told a record that cannot be read");
                None
            }
        };
        let list = list.into_iter().filter_map(read).collect();
        (kind.clone(), list)
    };
    Ok(told.into_iter().map(read).collect())
}

/// A kind of record, by its word in paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Contacts,
    Companies,
    Leads,
    /// Buyers, where the account has them: calls may land on one.
    Customers,
}

impl Kind {
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Contacts => "contacts",
            Self::Companies => "companies",
            Self::Leads => "leads",
            Self::Customers => "customers",
        }
    }

    /// Call records name it in the singular, everything else in the plural.
    pub(super) fn read(word: &str) -> Option<Self> {
        match word {
            "contact" | "contacts" => Some(Self::Contacts),
            "company" | "companies" => Some(Self::Companies),
            "lead" | "leads" => Some(Self::Leads),
            "customer" | "customers" => Some(Self::Customers),
            _ => None,
        }
    }
}

/// Every list, and every answer to a list.
#[derive(Debug, Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
pub(super) struct List<T> {
    /// One entry: the kind of record.
    #[serde(rename = "_embedded", default = "HashMap::new", deserialize_with = "those_read")]
    embedded: HashMap<String, Vec<T>>,
    #[serde(rename = "_links", default, deserialize_with = "or_default")]
    links: PageLinks,
}

impl<T> List<T> {
    pub(super) fn has_next(&self) -> bool {
        self.links.next.is_some()
    }

    pub(super) fn items(self) -> Vec<T> {
        self.embedded.into_values().flatten().collect()
    }
}

#[derive(Debug, Default, Deserialize)]
struct PageLinks {
    #[serde(default)]
    next: Option<Value>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Id {
    pub id: i64,
}

/// Records a record is tied to.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Tied {
    #[serde(default, deserialize_with = "or_default")]
    pub leads: Vec<Id>,
    #[serde(default, deserialize_with = "or_default")]
    pub contacts: Vec<Id>,
    #[serde(default, deserialize_with = "or_default")]
    pub companies: Vec<Id>,
    #[serde(default, deserialize_with = "or_default")]
    pub customers: Vec<Id>,
}

/// A contact or a company.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Person {
    pub id: i64,
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub responsible_user_id: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    pub created_at: i64,
    #[serde(default, deserialize_with = "or_default")]
    pub is_deleted: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub is_unsorted: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub custom_fields_values: Vec<Held>,
    #[serde(rename = "_embedded", default, deserialize_with = "or_default")]
    pub tied: Tied,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Lead {
    pub id: i64,
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub responsible_user_id: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    pub status_id: i64,
    #[serde(default, deserialize_with = "or_default")]
    pub created_at: i64,
    #[serde(default, deserialize_with = "or_default")]
    pub closed_at: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    pub is_deleted: bool,
    #[serde(rename = "_embedded", default, deserialize_with = "or_default")]
    pub tied: Tied,
}

impl Lead {
    pub(super) fn is_open(&self) -> bool {
        !CLOSED.contains(&self.status_id) && self.closed_at.is_none()
    }
}

/// A field's values on a record.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Held {
    pub field_id: i64,
    #[serde(default)]
    pub field_code: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub values: Vec<HeldValue>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct HeldValue {
    #[serde(default)]
    pub value: Value,
    #[serde(default, deserialize_with = "or_default")]
    pub enum_id: Option<i64>,
}

impl Person {
    /// Its numbers, as somebody typed them.
    pub(super) fn numbers(&self) -> impl Iterator<Item = &str> {
        let phones = self.custom_fields_values.iter();
        let phones = phones.filter(|field| field.field_code.as_deref() == Some("PHONE"));
        phones.flat_map(|field| &field.values).filter_map(|held| held.value.as_str())
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub id: i64,
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub email: String,
    #[serde(default)]
    pub rights: Option<Rights>,
    #[serde(rename = "_embedded", default, deserialize_with = "or_default")]
    pub tied: UserTied,
    /// `phone_number`, where it was asked for, and what else there is.
    #[serde(flatten)]
    pub rest: Profile,
}

#[derive(Debug, Deserialize)]
pub(super) struct Rights {
    #[serde(default)]
    pub is_admin: Option<bool>,
    #[serde(default)]
    pub is_active: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct UserTied {
    #[serde(default, deserialize_with = "or_default")]
    pub groups: Vec<Named>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Named {
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Pipeline {
    pub id: i64,
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub is_main: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub is_archive: bool,
    /// `None`: not told.
    #[serde(default)]
    pub is_unsorted_on: Option<bool>,
    #[serde(rename = "_embedded", default, deserialize_with = "or_default")]
    pub tied: Stages,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Stages {
    #[serde(default, deserialize_with = "or_default")]
    pub statuses: Vec<Stage>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Stage {
    pub id: i64,
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// 1: the stage of Unsorted.
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    pub kind: i64,
}

/// A field an account has.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct FieldDef {
    pub id: i64,
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    #[serde(default)]
    pub code: Option<String>,
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    pub kind: String,
    /// What may be chosen.
    #[serde(default, deserialize_with = "or_default")]
    pub enums: Vec<Choice>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Choice {
    #[serde(default, deserialize_with = "or_default")]
    pub value: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Task {
    pub id: i64,
    #[serde(default, deserialize_with = "or_default")]
    pub text: String,
    #[serde(default, deserialize_with = "or_default")]
    pub complete_till: i64,
    #[serde(default, deserialize_with = "or_default")]
    pub is_completed: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub task_type_id: i64,
    #[serde(default, deserialize_with = "or_default")]
    pub created_at: i64,
    #[serde(default, deserialize_with = "or_default")]
    pub responsible_user_id: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Note {
    pub id: i64,
    #[serde(default, deserialize_with = "or_default")]
    pub note_type: String,
    #[serde(default, deserialize_with = "or_default")]
    pub created_at: i64,
    #[serde(default, deserialize_with = "or_default")]
    pub params: Map<String, Value>,
}

impl Note {
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).and_then(Value::as_str)
    }
}

/// Where a call record landed; the kind may be one we do not know.
#[derive(Debug, Deserialize)]
pub(super) struct Call {
    pub entity_id: i64,
    pub entity_type: String,
}

/// What a request for deals with contacts made: a bare list, or one as all others.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum MadeComplex {
    Bare(Vec<Complex>),
    List(List<Complex>),
}

#[derive(Debug, Deserialize)]
pub(super) struct Complex {
    pub id: i64,
    pub contact_id: i64,
    #[serde(default, deserialize_with = "or_default")]
    pub merged: bool,
}

impl MadeComplex {
    pub(super) fn first(self) -> Option<Complex> {
        match self {
            Self::Bare(made) => made,
            Self::List(list) => list.items(),
        }
        .into_iter()
        .next()
    }
}

/// An entry of Unsorted: listed, made, or accepted.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Unsorted {
    #[serde(default, deserialize_with = "or_default")]
    pub uid: String,
    #[serde(default, deserialize_with = "or_default")]
    pub pipeline_id: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    pub created_at: Option<i64>,
    /// Some accounts may go on telling of an entry that was decided.
    #[serde(default, deserialize_with = "or_default")]
    pub action: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub source_uid: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub metadata: Map<String, Value>,
    #[serde(rename = "_embedded", default, deserialize_with = "or_default")]
    pub tied: Tied,
}

impl Unsorted {
    pub(super) fn is_decided(&self) -> bool {
        self.action.is_some()
    }

    pub(super) fn contact(&self) -> Option<Entity> {
        self.tied.contacts.first().map(|Id { id }| Entity { kind: Kind::Contacts, id: *id })
    }

    pub(super) fn lead(&self) -> Option<Entity> {
        self.tied.leads.first().map(|Id { id }| Entity { kind: Kind::Leads, id: *id })
    }

    /// Whether it is the call with this id that made it, and brought its record along.
    pub(super) fn is_of_call(&self, call: &str) -> bool {
        // It need not come back as it was sent: then its source is known, which is ours.
        let by_call = self.metadata.contains_key("called_at");
        let source = self.source_uid.as_deref().and_then(|uid| uid.strip_prefix("dozvon:"));
        let source = source.and_then(|uid| Some(uid.rsplit_once(':')?.0));
        self.metadata.get("uniq").and_then(Value::as_str) == Some(call)
            || by_call && source == Some(call)
    }

    /// The card that keeps what is said of it.
    pub(super) fn card(&self) -> Option<Entity> {
        self.lead().or(self.contact())
    }

    /// Whose it may be: the newer spelling, the older one, and our own for forms.
    pub(super) fn numbers(&self) -> impl Iterator<Item = &str> {
        let told = ["phone", "from"].into_iter().filter_map(|key| self.metadata.get(key)?.as_str());
        told.chain(self.source_uid.as_deref())
    }
}

/// A refusal.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Problem {
    #[serde(deserialize_with = "or_default")]
    pub title: String,
    #[serde(deserialize_with = "or_default")]
    pub detail: String,
    #[serde(deserialize_with = "or_default")]
    pub hint: String,
    #[serde(rename = "validation-errors", deserialize_with = "or_default")]
    pub validation: Vec<Invalid>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Invalid {
    #[serde(deserialize_with = "or_default")]
    pub errors: Vec<InvalidField>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct InvalidField {
    #[serde(deserialize_with = "or_default")]
    pub code: String,
    #[serde(deserialize_with = "or_default")]
    pub path: String,
    #[serde(deserialize_with = "or_default")]
    pub detail: String,
}

/// A pair of tokens.
#[derive(Deserialize)]
pub(super) struct Pair {
    pub access_token: String,
    pub refresh_token: String,
    /// Seconds.
    #[serde(default = "a_day")]
    pub expires_in: i64,
}

fn a_day() -> i64 {
    86_400
}
