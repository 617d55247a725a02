//! `/metrics`: the text format of Prometheus, or OpenMetrics where that is asked for.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::response::IntoResponse;

use super::HttpState;
use crate::metrics::Dialect;

pub(super) async fn get(State(state): State<HttpState>, headers: HeaderMap) -> impl IntoResponse {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let dialect = Dialect::asked(accept);
    let page = state.metrics.render_as(dialect);
    ([(CONTENT_TYPE, dialect.media_type()), (VARY, "accept")], page)
}
