//! A call as a machine: events and the time go in, commands and occurrences come out.
//!
//! The way of a call: `Deciding` → `Stepping` (a step's application runs) → `Talking` →
//! `Apart` (not bridged, and nobody knows yet what comes) → `Leaving` (hung up, the last words
//! are to come) → `Closed`. A transfer leads from anywhere before `Leaving` back to
//! `Deciding`.
//!
//! Driven like quinn-proto: [`Call::handle`], [`Call::handle_timeout`], then [`Call::poll`] until
//! it is empty; [`Call::timeout`] says when to come back. Spurious time-outs do nothing.

mod elsewhere;
mod io;
mod recording;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::core::facts::Direction;
use crate::core::ids::{EmployeeId, OpId};
use crate::core::plan::{HangupCause, Step};
use crate::core::record::{
    AnsweredBy, Attempt, AttemptResult, CallRecord, Outcome, Party, Talk, Tried,
};
use crate::core::trace::{Decision, Fallback};

pub use io::{App, Completion, Input, LastWords, Occurrence, Output, Probe, Recorded, Recording};

/// A ring step may be over this much later than its time: FreeSWITCH counts whole seconds, and
/// [`RING_SLACK`] is added on top (FACTS.md, timeouts).
const OVERDUE: Duration = Duration::from_secs(5);
/// FreeSWITCH's time-outs fire up to one second early (transcript 03a: 3 s after 2.6 s). One
/// second more keeps the promise that a phone rings for its whole time.
pub const RING_SLACK: Duration = Duration::from_secs(1);
/// How long a call may hang between two bridges before somebody looks: an attended transfer
/// takes about 60 ms (transcript 09e).
const APART: Duration = Duration::from_secs(1);
/// After a bridge or queue was cut short, its hang-up or transfer shows within this time:
/// FreeSWITCH sends such events together.
const CUT: Duration = Duration::from_millis(500);
/// How long the last events of a call may take. `linger` is longer than this and [`LAST_LOOK`].
const LAST_WORDS: Duration = Duration::from_secs(5);
/// A command that works at once (answer, hangup) is given this long.
const AT_ONCE: Duration = Duration::from_secs(10);
/// Longer than any message or announcement: a completion that never comes is looked for then.
const LONGEST_MESSAGE: Duration = Duration::from_secs(15 * 60);
/// How often a call is looked at that FreeSWITCH leads by itself. Its events tell sooner.
const WATCH: Duration = Duration::from_secs(60);

/// Where the call is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Waits for a decision. No timer: the directory has its own deadline.
    Deciding,
    /// The application of a step runs. Timer: it is overdue.
    Stepping { op: OpId, due: Option<Timestamp> },
    /// Somebody talks. No timer: a talk may last.
    Talking,
    /// Neither step nor talk. Timer: look what is going on.
    Apart { due: Timestamp },
    /// The step was cut short: hung up or transferred. Timer: neither; the caller is still here.
    Cut { due: Timestamp },
    /// Hung up. Timer: the last words did not come.
    Leaving { due: Timestamp },
    /// The record is out.
    Closed,
}

/// The machine.
#[derive(Debug)]
pub struct Call {
    record: CallRecord,
    plan: VecDeque<Step>,
    state: State,
    outputs: VecDeque<Output>,
    ops: u32,
    named: bool,
    caller_answered: bool,
    message_seconds: u64,
    /// Why the last ring failed, in FreeSWITCH's word.
    refusal: Option<HangupCause>,
    /// The plan's last hang-up was reached: nobody was left to ring.
    exhausted: bool,
    /// This step's phones ring already.
    rang: bool,
    /// FreeSWITCH leads the leg by itself: nothing may be run on it.
    released: bool,
    /// The leg is down, and its events lag or are lost: when to ask. No other timer counts then.
    down: Option<Timestamp>,
    /// The last look was taken.
    looked: bool,
    /// The queue he waits in has no time limit.
    unlimited: bool,
    /// Where the talk is to be recorded, once there is one.
    recording: Option<Recording>,
}

// === what drives it ===

