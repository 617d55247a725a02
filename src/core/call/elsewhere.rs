//! The caller is not where a step left him: looked for, led by a dialplan, passed on, gone.

use std::time::Duration;

use jiff::Timestamp;

use super::{APART, AT_ONCE, App, Call, OVERDUE, Output, Probe, State, WATCH, after};
use crate::core::ids::OpId;
use crate::core::plan::HangupCause;
use crate::core::record::{AttemptResult, Transfer, Tried};

/// How long the answer to the last look may take.
const LAST_LOOK: Duration = Duration::from_secs(2);

impl Call {
    pub(super) fn look_around(&mut self, now: Timestamp) {
        self.outputs.push_back(Output::Probe);
        self.state = State::Apart { due: after(now, AT_ONCE) };
    }

    pub(super) fn waits_without_limit(&self) -> bool {
        self.unlimited && self.tries(|t| matches!(t, Tried::Queue(_)))
    }

    /// Alone is how one waits in a queue, so that looking tells nothing. But FreeSWITCH runs what
    /// is sent behind a step only when the step's application is over.
    pub(super) fn mark(&mut self, step: OpId, now: Timestamp) {
        self.outputs.push_back(Output::Run(mark_of(&step), App::Mark));
        self.state = State::Stepping { op: step, due: Some(after(now, WATCH)) };
    }

    /// The running step is over and did not say so: its completion was lost.
    pub(super) fn is_mark(&self, op: &OpId) -> bool {
        matches!(&self.state, State::Stepping { op: step, .. } if mark_of(step) == *op)
    }

    /// The last events did not come: FreeSWITCH is asked for what they would have said.
    pub(super) fn look_back(&mut self, cause: String, now: Timestamp) {
        self.leaving(cause, now);
        self.looked = true;
        self.outputs.push_back(Output::LastLook);
        self.state = State::Leaving { due: after(now, LAST_LOOK) };
    }

    pub(super) fn probed(&mut self, probe: Probe, now: Timestamp) {
        if !matches!(self.state, State::Apart { .. }) {
            return;
        }
        match probe {
            Probe::Gone => self.leaving("UNKNOWN".into(), now),
            // The bond to the last speaker may stay behind when he hangs up (transcript 02b).
            Probe::With(party) if self.record.last_speaker().is_none_or(|p| p.leg != party.leg) => {
                self.bridged(party, now);
            }
            // A dialplan leads him, through a queue perhaps: silence is not ours to end.
            Probe::Alone | Probe::With(_) if self.released => self.watch(now),
            Probe::Alone | Probe::With(_) => self.alone(now),
            Probe::Unknown => self.state = State::Apart { due: after(now, OVERDUE) },
        }
    }

    /// The caller must not sit in silence (esl.md, pitfall 23): who has talked is hung up, who has
    /// not goes on.
    pub(super) fn alone(&mut self, now: Timestamp) {
        let talked = Some(AttemptResult::Answered);
        if self.record.attempts.last().is_some_and(|a| a.result == talked) {
            self.hang_up(HangupCause::NORMAL, now);
        } else {
            self.end_attempt(AttemptResult::Failed, now);
            self.next_step(now);
        }
    }

    /// Nothing is run on a leg that FreeSWITCH leads by itself.
    pub(super) fn watch(&mut self, now: Timestamp) {
        self.state = State::Apart { due: after(now, WATCH) };
    }

    /// No step of ours can run any more.
    pub(super) fn released(&mut self, now: Timestamp) {
        self.released = true;
        if let State::Stepping { .. } | State::Cut { .. } = self.state {
            self.state = State::Apart { due: after(now, APART) };
        }
    }

    /// Nothing becomes of a transfer whose caller is gone.
    pub(super) fn transferred(&mut self, to: String, now: Timestamp) {
        if self.is_leaving() {
            return;
        }
        self.end_talk(now);
        self.end_attempt(AttemptResult::Failed, now);
        self.record.transfers.push(Transfer { at: now, to });
        self.released = false;
        self.down = None;
        self.named = false;
        self.plan.clear();
        self.state = State::Deciding;
    }
}

fn mark_of(step: &OpId) -> OpId {
    OpId::new(format!("{}.over", step.as_str()))
}
