//! One leg, one task: from the dial to its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, warn};

use super::registry::Inbox;
use super::{Ear, End, Leg, LegEvent, NOT_DIALLED, Order, Standing, Tools, UNSEEN_END};
use crate::core::call::{RING_SLACK, Recorded, Recording};
use crate::core::campaign::order::Prompt;
use crate::core::ids::{CallId, LegId, NodeId, OpId};
use crate::core::plan::HangupCause;
use crate::core::record::AttemptResult;
use crate::esl::Event;
use crate::recording::Lasting;
use crate::switch::control::ControlError;
use crate::switch::dial::{self, RINGBACK, TOLD, TOLD_KEY, TOLD_ORDER};
use crate::switch::translate::recorded;

/// For a command that answers as soon as it is begun, and for what it brings about.
const PROMPTLY: Duration = Duration::from_secs(5);
/// `originate` answers this much after the ringing at the latest.
const DIALLED: Duration = Duration::from_secs(10);
/// A leg that is not there is looked for once more: it may be just coming, or its end just be told.
const ONCE_MORE: Duration = Duration::from_secs(2);
/// The answer of a phone is told before the answer of `originate`. Only after this the leg is
/// parked and can be bridged (transcript 06b); without it for so long the leg is looked at.
const PARKED: Duration = Duration::from_secs(1);
/// A leg that is to be hung up and does not go is hung up again.
const AGAIN: Duration = Duration::from_millis(500);

/// How far it has come, as its owner knows.
#[derive(PartialEq)]
enum Progress {
    Dialling,
    Ringing,
    Answered,
}

/// What is played.
enum Sounds {
    Nothing,
    /// A tone or music, for ever.
    Endless,
    /// A prompt, and whether a key is awaited. `event` stands behind it in the leg's queue.
    Prompt {
        key: Option<char>,
    },
}

struct Task {
    tools: Arc<Tools>,
    node: NodeId,
    id: LegId,
    ear: Ear,
    answered: Arc<AtomicBool>,
    progress: Progress,
    sounds: Sounds,
    /// Counts the orders, so that what an earlier one tells is known as such.
    orders: u32,
    with: Option<LegId>,
    /// `uuid_bridge` was taken; CHANNEL_BRIDGE has not come.
    wanted: Option<LegId>,
    record: Option<Recording>,
    tape: Option<Lasting>,
    /// It is to be hung up.
    leaves: Option<HangupCause>,
    /// `Found` is owed: nothing was known of the leg for a time.
    unseen: bool,
    /// It was not there at the last look.
    missing: bool,
    look: Option<Instant>,
}

/// Leads a leg in a task of its own. `dialled`: dials it first.
pub(super) fn lead(tools: &Arc<Tools>, node: &NodeId, id: LegId, dialled: Option<Leg>, ear: Ear) {
    let (inbox, answered) = tools.registry.enter(&id, node);
    let mut task = Task {
        tools: tools.clone(),
        node: node.clone(),
        id: id.clone(),
        ear,
        answered,
        progress: Progress::Dialling,
        sounds: Sounds::Nothing,
        // Not those of an earlier life: what they tell must not be taken for ours.
        orders: if dialled.is_some() { 0 } else { fastrand::u32(..u32::MAX / 2) },
        with: None,
        wanted: None,
        record: None,
        tape: None,
        leaves: None,
        unseen: dialled.is_none(),
        missing: false,
        look: dialled.is_none().then(Instant::now),
    };
    if let Some(leg) = dialled {
        task.dial(&leg);
    }
    tokio::spawn(async move {
        let cancel = task.tools.cancel.clone();
        tokio::select! {
            () = cancel.cancelled() => {}
            end = task.run(inbox) => {
                // Nobody listens: then nobody needs it.
                let _ = task.ear.send((id.clone(), LegEvent::Ended(end)));
            }
        }
        task.tools.registry.leave(&id);
    });
}

impl Task {
    fn dial(&self, leg: &Leg) {
        let (tools, node, id) = (self.tools.clone(), self.node.clone(), self.id.clone());
        let command = tools.dial.originate(leg);
        let deadline = leg.ring + RING_SLACK + DIALLED;
        tools.nodes.dialled(&node);
        tokio::spawn(async move {
            let answer = tools.nodes.bgapi(&node, &command, deadline).await;
            tools.registry.send(&id, || Inbox::Dialled(answer));
        });
    }

    async fn run(&mut self, mut inbox: mpsc::UnboundedReceiver<Inbox>) -> End {
        loop {
            let look = self.look;
            let end = tokio::select! {
                biased;
                Some(letter) = inbox.recv() => self.take(letter).await,
                () = sleep_until(look.unwrap_or_else(Instant::now)), if look.is_some() => {
                    self.look = None;
                    self.look_at_it().await
                }
            };
            if let Some(end) = end {
                return end;
            }
        }
    }

