//! A request as the fake server sees it, and its answer.

use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

/// What came.
#[derive(Clone, Debug)]
pub struct Sent {
    pub method: String,
    pub path: String,
    /// Decoded, in order.
    pub pairs: Vec<(String, String)>,
    /// `Null`: none.
    pub body: Value,
    /// The bearer token.
    pub token: Option<String>,
}

impl Sent {
    pub fn read(request: &Request) -> Self {
        let token = request.headers.get("authorization").and_then(|value| value.to_str().ok());
        Self {
            method: request.method.to_string(),
            path: request.url.path().to_owned(),
            pairs: request.url.query_pairs().map(|(k, v)| (k.into(), v.into())).collect(),
            body: serde_json::from_slice(&request.body).unwrap_or_default(),
            token: token.and_then(|text| text.strip_prefix("Bearer ")).map(str::to_owned),
        }
    }

    pub fn query(&self, key: &str) -> Option<&str> {
        self.pairs.iter().find(|(own, _)| own == key).map(|(_, value)| value.as_str())
    }

    /// The values of `key[0]`, `key[1]`, …
    pub fn all(&self, key: &str) -> Vec<&str> {
        let of = |own: &str| own.strip_prefix(key).is_some_and(|rest| rest.starts_with('['));
        self.pairs.iter().filter(|(own, _)| of(own)).map(|(_, value)| value.as_str()).collect()
    }

    /// For a dialogue in a snapshot.
    pub fn told(&self) -> String {
        let query: Vec<String> = self.pairs.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        let body = if self.body.is_null() { String::new() } else { format!("\n  {}", self.body) };
        format!("{} {}{query}{body}", self.method, self.path)
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Said {
    pub status: u16,
    pub body: Value,
    pub kind: &'static str,
}

impl Said {
    pub fn ok(body: Value) -> Self {
        Self { status: 200, body, kind: "application/hal+json" }
    }

    /// An empty list, a missing record.
    pub fn nothing() -> Self {
        Self { status: 204, body: Value::Null, kind: "" }
    }

    pub fn refused(status: u16, detail: &str) -> Self {
        let body = json!({ "title": "Refused", "type": "https://httpstatus.es/x",
            "status": status, "detail": detail });
        Self { status, body, kind: "application/problem+json" }
    }

    pub fn template(&self) -> ResponseTemplate {
        let template = ResponseTemplate::new(self.status);
        match &self.body {
            Value::Null if self.kind.is_empty() => template,
            Value::Null => template.set_body_raw("", self.kind),
            Value::String(text) => template.set_body_raw(text.as_bytes().to_vec(), self.kind),
            body => template.set_body_raw(body.to_string(), self.kind),
        }
    }
}
