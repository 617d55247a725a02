//! Phones and callers act: what a timer brings about.

use super::call::{A, Call};
use super::cause;
use super::event::{Extra, Kind};
use super::leg::CallState;
use super::script::{Then, Transfer};
use super::timers::What;
use super::vars::encode;

impl Call {
    /// The INVITE has reached the phone.
    pub(super) fn start_phone(&mut self, l: usize) {
        let Some((_, script)) = self.legs[l].phone.clone() else {
            return;
        };
        if let Some(after) = script.rings {
            self.after(after, What::Rings(l));
        }
        match script.then {
            Then::Answer(after) => self.after(after, What::Answers(l)),
            Then::Refuse(after, status) => self.after(after, What::Refuses(l, status)),
            Then::Nothing => {}
        }
    }

    pub(super) fn happen(&mut self, what: What) {
        match what {
            What::Wake => {}
            What::Rings(l) => self.phone_rings(l),
            What::Answers(l) => self.phone_answers(l),
            What::Refuses(l, status) => self.phone_refuses(l, status),
            What::HangsUp(l) => self.phone_hangs_up(l),
            What::Transfers(l) => self.phone_transfers(l),
            What::HandsOver(l, c) => self.hand_over(l, c),
            What::CallerHangsUp => self.caller_hangs_up(),
            What::CallerGivesUp => {
                if self.report.talks.is_empty() {
                    self.caller_hangs_up();
                }
            }
            What::Presses(l, digit) => self.presses(l, digit),
            What::Holds(l, on) => self.phone_holds(l, on),
            What::CallerTransfers => self.caller_transfers(),
            What::Release(c) => self.conns[c].release(),
            What::LingerEnds(c) => {
                if self.conns[c].controls() {
                    self.say_goodbye(c);
                }
            }
        }
    }

    fn phone_rings(&mut self, l: usize) {
        let leg = &self.legs[l];
        if !leg.alive() || leg.answered() {
            return;
        }
        let now = self.now();
        let early = leg.phone.as_ref().is_some_and(|(_, s)| s.early_media);
        let for_caller = leg.other.as_ref().is_some_and(|o| o.uuid == self.legs[A].uuid);
        if early {
            self.callee_media(l);
            self.legs[l].times.progress_media = now;
            self.legs[l].stale = true;
            self.tell(l, Kind::ChannelProgressMedia);
            self.execute_on(l, "execute_on_pre_answer");
            self.call_state(l, CallState::Early);
            return;
        }
        self.callee_progress_vars(l);
        self.legs[l].times.progress = now;
        self.legs[l].stale = true;
        self.tell(l, Kind::ChannelProgress);
        self.execute_on(l, "execute_on_ring");
        self.call_state(l, CallState::Ringing);
        if for_caller {
            self.ring_caller();
        }
    }

    fn phone_answers(&mut self, l: usize) {
        if !self.legs[l].alive() || self.legs[l].answered() {
            return;
        }
        self.callee_answers(l);
        self.consulted(l);
        let talk = self.legs[l].phone.as_ref().map(|(_, s)| s.talk.clone());
        let talk = talk.unwrap_or_default();
        if let Some(after) = talk.hang_up {
            self.after(after, What::HangsUp(l));
        }
        if let Some((after, time)) = talk.holds {
            self.after(after, What::Holds(l, true));
            self.after(after + time, What::Holds(l, false));
        }
        if let Some(transfer) = talk.transfer {
            self.after(transfer.after, What::Transfers(l));
        }
        for (after, digit) in talk.presses {
            self.after(after, What::Presses(l, digit));
        }
    }

    /// An application that a variable of the leg names for this moment. Only `event` is known.
    fn execute_on(&mut self, l: usize, variable: &str) {
        let app = self.legs[l].vars.get(variable).unwrap_or_default();
        if let Some(arg) = app.strip_prefix("event ") {
            self.tell_app(Kind::ChannelExecute, l, "event", arg, "");
            self.app_event(l, arg);
            self.tell_app(Kind::ChannelExecuteComplete, l, "event", arg, "");
        }
    }