    async fn take(&mut self, letter: Inbox) -> Option<End> {
        match letter {
            Inbox::Order(order) => self.order(order).await,
            Inbox::Event(event) => return self.event(&event).await,
            Inbox::With { other, together: true } => self.bridged(other),
            Inbox::With { other, together: false } => {
                if self.with.as_ref() == Some(&other) {
                    self.with = None;
                    self.tell(LegEvent::Apart);
                }
            }
            Inbox::Dialled(answer) => return self.dialled(answer).await,
            Inbox::NotBridged(with) => self.tell(LegEvent::NotBridged { with }),
            Inbox::Down => {
                self.lose_sight();
                self.look = None;
            }
            Inbox::Look => self.look_within(Duration::ZERO),
        }
        None
    }

    async fn dialled(&mut self, answer: Result<String, ControlError>) -> Option<End> {
        match answer {
            Ok(_) => self.picked_up().await,
            // The leg is there already: an earlier dial of ours, or somebody else's channel.
            Err(error) if error.cause() == Some("DESTINATION_OUT_OF_ORDER") => {
                let cause = "DESTINATION_OUT_OF_ORDER".to_owned();
                match self.standing().await {
                    Look::Stands(standing) if self.progress == Progress::Dialling => {
                        return self.stands(standing, true).await;
                    }
                    _ => return Some(self.end(cause, Recorded::Unknown)),
                }
            }
            Err(ControlError::Refused(_)) => {
                let cause = answer.as_ref().err().and_then(ControlError::cause);
                return Some(self.end(cause.unwrap_or_default().to_owned(), Recorded::Unknown));
            }
            Err(error) if error.may_have_run() => {
                debug!(leg = %self.id, %error, "the leg is looked for, its dial was not answered");
                self.look_within(Duration::ZERO);
            }
            Err(error) => {
                debug!(leg = %self.id, %error, "the leg was not dialled");
                return Some(self.end(NOT_DIALLED.to_owned(), Recorded::Unknown));
            }
        }
        None
    }

    async fn event(&mut self, event: &Event) -> Option<End> {
        self.missing = false;
        match event.name() {
            "CHANNEL_HANGUP_COMPLETE" => {
                let cause = event.raw("Hangup-Cause").unwrap_or("UNKNOWN").to_owned();
                let recorded = match self.tape {
                    Some(_) => recorded(event),
                    None => Recorded::Unknown,
                };
                if recorded == Recorded::Nothing {
                    warn!(leg = %self.id, "the talk was not recorded; FreeSWITCH's log says why: mostly it may not write into the folder");
                }
                return Some(self.end(cause, recorded));
            }
            "CHANNEL_ANSWER" => self.look_within(PARKED),
            "CHANNEL_APPLICATION" => match event.raw(TOLD) {
                Some("ringing") if self.progress == Progress::Dialling => {
                    self.progress = Progress::Ringing;
                    self.tell(LegEvent::Ringing);
                }
                Some("done") if event.raw(TOLD_ORDER) == Some(&self.orders.to_string()) => {
                    self.played(event.get(TOLD_KEY).as_deref());
                }
                _ => {}
            },
            _ => {}
        }
        if self.leaves.is_some() {
            self.hang_up().await;
        }
        None
    }

    fn played(&mut self, pressed: Option<&str>) {
        if let Sounds::Prompt { key } = std::mem::replace(&mut self.sounds, Sounds::Nothing) {
            let right = key.is_some_and(|key| pressed.is_some_and(|p| p.starts_with(key)));
            self.tell(match (key, right) {
                (None, _) => LegEvent::Prompted,
                (Some(_), true) => LegEvent::Pressed,
                (Some(_), false) => LegEvent::NotPressed,
            });
        }
    }

    async fn picked_up(&mut self) {
        self.look = None;
        self.note_answer();
        if self.leaves.is_some() {
            self.hang_up().await;
        }
    }

    fn note_answer(&mut self) {
        if self.progress != Progress::Answered {
            self.progress = Progress::Answered;
            self.answered.store(true, Ordering::Relaxed);
            self.tell(LegEvent::Answered);
        }
    }

