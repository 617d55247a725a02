//! mod_callcenter and mod_fifo: queues, agents, and how a caller leaves them.

use std::time::Duration;

use super::call::{A, Call};
use super::clock::{Micros, micros};
use super::endpoint::Endpoint;
use super::event::{Extra, Kind};
use super::join::{Join, JoinKind};
use super::leg::State;
use super::setup::{Agent, Queue};
use super::shared::{lock, new_uuid};
use super::timers::What;
use super::vars::encode;

/// What callcenter tells when the call is over.
#[derive(Clone, Debug)]
pub(super) struct After {
    queue: String,
    member: String,
    pub(super) agent: String,
    leg: usize,
    talked: bool,
}

impl Call {
    fn callcenter(&mut self, l: Option<usize>, queue: &str, action: &str, more: &str) {
        let tail = format!("CC-Queue: {}\nCC-Action: {action}\n{more}", encode(queue));
        let extra = Extra { subclass: Some("callcenter::info"), tail: &tail, ..Extra::default() };
        self.tell_more(l, Kind::Custom, extra);
    }

    pub(super) fn agent_state(&mut self, agent: &str, state: &'static str, delay: Duration) {
        let ready = self.now() + micros(delay);
        lock(&self.shared.agents).set(agent, state, ready);
        let tail = format!(
            "CC-Agent: {}\nCC-Action: agent-state-change\nCC-Agent-State: {}\n",
            encode(agent),
            encode(state)
        );
        let extra = Extra { subclass: Some("callcenter::info"), tail: &tail, ..Extra::default() };
        self.tell_more(None, Kind::Custom, extra);
    }

    /// The member as callcenter tells of him.
    fn member(&self, uuid: &str) -> String {
        let a = &self.legs[A];
        format!(
            "CC-Member-UUID: {uuid}\nCC-Member-Session-UUID: {}\nCC-Member-CID-Name: {}\nCC-Member-CID-Number: {}\n",
            a.uuid,
            encode(&a.profile.name),
            encode(&a.profile.number)
        )
    }

    /// `callcenter QUEUE`.
    pub(super) async fn app_callcenter(&mut self, queue: &str) {
        let name = queue.split('@').next().unwrap_or_default();
        let config = &self.shared.config;
        let found = config.queues.get(queue).or_else(|| config.queues.get(name));
        let Some(settings) = found.cloned() else {
            return;
        };
        self.report.queues.push(name.to_owned());
        let (uuid, joined) = (new_uuid(), self.now());
        let seconds = (joined / 1_000_000).to_string();
        let vars = &mut self.legs[A].vars;
        vars.set("cc_queue_joined_epoch", &seconds);
        vars.set("cc_side", "member");
        vars.set("cc_member_uuid", &uuid);
        let member = self.member(&uuid);
        self.callcenter(Some(A), queue, "member-queue-start", &member);
        self.callcenter(None, queue, "members-count", "CC-Count: 1\n");
        self.playback_event(Kind::PlaybackStart, "local_stream://moh", "");
        self.music += 1;
        let reason = self.in_queue(queue, &settings, &uuid, joined).await;
        self.music -= 1;
        let status = if reason == Some("TIMEOUT") { "break" } else { "done" };
        self.playback_event(Kind::PlaybackStop, "local_stream://moh", status);
        if let Some(reason) = reason {
            let now = (self.now() / 1_000_000).to_string();
            let vars = &mut self.legs[A].vars;
            vars.set("cc_cause", "cancel");
            vars.set("cc_cancel_reason", reason);
            vars.set("cc_queue_canceled_epoch", &now);
            let more = format!("CC-Cause: Cancel\nCC-Cancel-Reason: {reason}\n{member}");
            self.callcenter(Some(A), queue, "member-queue-end", &more);
        }
        self.callcenter(None, queue, "members-count", "CC-Count: 0\n");
    }

