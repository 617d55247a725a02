//! `/v1/rules`: the rules in force.
//!
//! | request | answer |
//! |---|---|
//! | `GET /v1/rules` | `routing` and `sets` with file and hash, `since`, `last_reload` with its problems |
//! | `POST /v1/rules/reload` | the same once the files are read, with `last_reload.outcome` `taken` or `unchanged`; 422 with `problems` where they are refused |
//!
//! A reload that takes longer than a request may goes on, and is told by the first.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::HttpState;
use super::guard::MayRules;
use super::problem::Problem;
use crate::reload::{Door, Outcome, Reloader, Status};
use crate::tokens::audit;

type Answer = Result<Json<Status>, Problem>;

/// The rules in force, and how the last reload went.
#[utoipa::path(
    get, path = "/v1/rules", tag = "rules", operation_id = "rules",
    responses((status = 200, description = "files, hashes, since when", body = serde_json::Value)),
    security(("token" = ["rules"])),
)]
pub(super) async fn show(State(state): State<HttpState>, _may: MayRules) -> Answer {
    Ok(Json(rules(&state)?.status()))
}

/// Reads the files anew; the answer comes once they are read.
#[utoipa::path(
    post, path = "/v1/rules/reload", tag = "rules", operation_id = "reload_rules",
    responses(
        (status = 200, description = "taken, or unchanged", body = serde_json::Value),
        (status = 422, description = "refused: every mistake", body = Problem, content_type = "application/problem+json"),
    ),
    security(("token" = ["rules"])),
)]
pub(super) async fn reload(State(state): State<HttpState>, MayRules(who): MayRules) -> Answer {
    audit(&who.0, "the rules are to be read anew");
    let status = rules(&state)?.reload(Door::Http).await;
    match status.last_reload {
        Some(last) if last.outcome == Outcome::Refused => {
            let what = format!("the rules in force since {} stay", status.since);
            let problem =
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "the new rules are refused", what);
            let help = "correct the files, see `dozvon check`, and ask again";
            Err(problem.help(Some(help)).problems(last.problems))
        }
        _ => Ok(Json(status)),
    }
}

fn rules(state: &HttpState) -> Result<&std::sync::Arc<Reloader>, Problem> {
    state.rules.as_ref().ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "no rules", "this process goes by no rules")
    })
}
