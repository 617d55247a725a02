//! The bodies of the fuzz targets on random input, in the ordinary test run.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "support/fuzz_body.rs"]
mod fuzz_body;
#[path = "support/raw.rs"]
mod raw;

use proptest::collection::vec;
use proptest::prelude::*;

/// Pieces that make and break frames, more often than random bytes do.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(vec![
        "\n",
        "\n\n",
        "\r\n",
        "\r\n\r\n",
        ":",
        ": ",
        " ",
        "\0",
        "Content-Length: ",
        "Content-Type: ",
        "text/event-plain",
        "text/event-json",
        "api/response",
        "0",
        "5",
        "17",
        "99999999999999999999",
        "-1",
        "Event-Name: X\n",
        "Unique-ID: a%0Ab\n",
        "%",
        "%0A",
        "%FF",
        "_body",
        "{\"a\":\"b\",\"_body\":\"c\"}",
        "[",
        "\"",
        "{",
        "}",
        ",",
    ]);
    prop_oneof![
        4 => word.prop_map(|word| word.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..200),
        1 => (any::<u8>(), 0..700usize).prop_map(|(byte, times)| vec![byte; times]),
    ]
}

/// Some JSON object of strings, arrays and other values.
fn json() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![
        any::<String>().prop_map(serde_json::Value::from),
        vec(any::<String>(), 0..3).prop_map(serde_json::Value::from),
        any::<i32>().prop_map(serde_json::Value::from),
    ];
    prop::collection::btree_map("[A-Za-z_:\n\r -]{0,12}", value, 0..8)
        .prop_map(|map| serde_json::to_vec(&map).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn pitfall_14_no_bytes_and_no_cut_make_the_codec_panic_or_hoard(pieces in vec(piece(), 0..30), sizes in vec(1..300usize, 0..8)) {
        fuzz_body::codec(&pieces.concat(), &sizes);
    }

    #[test]
    fn pitfall_14_no_bytes_make_an_event_panic(pieces in vec(piece(), 0..30)) {
        fuzz_body::event(&pieces.concat());
    }

    #[test]
    fn pitfall_20_no_json_value_makes_a_header(bytes in json()) {
        fuzz_body::event(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn pitfall_14_a_recorded_stream_with_broken_bytes_is_read_or_refused(broken in vec((any::<prop::sample::Index>(), any::<u8>()), 1..10), sizes in vec(1..5000usize, 0..8)) {
        let mut bytes = raw::stream("05a").to_vec();
        for (at, byte) in broken {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let limits = dozvon::esl::Limits::default();
        prop_assert_eq!(fuzz_body::decode(&bytes, &[], limits), fuzz_body::decode(&bytes, &sizes, limits));
    }
}

#[test]
fn pitfall_15_the_limit_of_a_block_is_the_same_wherever_it_is_cut() {
    for blank in ["\n", "\r\n"] {
        for over in 0..3 {
            let limits = fuzz_body::LIMITS;
            let name = "Content-Type: ";
            let value = "x".repeat(limits.headers + over - name.len() - 1);
            let stream = format!("{name}{value}\n{blank}");
            let whole = fuzz_body::decode(stream.as_bytes(), &[], limits);
            assert_eq!(whole.0.len(), usize::from(over == 0));
            for size in 1..stream.len() {
                assert_eq!(whole, fuzz_body::decode(stream.as_bytes(), &[size], limits));
            }
        }
    }
}
