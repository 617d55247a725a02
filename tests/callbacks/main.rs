//! Callbacks through the whole engine: orders in, a simulated FreeSWITCH, the built-in CRM.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod branches;
mod by_http;
mod house;
mod intake;
mod missed;
mod restart;
mod switches;
mod web;
