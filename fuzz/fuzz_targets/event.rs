//! Any bytes as a plain and as a JSON event: what can be read, can be read to the end.
#![no_main]

#[path = "../../tests/support/fuzz_body.rs"]
mod fuzz_body;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz_body::event(bytes));
