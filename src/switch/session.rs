//! One call, one task: drives the call machine with what the connection says, and sends what the
//! machine wants.

mod error;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, info_span, warn};

pub use self::error::SessionError;
use super::arrival::Arrival;
use super::clock::Clock;
use super::desk::Desk;
use super::dial::{CALL_VARIABLES, FOLLOW_TRANSFER, LEAVE_KEY};
use super::engine::{CallNews, Engine};
use super::farewell::{GOODBYE, SET, farewell, keep_silent, leaves, undisturbed};
use super::registry::{Entry, Seat};
use super::tape::Tape;
use super::translate::{AGENT_EVENTS, AGENTS, EVENTS, FILTERS, Translator};
use crate::core::call::{App, Call, Input, Output, Probe};
use crate::core::client::Lookup;
use crate::core::facts::{Direction, Facts, whom_to_ask};
use crate::core::ids::OpId;
use crate::core::phone::mask;
use crate::core::record::CallRecord;
use crate::core::trace::Decision;
use crate::directory::Directory;
use crate::esl::{Command, Event, FrameError, Incoming, Link, LinkError, Reply};
use crate::telemetry::trace_id;
use crate::traces::Trail;

/// The events of the end of a call come within `linger`; it must outlive the machine's patience
/// for them (`core::call`, 5 s).
const LINGER: Duration = Duration::from_secs(8);
/// How FreeSWITCH begins its answer to a command for a leg that is gone.
const NO_CHANNEL: &str = "-ERR No such channel";
/// A leg is led within 20 ms of `connect`; an overloaded FreeSWITCH may take this long.
const LED: Duration = Duration::from_secs(1);

/// Any socket: TCP in service, a pipe in tests.
pub type Socket = Box<dyn Io>;

/// What a session needs of a socket.
pub trait Io: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug> Io for T {}

/// A connection whose handshake is done.
#[derive(Debug)]
pub struct Connected {
    link: Link<Socket, Tag>,
    arrival: Arrival,
    accepted: Instant,
}

/// What is remembered with a command until its reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// `connect`.
    Connect,
    /// `uuid_dump`.
    Probe,
    /// `connect` once more: how the leg ended.
    LastLook,
    /// Anything whose reply only matters if it is an error.
    Plain(&'static str),
}

type LookupFuture = Pin<Box<dyn Future<Output = Lookup> + Send>>;

/// The driver of one call.
struct Session {
    engine: Arc<Engine>,
    directory: Arc<Directory>,
    clock: Clock,
    link: Link<Socket, Tag>,
    seat: Seat<Connected>,
    call: Call,
    desk: Desk,
    arrival: Arrival,
    accepted: Instant,
    /// Asked and not answered yet.
    lookup: Option<LookupFuture>,
    /// Ends the tasks that keep earlier connections of this call open.
    earlier: CancellationToken,
    record: Option<CallRecord>,
    commanded: bool,
    tape: Tape,
    trail: Trail,
    /// FreeSWITCH has taken `linger`: the end of the call will be told.
    lingers: bool,
    /// FreeSWITCH runs what this connection sends.
    led: bool,
    /// The call had its record a moment ago, and this is a connection that came late.
    late: bool,
}

/// Leads one connection from `connect` to the end of its call.
///
/// # Errors
/// [`SessionError`]: the connection never became a call. Once it is one, every fault is handled
/// here and ends in the record.
pub async fn run(
    engine: Arc<Engine>,
    socket: Socket,
    drain: CancellationToken,
) -> Result<(), SessionError> {
    let accepted = Instant::now();
    let link = Link::new(socket, engine.settings.limits);
    let limit = engine.settings.handshake;
    let connected = timeout(limit, handshake(&engine, link, accepted)).await;
    let connected = connected.map_err(|_| SessionError::Silent(limit))??;
    let id = connected.arrival.call.clone();
    match engine.calls.enter(&id, connected) {
        Entry::Joined => {
            debug!(call = %id, trace_id = %trace_id(&id), "a second connection of this call joins it")
        }
        Entry::First(seat, connected) => {
            let span = info_span!("call", id = %id, trace_id = %trace_id(&id));
            // The caller hung up as he was passed on.
            let late = connected.arrival.led_before && engine.calls.led_lately(&id);
            let mut session = Session::new(engine, seat, connected);
            session.late = late;
            tracing::Instrument::instrument(session.lead(drain), span).await;
        }
    }
    Ok(())
}

