//! What CRMs call by themselves.
//!
//! | request | answer |
//! |---|---|
//! | `POST /v1/hooks/SECRET`, a form | 204: what changed is looked at anew |
//! | `POST /v1/hooks/click` `{"number": "+7916…"}`, `X-Auth-Token` | 202, as `POST /v1/calls` |
//!
//! The first needs the secret of a CRM's section (`hook_secret`), the second the token that a
//! CRM's page has of its user.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;

use super::HttpState;
use super::calls::begin;
use super::problem::Problem;
use crate::directory::Directory;

/// The header with the token of a CRM's page.
pub(super) const PAGE_TOKEN: &str = "x-auth-token";

/// Which number was pressed.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Number {
    /// The number as the page shows it.
    #[schema(example = "+7 916 123-45-67")]
    number: String,
}

/// Changes in a CRM: who they concern is asked for anew at his next call.
#[utoipa::path(
    post, path = "/v1/hooks/{secret}", tag = "hooks", operation_id = "changes",
    params(("secret" = String, Path, description = "`hook_secret` of the CRM")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 204, description = "taken down"),
        (status = 404, description = "no CRM has this secret", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn changes(
    State(state): State<HttpState>,
    Path(secret): Path<String>,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let form: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
    for directory in directories(&state) {
        let hooks = directory.crm().hooks();
        if hooks.is_some_and(|hooks| hooks.changes(&secret, &form)) {
            // Whoever tells it waits two seconds at most.
            let directory = directory.clone();
            tokio::spawn(async move { directory.look_for_changes().await });
            return Ok(StatusCode::NO_CONTENT);
        }
    }
    let what = "no CRM of the configuration has this `hook_secret`";
    Err(Problem::new(StatusCode::NOT_FOUND, "there is no such address", what))
}

/// A button in a page of a CRM (D01, E11): its user's phones ring, then the number.
#[utoipa::path(
    post, path = "/v1/hooks/click", tag = "hooks", operation_id = "click",
    params(("X-Auth-Token" = String, Header, description = "the token the CRM gave its page")),
    request_body = Number,
    responses(
        (status = 202, description = "the employee's phone is about to ring", body = super::calls::Begun),
        (status = 401, description = "no CRM knows this token", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "a field is wrong, and which", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "nothing was done, send it again", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn click(
    State(state): State<HttpState>,
    headers: HeaderMap,
    body: Result<Json<Number>, JsonRejection>,
) -> Result<Response, Problem> {
    let token = headers.get(PAGE_TOKEN).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let now = Timestamp::now();
    for directory in directories(&state) {
        let pressed = directory.crm().hooks().and_then(|hooks| hooks.pressed(token, now));
        let Some(pressed) = pressed else { continue };
        let Json(Number { number }) = body.map_err(|why| {
            Problem::new(why.status(), "the request cannot be read", why.body_text())
        })?;
        let crm = directory.crm().name();
        let (staff, line) = (directory.staff(), pressed.line.as_deref());
        let key = Some(format!("click {crm}: {}", pressed.once));
        let who = format!("{crm} user {}", pressed.employee);
        return begin(&state, &who, (&staff, pressed.employee.as_str()), &number, line, key).await;
    }
    let what = "no CRM of the configuration made this token, or it has run out";
    Err(Problem::new(StatusCode::UNAUTHORIZED, "who asks?", what))
}

fn directories(state: &HttpState) -> impl Iterator<Item = &Arc<Directory>> {
    state.directory.iter().flat_map(|directory| directory.all())
}