    async fn order(&mut self, order: Order) {
        match order {
            Order::HangUp(cause) => {
                self.leaves = Some(cause);
                self.hang_up().await;
            }
            _ if self.progress != Progress::Answered || self.leaves.is_some() => {
                debug!(leg = %self.id, ?order, "not answered, or leaving: the order is not carried out");
                if let Order::Bridge { with, .. } = order {
                    self.tell(LegEvent::NotBridged { with });
                }
            }
            Order::Bridge { with, record } => self.bridge(with, record).await,
            Order::Record(recording) => self.record_into(&recording.file),
            Order::Ringback => self.play(RINGBACK).await,
            Order::Music => {
                let music = self.tools.dial.music.clone();
                self.play(&music).await;
            }
            Order::Prompt { prompt, key } => self.prompt(&prompt, key).await,
            Order::Tell(prompt) => {
                let mut done = self.silence().await;
                if let Some(sound) = self.tools.dial.sound(&prompt) {
                    done = done && self.run_app("playback", &sound).await;
                }
                // Should it not reach the leg, the leg must not stay.
                if !done || !self.run_app("hangup", "NORMAL_CLEARING").await {
                    self.leaves = Some(HangupCause::NORMAL);
                    self.hang_up().await;
                }
            }
        }
    }

    async fn play(&mut self, sound: &str) {
        if self.silence().await && self.run_app("playback", sound).await {
            self.sounds = Sounds::Endless;
        }
    }

    async fn prompt(&mut self, prompt: &Prompt, key: Option<char>) {
        let mut done = self.silence().await;
        match (key, self.tools.dial.sound(prompt)) {
            (None, None) => return self.tell(LegEvent::Prompted),
            (None, Some(sound)) => done = done && self.run_app("playback", &sound).await,
            (Some(key), _) => {
                let ask = self.tools.dial.ask(prompt, key);
                done = done && self.run_app("play_and_get_digits", &ask).await;
            }
        }
        if done && self.run_app("event", &dial::told(self.orders)).await {
            self.sounds = Sounds::Prompt { key };
        } else {
            // The leg is gone, or the link. Then `Ended` or `Unseen` comes.
            self.look_within(Duration::ZERO);
        }
    }

    /// Ends what an earlier order plays, with all that stands behind it in the leg's queue.
    async fn silence(&mut self) -> bool {
        self.orders += 1;
        match std::mem::replace(&mut self.sounds, Sounds::Nothing) {
            Sounds::Nothing => true,
            Sounds::Endless | Sounds::Prompt { .. } => {
                self.api(&format!("uuid_break {} all", self.id)).await
            }
        }
    }

    /// Both must have answered: FreeSWITCH ends both legs where one of them rings (seen on
    /// 1.10.12).
    async fn bridge(&mut self, with: LegId, record: Option<Recording>) {
        // What is left in the queue would run in the talk, `hangup` for one. A mere tone ends by
        // itself.
        if matches!(self.sounds, Sounds::Prompt { .. }) && !self.silence().await {
            return self.not_bridged(with);
        }
        self.sounds = Sounds::Nothing;
        if !self.tools.registry.answered(&with) {
            return self.not_bridged(with);
        }
        self.record = record;
        let command = format!("uuid_bridge {} {with}", self.id);
        match self.tools.nodes.bgapi(&self.node, &command, PROMPTLY).await {
            Err(error) if !error.may_have_run() => {
                debug!(leg = %self.id, %error, "the leg was not bridged");
                self.not_bridged(with);
                self.look_within(Duration::ZERO);
            }
            // `+OK` is no bridge; CHANNEL_BRIDGE is.
            _ => {
                self.wanted = Some(with);
                self.look_within(PROMPTLY);
            }
        }
    }

    fn bridged(&mut self, other: LegId) {
        if self.with.as_ref() == Some(&other) {
            return;
        }
        self.sounds = Sounds::Nothing;
        self.with = Some(other.clone());
        if self.wanted.take().is_some() {
            self.look = None;
        }
        if let Some(recording) = self.record.take() {
            self.record_into(&recording.file);
        }
        self.tell(LegEvent::Bridged { with: other });
    }

    fn not_bridged(&mut self, with: LegId) {
        self.record = None;
        self.tools.registry.send(&with, || Inbox::NotBridged(self.id.clone()));
        self.tell(LegEvent::NotBridged { with });
    }

    /// On this leg, as for any other call. By `bgapi`: a disk that hangs holds back nothing.
    fn record_into(&mut self, file: &str) {
        self.tape = Some(self.tools.recorder.begin(file));
        let command = dial::record(&CallId::new(self.id.as_str()), file);
        let (tools, node, id) = (self.tools.clone(), self.node.clone(), self.id.clone());
        tokio::spawn(async move {
            if let Err(error) = tools.nodes.bgapi(&node, &command, PROMPTLY).await {
                warn!(leg = %id, %error, "the recording of a callback was not begun");
            }
        });
    }

