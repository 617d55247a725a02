//! The directory against a CRM that is slow, empty, down or changed. Time is virtual.

#![allow(clippy::unwrap_used)]

mod failing;
mod fake;
mod lookup;
