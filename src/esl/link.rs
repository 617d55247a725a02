//! A connection whose replies stay with their commands.
//!
//! FreeSWITCH answers strictly in order (transcript 07l). So each command leaves a tag in a queue,
//! and each reply takes the oldest tag. Nobody can take a tag out: a caller who gives up leaves
//! his place, and no later reply is shifted (`esl.md`, pitfall 3).

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;
use tokio_util::codec::Decoder;

use super::codec::{Codec, Limits};
use super::command::Command;
use super::event::{Event, Headers};
use super::frame::{Frame, FrameError, Kind};

/// How long a peer may leave our bytes untaken.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);
/// What one read may bring. More than an event has, so that a read mostly empties the socket and
/// no second one is needed to learn that.
const READ: usize = 64 * 1024;

thread_local! {
    /// Reads go here first: one buffer for each thread instead of one for each connection. Most of
    /// 10,000 calls just wait; they should cost little.
    static ARRIVED: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// Why a link is of no more use.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Bytes that cannot be read.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The peer does not take our bytes.
    #[error("the peer took no bytes for {} s", WRITE_DEADLINE.as_secs())]
    WriteStalled,
    /// The socket failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A reply nobody asked for: the count of commands and replies does not agree any more.
    #[error("a reply came that belongs to no command")]
    StrayReply,
}

/// A reply of FreeSWITCH.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The header block: `Reply-Text`, or all of CHANNEL_DATA.
    pub headers: Headers,
    /// The body of an `api/response`.
    pub body: Bytes,
}

impl Reply {
    /// The answer in words: the body of an api call, else `Reply-Text`.
    pub fn text(&self) -> &str {
        if self.body.is_empty() {
            self.headers.raw("Reply-Text").unwrap_or_default()
        } else {
            std::str::from_utf8(&self.body).unwrap_or_default()
        }
    }

    /// Whether FreeSWITCH said no.
    pub fn is_error(&self) -> bool {
        self.text().starts_with("-ERR") || self.text().starts_with("-USAGE")
    }
}

/// What came in.
#[derive(Debug)]
pub enum Incoming<T> {
    /// The reply to the command that was sent with this tag.
    Reply(T, Reply),
    /// An event.
    Event(Event),
    /// `auth/request`.
    AuthRequest,
    /// The ACL refused us.
    Refused,
    /// A disconnect notice. `linger`: the last events are still to come (FACTS.md, end of the call).
    Notice {
        /// Not the end yet.
        linger: bool,
    },
}

/// A connection. `T` is what is remembered with each command until its reply.
#[derive(Debug)]
pub struct Link<S, T> {
    socket: S,
    codec: Codec,
    /// What came and is no whole frame yet.
    input: BytesMut,
    /// Commands that wait to be sent.
    output: Vec<u8>,
    pending: VecDeque<T>,
}

impl<S: AsyncRead + AsyncWrite + Unpin, T> Link<S, T> {
    /// Takes over a socket.
    pub fn new(socket: S, limits: Limits) -> Self {
        let (codec, input, output) = (Codec::new(limits), BytesMut::new(), Vec::new());
        Self { socket, codec, input, output, pending: VecDeque::new() }
    }

    /// Puts commands behind those that wait for the next [`Link::flush`].
    pub fn queue(&mut self, commands: impl IntoIterator<Item = (T, Command)>) {
        for (tag, command) in commands {
            self.pending.push_back(tag);
            self.output.extend_from_slice(command.bytes());
        }
    }