/// `connect`, the refusal of sockets we cannot lead by, and the first commands in one write.
async fn handshake(
    engine: &Engine,
    mut link: Link<Socket, Tag>,
    accepted: Instant,
) -> Result<Connected, SessionError> {
    link.send([(Tag::Connect, Command::connect())]).await.map_err(gone)?;
    let data = loop {
        match link.next().await.map_err(gone)? {
            Some(Incoming::Reply(Tag::Connect, reply)) => break reply,
            // The caller left before FreeSWITCH could tell who it was.
            Some(Incoming::Notice { .. }) | None => return Err(SessionError::Closed),
            Some(_) => {}
        }
    };
    let mut arrival = Arrival::read(&data.headers, engine.region())?;
    if engine.clerk.wants() || engine.tracer.is_on() {
        arrival = arrival.with_brought(&data.headers);
    }
    let id = arrival.call.as_str();
    let op = OpId::new(format!("{id}.0"));
    let follows = arrival.direction == Direction::Outbound
        && engine.recorder.may_record(arrival.record_path.as_deref());
    let variables = [CALL_VARIABLES, if follows { FOLLOW_TRANSFER } else { "" }].concat();
    let mut first = vec![
        (Tag::Plain("multiset"), Command::execute(None, &op, "multiset", &variables)),
        (Tag::Plain("linger"), Command::linger(LINGER)),
    ];
    first.extend(FILTERS.map(|header| (Tag::Plain("filter"), Command::filter(header, id))));
    first.push((Tag::Plain("event"), Command::events(EVENTS)));
    first.push((Tag::Plain("uuid_setvar"), undisturbed(&arrival.call)));
    link.queue(first);
    // A call new to us is about to be decided: all goes out in one write. One that is led already
    // must not wait for its session.
    if engine.calls.leads(&arrival.call) {
        link.flush().await.map_err(gone)?;
    }
    Ok(Connected { link, arrival, accepted })
}

/// A peer that resets the connection before it said anything is one that closed it.
fn gone(error: LinkError) -> SessionError {
    match error {
        LinkError::Io(_) | LinkError::Frame(FrameError::Io(_)) => SessionError::Closed,
        other => SessionError::Link(other),
    }
}

impl Session {
    fn new(engine: Arc<Engine>, seat: Seat<Connected>, connected: Connected) -> Self {
        let Connected { link, mut arrival, accepted } = connected;
        let clock = Clock::start();
        let tape = Tape::new(engine.recorder.clone());
        let trail = engine.tracer.trail(&arrival.call, arrival.led_before);
        let desk = Desk::new(engine.clerk.clone(), std::mem::take(&mut arrival.brought));
        let mut call = Call::new(CallRecord::new(
            arrival.call.clone(),
            arrival.direction,
            arrival.from.clone(),
            arrival.to.clone(),
            clock.now(),
        ));
        if arrival.answered {
            call.answered_already();
        }
        let directory = engine.directory_of(arrival.direction, &arrival.to).clone();
        Self {
            engine,
            directory,
            clock,
            link,
            seat,
            call,
            desk,
            arrival,
            accepted,
            lookup: None,
            earlier: CancellationToken::new(),
            record: None,
            commanded: false,
            tape,
            trail,
            lingers: false,
            led: false,
            late: false,
        }
    }

    async fn lead(mut self, drain: CancellationToken) {
        let metrics = self.engine.metrics.clone();
        let node = metrics.node_of(self.arrival.core.as_deref());
        metrics.calls_active.inc();
        metrics.node_calls.with_label_values(&[&node]).inc();
        metrics.calls_begun.with_label_values(&[&node]).inc();
        info!(from = %self.arrival.from, to = %mask(&self.arrival.to), "call arrived");
        match self.arrival.gone.take() {
            Some(cause) => self.call.handle(Input::HungUp { cause }, self.clock.now()),
            None => self.ask(),
        }
        let end = self.events(&drain).await;
        let lives = self.record.is_none();
        if lives {
            self.last_joins();
        }
        // A caller who goes before `linger` is taken: FreeSWITCH closes the connection at once.
        let gone = !self.lingers && !drain.is_cancelled();
        if gone && self.record.is_none() {
            self.call.handle(Input::HungUp { cause: "UNKNOWN".into() }, self.clock.now());
        } else if let (Err(error), None) = (&end, &self.record) {
            warn!(%error, "the connection of this call failed; FreeSWITCH goes on with it");
        }
        if self.record.is_none() {
            self.call.handle(Input::Lost, self.clock.now());
            // Nothing can be sent any more; the record is what is left to do.
            while let Some(output) = self.call.poll() {
                self.note(output);
            }
        }
        metrics.calls_active.dec();
        metrics.node_calls.with_label_values(&[&node]).dec();
        // The record first: it must not wait for a good-bye that may be slow.
        if let Some(record) = self.record.take().filter(|r| !self.late || !r.talks.is_empty()) {
            self.engine.closed(record, std::mem::take(&mut self.trail));
        }
        if end.is_ok() {
            // The call is over; a peer that went first is no fault.
            let _ = timeout(GOODBYE, self.leave(lives)).await;
        }
        self.earlier.cancel();
    }