    fn phone_refuses(&mut self, l: usize, status: u16) {
        if self.legs[l].alive() && !self.legs[l].answered() {
            self.legs[l].refused = status;
            let vars = &mut self.legs[l].vars;
            vars.set("sip_invite_failure_status", &status.to_string());
            vars.set("sip_invite_failure_phrase", cause::phrase(status));
            self.hang_up(l, cause::of_sip(status));
        }
    }

    fn phone_hangs_up(&mut self, l: usize) {
        if !self.legs[l].alive() {
            return;
        }
        let vars = &mut self.legs[l].vars;
        for (name, value) in [
            ("sip_term_status", "200"),
            ("proto_specific_hangup_cause", "sip:200"),
            ("sip_term_cause", "16"),
            ("last_bridge_role", "originatee"),
            ("sip_hangup_disposition", "recv_bye"),
        ] {
            vars.set(name, value);
        }
        vars.unset("bridge_to");
        let peer = self.legs[l].peer.filter(|p| l != A && *p != A);
        self.hang_up(l, "NORMAL_CLEARING");
        if let Some(c) = self.legs[l].asks {
            self.hand_over(l, c);
        }
        // Two legs that talk without the caller end together.
        if let Some(peer) = peer {
            self.end_talk(l);
            self.hang_up(peer, "NORMAL_CLEARING");
        }
    }

    fn phone_transfers(&mut self, l: usize) {
        let transfer: Option<Transfer> =
            self.legs[l].phone.as_ref().and_then(|(_, s)| s.talk.transfer.clone());
        if let (Some(transfer), true) = (transfer, self.legs[l].alive()) {
            if transfer.attended.is_some() {
                self.attended_transfer(l, &transfer);
            } else {
                self.blind_transfer(l, &transfer.to);
            }
        }
    }

    /// A re-INVITE that holds, or takes back (transcript 09a).
    fn phone_holds(&mut self, l: usize, on: bool) {
        if !self.legs[l].alive() || !self.legs[l].answered() {
            return;
        }
        let (state, kind) = if on {
            (CallState::Held, Kind::ChannelHold)
        } else {
            (CallState::Unheld, Kind::ChannelUnhold)
        };
        self.call_state(l, state);
        self.tell(l, kind);
        self.presence(l);
        if !on {
            self.call_state(l, CallState::Active);
        }
        if let (A, Some(b)) = (l, self.legs[l].peer) {
            self.hold_music_for_other(b, on);
        }
        if self.legs[l].peer == Some(A) {
            if on {
                self.hold_music();
            } else {
                self.legs[A].break_now = true;
            }
        }
    }

    fn presses(&mut self, l: usize, digit: char) {
        if !self.legs[l].alive() {
            return;
        }
        let digit = digit.to_string();
        let tail =
            format!("DTMF-Digit: {}\nDTMF-Duration: 960\nDTMF-Source: RTP\n", encode(&digit));
        let extra = Extra { tail: &tail, ..Extra::default() };
        self.tell_more(Some(l), Kind::Dtmf, extra);
        if l == A {
            self.digits.push_str(&digit);
        }
    }

    /// BYE or CANCEL from the caller.
    pub(super) fn caller_hangs_up(&mut self) {
        if !self.legs[A].alive() {
            return;
        }
        self.report.caller_hung_up = true;
        let answered = self.legs[A].answered();
        let said: &[(&str, &str)] = if answered {
            &[
                ("sip_hangup_disposition", "recv_bye"),
                ("sip_term_status", "200"),
                ("sip_term_cause", "16"),
                ("proto_specific_hangup_cause", "sip:200"),
            ]
        } else {
            &[
                ("sip_hangup_disposition", "recv_cancel"),
                ("sip_invite_failure_status", "487"),
                ("sip_invite_failure_phrase", "CANCEL"),
                ("sip_term_status", "487"),
                ("sip_term_cause", "487"),
                ("proto_specific_hangup_cause", "sip:487"),
            ]
        };
        for (name, value) in said {
            self.legs[A].vars.set(name, value);
        }
        self.hang_up_caller(if answered { "NORMAL_CLEARING" } else { "ORIGINATOR_CANCEL" });
    }
}
