//! `/v1/callbacks`: web forms that ask for a call (A14–A20, E13).
//!
//! | request | answer |
//! |---|---|
//! | `POST /v1/callbacks` | 202 with `id`, `status`, `events` and `token`; a form that names `redirect` is sent there |
//! | `GET /v1/callbacks/ID?token=…` | where it stands |
//! | `GET /v1/callbacks/ID/events?token=…` | the same as server-sent events, to its end |
//! | `POST /v1/callbacks/ID/cancel?token=…` | where it stands then |
//! | `GET /v1/callbacks?open=true&limit=50` | all of them, for a token of the API |
//!
//! A client's token is a signature over the id: nothing is kept of it, and it works on every
//! engine with the same key.

pub(crate) mod form;
pub(crate) mod limits;
pub(super) mod pages;
pub(super) mod status;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::header::{CACHE_CONTROL, LOCATION, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::HttpState;
use super::doors::Doors;
use super::guard::{self, MaySeeCallbacks};
use super::problem::Problem;
use crate::callback::{How, Refused};
use crate::core::campaign::order::{Kind, View};
use crate::core::ids::CampaignId;
use crate::rules::model::Site;
use crate::tokens::{Scope, audit};
use form::Fields;
use status::Status;

/// What a client's token is signed for.
const PURPOSE: &str = "callback";
/// Callbacks in an answer at most.
const LIMIT: u32 = 1000;
/// Characters of an idempotency key.
const KEY: usize = 200;

/// A form that was taken.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Accepted {
    /// Which callback serves it.
    #[schema(example = "7f0b2c1e-6f0e-4a4e-9c55-0d7d4b0a1c22")]
    id: String,
    /// Where its status is.
    status: String,
    /// Where its status is told as it changes.
    events: String,
    /// Where a POST cancels it.
    cancel: String,
    /// Opens the three above. Only whoever sent the form has it.
    token: String,
}

/// What a form may name. Any other field is carried into the deal (A20).
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[allow(dead_code, reason = "describes the body; it is read field by field")]
pub(super) struct FormBody {
    /// The site's key in the rules.
    #[schema(example = "shop-4711")]
    site: String,
    /// The client's number.
    #[schema(example = "+7 916 123-45-67")]
    phone: String,
    /// His name.
    #[schema(example = "Иван")]
    name: Option<String>,
    /// What he writes.
    comment: Option<String>,
    /// Chooses other targets, where the site has them (A15).
    department: Option<String>,
    /// The page the form stands in.
    page: Option<String>,
    /// Not before this moment; without an offset by the client's clock.
    #[schema(example = "2026-11-21T15:00")]
    wanted: Option<String>,
    /// The client's time zone.
    #[schema(example = "Europe/Moscow")]
    timezone: Option<String>,
    /// Where a browser goes next; one of the site's own pages.
    redirect: Option<String>,
    /// The same form again has the same key.
    idempotency_key: Option<String>,
    /// Tags; `utm_source` beside the others is the same.
    utm: Option<Value>,
    /// Any other fields.
    fields: Option<Value>,
}

#[derive(Default, Deserialize)]
pub(super) struct Signed {
    #[serde(default)]
    token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    open: bool,
    limit: Option<u32>,
}

type Signature = Result<Query<Signed>, QueryRejection>;
type Id = Result<Path<String>, PathRejection>;
type Peer = Option<Extension<ConnectInfo<SocketAddr>>>;

