//! What all calls share: the directory, the register of channels, those who watch.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::agents::Agents;
use super::call::Call;
use super::clock::{Clock, Micros};
use super::conn::Request;
use super::control::Control;
use super::event::{Extra, Kind, Preamble, render};
use super::leg::Leg;
use super::report::CallReport;
use super::script::{CallSpec, Presence, Script};
use super::setup::Builder;
use super::transfer::Destination;

/// The number of the first session; the ones before are whatever a switch does at its start.
const FIRST_SESSION: u64 = 11;

/// A message to the task of a call.
#[derive(Debug)]
pub(super) enum Ctl {
    /// An api command about one of its channels.
    Api(String, oneshot::Sender<String>),
    /// `sendmsg` of a control connection to one of its channels.
    Send(String, Request, oneshot::Sender<String>),
    /// The channels, for `show channels`.
    Rows(oneshot::Sender<Vec<serde_json::Value>>),
    /// The caller hangs up.
    HangUp,
    /// A dialled leg has won: it goes there.
    Go(Destination),
    /// Gives the leg to another call.
    Give(String, Mailbox),
    /// Takes a leg of another call.
    Take(Box<Leg>),
    /// The answer of an api command asked on one of its connections.
    Answer(usize, String),
}

pub(super) type Mailbox = mpsc::UnboundedSender<Ctl>;

/// An event for those who watch on a control connection.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) kind: Kind,
    pub(super) subclass: Option<String>,
    pub(super) body: String,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: Builder,
    pub(super) clock: Clock,
    pub(super) core_uuid: String,
    pub(super) preamble: Preamble,
    pub(super) agents: Mutex<Agents>,
    engine: Mutex<String>,
    phones: Mutex<HashMap<String, (Vec<Script>, usize)>>,
    legs: Mutex<HashMap<String, Mailbox>>,
    calls: Mutex<HashMap<u64, Mailbox>>,
    sessions: AtomicU64,
    watchers: Mutex<Vec<mpsc::UnboundedSender<Arc<Told>>>>,
    watched: AtomicU64,
}

/// Nobody panics with a lock in hand; should it happen, the data are still good enough.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn new(config: Builder) -> Self {
        let core_uuid = new_uuid();
        Self {
            clock: Clock::new(config.begins, config.speed),
            preamble: Preamble::new(&core_uuid),
            core_uuid,
            agents: Mutex::new(Agents::new(&config.agents)),
            engine: Mutex::new(config.engine.clone()),
            phones: Mutex::new(
                config
                    .phones
                    .iter()
                    .map(|(number, scripts)| (number.clone(), (scripts.clone(), 0)))
                    .collect(),
            ),
            legs: Mutex::default(),
            calls: Mutex::default(),
            sessions: AtomicU64::new(FIRST_SESSION),
            watchers: Mutex::default(),
            watched: AtomicU64::new(0),
            config,
        }
    }

    pub(super) fn now(&self) -> Micros {
        self.clock.now()
    }

    /// Sessions begun so far.
    pub(super) fn sessions_begun(&self) -> u64 {
        self.sessions.load(Ordering::Relaxed) - FIRST_SESSION
    }

    pub(super) fn session(&self) -> u64 {
        self.sessions.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn engine(&self) -> String {
        lock(&self.engine).clone()
    }

    /// What the phone does at this call; `None`: there is no such number.
    pub(super) fn phone(&self, number: &str) -> Option<Script> {
        let mut phones = lock(&self.phones);
        let (scripts, next) = phones.get_mut(number)?;
        let script = scripts.get(*next).or(scripts.last())?.clone();
        *next += 1;
        Some(script)
    }

    /// Numbers with a registered phone.
    pub(super) fn registered(&self) -> Vec<String> {
        let phones = lock(&self.phones);
        let mut numbers: Vec<_> = phones
            .iter()
            .filter(|(_, (scripts, next))| {
                scripts
                    .get(*next)
                    .or(scripts.last())
                    .is_some_and(|s| s.presence == Presence::Registered)
            })
            .map(|(number, _)| number.clone())
            .collect();
        numbers.sort();
        numbers
    }

    pub(super) fn enter(&self, uuid: &str, mailbox: &Mailbox) {
        lock(&self.legs).insert(uuid.to_owned(), mailbox.clone());
    }

    pub(super) fn leave(&self, uuid: &str) {
        lock(&self.legs).remove(uuid);
    }

    pub(super) fn mailbox(&self, uuid: &str) -> Option<Mailbox> {
        lock(&self.legs).get(uuid).cloned()
    }

    pub(super) fn enter_call(&self, id: u64, mailbox: &Mailbox) {
        lock(&self.calls).insert(id, mailbox.clone());
    }

    pub(super) fn leave_call(&self, id: u64) {
        lock(&self.calls).remove(&id);
    }

    pub(super) fn calls(&self) -> Vec<Mailbox> {
        lock(&self.calls).values().cloned().collect()
    }

    pub(super) fn channels(&self) -> usize {
        lock(&self.legs).len()
    }

    /// A new pair of eyes on the control socket.
    pub(super) fn watch(&self) -> mpsc::UnboundedReceiver<Arc<Told>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        lock(&self.watchers).push(sender);
        self.watched.fetch_add(1, Ordering::Relaxed);
        receiver
    }

    /// Whether anybody watches at all: no event is put together for nobody.
    pub(super) fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed) > 0
    }

    pub(super) fn publish(&self, told: Told) {
        let told = Arc::new(told);
        let mut watchers = lock(&self.watchers);
        watchers.retain(|w| w.send(told.clone()).is_ok());
        self.watched.store(watchers.len() as u64, Ordering::Relaxed);
    }

    /// Tells an event that belongs to no channel.
    pub(super) fn tell(&self, kind: Kind, extra: Extra<'_>) {
        if self.is_watched() {
            let mut body = String::new();
            render(&self.preamble, kind, None, extra, self.now(), &mut body);
            self.publish(Told { kind, subclass: extra.subclass.map(str::to_owned), body });
        }
    }
}

