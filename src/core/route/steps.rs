//! From the rules' steps to the plan's.

use super::Way;
use super::people::spoken;
use crate::core::client::Lookup;
use crate::core::phone::Phone;
use crate::core::plan::{Role, Step, Target};
use crate::core::staff::Number;
use crate::core::trace::{Fallback, Place, Verdict};
use crate::rules::model::{Attempt, Numbers, Order, SkipIf, StepKind, StepRule};

impl<'r> Way<'r, '_> {
    pub(super) fn run(&mut self, steps: &'r [StepRule]) {
        for step in steps {
            if self.over {
                let why = "never reached: the step before it hangs up".to_owned();
                self.push(&step.kind.words(), Verdict::Refused, why, Some(&step.place));
                continue;
            }
            self.step(step);
        }
    }

    fn step(&mut self, rule: &'r StepRule) {
        let place = &rule.place;
        let (step, why) = match &rule.kind {
            StepKind::Owner(attempt) => return self.owner(attempt, place),
            StepKind::Employee { employee, attempt } => {
                return self.employee(employee, attempt, place);
            }
            StepKind::Group { group, order, ring, skip_if } => {
                return self.group(group, *order, *ring, *skip_if, place);
            }
            StepKind::Hangup { cause } => {
                return self.hang_up(*cause, "the rules end the call here", Some(place));
            }
            StepKind::Queue { queue, wait } => {
                (Step::Callcenter { queue: queue.clone(), wait: *wait }, waits(*wait))
            }
            StepKind::Fifo { queue, wait } => {
                (Step::Fifo { queue: queue.clone(), wait: *wait }, waits(*wait))
            }
            StepKind::Voicemail { mailbox } => {
                let Some(mailbox) = mailbox.clone().or_else(|| self.dialled.clone()) else {
                    let why = "no extension was dialled, so there is no mailbox".to_owned();
                    return self.push("voicemail", Verdict::Refused, why, Some(place));
                };
                let why = format!("a message is taken into mailbox {mailbox}");
                (Step::Voicemail { mailbox }, why)
            }
            StepKind::Announce { file } => {
                (Step::Announce { file: file.clone() }, format!("{file} is played"))
            }
        };
        self.push(&rule.kind.words(), Verdict::Taken, why, Some(place));
        self.out.plan.push(step);
    }

    fn owner(&mut self, attempt: &Attempt, place: &'r Place) {
        let known = match self.facts.lookup {
            _ if self.out.internal => Err((Fallback::Employee, "an employee calls (E02)")),
            Lookup::NotAsked => Err((Fallback::NoNumber, "the caller has no readable number")),
            Lookup::Unknown { .. } => Err((Fallback::Unknown, "the caller is unknown")),
            Lookup::Slow => Err((Fallback::CrmSlow, "the CRM did not answer in time (E09)")),
            Lookup::Down => Err((Fallback::CrmDown, "the CRM is down (E09)")),
            Lookup::Found { .. } => match self.out.owner.clone() {
                Some(owner) => Ok(owner),
                None => Err((Fallback::NoOwner, "nobody owns the deal or the client")),
            },
        };
        let result = match known {
            Ok(owner) => self.ring_person(&owner, Role::Owner, attempt, place),
            Err((reason, why)) => {
                self.push("owner", Verdict::Refused, why.to_owned(), Some(place));
                Err(reason)
            }
        };
        match result {
            Ok(()) => self.owner_rung = true,
            Err(reason) => {
                self.out.fallback.get_or_insert(reason);
            }
        }
    }

    fn employee(&mut self, name: &str, attempt: &Attempt, place: &'r Place) {
        let Some(employee) = self.facts.staff.named(name).cloned() else {
            let why = format!("nobody has the id or extension {name}");
            return self.push("employee", Verdict::Refused, why, Some(place));
        };
        // Why he cannot be rung stands in the trace; the fallback tells of owners only.
        let _ = self.ring_person(&employee.id, Role::Employee, attempt, place);
    }

    fn group(
        &mut self,
        group: &str,
        order: Order,
        ring: std::time::Duration,
        skip: SkipIf,
        place: &'r Place,
    ) {
        let what = format!("group {group}");
        let mut targets = Vec::new();
        for member in self.facts.staff.group(group) {
            let unfit = if self.rung.contains(&member.id) {
                Some(format!("{} was rung before", member.name))
            } else if self.caller.as_ref().is_some_and(|c| c.id == member.id) {
                Some(format!("{} is the caller", member.name))
            } else {
                self.away(&member).map(|(_, why)| why)
            };
            if let Some(why) = unfit {
                self.push(&what, Verdict::Refused, why, Some(place));
                continue;
            }
            if let Ok(numbers) = self.numbers(&member, skip, Numbers::First, &what, place) {
                targets.extend(
                    numbers
                        .into_iter()
                        .map(|number| Target { employee: Some(member.id.clone()), number }),
                );
            }
        }
        if targets.is_empty() {
            let why = "nobody in it can be rung".to_owned();
            return self.push(&what, Verdict::Refused, why, Some(place));
        }
        let how = match order {
            Order::Together => "at once",
            Order::InTurn => "one after another",
        };
        let (count, long) = (targets.len(), ring.as_secs());
        let why = format!("{count} phones ring {how}, for {long}s");
        self.push(&what, Verdict::Taken, why, Some(place));
        match order {
            Order::Together => self.ring(Role::Group, targets, ring),
            Order::InTurn => {
                for target in targets {
                    self.ring(Role::Group, vec![target], ring);
                }
            }
        }
    }

    /// The number somebody dialled himself, then the other numbers of that employee in order.
    pub(super) fn ring_dialled(&mut self, number: Number) {
        let rules = &self.rules.internal;
        let place = rules.place.as_ref();
        let employee = match &number {
            Number::Line(line) => self.facts.staff.by_extension(line),
            Number::Outside(phone) => self.facts.staff.by_phone(phone),
        };
        let mut numbers = vec![number.clone()];
        let others = employee.map_or(&[][..], |e| &e.numbers);
        numbers.extend(others.iter().filter(|n| **n != number).cloned());
        let name = employee.map_or("no employee", |e| e.name.as_str());
        for number in numbers {
            if let Number::Line(line) = &number
                && self.facts.presence.registered(line) == Some(false)
            {
                let why = format!("{name}: no phone is registered on line {line}");
                self.push("dialled", Verdict::Refused, why, place);
                continue;
            }
            let why = format!("{name}: {} rings for {}s", spoken(&number), rules.ring.as_secs());
            self.push("dialled", Verdict::Taken, why, place);
            let target = Target { employee: employee.map(|e| e.id.clone()), number };
            self.ring(Role::Dialled, vec![target], rules.ring);
        }
        self.rung.extend(employee.map(|e| e.id.clone()));
    }

    pub(super) fn ring_outside(&mut self, to: &Phone) {
        let rules = &self.rules.outbound;
        let why = format!("{to} rings for {}s", rules.ring.as_secs());
        self.push("outbound", Verdict::Taken, why, rules.place.as_ref());
        let target = Target { employee: None, number: Number::Outside(to.clone()) };
        self.ring(Role::Dialled, vec![target], rules.ring);
    }
}

fn waits(wait: Option<std::time::Duration>) -> String {
    match wait {
        Some(wait) => format!("the caller waits in it, {}s at most", wait.as_secs()),
        None => "the caller waits in it, as long as the queue lets him".to_owned(),
    }
}
