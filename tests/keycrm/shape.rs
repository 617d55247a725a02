//! What is sent has the shape that KeyCRM's OpenAPI file has. The fake looks at every request.

use std::collections::BTreeMap;

use serde_json::Value;

/// The operation of a request: `PUT /buyer/{buyerId}`.
fn operation<'o>(all: &'o Value, method: &str, path: &str) -> Option<&'o Value> {
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |name: &str| {
        let Some((of, template)) = name.split_once(' ') else { return false };
        let theirs: Vec<&str> = template.split('/').collect();
        let same =
            |(a, b): (&&str, &&str)| a == b || a.starts_with('{') && b.parse::<u64>().is_ok();
        of == method && theirs.len() == parts.len() && theirs.iter().zip(&parts).all(same)
    };
    all.as_object()?.iter().find(|(name, _)| fits(name)).map(|(_, operation)| operation)
}

/// What is wrong with a request; `path` follows `/v1`.
pub fn wrong(
    method: &str,
    path: &str,
    query: &BTreeMap<String, String>,
    body: &Value,
) -> Vec<String> {
    let file: Value = serde_json::from_str(include_str!("fixtures/openapi.json")).unwrap();
    let Some(operation) = operation(&file["operations"], method, path) else {
        return vec![format!("there is no {method} {path}")];
    };
    let has = |list: &Value, name: &str| list.as_array().unwrap().iter().any(|one| one == name);
    let mut wrong = Vec::new();
    for (key, value) in query {
        let known = match key.strip_prefix("filter[").and_then(|rest| rest.strip_suffix(']')) {
            Some(filter) => has(&operation["filter"], filter),
            None => has(&operation["query"], key),
        };
        if !known {
            wrong.push(format!("{method} {path} knows no {key}"));
        }
        if key == "include" {
            for one in value.split(',').filter(|one| !has(&operation["include"], one)) {
                wrong.push(format!("{method} {path} includes no {one}"));
            }
        }
        if key == "limit" && value.parse::<u32>().is_ok_and(|limit| limit > 50) {
            wrong.push(format!("{method} {path}: a page of {value}"));
        }
    }
    match operation.get("body") {
        Some(schema) => fits(&format!("{method} {path}"), body, schema, &mut wrong),
        None if !body.is_null() => wrong.push(format!("{method} {path} takes no body")),
        None => {}
    }
    wrong
}

fn fits(at: &str, ours: &Value, schema: &Value, wrong: &mut Vec<String>) {
    let kind = schema["type"].as_str().unwrap_or_default();
    let right = match kind {
        "object" => ours.is_object(),
        "array" => ours.is_array(),
        "integer" => ours.is_u64() || ours.is_i64(),
        "number" => ours.is_number(),
        "string" => ours.is_string(),
        "boolean" => ours.is_boolean(),
        _ => true,
    };
    let left_out = ours.is_null() && schema["nullable"] == true;
    if !(right || left_out) {
        wrong.push(format!("{at}: {ours} is no {kind}"));
    }
    if let (Some(ours), Some(properties)) = (ours.as_object(), schema["properties"].as_object()) {
        for (key, value) in ours {
            match properties.get(key) {
                // "For fields of the type `select` pass an array of strings", says the description.
                Some(_) if at.ends_with("custom_fields") && value.is_array() => {
                    fits(at, value, &serde_json::json!({"items": {"type": "string"}}), wrong);
                }
                Some(schema) => fits(&format!("{at}.{key}"), value, schema, wrong),
                None => wrong.push(format!("{at}: there is no {key}")),
            }
        }
        for key in schema["required"].as_array().into_iter().flatten() {
            if !ours.contains_key(key.as_str().unwrap()) {
                wrong.push(format!("{at}: {key} is needed"));
            }
        }
    }
    for value in ours.as_array().into_iter().flatten() {
        fits(at, value, &schema["items"], wrong);
    }
}

#[test]
fn what_the_file_does_not_have_is_noticed() {
    let query = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
    let none = BTreeMap::new();
    let null = Value::Null;
    assert_eq!(wrong("GET", "/buyer", &query("filter[buyer_phone]", "1"), &null).len(), 0);
    assert_eq!(wrong("GET", "/buyer", &query("filter[phone]", "1"), &null).len(), 1);
    assert_eq!(wrong("GET", "/buyer", &query("include", "manager,cards"), &null).len(), 1);
    assert_eq!(wrong("GET", "/tasks", &none, &null).len(), 1);
    let body = serde_json::json!({"phone": "1", "tags": []});
    assert_eq!(wrong("POST", "/buyer", &none, &body).len(), 3, "kind, key, and what is needed");
}
