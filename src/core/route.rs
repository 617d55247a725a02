//! The decision: facts and rules in, a plan with its trace out.
//!
//! Order of checks, whatever the rules say: blocked → hours → owner → queue → voicemail
//! (MikoPBX#453: an owner rung before the hours were looked at).

use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::facts::{Direction, Facts};
use super::ids::{EmployeeId, Extension};
use super::phone::{Caller, Phone, mask};
use super::plan::{HangupCause, Step};
use super::staff::{Employee, Number};
use super::trace::{Decision, Entry, Place, Verdict};
use crate::rules::Routing;
use crate::rules::model::Line;

mod checks;
mod people;
mod steps;
#[cfg(test)]
mod tests;

/// Longer digit strings are outside numbers, or none at all.
const LONGEST_UNKNOWN_EXTENSION: usize = 6;

/// Decides the way of a call. Equal rules and facts give an equal decision. The plan is never
/// empty and always ends in a hang-up: `NO_ANSWER` (SIP 480) where people were rung or queued in
/// vain, `NORMAL_CLEARING` after a message was taken or played, `USER_NOT_REGISTERED` where the
/// dialled extension has no phone, `UNALLOCATED_NUMBER` for a number that is none.
pub fn decide(rules: &Routing, facts: &Facts) -> Decision {
    let mut way = Way::new(rules, facts);
    way.go();
    way.finish()
}

/// What the dialled digits are.
enum Dialled<'r> {
    Line(&'r Arc<Line>),
    Extension(Extension),
    Outside(Phone),
    Unreadable,
}

/// A decision in the making.
struct Way<'r, 'f> {
    rules: &'r Routing,
    facts: &'f Facts<'f>,
    zone: &'r TimeZone,
    /// The employee who calls (E02).
    caller: Option<Arc<Employee>>,
    /// The extension dialled, whose mailbox an internal voicemail step means.
    dialled: Option<Extension>,
    /// Who was rung by himself: nobody is rung so twice.
    rung: Vec<EmployeeId>,
    /// The owner, or his deputy, is rung.
    owner_rung: bool,
    /// A hang-up stands in the plan: nothing comes after it.
    over: bool,
    out: Decision,
}

impl<'r, 'f> Way<'r, 'f> {
    fn new(rules: &'r Routing, facts: &'f Facts<'f>) -> Self {
        let client = facts.lookup.client();
        let deal_owner = client.and_then(|c| c.open_deal()?.owner.clone());
        let owner = deal_owner.or_else(|| client?.owner.clone());
        let caller = match facts.from {
            Caller::Phone(phone) => facts.staff.by_phone(phone).cloned(),
            Caller::Extension(extension) => facts.staff.by_extension(extension).cloned(),
            Caller::Anonymous | Caller::Unreadable(_) => None,
        };
        Self {
            rules,
            facts,
            zone: &rules.timezone,
            caller,
            dialled: None,
            rung: Vec::new(),
            owner_rung: false,
            over: false,
            out: Decision {
                line: None,
                internal: false,
                owner,
                plan: Vec::new(),
                caller_name: None,
                caller_id: rules.outbound.caller_id.clone(),
                fallback: None,
                trace: Vec::new(),
            },
        }
    }

    fn go(&mut self) {
        // The client of a callback comes here when he is passed on, as any other client. What is
        // told of him is told by his callback.
        let callback = self.facts.direction == Direction::Callback;
        let outward = !callback && self.facts.direction != Direction::Inbound;
        let (from_inside, short) = match self.facts.from {
            // Services call from short numbers too: 900 is no colleague unless a phone of ours is.
            Caller::Extension(e) => (self.facts.presence.registered(e) == Some(true), true),
            _ => (false, false),
        };
        let from_inside = from_inside || self.caller.is_some();
        match self.dialled(outward || from_inside) {
            Dialled::Extension(to) if outward || from_inside || short => self.inside(&to),
            Dialled::Extension(to) => self.passed_on(Number::Line(to)),
            Dialled::Line(line) => self.inbound(line, outward || from_inside),
            Dialled::Outside(phone) if outward => self.outbound(&phone),
            Dialled::Unreadable if outward => self.unreadable(),
            Dialled::Outside(phone) if self.facts.passed_on || callback => {
                self.passed_on(Number::Outside(phone));
            }
            Dialled::Outside(_) | Dialled::Unreadable => {
                self.inbound(&self.rules.default_line, from_inside);
            }
        }
        self.out.internal |= callback;
    }

