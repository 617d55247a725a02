//! Forms, buttons and tokens over HTTP (A13–A20, D01, E11, E13).

#![allow(clippy::unwrap_used, reason = "a test")]

mod api;
mod buttons;
mod crm;
mod fake;
mod follow;
mod forms;
mod fuzz;
mod house;
mod tokens;
