//! The dialplan, and sending legs to another place in it (transcripts 09b–09j).

use super::call::{A, Call};
use super::dial::Dial;
use super::endpoint::Endpoint;
use super::event::{Extra, Kind};
use super::join::{Join, JoinKind};
use super::leg::{CallState, Message, State};
use super::script::Transfer;
use super::timers::What;
use super::vars::encode;

/// An extension of the dialplan.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Destination {
    pub(super) extension: String,
    /// The applications themselves: `inline`, or given by `originate`.
    apps: Option<Vec<(String, String)>>,
    /// The other leg is kept (`-both`).
    pub(super) keeps_other: bool,
    /// CS_RESET: everything on the leg ends, and it goes nowhere.
    pub(super) nowhere: bool,
}

impl Destination {
    pub(super) fn of(extension: &str) -> Self {
        Self { extension: extension.to_owned(), apps: None, keeps_other: false, nowhere: false }
    }

    /// CS_RESET.
    pub(super) fn nowhere() -> Self {
        Self { nowhere: true, ..Self::of("") }
    }

    /// `EXTENSION [DIALPLAN [CONTEXT]]`.
    pub(super) fn parse(text: &str) -> Self {
        let mut words = text.split_whitespace();
        let mut destination = Self::of(words.next().unwrap_or_default());
        if words.next() == Some("inline") {
            let apps = destination.extension.split(',').map(|app| {
                let (app, arg) = app.split_once(':').unwrap_or((app, ""));
                (app.to_owned(), arg.to_owned())
            });
            destination.apps = Some(apps.collect());
        }
        destination
    }

    /// One application.
    pub(super) fn app(app: &str, arg: &str) -> Self {
        let apps = vec![(app.to_owned(), arg.to_owned())];
        Self { apps: Some(apps), ..Self::of(app) }
    }
}

impl Call {
    /// Runs an extension to its end.
    pub(super) async fn dialplan(&mut self, to: Destination) {
        self.dialplan_ends = false;
        let apps = to.apps.or_else(|| self.shared.config.extensions.get(&to.extension).cloned());
        if let Some(apps) = apps {
            for (app, arg) in apps {
                self.execute(&app, &arg, "").await;
                if !self.legs[A].alive() || self.transfer.is_some() || self.dialplan_ends {
                    return;
                }
                if self.joins.is_some() {
                    self.joined().await;
                    return;
                }
            }
            return;
        }
        if self.shared.config.socket_resume && self.legs[A].vars.get("dozvon_leaves").is_none() {
            self.legs[A].vars.set("socket_resume", "true");
        }
        let engine = self.shared.engine();
        let goes_on = self.app_socket(&engine).await;
        if goes_on && self.legs[A].alive() && self.transfer.is_none() {
            self.legs[A].vars.set("socket_resume", "false");
            self.fall_back().await;
        }
    }

    /// What stands after `socket` in the dialplan: the plain queue.
    async fn fall_back(&mut self) {
        self.report.fell_to_dialplan = true;
        self.report.queues.push("dialplan".to_owned());
        self.answer_caller();
        self.music += 1;
        self.pass(self.shared.config.fallback_talk).await;
        self.music -= 1;
    }

    /// Sends the caller's leg on. Whatever runs on it ends.
    pub(super) fn send_caller_to(&mut self, to: Destination) {
        let seconds = self.now() / 1_000_000;
        let history = format!(
            "{seconds}:{}:bl_xfer:{}/public/{}",
            super::shared::new_uuid(),
            to.extension,
            if to.apps.is_some() { "inline" } else { "XML" }
        );
        let leg = &mut self.legs[A];
        leg.vars.push("transfer_history", &history);
        leg.vars.set("transfer_source", &history);
        leg.vars.unset("signal_bond");
        leg.other = None;
        leg.queue.clear();
        self.transfer = Some(to);
    }

    /// Between two extensions.
    pub(super) fn depart(&mut self, to: &Destination) {
        let now = self.now();
        let leg = &mut self.legs[A];
        leg.profile.destination.clone_from(&to.extension);
        if !leg.inbound {
            // Whom we dialled is the one who calls from now on (seen on 1.10.12).
            leg.profile.name.clone_from(&leg.profile.callee_name);
            leg.profile.number.clone_from(&leg.profile.callee_number);
        }
        leg.times.transfer = now;
        leg.times.profile = now;
        leg.stale = true;
        leg.state = State::Routing;
        let answered = leg.answered();
        self.call_state(A, CallState::Ringing);
        self.tell(A, Kind::ChannelState);
        self.legs[A].state = State::Execute;
        if answered {
            self.call_state(A, CallState::Active);
        }
        self.tell(A, Kind::ChannelState);
    }

    /// REFER by the phone of leg `l`.
    pub(super) fn blind_transfer(&mut self, l: usize, to: &str) {
        if self.legs[l].peer == Some(A) {
            let vars = &mut self.legs[A].vars;
            vars.set("sip_refer_to", &format!("<sip:{to}@127.0.0.1:5080>"));
            let number = self.legs[l].profile.destination.clone();
            let by = format!("<sip:{number}@127.0.0.1>");
            self.legs[A].vars.set("sip_h_Referred-By", &by);
            self.send_caller_to(Destination::of(to));
        }
    }

    /// REFER by the caller: the other leg goes on, the caller's stays until it is hung up (09d).
    pub(super) fn caller_transfers(&mut self) {
        let Some(transfer) = self.spec.caller.transfer.clone() else {
            return;
        };
        if let Some(b) = self.legs[A].peer {
            let uuid = self.legs[b].uuid.clone();
            let vars = &mut self.legs[A].vars;
            vars.set("endpoint_disposition", "BLIND_TRANSFER");
            vars.set("transfer_to", &format!("blind:{uuid}"));
            vars.set("transfer_disposition", "recv_replace");
            self.send_other_to(b, &Destination::of(&transfer.to));
        }
    }

