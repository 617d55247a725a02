//! `/v1/outbox`: what the CRM is still to be told.
//!
//! | request | answer |
//! |---|---|
//! | `GET /v1/outbox?state=parked&client=%2B7916…&call=…&after=17&limit=50` | `counts` by state, and `entries` in order; without `state`: waiting, working, parked |
//! | `GET /v1/outbox/17` | the entry with its case, actions and progress, and the sales its call brought |
//! | `POST /v1/outbox/17/retry` | `released`: the entries released, 17 and those of its call behind it |
//! | `POST /v1/outbox/17/drop` | `dropped` |

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use miette::Diagnostic;
use serde::Deserialize;
use serde_json::{Value, json};

use super::guard::MayOutbox;
use super::problem::Problem;
use super::{HttpState, bad};
use crate::outbox::desk::{Desk, DeskError, Filter};
use crate::outbox::entry;
use crate::sales::of_call;
use crate::store::Store;
use crate::tokens::audit;

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

/// What waits, is under way or parked; or the entries of a state, a client, a call.
#[utoipa::path(
    get, path = "/v1/outbox", tag = "outbox", operation_id = "outbox",
    params(
        ("state" = Option<String>, Query, description = "waiting, working, done, parked, dropped; several with commas"),
        ("client" = Option<String>, Query, description = "the number in E.164"),
        ("call" = Option<String>, Query),
        ("after" = Option<i64>, Query, description = "the next page: entries behind this one"),
        ("limit" = Option<u32>, Query, description = "50 where left out, 1000 at most"),
    ),
    responses(
        (status = 200, description = "`counts` by state, and `entries`", body = Value),
        (status = 503, description = "the store is not open", body = Problem, content_type = "application/problem+json"),
    ),
    security(("token" = ["outbox"])),
)]
pub(super) async fn list(
    State(state): State<HttpState>,
    _may: MayOutbox,
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

/// An entry with its case, actions and progress.
#[utoipa::path(
    get, path = "/v1/outbox/{id}", tag = "outbox", operation_id = "outbox_entry",
    params(("id" = i64, Path)),
    responses(
        (status = 200, description = "the entry", body = Value),
        (status = 404, description = "there is none", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the store is not open", body = Problem, content_type = "application/problem+json"),
    ),
    security(("token" = ["outbox"])),
)]
pub(super) async fn show(
    State(state): State<HttpState>,
    _may: MayOutbox,
    id: Result<Path<i64>, PathRejection>,
) -> Answer {
    let store = store(&state)?;
    let entry = Desk::new(store.clone()).show(number(id)?).await.map_err(problem)?;
    let sales = of_call(&store, &entry.call).await.map_err(|e| problem(e.into()))?;
    Ok(Json(json!(entry::Shown::new(entry, sales))))
}

/// Releases a parked entry, and those of its call behind it.
#[utoipa::path(
    post, path = "/v1/outbox/{id}/retry", tag = "outbox", operation_id = "retry_entry",
    params(("id" = i64, Path)),
    responses(
        (status = 200, description = "`released`: their numbers", body = Value),
        (status = 404, description = "there is none", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "it stands otherwise", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the store is not open", body = Problem, content_type = "application/problem+json"),
    ),
    security(("token" = ["outbox"])),
)]
pub(super) async fn retry(
    State(state): State<HttpState>,
    MayOutbox(who): MayOutbox,
    id: Result<Path<i64>, PathRejection>,
) -> Answer {
    let released = desk(&state)?.retry(number(id)?).await.map_err(problem)?;
    audit(&who.0, format_args!("outbox entries {released:?} are released"));
    Ok(Json(json!({"released": released})))
}

/// Gives an entry up.
#[utoipa::path(
    post, path = "/v1/outbox/{id}/drop", tag = "outbox", operation_id = "drop_entry",
    params(("id" = i64, Path)),
    responses(
        (status = 200, description = "`dropped`: its number", body = Value),
        (status = 404, description = "there is none", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "it stands otherwise", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the store is not open", body = Problem, content_type = "application/problem+json"),
    ),
    security(("token" = ["outbox"])),
)]
pub(super) async fn drop(
    State(state): State<HttpState>,
    MayOutbox(who): MayOutbox,
    id: Result<Path<i64>, PathRejection>,
) -> Answer {
    let id = number(id)?;
    desk(&state)?.drop(id).await.map_err(problem)?;
    audit(&who.0, format_args!("outbox entry {id} is dropped"));
    Ok(Json(json!({"dropped": id})))
}

fn desk(state: &HttpState) -> Result<Desk, Problem> {
    store(state).map(Desk::new)
}

fn store(state: &HttpState) -> Result<Store, Problem> {
    let store = state.store.as_ref().and_then(|store| store.borrow().clone());
    store.ok_or_else(|| {
        let what = "the store of the outbox is not open";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no outbox", what)
            .help(Some("see the engine's log; it tries again by itself"))
    })
}

fn number(id: Result<Path<i64>, PathRejection>) -> Result<i64, Problem> {
    id.map(|Path(id)| id).map_err(|why| bad(why.body_text()))
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
