//! `/readyz`: can calls be taken? 200 or 503, and each part with what is wrong with it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Serialize;

use super::HttpState;

/// Whether calls can be taken, part by part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    parts: Vec<Part>,
}

/// A part of the engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// `listener`, `rules`, `link fs1` …
    pub name: String,
    /// Whether no call can be taken without it.
    pub needed: bool,
    /// Whether it works.
    pub ok: bool,
    /// What is wrong, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Readiness {
    /// A part without which no call can be taken: the listener, the rules, not draining.
    #[must_use]
    pub fn needs(self, name: impl Into<String>, state: Result<(), String>) -> Self {
        self.part(name.into(), true, state)
    }

    /// A part that is only reported: calls go on without the CRM and without a control link.
    #[must_use]
    pub fn reports(self, name: impl Into<String>, state: Result<(), String>) -> Self {
        self.part(name.into(), false, state)
    }

    fn part(mut self, name: String, needed: bool, state: Result<(), String>) -> Self {
        let (ok, why) = (state.is_ok(), state.err());
        self.parts.push(Part { name, needed, ok, why });
        self
    }

    /// Whether calls can be taken. Not with no part at all: then nothing has been started yet.
    pub fn ready(&self) -> bool {
        !self.parts.is_empty() && self.parts.iter().all(|p| p.ok || !p.needed)
    }

    /// The parts in the order in which they were named.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }
}

#[derive(Serialize)]
struct Answer {
    ready: bool,
    parts: Vec<Part>,
}

pub(super) async fn get(State(state): State<HttpState>) -> impl IntoResponse {
    let readiness = (state.readiness)();
    let ready = readiness.ready();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Answer { ready, parts: readiness.parts }))
}