    /// Sends a leg that is not the caller's to an extension: it is connected to whoever is
    /// dialled there.
    pub(super) fn send_other_to(&mut self, b: usize, to: &Destination) {
        self.end_talk(b);
        self.legs[A].vars.unset("signal_bond");
        let apps = self.shared.config.extensions.get(&to.extension).cloned();
        let bridge = apps.unwrap_or_default().into_iter().find(|(app, _)| app == "bridge");
        if let Some((_, arg)) = bridge {
            self.consult(b, &arg);
        }
    }

    /// Dials for a leg that is not the caller's.
    fn consult(&mut self, b: usize, arg: &str) -> Option<usize> {
        let dial = Dial::parse(arg);
        let target = dial.alternatives.first()?.first()?.clone();
        match self.shared.endpoint(&target.endpoint) {
            Endpoint::Phone { number, user, script } => {
                let c = self.callee_leg(Some(b), &number, user, script, &dial.vars);
                self.legs[c].dialled_by = Some(b);
                self.dialled(c, 1);
                Some(c)
            }
            Endpoint::Fails(cause) => {
                self.hang_up(b, cause);
                None
            }
        }
    }

    /// A leg dialled for one that is not the caller's has answered.
    pub(super) fn consulted(&mut self, c: usize) {
        let Some(b) = self.legs[c].dialled_by else {
            return;
        };
        if !self.legs[b].alive() {
            self.hang_up(c, "ORIGINATOR_CANCEL");
            return;
        }
        if self.legs[b].peer.is_none() {
            self.begin_talk(b, c);
            self.tell_bridge(Kind::ChannelBridge, b, c);
        }
    }

    /// The owner holds the caller, calls somebody himself and hands over (09e).
    pub(super) fn attended_transfer(&mut self, l: usize, transfer: &Transfer) {
        if self.legs[l].peer != Some(A) {
            return;
        }
        let apps = self.shared.config.extensions.get(&transfer.to).cloned();
        let target = apps
            .and_then(|apps| apps.into_iter().find(|(app, _)| app == "bridge"))
            .map_or_else(|| format!("user/{}", transfer.to), |(_, arg)| arg);
        self.hold_music();
        if let Some(c) = self.consult(l, &target) {
            self.legs[c].dialled_by = None;
            let after = transfer.attended.unwrap_or_default();
            self.after(after, What::HandsOver(l, c));
        }
    }

    /// The caller hears music, as long as the other side holds (transcript 09a).
    pub(super) fn hold_music(&mut self) {
        self.legs[A].urgent.push_back(Message::Execute {
            app: "playback".to_owned(),
            arg: "tone_stream://%(400,200,440,480);loops=-1".to_owned(),
            uuid: String::new(),
            lock: true,
            loops: 1,
        });
    }

    /// The same for the other leg, when the caller holds.
    pub(super) fn hold_music_for_other(&mut self, b: usize, on: bool) {
        let music = "tone_stream://%(400,200,440,480);loops=-1";
        if on {
            self.legs[b].music = super::shared::new_uuid();
        }
        let uuid = self.legs[b].music.clone();
        let tail = format!("Playback-File-Path: {}\n", encode(music));
        let extra = Extra { tail: &tail, ..Extra::default() };
        if on {
            self.legs[b].vars.set("current_application", "playback");
            self.tell_app(Kind::ChannelExecute, b, "playback", music, &uuid);
            self.tell_more(Some(b), Kind::PlaybackStart, extra);
        } else {
            self.tell_more(Some(b), Kind::PlaybackStop, extra);
            self.legs[b].vars.set("current_application_response", "FILE PLAYED");
            self.tell_app(Kind::ChannelExecuteComplete, b, "playback", music, &uuid);
        }
    }

    /// REFER with Replaces: the caller is connected with the one who was asked.
    pub(super) fn hand_over(&mut self, l: usize, c: usize) {
        if self.legs[l].peer != Some(A) || !self.legs[c].alive() {
            return;
        }
        if !self.legs[c].answered() {
            return;
        }
        self.legs[A].other = Some(self.legs[c].as_other("originatee"));
        let (uuid, name) = (self.legs[c].uuid.clone(), self.legs[c].name.clone());
        let vars = &mut self.legs[A].vars;
        vars.set("bridge_channel", &name);
        vars.set("bridge_uuid", &uuid);
        vars.set("signal_bond", &uuid);
        self.joins = Some(Join {
            leg: c,
            kind: if self.legs[l].asks == Some(c) { JoinKind::AttXfer } else { JoinKind::Attended },
        });
        self.legs[A].break_now = true;
    }

    /// `sendmsg` to a leg that is not the caller's.
    pub(super) fn message_to_other(&mut self, l: usize, message: Message) {
        match message {
            Message::Hangup(cause) => self.hang_up(l, cause),
            Message::Execute { app, arg, .. } => match app.as_str() {
                "set" | "export" => {
                    if let Some((name, value)) = arg.split_once('=') {
                        self.legs[l].vars.set(name.trim(), value);
                    }
                }
                "hangup" => self.hang_up(l, super::cause::parse(&arg)),
                "att_xfer" => {
                    if let Some(c) = self.consult(l, &arg) {
                        self.legs[c].dialled_by = None;
                        self.legs[l].asks = Some(c);
                    }
                }
                _ => {}
            },
            Message::Nothing => {}
        }
    }
}
