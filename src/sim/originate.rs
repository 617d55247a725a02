//! `originate` and `uuid_bridge`: legs we dial from the control socket (transcript 06b).

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::call::{A, Call};
use super::cause::Cause;
use super::dial::{Dial, Target, VarList, var};
use super::endpoint::Endpoint;
use super::join::{Join, JoinKind};
use super::leg::Leg;
use super::script::{CallSpec, Script, Transfer};
use super::shared::{Ctl, Mailbox, Shared, new_uuid};
use super::timers::What;
use super::transfer::Destination;

const USAGE: &str = "-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] \
                     [<context>] [<cid_name>] [<cid_num>] [<timeout_sec>]\n";

/// How a dialled leg came out: its mailbox, or the cause of its end.
type Outcome = Result<Mailbox, Cause>;

/// A leg to be dialled.
struct Leaving {
    number: String,
    user: bool,
    script: Script,
    vars: VarList,
}

impl Shared {
    /// `originate DIALSTRING EXTENSION|&APP(ARG) [DIALPLAN CONTEXT NAME NUMBER SECONDS]`.
    pub(super) async fn originate(self: &Arc<Self>, arg: &str) -> String {
        let (dial, to) = first_word(arg);
        if dial.is_empty() || to.is_empty() {
            return USAGE.to_owned();
        }
        let (to, more) = first_word(to);
        let (mut dial, to) = (Dial::parse(dial), destination(to));
        let more = super::record::words(more);
        for (n, name) in [(2, "origination_caller_id_name"), (3, "origination_caller_id_number")] {
            if let Some(shown) = more.get(n).filter(|shown| *shown != "undef") {
                dial.vars.push((name.to_owned(), shown.clone()));
            }
        }
        let mut cause = "USER_NOT_REGISTERED";
        for group in &dial.alternatives {
            match self.dial_together(&dial.vars, group).await {
                Ok((uuid, mailbox)) => {
                    let _ = mailbox.send(Ctl::Go(to));
                    return format!("+OK {uuid}\n");
                }
                Err(failed) => cause = failed,
            }
        }
        format!("-ERR {cause}\n")
    }

    /// Dials several legs at once; the first to answer wins.
    async fn dial_together(
        self: &Arc<Self>,
        all: &VarList,
        group: &[Target],
    ) -> Result<(String, Mailbox), Cause> {
        let mut cause = "USER_NOT_REGISTERED";
        let (done, mut outcomes) = mpsc::unbounded_channel::<(String, Outcome)>();
        let mut dialled = Vec::new();
        for target in group {
            let mut vars = all.clone();
            vars.extend(target.vars.iter().cloned());
            let uuid = var(&vars, "origination_uuid").map_or_else(new_uuid, str::to_owned);
            if self.mailbox(&uuid).is_some() {
                cause = "DESTINATION_OUT_OF_ORDER";
                continue;
            }
            match self.endpoint(&target.endpoint) {
                Endpoint::Fails(failed) => cause = failed,
                Endpoint::Phone { number, user, script } => {
                    vars.push(("origination_uuid".to_owned(), uuid.clone()));
                    let leaving = Leaving { number, user, script, vars };
                    self.dial_one(leaving, uuid.clone(), done.clone());
                    dialled.push(uuid);
                }
            }
        }
        drop(done);
        while let Some((uuid, outcome)) = outcomes.recv().await {
            match outcome {
                Ok(mailbox) => {
                    for loser in dialled.iter().filter(|d| **d != uuid) {
                        if let Some(mailbox) = self.mailbox(loser) {
                            let (answer, _) = oneshot::channel();
                            let kill = format!("uuid_kill {loser} LOSE_RACE");
                            let _ = mailbox.send(Ctl::Api(kill, answer));
                        }
                    }
                    return Ok((uuid, mailbox));
                }
                Err(failed) => cause = failed,
            }
        }
        Err(cause)
    }

    fn dial_one(
        self: &Arc<Self>,
        leaving: Leaving,
        uuid: String,
        done: mpsc::UnboundedSender<(String, Outcome)>,
    ) {
        let (mailbox, inbox) = mpsc::unbounded_channel();
        self.enter(&uuid, &mailbox);
        let spec = CallSpec::new(&leaving.number, &leaving.number);
        let call = Call::new(self.clone(), spec, uuid, mailbox, inbox);
        tokio::spawn(call.leave(leaving, done));
    }

    /// `uuid_bridge A B`.
    pub(super) async fn uuid_bridge(self: &Arc<Self>, arg: &str) -> String {
        let mut uuids = arg.split_whitespace();
        let (Some(a), Some(b)) = (uuids.next(), uuids.next()) else {
            return "-USAGE: <uuid> <other_uuid>\n".to_owned();
        };
        match (self.mailbox(a), self.mailbox(b)) {
            (Some(first), Some(second)) if a != b => {
                for leg in [a, b] {
                    let dump = Box::pin(self.api(&format!("uuid_dump {leg}"))).await;
                    if !dump.contains("\nAnswer-State: answered\n") {
                        // Neither outlives it where one only rings (seen on 1.10.12).
                        for (leg, cause) in
                            [(a, "ORIGINATOR_CANCEL"), (b, "DESTINATION_OUT_OF_ORDER")]
                        {
                            Box::pin(self.api(&format!("uuid_kill {leg} {cause}"))).await;
                        }
                        return format!("+OK {b}\n");
                    }
                }
                let _ = second.send(Ctl::Give(b.to_owned(), first));
                format!("+OK {b}\n")
            }
            _ => "-ERR Invalid uuid\n".to_owned(),
        }
    }
}

