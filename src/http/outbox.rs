//! `/v1/outbox`: what the CRM is still to be told.
//!
//! | request | answer |
//! |---|---|
//! | `GET /v1/outbox?state=parked&client=%2B7916…&call=…&after=17&limit=50` | `counts` by state, and `entries` in order; without `state`: waiting, working, parked |
//! | `GET /v1/outbox/17` | the entry with its case, actions and progress |
//! | `POST /v1/outbox/17/retry` | `released`: the entries released, 17 and those of its call behind it |
//! | `POST /v1/outbox/17/drop` | `dropped` |

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use miette::Diagnostic;
use serde::Deserialize;
use serde_json::{Value, json};

use super::HttpState;
use super::problem::Problem;
use crate::outbox::desk::{Desk, DeskError, Filter};
use crate::outbox::entry;

/// Entries in an answer at most.
const LIMIT: u32 = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    state: Option<String>,
    client: Option<String>,
    call: Option<String>,
    #[serde(default)]
    after: i64,
    limit: Option<u32>,
}

type Answer = Result<Json<Value>, Problem>;

pub(super) async fn list(
    State(state): State<HttpState>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Answer {
    let Query(asked) = asked.map_err(|why| bad(why.body_text()))?;
    let states = match asked.state.as_deref() {
        None | Some("") => Vec::new(),
        Some(words) => words
            .split(',')
            .map(str::parse)
            .collect::<Result<Vec<entry::State>, _>>()
            .map_err(bad)?,
    };
    let filter = Filter {
        states,
        client: asked.client,
        call: asked.call,
        after: asked.after,
        limit: asked.limit.unwrap_or(50).min(LIMIT),
    };
    let desk = desk(&state)?;
    let counts = desk.counts().await.map_err(problem)?;
    let entries = desk.list(&filter).await.map_err(problem)?;
    Ok(Json(json!({"counts": counts, "entries": entries})))
}

pub(super) async fn show(
    State(state): State<HttpState>,
    id: Result<Path<i64>, PathRejection>,
) -> Answer {
    let entry = desk(&state)?.show(number(id)?).await.map_err(problem)?;
    Ok(Json(json!(entry::Shown::from(entry))))
}

pub(super) async fn retry(
    State(state): State<HttpState>,
    id: Result<Path<i64>, PathRejection>,
) -> Answer {
    let released = desk(&state)?.retry(number(id)?).await.map_err(problem)?;
    Ok(Json(json!({"released": released})))
}

pub(super) async fn drop(
    State(state): State<HttpState>,
    id: Result<Path<i64>, PathRejection>,
) -> Answer {
    let id = number(id)?;
    desk(&state)?.drop(id).await.map_err(problem)?;
    Ok(Json(json!({"dropped": id})))
}

fn desk(state: &HttpState) -> Result<Desk, Problem> {
    let store = state.store.as_ref().and_then(|store| store.borrow().clone());
    store.map(Desk::new).ok_or_else(|| {
        let what = "the store of the outbox is not open";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no outbox", what)
            .help(Some("see the engine's log; it tries again by itself"))
    })
}

fn number(id: Result<Path<i64>, PathRejection>) -> Result<i64, Problem> {
    id.map(|Path(id)| id).map_err(|why| bad(why.body_text()))
}

fn bad(why: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "the request cannot be read", why)
}

fn problem(error: DeskError) -> Problem {
    let (status, title) = match &error {
        DeskError::Unknown(_) => (StatusCode::NOT_FOUND, "no such entry"),
        DeskError::State { .. } => (StatusCode::CONFLICT, "the entry stands otherwise"),
        DeskError::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "the store failed"),
    };
    let help = error.help().map(|help| help.to_string());
    Problem::new(status, title, error).help(help)
}
