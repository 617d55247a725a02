//! What becomes of legs: told by FreeSWITCH, or found out by asking.

use jiff::Timestamp;

use crate::core::call::after;
use crate::core::ids::{EmployeeId, LegId};
use crate::core::record::AttemptResult;

use super::leg::{ASK, Leg, Phase, SETTLE};
use super::order::{Ending, Prompt, Whom};
use super::round::Slot;
use super::{Around, CONFIRM, Campaign, Output, State, Told, Why};

/// What is said to a manager takes no longer; then he is hung up once more.
const TELL: std::time::Duration = std::time::Duration::from_secs(15);
/// A phone that was never dialled is dialled again so often.
const MOST_LOST: usize = 2;
/// Who pressed a button so long ago does not wait for it any more.
const STALE: std::time::Duration = std::time::Duration::from_secs(60);
/// The cause of a leg that was found to be gone.
const UNKNOWN: &str = "UNKNOWN";

impl Campaign {
    pub(super) fn leg(&self, id: &LegId) -> Option<&Leg> {
        self.legs.iter().find(|leg| leg.id == *id)
    }

    pub(super) fn phase(&mut self, id: &LegId, phase: Phase) {
        if let Some(leg) = self.legs.iter_mut().find(|leg| leg.id == *id) {
            leg.phase = phase;
            leg.is_heard();
        }
    }

    /// What came of it; what was known first stays.
    pub(super) fn result(&mut self, id: &LegId, result: AttemptResult) {
        if let Some(t) = self.tries.iter_mut().rev().find(|t| t.leg == *id) {
            t.result.get_or_insert(result);
        }
    }

    pub(super) fn employee_of(&self, id: &LegId) -> Option<EmployeeId> {
        match &self.tries.iter().rev().find(|t| t.leg == *id)?.whom {
            Whom::Manager { employee, .. } => employee.clone(),
            Whom::Client(_) => None,
        }
    }

    /// Picked up. A leg that is being hung up stays so.
    pub(super) fn answered(&mut self, id: &LegId, now: Timestamp, around: &Around) {
        let Some(leg) = self.legs.iter_mut().find(|leg| leg.id == *id) else { return };
        leg.is_heard();
        let client = leg.is_client();
        let ringing = leg.phase == Phase::Ringing;
        let attempt = self.tries.iter_mut().rev().find(|t| t.leg == *id);
        if let Some(attempt) = attempt {
            attempt.answered.get_or_insert(now);
        }
        if client {
            self.client_answered(id, now);
        } else if ringing {
            self.manager_answered(id, now, around);
        }
    }

    /// It is down, and nothing comes of it any more.
    pub(super) fn down(&mut self, id: &LegId, cause: &str, now: Timestamp, around: &Around) {
        let Some(place) = self.legs.iter().position(|leg| leg.id == *id) else { return };
        let leg = self.legs.remove(place);
        let result = match leg.phase {
            // A mailbox has picked up, or somebody who wanted to know who it is.
            Phase::Asked { .. } => AttemptResult::NoAnswer,
            _ => match AttemptResult::from_disposition(cause) {
                AttemptResult::Answered => AttemptResult::Failed,
                other => other,
            },
        };
        self.result(id, result);
        if let Some(attempt) = self.tries.iter_mut().rev().find(|t| t.leg == *id) {
            attempt.until.get_or_insert(now);
        }
        match &leg.whom {
            Whom::Client(_) => {
                let reached = leg.heard || cause != UNKNOWN;
                self.client_down(id, reached, now, around);
            }
            Whom::Manager { employee, .. } => {
                if !leg.heard && cause == UNKNOWN && now < leg.overdue {
                    self.was_never_dialled(&leg);
                }
                self.manager_missed(id, employee.as_ref(), result, now, around);
                self.manager_left(id, now, around);
            }
        }
        if leg.is_client() {
            self.recording_complete(now, around);
        }
        self.close(now);
    }

    /// The command to dial him was lost, the engine was killed before it: his phone is the next.
    fn was_never_dialled(&mut self, leg: &Leg) {
        let Whom::Manager { employee, number } = &leg.whom else { return };
        if self.tries.iter().filter(|t| t.whom == leg.whom).count() > MOST_LOST {
            return;
        }
        let slot = Slot { employee: employee.clone(), number: number.clone() };
        if let Some(lane) = self.round().and_then(|round| round.lane_of(&leg.id)) {
            lane.slots.push_front(slot);
        }
    }

    /// Hangs up a leg that is not being hung up already.
    pub(super) fn hang_up(&mut self, id: &LegId, why: Why, result: AttemptResult, now: Timestamp) {
        self.result(id, result);
        let Some(leg) = self.legs.iter_mut().find(|leg| leg.id == *id) else { return };
        if !leg.is_leaving() {
            leg.phase = Phase::Leaving { since: now, due: after(now, ASK) };
            leg.look = None;
            self.outputs.push_back(Output::Hangup { leg: id.clone(), why });
        }
    }

    /// Tells a manager why he is let go, and lets him go.
    pub(super) fn tell(&mut self, id: &LegId, told: Told, now: Timestamp) {
        let Some(leg) = self.legs.iter_mut().find(|leg| leg.id == *id) else { return };
        if !leg.is_leaving() {
            leg.phase = Phase::Leaving { since: now, due: after(now, TELL) };
            leg.look = None;
            self.outputs.push_back(Output::Tell { leg: id.clone(), told });
        }
    }

