//! Which calls are in hand, so that a second connection for the same call finds its session
//! (transcript 09b): one call, one record.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::core::ids::CallId;

/// So long a call is remembered that is over: a connection of it may still be on its way.
const LATELY: Duration = Duration::from_secs(5);

/// Calls in hand. `J` is what a later connection brings along.
#[derive(Debug)]
pub struct Registry<J> {
    calls: Mutex<HashMap<CallId, mpsc::Sender<J>>>,
    over: Mutex<VecDeque<(Instant, CallId)>>,
}

/// What became of a connection that came in.
#[derive(Debug)]
pub enum Entry<J> {
    /// The first of its call: it leads the call. The connection comes back.
    First(Seat<J>, J),
    /// The call is led already; the connection was given to its session.
    Joined,
}

/// A place in the registry, given back when dropped.
#[derive(Debug)]
pub struct Seat<J> {
    registry: Arc<Registry<J>>,
    call: CallId,
    /// Later connections of this call.
    pub joins: mpsc::Receiver<J>,
}

impl<J> Default for Registry<J> {
    fn default() -> Self {
        Self { calls: Mutex::default(), over: Mutex::default() }
    }
}

impl<J> Registry<J> {
    fn calls(&self) -> MutexGuard<'_, HashMap<CallId, mpsc::Sender<J>>> {
        // The map is whole at every moment; a panic elsewhere does not spoil it.
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a connection.
    pub fn enter(self: &Arc<Self>, call: &CallId, mut joining: J) -> Entry<J> {
        let mut calls = self.calls();
        if let Some(sender) = calls.get(call) {
            match sender.try_send(joining) {
                Ok(()) => return Entry::Joined,
                // Its session ended a moment ago, or is stuck: this connection leads on.
                Err(error) => joining = error.into_inner(),
            }
        }
        let (sender, joins) = mpsc::channel(8);
        calls.insert(call.clone(), sender);
        Entry::First(Seat { registry: self.clone(), call: call.clone(), joins }, joining)
    }

    /// Whether the call is in hand.
    pub fn leads(&self, call: &CallId) -> bool {
        self.calls().contains_key(call)
    }

    /// Whether the call was in hand until a moment ago. Looks through all that were.
    pub fn led_lately(&self, call: &CallId) -> bool {
        self.over().iter().any(|(_, over)| over == call)
    }

    fn over(&self) -> MutexGuard<'_, VecDeque<(Instant, CallId)>> {
        let mut over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        while over.front().is_some_and(|(at, _)| at.elapsed() > LATELY) {
            over.pop_front();
        }
        over
    }

    /// How many calls are in hand.
    pub fn len(&self) -> usize {
        self.calls().len()
    }

    /// No call is in hand.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<J> Drop for Seat<J> {
    fn drop(&mut self) {
        // Under the lock: who finds the seat closed finds the call among those that are over.
        let mut calls = self.registry.calls();
        self.joins.close();
        // A later session of the same call may sit here by now; its sender is open.
        if calls.get(&self.call).is_some_and(mpsc::Sender::is_closed) {
            calls.remove(&self.call);
        }
        self.registry.over().push_back((Instant::now(), self.call.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_calls_stay_two_and_a_transfer_joins_its_call() {
        let registry = Arc::new(Registry::default());
        let (a, b) = (CallId::new("a"), CallId::new("b"));
        let Entry::First(mut seat_a, 1) = registry.enter(&a, 1) else { panic!("first") };
        let Entry::First(_seat_b, 2) = registry.enter(&b, 2) else { panic!("first") };
        assert!(matches!(registry.enter(&a, 3), Entry::Joined));
        assert_eq!(seat_a.joins.try_recv(), Ok(3));
        drop(seat_a);
        assert_eq!(registry.len(), 1);
        assert!(matches!(registry.enter(&a, 4), Entry::First(_, 4)));
    }
}
