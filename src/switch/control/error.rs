//! What can go wrong with a command, and with a link.

use std::time::Duration;

use crate::core::ids::NodeId;
use crate::esl::LinkError;

/// Why a command has no answer, and with it what the caller may do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// No such node in the configuration.
    #[error("no FreeSWITCH node is called `{0}`")]
    UnknownNode(NodeId),
    /// The link is down, nothing was sent: try another node, or later.
    #[error("FreeSWITCH node {0} is not reachable: {1}")]
    Down(NodeId, String),
    /// The link broke while the answer was awaited: it may have run, ask `uuid_exists`.
    #[error("the link to FreeSWITCH broke before the answer came")]
    Cut,
    /// No answer in time: it may have run, or still run; ask `uuid_exists`.
    #[error("FreeSWITCH did not answer within {} s", .0.as_secs_f32())]
    Deadline(Duration),
    /// FreeSWITCH said no, in its own words: it did not run.
    #[error("FreeSWITCH refused the command: {0}")]
    Refused(String),
}

impl ControlError {
    /// Whether FreeSWITCH may have run the command all the same. If not, it can be repeated.
    pub fn may_have_run(&self) -> bool {
        matches!(self, Self::Cut | Self::Deadline(_))
    }

    /// What FreeSWITCH refused with, without its `-ERR`: `USER_BUSY`, say.
    pub fn cause(&self) -> Option<&str> {
        let Self::Refused(text) = self else {
            return None;
        };
        Some(text.strip_prefix("-ERR").unwrap_or(text).trim())
    }
}

/// Why a connection could not be made or has ended. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum LinkFailure {
    /// No connection.
    #[error(
        "no connection: {0}; is FreeSWITCH running, and does event_socket.conf.xml listen on this address?"
    )]
    Connect(std::io::Error),
    /// The greeting did not come or was not answered in time.
    #[error(
        "connected, but no Event Socket greeting came; is this the port of mod_event_socket, and is FreeSWITCH not stuck?"
    )]
    NoGreeting,
    /// The password is wrong (transcript 06a).
    #[error("the password was refused; take it from event_socket.conf.xml")]
    Password,
    /// The access list refuses this host (transcript 07e).
    #[error(
        "FreeSWITCH's access list refuses this host; add its address to the list that apply-inbound-acl in event_socket.conf.xml names, then run `reloadacl`"
    )]
    Acl,
    /// FreeSWITCH does not send the events.
    #[error("FreeSWITCH refused to send events: {0}")]
    Events(String),
    /// The peer closed.
    #[error("FreeSWITCH closed the connection")]
    Closed,
    /// Nothing came, not even the answer to a probe.
    #[error("nothing came for {} s, the link is half-open or FreeSWITCH is stuck", .0.as_secs())]
    Silent(Duration),
    /// The bytes make no sense, or the socket failed.
    #[error("{0}")]
    Link(#[from] LinkError),
}

impl LinkFailure {
    /// Whether somebody has to change a setting first: it is tried again, but slowly.
    pub(super) fn needs_somebody(&self) -> bool {
        use crate::esl::FrameError::NotEventSocket;
        matches!(self, Self::Password | Self::Acl | Self::Link(LinkError::Frame(NotEventSocket)))
    }
}
