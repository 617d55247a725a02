use super::*;
use bytes::Bytes;

fn read(text: &str) -> Result<Arrival, HandshakeError> {
    Arrival::read(&Headers::new(Bytes::from(text.to_owned())), Region::default())
}

const GOOD: &str = "Unique-ID: a-1\nAnswer-State: ringing\nCaller-Caller-ID-Number: 79161234567\n\
    Caller-Destination-Number: %2B74951234567\nSocket-Mode: async\nControl: full\n";

#[test]
fn channel_data_tells_who_calls_whom() {
    let arrival = read(GOOD).unwrap();
    assert_eq!(arrival.call.as_str(), "a-1");
    assert_eq!(arrival.from.phone().map(|p| p.e164()), Some("+79161234567"));
    assert_eq!((arrival.to.as_str(), arrival.direction), ("+74951234567", Direction::Inbound));
}

#[test]
fn pitfall_19_a_socket_that_is_not_async_full_is_refused_with_the_reason() {
    let error = read(&GOOD.replace("async", "static")).unwrap_err();
    assert!(error.to_string().contains("async full"), "{error}");
    let error = read(&GOOD.replace("Control: full", "Control: single-channel")).unwrap_err();
    assert!(error.to_string().contains("single-channel"), "{error}");
    assert_eq!(read("Socket-Mode: async\nControl: full\n"), Err(HandshakeError::NoId));
}

#[test]
fn pitfall_12_a_caller_who_is_gone_already_is_told_apart() {
    let gone = GOOD.replace("ringing", "hangup\nHangup-Cause: ORIGINATOR_CANCEL");
    assert_eq!(read(&gone).unwrap().gone.as_deref(), Some("ORIGINATOR_CANCEL"));
    assert_eq!(read(GOOD).unwrap().gone, None);
}

fn brought(more: &str) -> Brought {
    let text = format!("{GOOD}{more}");
    let data = Headers::new(Bytes::from(text));
    Arrival::read(&data, Region::default()).unwrap().with_brought(&data).brought
}

#[test]
fn e08_what_call_tracking_knows_comes_with_the_call() {
    let fields = brought(
        "variable_dozvon_field_utm_source: yandex\nvariable_dozvon_field_UTM_TERM: %D0%BE%D0%BA%D0%BD%D0%B0\n\
         variable_dozvon_field_a-b: x\nvariable_dozvon_field_empty: \nvariable_dozvon_field_evil: a%0Ab\n",
    );
    let fields: Vec<_> = fields.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(fields, [("evil", "ab"), ("utm_source", "yandex"), ("utm_term", "окна")]);
}

#[test]
fn e08_what_comes_with_a_call_is_bounded() {
    let many: String =
        (0..100).map(|n| format!("variable_dozvon_field_f{n}: {}\n", "x".repeat(900))).collect();
    let fields = brought(&many).fields;
    assert_eq!(fields.len(), MOST_FIELDS);
    assert!(fields.values().all(|value| value.len() == FIELD_LENGTH));
}

#[test]
fn the_number_shown_counts_on_outbound_calls_only() {
    let shown = "variable_effective_caller_id_number: 74951234567\n";
    assert_eq!(brought(shown).shown, None);
    let outbound = brought(&format!("{shown}variable_dozvon_direction: outbound\n"));
    assert_eq!(outbound.shown.as_deref(), Some("74951234567"));
}

#[test]
fn e09_a_call_another_engine_has_led_is_known_again() {
    let bridged = "variable_last_bridge_to: b\n";
    assert!(!brought(bridged).talked_before, "the dialplan's own talk was never told");
    assert!(brought("variable_dozvon_led: true\n").led_before);
    assert!(brought(&format!("variable_dozvon_led: true\n{bridged}")).talked_before);
}

#[test]
fn a_dialled_number_cannot_carry_a_command() {
    let evil = read(&GOOD.replace("%2B74951234567", "100%0A%0Aapi%20shutdown,user/102")).unwrap();
    assert_eq!(evil.to, "100102");
}
