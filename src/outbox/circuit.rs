//! A CRM that is down is left alone: after some failures in a row nothing is sent for a while,
//! then one try tells whether it is back. Pure: the time is an argument.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row, of whatever clients, that open it.
const FAILURES: u32 = 3;

/// The state.
#[derive(Debug)]
pub(super) struct Circuit {
    failures: u32,
    until: Option<Instant>,
    first: Duration,
    longest: Duration,
}

/// One for each CRM, by its name.
#[derive(Debug)]
pub(super) struct Circuits {
    all: Mutex<HashMap<String, Circuit>>,
    first: Duration,
    longest: Duration,
}

impl Circuits {
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { all: Mutex::default(), first, longest }
    }

    /// Looks at it, or tells it something.
    pub fn of<T>(&self, crm: &str, look: impl FnOnce(&mut Circuit) -> T) -> T {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get_mut(crm) {
            Some(circuit) => look(circuit),
            None => {
                let new = Circuit::new(self.first, self.longest);
                look(all.entry(crm.to_owned()).or_insert(new))
            }
        }
    }
}

/// How many may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// As many as there is room for.
    All,
    /// One, to see.
    One,
    /// None for so long.
    None(Duration),
}

impl Circuit {
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { failures: 0, until: None, first, longest }
    }

    pub fn leave(&self, now: Instant) -> Leave {
        match self.until {
            None => Leave::All,
            Some(until) if until > now => Leave::None(until - now),
            Some(_) => Leave::One,
        }
    }

    /// The CRM did what it was asked, or refused it with reason. `true`: it is back.
    pub fn works(&mut self) -> bool {
        self.failures = 0;
        self.until.take().is_some()
    }

    /// It did not. Where it said how long to wait, that holds for everybody at once. `true`: this
    /// failure opened it.
    pub fn fails(&mut self, now: Instant, after: Option<Duration>) -> bool {
        let was_open = self.until.is_some();
        let asked = after.map(|after| now + after);
        // Those already sent fail together: that is one failure.
        if self.until.is_none_or(|until| until <= now) {
            self.failures = self.failures.saturating_add(1);
            if self.failures >= FAILURES || was_open {
                let doublings = self.failures.saturating_sub(FAILURES);
                self.until = Some(now + backoff(self.first, self.longest, doublings));
            }
        }
        self.until = self.until.max(asked);
        !was_open && self.until.is_some()
    }
}

/// The wait after so many failures: doubled each time, up to the longest.
pub(super) fn backoff(first: Duration, longest: Duration, failures: u32) -> Duration {
    first.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX)).min(longest)
}

/// A wait with jitter: between three quarters of it and all of it, so that those who failed
/// together do not come back together.
pub(super) fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(0.75 + 0.25 * fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn circuit() -> Circuit {
        Circuit::new(2 * S, 60 * S)
    }

    #[test]
    fn a_crm_that_is_down_an_hour_is_asked_a_hundred_times_at_most() {
        let (mut circuit, begun) = (circuit(), Instant::now());
        let (mut now, mut sent) = (begun, 0);
        while now < begun + 3600 * S {
            match circuit.leave(now) {
                Leave::None(wait) => now += wait,
                Leave::All | Leave::One => {
                    sent += 1;
                    circuit.fails(now, None);
                }
            }
        }
        assert!((60..100).contains(&sent), "{sent}");
        assert!(circuit.works(), "it is back");
        assert_eq!(circuit.leave(now), Leave::All);
    }

    #[test]
    fn eight_that_fail_together_are_one_failure() {
        let (mut circuit, now) = (circuit(), Instant::now());
        let opened: Vec<_> = (0..8).map(|_| circuit.fails(now, None)).collect();
        assert_eq!(opened.iter().filter(|opened| **opened).count(), 1);
        assert_eq!(circuit.leave(now), Leave::None(2 * S));
        assert_eq!(circuit.leave(now + 2 * S), Leave::One);
    }

    #[test]
    fn retry_after_holds_for_everybody_and_is_never_cut_short() {
        let (mut circuit, now) = (circuit(), Instant::now());
        assert!(circuit.fails(now, Some(90 * S)));
        assert!(!circuit.fails(now + S, None));
        assert_eq!(circuit.leave(now + 89 * S), Leave::None(S));
        assert_eq!(circuit.leave(now + 90 * S), Leave::One);
    }

    #[test]
    fn the_wait_doubles_up_to_the_longest_and_never_overflows() {
        let waits: Vec<_> = [0, 1, 2, 5, 40].map(|n| backoff(2 * S, 600 * S, n).as_secs()).into();
        assert_eq!(waits, [2, 4, 8, 64, 600]);
        assert!((0..100).map(|_| jittered(4 * S)).all(|w| (3 * S..=4 * S).contains(&w)));
    }
}
