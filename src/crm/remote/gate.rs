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
        Self { limit, state: Mutex::default(), changed: Notify::new() }
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
                let free = state.free(self.limit, now);
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
        let full = self.passed.len() >= limit.requests.max(1);
        let room = if full { self.passed.front().map(|first| *first + limit.window) } else { None };
        room.max(self.rest).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    const LIMIT: Limit = Limit { requests: 7, window: Duration::from_secs(1) };

    fn virtual_time(test: impl Future<Output = ()>) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().start_paused(true).build().unwrap().block_on(test);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        /// Numbers of issue: rate limits are never exceeded, over any window.
        #[test]
        fn no_window_holds_more_than_the_limit(
            asked in prop::collection::vec((0_u64..3000, any::<bool>()), 1..120),
            rests in prop::collection::vec((0_u64..3000, 0_u64..2000), 0..3),
        ) {
            virtual_time(async move {
                let gate = Arc::new(Gate::new(LIMIT));
                let passed = Arc::new(Mutex::new(Vec::new()));
                let start = Instant::now();
                let mut tasks = tokio::task::JoinSet::new();
                for (at, lookup) in asked {
                    let (gate, passed) = (gate.clone(), passed.clone());
                    tasks.spawn(async move {
                        sleep_until(start + Duration::from_millis(at)).await;
                        gate.pass(if lookup { Class::Lookup } else { Class::Delivery }).await;
                        passed.lock().unwrap().push(Instant::now());
                    });
                }
                for (at, rest) in rests {
                    let gate = gate.clone();
                    tasks.spawn(async move {
                        sleep_until(start + Duration::from_millis(at)).await;
                        gate.rest(Duration::from_millis(rest));
                    });
                }
                tasks.join_all().await;
                let mut passed = passed.lock().unwrap().clone();
                passed.sort();
                for window in passed.windows(LIMIT.requests + 1) {
                    assert!(window[LIMIT.requests] - window[0] >= LIMIT.window);
                }
            });
        }
    }

    #[test]
    fn a_lookup_waits_for_no_delivery_that_has_not_gone_through() {
        virtual_time(async {
            let gate = Arc::new(Gate::new(Limit { requests: 1, window: Duration::from_secs(1) }));
            let order = Arc::new(Mutex::new(Vec::new()));
            let mut tasks = tokio::task::JoinSet::new();
            for n in 0..50 {
                let (gate, order) = (gate.clone(), order.clone());
                tasks.spawn(async move {
                    gate.pass(Class::Delivery).await;
                    order.lock().unwrap().push(format!("delivery {n}"));
                });
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            gate.pass(Class::Lookup).await;
            order.lock().unwrap().push("lookup".to_owned());
            tasks.join_all().await;
            assert_eq!(order.lock().unwrap()[1], "lookup");
        });
    }

    #[test]
    fn a_lookup_that_was_given_up_holds_up_nobody() {
        virtual_time(async {
            let gate = Gate::new(Limit { requests: 1, window: Duration::from_secs(10) });
            gate.pass(Class::Delivery).await;
            let short = Duration::from_millis(1);
            assert!(tokio::time::timeout(short, gate.pass(Class::Lookup)).await.is_err());
            let long = Duration::from_secs(10);
            assert!(tokio::time::timeout(long, gate.pass(Class::Delivery)).await.is_ok());
        });
    }
}