impl Call {
    /// A call that has just arrived. The next thing it needs is [`Input::Decided`].
    pub fn new(record: CallRecord) -> Self {
        Self {
            record,
            plan: VecDeque::new(),
            state: State::Deciding,
            outputs: VecDeque::new(),
            ops: 0,
            named: false,
            caller_answered: false,
            message_seconds: 0,
            refusal: None,
            exhausted: false,
            rang: false,
            released: false,
            down: None,
            looked: false,
            unlimited: false,
            recording: None,
        }
    }

    /// The caller's leg is answered already: a call that was passed on, or handed over late.
    pub fn answered_already(&mut self) {
        self.caller_answered = true;
    }

    /// The next thing to do, until there is none.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Call::handle_timeout`] wants to be called.
    pub fn timeout(&self) -> Option<Timestamp> {
        match self.state {
            State::Closed => None,
            _ if self.down.is_some() => self.down,
            State::Stepping { due, .. } => due,
            State::Apart { due } | State::Cut { due } | State::Leaving { due } => Some(due),
            State::Deciding | State::Talking => None,
        }
    }

    /// The record so far.
    pub fn record(&self) -> &CallRecord {
        &self.record
    }

    /// Somebody talks with the caller at this moment.
    pub fn is_talking(&self) -> bool {
        self.state == State::Talking
    }

    /// The answer of the directory is of use.
    pub fn is_deciding(&self) -> bool {
        self.state == State::Deciding
    }

    /// The caller has hung up; only the last words are to come.
    pub fn is_leaving(&self) -> bool {
        matches!(self.state, State::Leaving { .. })
    }

    /// The caller's leg is known to be down, whether or not its events have come.
    pub fn is_down(&self) -> bool {
        self.down.is_some() || self.is_leaving()
    }

    /// The time came. Too early or needless calls do nothing.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        if self.timeout().is_none_or(|due| now < due) {
            return;
        }
        if self.down.take().is_some() {
            return self.look_back("UNKNOWN".into(), now);
        }
        match &self.state {
            State::Stepping { op, .. } if self.waits_without_limit() => self.mark(op.clone(), now),
            State::Stepping { .. } if self.tries(|t| matches!(t, Tried::Queue(_))) => {
                // The queue's time is over. Its completion leads on; it is looked at if none comes.
                self.outputs.push_back(Output::Break);
                self.state = State::Apart { due: after(now, OVERDUE) };
            }
            State::Stepping { .. } | State::Apart { .. } => self.look_around(now),
            State::Cut { .. } => self.alone(now),
            State::Leaving { .. } if !self.looked => {
                let cause = self.record.hangup_cause.clone();
                self.look_back(cause.unwrap_or_default(), now);
            }
            State::Leaving { .. } => self.close(now),
            State::Deciding | State::Talking | State::Closed => {}
        }
    }

    /// Something happened.
    pub fn handle(&mut self, input: Input, now: Timestamp) {
        if self.state == State::Closed {
            return;
        }
        match input {
            Input::Decided(decision) => self.decided(*decision, now),
            Input::Ringing { employee } => self.ringing(employee),
            Input::CallerAnswered => {
                self.caller_answered = true;
            }
            Input::Bridged { answered: false, .. } => {}
            Input::Bridged { party, answered: true } => self.bridged(party, now),
            Input::Unbridged => self.unbridged(now),
            Input::Done { op, result } => self.done(&op, &result, now),
            Input::Down if self.is_down() => {}
            Input::Down => self.down = Some(after(now, LAST_WORDS)),
            Input::HungUp { cause } => self.leaving(cause, now),
            Input::Completed(words) => {
                self.last_words(words, now);
                self.close(now);
            }
            Input::Probed(probe) => self.probed(probe, now),
            Input::Released => self.released(now),
            Input::Transferred { to } => self.transferred(to, now),
            Input::Lost => {
                if self.down.is_some() {
                    self.leaving("UNKNOWN".into(), now);
                }
                if self.record.talks.is_empty() && !self.is_leaving() {
                    self.record.outcome = Some(Outcome::LeftToSwitch);
                }
                self.close(now);
            }
        }
    }
}

// === transitions ===

