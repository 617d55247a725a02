//! Any content type and any body as a web form: never a fault, every refusal a problem.
#![no_main]
#![allow(dead_code, reason = "the house is the tests', which use more of it")]

#[path = "../../tests/doors/fake.rs"]
mod fake;
#[path = "../../tests/support/fuzz_form.rs"]
mod fuzz_form;
#[path = "../../tests/doors/house.rs"]
mod house;

use std::sync::LazyLock;

static HOUSE: LazyLock<(tokio::runtime::Runtime, house::House)> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let house = runtime.block_on(house::House::new());
    (runtime, house)
});

libfuzzer_sys::fuzz_target!(|input: (u8, Vec<u8>, Vec<u8>)| {
    let (which, kind, body) = input;
    let kind = match which % 4 {
        0 | 1 => b"application/json".as_slice(),
        2 => b"application/x-www-form-urlencoded",
        _ => &kind,
    };
    let (runtime, house) = &*HOUSE;
    runtime.block_on(fuzz_form::form(house.router(), kind, &body));
});
