//! `bridge`: dialling one or several legs, and the talk.

use super::call::{A, Call};
use super::cause::{self, Cause};
use super::clock::Micros;
use super::dial::{Dial, Target, VarList, var};
use super::event::{Extra, Kind};
use super::leg::{CallState, State};
use super::report::Talked;
use super::script::{Presence, Script};
use super::timers::What;

/// What a target of a dial string leads to.
#[derive(Debug, PartialEq)]
pub(super) enum Endpoint {
    Phone {
        number: String,
        user: bool,
        script: Script,
    },
    /// No channel is made.
    Fails(Cause),
}

/// How dialling a group of legs ended.
enum Dialled {
    Leg(usize),
    Failed { cause: Cause, made: bool, status: u16 },
    CallerGone,
}

/// A leg that rings, and until when.
struct Ringing {
    leg: usize,
    until: Micros,
    cause: Cause,
    progress_until: Option<Micros>,
}

/// Whole wall-clock seconds (FACTS.md, timeouts): up to a second early.
fn whole_seconds(from: Micros, seconds: u64) -> Micros {
    (from / 1_000_000 + seconds) * 1_000_000
}

impl Call {
    /// Looks up where a target leads.
    pub(super) fn endpoint(&self, target: &str) -> Endpoint {
        let find = |number: &str, user: bool, absent: Cause| {
            let number = number.split('@').next().unwrap_or_default();
            match self.shared.phone(number) {
                None => Endpoint::Fails(absent),
                Some(script) => match script.presence {
                    Presence::Absent => Endpoint::Fails(absent),
                    Presence::Unregistered => Endpoint::Fails("USER_NOT_REGISTERED"),
                    Presence::Registered => {
                        Endpoint::Phone { number: number.to_owned(), user, script }
                    }
                },
            }
        };
        let (kind, rest) = target.split_once('/').unwrap_or((target, ""));
        match kind {
            "user" => find(rest, true, "SUBSCRIBER_ABSENT"),
            "error" => Endpoint::Fails(cause::parse(rest)),
            "sofia" => match rest.split_once('/') {
                Some(("gateway", rest)) => {
                    let (gateway, number) = rest.split_once('/').unwrap_or((rest, ""));
                    if !self.shared.config.gateways.iter().any(|g| g == gateway) {
                        return Endpoint::Fails("INVALID_GATEWAY");
                    }
                    match self.shared.phone(number) {
                        Some(script) if script.presence == Presence::Registered => {
                            Endpoint::Phone { number: number.to_owned(), user: false, script }
                        }
                        // The carrier says that there is no such number.
                        _ => Endpoint::Phone {
                            number: number.to_owned(),
                            user: false,
                            script: Script::refuses(404),
                        },
                    }
                }
                Some(("internal" | "external", address)) => {
                    let number = address.trim_start_matches("sip:");
                    match find(number, false, "NORMAL_TEMPORARY_FAILURE") {
                        Endpoint::Phone { number, script, .. } => {
                            Endpoint::Phone { number, script, user: false }
                        }
                        // Nobody listens there: ICMP refuses (transcript 04a).
                        Endpoint::Fails(_) => Endpoint::Phone {
                            number: number.split('@').next().unwrap_or_default().to_owned(),
                            user: false,
                            script: Script::refuses(503),
                        },
                    }
                }
                _ => Endpoint::Fails("INVALID_PROFILE"),
            },
            _ => Endpoint::Fails("CHAN_NOT_IMPLEMENTED"),
        }
    }

    /// The application.
    pub(super) async fn app_bridge(&mut self, arg: &str) {
        if self.report.decision.is_none() {
            self.report.decision = self.connected_at.map(|at| at.elapsed());
        }
        let dial = Dial::parse(arg);
        if self.legs[A].answered() {
            self.call_state(A, CallState::RingWait);
        }
        let mut failure = ("USER_NOT_REGISTERED", false, 0);
        for group in &dial.alternatives {
            match self.dial(&dial.vars, group).await {
                Dialled::Leg(b) => {
                    self.connect_legs(b);
                    self.talk(b).await;
                    return;
                }
                Dialled::CallerGone => {
                    self.failed("ORIGINATOR_CANCEL", false, 0);
                    return;
                }
                Dialled::Failed { cause, made, status } => failure = (cause, made, status),
            }
        }
        let (cause, made, status) = failure;
        self.failed(cause, made, status);
        if self.legs[A].answered() {
            self.call_state(A, CallState::Active);
        }
        if !self.continues_on(cause) {
            self.destroy_reaped();
            self.hang_up_caller(cause);
        }
    }