impl Call {
    fn decided(&mut self, decision: Decision, now: Timestamp) {
        if self.state != State::Deciding {
            return;
        }
        if self.record.decisions.is_empty() {
            self.record.line = decision.line.clone();
            self.record.owner = decision.owner.clone();
            self.record.fallback = decision.fallback;
            if decision.internal {
                self.record.direction = Direction::Internal;
            }
        }
        self.plan = decision.plan.iter().cloned().collect();
        self.record.decisions.push(decision);
        self.next_step(now);
    }

    fn next_step(&mut self, now: Timestamp) {
        if self.down.is_some() {
            return;
        }
        if self.released {
            return self.watch(now);
        }
        let Some(step) = self.plan.pop_front() else {
            // A plan ends with a hang-up; this is the net below it.
            return self.hang_up(HangupCause::NORMAL, now);
        };
        if let Some((what, employees)) = describe(&step) {
            let attempt = Attempt { what, employees, from: now, until: None, result: None };
            self.record.attempts.push(attempt);
        }
        self.rang = false;
        let due = |time: Duration| Some(after(now, time));
        match step {
            Step::Ring(ring) => {
                self.name();
                let limit = ring.timeout + RING_SLACK + OVERDUE;
                let caller_id = self.record.decisions.last().and_then(|d| d.caller_id.clone());
                self.start(App::Bridge { ring, caller_id }, due(limit));
            }
            Step::Callcenter { queue, wait } => {
                self.answer();
                self.unlimited = wait.is_none();
                self.start(App::Callcenter(queue), due(wait.unwrap_or(WATCH)));
            }
            Step::Fifo { queue, wait } => {
                self.answer();
                if let Some(name) = self.caller_name() {
                    self.run(App::FifoName(name));
                }
                self.unlimited = wait.is_none();
                self.start(App::Fifo(queue), due(wait.unwrap_or(WATCH)));
            }
            Step::Voicemail { mailbox } => {
                self.answer();
                self.start(App::Voicemail(mailbox), due(LONGEST_MESSAGE));
            }
            Step::Announce { file } => {
                self.answer();
                self.start(App::Playback(file), due(LONGEST_MESSAGE));
            }
            Step::Hangup { cause } => {
                self.exhausted = true;
                self.hang_up(self.told(cause), now);
            }
        }
    }

    /// Once a step, however many phones ring and however often they say so. Whom a queue rings is
    /// learnt one by one.
    fn ringing(&mut self, employee: Option<EmployeeId>) {
        if !matches!(self.state, State::Stepping { .. }) {
            return;
        }
        let Some(attempt) = self.record.attempts.last_mut().filter(|a| a.result.is_none()) else {
            return;
        };
        let queue = matches!(attempt.what, Tried::Queue(_));
        let agent = employee.filter(|e| queue && !attempt.employees.contains(e));
        if std::mem::replace(&mut self.rang, true) && agent.is_none() {
            return;
        }
        attempt.employees.extend(agent.clone());
        let employees = match queue {
            true => agent.into_iter().collect(),
            false => attempt.employees.clone(),
        };
        self.outputs.push_back(Output::Occurred(Occurrence::Ringing { employees }));
    }

    fn bridged(&mut self, party: Party, now: Timestamp) {
        if self.is_leaving() {
            return;
        }
        let talking = self.state == State::Talking;
        if talking && self.record.last_speaker().is_some_and(|p| p.leg == party.leg) {
            return;
        }
        self.end_talk(now);
        self.caller_answered = true;
        self.talk(party, now);
        self.record_talk();
        self.state = State::Talking;
    }

    fn talk(&mut self, party: Party, now: Timestamp) {
        let by = match self.record.attempts.last_mut().filter(|a| a.result.is_none()) {
            Some(attempt) => {
                attempt.result = Some(AttemptResult::Answered);
                attempt.until = Some(now);
                match attempt.what {
                    Tried::Ring(role) => AnsweredBy::Rung(role),
                    Tried::Queue(_) => AnsweredBy::Queue,
                    Tried::Voicemail | Tried::Announcement => AnsweredBy::Transfer,
                }
            }
            None if self.record.talks.is_empty() => AnsweredBy::Queue,
            None => AnsweredBy::Transfer,
        };
        let occurrence = match self.record.talks.last() {
            None => Some(Occurrence::Answered(party.clone())),
            Some(last) if last.party.leg != party.leg => Some(Occurrence::PassedOn(party.clone())),
            Some(_) => None,
        };
        self.outputs.extend(occurrence.map(Output::Occurred));
        self.record.talks.push(Talk { party, by, from: now, until: None });
    }

