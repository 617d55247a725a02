//! A manager is on the line: the client is dialled, the two are brought together, and they part.

use std::time::Duration;

use jiff::Timestamp;

use crate::core::call::after;
use crate::core::case::{Event, Sound, Speaker};
use crate::core::ids::LegId;
use crate::core::record::AttemptResult;
use crate::core::staff::Number;

use super::leg::{ASK, Phase};
use super::order::{Ending, Whom};
use super::round::Round;
use super::{
    APART, Around, Campaign, HOLD, JOIN, MOST_CUT_SHORT, MOST_JOINS, Output, State, Told, WATCH,
    Why,
};

impl Campaign {
    /// Never while another leg to him may be up.
    pub(super) fn dial_client(&mut self, manager: &LegId, now: Timestamp, around: &Around) {
        let Some(node) = self.leg(manager).map(|leg| leg.node.clone()) else {
            return self.again(self.order.policy.retry, now, around);
        };
        if self.legs.iter().any(super::Leg::is_client) {
            self.tell(manager, Told::ClientLater, now);
            self.state = State::Clearing { at_once: false };
            return;
        }
        self.book.with = self.speaker(manager);
        self.client_dials += 1;
        let whom = Whom::Client(self.order.phone.clone());
        let client = self.dial(whom, node, self.order.policy.client_ring, now);
        self.state = State::Client { manager: manager.clone(), client };
    }

    /// The client has picked up.
    pub(super) fn client_answered(&mut self, id: &LegId, now: Timestamp) {
        let leaving = self.leg(id).is_none_or(super::Leg::is_leaving);
        match &mut self.state {
            State::Client { manager, client } if client == id && !leaving => {
                let manager = manager.clone();
                self.result(id, AttemptResult::Answered);
                self.phase(id, Phase::Up);
                self.bring_together(manager, id.clone(), now);
            }
            // He was hung up a moment ago, because his manager had left: he is called back.
            State::Clearing { at_once } => *at_once = true,
            _ => {}
        }
    }

    /// They are together.
    pub(super) fn bridged(&mut self, leg: &LegId, now: Timestamp, around: &Around) {
        match &self.state {
            State::Joining { manager, client, .. } if leg == manager || leg == client => {
                let (manager, client) = (manager.clone(), client.clone());
                self.state = State::Talking {
                    manager: Some(manager),
                    client: client.clone(),
                    due: after(now, WATCH),
                };
                self.book.talked_from = Some(now);
                if let Some(recording) = around.recording {
                    // Known before the file is complete (A12).
                    self.book.recording = Some(Sound { url: recording.url.clone(), seconds: None });
                    let file = recording.file.clone();
                    self.outputs.push_back(Output::Record { leg: client, file });
                }
                self.book.rang = true;
                self.occurred(Event::Answered, now, around.line_number);
            }
            _ => {}
        }
    }

    /// He talks with a colleague now. It stays one talk of ours: who spoke last is told at its end.
    pub(super) fn passed_on(&mut self, leg: &LegId, to: Speaker, now: Timestamp) {
        let same = |old: &(Speaker, Timestamp)| old.0 == to;
        if matches!(&self.state, State::Talking { client, .. } if client == leg)
            && !self.book.passed_on.as_ref().is_some_and(same)
        {
            self.book.passed_on = Some((to, now));
        }
    }

    /// A leg was found, and whom it is with.
    pub(super) fn found_with(
        &mut self,
        id: &LegId,
        with: Option<&LegId>,
        now: Timestamp,
        around: &Around,
    ) {
        match &self.state {
            State::Joining { client, .. } if client == id && with.is_some() => {
                self.bridged(id, now, around);
            }
            State::Joining { client, joins, .. } if client == id && *joins >= MOST_JOINS => {
                self.over(Ending::ClientAlone, now, around);
            }
            State::Joining { client, manager, joins, .. } if client == id => {
                let (client, manager, joins) = (client.clone(), manager.clone(), joins + 1);
                let bridge = Output::Bridge { manager: manager.clone(), client: client.clone() };
                self.outputs.push_back(bridge);
                self.state = State::Joining { manager, client, due: after(now, JOIN), joins };
            }
            _ => {}
        }
    }