impl Call {
    /// The life of a leg we dial, from the INVITE to its end.
    async fn leave(mut self, leaving: Leaving, done: mpsc::UnboundedSender<(String, Outcome)>) {
        let shared = self.shared.clone();
        shared.enter_call(self.id, &self.mailbox);
        let Leaving { number, user, script, vars } = leaving;
        let (start, limit) = (self.now(), self.limit_of(&vars));
        self.callee_leg(None, &number, user, script, &vars);
        self.dialled(A, 1);
        let until = (start / 1_000_000 + limit) * 1_000_000;
        self.timers.at(until, What::Wake);
        while self.legs[A].alive() && !self.legs[A].answered() {
            self.step().await;
            if self.now() >= until && !self.legs[A].answered() {
                self.hang_up(A, "NO_ANSWER");
            }
        }
        let uuid = self.legs[A].uuid.clone();
        let outcome = self.legs[A].cause.map_or(Ok(self.mailbox.clone()), Err);
        let _ = done.send((uuid, outcome));
        while self.legs[A].alive() && self.goes.is_none() && !self.given {
            self.step().await;
        }
        if let (Some(to), true) = (self.goes.take(), self.legs[A].alive()) {
            self.live(to).await;
        } else if !self.given {
            self.finish().await;
        }
        shared.leave_call(self.id);
    }

    fn limit_of(&self, vars: &VarList) -> u64 {
        ["originate_timeout", "leg_timeout"]
            .iter()
            .find_map(|name| var(vars, name)?.parse().ok())
            .unwrap_or(60)
    }

    /// Gives the leg away to be bridged elsewhere; this call ends without a word.
    pub(super) fn give(&mut self, uuid: &str, to: &Mailbox) {
        let whole = self.legs[A].uuid == uuid && self.legs[A].alive() && self.legs.len() == 1;
        if whole && self.conns.is_empty() {
            let mut spare = Leg::new(uuid.to_owned(), false, String::new(), 0);
            (spare.complete, spare.destroyed) = (true, true);
            let leg = std::mem::replace(&mut self.legs[A], spare);
            self.legs[A].cause = Some("NONE");
            self.given = true;
            let _ = to.send(Ctl::Take(Box::new(leg)));
        }
    }

    /// Takes a leg over and bridges it.
    pub(super) fn take(&mut self, mut leg: Leg) {
        let c = self.legs.len();
        self.shared.enter(&leg.uuid, &self.mailbox);
        leg.other = Some(self.legs[A].as_other("originator"));
        leg.rung = None;
        let talk = leg.phone.as_ref().map(|(_, s)| s.talk.clone()).unwrap_or_default();
        if let Some(after) = talk.hang_up {
            self.timers.at(leg.times.answered + super::clock::micros(after), What::HangsUp(c));
        }
        if let Some(Transfer { after, .. }) = talk.transfer {
            self.timers.at(leg.times.answered + super::clock::micros(after), What::Transfers(c));
        }
        self.legs.push(leg);
        if !self.legs[A].alive() {
            self.hang_up(c, "NORMAL_CLEARING");
            return;
        }
        self.legs[A].other = Some(self.legs[c].as_other("originatee"));
        self.joins = Some(Join { leg: c, kind: JoinKind::Bridged });
    }
}

/// The first word, outside of brackets and quotes, and the rest. Brackets in `&app(arg)` are whole.
fn first_word(text: &str) -> (&str, &str) {
    let (mut depth, mut quoted) = (0_i32, false);
    for (at, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '{' | '[' | '(' => depth += 1,
            '}' | ']' | ')' => depth -= 1,
            ' ' if depth == 0 && !quoted => return (&text[..at], text[at..].trim()),
            _ => {}
        }
    }
    (text, "")
}

/// `&app(arg)`, or an extension.
fn destination(text: &str) -> Destination {
    let Some(app) = text.strip_prefix('&') else {
        return Destination::parse(text);
    };
    let (app, arg) = app.split_once('(').unwrap_or((app, ""));
    let arg = arg.rsplit_once(')').map_or(arg, |(arg, _)| arg);
    Destination::app(app.trim(), arg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dial_string_ends_at_the_first_space_outside_of_brackets() {
        let text = "{origination_caller_id_name='Иван Петров',a=b c}user/101 &bridge(user/102)";
        let (dial, rest) = first_word(text);
        assert!(dial.ends_with("}user/101"), "{dial}");
        assert_eq!(destination(rest), Destination::app("bridge", "user/102"));
    }
}
