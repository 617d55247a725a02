//! HTTP for machines that watch the engine, for its outbox, and for people who listen to a talk: a
//! file per resource.

mod client;
mod health;
mod log;
mod metrics;
mod outbox;
mod problem;
mod ready;
mod rules;
mod sounds;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use crate::metrics::Metrics;
use crate::recording::Recorder;
use crate::reload::Reloader;
use crate::store::Store;

pub use client::client;
pub use ready::{Part, Readiness};

/// A request that takes longer is answered with 503.
const DEADLINE: Duration = Duration::from_secs(10);
/// The biggest body is a level of the log.
const BODY: usize = 64 * 1024;

/// What the resources show.
#[derive(Clone)]
pub struct HttpState {
    /// For `/metrics`.
    pub metrics: Arc<Metrics>,
    /// Asked at each `/readyz`.
    pub readiness: Arc<dyn Fn() -> Readiness + Send + Sync>,
    /// The store of the outbox, once it is open. `None`: this engine has no outbox.
    pub store: Option<watch::Receiver<Option<Store>>>,
    /// For `/v1/rules`. `None`: this process has no rules.
    pub rules: Option<Arc<Reloader>>,
    /// For `/recordings/…` and `/voicemail/…`.
    pub recorder: Arc<Recorder>,
}

/// All resources: `/metrics`, `/healthz`, `/readyz`, `/v1/outbox`, `/v1/rules`, `/v1/log`,
/// `/recordings/…`, `/voicemail/…`.
///
/// Nobody has to say who he is: whoever reaches the address may release and drop entries, reload
/// the rules and see phone numbers. So the default address is loopback; where links to recordings
/// are to be opened from elsewhere, let a proxy pass only the last two.
pub fn router(state: HttpState) -> Router {
    Router::new()
        .route("/metrics", get(metrics::get))
        .route("/healthz", get(health::get))
        .route("/readyz", get(ready::get))
        .route("/v1/outbox", get(outbox::list))
        .route("/v1/outbox/{id}", get(outbox::show))
        .route("/v1/outbox/{id}/retry", post(outbox::retry))
        .route("/v1/outbox/{id}/drop", post(outbox::drop))
        .route("/v1/rules", get(rules::show))
        .route("/v1/rules/reload", post(rules::reload))
        .route("/v1/log", get(log::show).put(log::set).delete(log::reset))
        .route("/recordings/{*path}", get(sounds::recording))
        .route("/voicemail/{*path}", get(sounds::message))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, DEADLINE))
        .layer(RequestBodyLimitLayer::new(BODY))
        .with_state(state)
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
    let server = axum::serve(listener, router(state));
    server.with_graceful_shutdown(cancel.cancelled_owned()).await
}

#[cfg(test)]
mod tests;
