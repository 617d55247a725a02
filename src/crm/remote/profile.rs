//! Numbers of employees that stand in a field of the CRM's users (E14): one of the profile, such as
//! amoCRM's `phone_number`, or one the account made itself.

use serde_json::{Map, Value};

use crate::core::staff::Number;
use crate::crm::{Examined, number_of};

/// All that a user has besides what the adapter reads.
pub type Profile = Map<String, Value>;

/// Where CRMs put fields that an account made itself.
const OWN: [&str; 3] = ["custom_fields_values", "custom_fields", "customFields"];
/// How such a field is named in a list of them.
const NAMES: [&str; 7] = ["code", "uuid", "id", "name", "field_code", "field_id", "field_name"];

/// The numbers in that field, in their order: a text may hold several with commas between them.
pub fn numbers_in(profile: &Profile, field: &str) -> Vec<Number> {
    let mut numbers = Vec::new();
    let texts = value(profile, field).map(texts).unwrap_or_default();
    for number in texts.iter().flat_map(|text| text.split([',', ';'])) {
        numbers.extend(number_of(number).filter(|number| !numbers.contains(number)));
    }
    numbers
}

/// For `dozvon doctor`: nobody has a number there.
pub fn no_numbers_in<'u>(
    profiles: impl Iterator<Item = &'u Profile> + Clone,
    field: &str,
) -> Option<Examined> {
    if profiles.clone().any(|profile| !numbers_in(profile, field).is_empty()) {
        return None;
    }
    let mut there: Vec<&str> = profiles.flat_map(Map::keys).map(String::as_str).collect();
    there.sort_unstable();
    there.dedup();
    Some(Examined::Bad(
        format!("`numbers_field` is `{field}`, and no user has a number there"),
        format!(
            "write extensions of at most six characters or whole numbers there, or name another \
             field, or write them into `numbers`; users have: {}",
            there.join(", ")
        ),
    ))
}

fn value<'p>(profile: &'p Profile, field: &str) -> Option<&'p Value> {
    profile.get(field).or_else(|| {
        OWN.iter().filter_map(|own| profile.get(*own)).find_map(|own| match own {
            Value::Object(by_code) => by_code.get(field),
            Value::Array(list) => list
                .iter()
                .find(|one| NAMES.iter().any(|name| texts(&one[name]).iter().any(|t| t == field)))
                .and_then(|one| one.get("value").or_else(|| one.get("values"))),
            _ => None,
        })
    })
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Number(number) => vec![number.to_string()],
        Value::Array(all) => all.iter().flat_map(texts).collect(),
        Value::Object(one) => one.get("value").map(texts).unwrap_or_default(),
        Value::Null | Value::Bool(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(profile: &Value, field: &str) -> Vec<String> {
        let numbers = numbers_in(profile.as_object().unwrap(), field);
        numbers
            .into_iter()
            .map(|number| match number {
                Number::Line(extension) => extension.to_string(),
                Number::Outside(phone) => phone.e164().to_owned(),
            })
            .collect()
    }

    #[test]
    fn e14_a_field_of_the_profile_holds_one_number_or_several() {
        assert_eq!(told(&json!({ "phone_number": "101" }), "phone_number"), ["101"]);
        assert_eq!(told(&json!({ "phone": 102 }), "phone"), ["102"]);
        let two = json!({ "position": " 103; 8 (916) 000-00-02, 103" });
        assert_eq!(told(&two, "position"), ["103", "+79160000002"]);
        assert_eq!(told(&json!({ "phone": "050 111-22-33" }), "phone"), ["+380501112233"]);
        for nothing in [json!({}), json!({ "phone": null }), json!({ "phone": "sales dept." })] {
            assert!(told(&nothing, "phone").is_empty(), "{nothing}");
        }
    }

    #[test]
    fn e14_a_field_of_the_accounts_own_is_found_in_every_form_a_crm_has() {
        for profile in [
            json!({ "customFields": { "ext": "104" } }),
            json!({ "custom_fields": [{ "uuid": "LD_1", "value": "9" },
                                      { "uuid": "ext", "name": "Внутренний", "value": "104" }] }),
            json!({ "custom_fields_values": [{ "field_id": 7, "field_code": "ext",
                                               "values": [{ "value": "104" }] }] }),
        ] {
            assert_eq!(told(&profile, "ext"), ["104"], "{profile}");
            assert!(told(&profile, "other").is_empty(), "{profile}");
        }
        let by_name = json!({ "custom_fields": [{ "id": 5, "name": "Внутренний", "value": 104 }] });
        assert_eq!(told(&by_name, "Внутренний"), ["104"]);
        assert_eq!(told(&by_name, "5"), ["104"]);
    }
}