    /// Until it goes: a leg that was just dialled may not be there yet.
    async fn hang_up(&mut self) {
        let Some(cause) = &self.leaves else { return };
        let command = format!("uuid_kill {} {}", self.id, cause.0);
        self.api(&command).await;
        if !self.unseen {
            self.look_within(AGAIN);
        }
    }

    async fn look_at_it(&mut self) -> Option<End> {
        match self.standing().await {
            Look::Unknown => {
                self.lose_sight();
                self.look_within(ONCE_MORE);
                None
            }
            Look::Gone if self.missing => {
                let cause = UNSEEN_END.to_owned();
                Some(self.end(cause, Recorded::Unknown))
            }
            Look::Gone => {
                self.missing = true;
                self.look_within(ONCE_MORE);
                None
            }
            Look::Stands(standing) => self.stands(standing, self.unseen).await,
        }
    }

    /// Sets right what events did not tell.
    async fn stands(&mut self, standing: Standing, owed: bool) -> Option<End> {
        (self.missing, self.unseen) = (false, false);
        if owed {
            if standing.answered {
                if self.progress != Progress::Answered {
                    // An earlier life may have left something playing.
                    self.sounds = Sounds::Endless;
                }
                self.progress = Progress::Answered;
                self.answered.store(true, Ordering::Relaxed);
            }
            self.with.clone_from(&standing.with);
            self.wanted = None;
            if let (Some(_), Some(recording)) = (&standing.with, self.record.take()) {
                self.record_into(&recording.file);
            }
            self.tell(LegEvent::Found(standing));
        } else {
            if standing.answered {
                self.note_answer();
            }
            match (standing.with, self.wanted.take()) {
                (Some(with), _) => self.bridged(with),
                (None, Some(wanted)) => self.not_bridged(wanted),
                (None, None) if self.with.take().is_some() => self.tell(LegEvent::Apart),
                (None, None) => {}
            }
        }
        if self.leaves.is_some() {
            self.hang_up().await;
        }
        None
    }

    fn lose_sight(&mut self) {
        if !std::mem::replace(&mut self.unseen, true) {
            self.tell(LegEvent::Unseen);
        }
    }

    fn look_within(&mut self, wait: Duration) {
        let at = Instant::now() + wait;
        self.look = Some(self.look.map_or(at, |look| look.min(at)));
    }

    async fn standing(&self) -> Look {
        let dump = self.tools.nodes.api(&self.node, &format!("uuid_dump {}", self.id)).await;
        match dump {
            Ok(text) => read(&self.id, text),
            Err(error) if error.cause().is_some_and(|c| c.starts_with("No such channel")) => {
                Look::Gone
            }
            Err(_) => Look::Unknown,
        }
    }

    async fn api(&self, command: &str) -> bool {
        let answer = self.tools.nodes.api(&self.node, command).await;
        if let Err(error) = &answer {
            debug!(leg = %self.id, %error, "the leg did not take a command");
        }
        answer.is_ok()
    }

    async fn run_app(&self, app: &str, arg: &str) -> bool {
        let op = OpId::new(format!("{}.{}", self.id, self.orders));
        let answer = self.tools.nodes.execute(&self.node, &self.id, &op, app, arg).await;
        if let Err(error) = &answer {
            debug!(leg = %self.id, app, %error, "the leg did not take an application");
        }
        answer.is_ok()
    }

    fn end(&mut self, cause: String, recorded: Recorded) -> End {
        if let Some(with) = self.wanted.take() {
            self.not_bridged(with);
        }
        self.tape = None;
        let result = match (&self.progress, &self.leaves) {
            (Progress::Answered, _) => AttemptResult::Answered,
            (_, Some(_)) => AttemptResult::CallerGone,
            _ => AttemptResult::from_disposition(&cause),
        };
        End { result, cause, recorded }
    }

    fn tell(&self, event: LegEvent) {
        debug!(leg = %self.id, ?event, "told of a leg");
        // Nobody listens: then nobody needs it.
        let _ = self.ear.send((self.id.clone(), event));
    }
}

/// What a look at a leg gives.
#[derive(Debug, PartialEq)]
enum Look {
    Gone,
    Unknown,
    Stands(Standing),
}

fn read(id: &LegId, dump: String) -> Look {
    let event = Event::from_plain(&Bytes::from(dump + "\n\n"));
    if event.raw("Unique-ID") != Some(id.as_str()) {
        return Look::Unknown;
    }
    Look::Stands(Standing {
        answered: event.raw("Answer-State") == Some("answered"),
        // Taken off when they part (transcript 09g).
        with: event.variable("signal_bond").filter(|b| !b.is_empty()).map(LegId::new),
    })
}
