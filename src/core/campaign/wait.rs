//! Before a try and between two: who the client is, and when it may begin.

use std::time::Duration;

use jiff::Timestamp;

use crate::core::call::after;
use crate::core::case::{Event, Known};
use crate::core::casebook::MOST_FIELDS;

use super::order::{Ending, Kind, Order};
use super::{Around, Campaign, LOOKUP, Output, State, Told, hours};

/// What the CRM said is asked anew before a try when it is older than this: the owner may have
/// changed over night.
const OLD: Duration = Duration::from_secs(600);
/// The same where it said nothing.
const UNSURE: Duration = Duration::from_secs(20);
/// Bytes of comments that are kept, however many forms come.
const MOST_COMMENT: usize = 4000;

impl Campaign {
    /// The client is identified and his owner looked up first (A14).
    pub(super) fn identify(&mut self, now: Timestamp) {
        self.asked = now;
        self.state = State::Identifying { due: after(now, LOOKUP) };
        self.outputs.push_back(Output::LookUp(self.order.phone.clone()));
    }

    pub(super) fn identified(&mut self, known: Known, now: Timestamp, around: &Around) {
        if known != Known::Unsure {
            if self.book.client == Known::Unsure {
                self.book.client = known.clone();
            }
            self.known = known;
        }
        if !matches!(self.state, State::Identifying { .. }) {
            return;
        }
        self.requested(now, around);
        self.plan(now, now, around);
    }

    /// A form is told of once, whatever becomes of it (E13).
    pub(super) fn requested(&mut self, now: Timestamp, around: &Around) {
        if self.order.kind == Kind::Form && !std::mem::replace(&mut self.book.requested, true) {
            self.occurred(Event::CallbackRequested, now, around.line_number);
        }
    }

    /// Nobody took it, or something came in between: again later.
    pub(super) fn again(&mut self, pause: Duration, now: Timestamp, around: &Around) {
        if self.is_click() {
            return self.over(self.failed(), now, around);
        }
        self.plan(after(now, pause), now, around);
    }

    /// How it ended, where it can go on no more: a client who was dialled was not reached.
    fn failed(&self) -> Ending {
        match self.book.with {
            Some(_) => Ending::ClientUnreached,
            None => Ending::NoManager,
        }
    }

    /// The next try, at `at` or when the hours allow it. Closed hours do not count (A18).
    fn plan(&mut self, at: Timestamp, now: Timestamp, around: &Around) {
        let at = at.max(self.not_before);
        let opens = self.opens(at, around).filter(|_| !self.order.targets.is_empty());
        // Never again; or a form that wants no call, and is over once the CRM has it (E13).
        let Some(open) = opens else { return self.over(self.failed(), now, around) };
        if open > at
            && let Some(window) = &mut self.window
        {
            let closed = hours::closes(now, around).unwrap_or(at).min(open);
            let pause = Duration::try_from(open.duration_since(closed)).unwrap_or_default();
            *window = after(*window, pause);
        }
        if self.window.is_some_and(|window| open > window) {
            return self.over(self.failed(), now, around);
        }
        if open > now {
            self.state = State::Waiting { due: open };
        } else {
            self.ring_managers(now, around);
        }
    }

    /// From when on somebody might be rung for it: the wanted time and the delay are over, and the
    /// hours allow it. Nobody is late before.
    pub fn begins(&self, around: &Around) -> Timestamp {
        self.opens(self.not_before, around).unwrap_or(self.not_before)
    }

    fn opens(&self, at: Timestamp, around: &Around) -> Option<Timestamp> {
        // Who presses a button sees the clock himself.
        if self.is_click() { Some(at) } else { hours::opens(at, around) }
    }

    /// The time of a try has come.
    pub(super) fn begin_try(&mut self, now: Timestamp, around: &Around) {
        let old = if self.known == Known::Unsure { UNSURE } else { OLD };
        if self.opens(now, around) == Some(now) && now >= after(self.asked, old) {
            return self.identify(now);
        }
        self.plan(now, now, around);
    }

    /// Another form of the same client: what it says is kept, first touch first (A20). While
    /// nobody was rung yet, the time it names counts, or that it names none.
    pub(super) fn join(&mut self, order: Order, now: Timestamp, around: &Around) {
        if matches!(self.state, State::Over { .. }) {
            return;
        }
        self.joined = self.joined.saturating_add(1);
        for (name, value) in order.fields {
            if self.order.fields.len() < MOST_FIELDS {
                self.order.fields.entry(name).or_insert(value);
            }
        }
        self.order.name = self.order.name.take().or(order.name);
        let more = order.comment.filter(|more| !more.is_empty());
        self.order.comment = match (self.order.comment.take(), more) {
            (Some(old), Some(more)) if old != more && old.len() + more.len() < MOST_COMMENT => {
                Some(format!("{old}\n{more}"))
            }
            (old, more) => old.or(more),
        };
        if order.kind == Kind::Form && self.order.kind == Kind::MissedCall {
            self.order.kind = Kind::Form;
            self.requested(now, around);
        }
        if self.is_untried() && order.kind == Kind::Form {
            self.order.wanted = order.wanted;
            self.not_before = order.wanted.unwrap_or(now).max(now);
            if matches!(self.state, State::Waiting { .. }) {
                self.begin_try(now, around);
            }
        }
    }

    /// Talks go on; a button hangs up.
    pub(super) fn cancel(&mut self, now: Timestamp, around: &Around) {
        match self.state {
            State::Over { .. } => {}
            State::Talking { .. } if self.is_click() => {
                self.over(Ending::Talked, now, around);
            }
            State::Talking { .. } => {}
            State::Joining { .. } if !self.is_click() => {}
            _ => self.over_and_tell(Ending::Cancelled, Told::Cancelled, now, around),
        }
    }

    /// He has what he wanted. A button is pressed for a call of its own, and a client who is on
    /// our line has not called in.
    pub(super) fn client_called(&mut self, now: Timestamp, around: &Around) {
        match self.state {
            State::Over { .. }
            | State::Joining { .. }
            | State::Talking { .. }
            | State::Holding { .. } => {}
            _ if self.is_click() => {}
            _ => self.over_and_tell(Ending::Satisfied, Told::ClientCalled, now, around),
        }
    }
}
