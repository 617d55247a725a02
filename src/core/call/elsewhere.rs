//! The caller is not where a step left him: looked for, led by a dialplan, passed on.

use jiff::Timestamp;

use super::{APART, Call, OVERDUE, Probe, State, WATCH, after};
use crate::core::plan::HangupCause;
use crate::core::record::{AttemptResult, Transfer};

impl Call {
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
        self.named = false;
        self.plan.clear();
        self.state = State::Deciding;
    }
}
