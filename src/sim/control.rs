//! The control socket: inbound Event Socket connections.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::clock::micros;
use super::conn::{Conn, Io, Request, goodbye};
use super::event::{Extra, Kind};
use super::interest::Interest;
use super::shared::{Shared, Told, lock, new_uuid};
use super::tell::line;

/// The listener, and what can be done to it.
#[derive(Debug)]
pub(super) struct Control {
    shared: Arc<Shared>,
    address: Mutex<Option<SocketAddr>>,
    listener: Mutex<Option<AbortHandle>>,
    connections: Arc<Mutex<Vec<AbortHandle>>>,
}

impl Control {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            address: Mutex::default(),
            listener: Mutex::default(),
            connections: Arc::default(),
        }
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        *lock(&self.address)
    }

    pub(super) async fn listen(&self, address: &str) -> io::Result<()> {
        let listener = TcpListener::bind(address).await?;
        *lock(&self.address) = Some(listener.local_addr()?);
        let (shared, connections) = (self.shared.clone(), self.connections.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let task = tokio::spawn(serve(shared.clone(), stream));
                let mut connections = lock(&connections);
                connections.retain(|c| !c.is_finished());
                connections.push(task.abort_handle());
            }
        });
        *lock(&self.listener) = Some(task.abort_handle());
        Ok(())
    }

    /// A control connection without a socket.
    pub(super) fn pipe(&self) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let task = tokio::spawn(serve(self.shared.clone(), ours));
        lock(&self.connections).push(task.abort_handle());
        theirs
    }

    pub(super) fn cut(&self) {
        for connection in lock(&self.connections).drain(..) {
            connection.abort();
        }
    }

    pub(super) fn stop(&self) {
        if let Some(listener) = lock(&self.listener).take() {
            listener.abort();
        }
        self.cut();
    }

    pub(super) async fn restart(&self) -> io::Result<()> {
        self.stop();
        match self.address() {
            Some(address) => self.listen(&address.to_string()).await,
            None => Err(io::Error::other("there was no control socket")),
        }
    }
}

/// One connection.
struct Session {
    shared: Arc<Shared>,
    interest: Interest,
    authorised: bool,
    jobs: mpsc::UnboundedSender<(String, String, String)>,
}

enum After {
    Reply(String),
    Api(String),
    Send(String, Request),
    Close(String),
}