    /// Sets the variables of a failed bridge. Those of an earlier leg stay where no leg was made
    /// (transcript 04a).
    fn failed(&mut self, cause: Cause, made: bool, status: u16) {
        let vars = &mut self.legs[A].vars;
        vars.set("originate_disposition", cause);
        vars.set("originate_failed_cause", cause);
        vars.set("DIALSTATUS", cause::dial_status(cause));
        if made {
            vars.set("last_bridge_hangup_cause", cause);
        }
        if status > 0 {
            vars.set("sip_invite_failure_status", &status.to_string());
            vars.set("sip_invite_failure_phrase", cause::phrase(status));
            vars.set("last_bridge_proto_specific_hangup_cause", &format!("sip:{status}"));
        }
    }

    /// Whether the caller stays after a failed bridge (transcripts 03c, 04b, 04c).
    fn continues_on(&self, cause: Cause) -> bool {
        match self.legs[A].vars.get("continue_on_fail") {
            None => matches!(cause, "NO_ANSWER" | "NO_USER_RESPONSE" | "ORIGINATOR_CANCEL"),
            Some(_) if self.legs[A].vars.is_true("continue_on_fail") => true,
            Some(list) => list
                .split(',')
                .any(|c| !c.trim().is_empty() && c.trim() != "false" && cause::parse(c) == cause),
        }
    }

    async fn dial(&mut self, all: &VarList, group: &[Target]) -> Dialled {
        let start = self.now();
        let before = self.legs[A].other.clone();
        let (mut ringing, mut failure) = (Vec::new(), "USER_NOT_REGISTERED");
        for target in group {
            match self.endpoint(&target.endpoint) {
                Endpoint::Fails(cause) => failure = cause,
                Endpoint::Phone { number, user, script } => {
                    let mut vars = all.clone();
                    vars.extend(target.vars.iter().cloned());
                    if ringing.is_empty() {
                        for name in ["originated_legs", "originate_causes"] {
                            self.legs[A].vars.unset(name);
                        }
                    }
                    if user {
                        self.legs[A].vars.set("dialed_user", &number);
                        self.legs[A].vars.set("dialed_domain", "127.0.0.1");
                    }
                    let b = self.callee_leg(Some(A), &number, user, script, &vars);
                    self.dialled(b, if target.own_vars { 2 } else { 1 });
                    let told = format!("{};Outbound Call;{number}", self.legs[b].uuid);
                    for _ in 0..2 {
                        self.legs[A].vars.push("originated_legs", &told);
                    }
                    if target.own_vars {
                        self.legs[A].other = Some(self.legs[b].as_other("originatee"));
                    }
                    let limit = self.limit(start, &vars, user);
                    self.timers.at(limit.0, What::Wake);
                    let progress_until = var(&vars, "leg_progress_timeout")
                        .and_then(|s| s.parse().ok())
                        .map(|s: u64| whole_seconds(start, s + 1));
                    if let Some(at) = progress_until {
                        self.timers.at(at, What::Wake);
                    }
                    ringing.push(Ringing {
                        leg: b,
                        until: limit.0,
                        cause: limit.1,
                        progress_until,
                    });
                }
            }
        }
        if ringing.is_empty() {
            return Dialled::Failed { cause: failure, made: false, status: 0 };
        }
        let ignore_early = ["ignore_early_media"]
            .iter()
            .any(|n| var(all, n).is_some_and(|v| v == "true") || self.legs[A].vars.is_true(n));
        loop {
            self.wait(A).await;
            if !self.legs[A].alive() || self.transfer.is_some() {
                for r in &ringing {
                    self.hang_up(r.leg, "ORIGINATOR_CANCEL");
                }
                return Dialled::CallerGone;
            }
            let winner = ringing.iter().map(|r| r.leg).find(|l| {
                let leg = &self.legs[*l];
                leg.alive() && (leg.answered() || leg.times.progress_media > 0 && !ignore_early)
            });
            if let Some(winner) = winner {
                for r in ringing.iter().filter(|r| r.leg != winner) {
                    self.hang_up(r.leg, "LOSE_RACE");
                }
                return Dialled::Leg(winner);
            }
            let now = self.now();
            for r in &ringing {
                let leg = &self.legs[r.leg];
                let silent = leg.times.progress == 0 && leg.times.progress_media == 0;
                let cause = match r.progress_until {
                    Some(at) if silent && now >= at => "PROGRESS_TIMEOUT",
                    _ if now >= r.until => r.cause,
                    _ => continue,
                };
                // The rest of its end comes after the caller's thread has gone on (03a).
                if self.hang_up_first(r.leg, cause) {
                    self.reap.push(r.leg);
                }
            }
            if ringing.iter().all(|r| !self.legs[r.leg].alive()) {
                let last = ringing.last().map_or(A, |r| r.leg);
                self.legs[A].other = before;
                return Dialled::Failed {
                    cause: self.legs[last].cause.unwrap_or("NO_ANSWER"),
                    made: true,
                    status: self.legs[last].refused,
                };
            }
        }
    }

