//! `/metrics`: the text format of Prometheus, or OpenMetrics where that is asked for. What stands in
//! the store is counted at each scrape.

use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::response::IntoResponse;
use jiff::Timestamp;

use super::HttpState;
use crate::callback::keep;
use crate::metrics::Dialect;
use crate::outbox;
use crate::sales;

/// A scrape does not wait longer for the store: the last numbers stay.
const COUNT: Duration = Duration::from_secs(2);

pub(super) async fn get(State(state): State<HttpState>, headers: HeaderMap) -> impl IntoResponse {
    count(&state).await;
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let dialect = Dialect::asked(accept);
    let page = state.metrics.render_as(dialect);
    ([(CONTENT_TYPE, dialect.media_type()), (VARY, "accept")], page)
}

/// Sets the metrics that stand in the store, and the one that says whether it could be counted.
async fn count(state: &HttpState) {
    let metrics = &state.metrics;
    let work = async {
        let Some(store) = &state.store else { return Ok(true) };
        let store = store.borrow().clone();
        // It is not open yet.
        let Some(store) = store else { return Ok(false) };
        outbox::count(&store, metrics, Timestamp::now()).await?;
        keep::count(&store, metrics).await?;
        if let Some(desk) = &state.sales {
            sales::count(&store, &desk.names(), metrics).await?;
        }
        Ok::<_, sqlx::Error>(true)
    };
    let readable = match tokio::time::timeout(COUNT, work).await {
        Ok(Ok(readable)) => readable,
        Ok(Err(error)) => {
            tracing::debug!(%error, "the store cannot be counted");
            false
        }
        Err(_) => {
            tracing::debug!("the store is not counted in time");
            false
        }
    };
    metrics.store_readable.set(i64::from(readable));
}
