//! The forms of retailCRM's API v5, as its official clients have them. Only what is used.
//!
//! Its answers are read leniently: an id may be a number or a text, an empty map comes as a list,
//! and what is unknown is absent, `null` or empty.

mod account;
mod lenient;
mod written;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use crate::crm::remote::Id;
use crate::crm::remote::{object, or_default};
pub use account::*;
use lenient::{flag, id, plain};
pub(super) use lenient::{map, text};
pub use written::*;

/// What every answer begins with.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Also with status 200 it may be `false`.
    pub success: Option<bool>,
    /// What went wrong.
    #[serde(default, deserialize_with = "text")]
    pub error_msg: Option<String>,
    /// A map of fields, or a list.
    #[serde(default)]
    pub errors: Value,
}

/// Pages of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Pagination {
    /// From 1.
    pub current_page: u32,
    /// How many there are.
    pub total_page_count: u32,
}

impl Pagination {
    /// Whether nothing follows.
    pub fn is_last(&self) -> bool {
        self.current_page >= self.total_page_count
    }
}

/// A phone as somebody typed it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PhoneNumber {
    /// In any spelling.
    #[serde(default, deserialize_with = "plain")]
    pub number: String,
}

/// Only an id.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Ref {
    /// The id.
    pub id: Id,
}

/// A client, or the manager in the answer to "who calls".
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// Its id.
    pub id: Id,
    /// The shop.
    #[serde(default, deserialize_with = "text")]
    pub site: Option<String>,
    /// Whether he is the contact of a company.
    #[serde(default, deserialize_with = "flag")]
    pub is_contact: bool,
    /// Who is responsible.
    #[serde(default, deserialize_with = "id")]
    pub manager_id: Option<Id>,
    /// Given name.
    #[serde(default, deserialize_with = "text")]
    pub first_name: Option<String>,
    /// Family name.
    #[serde(default, deserialize_with = "text")]
    pub last_name: Option<String>,
    /// The name of a company.
    #[serde(default, deserialize_with = "text")]
    pub nick_name: Option<String>,
    /// Where it was made.
    #[serde(default, deserialize_with = "text")]
    pub created_at: Option<String>,
    /// All numbers.
    #[serde(default, deserialize_with = "or_default")]
    pub phones: Vec<PhoneNumber>,
    /// Fields of the account's own.
    #[serde(default, deserialize_with = "map")]
    pub custom_fields: BTreeMap<String, Value>,
    /// Where the client came from.
    #[serde(default, deserialize_with = "object")]
    pub source: Option<Source>,
    /// A company's main legal person.
    #[serde(default, deserialize_with = "object")]
    pub main_company: Option<Company>,
}

impl Person {
    /// `Иван Петров`.
    pub fn name(&self) -> String {
        let parts = [self.first_name.as_deref(), self.last_name.as_deref()];
        let parts: Vec<_> = parts.into_iter().flatten().map(str::trim).collect();
        match parts.join(" ").trim() {
            "" => self.nick_name.clone().unwrap_or_default(),
            name => name.to_owned(),
        }
    }
}

/// A legal person of a company.
#[derive(Clone, Debug, Deserialize)]
pub struct Company {
    /// Its name.
    #[serde(default, deserialize_with = "text")]
    pub name: Option<String>,
}

/// UTM tags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Source {
    /// `utm_source`.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// `utm_medium`.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub medium: Option<String>,
    /// `utm_campaign`.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// `utm_term`.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub keyword: Option<String>,
    /// `utm_content`.
    #[serde(deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

/// `GET /telephony/manager`.
#[derive(Debug, Deserialize)]
pub struct Caller {
    /// Who is responsible.
    #[serde(default, deserialize_with = "object")]
    pub manager: Option<Person>,
    /// Who calls.
    #[serde(default, deserialize_with = "object")]
    pub customer: Option<Person>,
}

/// `GET /customers`.
#[derive(Debug, Deserialize)]
pub struct Customers {
    /// The page.
    #[serde(default)]
    pub customers: Vec<Person>,
}

/// `GET /customers-corporate`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Corporates {
    /// The page.
    #[serde(default)]
    pub customers_corporate: Vec<Person>,
}

/// An order.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Its id.
    pub id: Id,
    /// What people call it.
    #[serde(default, deserialize_with = "text")]
    pub number: Option<String>,
    /// Its shop.
    #[serde(default, deserialize_with = "text")]
    pub site: Option<String>,
    /// Our mark, where we made it.
    #[serde(default, deserialize_with = "text")]
    pub external_id: Option<String>,
    /// Its status by code.
    #[serde(default, deserialize_with = "plain")]
    pub status: String,
    /// Who is responsible.
    #[serde(default, deserialize_with = "id")]
    pub manager_id: Option<Id>,
    /// When it was made.
    #[serde(default, deserialize_with = "text")]
    pub created_at: Option<String>,
    /// The number it was made for.
    #[serde(default, deserialize_with = "text")]
    pub phone: Option<String>,
    /// Whose it is.
    #[serde(default, deserialize_with = "object")]
    pub customer: Option<Person>,
    /// Fields of the account's own.
    #[serde(default, deserialize_with = "map")]
    pub custom_fields: BTreeMap<String, Value>,
    /// Where it came from.
    #[serde(default, deserialize_with = "object")]
    pub source: Option<Source>,
    /// What operators wrote.
    #[serde(default, deserialize_with = "text")]
    pub manager_comment: Option<String>,
}