    /// Sends what waits, in one write. Not to be cancelled half-way.
    ///
    /// # Errors
    /// [`LinkError`]: the link is of no more use.
    pub async fn flush(&mut self) -> Result<(), LinkError> {
        if self.output.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.output);
        let write = self.socket.write_all(&bytes);
        timeout(WRITE_DEADLINE, write).await.map_err(|_| LinkError::WriteStalled)??;
        Ok(())
    }

    /// Sends commands, and what waits, in one write. Not to be cancelled half-way.
    ///
    /// # Errors
    /// [`LinkError`]: the link is of no more use.
    pub async fn send(
        &mut self,
        commands: impl IntoIterator<Item = (T, Command)>,
    ) -> Result<(), LinkError> {
        self.queue(commands);
        self.flush().await
    }

    /// The next thing that came in; `None` at the end of the stream. Safe to cancel.
    ///
    /// # Errors
    /// [`LinkError`]: the link is of no more use.
    pub async fn next(&mut self) -> Result<Option<Incoming<T>>, LinkError> {
        loop {
            while let Some(frame) = self.codec.decode(&mut self.input)? {
                if let Some(incoming) = self.read(frame)? {
                    return Ok(Some(incoming));
                }
            }
            if poll_fn(|cx| self.poll_fill(cx)).await? == 0 {
                // No whole frame is left: this tells the end from a cut.
                self.codec.decode_eof(&mut self.input)?;
                return Ok(None);
            }
        }
    }

    /// Takes what has come; 0: the end of the stream.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        if self.input.is_empty() {
            // Gives back the memory of the last frames.
            self.input = BytesMut::new();
        }
        ARRIVED.with_borrow_mut(|arrived| {
            let mut space = ReadBuf::new(arrived);
            ready!(Pin::new(&mut self.socket).poll_read(cx, &mut space))?;
            self.input.extend_from_slice(space.filled());
            Poll::Ready(Ok(space.filled().len()))
        })
    }

    fn read(&mut self, frame: Frame) -> Result<Option<Incoming<T>>, LinkError> {
        Ok(match frame.kind {
            Kind::CommandReply | Kind::ApiResponse => {
                let tag = self.pending.pop_front().ok_or(LinkError::StrayReply)?;
                Some(Incoming::Reply(tag, Reply { headers: frame.headers, body: frame.body }))
            }
            // An event that cannot be read is skipped, the link goes on.
            Kind::EventPlain | Kind::EventJson => {
                Event::from_frame(&frame).ok().map(Incoming::Event)
            }
            Kind::AuthRequest => Some(Incoming::AuthRequest),
            Kind::RudeRejection => Some(Incoming::Refused),
            Kind::DisconnectNotice => {
                let linger = frame.headers.raw("Content-Disposition") == Some("linger");
                Some(Incoming::Notice { linger })
            }
            Kind::Other => None,
        })
    }

    /// How many replies are still to come.
    pub fn unanswered(&self) -> usize {
        self.pending.len()
    }

    /// Takes the tags of everything that will never be answered now.
    pub fn take_unanswered(&mut self) -> VecDeque<T> {
        std::mem::take(&mut self.pending)
    }

    /// The socket.
    pub fn socket(&self) -> &S {
        &self.socket
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn pitfall_3_replies_stay_with_their_commands() {
        let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
        let mut link = Link::new(ours, Limits::default());
        link.send((0..3).map(|n| (n, Command::api("x")))).await.unwrap();
        theirs.write_all(b"Content-Type: api/response\nContent-Length: 1\n\n0").await.unwrap();
        theirs
            .write_all(b"Content-Length: 16\nContent-Type: text/event-plain\n\nEvent-Name: X\n\nx")
            .await
            .unwrap();
        theirs.write_all(b"Content-Type: api/response\nContent-Length: 1\n\n1").await.unwrap();
        let mut seen = Vec::new();
        for _ in 0..3 {
            match link.next().await.unwrap() {
                Some(Incoming::Reply(tag, reply)) => seen.push(format!("{tag}={}", reply.text())),
                Some(Incoming::Event(event)) => seen.push(event.name().to_owned()),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(seen, ["0=0", "X", "1=1"]);
        assert_eq!(link.unanswered(), 1);
        let mut sent = [0; 21];
        theirs.read_exact(&mut sent).await.unwrap();
        assert_eq!(&sent, b"api x\n\napi x\n\napi x\n\n");
    }

    #[tokio::test]
    async fn a_reply_nobody_asked_for_ends_the_link() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let mut link: Link<_, ()> = Link::new(ours, Limits::default());
        theirs.write_all(b"Content-Type: command/reply\nReply-Text: +OK\n\n").await.unwrap();
        assert!(matches!(link.next().await, Err(LinkError::StrayReply)));
    }
}
