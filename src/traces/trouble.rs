//! That the receiver of traces fails, or is too slow: said once, until it works again.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;
use tracing::{debug, info, warn};

/// What holds of the receiver. Calls and the exporter share it.
#[derive(Debug, Default)]
pub(super) struct Trouble(Mutex<Option<Instant>>);

impl Trouble {
    /// Something could not be sent, or finds no room.
    pub fn begins(&self, why: &str) {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if since.is_some() {
            debug!(why, "the receiver of traces still fails");
            return;
        }
        *since = Some(Instant::now());
        warn!(
            why,
            "traces cannot be sent: see `endpoint` in [traces]; calls go on, dozvon_traces_total counts what is lost"
        );
    }

    /// All is sent.
    pub fn ends(&self) {
        let since = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(since) = since {
            let seconds = since.elapsed().as_secs();
            info!(seconds, "the receiver of traces takes them again");
        }
    }
}
