//! Whether a request has the shape of those the vendor's own client sends.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::request::Sent;

type Shapes = BTreeMap<String, Vec<Value>>;

/// Method and path, numbers and ids replaced.
fn place(method: &str, path: &str) -> String {
    let word = |word: &str| match word {
        "accept" | "decline" | "sip" | "forms" | "complex" | "unsorted" => word.to_owned(),
        word if word.chars().any(|c| c.is_ascii_digit()) && !word.starts_with('v') => {
            "ID".to_owned()
        }
        word => word.to_owned(),
    };
    let path: Vec<String> = path.split('/').map(word).collect();
    // Contacts, companies and deals share these.
    let path = path.join("/");
    let shared = ["/notes", "/link", "/notes/ID", "/custom_fields"];
    let path = match shared.iter().find(|end| path.ends_with(**end)) {
        Some(end) => format!("…{end}"),
        None => path,
    };
    format!("{method} {path}")
}

/// The requests of the client, and what its documentation adds to them.
fn shapes() -> &'static Shapes {
    static SHAPES: OnceLock<Shapes> = OnceLock::new();
    SHAPES.get_or_init(|| {
        let mut shapes = Shapes::new();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/amocrm/fixtures");
        for file in std::fs::read_dir(folder).unwrap() {
            let file = file.unwrap().path();
            if file.extension().is_none_or(|ending| ending != "json") {
                continue;
            }
            let recorded: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
            let exchanges = match recorded["exchanges"].as_array() {
                Some(exchanges) => exchanges.clone(),
                None => vec![recorded],
            };
            for exchange in exchanges {
                let (method, path) = (&exchange["method"], &exchange["path"]);
                let place = place(method.as_str().unwrap(), path.as_str().unwrap());
                shapes.entry(place).or_default().push(exchange["body"].clone());
            }
        }
        for (method, path, body) in documented() {
            shapes.entry(place(method, path)).or_default().push(body);
        }
        shapes
    })
}

/// Documented, and in none of the client's examples.
fn documented() -> Vec<(&'static str, &'static str, Value)> {
    let field = json!([{ "field_id": 1, "field_code": "UTM_SOURCE",
        "values": [{ "value": "x", "enum_code": "WORK", "enum_id": 1 }, { "value": true },
            { "value": 1 }] }]);
    let tags = json!([{ "name": "x", "id": 1 }]);
    let change = json!({ "name": "x", "responsible_user_id": 1, "status_id": 1, "pipeline_id": 1,
        "custom_fields_values": field, "tags_to_add": tags, "tags_to_delete": tags });
    let record = json!([{ "name": "x", "responsible_user_id": 1, "custom_fields_values": field,
        "_embedded": { "tags": tags, "companies": [{ "id": 1 }], "contacts": [{ "id": 1 }] } }]);
    vec![
        ("POST", "/api/v4/contacts", record.clone()),
        ("POST", "/api/v4/companies", record.clone()),
        ("POST", "/api/v4/leads", record),
        ("PATCH", "/api/v4/leads/1", change.clone()),
        ("PATCH", "/api/v4/contacts/1", change.clone()),
        ("PATCH", "/api/v4/companies/1", change),
        (
            "POST",
            "/api/v4/leads/custom_fields",
            json!([{ "name": "x", "type": "text", "code": "X" }]),
        ),
        ("POST", "/api/v4/leads/notes", json!([{ "params": { "call_responsible": 1 } }])),
        (
            "POST",
            "/api/v4/leads/complex",
            json!([{ "responsible_user_id": 1, "status_id": 1,
            "pipeline_id": 1, "custom_fields_values": field,
            "_embedded": { "contacts": [{ "name": "x", "responsible_user_id": 1,
                "custom_fields_values": field }] } }]),
        ),
        (
            "POST",
            "/api/v4/leads/unsorted/sip",
            json!([{ "_embedded": {
            "leads": [{ "name": "x", "custom_fields_values": field, "_embedded": { "tags": tags } }],
            "contacts": [{ "name": "x", "custom_fields_values": field, "_embedded": { "tags": tags } }],
        }, "metadata": { "call_responsible": "1" } }]),
        ),
        (
            "POST",
            "/api/v4/leads/unsorted/forms",
            json!([{ "_embedded": {
            "leads": [{ "name": "x", "custom_fields_values": field, "_embedded": { "tags": tags } }],
            "contacts": [{ "name": "x", "custom_fields_values": field, "_embedded": { "tags": tags } }],
        }, "metadata": { "visitor_uid": "x" } }]),
        ),
        // Parameters of a call's note come back and are sent as a whole.
        (
            "PATCH",
            "/api/v4/leads/1/notes/1",
            json!({ "note_type": "call_in", "params": {
            "call_status": 4, "call_result": "x", "call_responsible": 1, "request_id": "0" } }),
        ),
        (
            "POST",
            "/oauth2/access_token",
            json!({ "client_id": "x", "client_secret": "x",
            "grant_type": "authorization_code", "code": "x", "redirect_uri": "x",
            "refresh_token": "x" }),
        ),
        ("GET", "/api/v4/account", Value::Null),
        ("GET", "/api/v4/webhooks", Value::Null),
        ("GET", "/api/v4/leads/1", Value::Null),
        ("GET", "/api/v4/customers/1/notes", Value::Null),
        ("GET", "/api/v4/contacts/1", Value::Null),
        ("GET", "/api/v4/companies/1", Value::Null),
        ("GET", "/api/v4/leads/unsorted/a1", Value::Null),
        ("GET", "/api/v4/leads/custom_fields", Value::Null),
    ]
}

