//! The end of a campaign: legs are hung up, the last case is made, and once nothing is left, the
//! record.

use jiff::Timestamp;

use crate::core::call::Recorded;
use crate::core::case::{Event, Known};
use crate::core::facts::Direction;
use crate::core::ids::{CallId, EmployeeId, LegId};
use crate::core::phone::Caller;
use crate::core::plan::Role;
use crate::core::record::{
    AnsweredBy, Attempt, AttemptResult, CallRecord, Outcome, Party, Talk, Tried,
};
use crate::core::staff::Number;

use super::leg::Phase;
use super::order::{Ending, Kind, Try, Whom};
use super::{Around, Campaign, Output, State, Told, Why};

impl Campaign {
    /// It is over; nobody has to be told why.
    pub(super) fn over(&mut self, ending: Ending, now: Timestamp, around: &Around) {
        self.end(ending, None, now, around);
    }

    /// It is over; a manager on the line is told why.
    pub(super) fn over_and_tell(
        &mut self,
        ending: Ending,
        told: Told,
        now: Timestamp,
        around: &Around,
    ) {
        self.end(ending, Some(told), now, around);
    }

    fn end(&mut self, ending: Ending, told: Option<Told>, now: Timestamp, around: &Around) {
        if matches!(self.state, State::Over { .. }) {
            return;
        }
        self.requested(now, around);
        self.state = State::Over { ending, closed: false };
        let legs: Vec<_> =
            self.legs.iter().map(|l| (l.id.clone(), l.phase, l.is_client())).collect();
        for (leg, phase, client) in legs {
            match (phase, told) {
                (Phase::Up | Phase::Asked { .. }, Some(told)) if !client => {
                    self.result(&leg, AttemptResult::Answered);
                    self.tell(&leg, told, now);
                }
                (Phase::Up | Phase::Asked { .. }, _) => {
                    self.hang_up(&leg, Why::Done, AttemptResult::Answered, now);
                }
                (Phase::Ringing, _) => {
                    self.hang_up(&leg, Why::Cancelled, AttemptResult::CallerGone, now);
                }
                (Phase::Leaving { .. }, _) => {}
            }
        }
        self.book.ended = Some(now);
        if let Some(event) = self.last_event(ending) {
            self.occurred(event, now, around.line_number);
        }
        self.close(now);
    }

    /// What the rules learn of this end; the module's description says why.
    fn last_event(&self, ending: Ending) -> Option<Event> {
        let kind = self.order.kind;
        match (ending, kind) {
            (Ending::Talked, _) => Some(Event::Ended),
            (Ending::ClientUnreached | Ending::ClientAlone, Kind::Click) => Some(Event::Unreached),
            (Ending::ClientUnreached, _) => Some(Event::CallbackClientUnreached),
            (Ending::ClientAlone, _) | (Ending::NoManager, Kind::Form) => {
                Some(Event::CallbackFailed)
            }
            (Ending::NoManager, Kind::MissedCall | Kind::Click) => None,
            (Ending::Satisfied | Ending::Cancelled, _) => None,
        }
    }

    /// The record goes out once the last leg is down.
    pub(super) fn close(&mut self, now: Timestamp) {
        if let State::Over { ending, closed } = &mut self.state
            && !*closed
            && self.legs.is_empty()
        {
            *closed = true;
            let ending = *ending;
            let record = self.record(ending, now);
            self.outputs.push_back(Output::Closed(Box::new(record)));
        }
    }

    /// What became of the recording, said with the end of its leg.
    pub(super) fn recorded(&mut self, leg: &LegId, recorded: Recorded) {
        if self.leg(leg).is_some_and(super::Leg::is_client) {
            match (recorded, &mut self.book.recording) {
                (Recorded::Nothing, recording) => *recording = None,
                (Recorded::Milliseconds(ms), Some(sound)) => {
                    sound.seconds = Some(ms.saturating_add(500) / 1000);
                }
                _ => {}
            }
        }
    }

    /// Who called, on a button's call: the employee it was pressed for.
    pub(super) fn caller(&self) -> Option<Try> {
        let manager = |t: &&Try| matches!(t.whom, Whom::Manager { .. });
        self.tries.iter().rev().find(manager).cloned()
    }

    pub(super) fn direction(&self) -> Direction {
        if self.is_click() { Direction::Outbound } else { Direction::Callback }
    }

    pub(super) fn outcome(ending: Ending) -> Outcome {
        match ending {
            Ending::Talked => Outcome::Answered,
            Ending::NoManager => Outcome::Missed,
            Ending::ClientUnreached => Outcome::Unreached,
            Ending::ClientAlone | Ending::Satisfied | Ending::Cancelled => Outcome::Abandoned,
        }
    }

    fn owner(&self) -> Option<EmployeeId> {
        let Known::Client(client) = &self.known else { return None };
        client.open_deal().and_then(|deal| deal.owner.as_ref()).or(client.owner.as_ref()).cloned()
    }

    /// Every try, and the talk (logs and journal).
    fn record(&self, ending: Ending, now: Timestamp) -> CallRecord {
        let from = match self.caller().map(|t| t.whom) {
            Some(Whom::Manager { number: Number::Line(line), .. }) => Caller::Extension(line),
            Some(Whom::Manager { number: Number::Outside(phone), .. }) => Caller::Phone(phone),
            _ => Caller::Anonymous,
        };
        let id = CallId::new(self.id.as_str());
        let to = self.order.phone.e164().to_owned();
        let mut record = CallRecord::new(id, self.direction(), from, to, self.accepted);
        let owner = self.owner();
        let attempt = |t: &Try| {
            let (role, employee) = match &t.whom {
                Whom::Client(_) => (Role::Dialled, None),
                Whom::Manager { employee, .. } if employee.is_some() && *employee == owner => {
                    (Role::Owner, owner.clone())
                }
                Whom::Manager { employee, .. } => (Role::Employee, employee.clone()),
            };
            Attempt {
                what: Tried::Ring(role),
                employees: employee.into_iter().collect(),
                from: t.from,
                until: t.until,
                result: t.result,
            }
        };
        record.attempts = self.tries.iter().map(attempt).collect();
        if let (Some(from), Some(with)) = (self.book.talked_from, &self.book.with) {
            let leg = self.tries.iter().rev().find(
                |t| matches!(&t.whom, Whom::Manager { employee, .. } if *employee == with.employee),
            );
            record.talks.push(Talk {
                party: Party {
                    leg: leg.map_or_else(|| LegId::new(""), |t| t.leg.clone()),
                    employee: with.employee.clone(),
                    number: with.number.clone(),
                },
                by: AnsweredBy::Rung(if with.employee == owner && owner.is_some() {
                    Role::Owner
                } else {
                    Role::Employee
                }),
                from,
                until: self.book.passed_on.as_ref().map(|(_, at)| *at).or(self.book.ended),
            });
        }
        if let Some((to, from)) = &self.book.passed_on {
            record.talks.push(Talk {
                party: Party {
                    leg: LegId::new(""),
                    employee: to.employee.clone(),
                    number: to.number.clone(),
                },
                by: AnsweredBy::Transfer,
                from: *from,
                until: self.book.ended,
            });
        }
        record.line = self.order.line.clone();
        record.owner = owner;
        record.ended = self.book.ended.or(Some(now));
        record.outcome = Some(Self::outcome(ending));
        record.hangup_cause = Some("NORMAL_CLEARING".into());
        record.recording = self.book.recording.clone();
        record
    }
}
