//! FreeSWITCH: the outbound listener and its sessions, the control link, presence.

pub mod arrival;
pub mod clock;
pub mod control;
mod desk;
pub mod dial;
pub mod dialler;
pub mod engine;
mod farewell;
pub mod listener;
pub mod presence;
pub mod registry;
pub mod session;
mod tape;
pub mod translate;
