//! The pure core: no socket, file, clock or random number. It is given events and the time
//! and answers with commands and timers. `tests/core_is_pure.rs` enforces it.

pub mod action;
pub mod calendar;
pub mod call;
pub mod campaign;
pub mod case;
pub mod casebook;
pub mod client;
pub mod facts;
pub mod ids;
pub mod phone;
pub mod plan;
pub mod record;
pub mod route;
pub mod sale;
pub mod staff;
pub mod trace;
