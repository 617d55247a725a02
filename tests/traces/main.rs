//! Traces: what a receiver of OTLP gets of a call, and that a receiver that fails costs nothing.

#![allow(clippy::unwrap_used, reason = "a test")]

mod faults;
mod house;
mod receiver;
mod whole;
