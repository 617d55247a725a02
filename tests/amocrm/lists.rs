//! How an account answers to lists: page by page, in the order asked for.

use serde_json::{Value, json};

use crate::request::{Said, Sent};

/// One page; an empty one has no body.
pub fn page(name: &str, mut items: Vec<Value>, sent: &Sent) -> Said {
    let number = |key: &str| sent.query(key).and_then(|text| text.parse::<usize>().ok());
    let (size, page) = (number("limit").unwrap_or(50), number("page").unwrap_or(1));
    if size > 250 {
        return Said::refused(422, "Limit 250 per page");
    }
    let order = sent.pairs.iter().find_map(|(key, value)| {
        Some((key.strip_prefix("order[")?.strip_suffix(']')?.to_owned(), value == "desc"))
    });
    if let Some((by, falling)) = order {
        items.sort_by_key(|item| item[&by].as_i64());
        if falling {
            items.reverse();
        }
    }
    let here: Vec<Value> = items.iter().skip(size * (page - 1)).take(size).cloned().collect();
    if here.is_empty() {
        return Said::nothing();
    }
    let mut links = json!({ "self": { "href": "https://example.amocrm.ru/…" } });
    if items.len() > size * page {
        links["next"] = json!({ "href": "https://example.amocrm.ru/…" });
    }
    Said::ok(json!({ "_page": page, "_links": links, "_embedded": { name: here } }))
}

/// A record with what was asked for: its deals or customers stand in it only then.
pub fn shown(mut record: Value, sent: &Sent) -> Value {
    let with = sent.query("with").unwrap_or_default();
    for part in ["leads", "customers"] {
        if let Some(tied) = record["_embedded"].as_object_mut()
            && !with.split(',').any(|own| own == part)
        {
            tied.remove(part);
        }
    }
    record
}
