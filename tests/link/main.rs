//! The control link to FreeSWITCH, pitfall by pitfall, in virtual time.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod commands;
mod faults;
mod news;
mod peer;
#[path = "../support/raw.rs"]
mod raw;
mod simulated;
mod transcripts;
