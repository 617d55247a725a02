//! Journal and outbox: nothing is lost, nothing is done twice.

#![allow(clippy::unwrap_used, reason = "a test")]

mod crash;
mod disk;
mod fake;
mod faults;
mod house;
mod order;
mod parked;
mod settle;
