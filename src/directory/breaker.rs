//! The circuit breaker: keeps calls away from a CRM that fails. Pure; time is an argument.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

/// Opens after some failures in a row; then lets one probe through after each pause.
#[derive(Debug)]
pub(super) struct Breaker {
    limit: NonZeroU32,
    first_pause: Duration,
    longest_pause: Duration,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant, pause: Duration },
    // A probe that is never judged must not keep the breaker open for ever.
    HalfOpen { until: Instant, pause: Duration },
}

/// The breaker as a person or a metric sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Requests go through.
    Closed,
    /// Requests are refused until a pause is over.
    Open,
    /// One probe is on its way.
    HalfOpen,
}

impl Breaker {
    pub(super) fn new(limit: NonZeroU32, first_pause: Duration, longest_pause: Duration) -> Self {
        Self {
            limit,
            first_pause,
            longest_pause: longest_pause.max(first_pause),
            state: State::Closed { failures: 0 },
        }
    }

    /// May a request go now? After a pause the first one to ask is the probe.
    pub(super) fn admit(&mut self, now: Instant) -> bool {
        match self.state {
            State::Closed { .. } => true,
            State::Open { until, pause } | State::HalfOpen { until, pause } if now >= until => {
                self.state = State::HalfOpen { until: now + pause, pause };
                true
            }
            State::Open { .. } | State::HalfOpen { .. } => false,
        }
    }

    /// A request went well: whatever it was before, the CRM works.
    pub(super) fn succeeded(&mut self) {
        self.state = State::Closed { failures: 0 };
    }

    /// A request failed or was late.
    pub(super) fn failed(&mut self, now: Instant) {
        self.state = match self.state {
            State::Closed { failures } if failures + 1 < self.limit.get() => {
                State::Closed { failures: failures + 1 }
            }
            State::Closed { .. } => {
                State::Open { until: now + self.first_pause, pause: self.first_pause }
            }
            State::HalfOpen { pause, .. } => {
                let pause = (pause * 2).min(self.longest_pause);
                State::Open { until: now + pause, pause }
            }
            // Sent before it opened: says nothing new.
            open @ State::Open { .. } => open,
        };
    }

    pub(super) fn state(&self) -> BreakerState {
        match self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn breaker() -> (Breaker, Instant) {
        let limit = NonZeroU32::new(3).unwrap();
        (Breaker::new(limit, S, 4 * S), Instant::now())
    }

    #[test]
    fn only_failures_in_a_row_open_it() {
        let (mut b, t) = breaker();
        b.failed(t);
        b.failed(t);
        b.succeeded();
        b.failed(t);
        b.failed(t);
        assert!(b.admit(t));
        b.failed(t);
        assert_eq!(b.state(), BreakerState::Open);
        assert!(!b.admit(t + S / 2));
    }

    #[test]
    fn one_probe_after_a_pause_that_grows_up_to_its_limit() {
        let (mut b, mut t) = breaker();
        (0..3).for_each(|_| b.failed(t));
        for pause in [1, 2, 4, 4] {
            assert!(!b.admit(t + pause * S - S / 10), "pause {pause}");
            t += pause * S;
            assert!(b.admit(t));
            assert!(!b.admit(t), "a second probe");
            b.failed(t);
        }
        t += 4 * S;
        assert!(b.admit(t));
        b.succeeded();
        assert_eq!(b.state(), BreakerState::Closed);
        assert!(b.admit(t));
    }

    #[test]
    fn late_failures_of_old_requests_do_not_prolong_the_pause() {
        let (mut b, t) = breaker();
        (0..3).for_each(|_| b.failed(t));
        b.failed(t + S / 2);
        assert!(b.admit(t + S));
    }

    #[test]
    fn a_probe_that_is_never_judged_is_followed_by_another() {
        let (mut b, t) = breaker();
        (0..3).for_each(|_| b.failed(t));
        assert!(b.admit(t + S));
        assert!(b.admit(t + 2 * S));
    }
}
