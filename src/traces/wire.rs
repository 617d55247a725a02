//! What is said to a receiver of traces, and what it answers (opentelemetry.io, "OTLP
//! Specification", OTLP/HTTP, JSON Protobuf Encoding).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::span::Span;

/// `ExportTraceServiceRequest`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    resource_spans: [ResourceSpans<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    resource: &'a Value,
    scope_spans: [ScopeSpans; 1],
}

#[derive(Serialize)]
struct ScopeSpans {
    scope: Scope,
    spans: Vec<Span>,
}

#[derive(Serialize)]
struct Scope {
    name: &'static str,
    version: &'static str,
}

/// `ExportTraceServiceResponse`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Answer {
    partial_success: Partial,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Partial {
    /// A number, as text.
    rejected_spans: Value,
    error_message: String,
}

/// Who sends: this process, as one of those of this name.
pub(super) fn resource(service: &str) -> Value {
    let word = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    json!({"attributes": [
        word("service.name", service),
        word("service.version", env!("CARGO_PKG_VERSION")),
        word("service.instance.id", &uuid::Uuid::new_v4().to_string()),
    ]})
}

/// The body of a request.
pub(super) fn request(resource: &Value, spans: Vec<Span>) -> String {
    let scope = Scope { name: "dozvon", version: env!("CARGO_PKG_VERSION") };
    let resource_spans = [ResourceSpans { resource, scope_spans: [ScopeSpans { scope, spans }] }];
    // Texts and numbers: nothing in it can fail.
    serde_json::to_string(&Request { resource_spans }).unwrap_or_default()
}

/// Why some spans were rejected, where they were. What is no JSON says nothing of that.
pub(super) fn rejected(answer: &[u8]) -> Option<String> {
    let answer: Answer = serde_json::from_slice(answer).unwrap_or_default();
    let Partial { rejected_spans, error_message } = answer.partial_success;
    match rejected_spans {
        Value::Null => None,
        none if none == "0" || none == 0 => None,
        some => Some(format!("it rejected {some} spans: {error_message}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_spans_that_were_rejected_are_a_fault() {
        for taken in ["", "{}", "<html>", r#"{"partialSuccess":{}}"#, "[]"] {
            assert_eq!(rejected(taken.as_bytes()), None, "{taken}");
        }
        // A warning: all were taken.
        let warned = br#"{"partialSuccess":{"rejectedSpans":"0","errorMessage":"old client"}}"#;
        assert_eq!(rejected(warned), None);
        for number in ["3", "\"3\""] {
            let answer = format!(r#"{{"partialSuccess":{{"rejectedSpans":{number}}}}}"#);
            assert!(rejected(answer.as_bytes()).is_some(), "{number}");
        }
    }
}
