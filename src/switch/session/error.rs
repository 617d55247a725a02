//! Why a connection led to no call.

use std::time::Duration;

use crate::esl::LinkError;
use crate::switch::arrival::HandshakeError;

/// Why a connection led to no call.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// It said nothing for too long, or the stream ended.
    #[error("the peer said nothing within {} s of the connection", .0.as_secs_f32())]
    Silent(Duration),
    /// It went away before it said who calls.
    #[error("the connection ended before the channel data came")]
    Closed,
    /// It is no socket we can lead a call by.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// Bytes that cannot be read.
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl SessionError {
    /// The label in metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Silent(_) => "silent",
            Self::Closed => "closed",
            Self::Handshake(error) => error.as_str(),
            Self::Link(_) => "unreadable",
        }
    }
}
