//! The forms of KeyCRM's API 1.2.0. Only what is used; what is sent is made where it is sent.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

pub use crate::crm::remote::Id;
use crate::crm::remote::{Profile, object, or_default};

/// A page of a list.
#[derive(Debug, Deserialize)]
pub struct Page<T> {
    /// What stands on it.
    pub data: Vec<T>,
    /// `null` on the last one.
    #[serde(default)]
    pub next_page_url: Option<String>,
}

impl<T> Page<T> {
    /// Whether nothing follows.
    pub fn is_last(&self) -> bool {
        self.next_page_url.is_none() || self.data.is_empty()
    }
}

/// Why something is refused.
#[derive(Debug, Deserialize)]
pub struct Refusal {
    /// In words.
    pub message: String,
    /// By field.
    #[serde(default)]
    pub errors: Value,
}

impl Refusal {
    /// `The given data was invalid: phone: is taken`.
    pub fn words(&self) -> String {
        let fields = self.errors.as_object().into_iter().flatten().map(|(field, why)| match why {
            Value::Array(list) if list.len() == 1 => format!("{field}: {}", text(&list[0])),
            why => format!("{field}: {}", text(why)),
        });
        std::iter::once(self.message.clone()).chain(fields).collect::<Vec<_>>().join(": ")
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A text, or several.
fn texts<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    Ok(match Value::deserialize(d)? {
        Value::Array(list) => list.iter().filter(|one| !one.is_null()).map(text).collect(),
        Value::Null => Vec::new(),
        one => vec![text(&one)],
    })
}

/// `true`, `1`, `"true"`.
pub(super) fn yes<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    Ok(match Value::deserialize(d)? {
        Value::Bool(yes) => yes,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => matches!(text.trim(), "1" | "true"),
        _ => false,
    })
}

/// A row of a list that can be asked for what changed.
pub trait Row {
    /// Its id.
    fn id(&self) -> Id;
    /// When it changed last.
    fn updated(&self) -> Option<&str>;
}

macro_rules! rows {
    ($($row:ty),*) => {
        $(impl Row for $row {
            fn id(&self) -> Id {
                self.id
            }

            fn updated(&self) -> Option<&str> {
                self.updated_at.as_deref()
            }
        })*
    };
}

rows!(Buyer, Card, Order);

/// Only an id.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Ref {
    /// The id.
    pub id: Id,
}

/// A field of the account's own.
#[derive(Clone, Debug, Deserialize)]
pub struct Field {
    /// `LD_1021`.
    pub uuid: String,
    /// Text, number or list.
    #[serde(default)]
    pub value: Value,
}

/// Fields by their uuids.
pub fn by_uuid(fields: &[Field]) -> BTreeMap<&str, &Value> {
    fields.iter().map(|field| (field.uuid.as_str(), &field.value)).collect()
}

/// A company.
#[derive(Clone, Debug, Deserialize)]
pub struct Company {
    /// Its name.
    pub name: Option<String>,
}

/// A client.
#[derive(Clone, Debug, Deserialize)]
pub struct Buyer {
    /// Its id.
    pub id: Id,
    /// Whole name.
    pub full_name: Option<String>,
    /// All numbers; one in places.
    #[serde(default, deserialize_with = "texts")]
    pub phone: Vec<String>,
    /// What people wrote.
    pub note: Option<String>,
    /// Where it belongs to.
    #[serde(default, deserialize_with = "object")]
    pub company: Option<Company>,
    /// Who is responsible, where it is included.
    #[serde(default, deserialize_with = "object")]
    pub manager: Option<Ref>,
    /// The same where it is not.
    pub manager_id: Option<Id>,
    /// Fields of the account's own.
    #[serde(default, deserialize_with = "or_default")]
    pub custom_fields: Vec<Field>,
    /// When it changed last.
    pub updated_at: Option<String>,
    /// When it was made.
    pub created_at: Option<String>,
}

impl Buyer {
    /// Who is responsible.
    pub fn owner(&self) -> Option<Id> {
        self.manager.map(|manager| manager.id).or(self.manager_id)
    }
}

