//! The life of a channel, and telling about it.

use std::fmt::Write as _;

use super::call::{A, Call};
use super::cause::Cause;
use super::clock::Micros;
use super::dial::{VarList, var};
use super::event::{Extra, Kind};
use super::leg::{CallState, Leg, State};
use super::script::Script;
use super::shared::new_uuid;
use super::templates as t;
use super::timers::What;
use super::vars::{Vars, encode};

impl Call {
    /// The caller's leg as it stands at `connect`.
    pub(super) fn caller_leg(&self, uuid: String, now: Micros) -> Leg {
        let spec = &self.spec;
        let port = 5101 + self.id % 50_000;
        let name = format!("sofia/internal/{}@127.0.0.1:{port}", spec.from);
        let mut leg = Leg::new(uuid, true, name, now);
        let block = t::CALLER.fill(&[
            ("uuid", &leg.uuid),
            ("session", &self.id.to_string()),
            ("from", &encode(&spec.from)),
            ("to", &encode(&spec.to)),
            ("name", &encode(&spec.name)),
            ("host", &format!("127.0.0.1%3A{port}")),
            ("port", &port.to_string()),
            ("created", &now.to_string()),
            ("epoch", &(now / 1_000_000).to_string()),
            ("callid", &leg.uuid[..8]),
            ("tag", &leg.uuid[..8]),
        ]);
        leg.vars = Vars::new(block);
        for (name, value) in &spec.variables {
            leg.vars.set(name, value);
        }
        leg.profile.name.clone_from(&spec.name);
        leg.profile.number.clone_from(&spec.from);
        leg.profile.orig_name.clone_from(&spec.name);
        leg.profile.orig_number.clone_from(&spec.from);
        leg.profile.destination.clone_from(&spec.to);
        leg
    }

    /// A leg to a phone. `by`: the leg that dials it; `vars`: from the dial string.
    pub(super) fn callee_leg(
        &mut self,
        by: Option<usize>,
        number: &str,
        user: bool,
        script: Script,
        vars: &VarList,
    ) -> usize {
        let now = self.now();
        let port = 6000 + number.bytes().fold(0_u64, |n, b| (n * 10 + u64::from(b % 16)) % 5000);
        let uuid = var(vars, "origination_uuid").map_or_else(new_uuid, str::to_owned);
        let name = format!("sofia/internal/{number}@127.0.0.1:{port}");
        let mut leg = Leg::new(uuid, false, name, now);
        let (mut shown_name, mut shown_number) = (String::new(), String::new());
        if let Some(by) = by {
            let from = &self.legs[by];
            shown_name = (from.vars.get("effective_caller_id_name"))
                .unwrap_or_else(|| from.profile.name.clone());
            shown_number = (from.vars.get("effective_caller_id_number"))
                .unwrap_or_else(|| from.profile.number.clone());
            leg.call_uuid.clone_from(&from.call_uuid);
            leg.profile.orig_name.clone_from(&from.profile.orig_name);
            leg.profile.orig_number.clone_from(&from.profile.orig_number);
            leg.other = Some(from.as_other("originator"));
        }
        for (given, shown) in [
            ("origination_caller_id_name", &mut shown_name),
            ("origination_caller_id_number", &mut shown_number),
        ] {
            if let Some(value) = var(vars, given) {
                value.clone_into(shown);
            }
        }
        leg.profile.name = shown_name;
        leg.profile.number = shown_number;
        "Outbound Call".clone_into(&mut leg.profile.callee_name);
        number.clone_into(&mut leg.profile.callee_number);
        number.clone_into(&mut leg.profile.destination);
        let block = t::CALLEE.fill(&[
            ("uuid", &leg.uuid),
            ("session", &self.shared.session().to_string()),
            ("to", number),
            ("host", &format!("127.0.0.1%3A{port}")),
            ("epoch", &(now / 1_000_000).to_string()),
        ]);
        leg.vars = Vars::new(block);
        for (name, value) in vars {
            leg.vars.set(name, value);
        }
        if let Some(by) = by {
            let uuid = self.legs[by].uuid.clone();
            for name in ["originator", "signal_bond", "call_uuid"] {
                leg.vars.set(name, &uuid);
            }
            // `export` and `export_vars` hand variables down.
            let exported = self.legs[by].vars.get("export_vars").unwrap_or_default();
            for name in exported.split(',').filter(|n| !n.is_empty()) {
                if let Some(value) = self.legs[by].vars.get(name) {
                    leg.vars.set(name, &value);
                }
            }
            leg.vars.append("originating_leg_uuid", &uuid);
        }
        leg.vars.append("originate_endpoint", "sofia");
        if user {
            leg.presence_id = format!("{number}@127.0.0.1");
            leg.vars.append("presence_id", &leg.presence_id);
            leg.vars.set("dialed_user", number);
            leg.vars.set("dialed_domain", "127.0.0.1");
        }
        leg.phone = Some((number.to_owned(), script));
        leg.rung = Some(self.report.rung.len());
        self.report.rung.push(super::report::Rung {
            phone: number.to_owned(),
            at: self.elapsed(),
            until: None,
            shown_name: leg.profile.name.clone(),
            shown_number: leg.profile.number.clone(),
            result: String::new(),
        });
        self.shared.enter(&leg.uuid, &self.mailbox);
        self.legs.push(leg);
        self.legs.len() - 1
    }