/// Commands and events of one connection, until it ends.
async fn serve(shared: Arc<Shared>, mut stream: impl Io) {
    let (jobs, mut done) = mpsc::unbounded_channel();
    let mut told = shared.watch();
    let mut session =
        Session { interest: Interest::default(), authorised: false, jobs, shared: shared.clone() };
    // The framing is the same as on outbound connections; this half only collects bytes.
    let (pipe, _rest) = tokio::io::duplex(1);
    let mut frames = Conn::new(Box::new(pipe));
    if stream.write_all(b"Content-Type: auth/request\n\n").await.is_err() {
        return;
    }
    let every = shared.config.heartbeat.div_f64(shared.config.speed);
    let mut heart = tokio::time::interval(every.max(std::time::Duration::from_millis(1)));
    heart.tick().await;
    let mut space = vec![0; 4096];
    loop {
        tokio::select! {
            read = stream.read(&mut space) => match read {
                Ok(n) if n > 0 => {
                    frames.feed(&space[..n]);
                    while let Some(request) = frames.next() {
                        let after = session.command(&request);
                        let (text, close) = match after {
                            After::Reply(text) => (reply(&text), false),
                            After::Api(line) => (api(&shared.api(&line).await), false),
                            After::Send(leg, message) => {
                                (reply(&shared.sendmsg(&leg, message).await), false)
                            }
                            After::Close(text) => (format!("{}{}", reply(&text), goodbye(None)), true),
                        };
                        if stream.write_all(text.as_bytes()).await.is_err() || close {
                            return;
                        }
                    }
                }
                _ => return,
            },
            event = told.recv() => {
                let Some(event) = event else { return };
                if session.wants(&event) && send(&mut stream, &mut frames, &session.interest, &event.body).await.is_err() {
                    return;
                }
            }
            job = done.recv() => {
                let Some((job, line, text)) = job else { return };
                shared.tell_job(&job, &line, &text);
            }
            _ = heart.tick() => {
                if session.interest.wanted.has(Kind::Heartbeat, None) {
                    let body = session.heartbeat();
                    if send(&mut stream, &mut frames, &session.interest, &body).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

async fn send(
    stream: &mut impl Io,
    frames: &mut Conn,
    interest: &Interest,
    body: &str,
) -> io::Result<()> {
    frames.interest.json = interest.json;
    frames.event(body, false);
    stream.write_all(&frames.take_output()).await
}

fn reply(text: &str) -> String {
    format!("Content-Type: command/reply\nReply-Text: {text}\n\n")
}

fn api(body: &str) -> String {
    let body = if body.is_empty() { "-ERR no reply\n" } else { body };
    format!("Content-Type: api/response\nContent-Length: {}\n\n{body}", body.len())
}

impl Session {
    fn command(&mut self, request: &Request) -> After {
        let (verb, rest) = request.split();
        if verb == "auth" {
            self.authorised = rest == self.shared.config.password;
            return if self.authorised {
                After::Reply("+OK accepted".to_owned())
            } else {
                After::Close("-ERR invalid".to_owned())
            };
        }
        if verb == "exit" {
            return After::Close("+OK bye".to_owned());
        }
        if !self.authorised {
            return After::Reply("-ERR command not found".to_owned());
        }
        match verb {
            "api" => After::Api(rest.to_owned()),
            "sendmsg" => After::Send(rest.to_owned(), request.clone()),
            "bgapi" => {
                let job = request.header("Job-UUID").map_or_else(new_uuid, str::to_owned);
                let (shared, jobs) = (self.shared.clone(), self.jobs.clone());
                let (line, id) = (rest.to_owned(), job.clone());
                tokio::spawn(async move {
                    let text = shared.api(&line).await;
                    let _ = jobs.send((id, line, text));
                });
                After::Reply(format!("+OK Job-UUID: {job}"))
            }
            "log" | "nolog" => After::Reply("+OK no longer logging".to_owned()),
            "sendevent" => After::Reply(format!("+OK {}", new_uuid())),
            "linger" | "nolinger" | "myevents" | "connect" | "resume" => {
                After::Reply("-ERR not controlling a session".to_owned())
            }
            _ => After::Reply(
                (self.interest.command(verb, rest))
                    .unwrap_or_else(|| "-ERR command not found".to_owned()),
            ),
        }
    }

    fn wants(&self, told: &Told) -> bool {
        self.authorised
            && (self.interest.wanted).has(told.kind, told.subclass.as_deref())
            && self.interest.passes(|header| line(&told.body, header))
    }

    fn heartbeat(&self) -> String {
        let shared = &self.shared;
        let tail = format!(
            "Event-Info: System%20Ready\nUp-Time: 0%20years,%200%20days\nFreeSWITCH-Version: 1.10.12-release~64bit\nUptime-msec: {}\nSession-Count: {}\nMax-Sessions: 1000\nSession-Per-Sec: 500\nSession-Since-Startup: {}\nHeartbeat-Interval: {}\nIdle-CPU: 99.000000\n",
            shared.now() / 1000,
            shared.channels(),
            shared.sessions_begun(),
            micros(shared.config.heartbeat) / 1_000_000
        );
        let mut body = String::new();
        let extra = Extra { tail: &tail, ..Extra::default() };
        super::event::render(
            &shared.preamble,
            Kind::Heartbeat,
            None,
            extra,
            shared.now(),
            &mut body,
        );
        body
    }
}
