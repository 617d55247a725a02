//! Calls become cases: the engine and the simulated FreeSWITCH over real sockets, and a clerk who
//! keeps what he is told.

#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../support/in_process.rs"]
mod engine;
mod house;
mod inbound;
mod outbound;
#[path = "../support/paper.rs"]
mod paper;
mod passed_on;
