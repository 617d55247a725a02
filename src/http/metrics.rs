//! `/metrics`: the text format of Prometheus, or OpenMetrics where that is asked for. What stands in
//! the store is counted at each scrape.

use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::response::IntoResponse;

use super::HttpState;
use crate::callback::keep::count;
use crate::metrics::Dialect;

/// A scrape does not wait longer for the store: the last numbers stay.
const COUNT: Duration = Duration::from_secs(2);

pub(super) async fn get(State(state): State<HttpState>, headers: HeaderMap) -> impl IntoResponse {
    let store = state.store.as_ref().and_then(|store| store.borrow().clone());
    if let Some(store) = store {
        match tokio::time::timeout(COUNT, count(&store, &state.metrics)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "callbacks cannot be counted"),
            Err(_) => tracing::debug!("callbacks are not counted in time"),
        }
    }
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let dialect = Dialect::asked(accept);
    let page = state.metrics.render_as(dialect);
    ([(CONTENT_TYPE, dialect.media_type()), (VARY, "accept")], page)
}
