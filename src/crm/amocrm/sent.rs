//! What we send to amoCRM. Only what is set is sent: a key that is missing changes nothing.

use serde::Serialize;
use serde_json::{Map, Value};

use super::wire::Kind;

/// A question for a pair of tokens.
#[derive(Serialize)]
pub(super) struct Grant<'a> {
    pub client_id: &'a str,
    pub client_secret: &'a str,
    pub redirect_uri: &'a str,
    #[serde(flatten)]
    pub by: By<'a>,
}

#[derive(Serialize)]
#[serde(tag = "grant_type", rename_all = "snake_case")]
pub(super) enum By<'a> {
    AuthorizationCode { code: &'a str },
    RefreshToken { refresh_token: &'a str },
}

/// A contact, company or deal to be made or changed: only what is set is sent.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Change {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub responsible_user_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_id: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub custom_fields_values: Vec<Field>,
    /// The others stay: `_embedded.tags` would replace them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags_to_add: Vec<Tag>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags_to_delete: Vec<Tag>,
    #[serde(rename = "_embedded", skip_serializing_if = "Option::is_none")]
    pub embedded: Option<Embedded>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Embedded {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<EmbeddedContact>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub companies: Vec<Main>,
}

/// A contact of a deal that is made.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum EmbeddedContact {
    Known(Main),
    New(Box<Change>),
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Main {
    pub id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_main: Option<bool>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Tag {
    pub name: String,
}

/// Tags by name.
pub(super) fn tags(names: &[String]) -> Vec<Tag> {
    names.iter().map(|name| Tag { name: name.clone() }).collect()
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Field {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_code: Option<&'static str>,
    pub values: Vec<FieldValue>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct FieldValue {
    pub value: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enum_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enum_code: Option<&'static str>,
}

/// The field with a contact's number.
pub(super) fn phone(e164: &str) -> Field {
    let value = FieldValue { value: e164.into(), enum_id: None, enum_code: Some("WORK") };
    Field { field_id: None, field_code: Some("PHONE"), values: vec![value] }
}

#[derive(Debug, Serialize)]
pub(super) struct NewLink {
    pub to_entity_id: i64,
    pub to_entity_type: Kind,
}

#[derive(Debug, Serialize)]
pub(super) struct NewNote<'a> {
    pub entity_id: i64,
    pub note_type: &'a str,
    pub params: Map<String, Value>,
}

#[derive(Debug, Serialize)]
pub(super) struct NotePatch<'a> {
    pub note_type: &'a str,
    pub params: &'a Map<String, Value>,
}

#[derive(Debug, Serialize)]
pub(super) struct NewTask<'a> {
    pub text: &'a str,
    pub complete_till: i64,
    pub task_type_id: i64,
    pub responsible_user_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity_type: Option<Kind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity_id: Option<i64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_completed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<TaskResult<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct TaskResult<'a> {
    pub text: &'a str,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct NewCall {
    pub direction: &'static str,
    pub uniq: String,
    pub duration: u64,
    pub source: String,
    pub phone: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub call_result: String,
    pub call_status: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_responsible: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub responsible_user_id: Option<i64>,
    pub created_at: i64,
}

#[derive(Debug, Serialize)]
pub(super) struct NewUnsorted {
    pub source_name: String,
    pub source_uid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_id: Option<i64>,
    pub created_at: i64,
    pub metadata: Metadata,
    #[serde(rename = "_embedded")]
    pub embedded: Becomes,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Metadata {
    Sip {
        phone: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        call_responsible: Option<String>,
        called_at: i64,
        duration: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        link: Option<String>,
        service_code: String,
        uniq: String,
        is_call_event_needed: bool,
    },
    Form {
        form_id: String,
        form_name: String,
        form_page: String,
        form_sent_at: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        ip: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        referer: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        visitor_uid: Option<String>,
    },
}

#[derive(Debug, Serialize)]
pub(super) struct Becomes {
    pub leads: Vec<Change>,
    pub contacts: Vec<Change>,
}

#[derive(Debug, Serialize)]
pub(super) struct Accept {
    pub user_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_id: Option<i64>,
}

/// Some accounts may do without the user.
#[derive(Debug, Serialize)]
pub(super) struct Decline {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<i64>,
}

#[derive(Debug, Serialize)]
pub(super) struct NewField<'a> {
    pub name: &'a str,
    #[serde(rename = "type")]
    pub kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// The card of a call on the screens of these users; without users: on everybody's.
#[derive(Debug, Serialize)]
pub(super) struct Popups {
    pub add: Vec<Popup>,
}

#[derive(Debug, Serialize)]
pub(super) struct Popup {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub phone_number: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users: Option<Vec<String>>,
}

/// A wish to be told changes.
#[derive(Debug, Serialize)]
pub(super) struct NewWebhook<'a> {
    pub destination: &'a str,
    pub settings: &'a [&'a str],
}