    /// When a leg is given up, and with which cause.
    fn limit(&self, start: Micros, vars: &VarList, user: bool) -> (Micros, Cause) {
        let number = |name: &str| var(vars, name).and_then(|v| v.trim().parse::<u64>().ok());
        let whole = number("originate_timeout");
        match (number("leg_timeout"), whole) {
            // The endpoint `user` dials within its own limit; others are measured from outside.
            (Some(leg), None) if user => (whole_seconds(start, leg), "NO_ANSWER"),
            (Some(leg), whole) if whole.is_none_or(|w| leg < w) => {
                (whole_seconds(start, leg + 1), "ALLOTTED_TIMEOUT")
            }
            (_, Some(whole)) => (whole_seconds(start, whole), "NO_ANSWER"),
            _ => {
                let limit = self.legs[A].vars.get("call_timeout");
                let limit = limit.and_then(|v| v.parse().ok()).unwrap_or(60);
                (whole_seconds(start, limit), "NO_ANSWER")
            }
        }
    }

    /// The caller and a leg that has answered, or sends media, are put through.
    fn connect_legs(&mut self, b: usize) {
        let now = self.now();
        let (uuid, name) = (self.legs[b].uuid.clone(), self.legs[b].name.clone());
        let answered = self.legs[b].answered();
        let twice = self.legs[A].other.as_ref().is_some_and(|o| o.uuid == uuid);
        if self.legs[A].answered() {
            self.legs[A].other = Some(self.legs[b].as_other("originatee"));
            self.call_state(A, CallState::Active);
        } else if answered {
            self.answer_caller();
        } else {
            self.pre_answer();
        }
        let vars = &mut self.legs[A].vars;
        vars.unset("originate_causes");
        let told = format!("{uuid};NONE");
        vars.push("originate_causes", &told);
        vars.push("originate_causes", &told);
        vars.set("originate_disposition", "SUCCESS");
        vars.set("DIALSTATUS", "SUCCESS");
        vars.set("signal_bond", &uuid);
        if !self.legs[b].presence_id.is_empty() && !twice && answered {
            self.tell(b, Kind::ChannelOutgoing);
        }
        let phone = self.legs[b].profile.destination.clone();
        self.legs[A].profile.callee_name = "Outbound Call".to_owned();
        self.legs[A].profile.callee_number = phone;
        for l in [A, b] {
            self.legs[l].times.bridged = now;
            self.legs[l].stale = true;
        }
        self.legs[A].other = Some(self.legs[b].as_other("originatee"));
        self.begin_talk(A, b);
        self.tell_bridge(Kind::ChannelBridge, A, b);
        self.state(b, State::ExchangeMedia);
        self.bridge_variables(A, b);
        self.bridge_variables(b, A);
        let vars = &mut self.legs[A].vars;
        vars.set("last_sent_callee_id_name", "Outbound Call");
        self.tell(b, Kind::CallUpdate);
        self.tell(A, Kind::CallUpdate);
        let _ = name;
    }

