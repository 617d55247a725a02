//! One go through all targets: whose phones ring now, and whose are next.

use std::collections::VecDeque;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::core::case::Known;
use crate::core::ids::{EmployeeId, LegId};
use crate::core::staff::{Employee, Number, Status};

use super::Around;
use super::leg::Leg;
use super::order::{GroupOrder, Kind, Order, Target, Whom};

/// A phone that may be rung.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Slot {
    pub employee: Option<EmployeeId>,
    pub number: Number,
}

/// Phones that ring one after another. Lanes ring side by side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lane {
    pub slots: VecDeque<Slot>,
    pub leg: Option<LegId>,
}

/// A go through the targets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Round {
    /// The next target.
    next: usize,
    pub lanes: Vec<Lane>,
    /// Who was rung in it. Nobody is rung for two targets.
    pub rung: Vec<EmployeeId>,
    /// Phones were rung.
    pub dialled: bool,
    /// Nobody else can be rung: those who rejected the last try are.
    pub spares: bool,
    /// Who rejected this one.
    pub rejected: Vec<EmployeeId>,
}

/// What a round is made of.
pub(super) struct Sight<'a> {
    pub order: &'a Order,
    pub known: &'a Known,
    /// Who rejected the last try.
    pub avoid: &'a [EmployeeId],
    /// Those whose phones are not known to be down are not rung anew.
    pub legs: &'a [Leg],
    pub around: &'a Around<'a>,
    pub now: Timestamp,
}

impl Round {
    /// Fills the lanes from the next target that has anybody. `false`: there is none.
    pub(super) fn fill(&mut self, sight: &Sight) -> bool {
        loop {
            let Some(target) = sight.order.targets.get(self.next) else {
                if self.dialled || self.spares || sight.avoid.is_empty() {
                    return false;
                }
                self.spares = true;
                self.next = 0;
                continue;
            };
            self.next += 1;
            let mut lanes = sight.lanes(target);
            for lane in &mut lanes {
                lane.slots.retain(|slot| self.may_ring(slot, sight));
            }
            lanes.retain(|lane| !lane.slots.is_empty());
            self.lanes = lanes;
            if !self.lanes.is_empty() {
                return true;
            }
        }
    }

    /// The next phone of a lane that can still be rung.
    pub(super) fn take(&mut self, lane: usize, sight: &Sight) -> Option<Slot> {
        loop {
            let slot = self.lanes.get_mut(lane)?.slots.pop_front()?;
            // A line of his that we rang just now may still look busy.
            let rung = slot.employee.as_ref().is_some_and(|e| self.rung.contains(e));
            let can = if rung { sight.can_ring(&slot) } else { self.may_ring(&slot, sight) };
            if can {
                self.dialled = true;
                self.rung.extend(slot.employee.clone().filter(|_| !rung));
                return Some(slot);
            }
        }
    }

    /// The lane in which this leg rings.
    pub(super) fn lane_of(&mut self, leg: &LegId) -> Option<&mut Lane> {
        self.lanes.iter_mut().find(|lane| lane.leg.as_ref() == Some(leg))
    }

    /// All his further phones are left alone.
    pub(super) fn leave_alone(&mut self, employee: &EmployeeId) {
        for lane in &mut self.lanes {
            lane.slots.retain(|slot| slot.employee.as_ref() != Some(employee));
        }
    }

    fn may_ring(&self, slot: &Slot, sight: &Sight) -> bool {
        if sight.is_ours(slot) {
            return false;
        }
        let Some(id) = &slot.employee else { return sight.can_ring(slot) && !sight.talks(slot) };
        let avoided = !self.spares && sight.avoid.contains(id);
        let free = !avoided && !self.rung.contains(id) && !sight.around.floor.engaged(id);
        free && sight.can_ring(slot) && !sight.is_busy(id)
    }
}

