//! Simulated time: microseconds since 1970, so that whole-second timeouts fall where they fall
//! on a wall clock (FACTS.md, timeouts).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Microseconds since 1970 in the simulated world.
pub(super) type Micros = u64;

/// Turns the runtime's clock into simulated time and back. With `speed` 20 a simulated second
/// lasts 50 ms.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: Instant,
    base: Micros,
    speed: f64,
}

impl Clock {
    /// `base`: the simulated time to begin at; `None`: now.
    pub(super) fn new(base: Option<Micros>, speed: f64) -> Self {
        let base =
            base.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, micros));
        Self { start: Instant::now(), base, speed }
    }

    pub(super) fn now(&self) -> Micros {
        let real = self.start.elapsed();
        if self.speed == 1.0 {
            self.base + micros(real)
        } else {
            self.base + micros(real.mul_f64(self.speed))
        }
    }

    /// When the runtime's clock gets there. Rounded up to the millisecond the runtime counts in.
    pub(super) fn instant(&self, at: Micros) -> Instant {
        let ahead = Duration::from_micros(at.saturating_sub(self.base));
        if self.speed == 1.0 { self.start + ahead } else { self.start + ahead.div_f64(self.speed) }
    }
}

/// Whole microseconds.
pub(super) fn micros(time: Duration) -> Micros {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// `2026-11-20 14:59:26` in UTC.
pub(super) fn stamp(at: Micros) -> String {
    text(at, "%Y-%m-%d %H:%M:%S")
}

/// Any form of a point in time, in UTC.
pub(super) fn text(at: Micros, form: &str) -> String {
    let at = i64::try_from(at).unwrap_or(0);
    jiff::Timestamp::from_microsecond(at).map(|t| t.strftime(form).to_string()).unwrap_or_default()
}
