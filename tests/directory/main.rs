//! The directory against a CRM that is slow, empty, down or changed. Time is virtual.

mod failing;
mod fake;
mod lookup;
