//! A small scripted FreeSWITCH: it greets, answers what it is told to, and hands everything else
//! to the test.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use dozvon::core::ids::NodeId;
use dozvon::metrics::Metrics;
use dozvon::switch::control::{Dial, LinkState, NodeConfig, Nodes, Socket};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How many bytes may be under way in one direction.
const PIPE: usize = 64 * 1024;

/// Connections in memory, so that virtual time stays exact.
pub struct Pipes(mpsc::UnboundedSender<DuplexStream>, Mutex<bool>);

#[async_trait]
impl Dial for Pipes {
    async fn dial(&self, _: &str) -> io::Result<Box<dyn Socket>> {
        let (ours, theirs) = tokio::io::duplex(PIPE);
        if *self.1.lock().unwrap() || self.0.send(theirs).is_err() {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        Ok(Box::new(ours))
    }
}

/// The engine's side and the peer's side.
pub struct House {
    pub nodes: Arc<Nodes>,
    pub metrics: Arc<Metrics>,
    pub cancel: CancellationToken,
    pub node: NodeId,
    pipes: Arc<Pipes>,
    coming: mpsc::UnboundedReceiver<DuplexStream>,
}

impl House {
    /// An engine with so many connections to one node.
    pub fn new(links: usize) -> Self {
        let (sender, coming) = mpsc::unbounded_channel();
        let pipes = Arc::new(Pipes(sender, Mutex::new(false)));
        let metrics = Arc::new(Metrics::new().unwrap());
        let cancel = CancellationToken::new();
        let node = NodeId::new("fs1");
        let mut config = NodeConfig::new(node.clone(), "fs1:8021", "ClueCon");
        config.links = links;
        let nodes = Nodes::start_with(pipes.clone(), vec![config], metrics.clone(), cancel.clone());
        Self { nodes, metrics, cancel, node, pipes, coming }
    }

    /// From now on nobody listens, or somebody does again.
    pub fn refuse(&self, yes: bool) {
        *self.pipes.1.lock().unwrap() = yes;
    }

    /// The next connection of the engine, before a byte.
    pub async fn raw(&mut self) -> DuplexStream {
        self.coming.recv().await.unwrap()
    }

    /// The next connection, greeted and past `auth`.
    pub async fn greeted(&mut self) -> Peer {
        let mut peer = Peer::new(self.raw().await);
        peer.write(b"Content-Type: auth/request\n\n").await;
        assert_eq!(peer.command().await, "auth ClueCon");
        peer.ok("+OK accepted").await;
        peer
    }

    /// The connection with the events, resynced with no channel at all.
    pub async fn events(&mut self) -> Peer {
        let mut peer = self.greeted().await;
        peer.resync(r#"{"row_count": 0}"#).await;
        peer
    }

    pub fn state(&self) -> LinkState {
        self.nodes.states()[0].1.clone()
    }

    /// Lets the engine do what it can do now, without passing time that matters.
    pub async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// FreeSWITCH's side of one connection.
pub struct Peer {
    pub socket: DuplexStream,
    got: Vec<u8>,
    commands: VecDeque<String>,
}

impl Peer {
    pub fn new(socket: DuplexStream) -> Self {
        Self { socket, got: Vec::new(), commands: VecDeque::new() }
    }

    /// The next command; a test that waits for one the engine never sends hangs in virtual time
    /// and fails.
    pub async fn command(&mut self) -> String {
        let next = tokio::time::timeout(Duration::from_secs(3600), self.next_command());
        next.await.unwrap().expect("the engine closed the connection")
    }

    /// The next command; `None` at the end of the stream.
    pub async fn next_command(&mut self) -> Option<String> {
        loop {
            if let Some(command) = self.commands.pop_front() {
                return Some(command);
            }
            let mut bytes = [0; 4096];
            let count = self.socket.read(&mut bytes).await.ok().filter(|n| *n > 0)?;
            self.got.extend_from_slice(&bytes[..count]);
            while let Some(end) = self.got.windows(2).position(|w| w == b"\n\n") {
                let rest = self.got.split_off(end + 2);
                let command = std::mem::replace(&mut self.got, rest);
                let text = String::from_utf8(command).unwrap();
                self.commands.push_back(text.trim_end().to_owned());
            }
        }
    }

    /// Answers everything as an idle FreeSWITCH does, to the end of the connection.
    pub async fn serve(mut self) {
        self.write(b"Content-Type: auth/request\n\n").await;
        while let Some(command) = self.next_command().await {
            match command.as_str() {
                "api show channels as json" | "api show registrations as json" => {
                    self.body(r#"{"row_count": 0}"#).await;
                }
                call if call.starts_with("api uuid_exists") => self.body("false").await,
                call if call.starts_with("api") => self.body("-ERR no reply\n").await,
                _ => self.ok("+OK").await,
            }
        }
    }

    pub async fn write(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).await.unwrap();
    }

    pub async fn ok(&mut self, text: &str) {
        let reply = format!("Content-Type: command/reply\nReply-Text: {text}\n\n");
        self.write(reply.as_bytes()).await;
    }

    pub async fn body(&mut self, text: &str) {
        self.write(&api_response(text)).await;
    }

    pub async fn event(&mut self, text: &str) {
        self.write(&event(text)).await;
    }

    /// Answers the subscription and the three questions of a resync.
    pub async fn resync(&mut self, channels: &str) {
        let command = self.command().await;
        assert!(command.starts_with("event plain HEARTBEAT"), "{command}");
        self.ok("+OK event listener enabled plain").await;
        self.tables(channels).await;
    }

    /// Answers the four questions.
    pub async fn tables(&mut self, channels: &str) {
        assert_eq!(self.command().await, "api show channels as json");
        self.body(channels).await;
        assert_eq!(self.command().await, "api show registrations as json");
        self.body(r#"{"row_count":1,"rows":[{"reg_user":"110","token":"t"}]}"#).await;
        assert_eq!(self.command().await, "api callcenter_config agent list");
        self.body("-ERR callcenter_config Command not found!\n").await;
        assert_eq!(self.command().await, "api callcenter_config tier list");
        self.body("-ERR callcenter_config Command not found!\n").await;
    }
}

pub fn api_response(text: &str) -> Vec<u8> {
    let head = format!("Content-Type: api/response\nContent-Length: {}\n\n", text.len());
    (head + text).into_bytes()
}

pub fn event(text: &str) -> Vec<u8> {
    let head = format!("Content-Length: {}\nContent-Type: text/event-plain\n\n", text.len() + 1);
    format!("{head}{text}\n").into_bytes()
}

/// BACKGROUND_JOB with its result.
pub fn job(id: &str, result: &str) -> String {
    format!(
        "Event-Name: BACKGROUND_JOB\nJob-UUID: {id}\nContent-Length: {}\n\n{result}",
        result.len()
    )
}

/// The Job-UUID of a `bgapi` command.
pub fn job_id(command: &str) -> String {
    let (_, id) = command.split_once("\nJob-UUID: ").unwrap();
    id.to_owned()
}