/// What every query may hold.
const QUERY: [&str; 4] = ["query", "with", "limit", "page"];

/// Filters and orders by the list they are for, indexes replaced.
const LISTS: [(&str, &[&str]); 6] = [
    ("GET /api/v4/contacts", &["filter[id][]", "order[id]", "order[updated_at]"]),
    ("GET /api/v4/companies", &["order[id]", "order[updated_at]"]),
    ("GET /api/v4/leads", &["filter[id][]", "filter[closed_at][from]", "order[id]"]),
    ("GET …/notes", &["filter[note_type][]", "order[updated_at]"]),
    (
        "GET /api/v4/tasks",
        &[
            "filter[is_completed]",
            "filter[entity_type]",
            "filter[entity_id][]",
            "filter[responsible_user_id][]",
            "filter[updated_at][from]",
            "order[complete_till]",
        ],
    ),
    ("GET /api/v4/leads/unsorted", &["filter[category][]", "order[created_at]"]),
];

/// What must not be missing.
const REQUIRED: [(&str, &str); 30] = [
    ("POST /api/v4/tasks", "text"),
    ("POST /api/v4/tasks", "complete_till"),
    ("POST /api/v4/calls", "direction"),
    ("POST /api/v4/calls", "duration"),
    ("POST /api/v4/calls", "source"),
    ("POST /api/v4/calls", "phone"),
    ("POST …/notes", "entity_id"),
    ("POST …/notes", "note_type"),
    ("POST …/notes", "params"),
    ("PATCH …/notes/ID", "note_type"),
    ("PATCH …/notes/ID", "params.uniq"),
    ("POST …/link", "to_entity_id"),
    ("POST …/link", "to_entity_type"),
    ("POST …/custom_fields", "name"),
    ("POST …/custom_fields", "type"),
    ("POST /api/v4/leads/unsorted/sip", "source_uid"),
    ("POST /api/v4/leads/unsorted/sip", "source_name"),
    ("POST /api/v4/leads/unsorted/sip", "metadata.phone"),
    ("POST /api/v4/leads/unsorted/sip", "metadata.uniq"),
    ("POST /api/v4/leads/unsorted/sip", "metadata.called_at"),
    ("POST /api/v4/leads/unsorted/sip", "metadata.duration"),
    ("POST /api/v4/leads/unsorted/sip", "metadata.service_code"),
    ("POST /api/v4/leads/unsorted/forms", "source_uid"),
    ("POST /api/v4/leads/unsorted/forms", "metadata.form_id"),
    ("POST /api/v4/leads/unsorted/forms", "metadata.form_name"),
    ("POST /api/v4/leads/unsorted/forms", "metadata.form_page"),
    ("POST /api/v4/leads/unsorted/forms", "metadata.form_sent_at"),
    ("POST /api/v4/webhooks", "destination"),
    ("POST /api/v4/webhooks", "settings"),
    ("POST /oauth2/access_token", "grant_type"),
];

/// `filter[id][0]` without its index.
fn without_index(key: &str) -> String {
    let words = key.split('[').map(|word| match word.trim_end_matches(']').parse::<u32>() {
        Ok(_) => "]",
        Err(_) => word,
    });
    words.collect::<Vec<_>>().join("[")
}

/// What is wrong with a request; nothing, where the vendor's client could have sent it.
pub fn wrong(sent: &Sent) -> Vec<String> {
    let place = place(&sent.method, &sent.path);
    let Some(known) = shapes().get(&place) else {
        return vec![format!("nobody sends {place}")];
    };
    let mut wrong = Vec::new();
    for (key, value) in &sent.pairs {
        let of_list = LISTS.iter().find(|(list, _)| *list == place).map(|(_, keys)| *keys);
        let of_list = of_list.unwrap_or_default().contains(&without_index(key).as_str());
        if !QUERY.contains(&key.as_str()) && !of_list {
            wrong.push(format!("{place}: query {key}"));
        }
        if key == "limit" && value.parse::<u32>().unwrap() > 250 {
            wrong.push(format!("{place}: a page of {value}"));
        }
    }
    for (_, key) in REQUIRED.iter().filter(|(of, _)| *of == place) {
        let one = if sent.body.is_array() { &sent.body[0] } else { &sent.body };
        if key.split('.').fold(one, |value, key| &value[key]).is_null() {
            wrong.push(format!("{place}: no {key}"));
        }
    }
    let known: Vec<&Value> = known.iter().collect();
    differs(&sent.body, &known, &place, &mut wrong);
    wrong
}

/// Keys that none of the known ones has, and values of a type that none has there.
fn differs(value: &Value, known: &[&Value], at: &str, wrong: &mut Vec<String>) {
    let same = |other: &&&Value| {
        std::mem::discriminant(**other) == std::mem::discriminant(value) || other.is_null()
    };
    let alike: Vec<&&Value> = known.iter().filter(same).collect();
    if alike.is_empty() {
        wrong.push(format!("{at}: {value}"));
    }
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let under: Vec<&Value> = known.iter().filter_map(|known| known.get(key)).collect();
                differs(value, &under, &format!("{at}.{key}"), wrong);
            }
        }
        Value::Array(items) => {
            let under: Vec<&Value> =
                known.iter().filter_map(|known| known.as_array()).flatten().collect();
            for item in items {
                differs(item, &under, &format!("{at}[]"), wrong);
            }
        }
        _ => {}
    }
}
