//! amoCRM, before a server that behaves as its documentation says. Each request is compared with
//! those the vendor's own client sends (`fixtures`, `shape.rs`).

#![allow(clippy::unwrap_used)]

mod account;
mod actions;
mod calls;
#[path = "../doors/fake.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod campaigns;
#[path = "../support/crm.rs"]
mod common;
#[path = "../support/crm_outbox.rs"]
mod crm_outbox;
mod doctor;
mod faults;
mod find;
mod gone;
mod hooks;
mod hour;
mod logs;
mod lost;
mod matrix;
mod notify;
mod office;
mod request;
mod server;
mod sets;
mod shape;
mod tokens;
mod turn;
mod unsorted;
mod values;
mod won;
