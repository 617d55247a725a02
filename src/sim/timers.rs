//! What is going to happen, in the order of time.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::clock::Micros;

/// What a timer brings about. A timer that has lost its meaning does nothing.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// Nothing but another look.
    Wake,
    /// The phone of this leg sends 180 or 183.
    Rings(usize),
    /// … answers.
    Answers(usize),
    /// … refuses with this SIP status.
    Refuses(usize, u16),
    /// … hangs up.
    HangsUp(usize),
    /// … sends REFER.
    Transfers(usize),
    /// The first leg hands the caller over to the second.
    HandsOver(usize, usize),
    CallerHangsUp,
    CallerGivesUp,
    /// A leg's phone presses a key; the first leg's is the caller.
    Presses(usize, char),
    /// A leg's phone holds, or not any more.
    Holds(usize, bool),
    CallerTransfers,
    /// The event queue of this connection is looked at.
    Release(usize),
    LingerEnds(usize),
}

#[derive(Debug, PartialEq)]
struct Timer {
    at: Micros,
    order: u64,
    what: What,
}

impl Eq for Timer {}

impl Ord for Timer {
    /// The earliest is the greatest, as the heap gives the greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// All timers of a call.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Timer>,
    order: u64,
}

impl Timers {
    pub(super) fn at(&mut self, at: Micros, what: What) {
        self.order += 1;
        self.heap.push(Timer { at, order: self.order, what });
    }

    pub(super) fn next_at(&self) -> Option<Micros> {
        self.heap.peek().map(|t| t.at)
    }

    pub(super) fn due(&mut self, now: Micros) -> Option<What> {
        if self.heap.peek()?.at <= now { self.heap.pop().map(|t| t.what) } else { None }
    }
}
