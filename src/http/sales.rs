//! `/v1/sales`: deals that were won, and the calls and forms that brought them.
//!
//! | request | answer |
//! |---|---|
//! | `GET /v1/sales?crm=shop&after=17&limit=50` | `crms`: last success, or error, of each; `sales` in order |
//! | `POST /v1/sales/run?crm=shop` | 202, `asked`: the CRMs that are asked now; look at them with the first |

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use miette::Diagnostic as _;
use serde::{Deserialize, Serialize};

use super::guard::MaySell;
use super::problem::Problem;
use super::{HttpState, bad};
use crate::sales::{Desk, Sale, Standing};
use crate::store::{Store, StoreError};
use crate::tokens::audit;

/// Sales in an answer at most.
const LIMIT: u32 = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    crm: Option<String>,
    #[serde(default)]
    after: i64,
    limit: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Run {
    crm: Option<String>,
}

/// How sales stand.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Sales {
    /// How the runs of each CRM went.
    crms: Vec<Standing>,
    /// The oldest first.
    sales: Vec<Sale>,
}

/// Who is asked now.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Begun {
    /// By their configured names.
    asked: Vec<String>,
}

/// The last success or error of each CRM, and the sales.
#[utoipa::path(
    get, path = "/v1/sales", tag = "sales", operation_id = "sales",
    params(
        ("crm" = Option<String>, Query, description = "only this one's"),
        ("after" = Option<i64>, Query, description = "the next page: sales behind this one"),
        ("limit" = Option<u32>, Query, description = "50 where left out, 1000 at most"),
    ),
    responses(
        (status = 200, description = "CRMs and sales", body = Sales),
        (status = 404, description = "sales are not switched on, or there is no such CRM", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the store is not open", body = Problem, content_type = "application/problem+json"),
    ),
    security(("token" = ["sales"])),
)]
pub(super) async fn show(
    State(state): State<HttpState>,
    _may: MaySell,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Sales>, Problem> {
    let Query(Asked { crm, after, limit }) = asked.map_err(|why| bad(why.body_text()))?;
    let desk = desk(&state)?;
    named(desk, crm.as_deref())?;
    let store = store(&state)?;
    let mut crms = desk.standing(&store).await.map_err(broken)?;
    crms.retain(|one| crm.as_ref().is_none_or(|crm| one.crm == *crm));
    let limit = limit.unwrap_or(50).min(LIMIT);
    let sales = desk.list(&store, crm.as_deref(), after, limit).await.map_err(broken)?;
    Ok(Json(Sales { crms, sales }))
}

/// Has all CRMs asked, or one.
#[utoipa::path(
    post, path = "/v1/sales/run", tag = "sales", operation_id = "run_sales",
    params(("crm" = Option<String>, Query, description = "only this one")),
    responses(
        (status = 202, description = "they are asked now", body = Begun),
        (status = 404, description = "sales are not switched on, or there is no such CRM", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "all of them are being asked already", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "the store is not open, or too many wait", body = Problem, content_type = "application/problem+json"),
    ),
    security(("token" = ["sales"])),
)]
pub(super) async fn run(
    State(state): State<HttpState>,
    MaySell(who): MaySell,
    run: Result<Query<Run>, QueryRejection>,
) -> Result<(StatusCode, Json<Begun>), Problem> {
    let Query(Run { crm }) = run.map_err(|why| bad(why.body_text()))?;
    let desk = desk(&state)?;
    named(desk, crm.as_deref())?;
    let all = desk.standing(&store(&state)?).await.map_err(broken)?;
    let free = all.into_iter().filter(|one| !one.running).map(|one| one.crm);
    let free: Vec<_> = free.filter(|one| crm.as_ref().is_none_or(|crm| one == crm)).collect();
    if free.is_empty() {
        let help = "GET /v1/sales says when it is over";
        let what = "a run is under way";
        return Err(Problem::new(StatusCode::CONFLICT, "it runs already", what).help(Some(help)));
    }
    for crm in &free {
        if !desk.ask(crm.clone()) {
            let what = "too many runs wait, or the engine is about to end";
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not now", what));
        }
        audit(&who.0, format_args!("sales of {crm} are asked for"));
    }
    Ok((StatusCode::ACCEPTED, Json(Begun { asked: free })))
}

fn desk(state: &HttpState) -> Result<&Desk, Problem> {
    state.sales.as_deref().ok_or_else(|| {
        let what = "sales are not switched on here";
        let help = "add a section [sales] to the configuration, and start the engine anew";
        Problem::new(StatusCode::NOT_FOUND, "no sales", what).help(Some(help))
    })
}

fn named(desk: &Desk, crm: Option<&str>) -> Result<(), Problem> {
    let names = desk.names();
    match crm {
        Some(crm) if !names.iter().any(|name| name == crm) => {
            let help = format!("there are: {}", names.join(", "));
            let what = format!("there is no CRM `{}`", crm.chars().take(80).collect::<String>());
            Err(Problem::new(StatusCode::NOT_FOUND, "no such CRM", what).help(Some(help)))
        }
        _ => Ok(()),
    }
}

fn store(state: &HttpState) -> Result<Store, Problem> {
    let store = state.store.as_ref().and_then(|store| store.borrow().clone());
    store.ok_or_else(|| {
        let what = "sales stand in the store, and it is not open";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the store is not open", what)
            .help(Some("see the engine's log; it tries again by itself"))
    })
}

fn broken(error: StoreError) -> Problem {
    let help = error.help().map(|help| help.to_string());
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the store failed", error).help(help)
}
