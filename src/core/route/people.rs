//! Whom a step can ring, and on which numbers.

use std::sync::Arc;

use super::Way;
use crate::core::ids::EmployeeId;
use crate::core::plan::{Ring, Role, Step, Target};
use crate::core::staff::{Employee, Number, Status};
use crate::core::trace::{Fallback, Place, Verdict};
use crate::rules::model::{Attempt, Numbers, SkipIf};

impl<'r> Way<'r, '_> {
    /// Rings an employee, or his deputy. An error is why neither can be rung.
    pub(super) fn ring_person(
        &mut self,
        id: &EmployeeId,
        role: Role,
        attempt: &Attempt,
        place: &'r Place,
    ) -> Result<(), Fallback> {
        let what = match role {
            Role::Owner => "owner",
            _ => "employee",
        };
        let (employee, stands_in) = self.who_is_there(id, what, attempt.deputy, place)?;
        let (what, role) = if stands_in { ("deputy", Role::Deputy) } else { (what, role) };
        if self.rung.contains(&employee.id) {
            let why = format!("{} is rung already", employee.name);
            self.push(what, Verdict::Refused, why, Some(place));
            return Ok(());
        }
        if self.caller.as_ref().is_some_and(|c| c.id == employee.id) {
            let why = format!("{} is the caller", employee.name);
            self.push(what, Verdict::Refused, why, Some(place));
            return Err(Fallback::Employee);
        }
        let numbers = self.numbers(&employee, attempt.skip_if, attempt.numbers, what, place)?;
        for number in numbers {
            let for_long = format!("{}s", attempt.ring.as_secs());
            let why = format!("{}: {} rings for {for_long}", employee.name, spoken(&number));
            self.push(what, Verdict::Taken, why, Some(place));
            let target = Target { employee: Some(employee.id.clone()), number };
            self.ring(role, vec![target], attempt.ring);
        }
        self.rung.push(employee.id.clone());
        Ok(())
    }

    /// The employee himself, or the first of his deputies who is at work.
    fn who_is_there(
        &mut self,
        id: &EmployeeId,
        what: &str,
        deputies: bool,
        place: &'r Place,
    ) -> Result<(Arc<Employee>, bool), Fallback> {
        let mut seen: Vec<EmployeeId> = Vec::new();
        let mut first_reason = None;
        let mut id = id.clone();
        loop {
            let what = if seen.is_empty() { what } else { "deputy" };
            if seen.contains(&id) {
                let why = "the deputies stand in for each other in a ring".to_owned();
                self.push(what, Verdict::Refused, why, Some(place));
                return Err(first_reason.unwrap_or(Fallback::OnLeave));
            }
            let Some(employee) = self.facts.staff.get(&id).cloned() else {
                let why = format!("nobody here has the id {id}");
                self.push(what, Verdict::Refused, why, Some(place));
                return Err(first_reason.unwrap_or(Fallback::OwnerGone));
            };
            let Some((reason, mut why)) = self.away(&employee) else {
                return Ok((employee, !seen.is_empty()));
            };
            let next = employee.deputy.clone().filter(|_| deputies);
            match (&next, &employee.deputy) {
                (Some(_), _) => why.push_str(": the deputy stands in"),
                (None, Some(_)) => why.push_str(", and the rule wants no deputy"),
                (None, None) => why.push_str(", and has no deputy"),
            }
            self.push(what, Verdict::Refused, why, Some(place));
            let reason = *first_reason.get_or_insert(reason);
            seen.push(id);
            id = next.ok_or(reason)?;
        }
    }

    /// Why an employee is not at work.
    pub(super) fn away(&self, employee: &Employee) -> Option<(Fallback, String)> {
        let name = &employee.name;
        match employee.status {
            Status::Active => None,
            Status::OnLeave(Some(last)) if self.today() > last => None,
            Status::OnLeave(Some(last)) => {
                Some((Fallback::OnLeave, format!("{name} is on leave through {last}")))
            }
            Status::OnLeave(None) => Some((Fallback::OnLeave, format!("{name} is on leave"))),
            Status::Gone => {
                Some((Fallback::OwnerGone, format!("{name} does not work here any more")))
            }
        }
    }

    /// The numbers of an employee that can be rung, in order; an error is why none can.
    pub(super) fn numbers(
        &mut self,
        employee: &Employee,
        skip: SkipIf,
        which: Numbers,
        what: &str,
        place: &'r Place,
    ) -> Result<Vec<Number>, Fallback> {
        let name = &employee.name;
        let presence = self.facts.presence;
        let mut refuse = |why: String| self.push(what, Verdict::Refused, why, Some(place));
        if skip.offline && employee.online == Some(false) {
            refuse(format!("{name} is offline in the CRM (E10)"));
            return Err(Fallback::Offline);
        }
        let talks = |n: &&Number| matches!(n, Number::Line(l) if presence.busy(l) == Some(true));
        if let Some(number) = employee.numbers.iter().find(talks).filter(|_| skip.busy) {
            refuse(format!("{name} is talking on {}", spoken(number)));
            return Err(Fallback::Busy);
        }
        if employee.numbers.is_empty() {
            refuse(format!("{name} has no number"));
            return Err(Fallback::NoNumberOfOwner);
        }
        let mut usable = Vec::new();
        for number in &employee.numbers {
            match number {
                Number::Line(line)
                    if skip.unregistered && presence.registered(line) == Some(false) =>
                {
                    refuse(format!("{name}: no phone is registered on line {line} (E11)"));
                }
                _ => usable.push(number.clone()),
            }
        }
        if which == Numbers::First {
            usable.truncate(1);
        }
        if usable.is_empty() {
            return Err(Fallback::Unregistered);
        }
        Ok(usable)
    }

    pub(super) fn ring(&mut self, role: Role, targets: Vec<Target>, timeout: std::time::Duration) {
        self.out.plan.push(Step::Ring(Ring { role, targets, timeout }));
    }
}

/// A number as a trace names it: a line in full, an outside number masked.
pub(super) fn spoken(number: &Number) -> String {
    match number {
        Number::Line(line) => format!("line {line}"),
        Number::Outside(phone) => format!("{phone}"),
    }
}