/// Takes a form.
#[utoipa::path(
    post, path = "/v1/callbacks", tag = "callbacks", operation_id = "take_form",
    params(("Idempotency-Key" = Option<String>, Header, description = "the same form again has the same key")),
    request_body(content(
        (FormBody = "application/json"),
        (FormBody = "application/x-www-form-urlencoded"),
    )),
    responses(
        (status = 202, description = "taken, durably", body = Accepted),
        (status = 303, description = "taken; on to `redirect`"),
        (status = 403, description = "from a page that is none of the site's", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "a field is wrong, and which", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "too many forms", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "nothing was taken, send it again", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn take(
    State(state): State<HttpState>,
    peer: Peer,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let doors = doors(&state)?;
    let taken = read(doors, peer, &headers, body).await;
    let result = match &taken {
        Ok((result, _)) => result,
        Err(problem) if problem.is(StatusCode::TOO_MANY_REQUESTS) => "limited",
        Err(problem) if problem.is(StatusCode::SERVICE_UNAVAILABLE) => "failed",
        Err(_) => "refused",
    };
    state.metrics.forms.with_label_values(&[result]).inc();
    taken.map(|(_, answer)| answer)
}

/// What came of it, for the metric, and the answer.
async fn read(
    doors: &Doors,
    peer: Peer,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(&'static str, Response), Problem> {
    let body =
        body.map_err(|why| Problem::new(why.status(), "the body cannot be read", why.body_text()))?;
    let mut fields = Fields::read(headers, &body)?;
    let (rules, _) = doors.now();
    let key = fields.take("site").ok_or_else(|| Problem::field("site", "it is missing"))?;
    let site = rules.site(&key).ok_or_else(|| Problem::field("site", "no site has this key"))?;
    from_its_pages(headers, site, doors)?;
    let next = fields.take("redirect").map(|next| redirect(next, site)).transpose()?;
    let once = idempotency(headers, &mut fields, site)?;
    if site.honeypot.as_ref().is_some_and(|trap| fields.take(trap).is_some()) {
        info!(site = site.name, "a robot filled in a form; it is told that all is well");
        let id = CampaignId::new(uuid::Uuid::new_v4().to_string());
        return Ok(("robot", accepted(doors, &id, next)));
    }
    let peer = peer.map_or(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), |peer| peer.0.0);
    within_limits(doors, site, limits::address(peer, headers, &doors.proxies))?;
    let form = fields.form(site, &rules, Timestamp::now())?;
    let by_phone = format!("{} phone {}", site.name, form.phone.e164());
    doors.limits.count(by_phone, site.per_phone).map_err(too_many)?;
    let line = site.line.as_ref().map(|line| line.name.as_str());
    let order = site.order(form, &doors.staff(line));
    let (phone, site) = (order.phone.clone(), site.name.clone());
    let taken = doors.callbacks.take(order, once).await.map_err(refused)?;
    let (result, how) = match taken.how {
        How::New => ("taken", "a callback begins"),
        How::Joined => ("joined", "it joined the callback of this phone"),
        How::Repeated => ("repeated", "it was taken before"),
    };
    info!(callback = %taken.id, %phone, site, how, "a form was taken");
    Ok((result, accepted(doors, &taken.id, next)))
}

/// A browser says which page a form comes from; a server says nothing.
fn from_its_pages(headers: &HeaderMap, site: &Site, doors: &Doors) -> Result<(), Problem> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let named = |origin: &str| site.origins.iter().any(|own| own == origin);
    if origin.to_str().is_ok_and(|origin| named(origin) || doors.is_own(origin)) {
        return Ok(());
    }
    let what = format!("site `{}` has no such page", site.name);
    let help = "name the page's origin in `origins` of the site, in routing.toml";
    Err(Problem::new(StatusCode::FORBIDDEN, "not from this page", what).help(Some(help)))
}

fn redirect(next: String, site: &Site) -> Result<HeaderValue, Problem> {
    let inside = |origin: &String| {
        let rest = next.strip_prefix(origin.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
    };
    let wrong = |what: &str| Problem::field("redirect", what);
    if !site.origins.iter().any(inside) {
        return Err(wrong("it has to begin with one of the site's own origins"));
    }
    HeaderValue::from_str(&next).map_err(|_| wrong("it is no address"))
}

fn idempotency(
    headers: &HeaderMap,
    fields: &mut Fields,
    site: &Site,
) -> Result<Option<String>, Problem> {
    let field = fields.take("idempotency_key");
    let key = match key_of(headers)? {
        None => field,
        key => key,
    };
    Ok(match key {
        Some(key) if key.chars().count() > KEY => {
            let what = format!("it is longer than {KEY} characters");
            return Err(Problem::field("idempotency_key", what));
        }
        key => key.map(|key| format!("site {}: {key}", site.name)),
    })
}

/// The header's key.
pub(super) fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=KEY).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => {
            let what = format!("Idempotency-Key has 1 to {KEY} plain characters");
            Err(Problem::field("Idempotency-Key", what))
        }
    }
}

