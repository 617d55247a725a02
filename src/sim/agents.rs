//! Agents of mod_callcenter, as all calls see them.

use super::clock::Micros;
use super::event::{Extra, Kind};
use super::setup::Agent;
use super::shared::{Shared, lock};
use super::vars::encode;

/// The agents as all calls see them.
#[derive(Debug)]
pub(super) struct Agents(Vec<Seat>);

#[derive(Debug)]
struct Seat {
    agent: Agent,
    state: &'static str,
    ready_at: Micros,
}

impl Agents {
    pub(super) fn new(agents: &[Agent]) -> Self {
        let seat = |agent: &Agent| Seat { agent: agent.clone(), state: "Waiting", ready_at: 0 };
        Self(agents.iter().map(seat).collect())
    }

    /// The first free agent, who is free no longer.
    pub(super) fn take(&mut self, names: &[String], now: Micros) -> Option<Agent> {
        for name in names {
            let seat = self.0.iter_mut().find(|s| s.agent.name == *name)?;
            if seat.agent.status.starts_with("Available")
                && seat.state == "Waiting"
                && seat.ready_at <= now
            {
                seat.state = "Receiving";
                return Some(seat.agent.clone());
            }
        }
        None
    }

    pub(super) fn any_there(&self, names: &[String]) -> bool {
        self.0
            .iter()
            .any(|s| names.contains(&s.agent.name) && s.agent.status.starts_with("Available"))
    }

    pub(super) fn set(&mut self, name: &str, state: &'static str, ready_at: Micros) {
        if let Some(seat) = self.0.iter_mut().find(|s| s.agent.name == name) {
            seat.state = state;
            seat.ready_at = ready_at;
        }
    }

    pub(super) fn set_status(&mut self, name: &str, status: &str) {
        if let Some(seat) = self.0.iter_mut().find(|s| s.agent.name == name) {
            status.clone_into(&mut seat.agent.status);
        }
    }

    /// `callcenter_config agent list`.
    pub(super) fn list(&self) -> String {
        let mut out = String::from(
            "name|instance_id|uuid|type|contact|status|state|max_no_answer|wrap_up_time|\
             reject_delay_time|busy_delay_time|no_answer_delay_time|last_bridge_start|\
             last_bridge_end|last_offered_call|last_status_change|no_answer_count|\
             calls_answered|talk_time|ready_time|external_calls_count\n",
        );
        for s in &self.0 {
            let a = &s.agent;
            out.push_str(&format!(
                "{}|single_box||callback|[leg_timeout={}]user/{}|{}|{}|3|0|{}|{}|{}|0|0|0|0|0|0|0|0|0\n",
                a.name,
                a.leg_timeout,
                a.phone,
                a.status,
                s.state,
                a.reject_delay.as_secs(),
                a.busy_delay.as_secs(),
                a.no_answer_delay.as_secs()
            ));
        }
        out.push_str("+OK\n");
        out
    }
}

impl Shared {
    pub(super) fn set_agent_status(&self, agent: &str, status: &str) {
        lock(&self.agents).set_status(agent, status);
        let tail = format!(
            "CC-Agent: {}\nCC-Action: agent-status-change\nCC-Agent-Status: {}\n",
            encode(agent),
            encode(status)
        );
        self.tell_callcenter(&tail);
    }

    pub(super) fn tell_callcenter(&self, tail: &str) {
        let extra = Extra { subclass: Some("callcenter::info"), tail, ..Extra::default() };
        self.tell(Kind::Custom, extra);
    }
}
