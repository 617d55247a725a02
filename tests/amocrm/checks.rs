//! What an account refuses of a record that is made or changed.

use serde_json::{Value, json};

use super::Account;
use crate::request::Said;

/// A refusal as it is documented.
pub fn invalid(path: &str, code: &str) -> Said {
    let mut said = Said::refused(400, "Request validation failed");
    said.body["validation-errors"] = json!([{ "request_id": "0", "errors": [{
        "code": code, "path": path,
        "detail": "The value you selected is not a valid choice." }] }]);
    said
}

impl Account {
    /// `Err`: it is refused. `at`: where in the request it stands.
    pub fn check(&self, kind: &str, record: &Value, at: &str) -> Result<(), Said> {
        let owner = &record["responsible_user_id"];
        if !owner.is_null() && !self.is_user(owner) {
            let path = format!("{at}responsible_user_id");
            return Err(invalid(&path, "NotSupportedChoice"));
        }
        let fields = record["custom_fields_values"].as_array().cloned().unwrap_or_default();
        if fields.len() > 40 {
            return Err(invalid(&format!("{at}custom_fields_values"), "TooMany"));
        }
        let mut refused = Vec::new();
        for (place, field) in fields.iter().enumerate() {
            let path = format!("{at}custom_fields_values.{place}");
            if fields[..place].iter().any(|other| self.is_same(kind, other, field)) {
                refused.push((format!("{path}.field_id"), "NotUnique"));
            }
            if self.is_coded(field, "PHONE") {
                continue;
            }
            let Some(def) = self.def(kind, field) else {
                refused.push((format!("{path}.field_id"), "NotSupportedChoice"));
                continue;
            };
            for (number, held) in field["values"].as_array().unwrap().iter().enumerate() {
                if !takes(def, &held["value"]) {
                    refused.push((format!("{path}.values.{number}.value"), "NotSupportedChoice"));
                }
            }
        }
        let Some((path, code)) = refused.first() else { return Ok(()) };
        let mut said = invalid(path, code);
        said.body["validation-errors"][0]["errors"] = refused
            .iter()
            .map(|(path, code)| json!({ "path": path, "code": code, "detail": "wrong" }))
            .collect();
        Err(said)
    }

    /// A card that notes and tasks may stand on.
    pub fn has_card(&self, kind: &str, id: &Value) -> bool {
        let id = id.as_i64().unwrap_or_default();
        kind == "customers" || self.records.get(kind).is_some_and(|all| all.contains_key(&id))
    }

    fn def(&self, kind: &str, field: &Value) -> Option<&Value> {
        let mut known = self.fields.get(kind)?.iter();
        known.find(|def| def["id"] == field["field_id"])
    }

    fn is_coded(&self, field: &Value, code: &str) -> bool {
        field["field_code"] == code || field["field_id"] == 3
    }

    fn is_same(&self, kind: &str, one: &Value, other: &Value) -> bool {
        let phones = self.is_coded(one, "PHONE") && self.is_coded(other, "PHONE");
        let ids = |field| self.def(kind, field).map(|def| &def["id"]);
        phones || ids(one).is_some() && ids(one) == ids(other)
    }
}

/// Whether a field of this type takes a value.
fn takes(def: &Value, value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    match def["type"].as_str().unwrap() {
        "select" | "radiobutton" | "multiselect" => {
            def["enums"].as_array().unwrap().iter().any(|choice| choice["value"] == *value)
        }
        "numeric" | "monetary" => value.is_number() || text.parse::<f64>().is_ok(),
        "url" => text.starts_with("http"),
        // Whatever the reason may be.
        _ => !text.contains("<script"),
    }
}