    /// A leg's timer.
    pub(super) fn look_after(&mut self, id: &LegId, now: Timestamp, around: &Around) {
        let Some(leg) = self.legs.iter_mut().find(|leg| leg.id == *id) else { return };
        if leg.timeout().is_none_or(|due| now < due) {
            return;
        }
        match leg.phase {
            Phase::Asked { due } if due <= now => {
                let employee = self.employee_of(id);
                self.hang_up(id, Why::NoAnswer, AttemptResult::NoAnswer, now);
                let result = AttemptResult::NoAnswer;
                self.manager_missed(id, employee.as_ref(), result, now, around);
            }
            Phase::Leaving { since, .. } => {
                leg.phase = Phase::Leaving { since, due: after(now, ASK) };
                self.outputs.push_back(Output::Hangup { leg: id.clone(), why: Why::Done });
                self.find(id, now);
                self.write_off(id, now, around);
            }
            Phase::Asked { .. } | Phase::Ringing | Phase::Up => {
                self.find(id, now);
                self.write_off(id, now, around);
            }
        }
    }

    /// Looks for a leg. It is asked for again until there is an answer.
    pub(super) fn find(&mut self, id: &LegId, now: Timestamp) {
        let Some(leg) = self.legs.iter_mut().find(|leg| leg.id == *id) else { return };
        leg.lost.get_or_insert(now);
        leg.look = Some(after(now, ASK));
        self.outputs.push_back(Output::Find { leg: id.clone(), node: leg.node.clone() });
    }

    /// It exists.
    pub(super) fn found(
        &mut self,
        id: &LegId,
        answered: bool,
        with: Option<&LegId>,
        now: Timestamp,
        around: &Around,
    ) {
        let Some(leg) = self.legs.iter_mut().find(|leg| leg.id == *id) else { return };
        leg.is_heard();
        match leg.phase {
            Phase::Ringing if answered => self.answered(id, now, around),
            Phase::Ringing if leg.overdue <= now => self.rang_out(id, now, around),
            Phase::Up => self.found_with(id, with, now, around),
            Phase::Ringing | Phase::Asked { .. } | Phase::Leaving { .. } => {}
        }
    }

    /// FreeSWITCH should have stopped it. The client's result waits until he is down.
    fn rang_out(&mut self, id: &LegId, now: Timestamp, around: &Around) {
        let employee = self.employee_of(id);
        self.hang_up(id, Why::NoAnswer, AttemptResult::NoAnswer, now);
        self.manager_missed(id, employee.as_ref(), AttemptResult::NoAnswer, now, around);
    }

    /// Its node knows nothing of it. The command to dial it may still be on its way.
    pub(super) fn gone(&mut self, id: &LegId, now: Timestamp, around: &Around) {
        let Some(leg) = self.legs.iter_mut().find(|leg| leg.id == *id) else { return };
        let settled = after(leg.from, SETTLE);
        if !leg.heard && now < settled {
            leg.look = Some(settled);
            return;
        }
        self.down(id, UNKNOWN, now, around);
    }

    /// Its node cannot be asked: it may well ring. The others do not wait for a manager whose
    /// phone should have stopped by now.
    pub(super) fn unknown(&mut self, id: &LegId, now: Timestamp, around: &Around) {
        let Some(leg) = self.legs.iter_mut().find(|leg| leg.id == *id) else { return };
        leg.lost.get_or_insert(now);
        leg.look = Some(after(now, ASK));
        if !leg.is_client() && leg.phase == Phase::Ringing && leg.overdue <= now {
            self.rang_out(id, now, around);
        }
        self.write_off(id, now, around);
    }

    fn write_off(&mut self, id: &LegId, now: Timestamp, around: &Around) {
        let Some(leg) = self.leg(id).filter(|leg| leg.is_written_off(now)) else { return };
        if leg.is_client() {
            // Before the leg is forgotten: nobody may dial him any more.
            self.client_lost(now, around);
        }
        self.down(id, UNKNOWN, now, around);
    }

    /// After a restart: what was ordered last may not have been carried out, and what happened
    /// since was not heard.
    pub(super) fn recovered(&mut self, now: Timestamp, around: &Around) {
        let before = matches!(self.state, State::Identifying { .. } | State::Managers { .. });
        if self.is_click() && before && now > after(self.accepted, STALE) {
            self.over(Ending::NoManager, now, around);
        }
        let legs: Vec<(LegId, Phase)> =
            self.legs.iter().map(|leg| (leg.id.clone(), leg.phase)).collect();
        let prompt = self.order.policy.prompt.clone();
        for (leg, phase) in legs {
            if let Phase::Asked { .. } = phase {
                self.phase(&leg, Phase::Asked { due: after(now, CONFIRM) });
                let key = self.order.policy.key;
                let prompt = prompt.clone();
                self.outputs.push_back(Output::Prompt { leg: leg.clone(), prompt, key });
            }
            if let Phase::Leaving { .. } = phase {
                self.outputs.push_back(Output::Hangup { leg: leg.clone(), why: Why::Done });
            }
            self.find(&leg, now);
        }
        match &mut self.state {
            State::Identifying { .. } => self.identify(now),
            State::Prompting { manager, due } if prompt != Prompt::None => {
                *due = after(now, CONFIRM);
                let leg = manager.clone();
                self.outputs.push_back(Output::Prompt { leg, prompt, key: None });
            }
            State::Holding { client, .. } => {
                let leg = client.clone();
                self.outputs.push_back(Output::Hold { leg });
            }
            _ => {}
        }
    }
}
