//! What comes out of the byte stream: a frame, or the reason why there is none.

use bytes::Bytes;

use super::event::Headers;

/// What a frame is, by its `Content-Type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `auth/request`: the first thing on an inbound connection.
    AuthRequest,
    /// `command/reply`.
    CommandReply,
    /// `api/response`.
    ApiResponse,
    /// `text/event-plain`.
    EventPlain,
    /// `text/event-json`.
    EventJson,
    /// `text/disconnect-notice`.
    DisconnectNotice,
    /// `text/rude-rejection`: the ACL refused us (transcript 07e).
    RudeRejection,
    /// Anything else, `log/data` say. It is skipped, never a reason to drop the link.
    Other,
}

impl Kind {
    pub(super) fn of(content_type: &str) -> Self {
        match content_type {
            "auth/request" => Self::AuthRequest,
            "command/reply" => Self::CommandReply,
            "api/response" => Self::ApiResponse,
            "text/event-plain" => Self::EventPlain,
            "text/event-json" => Self::EventJson,
            "text/disconnect-notice" => Self::DisconnectNotice,
            "text/rude-rejection" => Self::RudeRejection,
            _ => Self::Other,
        }
    }
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: Kind,
    /// The header block.
    pub headers: Headers,
    /// The body; empty where there is none.
    pub body: Bytes,
}

/// Why the stream cannot be read any further. The connection has to be closed: there is no way
/// to find the next frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The header block did not end within the limit: not an Event Socket, or a broken one.
    #[error("a header block of more than {0} bytes: the peer does not speak Event Socket")]
    HeadersTooLong(usize),
    /// `Content-Length` is above the limit.
    #[error("a body of {length} bytes is announced, {limit} are allowed")]
    BodyTooLong {
        /// What was announced.
        length: usize,
        /// What is allowed.
        limit: usize,
    },
    /// `Content-Length` is no number.
    #[error("Content-Length is no number")]
    BadLength,
    /// The first line has no `Name: value` form: some other protocol.
    #[error("the peer does not speak Event Socket: its first line is no header")]
    NotEventSocket,
    /// The stream ended inside a frame.
    #[error("the stream ended inside a frame, {0} bytes into it")]
    CutShort(usize),
    /// The socket failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}
