//! `/v1/calls`: the button that calls (A13, D01, E11).
//!
//! | request | answer |
//! |---|---|
//! | `POST /v1/calls` `{"employee": "101", "number": "+7916…", "line": "main"}` | 202 with `id` and `status` |
//! | `GET /v1/calls/ID` | where it stands, and all that is known |
//! | `POST /v1/calls/ID/hangup` | where it stands then |

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::HttpState;
use super::callbacks::status::Status;
use super::callbacks::{doors, key_of, refused, told};
use super::guard::MayCall;
use super::problem::Problem;
use crate::callback::How;
use crate::core::campaign::order::Order;
use crate::core::ids::CampaignId;
use crate::core::phone::Phone;
use crate::core::staff::{Employee, Status as Works};
use crate::rules::Routing;
use crate::tokens::audit;

/// Whom to connect with whom.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Click {
    /// The employee, by the CRM's id or by extension. His phones ring first.
    #[schema(example = "101")]
    employee: String,
    /// The number that is called then.
    #[schema(example = "+79161234567")]
    number: String,
    /// The line whose number is shown; else the one of `[outbound]` in the rules.
    #[schema(example = "main")]
    line: Option<String>,
}

/// The call that was begun.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Begun {
    /// Which.
    id: String,
    /// Where its status is.
    status: String,
    /// `true`: a callback for this number was running, and goes on; no second call is made.
    joined: bool,
}

type Id = Result<Path<String>, PathRejection>;

/// Rings the employee, then the number.
#[utoipa::path(
    post, path = "/v1/calls", tag = "calls", operation_id = "call",
    params(("Idempotency-Key" = Option<String>, Header, description = "the same button pressed once has one key")),
    request_body = Click,
    responses(
        (status = 202, description = "the employee's phone is about to ring", body = Begun),
        (status = 401, description = "no token", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "a field is wrong, and which", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "nothing was done, send it again", body = Problem, content_type = "application/problem+json"),
    ),
    security(("token" = ["calls"])),
)]
pub(super) async fn call(
    State(state): State<HttpState>,
    MayCall(who): MayCall,
    headers: HeaderMap,
    body: Result<Json<Click>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(click) = body
        .map_err(|why| Problem::new(why.status(), "the request cannot be read", why.body_text()))?;
    let doors = doors(&state)?;
    let ((rules, _), staff) = (doors.now(), doors.staff(click.line.as_deref()));
    let wanted = Wanted {
        employee: staff.named(click.employee.trim()),
        number: &click.number,
        line: click.line.as_deref(),
    };
    let (order, phone) = ring(&rules, &wanted)?;
    let key = key_of(&headers)?.map(|key| format!("call {}: {key}", who.0));
    let taken = doors.callbacks.take(order, key).await.map_err(refused)?;
    if taken.how == How::New {
        let employee = wanted.employee.map(|employee| employee.id.as_str()).unwrap_or_default();
        audit(&who.0, format_args!("call {} of {employee} to {phone}", taken.id));
    }
    let status = format!("{}/v1/calls/{}", doors.public_url, taken.id);
    let begun = Begun {
        id: taken.id.to_string(),
        status: status.clone(),
        joined: taken.how == How::Joined,
    };
    Ok((StatusCode::ACCEPTED, [(LOCATION, status)], Json(begun)).into_response())
}

/// Whom a button is to connect with whom.
pub(super) struct Wanted<'a> {
    pub(super) employee: Option<&'a Arc<Employee>>,
    pub(super) number: &'a str,
    pub(super) line: Option<&'a str>,
}

/// The order of a button, where nothing speaks against it.
pub(super) fn ring(rules: &Routing, wanted: &Wanted<'_>) -> Result<(Order, Phone), Problem> {
    let found = wanted.employee.filter(|employee| employee.status != Works::Gone);
    let wrong = "nobody who works here has this id or extension";
    let employee = found.ok_or_else(|| Problem::field("employee", wrong))?;
    if employee.numbers.is_empty() {
        return Err(Problem::field("employee", "he has no number that could be rung"));
    }
    let phone = Phone::parse(wanted.number, rules.region());
    let phone = phone.map_err(|why| Problem::field("number", why))?;
    if phone.premium() {
        return Err(Problem::field("number", "a number at a premium rate is not called"));
    }
    if wanted.line.is_some_and(|line| rules.named_line(line).is_none()) {
        return Err(Problem::field("line", "the rules have no such line"));
    }
    Ok((rules.click(employee, phone.clone(), wanted.line), phone))
}

/// Where it stands, and all that is known.
#[utoipa::path(
    get, path = "/v1/calls/{id}", tag = "calls", operation_id = "call_status",
    params(("id" = String, Path)),
    responses(
        (status = 200, description = "where it stands; `callback` has all that is known", body = Status),
        (status = 404, description = "there is none", body = Problem, content_type = "application/problem+json"),
    ),
    security(("token" = ["calls"])),
)]
pub(super) async fn show(
    State(state): State<HttpState>,
    _may: MayCall,
    id: Id,
) -> Result<Json<Value>, Problem> {
    let view = doors(&state)?.callbacks.show(&named(id)?).await.map_err(refused)?;
    Ok(Json(told(&view, true)))
}

/// Hangs up, whoever is on the line.
#[utoipa::path(
    post, path = "/v1/calls/{id}/hangup", tag = "calls", operation_id = "hang_up",
    params(("id" = String, Path)),
    responses(
        (status = 200, description = "where it stands now", body = Status),
        (status = 404, description = "there is none", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "it is over", body = Problem, content_type = "application/problem+json"),
    ),
    security(("token" = ["calls"])),
)]
pub(super) async fn hang_up(
    State(state): State<HttpState>,
    MayCall(who): MayCall,
    id: Id,
) -> Result<Json<Value>, Problem> {
    let id = named(id)?;
    let view = doors(&state)?.callbacks.cancel(&id).await.map_err(refused)?;
    audit(&who.0, format_args!("call {id} is hung up"));
    Ok(Json(told(&view, true)))
}

fn named(id: Id) -> Result<CampaignId, Problem> {
    id.map(|Path(id)| CampaignId::new(id)).map_err(|why| super::bad(why.body_text()))
}