    /// The events of a new leg, up to where it waits for its phone.
    pub(super) fn dialled(&mut self, l: usize, outgoing: usize) {
        self.legs[l].state = State::None;
        // It belongs to the call only afterwards (FACTS.md: CHANNEL_OUTGOING of B is missed).
        let own = self.legs[l].uuid.clone();
        let call = std::mem::replace(&mut self.legs[l].call_uuid, own);
        for _ in 0..outgoing {
            self.tell(l, Kind::ChannelOutgoing);
        }
        self.legs[l].call_uuid = call;
        self.state(l, State::Init);
        self.tell(l, Kind::ChannelCreate);
        self.tell(l, Kind::ChannelOriginate);
        self.state(l, State::Routing);
        self.presence(l);
        self.state(l, State::ConsumeMedia);
        self.start_phone(l);
    }

    /// mod_sofia makes a channel before it finds that there is no such gateway (transcript 04a).
    pub(super) fn stillborn(&mut self) {
        let mut leg = Leg::new(new_uuid(), false, "sofia/".to_owned(), self.now());
        leg.state = State::None;
        leg.complete = true;
        self.legs.push(leg);
        self.destroy(self.legs.len() - 1);
    }

    /// A leg's phone answers.
    pub(super) fn callee_answers(&mut self, l: usize) {
        let now = self.now();
        self.callee_media(l);
        let leg = &mut self.legs[l];
        leg.times.answered = now;
        leg.stale = true;
        self.tell(l, Kind::ChannelAnswer);
        self.presence(l);
        self.call_state(l, CallState::Active);
        self.legs[l].vars.append("endpoint_disposition", "ANSWER");
        self.stopped_ringing(l, "ANSWERED");
    }

    /// Media of a leg we dialled begin to flow.
    pub(super) fn callee_media(&mut self, l: usize) {
        self.callee_progress_vars(l);
        if !self.legs[l].has_media {
            let epoch = (self.now() / 1_000_000).to_string();
            let block = t::CALLEE_MEDIA.fill(&[("epoch", &epoch)]);
            self.legs[l].vars.append_block(&block);
            self.legs[l].has_media = true;
            self.tell(l, Kind::Codec);
            self.tell(l, Kind::Codec);
        }
    }

    pub(super) fn callee_progress_vars(&mut self, l: usize) {
        let leg = &mut self.legs[l];
        if leg.vars.get("sip_reply_host").is_some() {
            return;
        }
        let host = leg.name.rsplit('@').next().unwrap_or_default().to_owned();
        let port = host.rsplit(':').next().unwrap_or_default();
        leg.vars.unset("sip_to_host");
        let block = t::CALLEE_PROGRESS.fill(&[
            ("to", &leg.profile.destination),
            ("host", &encode(&host)),
            ("port", port),
            ("name", &encode(&leg.profile.name)),
            ("from", &encode(&leg.profile.number)),
            ("tag", &leg.uuid[..8.min(leg.uuid.len())]),
            ("callid", &leg.uuid),
        ]);
        leg.vars.append_block(&block);
    }

    pub(super) fn stopped_ringing(&mut self, l: usize, result: &str) {
        let elapsed = self.elapsed();
        if let Some(rung) = self.legs[l].rung.take() {
            let rung = &mut self.report.rung[rung];
            rung.until = Some(elapsed);
            result.clone_into(&mut rung.result);
        }
    }

    /// The caller is told that it rings. Once only.
    pub(super) fn ring_caller(&mut self) {
        if self.rang || self.legs[A].early() || !self.legs[A].alive() {
            return;
        }
        self.rang = true;
        let now = self.now();
        self.legs[A].times.progress = now;
        self.legs[A].stale = true;
        self.tell(A, Kind::ChannelProgress);
    }

    /// 183: media to the caller before the answer.
    pub(super) fn pre_answer(&mut self) {
        if self.legs[A].early() {
            return;
        }
        let now = self.now();
        self.caller_media();
        let leg = &mut self.legs[A];
        leg.times.progress_media = now;
        leg.stale = true;
        leg.vars.set("endpoint_disposition", "EARLY MEDIA");
        self.tell(A, Kind::ChannelProgressMedia);
        self.call_state(A, CallState::Early);
    }

