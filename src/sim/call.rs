//! One call: a task that owns its channels, its connections and its timers.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};

use super::clock::{Micros, micros};
use super::conn::{Conn, goodbye};
use super::event::Kind;
use super::leg::{CallState, Leg, State};
use super::report::{CallReport, Outcome};
use super::script::CallSpec;
use super::shared::{Ctl, Mailbox, Shared};
use super::timers::{Timers, What};
use super::transfer::Destination;

/// The caller's leg.
pub(super) const A: usize = 0;

/// See the module.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) shared: Arc<Shared>,
    pub(super) id: u64,
    pub(super) legs: Vec<Leg>,
    pub(super) conns: Vec<Conn>,
    pub(super) timers: Timers,
    pub(super) spec: CallSpec,
    pub(super) report: CallReport,
    pub(super) mailbox: Mailbox,
    inbox: mpsc::UnboundedReceiver<Ctl>,
    sleep: Pin<Box<Sleep>>,
    /// Where the sleep is set to.
    sleeps_until: Option<Micros>,
    pub(super) scratch: String,
    /// Where the caller's leg has been sent, until it gets there.
    pub(super) transfer: Option<Destination>,
    /// Events told since then, where the dispatcher lags.
    pub(super) late: Vec<(Kind, String)>,
    /// Legs that are complete and are told as destroyed when the caller's thread goes on.
    pub(super) reap: Vec<usize>,
    /// Where a leg we dialled goes once it has won.
    pub(super) goes: Option<Destination>,
    /// The leg has been given to another call.
    pub(super) given: bool,
    /// Keys the caller has pressed and nobody has taken.
    pub(super) digits: String,
    /// `socket` has ended, and the dialplan with it.
    pub(super) dialplan_ends: bool,
    /// Agents and members to be told of when the call is over.
    pub(super) afterwards: Vec<super::queue::After>,
    /// `park_after_bridge` took hold.
    pub(super) parks: bool,
    /// `park` gives the leg up then.
    pub(super) park_ends: Option<Micros>,
    /// CF_CONTROLLED: no connection has ended since `socket` began to lead the caller.
    pub(super) controlled: bool,
    /// A leg the caller is to be connected with outside of `socket`: queue, attended transfer.
    pub(super) joins: Option<super::join::Join>,
    /// A queue or a file plays to the caller.
    pub(super) music: usize,
    /// Since when the caller hears nothing.
    silent_since: Option<Micros>,
    pub(super) began: Micros,
    pub(super) connected_at: Option<Instant>,
    /// The caller has been told it rings.
    pub(super) rang: bool,
}

impl Call {
    /// A call that comes in.
    pub(super) fn inbound(
        shared: Arc<Shared>,
        spec: CallSpec,
        uuid: String,
        mailbox: Mailbox,
        inbox: mpsc::UnboundedReceiver<Ctl>,
    ) -> Self {
        let mut call = Self::new(shared, spec, uuid.clone(), mailbox, inbox);
        let leg = call.caller_leg(uuid, call.began);
        call.legs.push(leg);
        call
    }

    /// A call without a leg.
    pub(super) fn new(
        shared: Arc<Shared>,
        spec: CallSpec,
        uuid: String,
        mailbox: Mailbox,
        inbox: mpsc::UnboundedReceiver<Ctl>,
    ) -> Self {
        let now = shared.now();
        let report = CallReport {
            uuid: uuid.clone(),
            from: spec.from.clone(),
            to: spec.to.clone(),
            outcome: Outcome::Refused,
            talks: Vec::new(),
            rung: Vec::new(),
            played: Vec::new(),
            queues: Vec::new(),
            voicemail: None,
            cause: "NONE",
            caller_hung_up: false,
            fell_to_dialplan: false,
            longest_silence: Duration::ZERO,
            duration: Duration::ZERO,
            connections: 0,
            commands: 0,
            events: 0,
            channels_left: 0,
            decision: None,
        };
        let id = shared.session();

        Self {
            id,
            legs: Vec::with_capacity(2),
            conns: Vec::with_capacity(1),
            timers: Timers::default(),
            report,
            mailbox,
            inbox,
            sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
            sleeps_until: None,
            scratch: String::new(),
            transfer: None,
            late: Vec::new(),
            reap: Vec::new(),
            goes: None,
            given: false,
            digits: String::new(),
            dialplan_ends: false,
            afterwards: Vec::new(),
            parks: false,
            park_ends: None,
            controlled: false,
            joins: None,
            music: 0,
            silent_since: Some(now),
            began: now,
            connected_at: None,
            rang: false,
            spec,
            shared,
        }
    }

