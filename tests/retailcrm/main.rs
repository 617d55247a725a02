//! retailCRM, against a server that behaves as its documents and its official clients say.

#![allow(clippy::unwrap_used, reason = "a test")]

mod actions;
mod changes;
#[path = "../support/crm.rs"]
mod common;
#[path = "../support/crm_outbox.rs"]
mod crm_outbox;
mod fake;
mod faults;
mod find;
mod hour;
mod house;
mod install;
mod lag;
mod lost;
mod matrix;
mod quiet;
mod sets;
mod shape;
mod stories;
mod turn;
mod won;