pub(super) fn new_uuid() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// The simulated FreeSWITCH. Cheap to clone; the calls go on when it is dropped.
#[derive(Clone, Debug)]
pub struct FreeSwitch {
    pub(super) shared: Arc<Shared>,
    control: Arc<Control>,
}

impl FreeSwitch {
    /// An empty exchange, to be furnished.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(super) async fn start(config: Builder) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(config));
        let control = Arc::new(Control::new(shared.clone()));
        if let Some(address) = &shared.config.control {
            control.listen(address).await?;
        }
        Ok(Self { shared, control })
    }

    /// A call comes in. It goes on by itself; the handle tells how it was.
    pub fn call(&self, spec: CallSpec) -> CallHandle {
        let uuid = spec.uuid.clone().unwrap_or_else(new_uuid);
        let (mailbox, inbox) = mpsc::unbounded_channel();
        let call = Call::inbound(self.shared.clone(), spec, uuid.clone(), mailbox.clone(), inbox);
        CallHandle { uuid, mailbox, task: tokio::spawn(call.run()) }
    }

    /// From now on the phone does this.
    pub fn set_phone(&self, number: &str, script: Script) {
        let registered = script.presence == Presence::Registered;
        lock(&self.shared.phones).insert(number.to_owned(), (vec![script], 0));
        self.shared.tell_registration(number, registered);
    }

    /// From now on the engine is looked for here.
    pub fn set_engine(&self, addresses: &str) {
        addresses.clone_into(&mut lock(&self.shared.engine));
    }

    /// An agent logs in, out, or takes a break: `Available`, `Logged Out`, `On Break`.
    pub fn set_agent_status(&self, agent: &str, status: &str) {
        self.shared.set_agent_status(agent, status);
    }

    /// How many channels there are.
    pub fn channels(&self) -> usize {
        self.shared.channels()
    }

    /// How many times faster than life it is.
    pub fn speed(&self) -> f64 {
        self.shared.config.speed
    }

    /// The node's `Core-UUID`.
    pub fn core_uuid(&self) -> &str {
        &self.shared.core_uuid
    }

    /// Where the control socket listens.
    pub fn control_address(&self) -> Option<SocketAddr> {
        self.control.address()
    }

    /// A control connection in memory, for tests in virtual time.
    pub fn control_pipe(&self) -> tokio::io::DuplexStream {
        self.control.pipe()
    }

    /// Cuts all control connections; new ones are taken.
    pub fn cut_control(&self) {
        self.control.cut();
    }

    /// Cuts all control connections and takes no new ones: FreeSWITCH is gone.
    pub fn stop_control(&self) {
        self.control.stop();
    }

    /// Takes control connections again, at the same address: FreeSWITCH is back.
    ///
    /// # Errors
    /// The address is taken by now, or there never was one.
    pub async fn restart_control(&self) -> io::Result<()> {
        self.control.restart().await
    }
}

/// A call that goes on.
#[derive(Debug)]
pub struct CallHandle {
    uuid: String,
    mailbox: Mailbox,
    task: JoinHandle<CallReport>,
}

impl CallHandle {
    /// The caller's channel.
    pub fn uuid(&self) -> &str {
        &self.uuid
    }

    /// The caller hangs up now.
    pub fn hang_up(&self) {
        let _ = self.mailbox.send(Ctl::HangUp);
    }

    /// Waits for the end of the call.
    ///
    /// # Panics
    /// When the task of the call has panicked: a fault of the simulator.
    pub async fn report(self) -> CallReport {
        match self.task.await {
            Ok(report) => report,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}
