//! The time of one call.

use jiff::Timestamp;
use tokio::time::Instant;

/// Wall-clock time, taken once when the call arrives and moved on by the monotonic clock: a step
/// of the system clock moves no timer of a call, and virtual time works in tests.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    wall: Timestamp,
    mono: Instant,
}

impl Clock {
    /// Starts at the system's time.
    pub fn start() -> Self {
        Self { wall: Timestamp::now(), mono: Instant::now() }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.wall.saturating_add(self.mono.elapsed()).unwrap_or(self.wall)
    }

    /// The moment on tokio's clock.
    pub fn instant(&self, at: Timestamp) -> Instant {
        self.mono + crate::core::record::between(self.wall, at)
    }
}
