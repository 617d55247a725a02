//! Any body at all, in the ordinary test run; `fuzz/` does the same for hours.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::house::House;

#[path = "../support/fuzz_form.rs"]
mod fuzz_form;

const KINDS: [&str; 4] =
    ["application/json", "application/x-www-form-urlencoded", "text/plain", "application/json; x"];

/// A form that is nearly right.
fn json() -> impl Strategy<Value = Vec<u8>> {
    let name = prop_oneof![
        prop::sample::select(vec![
            "site",
            "phone",
            "name",
            "comment",
            "wanted",
            "redirect",
            "utm",
            "fields",
            "timezone",
            "idempotency_key",
            "website",
            "department"
        ])
        .prop_map(str::to_owned),
        ".{0,90}",
    ];
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "shop",
            "letters",
            "+79161234567",
            "89161234567",
            "2026-11-21T15:00",
            "9999-12-31T23:59",
            "-009999-01-01T00:00Z",
            "https://shop.example/a",
            "Europe/Moscow",
            ""
        ])
        .prop_map(serde_json::Value::from),
        any::<String>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        any::<bool>().prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null),
    ];
    let value = leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::hash_map(".{0,5}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    });
    prop::collection::hash_map(name, value, 0..12).prop_map(|mut map| {
        map.entry("site".into()).or_insert_with(|| "shop".into());
        map.entry("phone".into()).or_insert_with(|| "+79161234567".into());
        serde_json::to_vec(&map).unwrap()
    })
}

fn urlencoded() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "site=shop",
            "phone=%2B79161234567",
            "&",
            "=",
            "%",
            "%FF",
            "%00",
            "+",
            "name=",
            "redirect=https://shop.example",
            "wanted=",
            "utm_source=a",
            "%0d%0a"
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        vec(any::<u8>(), 0..30),
    ];
    vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_body_makes_a_fault_and_every_refusal_is_a_problem(
        bodies in vec((prop::sample::select(KINDS.to_vec()), prop_oneof![json(), urlencoded(), vec(any::<u8>(), 0..300)]), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let house = House::new().await;
            for (kind, body) in bodies {
                fuzz_form::form(house.router(), kind.as_bytes(), &body).await;
            }
        });
    }
}
