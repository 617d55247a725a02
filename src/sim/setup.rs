//! How the simulated telephone exchange is furnished.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;

use super::conn::Io;
use super::script::Script;
use super::shared::FreeSwitch;

type Connecting = Pin<Box<dyn Future<Output = io::Result<Box<dyn Io>>> + Send>>;

/// How the engine is reached.
#[derive(Clone, Default)]
pub enum Connector {
    /// By TCP, at `host:port`.
    #[default]
    Tcp,
    /// By anything else, a pipe in memory say. The argument is the target, `host:port`.
    Custom(Arc<dyn Fn(&str) -> Connecting + Send + Sync>),
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Tcp => "Tcp",
            Self::Custom(_) => "Custom",
        })
    }
}

impl Connector {
    pub(super) async fn connect(&self, target: &str) -> io::Result<Box<dyn Io>> {
        match self {
            Self::Tcp => {
                let stream = TcpStream::connect(target).await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Self::Custom(connect) => connect(target).await,
        }
    }
}

/// An agent of callcenter queues.
#[derive(Clone, Debug)]
pub struct Agent {
    pub(super) name: String,
    pub(super) phone: String,
    /// `Available`, `Logged Out`, `On Break`.
    pub(super) status: String,
    pub(super) leg_timeout: u64,
    pub(super) busy_delay: Duration,
    pub(super) reject_delay: Duration,
    pub(super) no_answer_delay: Duration,
}

impl Agent {
    /// An available agent at a phone. Rings for 10 s.
    pub fn new(name: &str, phone: &str) -> Self {
        Self {
            name: name.to_owned(),
            phone: phone.to_owned(),
            status: "Available".to_owned(),
            leg_timeout: 10,
            busy_delay: Duration::from_secs(3),
            reject_delay: Duration::from_secs(2),
            no_answer_delay: Duration::from_secs(2),
        }
    }

    /// With another status.
    #[must_use]
    pub fn status(mut self, status: &str) -> Self {
        self.status = status.to_owned();
        self
    }

    /// With another `leg_timeout`, in seconds.
    #[must_use]
    pub fn leg_timeout(mut self, seconds: u64) -> Self {
        self.leg_timeout = seconds;
        self
    }
}

/// A callcenter queue.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    /// Agents in the order they are offered calls.
    pub(super) agents: Vec<String>,
    /// `max-wait-time`; `None`: for ever.
    pub(super) max_wait: Option<Duration>,
    /// `max-wait-time-with-no-agent`; `None`: for ever.
    pub(super) max_wait_no_agent: Option<Duration>,
}

impl Queue {
    /// A queue whose agents are offered calls in this order.
    pub fn new(agents: &[&str]) -> Self {
        Self { agents: agents.iter().map(|a| (*a).to_owned()).collect(), ..Self::default() }
    }

    /// With `max-wait-time`.
    #[must_use]
    pub fn max_wait(mut self, time: Duration) -> Self {
        self.max_wait = Some(time);
        self
    }

    /// With `max-wait-time-with-no-agent`.
    #[must_use]
    pub fn max_wait_no_agent(mut self, time: Duration) -> Self {
        self.max_wait_no_agent = Some(time);
        self
    }
}

/// What the exchange consists of.
#[derive(Clone, Debug)]
pub struct Builder {
    pub(super) engine: String,
    pub(super) connector: Connector,
    pub(super) phones: HashMap<String, Vec<Script>>,
    pub(super) gateways: Vec<String>,
    pub(super) queues: HashMap<String, Queue>,
    pub(super) agents: Vec<Agent>,
    pub(super) fifos: HashMap<String, Vec<String>>,
    pub(super) boxes: Vec<String>,
    pub(super) files: HashMap<String, Option<Duration>>,
    pub(super) file_length: Duration,
    pub(super) extensions: HashMap<String, Vec<(String, String)>>,
    pub(super) speed: f64,
    pub(super) tick: Duration,
    pub(super) begins: Option<u64>,
    pub(super) socket_resume: bool,
    pub(super) late_events: bool,
    pub(super) socket_mode: (&'static str, &'static str),
    pub(super) early_notice: bool,
    pub(super) fallback_talk: Duration,
    pub(super) heartbeat: Duration,
    pub(super) password: String,
    pub(super) control: Option<String>,
    pub(super) recordings: Option<PathBuf>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            engine: "127.0.0.1:8084".to_owned(),
            connector: Connector::Tcp,
            phones: HashMap::new(),
            gateways: Vec::new(),
            queues: HashMap::new(),
            agents: Vec::new(),
            fifos: HashMap::new(),
            boxes: Vec::new(),
            files: HashMap::new(),
            file_length: Duration::from_secs(2),
            extensions: HashMap::new(),
            speed: 1.0,
            tick: Duration::ZERO,
            begins: None,
            socket_resume: true,
            late_events: false,
            socket_mode: ("async", "full"),
            early_notice: false,
            fallback_talk: Duration::from_secs(3),
            heartbeat: Duration::from_secs(20),
            password: "ClueCon".to_owned(),
            control: None,
            recordings: None,
        }
    }
}

impl Builder {
    /// Where the engine listens: `host:port`, or several joined by `|`, tried in order.
    #[must_use]
    pub fn engine(mut self, addresses: &str) -> Self {
        self.engine = addresses.to_owned();
        self
    }

