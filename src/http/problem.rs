//! Errors as `application/problem+json` (RFC 9457).

use std::time::Duration;

use axum::Json;
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// What is wrong with a request (RFC 9457).
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Problem {
    /// What kind of mistake it is.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// What is wrong in this request.
    detail: String,
    /// The field that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    field: Option<Box<str>>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    /// Every single thing that is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
    /// Seconds to wait at least before it is asked again.
    #[serde(skip)]
    again: Option<u32>,
}

impl Problem {
    pub fn new(status: StatusCode, title: &'static str, detail: impl ToString) -> Self {
        Self {
            title,
            status: status.as_u16(),
            detail: detail.to_string(),
            field: None,
            help: None,
            problems: Vec::new(),
            again: None,
        }
    }

    /// Whether it is of this status.
    pub fn is(&self, status: StatusCode) -> bool {
        self.status == status.as_u16()
    }

    /// With what to do.
    pub fn help(mut self, help: Option<impl ToString>) -> Self {
        self.help = help.map(|help| help.to_string());
        self
    }

    /// A field that is wrong.
    pub fn field(field: &str, detail: impl ToString) -> Self {
        // As long as a name may be: it came from outside.
        let field = Some(field.chars().take(80).collect::<String>().into());
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self { field, ..Self::new(status, "a field is wrong", detail) }
    }

    /// With the time after which it may go well.
    pub fn again(mut self, after: Duration) -> Self {
        self.again = u32::try_from(after.as_secs()).ok();
        self
    }

    /// With every single thing that is wrong.
    pub fn problems(mut self, problems: Vec<String>) -> Self {
        self.problems = problems;
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let again = self.again.map(|seconds| seconds.saturating_add(1));
        let kind = (CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        let mut answer = (status, [kind], Json(self)).into_response();
        if let Some(seconds) = again {
            answer.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        answer
    }
}

/// Answers of layers have no body a program can read: a body that is too big, a time-out, a method
/// that is not there. Below `/v1` each becomes a problem, with the headers it had.
pub(super) async fn told(request: Request, next: Next) -> Response {
    let api = request.uri().path().starts_with("/v1/");
    let answer = next.run(request).await;
    let status = answer.status();
    let told = answer.headers().get(CONTENT_TYPE);
    let told = told.is_some_and(|kind| kind.as_bytes().starts_with(b"application/"));
    if !api || told || !(status.is_client_error() || status.is_server_error()) {
        return answer;
    }
    let (title, detail) = match status {
        StatusCode::NOT_FOUND => ("no such resource", "see /openapi.json for those there are"),
        StatusCode::METHOD_NOT_ALLOWED => {
            ("not with this method", "the header Allow names those that are possible")
        }
        StatusCode::PAYLOAD_TOO_LARGE => ("the body is too big", "64 KiB are possible"),
        StatusCode::SERVICE_UNAVAILABLE => ("not in time", "send it again in a moment"),
        _ => ("the request failed", status.canonical_reason().unwrap_or("it failed")),
    };
    let problem = Problem::new(status, title, detail).into_response();
    let (mut parts, _) = answer.into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    Response::from_parts(parts, problem.into_body())
}