impl Sight<'_> {
    fn lanes(&self, target: &Target) -> Vec<Lane> {
        let staff = self.around.staff;
        match target {
            Target::Owner => self.owner().map(|id| self.person(&id)).into_iter().collect(),
            Target::Employee(id) => vec![self.person(id)],
            Target::Group { name, order } => {
                let mut members = staff.group(name);
                members.retain(|employee| !self.is_away(employee));
                if *order == GroupOrder::LongestIdle {
                    members.sort_by_key(|employee| self.around.floor.idle_since(&employee.id));
                }
                let lanes = members.iter().map(|employee| numbers(employee));
                match order {
                    GroupOrder::Together => lanes.collect(),
                    GroupOrder::InTurn | GroupOrder::LongestIdle => vec![in_turn(lanes)],
                }
            }
            Target::Queue(queue) => {
                let agents = self.around.floor.agents(queue).into_iter();
                let slots = agents.map(|a| Slot { employee: a.employee, number: a.number });
                vec![Lane { slots: slots.collect(), leg: None }]
            }
        }
    }

    /// The owner of the open deal, else of the client (A05).
    fn owner(&self) -> Option<EmployeeId> {
        let Known::Client(client) = self.known else { return None };
        client.open_deal().and_then(|deal| deal.owner.as_ref()).or(client.owner.as_ref()).cloned()
    }

    /// His numbers in their order (E11); on leave his deputy's. Who presses a button is there.
    fn person(&self, id: &EmployeeId) -> Lane {
        let staff = self.around.staff;
        let mut seen = vec![];
        let mut next = staff.get(id);
        while let Some(employee) = next {
            if self.order.kind == Kind::Click || !self.is_away(employee) {
                return numbers(employee);
            }
            seen.push(&employee.id);
            let deputy = employee.deputy.as_ref().filter(|deputy| !seen.contains(deputy));
            next = deputy.and_then(|deputy| staff.get(deputy));
        }
        Lane::default()
    }

    fn is_away(&self, employee: &Employee) -> bool {
        match employee.status {
            Status::Active => false,
            Status::OnLeave(Some(last)) => {
                let zone = self.around.hours.map(|calendar| calendar.zone.clone());
                zone.unwrap_or(TimeZone::UTC).to_datetime(self.now).date() <= last
            }
            Status::OnLeave(None) | Status::Gone => true,
        }
    }

    /// A phone is there, as far as is known (E11).
    fn can_ring(&self, slot: &Slot) -> bool {
        match &slot.number {
            Number::Line(line) => self.around.presence.registered(line) != Some(false),
            Number::Outside(phone) => *phone != self.order.phone,
        }
    }

    /// A leg of this campaign is at his phone.
    fn is_ours(&self, slot: &Slot) -> bool {
        self.legs.iter().any(|leg| match &leg.whom {
            Whom::Manager { employee, number } => {
                *number == slot.number || (employee.is_some() && *employee == slot.employee)
            }
            Whom::Client(_) => false,
        })
    }

    fn talks(&self, slot: &Slot) -> bool {
        matches!(&slot.number, Number::Line(line) if self.around.presence.busy(line) == Some(true))
    }

    /// Who talks on one line is not rung on another number.
    fn is_busy(&self, id: &EmployeeId) -> bool {
        let lines = self.around.staff.get(id).map(|employee| employee.numbers.as_slice());
        let mut lines = lines.unwrap_or_default().iter();
        lines.any(|number| {
            matches!(number, Number::Line(line) if self.around.presence.busy(line) == Some(true))
        })
    }
}

fn numbers(employee: &Employee) -> Lane {
    let slot =
        |number: &Number| Slot { employee: Some(employee.id.clone()), number: number.clone() };
    Lane { slots: employee.numbers.iter().map(slot).collect(), leg: None }
}

fn in_turn(lanes: impl Iterator<Item = Lane>) -> Lane {
    Lane { slots: lanes.flat_map(|lane| lane.slots).collect(), leg: None }
}