    /// Asks the directory, unless there is nothing to ask for.
    fn ask(&mut self) {
        self.engine.tell(|| CallNews::Arrived {
            call: self.arrival.call.clone(),
            from: self.arrival.from.clone(),
            to: self.arrival.to.clone(),
        });
        self.trail.asked(self.clock.now());
        let staff = self.directory.staff();
        let Arrival { direction, from, to, .. } = &self.arrival;
        self.lookup = Some(match whom_to_ask(*direction, from, to, self.engine.region(), &staff) {
            Some(phone) => {
                let directory = self.directory.clone();
                let trace = self.trail.exemplar();
                Box::pin(async move { directory.lookup_for(&phone, trace).await })
            }
            None => Box::pin(std::future::ready(Lookup::NotAsked)),
        });
    }

    /// The life of the call; returns when its record is complete or the connection is gone.
    async fn events(&mut self, drain: &CancellationToken) -> Result<(), LinkError> {
        let drained = drain.cancelled();
        tokio::pin!(drained);
        if let Some(lookup) = answer(&mut self.lookup).now_or_never() {
            self.decide(&lookup);
        }
        self.flush().await?;
        while self.record.is_none() {
            let wake = self.call.timeout().map(|due| self.clock.instant(due));
            tokio::select! {
                biased;
                lookup = answer(&mut self.lookup) => self.decide(&lookup),
                incoming = self.link.next() => match incoming? {
                    Some(incoming) => self.incoming(incoming),
                    None => return Ok(()),
                },
                Some(later) = self.seat.joins.recv() => self.passed_on(later),
                () = sleep(wake) => self.call.handle_timeout(self.clock.now()),
                () = &mut drained => return Ok(()),
            }
            self.flush().await?;
        }
        Ok(())
    }

    fn decide(&mut self, lookup: &Lookup) {
        // He hung up meanwhile: a reason counted now would stand in no record.
        if !self.call.is_deciding() {
            return;
        }
        let (begin, now) = (std::time::Instant::now(), self.clock.now());
        let engine = self.engine.clone();
        let _stand = engine.rules_stand();
        let decision = self.decision(lookup);
        let (took, trace) = (begin.elapsed(), self.trail.exemplar());
        self.engine.metrics.decision_seconds.observe(&[], took.as_secs_f64(), trace);
        self.trail.decided(lookup, now, took);
        if let Some(fallback) = decision.fallback {
            self.engine.metrics.fallbacks.with_label_values(&[fallback.as_str()]).inc();
        }
        debug!(trace = ?decision.trace, "decided");
        self.begin(&decision, Some(lookup));
        self.call.handle(Input::Decided(Box::new(decision)), self.clock.now());
        let rules = self.engine.rules.load();
        let dialplan = self.arrival.record_path.as_deref();
        self.tape.prepare(&mut self.call, dialplan, rules.timezone(), self.clock.now());
    }

    fn decision(&self, lookup: &Lookup) -> Decision {
        let staff = self.directory.staff();
        let facts = Facts {
            direction: self.arrival.direction,
            from: &self.arrival.from,
            to: &self.arrival.to,
            passed_on: !self.call.record().transfers.is_empty(),
            at: self.clock.now(),
            lookup,
            staff: &staff,
            presence: self.engine.presence.as_ref(),
        };
        crate::core::route::decide(&self.engine.rules.load(), &facts)
    }