    /// A manager who had won is down.
    pub(super) fn manager_left(&mut self, id: &LegId, now: Timestamp, around: &Around) {
        let who = self.book.with.as_ref().and_then(|with| with.employee.clone());
        match &self.state {
            State::Prompting { manager, .. } if manager == id => {
                self.avoid = self.employee_of(id).into_iter().collect();
                self.again(self.order.policy.retry, now, around);
            }
            State::Client { manager, client } if manager == id => {
                let client = client.clone();
                self.avoid.extend(who);
                self.cut_short();
                self.hang_up(&client, Why::Cancelled, AttemptResult::CallerGone, now);
                self.state = State::Clearing { at_once: false };
            }
            // The client has picked up: the next free one at once, and no silence meanwhile.
            State::Joining { manager, client, .. } if manager == id => {
                let client = client.clone();
                self.avoid.extend(who);
                self.outputs.push_back(Output::Hold { leg: client.clone() });
                let until = after(now, HOLD);
                let round = Round::default();
                self.state = State::Holding { client, until, again: None, round };
                self.ring_on(now, around);
            }
            State::Talking { manager: Some(manager), client, .. } if manager == id => {
                let (client, due) = (client.clone(), after(now, APART));
                self.state = State::Talking { manager: None, client, due };
            }
            _ => {}
        }
    }

    /// His ringing was no try of his, unless that happened too often.
    fn cut_short(&mut self) {
        self.cut_short += 1;
        if self.cut_short <= MOST_CUT_SHORT {
            self.client_dials = self.client_dials.saturating_sub(1);
        }
    }

    /// The client's leg is down. `reached`: FreeSWITCH has told of it at all.
    pub(super) fn client_down(
        &mut self,
        id: &LegId,
        reached: bool,
        now: Timestamp,
        around: &Around,
    ) {
        match &self.state {
            State::Client { manager, client } | State::Joining { manager, client, .. }
                if client == id =>
            {
                let manager = manager.clone();
                if !reached {
                    // The command to dial him was lost: he is dialled now.
                    self.cut_short();
                    if self.cut_short <= MOST_CUT_SHORT && self.leg(&manager).is_some() {
                        return self.dial_client(&manager, now, around);
                    }
                }
                let last = self.client_dials >= self.order.policy.client_tries || self.is_click();
                if last {
                    let told = Told::ClientUnreached;
                    return self.over_and_tell(Ending::ClientUnreached, told, now, around);
                }
                self.tell(&manager, Told::ClientLater, now);
                // The managers have their whole time again.
                self.window = None;
                self.again(self.order.policy.client_pause, now, around);
            }
            State::Talking { client, .. } if client == id => {
                self.over(Ending::Talked, now, around);
            }
            State::Holding { client, .. } if client == id => {
                self.over_and_tell(Ending::ClientAlone, Told::ClientGone, now, around);
            }
            State::Clearing { at_once } => {
                let pause = if *at_once { Duration::ZERO } else { self.order.policy.retry };
                if self.client_dials >= self.order.policy.client_tries {
                    return self.over(Ending::ClientUnreached, now, around);
                }
                self.again(pause, now, around);
            }
            _ => {}
        }
    }

    /// Nothing will ever be known of the client's leg: he is not dialled again.
    pub(super) fn client_lost(&mut self, now: Timestamp, around: &Around) {
        let ending = match &self.state {
            State::Over { .. } => return,
            State::Talking { .. } => Ending::Talked,
            State::Joining { .. } | State::Holding { .. } => Ending::ClientAlone,
            _ => Ending::ClientUnreached,
        };
        self.over_and_tell(ending, Told::ClientUnreached, now, around);
    }

    pub(super) fn speaker(&self, leg: &LegId) -> Option<Speaker> {
        match &self.leg(leg)?.whom {
            Whom::Manager { employee, number } => {
                let number = match number {
                    Number::Line(line) => line.as_str().to_owned(),
                    Number::Outside(phone) => phone.e164().to_owned(),
                };
                Some(Speaker { employee: employee.clone(), number })
            }
            Whom::Client(_) => None,
        }
    }

    /// Whom is the client with?
    pub(super) fn look_for_bridge(&mut self, now: Timestamp) {
        let pause = if matches!(self.state, State::Talking { .. }) { WATCH } else { ASK };
        if let State::Joining { client, due, .. } | State::Talking { client, due, .. } =
            &mut self.state
        {
            *due = after(now, pause);
            let client = client.clone();
            self.find(&client, now);
        }
    }
}