/// `GET /orders`.
#[derive(Debug, Deserialize)]
pub struct Orders {
    /// The page.
    #[serde(default)]
    pub orders: Vec<Order>,
    /// Where we are.
    #[serde(default)]
    pub pagination: Pagination,
}

/// `GET /customers-corporate/{id}/contacts`.
#[derive(Debug, Deserialize)]
pub struct Contacts {
    /// The page.
    #[serde(default, deserialize_with = "or_default")]
    pub contacts: Vec<Contact>,
}

/// The answer to something made or changed.
#[derive(Debug, Deserialize)]
pub struct Made {
    /// Its id.
    #[serde(default, deserialize_with = "id")]
    pub id: Option<Id>,
    /// A new order says whose it is.
    #[serde(default)]
    pub order: Value,
}

/// An answer that says only that it is done.
#[derive(Debug, Deserialize)]
pub struct Success {}

/// `GET /customers/{id}`.
#[derive(Debug, Deserialize)]
pub struct OneCustomer {
    /// The client.
    pub customer: Person,
}

/// `GET /orders/{id}`.
#[derive(Debug, Deserialize)]
pub struct OneOrder {
    /// The order.
    pub order: Order,
}

/// A task.
#[derive(Debug, Deserialize)]
pub struct Task {
    /// Its id.
    pub id: Id,
    /// Our mark and the kind.
    #[serde(default, deserialize_with = "text")]
    pub commentary: Option<String>,
    /// Due, to the minute.
    #[serde(default, deserialize_with = "text")]
    pub datetime: Option<String>,
    /// Done.
    #[serde(default, deserialize_with = "flag")]
    pub complete: bool,
    /// For whom.
    #[serde(default, deserialize_with = "object")]
    pub customer: Option<Ref>,
    /// The number.
    #[serde(default, deserialize_with = "text")]
    pub phone: Option<String>,
}

impl Task {
    /// Whether this action made it.
    pub fn commentary_starts_with(&self, mark: &str) -> bool {
        self.words().next() == Some(mark)
    }

    /// Whether an action of this kind made it.
    pub fn is_of_kind(&self, kind: &str) -> bool {
        let mut words = self.words();
        words.next().is_some_and(|mark| mark.starts_with("dozvon-")) && words.next() == Some(kind)
    }

    fn words(&self) -> std::str::SplitN<'_, char> {
        self.commentary.as_deref().unwrap_or_default().trim().splitn(2, ' ')
    }
}

/// `GET /tasks`.
#[derive(Debug, Deserialize)]
pub struct Tasks {
    /// The page.
    #[serde(default)]
    pub tasks: Vec<Task>,
    /// Where we are.
    #[serde(default)]
    pub pagination: Pagination,
}

/// A note.
#[derive(Debug, Deserialize)]
pub struct Note {
    /// Its id.
    pub id: Id,
    /// Its text.
    #[serde(default, deserialize_with = "text")]
    pub text: Option<String>,
}

/// `GET /customers/notes`.
#[derive(Debug, Deserialize)]
pub struct Notes {
    /// The page.
    #[serde(default)]
    pub notes: Vec<Note>,
}

/// The answer to `/telephony/calls/upload`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Uploaded {
    /// What was there already.
    #[serde(default, deserialize_with = "or_default")]
    pub duplicate_calls: Vec<Value>,
}

/// The answer to `/telephony/call/event`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventAnswer {
    /// Users it does not know.
    #[serde(default, deserialize_with = "or_default")]
    pub not_exist_users: Vec<Value>,
}

/// A page of a history.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct History {
    /// The account's clock.
    #[serde(default, deserialize_with = "text")]
    pub generated_at: Option<String>,
    /// The rows.
    #[serde(default)]
    pub history: Vec<Change>,
}

/// A row of a history.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Its number; they grow.
    pub id: Id,
    /// What changed.
    #[serde(default, deserialize_with = "text")]
    pub field: Option<String>,
    /// It is new.
    #[serde(default, deserialize_with = "flag")]
    pub created: bool,
    /// It is gone.
    #[serde(default, deserialize_with = "flag")]
    pub deleted: bool,
    /// Of whom.
    #[serde(default, deserialize_with = "object")]
    pub customer: Option<Whose>,
    /// What it was merged into.
    #[serde(default, deserialize_with = "object")]
    pub combined_to: Option<Ref>,
    /// The contact of a company.
    #[serde(default, deserialize_with = "object")]
    pub customer_contact: Option<Contact>,
    /// Of which order.
    #[serde(default, deserialize_with = "object")]
    pub order: Option<ChangedOrder>,
}

/// Who a row is about.
#[derive(Debug, Deserialize)]
pub struct Whose {
    /// The client, or the company.
    pub id: Id,
    /// The shop.
    #[serde(default, deserialize_with = "text")]
    pub site: Option<String>,
}

/// The contact of a company.
#[derive(Debug, Deserialize)]
pub struct Contact {
    /// The client behind it.
    #[serde(default, deserialize_with = "object")]
    pub customer: Option<Ref>,
}

/// Whose order it is.
#[derive(Debug, Deserialize)]
pub struct ChangedOrder {
    /// Its id.
    pub id: Option<Id>,
    /// The client, or the company.
    #[serde(default, deserialize_with = "object")]
    pub customer: Option<Ref>,
    /// The person of a company.
    #[serde(default, deserialize_with = "object")]
    pub contact: Option<Ref>,
}

/// The answer to a module that was registered.
#[derive(Debug, Deserialize)]
pub struct Installed {
    /// Users and shops it does not know.
    #[serde(default, deserialize_with = "map")]
    pub info: BTreeMap<String, Value>,
}