    pub(super) fn now(&self) -> Micros {
        self.shared.now()
    }

    pub(super) fn after(&mut self, time: Duration, what: What) {
        let at = self.now() + micros(time);
        self.timers.at(at, what);
    }

    /// From the beginning of the call until now.
    pub(super) fn elapsed(&self) -> Duration {
        Duration::from_micros(self.now().saturating_sub(self.began))
    }

    /// The whole life of the call.
    pub(super) async fn run(mut self) -> CallReport {
        let shared = self.shared.clone();
        shared.enter_call(self.id, &self.mailbox);
        self.arrive();
        let destination = Destination::of(&self.spec.to.clone());
        self.live(destination).await;
        shared.leave_call(self.id);
        self.judge();
        self.report
    }

    /// From the first extension to the end.
    pub(super) async fn live(&mut self, mut destination: Destination) {
        while self.legs[A].alive() {
            self.dialplan(destination).await;
            match self.transfer.take() {
                Some(next) if self.legs[A].alive() => {
                    self.depart(&next);
                    destination = next;
                }
                _ => {
                    self.hang_up_caller("NORMAL_CLEARING");
                    break;
                }
            }
        }
        self.finish().await;
    }

    /// From the hangup to the end of the last connection.
    pub(super) async fn finish(&mut self) {
        self.end_caller();
        while self.conns.iter().any(Conn::open) || self.legs.iter().any(|l| !l.complete) {
            self.step().await;
        }
        self.destroy_all();
    }

    fn arrive(&mut self) {
        let uuid = self.legs[A].uuid.clone();
        self.shared.enter(&uuid, &self.mailbox);
        let caller = self.spec.caller.clone();
        if let Some(after) = caller.hangs_up {
            self.after(after, What::CallerHangsUp);
        }
        if let Some(after) = caller.gives_up {
            self.after(after, What::CallerGivesUp);
        }
        if let Some((after, time)) = caller.holds {
            self.after(after, What::Holds(A, true));
            self.after(after + time, What::Holds(A, false));
        }
        for (after, digit) in caller.presses {
            self.after(after, What::Presses(A, digit));
        }
        self.state(A, State::New);
        self.state(A, State::Init);
        self.tell(A, Kind::ChannelCreate);
        self.legs[A].state = State::Routing;
        self.call_state(A, CallState::Ringing);
        self.state(A, State::Routing);
        self.state(A, State::Execute);
    }

    /// The last events of the caller's leg.
    fn end_caller(&mut self) {
        self.complete(A);
        self.agents_after_the_call();
        self.destroy_reaped();
        for other in 1..self.legs.len() {
            self.hang_up(other, "NORMAL_CLEARING");
        }
        let (uuid, name) = (self.legs[A].uuid.clone(), self.legs[A].name.clone());
        let now = self.now();
        for c in 0..self.conns.len() {
            if self.conns[c].lingering || !self.conns[c].controls() {
                continue;
            }
            if !self.conns[c].connected {
                // `connect` may be on its way: it is answered first.
                self.timers.at(now + 1_000_000, What::LingerEnds(c));
                continue;
            }
            match self.conns[c].linger {
                Some(seconds) => {
                    self.linger_notice(c, &uuid, &name, seconds);
                    self.timers.at(now + (seconds + 1) * 1_000_000, What::LingerEnds(c));
                }
                None => self.say_goodbye(c),
            }
        }
    }

    pub(super) fn linger_notice(&mut self, c: usize, uuid: &str, name: &str, seconds: u64) {
        let text = format!(
            "Content-Type: text/disconnect-notice\nControlled-Session-UUID: {uuid}\n\
             Content-Disposition: linger\nChannel-Name: {name}\nLinger-Time: {seconds}\n\
             Content-Length: 0\n\n"
        );
        self.conns[c].lingering = true;
        self.conns[c].notice(text.as_bytes());
    }

    pub(super) fn say_goodbye(&mut self, c: usize) {
        let text = goodbye(Some(&self.legs[A].uuid));
        self.conns[c].notice(text.as_bytes());
        self.conns[c].closing = true;
    }

