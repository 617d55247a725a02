//! Carries one entry out, action by action. What is about to be sent is stored before, what came
//! of it after; so whatever ends the engine in between, nothing is lost and nothing done twice.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::access::ALL;
use super::change::{Answer, Change, Mark};
use super::circuit::{Circuit, Leave, backoff, jittered};
use super::entry::{Entry, Lane, Progress, State, Step};
use super::keep::shown;
use super::needs::{Missing, held, right, touches_client, undone};
use super::settle::{self, Facts};
use super::worker::{Trouble, Worker};
use crate::core::action::Bound;
use crate::core::phone::mask;
use crate::core::record::between;
use crate::crm::remote::{LONGEST_REST, Left, within};
use crate::crm::{ApplyError, CrmError, Done, Work};
use crate::directory::Invalidation;
use crate::sales::made::MadeBy;
use crate::store::Store;
use crate::telemetry::trace_id;
use crate::traces::Delivery;

/// What to do after an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// The next one of the client.
    Next,
    /// The client waits.
    Until(Timestamp),
}

/// How an answer was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It was sent.
    Sent,
    /// It may have been sent before: that was looked for.
    LookedFor,
    /// Its turn at our own limit did not come: nothing was sent, and the CRM is not to blame.
    Held,
}

/// No answer came in time.
fn silent(left: Left) -> ApplyError {
    match left {
        Left::Held => {
            let why = "its turn did not come in time: too much is sent to this CRM".to_owned();
            ApplyError::Later { after: None, why }
        }
        Left::Unknown | Left::Sent => ApplyError::Lost { why: "no answer in time".into() },
    }
}

/// An entry in work.
struct Hand<'a> {
    worker: &'a Worker,
    entry: Entry,
    bound: Bound,
    /// Not stored yet.
    news: News,
}

#[derive(Default)]
struct News {
    bound: bool,
    touched: bool,
    made: Vec<MadeBy>,
}

impl Worker {
    /// Does what is left of the entry.
    #[tracing::instrument(skip_all, fields(call = %entry.call, trace_id = %trace_id(&entry.call)))]
    pub async fn carry(&self, store: &Store, entry: Entry) -> Result<Then, Trouble> {
        let now = self.now();
        // Written in the future: the clock was set back, and its times say nothing any more.
        let clock_holds = entry.updated <= now;
        if entry.next_try > now && clock_holds {
            return Ok(Then::Until(entry.next_try));
        }
        let mut hand = Hand { worker: self, entry, bound: Bound::default(), news: News::default() };
        if !hand.may_send() {
            return Ok(Then::Until(now));
        }
        match settle::settle(self, store, &mut hand.entry).await? {
            Facts::Settled(bound) => hand.bound = bound,
            Facts::Gone => return Ok(Then::Next),
            Facts::Later { why, denied } => {
                if denied {
                    self.denied(&hand.entry.crm, ALL, &why);
                }
                hand.fails(None, &why);
                return hand.later(None, why).await;
            }
        }
        let mut missing = match hand.entry.lane {
            Lane::Crm => settle::missing(store, &hand.entry).await?,
            Lane::Hook => Missing::new(),
        };
        for index in 0..hand.entry.actions.len() {
            if let Some(then) = hand.step(index, &mut missing, clock_holds).await? {
                return Ok(then);
            }
        }
        hand.end().await
    }
}