    /// From the first decision on it is known what is to be said of this call.
    fn begin(&mut self, decision: &Decision, lookup: Option<&Lookup>) {
        if self.desk.is_waiting() {
            let staff = self.directory.staff();
            let rules = self.engine.rules.load();
            self.desk.decided(self.call.record(), decision, lookup, &rules, &staff);
        }
    }

    fn incoming(&mut self, incoming: Incoming<Tag>) {
        let now = self.clock.now();
        let staff = self.directory.staff();
        let recorder = &self.engine.recorder;
        let translator = Translator {
            call: &self.arrival.call,
            staff: &staff,
            region: self.engine.region(),
            link: &|file| recorder.link(file, now).unwrap_or_default(),
        };
        match incoming {
            Incoming::Event(event) if self.arrival.is_past(&event) => {}
            Incoming::Event(event) => {
                self.led = self.led || ran_first(&event);
                if let Some(input) = translator.event(&event) {
                    self.tape.heard(&input);
                    self.call.handle(input, now);
                }
            }
            Incoming::Reply(Tag::Probe, reply) => {
                let probe = translator.probe(&reply);
                if probe == Probe::Unknown {
                    debug!(answer = first_line(&reply), "the look at the channel gave no answer");
                }
                self.call.handle(Input::Probed(probe), now);
            }
            Incoming::Reply(Tag::LastLook, reply) => {
                let data = Event::from_plain(&Bytes::copy_from_slice(reply.headers.as_bytes()));
                let last = Input::Completed(translator.last_words(&data));
                self.tape.heard(&last);
                self.call.handle(last, now);
            }
            // A caller may be gone at any moment.
            Incoming::Reply(Tag::Plain(_), reply) if reply.text().starts_with(NO_CHANNEL) => {}
            Incoming::Reply(Tag::Plain(verb), reply) if reply.is_error() => {
                warn!(verb, answer = first_line(&reply), "FreeSWITCH refused a command");
            }
            Incoming::Reply(Tag::Plain("linger"), _) => self.lingers = true,
            // It may come before the last events (05a), or instead of them: those that were sent
            // before `event` was taken are lost (seen on 1.10.12).
            Incoming::Notice { linger: true } => self.call.handle(Input::Down, now),
            Incoming::Reply(..)
            | Incoming::Notice { .. }
            | Incoming::AuthRequest
            | Incoming::Refused => {}
        }
    }

    /// The call came back on a new connection, which leads from now on. The earlier one stays
    /// open and silent: `exit` on it would take the call away from the new one.
    fn passed_on(&mut self, later: Connected) {
        let Connected { link, arrival, .. } = later;
        if let Some(cause) = arrival.gone {
            self.call.handle(Input::HungUp { cause }, self.clock.now());
        }
        if self.call.is_leaving() {
            // The last words come on the connection in hand.
            let call = self.arrival.call.clone();
            tokio::spawn(keep_silent(link, call, self.earlier.child_token()));
            return;
        }
        let earlier = std::mem::replace(&mut self.link, link);
        let call = self.arrival.call.clone();
        tokio::spawn(keep_silent(earlier, call, self.earlier.child_token()));
        self.led = false;
        info!(to = %mask(&arrival.to), "call passed on");
        self.call.handle(Input::Transferred { to: arrival.to.clone() }, self.clock.now());
        self.arrival.to = arrival.to;
        self.arrival.sequence = arrival.sequence;
        self.ask();
    }

    /// Sends everything the machine wants, in one write.
    async fn flush(&mut self) -> Result<(), LinkError> {
        let mut commands = Vec::new();
        while let Some(output) = self.call.poll() {
            match output {
                Output::Run(op, app) => {
                    self.tell_step(&app);
                    if matches!(app, App::Callcenter(_)) && self.desk.is_manned() {
                        let id = self.arrival.call.as_str();
                        commands.push((Tag::Plain("filter"), Command::filter(AGENTS, id)));
                        commands.push((Tag::Plain("event"), Command::events(AGENT_EVENTS)));
                    }
                    let (name, arg) = self.engine.settings.dial.application(&app);
                    commands.push((Tag::Plain(name), Command::execute(None, &op, name, &arg)));
                }
                Output::Probe => {
                    // With `plain` the values stand in brackets, not encoded.
                    let call = format!("uuid_dump {}", self.arrival.call);
                    commands.push((Tag::Probe, Command::api(&call)));
                }
                Output::LastLook => commands.push((Tag::LastLook, Command::connect())),
                Output::Break => {
                    let call = format!("uuid_recv_dtmf {} {LEAVE_KEY}", self.arrival.call);
                    commands.push((Tag::Plain("uuid_recv_dtmf"), Command::api(&call)));
                }
                Output::Record(file) => {
                    let record = self.tape.begin(&self.arrival.call, &file);
                    commands.push((Tag::Plain("uuid_record"), record));
                }
                other => self.note(other),
            }
        }
        let commands_now = !commands.is_empty();
        self.link.send(commands).await?;
        if commands_now && !std::mem::replace(&mut self.commanded, true) {
            let (after, trace) = (self.accepted.elapsed(), self.trail.exemplar());
            self.engine.metrics.first_command_seconds.observe(&[], after.as_secs_f64(), trace);
            self.trail.commanded(after);
        }
        Ok(())
    }