    fn destroy_all(&mut self) {
        for l in 0..self.legs.len() {
            self.destroy(l);
        }
        let mine = |l: &&Leg| self.shared.mailbox(&l.uuid).is_some();
        self.report.channels_left = self.legs.iter().filter(mine).count();
    }

    fn judge(&mut self) {
        self.report.duration =
            Duration::from_micros(self.legs[A].times.hangup.saturating_sub(self.began));
        self.report.cause = self.legs[A].cause.unwrap_or("NONE");
        self.report.outcome = if self.report.fell_to_dialplan {
            Outcome::DialplanFallback
        } else if !self.report.talks.is_empty() {
            Outcome::Talked
        } else if self.report.voicemail.is_some() {
            Outcome::Voicemail
        } else if self.report.caller_hung_up {
            Outcome::GaveUp
        } else {
            Outcome::Refused
        };
    }

    /// Waits until something happens, and lets it happen.
    pub(super) async fn step(&mut self) {
        self.listen();
        poll_fn(|cx| self.poll_step(cx)).await;
        for c in 0..self.conns.len() {
            if !self.conns[c].controls() && !std::mem::replace(&mut self.conns[c].left, true) {
                self.left_by(c);
            }
        }
        self.listen();
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let mut moved = false;
            for c in 0..self.conns.len() {
                if self.conns[c].poll_read(cx) {
                    moved = true;
                    // After its good-bye nothing is read any more.
                    while !self.conns[c].closing
                        && let Some(request) = self.conns[c].next()
                    {
                        self.serve(c, &request);
                    }
                }
            }
            while let Poll::Ready(Some(message)) = self.inbox.poll_recv(cx) {
                moved = true;
                self.message(message);
            }
            while let Some(what) = self.timers.due(self.now()) {
                moved = true;
                self.happen(what);
            }
            for conn in &mut self.conns {
                let open = conn.open();
                conn.poll_flush(cx);
                // A connection that has just closed may be what the call waits for.
                moved |= open && !conn.open();
            }
            if moved {
                return Poll::Ready(());
            }
            let Some(at) = self.timers.next_at() else {
                return Poll::Pending;
            };
            if self.sleeps_until != Some(at) {
                self.sleeps_until = Some(at);
                let instant = self.shared.clock.instant(at);
                self.sleep.as_mut().reset(instant);
            }
            if self.sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            // The runtime counts milliseconds; a hair too early is tried again in the next one.
            self.sleeps_until = None;
            if self.now() < at {
                self.sleep.as_mut().reset(Instant::now() + Duration::from_millis(1));
                if self.sleep.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
            }
        }
    }

    fn message(&mut self, message: Ctl) {
        match message {
            Ctl::HangUp => self.caller_hangs_up(),
            Ctl::Go(to) => self.goes = Some(to),
            Ctl::Send(uuid, request, answer) => {
                let _ = answer.send(self.sendmsg(&uuid, &request));
            }
            Ctl::Give(uuid, to) => self.give(&uuid, &to),
            Ctl::Take(leg) => self.take(*leg),
            Ctl::Api(line, answer) => {
                let text = self.api_here(&line).unwrap_or_default();
                let _ = answer.send(text);
            }
            Ctl::Rows(answer) => {
                let _ = answer.send(self.rows());
            }
            Ctl::Answer(c, text) => {
                self.conns[c].reply_api(&text);
            }
        }
    }

    fn hears(&self, a: &Leg) -> bool {
        a.peer.is_some()
            || self.music > 0
            || !a.answered() && (self.rang || a.times.progress_media > 0)
            || a.answered()
                && a.call_state == CallState::RingWait
                && (a.vars.get("ringback").is_some() || a.vars.get("transfer_ringback").is_some())
    }

    /// Takes note of whether the caller hears anything.
    fn listen(&mut self) {
        let a = &self.legs[A];
        let reset = self.transfer.as_ref().is_some_and(|to| to.nowhere);
        let hears = !a.alive() || !reset && self.hears(a);
        let now = self.now();
        match (hears, self.silent_since) {
            (true, Some(since)) => {
                let silence = Duration::from_micros(now.saturating_sub(since));
                self.report.longest_silence = self.report.longest_silence.max(silence);
                self.silent_since = None;
            }
            (false, None) => self.silent_since = Some(now),
            _ => {}
        }
    }
}