    /// Waits for an agent. `None`: one has answered, else the reason for leaving.
    async fn in_queue(
        &mut self,
        queue: &str,
        settings: &Queue,
        member: &str,
        joined: Micros,
    ) -> Option<&'static str> {
        // The real one looks at its members twice a second.
        let look = Duration::from_millis(500);
        loop {
            if !self.legs[A].alive() || self.transfer.is_some() {
                return Some("BREAK_OUT");
            }
            if self.legs[A].leaves_queue {
                return Some("EXIT_WITH_KEY");
            }
            let now = self.now();
            let past =
                |limit: Option<Duration>| limit.is_some_and(|l| now >= joined + micros(l + look));
            let anybody = lock(&self.shared.agents).any_there(&settings.agents);
            if past(settings.max_wait) || !anybody && past(settings.max_wait_no_agent) {
                return Some("TIMEOUT");
            }
            let agent = lock(&self.shared.agents).take(&settings.agents, now);
            if let Some(agent) = agent {
                if self.offer(queue, &agent, member).await {
                    return None;
                }
                continue;
            }
            self.after(look, What::Wake);
            self.wait(A).await;
        }
    }

    /// Offers the caller to an agent. Whether he has answered.
    async fn offer(&mut self, queue: &str, agent: &Agent, uuid: &str) -> bool {
        self.agent_state(&agent.name, "Receiving", Duration::ZERO);
        let member = self.member(uuid);
        let who = format!("CC-Agent: {}\nCC-Agent-System: single_box\n", encode(&agent.name));
        let more = format!(
            "CC-Agent: {}\nCC-Agent-Type: callback\nCC-Agent-System: single_box\n{member}",
            encode(&agent.name)
        );
        self.callcenter(None, queue, "agent-offering", &more);
        let called = self.now();
        let target = format!("sofia/internal/{}", agent.phone);
        let after = After {
            queue: queue.to_owned(),
            member: member.clone(),
            agent: agent.name.clone(),
            leg: A,
            talked: false,
        };
        let cause = match self.shared.endpoint(&target) {
            Endpoint::Fails(cause) => cause,
            Endpoint::Phone { number, script, .. } => {
                let caller = &self.legs[A];
                let name = (caller.vars.get("effective_caller_id_name"))
                    .unwrap_or_else(|| caller.profile.name.clone());
                let shown_number = (caller.vars.get("effective_caller_id_number"))
                    .unwrap_or_else(|| caller.profile.number.clone());
                let vars = vec![
                    ("origination_caller_id_name".to_owned(), name),
                    ("origination_caller_id_number".to_owned(), shown_number),
                    ("cc_side".to_owned(), "agent".to_owned()),
                ];
                let d = self.callee_leg(None, &number, false, script, &vars);
                self.dialled(d, 1);
                let until = (called / 1_000_000 + agent.leg_timeout + 1) * 1_000_000;
                self.timers.at(until, What::Wake);
                loop {
                    self.wait(A).await;
                    let leaves = self.legs[A].leaves_queue;
                    if leaves || !self.legs[A].alive() || self.transfer.is_some() {
                        self.hang_up(d, "ORIGINATOR_CANCEL");
                        self.afterwards.push(After { leg: d, ..after });
                        return false;
                    }
                    if self.legs[d].answered() {
                        break;
                    }
                    if self.now() >= until {
                        self.hang_up(d, "ALLOTTED_TIMEOUT");
                    }
                    if !self.legs[d].alive() {
                        break;
                    }
                }
                match self.legs[d].cause {
                    Some(cause) => cause,
                    None => {
                        self.agent_answers(queue, &who, d, called, &member);
                        self.afterwards.push(After { leg: d, talked: true, ..after });
                        return true;
                    }
                }
            }
        };
        self.destroy_reaped();
        let more = format!("CC-Hangup-Cause: {cause}\n{who}{member}");
        self.callcenter(None, queue, "bridge-agent-fail", &more);
        let delay = match cause {
            "USER_BUSY" => agent.busy_delay,
            "CALL_REJECTED" => agent.reject_delay,
            _ => agent.no_answer_delay,
        };
        self.agent_state(&agent.name, "Waiting", delay);
        self.after(delay, What::Wake);
        false
    }

    fn agent_answers(&mut self, queue: &str, who: &str, d: usize, called: Micros, member: &str) {
        let now = self.now();
        let uuid = self.legs[d].uuid.clone();
        let more = format!(
            "{who}CC-Agent-UUID: {uuid}\nCC-Agent-Called-Time: {}\nCC-Agent-Answered-Time: {}\n{member}",
            called / 1_000_000,
            now / 1_000_000
        );
        self.callcenter(Some(d), queue, "bridge-agent-start", &more);
        self.legs[A].other = Some(self.legs[d].as_other("originatee"));
        self.legs[d].other = Some(self.legs[A].as_other("originator"));
        self.state(d, State::Hibernate);
        self.state(d, State::Reset);
        let history = format!("{}:{}:uuid_br:{uuid}", now / 1_000_000, new_uuid());
        let name = self.legs[d].name.clone();
        let vars = &mut self.legs[A].vars;
        vars.set("cc_cause", "answered");
        vars.set("cc_agent_uuid", &uuid);
        vars.set("bridge_channel", &name);
        vars.set("bridge_uuid", &uuid);
        vars.set("signal_bond", &uuid);
        vars.push("transfer_history", &history);
        vars.set("transfer_source", &history);
        self.joins = Some(Join { leg: d, kind: JoinKind::Queue });
    }

    /// What callcenter tells about agents after the end of the caller's leg (03a, 08b).
    pub(super) fn agents_after_the_call(&mut self) {
        for after in std::mem::take(&mut self.afterwards) {
            let who = format!("CC-Agent: {}\nCC-Agent-System: single_box\n", encode(&after.agent));
            let member = &after.member;
            if after.talked {
                let more = format!("CC-Hangup-Cause: SUCCESS\n{who}{member}");
                self.callcenter(Some(after.leg), &after.queue, "bridge-agent-end", &more);
                let more = format!("CC-Cause: Terminated\nCC-Hangup-Cause: SUCCESS\n{who}{member}");
                self.callcenter(Some(A), &after.queue, "member-queue-end", &more);
            } else {
                let more = format!("CC-Hangup-Cause: ORIGINATOR_CANCEL\n{who}{member}");
                self.callcenter(None, &after.queue, "bridge-agent-fail", &more);
            }
            self.agent_state(&after.agent, "Waiting", Duration::ZERO);
        }
    }
}
