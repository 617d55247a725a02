//! amoCRM, before a server that behaves as its documentation says. Each request is compared with
//! those the vendor's own client sends (`fixtures`, `shape.rs`).

#![allow(clippy::unwrap_used)]

mod account;
mod actions;
mod calls;
mod find;
mod lost;
mod office;
mod request;
mod server;
mod shape;
mod unsorted;
