//! Errors as `application/problem+json` (RFC 9457).

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// What is wrong with a request.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
}

impl Problem {
    pub fn new(status: StatusCode, title: &'static str, detail: impl ToString) -> Self {
        Self {
            title,
            status: status.as_u16(),
            detail: detail.to_string(),
            help: None,
            problems: Vec::new(),
        }
    }

    /// With what to do.
    pub fn help(mut self, help: Option<impl ToString>) -> Self {
        self.help = help.map(|help| help.to_string());
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
        (status, [(CONTENT_TYPE, "application/problem+json")], Json(self)).into_response()
    }
}
