//! KeyCRM, against a server that behaves as its OpenAPI file and its clients say.

#![allow(clippy::unwrap_used, reason = "a test")]

mod actions;
#[path = "../support/crm.rs"]
mod common;
#[path = "../support/crm_outbox.rs"]
mod crm_outbox;
mod dialogues;

mod fake;
mod faults;
mod find;
mod hour;
mod house;
mod lost;
mod matrix;
mod quiet;
mod reading;
mod sets;
mod shape;
mod twice;
mod waits;
mod won;
