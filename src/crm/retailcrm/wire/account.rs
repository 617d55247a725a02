//! What an account has: statuses, users, modules, rights, shops, fields.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::lenient::{codes, flag, map, plain, text};
use super::{Id, Pagination};
use crate::crm::remote::{Profile, object, or_default};

/// A status of orders.
#[derive(Debug, Deserialize)]
pub struct Status {
    /// `new`, `approval`, …, `complete`, `cancel`.
    #[serde(default, deserialize_with = "plain")]
    pub group: String,
}

/// `GET /reference/statuses`.
#[derive(Debug, Deserialize)]
pub struct Statuses {
    /// By code.
    #[serde(default, deserialize_with = "map")]
    pub statuses: BTreeMap<String, Status>,
}

/// `GET /reference/order-types`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderTypes {
    /// By code.
    #[serde(default, deserialize_with = "map")]
    pub order_types: BTreeMap<String, IgnoredAny>,
}

/// A group of users.
#[derive(Debug, Deserialize)]
pub struct Group {
    /// Its name.
    #[serde(default, deserialize_with = "text")]
    pub name: Option<String>,
    /// Its code.
    #[serde(default, deserialize_with = "text")]
    pub code: Option<String>,
}

/// A user.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// His id.
    pub id: Id,
    /// Not dismissed.
    #[serde(default, deserialize_with = "flag")]
    pub active: bool,
    /// What he logs in with.
    #[serde(default, deserialize_with = "text")]
    pub email: Option<String>,
    /// Given name.
    #[serde(default, deserialize_with = "text")]
    pub first_name: Option<String>,
    /// Family name.
    #[serde(default, deserialize_with = "text")]
    pub last_name: Option<String>,
    /// `free`, `busy`, `dinner`, `break`.
    #[serde(default, deserialize_with = "text")]
    pub status: Option<String>,
    /// Whether he has the CRM open.
    pub online: Option<bool>,
    /// His groups.
    #[serde(default, deserialize_with = "or_default")]
    pub groups: Vec<Group>,
    /// What else stands in his profile.
    #[serde(flatten)]
    pub rest: Profile,
}

/// `GET /users`.
#[derive(Debug, Deserialize)]
pub struct Users {
    /// The page.
    #[serde(default)]
    pub users: Vec<User>,
    /// Where we are.
    #[serde(default)]
    pub pagination: Pagination,
}

/// `GET /integration-modules/{code}`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModuleAnswer {
    /// The module.
    #[serde(default, deserialize_with = "object")]
    pub integration_module: Option<Module>,
}

/// A module as the CRM has it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Module {
    /// Switched on.
    #[serde(default, deserialize_with = "flag")]
    pub active: bool,
    /// What it does.
    #[serde(default, deserialize_with = "object")]
    pub integrations: Option<Integrations>,
}

/// What a module does.
#[derive(Debug, Deserialize)]
pub struct Integrations {
    /// Telephony.
    #[serde(default, deserialize_with = "object")]
    pub telephony: Option<Telephony>,
}

/// A telephony module.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Telephony {
    /// What the button beside a number calls.
    #[serde(default, deserialize_with = "text")]
    pub make_call_url: Option<String>,
    /// Who has which extension.
    #[serde(default, deserialize_with = "or_default")]
    pub additional_codes: Vec<UserCode>,
}

/// The extension of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserCode {
    /// Whose: a text, as one of the official clients has it.
    #[serde(default, deserialize_with = "plain")]
    pub user_id: String,
    /// The extension.
    #[serde(default, deserialize_with = "plain")]
    pub code: String,
}

/// `GET /api/credentials`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// `customer_read` and so on.
    #[serde(default, deserialize_with = "codes")]
    pub scopes: Vec<String>,
    /// The shops the key sees.
    #[serde(default, deserialize_with = "codes")]
    pub sites_available: Vec<String>,
}

/// `GET /reference/sites`.
#[derive(Debug, Deserialize)]
pub struct Sites {
    /// By code.
    #[serde(default, deserialize_with = "map")]
    pub sites: BTreeMap<String, IgnoredAny>,
}

/// `GET /custom-fields`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomFields {
    /// The page.
    #[serde(default, deserialize_with = "or_default")]
    pub custom_fields: Vec<CustomField>,
    /// Where we are.
    #[serde(default)]
    pub pagination: Pagination,
}

/// A field of the account's own.
#[derive(Debug, Deserialize)]
pub struct CustomField {
    /// By which it is filled in.
    #[serde(default, deserialize_with = "plain")]
    pub code: String,
    /// `customer`, `order`, `company` and others.
    #[serde(default, deserialize_with = "plain")]
    pub entity: String,
    /// `string`, `text`, `integer`, `numeric`, `boolean`, `date`, `dictionary` and others.
    #[serde(rename = "type", default, deserialize_with = "plain")]
    pub kind: String,
}

/// `GET /reference/order-methods`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderMethods {
    /// By code.
    #[serde(default, deserialize_with = "map")]
    pub order_methods: BTreeMap<String, IgnoredAny>,
}
