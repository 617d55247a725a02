//! Managers' phones ring, until one has picked up and, where that is asked, has pressed the key.

use std::time::Duration;

use jiff::Timestamp;

use crate::core::call::{RING_SLACK, after};
use crate::core::case::{Event, Known};
use crate::core::ids::{EmployeeId, LegId, NodeId};
use crate::core::record::AttemptResult;

use super::leg::{self, ASK, Leg, Phase};
use super::order::{Prompt, Try, Whom};
use super::round::{Round, Sight, Slot};
use super::{Around, CONFIRM, Campaign, Dial, HOLD_RETRY, JOIN, Output, State, Why};

/// A comment on a phone's display is cut after so many characters.
const DISPLAY: usize = 100;

impl Campaign {
    /// A try begins.
    pub(super) fn ring_managers(&mut self, now: Timestamp, around: &Around) {
        let end = after(now, self.order.policy.give_up);
        self.window.get_or_insert(end);
        self.state = State::Managers { round: Round::default() };
        self.ring_on(now, around);
    }

    /// Another go for a client who waits on the line.
    pub(super) fn ring_anew(&mut self, now: Timestamp, around: &Around) {
        if let State::Holding { round, again, .. } = &mut self.state {
            (*round, *again) = (Round::default(), None);
        }
        self.ring_on(now, around);
    }

    /// The round in hand, where phones of managers ring.
    pub(super) fn round(&mut self) -> Option<&mut Round> {
        match &mut self.state {
            State::Managers { round } | State::Holding { round, .. } => Some(round),
            _ => None,
        }
    }

    /// Rings what is next, until something rings or nothing is left.
    pub(super) fn ring_on(&mut self, now: Timestamp, around: &Around) {
        let Some(mut round) = self.round().map(std::mem::take) else { return };
        let node = match &self.state {
            // Both sides of a talk are on one node.
            State::Holding { client, .. } => self.leg(client).map(|leg| leg.node.clone()),
            _ => around.node.cloned(),
        };
        let mut rings = false;
        while let Some(node) = &node {
            for lane in 0..round.lanes.len() {
                if round.lanes.get(lane).is_some_and(|lane| lane.leg.is_some()) {
                    continue;
                }
                let slot = round.take(lane, &self.sight(now, around));
                let leg = slot.map(|slot| self.dial_manager(slot, node, now));
                if let Some(lane) = round.lanes.get_mut(lane) {
                    lane.leg = leg;
                }
            }
            rings = round.lanes.iter().any(|lane| lane.leg.is_some());
            if rings || !round.fill(&self.sight(now, around)) {
                break;
            }
        }
        if let Some(place) = self.round() {
            *place = round;
        }
        if !rings {
            self.nobody(now, around);
        }
    }

