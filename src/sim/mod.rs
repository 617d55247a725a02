//! A simulated FreeSWITCH, faithful to recorded transcripts (`tests/transcripts/`).
//!
//! It opens one Event Socket connection per call to the engine, answers its commands, runs
//! bridges to scripted phones, queues with agents, voicemail, and a control socket. It serves the
//! tests, `demo` and the load generator. Where it differs from the real one is written down in
//! `tests/conformance/tolerated.rs`.
//!
//! One task a call, with all its channels in it. What FreeSWITCH does in many threads happens
//! here in one order: the order most transcripts show.

mod agents;
mod api;
mod apps;
mod bridge;
mod call;
mod cause;
mod clock;
mod conn;
mod control;
mod dial;
mod endpoint;
mod event;
mod fields;
mod fifo;
mod interest;
mod join;
mod leg;
mod legs;
mod originate;
mod park;
mod phones;
mod queue;
mod record;
mod report;
mod script;
mod serve;
mod setup;
mod shared;
mod tell;
mod templates;
mod timers;
mod transfer;
mod vars;
mod voicemail;

pub use conn::Io;
pub use report::{CallReport, Outcome, Rung, Talked};
pub use script::{CallSpec, Caller, Script};
pub use setup::{Agent, Builder, Connector, Queue};
pub use shared::{CallHandle, FreeSwitch};