    /// Reaches the engine in another way than by TCP.
    #[must_use]
    pub fn connector(mut self, connector: Connector) -> Self {
        self.connector = connector;
        self
    }

    /// A phone: an extension, or a number behind a gateway.
    #[must_use]
    pub fn phone(self, number: &str, script: Script) -> Self {
        self.phone_in_turn(number, [script])
    }

    /// A phone that does something else at each call; the last script repeats.
    #[must_use]
    pub fn phone_in_turn(
        mut self,
        number: &str,
        scripts: impl IntoIterator<Item = Script>,
    ) -> Self {
        self.phones.insert(number.to_owned(), scripts.into_iter().collect());
        self
    }

    /// A gateway that exists. Numbers behind it are phones; an unknown number is 404.
    #[must_use]
    pub fn gateway(mut self, name: &str) -> Self {
        self.gateways.push(name.to_owned());
        self
    }

    /// A mod_callcenter queue.
    #[must_use]
    pub fn queue(mut self, name: &str, queue: Queue) -> Self {
        self.queues.insert(name.to_owned(), queue);
        self
    }

    /// A mod_callcenter agent.
    #[must_use]
    pub fn agent(mut self, agent: Agent) -> Self {
        self.agents.push(agent);
        self
    }

    /// A mod_fifo queue with the phones of its members.
    #[must_use]
    pub fn fifo(mut self, name: &str, members: &[&str]) -> Self {
        let members = members.iter().map(|m| (*m).to_owned()).collect();
        self.fifos.insert(name.to_owned(), members);
        self
    }

    /// A voice mailbox.
    #[must_use]
    pub fn voicemail(mut self, mailbox: &str) -> Self {
        self.boxes.push(mailbox.to_owned());
        self
    }

    /// A sound file and its length. Files not named here last 2 s.
    #[must_use]
    pub fn file(mut self, path: &str, length: Duration) -> Self {
        self.files.insert(path.to_owned(), Some(length));
        self
    }

    /// A sound file that is not there.
    #[must_use]
    pub fn missing_file(mut self, path: &str) -> Self {
        self.files.insert(path.to_owned(), None);
        self
    }

    /// An extension of the dialplan that runs these applications. All others go to the engine.
    #[must_use]
    pub fn extension(mut self, number: &str, apps: &[(&str, &str)]) -> Self {
        let apps = apps.iter().map(|(app, arg)| ((*app).to_owned(), (*arg).to_owned())).collect();
        self.extensions.insert(number.to_owned(), apps);
        self
    }

    /// Simulated seconds in a real one.
    #[must_use]
    pub fn speed(mut self, factor: f64) -> Self {
        self.speed = factor.max(0.001);
        self
    }

    /// How often the event queue is looked at: 20 ms in the real one, at once when zero.
    #[must_use]
    pub fn tick(mut self, tick: Duration) -> Self {
        self.tick = tick;
        self
    }

    /// The simulated time to begin at, in microseconds since 1970. Timeouts count whole seconds
    /// of the wall clock, so a test of them sets it.
    #[must_use]
    pub fn begins_at(mut self, micros: u64) -> Self {
        self.begins = Some(micros);
        self
    }

    /// Whether the dialplan sets `socket_resume=true` before `socket`. It does by default.
    #[must_use]
    pub fn socket_resume(mut self, on: bool) -> Self {
        self.socket_resume = on;
        self
    }

    /// The dispatcher lags: the last events before a call is passed on are handed out when the next
    /// connection has asked for events, and to that one as well (seen on 1.10.12 under load).
    #[must_use]
    pub fn late_events(mut self) -> Self {
        self.late_events = true;
        self
    }

    /// What `connect` answers as `Socket-Mode` and `Control`; `async` and `full` by default.
    #[must_use]
    pub fn socket_mode(mut self, mode: &'static str, control: &'static str) -> Self {
        self.socket_mode = (mode, control);
        self
    }

    /// Sends the linger notice before the last events, as the real one does at times
    /// (transcripts 05a, 08a).
    #[must_use]
    pub fn early_notice(mut self, on: bool) -> Self {
        self.early_notice = on;
        self
    }

    /// How long the dialplan's own queue talks to a caller the engine has lost.
    #[must_use]
    pub fn fallback_talk(mut self, time: Duration) -> Self {
        self.fallback_talk = time;
        self
    }

    /// How often HEARTBEAT is told on the control socket.
    #[must_use]
    pub fn heartbeat(mut self, every: Duration) -> Self {
        self.heartbeat = every;
        self
    }

    /// The password of the control socket.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = password.to_owned();
        self
    }

    /// Listens for control connections; `127.0.0.1:0` takes a free port.
    #[must_use]
    pub fn control(mut self, address: &str) -> Self {
        self.control = Some(address.to_owned());
        self
    }

    /// Recordings in this folder become files: a moment of silence each. Without it none does.
    #[must_use]
    pub fn recordings(mut self, folder: impl Into<PathBuf>) -> Self {
        self.recordings = Some(folder.into());
        self
    }

    /// Switches it on.
    ///
    /// # Errors
    /// The control socket cannot be opened.
    pub async fn start(self) -> io::Result<FreeSwitch> {
        FreeSwitch::start(self).await
    }
}