    fn tell_step(&self, app: &App) {
        let step = matches!(
            app,
            App::Bridge { .. }
                | App::Callcenter(_)
                | App::Fifo(_)
                | App::Voicemail(_)
                | App::Playback(_)
        );
        let Some(attempt) = self.call.record().attempts.last().filter(|_| step) else { return };
        self.engine.tell(|| CallNews::Trying {
            call: self.arrival.call.clone(),
            what: attempt.what.clone(),
            employees: attempt.employees.clone(),
        });
    }

    fn note(&mut self, output: Output) {
        match output {
            Output::Occurred(occurrence) => {
                if self.desk.is_waiting() {
                    // Over before it was decided on: what would have been decided tells whose
                    // call it was.
                    let engine = self.engine.clone();
                    let _stand = engine.rules_stand();
                    self.begin(&self.decision(&Lookup::Slow), None);
                }
                self.desk.occurred(self.call.record(), &occurrence, self.clock.now());
                self.trail.occurred(&occurrence, self.clock.now());
                self.engine.occurred(&self.call, occurrence);
            }
            Output::Closed(record) => {
                self.record = Some(*record);
                self.tape.end();
            }
            Output::Run(..)
            | Output::Probe
            | Output::LastLook
            | Output::Break
            | Output::Record(_) => {}
        }
    }

    /// Connections that came in the last moment lead the call as any other does: closed before
    /// their first commands have run, they would leave the caller in silence.
    fn last_joins(&mut self) {
        self.seat.joins.close();
        while let Ok(later) = self.seat.joins.try_recv() {
            self.passed_on(later);
        }
    }

    /// `exit` frees the session in FreeSWITCH (1.9 MB each) without waiting for linger's end. It
    /// is all that draining needs as well: ringing, queue and talk go on, an idle caller goes to
    /// the dialplan's queue. But not before FreeSWITCH leads the call by this connection: an
    /// `exit` that comes first is forgotten, and the caller stays parked for ever.
    async fn leave(&mut self, lives: bool) -> Result<(), LinkError> {
        if lives {
            let leaves = leaves(&self.arrival.call);
            self.link.send([(Tag::Plain("uuid_setvar"), leaves)]).await?;
            tokio::time::sleep(SET).await;
        }
        if lives && !self.led {
            let led = async {
                loop {
                    match self.link.next().await? {
                        Some(Incoming::Event(event)) if !ran_first(&event) => {}
                        Some(Incoming::Event(_)) | None => return Ok::<_, LinkError>(()),
                        Some(_) => {}
                    }
                }
            };
            // An event that came before we asked for events is not told; then time tells.
            if let Ok(failed) = timeout(LED, led).await {
                failed?;
            }
        }
        self.link.send(farewell(&self.arrival.call, lives)).await?;
        while self.link.next().await?.is_some() {}
        Ok(())
    }
}

/// Waits for the answer and takes the question away; waits for ever where nothing was asked.
async fn answer(asked: &mut Option<LookupFuture>) -> Lookup {
    match asked {
        Some(future) => {
            let lookup = future.as_mut().await;
            *asked = None;
            lookup
        }
        None => std::future::pending().await,
    }
}

/// It tells that the first command of a connection has run.
fn ran_first(event: &Event) -> bool {
    event.raw("Application-UUID").is_some_and(|op| op.ends_with(".0"))
}

async fn sleep(until: Option<Instant>) {
    match until {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn first_line(reply: &Reply) -> &str {
    reply.text().lines().next().unwrap_or_default()
}