    /// `inside`: somebody of the company dialled, so that short numbers are extensions.
    fn dialled(&self, inside: bool) -> Dialled<'r> {
        let to = self.facts.to.trim();
        if let Some(line) = self.rules.line(to) {
            return Dialled::Line(line);
        }
        if let Ok(extension) = Extension::parse(to) {
            // A caller from outside comes to an extension only when somebody passes him on.
            let listed = self.facts.staff.by_extension(&extension).is_some();
            let short = to.len() <= LONGEST_UNKNOWN_EXTENSION;
            let registered = || self.facts.presence.registered(&extension) == Some(true);
            if listed || (short && (inside || registered())) {
                return Dialled::Extension(extension);
            }
        }
        match Phone::parse(to, self.rules.region) {
            Ok(phone) => Dialled::Outside(phone),
            Err(_) => Dialled::Unreadable,
        }
    }

    /// From extension to extension, or to a colleague's own mobile (E02).
    fn inside(&mut self, to: &Extension) {
        self.between_employees("the call is between extensions");
        self.ring_dialled(Number::Line(to.clone()));
        self.dialled = Some(to.clone());
        self.run(&self.rules.internal.then);
    }

    /// A call from outside that an employee passed on to an extension or to an outside number:
    /// that one first, then the way of the default line.
    fn passed_on(&mut self, to: Number) {
        let why = match &to {
            Number::Line(to) => format!("extension {to} was dialled: the call was passed on to it"),
            Number::Outside(to) => format!("the call was passed on to {to}"),
        };
        self.note("transfer", why, None);
        let line = &self.rules.default_line;
        self.enter(line);
        if self.blocked() {
            return;
        }
        self.client();
        self.ring_dialled(to);
        self.by_hours(line);
    }

    fn inbound(&mut self, line: &'r Arc<Line>, from_inside: bool) {
        self.enter(line);
        if from_inside {
            self.between_employees("the caller's number is an employee's own");
        } else if self.blocked() {
            return;
        }
        self.client();
        self.by_hours(line);
    }

    fn enter(&mut self, line: &'r Arc<Line>) {
        self.out.line = Some(line.name.clone());
        if let Some(calendar) = &line.calendar {
            self.zone = &calendar.zone;
        }
        if line.caller_id.is_some() {
            self.out.caller_id.clone_from(&line.caller_id);
        }
        let to = mask(self.facts.to.trim());
        let why = match self.rules.line(self.facts.to.trim()) {
            Some(_) => format!("{to} belongs to line {}", line.name),
            None => format!("no line names {to}: line {} takes all others", line.name),
        };
        self.note("line", why, Some(&line.place));
    }

    fn outbound(&mut self, to: &Phone) {
        if let Some(colleague) = self.facts.staff.by_phone(to) {
            let why = format!("{to} is {}'s own number", colleague.name);
            self.between_employees(&why);
            self.ring_dialled(Number::Outside(to.clone()));
            return self.run(&self.rules.internal.then);
        }
        self.client();
        self.out.caller_name = None;
        self.ring_outside(to);
    }

    fn unreadable(&mut self) {
        let to = mask(self.facts.to.trim());
        let why = format!("`{}` is no number that could be dialled", to.escape_debug());
        self.push("dialled", Verdict::Refused, why, None);
        let why = "there is nobody to ring";
        self.hang_up(HangupCause::UNALLOCATED, why, None);
    }

    /// Today, where the line is: days of leave are counted by it.
    fn today(&self) -> Date {
        self.zone.to_datetime(self.facts.at).date()
    }

    fn note(&mut self, what: &str, why: String, rule: Option<&Place>) {
        self.push(what, Verdict::Noted, why, rule);
    }

    fn push(&mut self, what: &str, verdict: Verdict, why: String, rule: Option<&Place>) {
        self.out.trace.push(Entry { what: what.to_owned(), verdict, why, rule: rule.cloned() });
    }

    fn hang_up(&mut self, cause: HangupCause, why: &str, rule: Option<&Place>) {
        let why = format!("{why}: {}", cause.0);
        self.push("hangup", Verdict::Taken, why, rule);
        self.out.plan.push(Step::Hangup { cause });
        self.over = true;
    }

    fn finish(mut self) -> Decision {
        if !self.over {
            let (cause, why) = match self.out.plan.last() {
                Some(Step::Voicemail { .. } | Step::Announce { .. }) => {
                    (HangupCause::NORMAL, "nothing is left to do")
                }
                None if self.dialled.is_some() => {
                    (HangupCause::UNREGISTERED, "the dialled extension has no phone")
                }
                _ => (HangupCause::NO_ANSWER, "nobody is left to try"),
            };
            self.hang_up(cause, why, None);
        }
        if self.owner_rung {
            self.out.fallback = None;
        }
        self.out
    }
}