    fn caller_media(&mut self) {
        if self.legs[A].has_media {
            return;
        }
        let block = t::CALLER_MEDIA.fill(&[]);
        let vars = &mut self.legs[A].vars;
        for name in ["audio_media_flow", "rtp_use_codec_string"] {
            vars.unset(name);
        }
        vars.append("rtp_use_codec_string", "PCMU,PCMA");
        vars.append("audio_media_flow", "sendrecv");
        vars.append_block(&block);
        self.legs[A].has_media = true;
        self.tell(A, Kind::Codec);
        self.tell(A, Kind::Codec);
    }

    /// 200 to the caller.
    pub(super) fn answer_caller(&mut self) {
        if self.legs[A].answered() || !self.legs[A].alive() {
            return;
        }
        self.pre_answer();
        let now = self.now();
        let leg = &mut self.legs[A];
        leg.times.answered = now;
        leg.stale = true;
        self.tell(A, Kind::ChannelAnswer);
        self.call_state(A, CallState::Active);
        let vars = &mut self.legs[A].vars;
        vars.set("endpoint_disposition", "ANSWER");
        vars.append_block(&t::CALLER_DIALOG.fill(&[]));
    }

    /// Hangs a leg up. The caller's goes on to its end when its thread notices; any other ends
    /// at once, but is told as destroyed later.
    pub(super) fn hang_up(&mut self, l: usize, cause: Cause) {
        if l == A {
            self.hang_up_caller(cause);
        } else if self.hang_up_first(l, cause) {
            self.complete_rest(l);
            self.reap.push(l);
        }
    }

    /// CHANNEL_HANGUP and, for a leg we dialled, CS_HANGUP.
    pub(super) fn hang_up_first(&mut self, l: usize, cause: Cause) -> bool {
        if !self.legs[l].alive() || self.legs[l].complete {
            return false;
        }
        self.legs[l].cause = Some(cause);
        self.stopped_ringing(l, cause);
        let head = format!("Hangup-Cause: {cause}\n");
        let extra = Extra { head: &head, ..Extra::default() };
        self.tell_more(Some(l), Kind::ChannelHangup, extra);
        if l != A {
            self.state(l, State::Hangup);
        }
        true
    }

    pub(super) fn hang_up_caller(&mut self, cause: Cause) {
        if self.hang_up_first(A, cause) && self.shared.config.early_notice {
            let (uuid, name) = (self.legs[A].uuid.clone(), self.legs[A].name.clone());
            for c in 0..self.conns.len() {
                if let (Some(seconds), true) = (self.conns[c].linger, self.conns[c].controls()) {
                    self.linger_notice(c, &uuid, &name, seconds);
                    let now = self.now();
                    self.timers.at(now + (seconds + 1) * 1_000_000, What::LingerEnds(c));
                }
            }
        }
        let (lingers, waits) = (
            self.conns.iter().any(|c| c.linger.is_some()),
            self.legs.iter().skip(1).any(|l| l.alive() && !l.answered()),
        );
        // Without linger the end of a call that is cancelled in a bridge is never told (07n).
        if !lingers && waits && !self.legs[A].answered() {
            for c in 0..self.conns.len() {
                self.say_goodbye(c);
            }
        }
    }

    /// CS_HANGUP to CHANNEL_HANGUP_COMPLETE.
    pub(super) fn complete(&mut self, l: usize) {
        if !self.legs[l].complete {
            self.state(l, State::Hangup);
            self.complete_rest(l);
        }
    }

    pub(super) fn complete_rest(&mut self, l: usize) {
        if self.legs[l].complete {
            return;
        }
        self.stop_recordings(l);
        self.legs[l].times.hangup = self.now();
        self.legs[l].stale = true;
        self.call_state(l, CallState::Hangup);
        self.presence(l);
        self.state(l, State::Reporting);
        self.legs[l].complete = true;
        self.final_variables(l);
        let mut head = String::new();
        let _ = writeln!(head, "Hangup-Cause: {}", self.legs[l].cause.unwrap_or("NONE"));
        let extra = Extra { head: &head, ..Extra::default() };
        self.tell_more(Some(l), Kind::ChannelHangupComplete, extra);
        self.shared.leave(&self.legs[l].uuid);
    }

    pub(super) fn destroy(&mut self, l: usize) {
        if !self.legs[l].destroyed {
            let leg = &mut self.legs[l];
            leg.destroyed = true;
            // A leg that was bridged belongs to the call no longer (transcript 02b, against 03a).
            if leg.times.bridged > 0 {
                leg.call_uuid.clone_from(&leg.uuid);
            }
            self.tell(l, Kind::ChannelDestroy);
            self.state(l, State::Destroy);
        }
    }

    pub(super) fn destroy_reaped(&mut self) {
        for l in std::mem::take(&mut self.reap) {
            self.complete_rest(l);
            self.destroy(l);
        }
    }
}
