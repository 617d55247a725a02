//! Callbacks: managers first, then the client (A13–A20, D01, E11, E13).

pub mod order;
