//! Any bytes, cut anywhere: no panic, no more memory than the limits, the same frames.
#![no_main]

#[path = "../../tests/support/fuzz_body.rs"]
mod fuzz_body;

libfuzzer_sys::fuzz_target!(|input: (Vec<u8>, Vec<u16>)| {
    let (stream, sizes) = input;
    let sizes: Vec<usize> = sizes.into_iter().map(usize::from).collect();
    fuzz_body::codec(&stream, &sizes);
});
