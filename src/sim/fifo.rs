//! mod_fifo: the agent's leg is leg A of its bridges (transcript 03d).

use std::time::Duration;

use super::call::{A, Call};
use super::clock::text;
use super::endpoint::Endpoint;
use super::event::{Extra, Kind};
use super::join::{Join, JoinKind};
use super::leg::State;
use super::timers::What;
use super::vars::encode;

impl Call {
    fn fifo_event(&mut self, l: usize, name: &str, action: &str) {
        let tail = format!("FIFO-Name: {}\nFIFO-Action: {action}\n", encode(name));
        let extra = Extra { subclass: Some("fifo::info"), tail: &tail, ..Extra::default() };
        self.tell_more(Some(l), Kind::Custom, extra);
    }

    fn fifo_status(&mut self, status: &str) {
        let stamp = text(self.now(), "%Y-%m-%d %H:%M:%S");
        let vars = &mut self.legs[A].vars;
        vars.set("fifo_status", status);
        vars.set("fifo_timestamp", &stamp);
    }

    /// `fifo NAME in [ANNOUNCEMENT [MUSIC]]`.
    pub(super) async fn app_fifo(&mut self, arg: &str) {
        let name = arg.split_whitespace().next().unwrap_or_default().to_owned();
        let short = name.split('@').next().unwrap_or_default();
        let fifos = &self.shared.config.fifos;
        let members = fifos.get(&name).or_else(|| fifos.get(short)).cloned();
        self.report.queues.push(short.to_owned());
        self.fifo_status("WAITING");
        self.fifo_event(A, &name, "push");
        self.playback_event(Kind::PlaybackStart, "local_stream://moh", "");
        self.music += 1;
        let found = self.in_fifo(&name, &members.unwrap_or_default()).await;
        self.music -= 1;
        if let Some(c) = found {
            self.playback_event(Kind::PlaybackStop, "local_stream://moh", "break");
            self.joins = Some(Join { leg: c, kind: JoinKind::Fifo { name } });
        } else {
            self.playback_event(Kind::PlaybackStop, "local_stream://moh", "done");
            self.fifo_status("ABORTED");
            self.fifo_event(A, &name, "abort");
        }
    }

    /// Dials the members one after another, until one answers or the caller leaves.
    async fn in_fifo(&mut self, name: &str, members: &[String]) -> Option<usize> {
        let look = Duration::from_millis(500);
        loop {
            for member in members {
                self.pass(look).await;
                if !self.legs[A].alive() || self.legs[A].leaves_queue {
                    return None;
                }
                let target = format!("sofia/internal/{member}");
                if let Endpoint::Phone { number, script, .. } = self.shared.endpoint(&target)
                    && let Some(c) = self.ring_member(name, &number, script).await
                {
                    return Some(c);
                }
            }
            self.after(look, What::Wake);
            self.wait(A).await;
            let leaves = self.legs[A].leaves_queue;
            if leaves || !self.legs[A].alive() || self.transfer.is_some() {
                return None;
            }
        }
    }

    async fn ring_member(
        &mut self,
        name: &str,
        number: &str,
        script: super::script::Script,
    ) -> Option<usize> {
        self.fifo_event(A, name, "pre-dial");
        let profile = self.legs[A].profile.clone();
        let vars = vec![
            ("origination_caller_id_name".to_owned(), profile.name),
            ("origination_caller_id_number".to_owned(), profile.number),
        ];
        let c = self.callee_leg(None, number, false, script, &vars);
        self.dialled(c, 1);
        let until = self.now() + 20_000_000;
        self.timers.at(until, What::Wake);
        while self.legs[c].alive() && !self.legs[c].answered() {
            self.wait(A).await;
            if self.legs[A].leaves_queue || !self.legs[A].alive() {
                self.hang_up(c, "ORIGINATOR_CANCEL");
            } else if self.now() >= until {
                self.hang_up(c, "NO_ANSWER");
            }
        }
        self.fifo_event(c, name, "post-dial");
        if !self.legs[c].alive() {
            self.destroy_reaped();
            return None;
        }
        self.tell(c, Kind::CallUpdate);
        self.state(c, State::Execute);
        let arg = format!("{name} out nowait");
        self.legs[c].vars.set("current_application", "fifo");
        self.legs[c].fifo = super::shared::new_uuid();
        let uuid = self.legs[c].fifo.clone();
        self.tell_app(Kind::ChannelExecute, c, "fifo", &arg, &uuid);
        self.fifo_event(c, name, "consumer_start");
        let member = self.legs[c].uuid.clone();
        for variable in ["fifo_serviced_by", "fifo_serviced_uuid"] {
            self.legs[A].vars.set(variable, &member);
        }
        self.fifo_event(A, name, "caller_pop");
        self.fifo_event(c, name, "consumer_pop");
        Some(c)
    }

    pub(super) async fn joined_in_fifo(&mut self, c: usize, name: &str) {
        self.state(A, State::Hibernate);
        self.legs[c].other = Some(self.legs[A].as_other("originatee"));
        self.fifo_event(c, name, "channel-consumer-start");
        self.fifo_event(c, name, "bridge-consumer-start");
        self.legs[A].other = Some(self.legs[c].as_other("originator"));
        self.fifo_status("TALKING");
        self.fifo_event(A, name, "bridge-caller-start");
        let now = self.now();
        self.legs[A].times.bridged = now;
        self.legs[c].times.bridged = now;
        self.begin_talk(A, c);
        self.tell_bridge(Kind::ChannelBridge, c, A);
        self.state(A, State::ExchangeMedia);
        self.bridge_variables(A, c);
        self.bridge_variables(c, A);
        self.tell(A, Kind::CallUpdate);
        self.tell(c, Kind::CallUpdate);
        while self.legs[A].alive() && self.legs[c].alive() && self.transfer.is_none() {
            self.wait(A).await;
        }
        self.end_talk(A);
        let member_ended = !self.legs[c].alive();
        if !member_ended && !self.legs[A].alive() {
            self.complete(A);
        }
        let vars = &mut self.legs[c].vars;
        for variable in ["bridge_hangup_cause", "last_bridge_hangup_cause"] {
            vars.set(variable, "NORMAL_CLEARING");
        }
        self.tell_bridge(Kind::ChannelUnbridge, c, A);
        self.fifo_event(c, name, "channel-consumer-stop");
        self.fifo_event(c, name, "bridge-consumer-stop");
        self.fifo_event(A, name, "bridge-caller-stop");
        self.fifo_event(c, name, "consumer_stop");
        if member_ended {
            self.hang_up_caller("NORMAL_CLEARING");
            return;
        }
        self.fifo_event(c, name, "channel-consumer-start");
        let (arg, uuid) = (format!("{name} out nowait"), self.legs[c].fifo.clone());
        self.tell_app(Kind::ChannelExecuteComplete, c, "fifo", &arg, &uuid);
        if self.hang_up_first(c, "NORMAL_CLEARING") {
            self.fifo_event(c, name, "channel-consumer-stop");
            self.complete_rest(c);
            self.destroy(c);
        }
    }
}
