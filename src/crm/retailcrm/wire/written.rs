//! What is sent: the objects whose JSON stands in form fields.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Id, PhoneNumber, Ref, Source};

/// `customer` of `/customers/create`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewCustomer<'a> {
    /// Our mark.
    pub external_id: &'a str,
    /// The whole name: nobody can tell its parts.
    pub first_name: &'a str,
    /// Its number.
    pub phones: Vec<PhoneNumber>,
    /// Who is responsible.
    pub manager_id: Id,
    /// Tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag<'a>>,
    /// UTM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The account's own.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub custom_fields: Map<String, Value>,
}

/// A tag of something new.
#[derive(Debug, Serialize)]
pub struct Tag<'a> {
    /// Its name.
    pub name: &'a str,
}

/// `customerCorporate` of `/customers-corporate/create`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewCorporate<'a> {
    /// Our mark.
    pub external_id: &'a str,
    /// Its name in lists.
    pub nick_name: &'a str,
    /// Its legal persons.
    pub companies: Value,
    /// Its contacts.
    pub customer_contacts: Value,
}

/// `order` of `/orders/create`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewOrder<'a> {
    /// Our mark.
    pub external_id: &'a str,
    /// Whose it is; `None`: the CRM makes a client of name and number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<Whom>,
    /// Who speaks for the company whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<Ref>,
    /// The company's legal person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<Ref>,
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// The number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<&'a str>,
    /// Who is responsible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manager_id: Option<Id>,
    /// A status by code; else the account's first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'a str>,
    /// A type by code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_type: Option<&'a str>,
    /// How it came, by code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_method: Option<&'a str>,
    /// Somebody has to call.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub call: bool,
    /// Its title, and what has no field.
    pub manager_comment: String,
    /// UTM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The account's own.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub custom_fields: Map<String, Value>,
}

/// `task` of `/tasks/create`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewTask<'a> {
    /// What to do.
    pub text: &'a str,
    /// Whose it is. Read as `performer`.
    pub performer_id: Id,
    /// Our mark and the kind.
    pub commentary: &'a str,
    /// Due, to the minute.
    pub datetime: &'a str,
    /// Done already.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub complete: bool,
    /// For whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<Whom>,
    /// On which order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Ref>,
    /// The number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<&'a str>,
}

/// `note` of `/customers/notes/create`.
#[derive(Debug, Serialize)]
pub struct NewNote<'a> {
    /// Its text.
    pub text: &'a str,
    /// On whom.
    pub customer: Whom,
}

/// A client, or a company.
#[derive(Debug, Serialize)]
pub struct Whom {
    /// His id.
    pub id: Id,
    /// `customer_corporate`; else a client.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// His shop, which need not be that of what is his.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
}

/// `notification` of `/notifications/send`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewNotification<'a> {
    /// `api.info`.
    pub r#type: &'a str,
    /// HTML.
    pub message: &'a str,
    /// Whom.
    pub user_ids: &'a [Id],
}

/// One of `calls` of `/telephony/calls/upload`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewCall<'a> {
    /// Its beginning.
    pub date: &'a str,
    /// `in`, `out`.
    pub r#type: &'a str,
    /// The client's number.
    pub phone: &'a str,
    /// Whose call it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Id>,
    /// `answered`, `busy`, `failed`, `no answer`, `not allowed`, `unknown`.
    pub result: &'a str,
    /// Seconds talked.
    pub duration: u64,
    /// Seconds until somebody answered.
    pub duration_waiting: u64,
    /// A second one with it changes nothing.
    pub external_id: &'a str,
    /// Where the recording is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record_url: Option<&'a str>,
    /// The company's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_phone: Option<&'a str>,
    /// The shop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<&'a str>,
}

/// `event` of `/telephony/call/event`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewEvent<'a> {
    /// The client's number.
    pub phone: &'a str,
    /// `in`, `out`, `hangup`.
    pub r#type: &'a str,
    /// Whose screen.
    pub user_ids: &'a [Id],
    /// The call.
    pub call_external_id: &'a str,
    /// `answered`, `no answered`, `busy`, `cancel`, `failed`: other words than of an upload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hangup_status: Option<&'a str>,
    /// The company's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_phone: Option<&'a str>,
    /// The shop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<&'a str>,
}