impl Hand<'_> {
    fn may_send(&self) -> bool {
        !self.worker.stop.is_cancelled()
            && !matches!(self.worker.leave(self.entry.lane, &self.entry.crm), Leave::None(_))
    }

    /// One action. `None`: go on with the next.
    async fn step(
        &mut self,
        index: usize,
        missing: &mut Missing,
        clock_holds: bool,
    ) -> Result<Option<Then>, Trouble> {
        let planned = self.entry.actions[index].clone();
        let before = self.entry.progress[index].is;
        if before == Progress::Done {
            return Ok(None);
        }
        let now = self.worker.now();
        if before != Progress::Sending {
            if held(&planned.action, missing) {
                undone(&planned.action, missing);
                let what = "it needs what an action before it should have made".to_owned();
                self.is(index, Progress::Held, what, "held");
                return Ok(None);
            }
            let after = planned.after.filter(|after| *after > now && clock_holds);
            if let Some(after) = after {
                self.mark(State::Waiting, after, None).await?;
                return Ok(Some(Then::Until(after)));
            }
        }
        if !self.may_send() {
            self.mark(State::Waiting, now, self.entry.last_error.clone()).await?;
            return Ok(Some(Then::Until(now)));
        }
        if before != Progress::Sending {
            self.entry.progress[index].is = Progress::Sending;
            // A person may have dropped it a moment ago.
            if !self.mark(State::Working, now, self.entry.last_error.clone()).await? {
                return Ok(Some(Then::Next));
            }
        }
        let begun = Instant::now();
        let (way, result) = self.send(index, before == Progress::Sending).await;
        let read_back = way == Way::LookedFor;
        let word = planned.action.word();
        self.worker.metrics.outbox_delivery_seconds.observe(begun.elapsed().as_secs_f64());
        self.trace(index, begun.elapsed(), read_back, &result);
        match result {
            Ok(done) => {
                self.works();
                self.worker.takes(&self.entry.crm, &right(&planned.action));
                self.entry.tries = 0;
                self.entry.last_error = None;
                self.news.bound |= done.bound != Bound::default();
                self.news.made.extend(MadeBy::case(&self.entry.case, &done.bound.made));
                self.bound.merge(done.bound);
                self.is(index, Progress::Done, done.what, "done");
                let due = planned.after.map_or(self.entry.since, |at| at.max(self.entry.since));
                let late = between(due, self.worker.now()).as_secs_f64();
                self.worker.metrics.outbox_done_seconds.observe(late);
                if touches_client(&planned.action) {
                    self.news.touched = true;
                    self.forget().await;
                }
                Ok(None)
            }
            Err(ApplyError::Refused { why }) if read_back => {
                let why = format!("it is not known whether {word} was done: {why}");
                self.count(word, "refused");
                self.park(why).await.map(Some)
            }
            Err(ApplyError::Refused { why }) => {
                self.works();
                undone(&planned.action, missing);
                self.is(index, Progress::Refused, why, "refused");
                Ok(None)
            }
            Err(ApplyError::Denied { alone, begun, why }) => {
                self.count(word, "later");
                let begun = begun || before == Progress::Sending;
                if !begun {
                    self.entry.progress[index].is = Progress::Todo;
                }
                let crm = &self.entry.crm;
                match self.key(alone).await {
                    // Only this is forbidden, and nothing else waits for it.
                    Ok(()) => {
                        self.works();
                        self.worker.denied(crm, &right(&planned.action), &why);
                        undone(&planned.action, missing);
                        self.entry.progress[index] =
                            Step { is: Progress::Denied, what: why, begun };
                        return Ok(None);
                    }
                    Err(CrmError::Access(_)) => {
                        self.worker.denied(crm, ALL, &why);
                        self.fails(None, &why);
                    }
                    Err(CrmError::Slow | CrmError::Fault(_)) => self.fails(None, &why),
                }
                self.later(None, why).await.map(Some)
            }
            Err(ApplyError::Later { after, why }) => {
                // What was lost once is looked for until it is done.
                if before != Progress::Sending {
                    self.entry.progress[index].is = Progress::Todo;
                }
                self.count(word, "later");
                if way != Way::Held {
                    self.fails(after, &why);
                }
                self.later(after, why).await.map(Some)
            }
            Err(ApplyError::Lost { why }) => {
                self.count(word, "lost");
                self.fails(None, &why);
                self.later(None, why).await.map(Some)
            }
        }
    }

    /// Sends it; where it may have been sent before, it is looked for first.
    async fn send(&self, index: usize, again: bool) -> (Way, Result<Done, ApplyError>) {
        let planned = &self.entry.actions[index];
        let work = Work {
            key: &planned.key,
            action: &planned.action,
            case: &self.entry.case,
            bound: &self.bound,
        };
        let (worker, limit) = (self.worker, self.worker.config.timeout);
        if self.entry.lane == Lane::Hook {
            let sent = within(limit, worker.webhooks.send(&work)).await;
            return (Way::Sent, sent.unwrap_or_else(|left| Err(silent(left))));
        }
        let crm = worker.crm_of(&self.entry);
        if again {
            let found = within(limit, crm.read_back(&work)).await;
            match found.unwrap_or_else(|left| Err(silent(left))) {
                Ok(Some(done)) => return (Way::LookedFor, Ok(done)),
                Ok(None) => {}
                Err(error) => return (Way::LookedFor, Err(error)),
            }
        }
        match within(limit, crm.apply(&work)).await {
            Ok(result) => (Way::Sent, result),
            Err(left @ Left::Held) => (Way::Held, Err(silent(left))),
            Err(left) => (Way::Sent, Err(silent(left))),
        }
    }

    fn trace(
        &self,
        index: usize,
        took: Duration,
        read_back: bool,
        result: &Result<Done, ApplyError>,
    ) {
        let (entry, worker) = (&self.entry, self.worker);
        worker.tracer.delivered(&entry.call, || {
            let planned = &entry.actions[index];
            let (result, why) = match result {
                Ok(_) => ("done", None),
                Err(ApplyError::Later { why, .. } | ApplyError::Denied { why, .. }) => {
                    ("later", Some(why))
                }
                Err(ApplyError::Lost { why }) => ("lost", Some(why)),
                Err(ApplyError::Refused { why }) => ("refused", Some(why)),
            };
            Delivery {
                call: entry.call.clone(),
                event: entry.case.event.as_str(),
                action: planned.action.word(),
                rule: planned.rule.clone(),
                key: planned.key.clone(),
                to: if entry.lane == Lane::Hook { "webhook".to_owned() } else { entry.crm.clone() },
                entry: entry.id,
                tries: entry.tries.saturating_add(1),
                read_back,
                result,
                why: why.cloned(),
                ended: Timestamp::now(),
                took,
            }
        });
    }

    fn is(&mut self, index: usize, is: Progress, what: String, result: &str) {
        self.count(self.entry.actions[index].action.word(), result);
        let step = &mut self.entry.progress[index];
        (step.is, step.what) = (is, what);
    }

    fn count(&self, word: &str, result: &str) {
        let crm = shown(&self.entry.crm);
        self.worker.metrics.outbox_deliveries.with_label_values(&[crm, word, result]).inc();
    }

    /// Whether the key is a good one, where the CRM may have forbidden an action `alone`: it may
    /// then still be asked.
    async fn key(&self, alone: bool) -> Result<(), CrmError> {
        match alone {
            true => {
                let crm = self.worker.crm_of(&self.entry);
                settle::find(self.worker, crm, &self.entry).await.map(drop)
            }
            false => Err(CrmError::Access(String::new())),
        }
    }

    fn works(&self) {
        let crm = &self.entry.crm;
        if self.entry.lane != Lane::Crm {
            return;
        }
        self.worker.takes(crm, ALL);
        if self.worker.circuits.of(crm, Circuit::works) {
            info!(crm, "the CRM takes actions again");
        }
    }

    /// The CRM did not do what it was asked: after some of these it is left alone for a while.
    fn fails(&self, after: Option<Duration>, why: &str) {
        let (crm, after) = (&self.entry.crm, after.map(|after| after.min(LONGEST_REST)));
        let fails = |circuit: &mut Circuit| circuit.fails(Instant::now(), after);
        if self.entry.lane == Lane::Crm && self.worker.circuits.of(crm, fails) {
            warn!(crm, why, "the CRM takes no actions now; they wait in the outbox");
        }
    }

    /// What is remembered of the client is not true any more.
    async fn forget(&self) {
        if let (Some(directory), Some(number)) = (&self.worker.directory, &self.entry.case.number) {
            let directory = directory.of(self.entry.case.line.as_deref());
            directory.invalidate(&Invalidation::Phone(number.clone())).await;
        }
    }

    /// Stores how far it is. `false`: it is not to be worked on any more.
    async fn mark(
        &mut self,
        state: State,
        next_try: Timestamp,
        error: Option<String>,
    ) -> Result<bool, Trouble> {
        let (entry, news) = (&self.entry, std::mem::take(&mut self.news));
        let mark = Mark {
            entry: entry.id,
            state,
            progress: entry.progress.clone(),
            tries: entry.tries,
            next_try,
            error,
            bound: news.bound.then(|| (entry.call.clone(), self.bound.clone())),
            touched: news.touched.then(|| (entry.call.clone(), entry.queue())),
            made: news.made,
        };
        let answer = self.worker.pen.change(Change::Mark(Box::new(mark))).await?;
        Ok(answer == Answer::Took(true))
    }

    /// It failed for now.
    async fn later(&mut self, after: Option<Duration>, why: String) -> Result<Then, Trouble> {
        let (worker, now) = (self.worker, self.worker.now());
        let after = after.map(|after| after.min(LONGEST_REST));
        self.entry.tries = self.entry.tries.saturating_add(1);
        if between(self.entry.since, now) >= worker.config.park_after {
            let undone = self.entry.progress.iter().position(|step| step.is != Progress::Done);
            if let Some(planned) = undone.and_then(|index| self.entry.actions.get(index)) {
                self.count(planned.action.word(), "given_up");
            }
            return self.park(format!("given up after {} tries: {why}", self.entry.tries)).await;
        }
        let doublings = self.entry.tries - 1;
        let wait = backoff(worker.config.retry, worker.config.retry_max, doublings);
        let wait = jittered(wait).max(after.unwrap_or_default());
        let next_try = now.checked_add(wait).unwrap_or(now);
        debug!(
            entry = self.entry.id,
            why,
            wait_s = wait.as_secs(),
            "an action is tried again later"
        );
        let waits = match self.entry.progress.iter().any(|step| step.is == Progress::Sending) {
            true => State::Working,
            false => State::Waiting,
        };
        self.mark(waits, next_try, Some(why)).await?;
        Ok(Then::Until(next_try))
    }

    async fn park(&mut self, why: String) -> Result<Then, Trouble> {
        let entry = &self.entry;
        // It was told that the right is missing, and it goes on by itself.
        match entry.progress.iter().any(|step| step.is == Progress::Denied) {
            true => debug!(entry = entry.id, why, "an entry of the outbox waits for a right"),
            false => warn!(
                entry = entry.id,
                client = %mask(&entry.client),
                event = entry.case.event.as_str(),
                why,
                "an entry of the outbox is parked: see `dozvon outbox show`, then retry or drop it"
            ),
        }
        self.mark(State::Parked, self.worker.now(), Some(why)).await?;
        Ok(Then::Next)
    }

    /// Every action had its turn.
    async fn end(&mut self) -> Result<Then, Trouble> {
        let mut reasons =
            self.entry.actions.iter().zip(&self.entry.progress).filter_map(|(planned, step)| {
                match step.is {
                    Progress::Refused | Progress::Held => {
                        Some(format!("{}: {}", planned.action.word(), step.what))
                    }
                    Progress::Denied => Some(format!(
                        "{}: {}; it is done by itself once the key has the right",
                        right(&planned.action),
                        step.what
                    )),
                    _ => None,
                }
            });
        if let Some(first) = reasons.next() {
            let more = match reasons.count() {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            return self.park(first + &more).await;
        }
        self.mark(State::Done, self.worker.now(), None).await?;
        Ok(Then::Next)
    }
}
