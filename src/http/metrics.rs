//! `/metrics`: the text format of Prometheus. What stands in the store is counted at each scrape.

use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use super::HttpState;
use crate::metrics::Metrics;
use crate::outbox;
use crate::store::Store;

/// A scrape does not wait longer for the store: the last numbers stay.
const COUNT: Duration = Duration::from_secs(2);

pub(super) async fn get(State(state): State<HttpState>) -> impl IntoResponse {
    let readable = match &state.store {
        Some(store) => {
            let store = store.borrow().clone();
            counted(store, &state.metrics).await
        }
        None => true,
    };
    state.metrics.store_readable.set(i64::from(readable));
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], state.metrics.render())
}

/// Whether the store could be counted. `None`: it is not open yet.
async fn counted(store: Option<Store>, metrics: &Metrics) -> bool {
    let Some(store) = store else { return false };
    match tokio::time::timeout(COUNT, outbox::count(&store, metrics)).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::debug!(%error, "the store cannot be counted");
            false
        }
        Err(_) => {
            tracing::debug!("the store is not counted in time");
            false
        }
    }
}
