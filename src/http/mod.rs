//! HTTP for machines that watch the engine, for web forms and buttons, for its outbox, and for
//! people who listen to a talk: a file per resource.

mod callbacks;
mod calls;
mod client;
mod crm;
mod doors;
mod guard;
mod health;
mod log;
mod metrics;
mod openapi;
mod outbox;
mod problem;
mod ready;
mod rules;
mod sales;
mod sounds;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::routing::{get, post};
use axum::{Extension, Router, middleware};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::metrics::Metrics;
use crate::recording::Recorder;
use crate::reload::Reloader;
use crate::store::Store;
use problem::Problem;

pub use client::client;
pub use crm::Caller;
pub use doors::{Doors, Now};
pub use ready::{Part, Readiness};

/// A request that takes longer is answered with 503. Events that follow a callback are not cut:
/// their answer has begun by then.
const DEADLINE: Duration = Duration::from_secs(10);
/// A form is the biggest body there is, but for what a CRM tells of thousands of changes at once.
const BODY: usize = 64 * 1024;
/// Cyrillic letters take six bytes in such a form. Axum takes no more by itself.
const CHANGES: usize = 2 * 1024 * 1024;
/// A browser need not ask again before this long whether a page may send forms.
const PREFLIGHT: Duration = Duration::from_secs(3600);

/// What the resources show.
#[derive(Clone)]
pub struct HttpState {
    /// For `/metrics`.
    pub metrics: Arc<Metrics>,
    /// Asked at each `/readyz`.
    pub readiness: Arc<dyn Fn() -> Readiness + Send + Sync>,
    /// The store of outbox and tokens, once it is open. `None`: this engine has none.
    pub store: Option<watch::Receiver<Option<Store>>>,
    /// For `/v1/sales`. `None`: they are not switched on.
    pub sales: Option<Arc<crate::sales::Desk>>,
    /// For `/v1/rules`. `None`: this process has no rules.
    pub rules: Option<Arc<Reloader>>,
    /// For `/recordings/…` and `/voicemail/…`.
    pub recorder: Arc<Recorder>,
    /// For `/v1/callbacks` and `/v1/calls`. `None`: this process takes none.
    pub doors: Option<Arc<Doors>>,
    /// The listener can be reached from this machine only: outbox, rules and log need no
    /// token then, as long as there is none.
    pub loopback: bool,
}

/// All resources: `/metrics`, `/healthz`, `/readyz`, `/v1/…`, `/openapi.json`, the pages `/api`
/// and `/callback` with what they need, `/crm/…`, `/recordings/…`, `/voicemail/…`.
///
/// What changes something or shows a number needs a token of the API ([`crate::tokens`]), a link
/// or a client's own token; metrics and health do not. Where the listener is loopback and there
/// is no token at all, outbox, sales, rules and log are open to this machine. A proxy that brings the world
/// here shall pass `/v1/callbacks`, `/callback.js`, `/crm/`, recordings and messages, and nothing
/// else.
pub fn router(state: HttpState) -> Router {
    let (api, _) = api().split_for_parts();
    let doors = state.doors.clone();
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| {
            let known = |origin| doors.as_ref().is_some_and(|doors| doors.knows(origin));
            origin.to_str().is_ok_and(known)
        }))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([CONTENT_TYPE, HeaderName::from_static("idempotency-key")])
        .max_age(PREFLIGHT);
    let (forms, _) = forms().split_for_parts();
    // Pages of a CRM: who asks is known by the token they bring.
    let pages = CorsLayer::new()
        .allow_origin(AllowOrigin::mirror_request())
        .allow_methods([Method::POST])
        .allow_headers([CONTENT_TYPE, HeaderName::from_static(crm::PAGE_TOKEN)])
        .max_age(PREFLIGHT);
    let changes = Router::new()
        .route("/crm/{name}/{secret}/changes", post(crm::changes))
        .layer(RequestBodyLimitLayer::new(CHANGES));
    Router::new()
        .route("/metrics", get(metrics::get))
        .route("/healthz", get(health::get))
        .route("/readyz", get(ready::get))
        .route("/openapi.json", get(openapi::get))
        .route("/api", get(callbacks::pages::api))
        .route("/api.js", get(callbacks::pages::api_script))
        .route("/pages.css", get(callbacks::pages::style))
        .route("/callback", get(callbacks::pages::demo))
        .route("/callback.js", get(callbacks::pages::script))
        .route("/callback-demo.js", get(callbacks::pages::demo_script))
        .route("/crm/{name}/{secret}/call", get(crm::call).post(crm::call))
        .route("/crm/{name}/{secret}/hangup", get(crm::hang_up).post(crm::hang_up))
        .route("/crm/{name}/{secret}/status", get(crm::status).post(crm::status))
        .route("/crm/{name}/{secret}/activity", get(crm::activity).post(crm::activity))
        .route("/crm/{name}/click", post(crm::click).layer(pages))
        .merge(sounds())
        .merge(api)
        .merge(forms.layer(cors))
        .layer(RequestBodyLimitLayer::new(BODY))
        .merge(changes)
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, DEADLINE))
        .layer(middleware::from_fn(problem::told))
        .layer(header(X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(X_FRAME_OPTIONS, "DENY"))
        .layer(header(REFERRER_POLICY, "same-origin"))
        .layer(header(CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"))
        .layer(header(CACHE_CONTROL, "no-store"))
        .with_state(state)
}

/// A sound is played wherever its link stands, in a page of the CRM too.
fn sounds() -> Router<HttpState> {
    let policy =
        "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors *";
    Router::new()
        .route("/recordings/{*path}", get(sounds::recording))
        .route("/voicemail/{*path}", get(sounds::message))
        .layer(header(CONTENT_SECURITY_POLICY, policy))
}

/// Resources for programs of the company.
fn api() -> OpenApiRouter<HttpState> {
    OpenApiRouter::with_openapi(openapi::Head::openapi())
        .routes(routes!(outbox::list))
        .routes(routes!(outbox::show))
        .routes(routes!(outbox::retry))
        .routes(routes!(outbox::drop))
        .routes(routes!(sales::show))
        .routes(routes!(sales::run))
        .routes(routes!(rules::show))
        .routes(routes!(rules::reload))
        .routes(routes!(log::show, log::set, log::reset))
        .routes(routes!(calls::call))
        .routes(routes!(calls::show))
        .routes(routes!(calls::hang_up))
}

/// Resources for web pages, of other origins too.
fn forms() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(callbacks::list, callbacks::take))
        .routes(routes!(callbacks::show))
        .routes(routes!(callbacks::events))
        .routes(routes!(callbacks::cancel))
}

/// On every answer that says nothing else.
fn header(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

fn bad(why: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "the request cannot be read", why)
}

/// Serves until `cancel`, and lets requests in hand end.
///
/// # Errors
/// What the system says about the listener.
pub async fn serve(
    listener: TcpListener,
    state: HttpState,
    cancel: CancellationToken,
) -> std::io::Result<()> {
    // Events that follow a callback would hold the end up.
    let router = router(state).layer(Extension(cancel.clone()));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service);
    server.with_graceful_shutdown(cancel.cancelled_owned()).await
}

#[cfg(test)]
mod tests;
