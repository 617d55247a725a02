//! Journal and outbox: nothing is lost, nothing is done twice.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod access;
mod builtin;
mod by_hand;
mod crash;
mod desk;
mod disk;
mod fake;
mod faults;
mod hour;
mod house;
mod order;
mod parked;
mod replay;
mod settle;
mod several;
mod sigkill;
mod webhook;