fn within_limits(doors: &Doors, site: &Site, address: IpAddr) -> Result<(), Problem> {
    let key = format!("{} address {address}", site.name);
    doors.limits.count(key, site.per_address).map_err(|wait| {
        warn!(site = site.name, %address, "too many forms come from one address; it has to wait");
        too_many(wait)
    })
}

fn too_many(wait: Duration) -> Problem {
    let what = "too many forms came from here, or for this phone; wait a while";
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many forms", what).again(wait)
}

fn accepted(doors: &Doors, id: &CampaignId, next: Option<HeaderValue>) -> Response {
    if let Some(next) = next {
        return (StatusCode::SEE_OTHER, [(LOCATION, next)]).into_response();
    }
    let token = doors.key.sign(PURPOSE, id.as_str());
    let at = |rest: &str| format!("{}/v1/callbacks/{id}{rest}?token={token}", doors.public_url);
    let answer = Accepted {
        id: id.to_string(),
        status: at(""),
        events: at("/events"),
        cancel: at("/cancel"),
        token: token.clone(),
    };
    let head = [(LOCATION, at("")), (CACHE_CONTROL, "no-store".to_owned())];
    (StatusCode::ACCEPTED, head, Json(answer)).into_response()
}

/// Where it stands. A client's token tells the stage; one of the API everything.
#[utoipa::path(
    get, path = "/v1/callbacks/{id}", tag = "callbacks", operation_id = "callback",
    params(("id" = String, Path), ("token" = Option<String>, Query, description = "from the answer to the form")),
    responses(
        (status = 200, description = "where it stands; with a token of the API also `callback`: all that is known", body = Status),
        (status = 403, description = "neither token fits", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "there is none", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn show(
    State(state): State<HttpState>,
    id: Id,
    token: Signature,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let doors = doors(&state)?;
    let (id, who) = opened(&state, doors, id, token, &headers).await?;
    let view = doors.callbacks.show(&id).await.map_err(refused)?;
    Ok(Json(told(&view, who.is_some())))
}

/// Where it stands, as it changes, to its end.
#[utoipa::path(
    get, path = "/v1/callbacks/{id}/events", tag = "callbacks", operation_id = "callback_events",
    params(("id" = String, Path), ("token" = Option<String>, Query, description = "from the answer to the form")),
    responses(
        (status = 200, description = "events named by their stage, each with a status", body = Status, content_type = "text/event-stream"),
        (status = 403, description = "neither token fits", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "there is none", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "too many listen", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn events(
    State(state): State<HttpState>,
    end: Option<Extension<CancellationToken>>,
    id: Id,
    token: Signature,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let doors = doors(&state)?;
    let (id, _) = opened(&state, doors, id, token, &headers).await?;
    let Ok(room) = doors.streams.clone().try_acquire_owned() else {
        let what = "too many pages follow their callbacks; ask for the status instead";
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many listen", what);
        return Err(problem.again(Duration::from_secs(10)));
    };
    let news = doors.callbacks.watch(&id).await.map_err(refused)?;
    let end = end.map(|Extension(end)| end).unwrap_or_default();
    Ok(status::stream(news, end, room))
}

/// Ends it: no more dials. A talk goes on.
#[utoipa::path(
    post, path = "/v1/callbacks/{id}/cancel", tag = "callbacks", operation_id = "cancel_callback",
    params(("id" = String, Path), ("token" = Option<String>, Query, description = "from the answer to the form")),
    responses(
        (status = 200, description = "where it stands now", body = Status),
        (status = 403, description = "neither token fits", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "there is none", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "it is over", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn cancel(
    State(state): State<HttpState>,
    id: Id,
    token: Signature,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let doors = doors(&state)?;
    let (id, who) = opened(&state, doors, id, token, &headers).await?;
    // A form may have joined a call that an employee began by his button: that one is his.
    if who.is_none() {
        let view = doors.callbacks.show(&id).await.map_err(refused)?;
        if view.order.kind == Kind::Click {
            let what = "somebody of ours is calling you already";
            return Err(Problem::new(StatusCode::CONFLICT, "not yours to cancel", what));
        }
    }
    let view = doors.callbacks.cancel(&id).await.map_err(refused)?;
    let name = who.as_ref().map_or("the client", |who| who.0.as_str());
    audit(name, format_args!("callback {id} is cancelled"));
    Ok(Json(told(&view, who.is_some())))
}

/// The newest first, with all that is known of each.
#[utoipa::path(
    get, path = "/v1/callbacks", tag = "callbacks", operation_id = "callbacks",
    params(
        ("open" = Option<bool>, Query, description = "only those that are not over"),
        ("limit" = Option<u32>, Query, description = "50 where left out, 1000 at most"),
    ),
    responses((status = 200, description = "callbacks", body = Value)),
    security(("token" = ["callbacks"])),
)]
pub(super) async fn list(
    State(state): State<HttpState>,
    _may: MaySeeCallbacks,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(asked) = asked.map_err(|why| super::bad(why.body_text()))?;
    let limit = asked.limit.unwrap_or(50).min(LIMIT);
    let views = doors(&state)?.callbacks.list(asked.open, limit).await.map_err(refused)?;
    let views: Vec<_> = views.iter().map(|view| told(view, true)).collect();
    Ok(Json(json!({ "callbacks": views })))
}

/// The status, and for our own people the whole of it.
pub(super) fn told(view: &View, whole: bool) -> Value {
    let mut told = json!(Status::of(view));
    if whole && let Some(object) = told.as_object_mut() {
        object.insert("callback".into(), json!(view));
    }
    told
}

/// A client's token, or one of the API: then whose.
async fn opened(
    state: &HttpState,
    doors: &Arc<Doors>,
    id: Id,
    token: Signature,
    headers: &HeaderMap,
) -> Result<(CampaignId, Option<guard::Who>), Problem> {
    let Path(id) = id.map_err(|why| super::bad(why.body_text()))?;
    let who = guard::holds(headers, state, Scope::Callbacks).await?;
    let Query(Signed { token }) = token.map_err(|why| super::bad(why.body_text()))?;
    if who.is_none() && !doors.key.signed(PURPOSE, &id, &token) {
        let what = "the token is missing, or is not this callback's";
        return Err(Problem::new(StatusCode::FORBIDDEN, "not a valid token", what));
    }
    let id = CampaignId::new(id);
    Ok((id, who))
}

pub(super) fn doors(state: &HttpState) -> Result<&Arc<Doors>, Problem> {
    state.doors.as_ref().ok_or_else(|| {
        let what = "this engine takes no callbacks";
        Problem::new(StatusCode::NOT_FOUND, "no callbacks", what)
    })
}

pub(super) fn refused(why: Refused) -> Problem {
    let (status, title) = match &why {
        Refused::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "the store failed"),
        Refused::Unknown => (StatusCode::NOT_FOUND, "no such callback"),
        Refused::Over => (StatusCode::CONFLICT, "it is over"),
    };
    let problem = Problem::new(status, title, &why);
    match why {
        Refused::Store(_) => problem.again(Duration::from_secs(1)),
        _ => problem,
    }
}