/// Whom a card is about.
#[derive(Clone, Debug, Deserialize)]
pub struct Contact {
    /// Its name.
    pub full_name: Option<String>,
    /// Its numbers.
    #[serde(default, deserialize_with = "texts")]
    pub phone: Vec<String>,
    /// The buyer it is.
    pub client_id: Option<Id>,
    /// The same, included.
    #[serde(default, deserialize_with = "object")]
    pub client: Option<Buyer>,
}

/// A card of a pipeline.
#[derive(Clone, Debug, Deserialize)]
pub struct Card {
    /// Its id.
    pub id: Id,
    /// Whom it is about.
    pub contact_id: Option<Id>,
    /// Who is responsible.
    pub manager_id: Option<Id>,
    /// Its title.
    pub title: Option<String>,
    /// What managers wrote.
    pub manager_comment: Option<String>,
    /// Neither won nor lost as long as it is not.
    #[serde(default, deserialize_with = "yes")]
    pub is_finished: bool,
    /// When the client shall be talked with next.
    pub communicate_at: Option<String>,
    /// When it changed last.
    pub updated_at: Option<String>,
    /// When it was made.
    pub created_at: Option<String>,
    /// Whom it is about.
    #[serde(default, deserialize_with = "object")]
    pub contact: Option<Contact>,
    /// Fields of the account's own.
    #[serde(default, deserialize_with = "or_default")]
    pub custom_fields: Vec<Field>,
}

/// An order.
#[derive(Clone, Debug, Deserialize)]
pub struct Order {
    /// Its id.
    pub id: Id,
    /// Its id at its source: our mark.
    pub source_uuid: Option<String>,
    /// Its status.
    pub status_id: Option<Id>,
    /// What managers wrote.
    pub manager_comment: Option<String>,
    /// Who is responsible, where it is included.
    #[serde(default, deserialize_with = "object")]
    pub manager: Option<Ref>,
    /// Whose it is.
    #[serde(default, deserialize_with = "object")]
    pub buyer: Option<Buyer>,
    /// When it changed last.
    pub updated_at: Option<String>,
    /// When it was made.
    pub created_at: Option<String>,
    /// When nothing more came of it.
    pub closed_at: Option<String>,
    /// Fields of the account's own.
    #[serde(default, deserialize_with = "or_default")]
    pub custom_fields: Vec<Field>,
}

impl Order {
    /// Whether it is known at its source by this.
    pub fn is_at_source(&self, mark: &str) -> bool {
        self.source_uuid.as_deref() == Some(mark)
    }
}

/// A status of orders.
#[derive(Debug, Deserialize)]
pub struct Status {
    /// Its id.
    pub id: Id,
    /// After it nothing comes.
    #[serde(default, deserialize_with = "yes")]
    pub is_closing_order: bool,
}

/// A status of orders or a stage of a pipeline, as people name it.
#[derive(Debug, Deserialize)]
pub struct Stage {
    /// Its id.
    pub id: Id,
    /// Its name.
    #[serde(alias = "title")]
    pub name: Option<String>,
    /// Another name.
    pub alias: Option<String>,
}

/// A pipeline, a tag or a source.
#[derive(Debug, Deserialize)]
pub struct Named {
    /// Its id.
    pub id: Id,
    /// Its name.
    #[serde(alias = "title")]
    pub name: Option<String>,
}

/// A user.
#[derive(Clone, Debug, Deserialize)]
pub struct User {
    /// His id.
    pub id: Id,
    /// Whole name.
    pub full_name: Option<String>,
    /// What he logs in with.
    pub username: Option<String>,
    /// The same, or another one.
    pub email: Option<String>,
    /// `active`, `pending`, `blocked`.
    pub status: Option<String>,
    /// What else stands in his profile.
    #[serde(flatten)]
    pub rest: Profile,
}

/// A call as KeyCRM has it.
#[derive(Debug, Deserialize)]
pub struct Call {
    /// Our id of it.
    pub reference_id: Option<String>,
    /// How it stands.
    pub state: Option<String>,
}