    fn unbridged(&mut self, now: Timestamp) {
        self.end_talk(now);
        if self.state == State::Talking {
            self.state = State::Apart { due: after(now, APART) };
        }
    }

    fn done(&mut self, op: &OpId, result: &Completion, now: Timestamp) {
        // Who hangs up after his message is gone before the application is over.
        self.message(result.message_seconds, &result.message_url, now);
        if self.is_mark(op) {
            return self.look_around(now);
        }
        let ours = match &self.state {
            State::Stepping { op: current, .. } => current == op,
            // After a break, or while a probe is on its way: only the running step's completion
            // may lead on, and only if nobody talked in it.
            State::Apart { .. } => {
                self.is_current(op)
                    && self.record.attempts.last().is_some_and(|a| a.result.is_none())
            }
            _ => false,
        };
        if !ours {
            return;
        }
        if result.queue_cause.as_deref() == Some("answered") || result.queue_bridged {
            // The talk begins; the bridge is seen in a moment (transcript 08a).
            self.state = State::Apart { due: after(now, APART) };
            return;
        }
        let outcome = match self.record.attempts.last().map(|a| &a.what) {
            Some(Tried::Ring(_)) => {
                let disposition = result.disposition.as_deref().unwrap_or_default();
                let result = AttemptResult::from_disposition(disposition);
                let known = !matches!(result, AttemptResult::Answered | AttemptResult::Failed);
                self.refusal = HangupCause::named(disposition).filter(|_| known);
                result
            }
            Some(Tried::Queue(_)) if result.taken_out => AttemptResult::CallerGone,
            Some(Tried::Queue(_)) => AttemptResult::QueueTimeout,
            Some(Tried::Announcement) if result.missing => AttemptResult::Failed,
            _ => AttemptResult::Answered,
        };
        if outcome == AttemptResult::Answered && self.tries(|t| matches!(t, Tried::Ring(_))) {
            // SUCCESS without a bridge event: one was lost, or the talk is over already. Look.
            self.outputs.push_back(Output::Probe);
            self.state = State::Apart { due: after(now, AT_ONCE) };
            return;
        }
        if outcome == AttemptResult::CallerGone {
            // Or the owner hung up in the moment of his answer: the caller is not gone then, and
            // a bond to the owner stays behind (seen on 1.10.12), so that looking is of no use.
            self.state = State::Cut { due: after(now, CUT) };
            return;
        }
        self.end_attempt(outcome, now);
        self.next_step(now);
    }

    fn leaving(&mut self, cause: String, now: Timestamp) {
        if self.is_leaving() {
            return;
        }
        self.end_talk(now);
        self.record.hangup_cause = Some(cause);
        let due = self.down.take().unwrap_or_else(|| after(now, LAST_WORDS));
        self.state = State::Leaving { due };
    }

    fn last_words(&mut self, words: LastWords, now: Timestamp) {
        self.end_talk(now);
        if !words.cause.is_empty() {
            self.record.hangup_cause = Some(words.cause);
        }
        self.message(words.message_seconds, &words.message_url, now);
        self.recorded(words.recorded);
        // The bridge's own events were lost (esl.md, pitfall 15): the truth is in the last words.
        if let (true, Some(party)) = (self.record.talks.is_empty(), words.bridged_with) {
            self.talk(party, now);
        }
    }

    fn close(&mut self, now: Timestamp) {
        self.end_talk(now);
        // An attempt we let go of lasts: what comes of it is not known.
        if self.record.outcome.is_none() {
            self.end_attempt(AttemptResult::CallerGone, now);
        }
        self.record.ended = Some(now);
        let outcome = self.outcome();
        self.record.outcome = Some(outcome);
        self.outputs.push_back(Output::Occurred(match outcome {
            Outcome::Answered => Occurrence::Ended,
            other => Occurrence::Missed(other),
        }));
        self.outputs.extend(self.complete_recording().map(Output::Occurred));
        self.outputs.push_back(Output::Closed(Box::new(self.record.clone())));
        self.state = State::Closed;
    }
}

