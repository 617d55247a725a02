//! The caller and a leg found for him outside of `bridge`: by a queue, a transfer, `uuid_bridge`.

use std::time::Duration;

use super::call::{A, Call};
use super::event::Kind;
use super::leg::State;

/// A leg the caller is connected with after `socket` has ended.
#[derive(Clone, Debug)]
pub(super) struct Join {
    pub(super) leg: usize,
    pub(super) kind: JoinKind,
}

#[derive(Clone, Debug)]
pub(super) enum JoinKind {
    Queue,
    Fifo {
        name: String,
    },
    /// By REFER with Replaces (transcript 09e).
    Attended,
    /// By `uuid_bridge` (transcript 06b).
    Bridged,
    /// By the application `att_xfer` (transcript 09i).
    AttXfer,
}

impl Call {
    /// The caller and the leg that has been found for him, until one of them ends.
    pub(super) async fn joined(&mut self) {
        let Some(Join { leg: d, kind }) = self.joins.take() else {
            return;
        };
        if let JoinKind::Fifo { name } = kind {
            return self.joined_in_fifo(d, &name).await;
        }
        if matches!(kind, JoinKind::Queue) {
            self.state(A, State::Hibernate);
        }
        self.state(A, State::Reset);
        self.state(A, State::SoftExecute);
        self.state(d, State::SoftExecute);
        let (a, b) = (self.legs[A].uuid.clone(), self.legs[d].uuid.clone());
        self.tell_app(Kind::ChannelExecute, A, "uuid_bridge", &b, "");
        self.tell_app(Kind::ChannelExecute, d, "uuid_bridge", &a, "");
        self.legs[d].call_uuid = self.legs[A].call_uuid.clone();
        let now = self.now();
        self.legs[A].times.bridged = now;
        self.legs[d].times.bridged = now;
        self.begin_talk(A, d);
        if matches!(kind, JoinKind::AttXfer) {
            self.tell_bridge(Kind::ChannelBridge, d, A);
            self.state(A, State::ExchangeMedia);
        } else {
            self.tell_bridge(Kind::ChannelBridge, A, d);
            self.state(d, State::ExchangeMedia);
        }
        self.bridge_variables(A, d);
        self.bridge_variables(d, A);
        if matches!(kind, JoinKind::Queue) {
            let after = self.afterwards.last().map(|a| a.agent.clone());
            let agent = after.unwrap_or_default();
            let vars = &mut self.legs[A].vars;
            vars.set("cc_agent", &agent);
            vars.set("cc_agent_bridged", "true");
            vars.set("cc_queue_answered_epoch", &(now / 1_000_000).to_string());
            self.agent_state(&agent, "In a queue call", Duration::ZERO);
        }
        self.tell(d, Kind::CallUpdate);
        self.tell(A, Kind::CallUpdate);
        while self.legs[A].alive()
            && self.legs[d].alive()
            && self.transfer.is_none()
            && self.legs[A].peer == Some(d)
        {
            self.wait(A).await;
        }
        self.end_joined(d, matches!(kind, JoinKind::AttXfer));
    }

    /// `silently`: the other leg tells of the bridge, not the caller's.
    fn end_joined(&mut self, d: usize, silently: bool) {
        let (first, second) = if silently { (d, A) } else { (A, d) };
        let vars = &mut self.legs[A].vars;
        vars.unset("bridge_to");
        vars.set("bridge_hangup_cause", "NORMAL_CLEARING");
        if self.legs[d].alive() {
            let vars = &mut self.legs[d].vars;
            vars.set("last_bridge_hangup_cause", "NORMAL_CLEARING");
            if self.legs[A].peer == Some(d) {
                self.hang_up(d, "NORMAL_CLEARING");
            }
            self.tell_bridge(Kind::ChannelUnbridge, first, second);
        } else {
            let vars = &mut self.legs[A].vars;
            vars.set("last_bridge_hangup_cause", "NORMAL_CLEARING");
            vars.set("last_bridge_proto_specific_hangup_cause", "sip:200");
            self.tell_bridge(Kind::ChannelUnbridge, first, second);
            if self.transfer.is_none() {
                self.state(A, State::Execute);
                self.hang_up_caller("NORMAL_CLEARING");
            }
        }
        self.end_talk(A);
    }
}
