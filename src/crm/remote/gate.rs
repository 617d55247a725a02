//! The rate limit of a CRM: never more requests than allowed in any window of time, and look-ups
//! first.
//!
//! A leaky bucket (as in the crate governor) keeps an average and lets bursts through, so that two of
//! its windows side by side can hold nearly twice the limit. A CRM that blocks an address for it
//! forgives nothing; so the moments of the last requests are kept, and the next one waits until the
//! first of them is a window old.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// So many requests in so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How many.
    pub requests: usize,
    /// In any stretch of this length.
    pub window: Duration,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A caller waits for it.
    Lookup,
    /// It may wait.
    Delivery,
}

/// Lets requests through.
#[derive(Debug)]
pub struct Gate {
    limit: Limit,
    /// Of these no delivery takes any.
    kept: usize,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// When the last `limit.requests` went through.
    passed: VecDeque<Instant>,
    lookups: usize,
    /// The CRM wants rest until then.
    rest: Option<Instant>,
}

/// A look-up that waits; deliveries see it until it is dropped.
struct Waiting<'g>(&'g Gate);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.lock().lookups -= 1;
        self.0.changed.notify_waiters();
    }
}

impl Gate {
    /// With this limit; `requests` is one at least.
    pub fn new(limit: Limit) -> Self {
        Self { limit, kept: 0, state: Mutex::default(), changed: Notify::new() }
    }

    /// So many of a window's requests are for look-ups only; one at least is left for deliveries.
    #[must_use]
    pub fn keeps_for_lookups(self, many: usize) -> Self {
        Self { kept: many.min(self.limit.requests.saturating_sub(1)), ..self }
    }

    /// Waits for its turn. Safe to cancel.
    pub async fn pass(&self, class: Class) {
        let _waiting = (class == Class::Lookup).then(|| {
            self.lock().lookups += 1;
            Waiting(self)
        });
        loop {
            // Before the look: a change after it must not be missed.
            let changed = self.changed.notified();
            let free = {
                let mut state = self.lock();
                let now = Instant::now();
                let limit = match class {
                    Class::Lookup => self.limit,
                    Class::Delivery => {
                        Limit { requests: self.limit.requests - self.kept, ..self.limit }
                    }
                };
                let free = state.free(limit, now);
                let mine = class == Class::Lookup || state.lookups == 0;
                if free <= now && mine {
                    state.passed.push_back(now);
                    return;
                }
                mine.then_some(free)
            };
            match free {
                Some(free) => tokio::select! {
                    () = sleep_until(free) => {}
                    () = changed => {}
                },
                None => changed.await,
            }
        }
    }

    /// The CRM said that it was too much: nothing goes through for this long.
    pub fn rest(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut state = self.lock();
        state.rest = state.rest.max(Some(until));
    }

    /// How long that is, still.
    pub fn resting(&self) -> Option<Duration> {
        let until = self.lock().rest?;
        until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// When the next request may go.
    fn free(&mut self, limit: Limit, now: Instant) -> Instant {
        while self.passed.front().is_some_and(|first| *first + limit.window <= now) {
            self.passed.pop_front();
        }
        let full = self.passed.len().checked_sub(limit.requests.max(1));
        let room = full.and_then(|first| self.passed.get(first)).map(|at| *at + limit.window);
        room.max(self.rest).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests;