// === small parts ===

impl Call {
    fn start(&mut self, app: App, due: Option<Timestamp>) {
        let op = self.run(app);
        self.state = State::Stepping { op, due };
    }

    fn run(&mut self, app: App) -> OpId {
        self.ops += 1;
        let op = OpId::new(format!("{}.{}", self.record.id, self.ops));
        self.outputs.push_back(Output::Run(op.clone(), app));
        op
    }

    /// The last command is always the step's own.
    fn is_current(&self, op: &OpId) -> bool {
        op.as_str().strip_prefix(self.record.id.as_str()).and_then(|rest| rest.strip_prefix('.'))
            == Some(self.ops.to_string().as_str())
    }

    fn caller_name(&self) -> Option<Arc<str>> {
        self.record.decisions.last()?.caller_name.clone()
    }

    /// Once for each decision. What is not known stays as the caller sent it.
    fn name(&mut self) {
        if !std::mem::replace(&mut self.named, true)
            && let Some(name) = self.caller_name()
        {
            self.run(App::Name(name));
        }
    }

    fn answer(&mut self) {
        self.name();
        if !self.caller_answered {
            self.run(App::Answer);
        }
    }

    /// Who dialled himself is told why it failed.
    fn told(&self, cause: HangupCause) -> HangupCause {
        let own = cause == HangupCause::NO_ANSWER && self.record.direction != Direction::Inbound;
        self.refusal.filter(|_| own).unwrap_or(cause)
    }

    fn hang_up(&mut self, cause: HangupCause, now: Timestamp) {
        if self.released {
            return self.watch(now);
        }
        self.start(App::Hangup(cause), Some(after(now, AT_ONCE)));
    }

    fn end_talk(&mut self, now: Timestamp) {
        if let Some(talk) = self.record.talks.last_mut() {
            talk.until.get_or_insert(now);
        }
    }

    fn end_attempt(&mut self, result: AttemptResult, now: Timestamp) {
        if let Some(attempt) = self.record.attempts.last_mut() {
            attempt.until.get_or_insert(now);
            attempt.result.get_or_insert(result);
        }
    }

    fn tries(&self, what: impl Fn(&Tried) -> bool) -> bool {
        self.record.attempts.last().is_some_and(|a| a.result.is_none() && what(&a.what))
    }

    fn outcome(&self) -> Outcome {
        if !self.record.talks.is_empty() {
            return Outcome::Answered;
        }
        if self.message_seconds > 0 {
            return Outcome::Voicemail;
        }
        if let Some(outcome) = self.record.outcome {
            return outcome;
        }
        if self.record.fallback == Some(Fallback::Blocked) {
            return Outcome::Rejected;
        }
        if self.record.direction != Direction::Inbound {
            return Outcome::Unreached;
        }
        if self.exhausted { Outcome::Missed } else { Outcome::Abandoned }
    }
}

fn describe(step: &Step) -> Option<(Tried, Vec<EmployeeId>)> {
    match step {
        Step::Ring(ring) => {
            let employees = ring.targets.iter().filter_map(|t| t.employee.clone()).collect();
            Some((Tried::Ring(ring.role), employees))
        }
        Step::Callcenter { queue, .. } | Step::Fifo { queue, .. } => {
            Some((Tried::Queue(queue.clone()), vec![]))
        }
        Step::Voicemail { .. } => Some((Tried::Voicemail, vec![])),
        Step::Announce { .. } => Some((Tried::Announcement, vec![])),
        Step::Hangup { .. } => None,
    }
}

/// A moment later; the end of time where there is none.
pub(crate) fn after(now: Timestamp, time: Duration) -> Timestamp {
    now.saturating_add(time).unwrap_or(Timestamp::MAX)
}

/// The leg of nobody in particular, for tests.
#[cfg(test)]
pub(crate) fn party(leg: &str, employee: Option<&str>) -> Party {
    Party {
        leg: crate::core::ids::LegId::new(leg),
        employee: employee.map(EmployeeId::new),
        number: leg.into(),
    }
}

#[cfg(test)]
mod tests;