    fn sight<'a>(&'a self, now: Timestamp, around: &'a Around<'a>) -> Sight<'a> {
        let (order, known) = (&self.order, &self.known);
        Sight { order, known, avoid: &self.avoid, legs: &self.legs, around, now }
    }

    /// All were busy or silent (A18).
    fn nobody(&mut self, now: Timestamp, around: &Around) {
        if let Some(round) = self.round() {
            self.avoid = std::mem::take(&mut round.rejected);
        }
        match &mut self.state {
            State::Holding { again, .. } => *again = Some(after(now, HOLD_RETRY)),
            _ => self.again(self.order.policy.retry, now, around),
        }
    }

    fn dial_manager(&mut self, slot: Slot, node: &NodeId, now: Timestamp) -> LegId {
        self.book.rung(slot.employee.as_ref());
        let whom = Whom::Manager { employee: slot.employee, number: slot.number };
        self.dial(whom, node.clone(), self.order.policy.ring, now)
    }

    pub(super) fn dial(
        &mut self,
        whom: Whom,
        node: NodeId,
        ring: Duration,
        now: Timestamp,
    ) -> LegId {
        let number = u32::try_from(self.tries.len()).unwrap_or(u32::MAX);
        let id = leg::name(&self.id, number);
        let overdue = after(now, ring + RING_SLACK + ASK);
        self.legs.push(Leg {
            id: id.clone(),
            node: node.clone(),
            whom: whom.clone(),
            phase: Phase::Ringing,
            from: now,
            overdue,
            heard: false,
            look: Some(overdue),
            lost: None,
        });
        self.tries.push(Try {
            leg: id.clone(),
            whom: whom.clone(),
            from: now,
            answered: None,
            until: None,
            result: None,
        });
        self.outputs.push_back(Output::Dial(Box::new(Dial {
            leg: id.clone(),
            node,
            whom,
            ring,
            client: self.order.phone.clone(),
            display: self.display(),
            line: self.order.line.clone(),
        })));
        id
    }

    /// The client's name as the CRM has it, else as the form has it, and the form's comment (A19).
    fn display(&self) -> Option<String> {
        let known = match &self.known {
            Known::Client(client) => Some(client.display_name()),
            Known::Unsure | Known::Nobody => None,
        };
        let known = known.filter(|name| !name.is_empty());
        let name = known.or_else(|| self.order.name.clone());
        let words = [name.as_deref(), self.order.comment.as_deref()];
        let words: Vec<&str> = words.into_iter().flatten().filter(|w| !w.is_empty()).collect();
        let text = words.join(" · ").split_whitespace().collect::<Vec<_>>().join(" ");
        Some(text.chars().take(DISPLAY).collect()).filter(|text: &String| !text.is_empty())
    }

    /// A manager has picked up.
    pub(super) fn manager_answered(&mut self, leg: &LegId, now: Timestamp, around: &Around) {
        if self.round().is_none_or(|round| round.lane_of(leg).is_none()) {
            return;
        }
        let Some(key) = self.order.policy.key else { return self.won(leg, now, around) };
        let prompt = self.order.policy.prompt.clone();
        self.phase(leg, Phase::Asked { due: after(now, CONFIRM) });
        self.outputs.push_back(Output::Prompt { leg: leg.clone(), prompt, key: Some(key) });
    }

    /// He has heard the prompt, or pressed the key.
    pub(super) fn confirmed(&mut self, id: &LegId, now: Timestamp, around: &Around) {
        match &self.state {
            State::Prompting { manager, .. } if manager == id => {
                self.dial_client(id, now, around);
            }
            _ if self.leg(id).is_some_and(|leg| matches!(leg.phase, Phase::Asked { .. })) => {
                self.won(id, now, around);
            }
            _ => {}
        }
    }

    /// The first one wins; whatever else rings is hung up, kindly.
    fn won(&mut self, winner: &LegId, now: Timestamp, around: &Around) {
        self.phase(winner, Phase::Up);
        self.result(winner, AttemptResult::Answered);
        let others = |leg: &&Leg| leg.id != *winner && !leg.is_client() && !leg.is_leaving();
        let others: Vec<LegId> = self.legs.iter().filter(others).map(|l| l.id.clone()).collect();
        for other in others {
            self.hang_up(&other, Why::Taken, AttemptResult::CallerGone, now);
        }
        if let State::Holding { client, .. } = &self.state {
            let client = client.clone();
            return self.bring_together(winner.clone(), client, now);
        }
        self.avoid.clear();
        let prompt = self.order.policy.prompt.clone();
        if self.order.policy.key.is_some() || prompt == Prompt::None {
            return self.dial_client(winner, now, around);
        }
        self.state = State::Prompting { manager: winner.clone(), due: after(now, CONFIRM) };
        self.outputs.push_back(Output::Prompt { leg: winner.clone(), prompt, key: None });
    }

    pub(super) fn bring_together(&mut self, manager: LegId, client: LegId, now: Timestamp) {
        self.book.with = self.speaker(&manager);
        let bridge = Output::Bridge { manager: manager.clone(), client: client.clone() };
        self.outputs.push_back(bridge);
        self.state = State::Joining { manager, client, due: after(now, JOIN), joins: 1 };
    }

    /// A manager's phone is down again, or was given up, before he was the one.
    pub(super) fn manager_missed(
        &mut self,
        leg: &LegId,
        employee: Option<&EmployeeId>,
        result: AttemptResult,
        now: Timestamp,
        around: &Around,
    ) {
        let Some(round) = self.round() else { return };
        let Some(lane) = round.lane_of(leg) else { return };
        lane.leg = None;
        if let Some(employee) = employee
            && matches!(result, AttemptResult::Busy | AttemptResult::Rejected)
        {
            round.leave_alone(employee);
            if result == AttemptResult::Rejected {
                round.rejected.push(employee.clone());
            }
        }
        self.ring_on(now, around);
    }

    /// A phone of ours rings: told of once. The rules learn of a button's when the client's rings.
    pub(super) fn rings(&mut self, id: &LegId, now: Timestamp, around: &Around) {
        let Some(leg) = self.legs.iter_mut().find(|leg| leg.id == *id) else { return };
        leg.is_heard();
        let counts = leg.is_client() == (self.order.kind == super::Kind::Click);
        if counts && !leg.is_leaving() && !std::mem::replace(&mut self.book.rang, true) {
            self.occurred(Event::Ringing, now, around.line_number);
        }
    }
}
