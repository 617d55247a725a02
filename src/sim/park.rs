//! `socket` and the time between two applications.

use super::call::{A, Call};
use super::conn::{Conn, first_that_listens};
use super::event::{Extra, Kind};
use super::leg::{Message, State};
use super::shared::new_uuid;
use super::timers::What;
use super::vars::encode;

impl Call {
    /// The engine has the call. Returns whether the dialplan goes on after it.
    pub(super) async fn app_socket(&mut self, targets: &str) -> bool {
        let uuid = new_uuid();
        let arg = format!("{targets} async full");
        let vars = &mut self.legs[A].vars;
        vars.set("current_application", "socket");
        vars.set("current_application_data", &arg);
        self.tell_app(Kind::ChannelExecute, A, "socket", &arg, &uuid);
        let connected = {
            let connector = self.shared.config.connector.clone();
            let targets = targets.to_owned();
            first_that_listens(&connector, &targets).await
        };
        let Ok(io) = connected else {
            self.tell_app(Kind::ChannelExecuteComplete, A, "socket", &arg, &uuid);
            return true;
        };
        self.connected_at.get_or_insert_with(tokio::time::Instant::now);
        let c = self.conns.len();
        self.conns.push(Conn::new(io));
        self.report.connections += 1;
        self.legs[A].vars.set("socket_host", "127.0.0.1");
        self.legs[A].running.push("socket".to_owned());
        while self.legs[A].alive() && self.conns[c].controls() && !self.conns[c].connected {
            self.step().await;
        }
        self.controlled = true;
        self.tell(A, Kind::ChannelPark);
        let mut goes_on = self.parked(Some(c)).await;
        if self.transfer.as_ref().is_some_and(|to| to.nowhere) {
            goes_on = self.reset(c).await;
        }
        self.legs[A].running.pop();
        self.tell(A, Kind::ChannelUnpark);
        self.tell_app(Kind::ChannelExecuteComplete, A, "socket", &arg, &uuid);
        self.destroy_reaped();
        if self.parks && self.legs[A].alive() {
            // park_after_bridge: the socket still controls the channel (transcript 02d).
            self.parks = false;
            self.state(A, State::Park);
            self.tell(A, Kind::ChannelPark);
            let goes_on = self.parked(Some(c)).await;
            self.tell(A, Kind::ChannelUnpark);
            return goes_on;
        }
        if self.joins.is_some() {
            self.joined().await;
            return false;
        }
        goes_on
    }

    /// Runs what is sent until the channel ends, is sent elsewhere or loses its controller.
    /// Returns whether the dialplan goes on.
    pub(super) async fn parked(&mut self, c: Option<usize>) -> bool {
        loop {
            if !self.legs[A].alive()
                || self.transfer.is_some()
                || self.parks
                || self.joins.is_some()
            {
                return false;
            }
            if let Some(message) = self.message_for(A) {
                self.perform(message).await;
                continue;
            }
            if c.is_none() && self.park_ends.is_some_and(|at| self.now() >= at) {
                self.hang_up_caller("NORMAL_CLEARING");
                return false;
            }
            if let Some(c) = c
                && !self.controlled
            {
                return self.shared.config.socket_resume || self.resumes(c);
            }
            self.step().await;
        }
    }

    fn resumes(&self, c: usize) -> bool {
        self.conns[c].resume || self.legs[A].vars.is_true("socket_resume")
    }

    /// A connection of the caller's leg has ended, whichever: `socket` does not lead the leg any
    /// more. With `socket_resume` true the leg is reset, whatever runs on it.
    pub(super) fn left_by(&mut self, c: usize) {
        self.controlled = false;
        if self.legs[A].alive() && self.transfer.is_none() && self.resumes(c) {
            self.transfer = Some(super::transfer::Destination::nowhere());
        }
    }

    /// The dialplan goes on where `socket_resume` is still true when everything sent before has
    /// run. Where it is not, nothing ever happens again.
    async fn reset(&mut self, c: usize) -> bool {
        self.state(A, State::Reset);
        while let Some(message) = self.legs[A].queue.pop_front() {
            self.perform(message).await;
        }
        let resumes = self.resumes(c);
        while self.legs[A].alive() && !resumes {
            self.step().await;
        }
        self.transfer = None;
        if self.legs[A].alive() {
            self.state(A, State::Execute);
        }
        resumes
    }

    /// The next message, unless the one that runs has locked the queue.
    pub(super) fn message_for(&mut self, l: usize) -> Option<Message> {
        let leg = &mut self.legs[l];
        if leg.alive() && !leg.urgent.is_empty() {
            return leg.urgent.pop_front();
        }
        if leg.locked || !leg.alive() || leg.ready_at > self.shared.now() {
            return None;
        }
        leg.queue.pop_front()
    }

    /// Queues a message for a leg. The real one looks every 20 ms.
    pub(super) fn send_message(&mut self, l: usize, message: Message) {
        let tick = self.shared.config.tick;
        if !tick.is_zero() && self.legs[l].queue.is_empty() {
            self.legs[l].ready_at = self.now() + super::clock::micros(tick);
            self.after(tick, What::Wake);
        }
        self.legs[l].queue.push_back(message);
    }

    /// Waits for something to happen inside of an application; what is sent meanwhile runs
    /// nested (transcript 07c).
    pub(super) async fn wait(&mut self, l: usize) {
        self.step().await;
        while let Some(message) = self.message_for(l) {
            self.perform(message).await;
        }
    }

    /// Runs one message on the caller's leg.
    pub(super) async fn perform(&mut self, message: Message) {
        let locks = message.locks();
        match message {
            Message::Execute { app, arg, uuid, loops, .. } => {
                let was = std::mem::replace(&mut self.legs[A].locked, locks);
                for _ in 0..loops.max(1) {
                    if !self.legs[A].alive() {
                        break;
                    }
                    Box::pin(self.execute(&app, &arg, &uuid)).await;
                }
                self.legs[A].locked = was;
            }
            Message::Hangup(cause) => self.hang_up_caller(cause),
            Message::Nothing => {}
        }
    }

    /// CHANNEL_EXECUTE and CHANNEL_EXECUTE_COMPLETE.
    pub(super) fn tell_app(&mut self, kind: Kind, l: usize, app: &str, arg: &str, uuid: &str) {
        let mut tail = format!("Application: {app}\n");
        if !arg.is_empty() {
            tail.push_str("Application-Data: ");
            tail.push_str(&encode(arg));
            tail.push('\n');
        }
        if kind == Kind::ChannelExecuteComplete {
            let response = self.legs[l].vars.get("current_application_response");
            tail.push_str("Application-Response: ");
            tail.push_str(&encode(response.as_deref().unwrap_or("_none_")));
            tail.push('\n');
        }
        if !uuid.is_empty() {
            tail.push_str("Application-UUID: ");
            tail.push_str(&encode(uuid));
            tail.push('\n');
        }
        let extra = Extra { tail: &tail, ..Extra::default() };
        self.tell_more(Some(l), kind, extra);
    }
}
