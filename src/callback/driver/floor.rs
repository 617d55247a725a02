//! Who can take a call, as far as lines do not tell: who is engaged in a campaign, whose last call
//! ended when, who serves a queue.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::core::campaign::order::Whom;
use crate::core::ids::{CampaignId, EmployeeId, LegId, QueueName};
use crate::core::plan::Target;
use crate::core::record::CallRecord;
use crate::core::staff::{Number, Staff};
use crate::switch::presence::{FreeAgent, PresenceStore};

/// Kept by the driver.
#[derive(Debug, Default)]
pub(super) struct Floor {
    engaged: HashMap<EmployeeId, Vec<(CampaignId, LegId)>>,
    idle: HashMap<EmployeeId, Timestamp>,
}

impl Floor {
    /// A leg of a campaign rings an employee, or has him on the line.
    pub fn engage(&mut self, campaign: &CampaignId, leg: &LegId, whom: &Whom) {
        if let Whom::Manager { employee: Some(employee), .. } = whom {
            let legs = self.engaged.entry(employee.clone()).or_default();
            legs.push((campaign.clone(), leg.clone()));
        }
    }

    /// That leg is down. `talked`: it was picked up, so that he has been idle since.
    pub fn release(&mut self, leg: &LegId, talked: bool, now: Timestamp) {
        let idle = &mut self.idle;
        self.engaged.retain(|employee, legs| {
            let before = legs.len();
            legs.retain(|(_, engaged)| engaged != leg);
            if talked && legs.len() < before {
                idle.insert(employee.clone(), now);
            }
            !legs.is_empty()
        });
    }

    /// Nobody leads this campaign any more.
    pub fn forget(&mut self, campaign: &CampaignId) {
        self.engaged.retain(|_, legs| {
            legs.retain(|(of, _)| of != campaign);
            !legs.is_empty()
        });
    }

    /// A call is over: who talked in it is idle from then on.
    pub fn call_ended(&mut self, record: &CallRecord) {
        let end = record.ended.unwrap_or(record.started);
        for talk in &record.talks {
            if let Some(employee) = &talk.party.employee {
                self.idle.insert(employee.clone(), talk.until.unwrap_or(end));
            }
        }
    }

    /// As one campaign sees it.
    pub fn of<'a>(
        &'a self,
        campaign: &'a CampaignId,
        switch: Option<&'a PresenceStore>,
        staff: &'a Staff,
    ) -> View<'a> {
        View { floor: self, campaign, switch, staff }
    }
}

/// The floor as one campaign sees it: it is not engaged by itself.
pub(super) struct View<'a> {
    floor: &'a Floor,
    campaign: &'a CampaignId,
    switch: Option<&'a PresenceStore>,
    staff: &'a Staff,
}

impl crate::core::campaign::Floor for View<'_> {
    fn engaged(&self, employee: &EmployeeId) -> bool {
        let others = |(of, _): &(CampaignId, LegId)| of != self.campaign;
        self.floor.engaged.get(employee).is_some_and(|legs| legs.iter().any(others))
    }

    fn idle_since(&self, employee: &EmployeeId) -> Option<Timestamp> {
        self.floor.idle.get(employee).copied()
    }

    fn agents(&self, queue: &QueueName) -> Vec<Target> {
        let free = self.switch.and_then(|switch| switch.queue(queue)).unwrap_or_default();
        let target = |agent: FreeAgent| {
            let employee = self.staff.by_extension(&agent.line).map(|e| e.id.clone());
            Target { employee, number: Number::Line(agent.line) }
        };
        free.into_iter().map(target).collect()
    }
}
