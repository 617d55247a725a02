//! `/metrics`: the text format of Prometheus. What stands in the store is counted at each scrape.

use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use super::HttpState;
use crate::callback::keep::count;

/// A scrape does not wait longer for the store: the last numbers stay.
const COUNT: Duration = Duration::from_secs(2);

pub(super) async fn get(State(state): State<HttpState>) -> impl IntoResponse {
    let store = state.store.as_ref().and_then(|store| store.borrow().clone());
    if let Some(store) = store {
        match tokio::time::timeout(COUNT, count(&store, &state.metrics)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "callbacks cannot be counted"),
            Err(_) => tracing::debug!("callbacks are not counted in time"),
        }
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], state.metrics.render())
}
