//! The Event Socket of FreeSWITCH: framing, events read lazily, commands that cannot be
//! injected, and a link that keeps replies with their commands.
//!
//! Facts about the wire come from recorded transcripts (`tests/transcripts/`), not from memory.

pub mod codec;
pub mod command;
pub mod event;
pub mod frame;
pub mod link;

pub use codec::{Codec, Limits};
pub use command::Command;
pub use event::{Event, Headers};
pub use frame::{Frame, FrameError, Kind};
pub use link::{Incoming, Link, LinkError, Reply};