    /// `bridge_*` of one leg about the other.
    pub(super) fn bridge_variables(&mut self, l: usize, other: usize) {
        let (uuid, name) = (self.legs[other].uuid.clone(), self.legs[other].name.clone());
        let vars = &mut self.legs[l].vars;
        vars.set("bridge_to", &uuid);
        vars.set("last_bridge_to", &uuid);
        vars.set("bridge_channel", &name);
        vars.set("bridge_uuid", &uuid);
        vars.set("signal_bond", &uuid);
    }

    pub(super) fn tell_bridge(&mut self, kind: Kind, a: usize, b: usize) {
        let head = format!(
            "Bridge-A-Unique-ID: {}\nBridge-B-Unique-ID: {}\n",
            self.legs[a].uuid, self.legs[b].uuid
        );
        let extra = Extra { head: &head, ..Extra::default() };
        self.tell_more(Some(a), kind, extra);
    }

    /// Two legs hear each other from now on.
    pub(super) fn begin_talk(&mut self, a: usize, b: usize) {
        self.legs[a].peer = Some(b);
        self.legs[b].peer = Some(a);
        if a != A && b != A {
            return;
        }
        let other = if a == A { b } else { a };
        let first = self.report.talks.is_empty();
        // Media before the answer are no talk: the network speaks.
        if self.legs[other].answered() {
            self.report.talks.push(Talked {
                with: self.legs[other].profile.destination.clone(),
                from: self.elapsed(),
                until: None,
            });
            let caller = self.spec.caller.clone();
            if let (true, Some(talk)) = (first, caller.talks) {
                self.after(talk, What::CallerHangsUp);
            }
            if let (true, Some(transfer)) = (first, caller.transfer) {
                self.after(transfer.after, What::CallerTransfers);
            }
        }
    }

    pub(super) fn end_talk(&mut self, l: usize) {
        let Some(other) = self.legs[l].peer.take() else {
            return;
        };
        self.legs[other].peer = None;
        let elapsed = self.elapsed();
        if l == A || other == A {
            if let Some(talk) = self.report.talks.last_mut() {
                talk.until.get_or_insert(elapsed);
            }
        }
    }

    /// The talk in a bridge, to its end.
    async fn talk(&mut self, b: usize) {
        loop {
            if !self.legs[A].alive() {
                let cause = self.legs[A].cause.unwrap_or("NORMAL_CLEARING");
                self.legs[b].vars.set("last_bridge_hangup_cause", cause);
                self.legs[b].vars.set("bridge_hangup_cause", cause);
                self.legs[A].vars.set("bridge_hangup_cause", cause);
                self.hang_up(b, "NORMAL_CLEARING");
                break;
            }
            if let Some(to) = &self.transfer {
                if !to.keeps_other {
                    self.legs[A].vars.set("bridge_hangup_cause", "NORMAL_CLEARING");
                    self.hang_up(b, "NORMAL_CLEARING");
                }
                break;
            }
            if self.joins.is_some() {
                break;
            }
            if !self.legs[b].alive() {
                let cause = self.legs[b].cause.unwrap_or("NORMAL_CLEARING");
                let answered = self.legs[b].answered();
                let vars = &mut self.legs[A].vars;
                vars.set("last_bridge_hangup_cause", cause);
                if answered {
                    vars.set("last_bridge_proto_specific_hangup_cause", "sip:200");
                }
                vars.set("bridge_hangup_cause", cause);
                break;
            }
            if self.legs[A].peer != Some(b) {
                // The other leg has been sent elsewhere (transcripts 09d, 09g).
                break;
            }
            self.wait(A).await;
        }
        self.legs[A].vars.unset("bridge_to");
        self.tell_bridge(Kind::ChannelUnbridge, A, b);
        self.end_talk(A);
        if self.legs[A].alive()
            && self.transfer.is_none()
            && !self.legs[b].alive()
            && self.joins.is_none()
        {
            let vars = &self.legs[A].vars;
            if vars.is_true("hangup_after_bridge") {
                self.hang_up_caller("NORMAL_CLEARING");
            } else if vars.is_true("park_after_bridge") {
                self.parks = true;
            }
        }
    }
}
