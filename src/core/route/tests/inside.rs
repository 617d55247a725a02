//! Employees' own calls, transfers to an extension, calls to the outside.

use super::*;

#[test]
fn e02_an_employees_mobile_is_internal_and_gets_no_owner_but_the_next_steps() {
    let mut case = Case::new();
    case.from = "+79033333333";
    let decision = case.decide();
    assert!(decision.internal);
    assert_eq!(decision.fallback, Some(Fallback::Employee));
    assert_eq!(case.plan(), QUEUE);
    case.to = "+74957654321";
    assert_eq!(case.plan()[0], "group 1:101+2:102 20s", "the caller himself is not rung");
}

/// A16: he is no colleague; but his callback tells of him, and records him.
#[test]
fn a16_the_client_of_a_callback_is_passed_on_as_any_client_and_not_registered_twice() {
    let mut case = Case::new();
    for to in ["101", "89031111111"] {
        (case.direction, case.from, case.to) = (Direction::Inbound, "+79161110001", to);
        case.passed_on = true;
        let (plan, inbound) = (case.plan(), case.decide());
        (case.direction, case.passed_on) = (Direction::Callback, false);
        assert_eq!(case.plan(), plan, "{to}");
        assert!(case.decide().internal && !inbound.internal, "{to}");
    }
}

#[test]
fn e02_from_extension_to_extension_rings_that_one_then_its_mailbox() {
    let mut case = Case::new();
    for direction in [Direction::Internal, Direction::Inbound, Direction::Outbound] {
        (case.direction, case.from, case.to) = (direction, "102", "101");
        let decision = case.decide();
        assert!(decision.internal);
        let rings = ["dialled 1:101 25s", "dialled 1:+79031111111 25s"];
        let rest = ["voicemail 101", "hangup NORMAL_CLEARING"];
        assert_eq!(case.plan(), [&rings[..], &rest].concat());
        assert_eq!(decision.fallback, Some(Fallback::Employee));
    }
}

#[test]
fn e02_an_unlisted_extension_is_rung_unless_it_is_known_to_have_no_phone() {
    let mut case = Case::new();
    (case.direction, case.from, case.to) = (Direction::Internal, "102", "777");
    assert_eq!(case.plan()[0], "dialled 777 25s");
    case.rules = RULES.replace("then = [{ do = \"voicemail\" }]", "");
    case.to = "555";
    assert_eq!(case.plan(), ["hangup USER_NOT_REGISTERED"]);
}

#[test]
fn e02_a_colleagues_mobile_dialled_from_a_desk_is_internal() {
    let mut case = Case::new();
    (case.direction, case.from, case.to) = (Direction::Outbound, "102", "89031111111");
    let decision = case.decide();
    assert!(decision.internal);
    assert_eq!(case.plan()[..2], ["dialled 1:+79031111111 25s", "dialled 1:101 25s"]);
}

#[test]
fn a_call_to_the_outside_rings_the_client_and_knows_his_owner() {
    let mut case = Case::new();
    (case.direction, case.from, case.to) = (Direction::Outbound, "102", "8 916 123-45-67");
    let decision = case.decide();
    assert_eq!(case.plan(), ["dialled +79161234567 45s", "hangup NO_ANSWER"]);
    assert_eq!((decision.internal, decision.fallback), (false, None));
    assert_eq!(decision.owner, Some("1".into()));
    assert_eq!(decision.caller_id.as_ref().map(Phone::e164), Some("+74950001122"));
    assert_eq!(decision.caller_name, None, "the client is not shown his own name");
}

#[test]
fn a_dialled_number_that_is_none_is_refused_with_the_reason() {
    let mut case = Case::new();
    for to in ["", "12345678901234567890", "9161234567,user/101", "call me"] {
        (case.direction, case.from, case.to) = (Direction::Outbound, "102", to);
        assert_eq!(case.plan(), ["hangup UNALLOCATED_NUMBER"], "{to}");
        let decision = case.decide();
        assert!(decision.trace[0].why.contains("no number that could be dialled"));
    }
}

#[test]
fn a_call_passed_on_to_an_extension_rings_that_employee_first_then_the_owner() {
    let mut case = Case::new();
    case.to = "102";
    let decision = case.decide();
    let rings = ["dialled 2:102 25s", "owner 1:101 10s", "owner 1:+79031111111 10s"];
    assert_eq!(case.plan(), [&rings[..], &QUEUE].concat());
    assert!(!decision.internal, "the client is on the line");
    assert_eq!(decision.line.as_deref(), Some("other"));

    case.to = "101";
    let rings = ["dialled 1:101 25s", "dialled 1:+79031111111 25s"];
    assert_eq!(case.plan(), [&rings[..], &QUEUE].concat());
    assert_eq!(case.decide().fallback, None);
}

#[test]
fn a_client_passed_on_to_an_outside_number_is_not_rung_back_to_the_owner() {
    let mut case = Case::new();
    case.to = "+79035550199";
    assert!(!case.plan()[0].contains("dialled"), "a number of the trunk that no line names");
    case.passed_on = true;
    let decision = case.decide();
    assert_eq!(case.plan()[0], "dialled +79035550199 25s");
    assert_eq!(case.plan()[1], "owner 1:101 10s", "he is not lost where nobody answers there");
    assert!(!decision.internal && !format!("{:?}", decision.trace).contains("5550199"));
}

#[test]
fn a_service_that_calls_from_a_short_number_is_no_colleague() {
    let mut case = Case::new();
    case.lookup = Lookup::NotAsked;
    case.from = "555";
    let decision = case.decide();
    assert_eq!((decision.internal, decision.fallback), (false, Some(Fallback::NoNumber)));
    assert_eq!(case.plan(), QUEUE);
    case.from = "777";
    assert!(case.decide().internal, "a phone of ours is registered there");
}

#[test]
fn a_call_to_the_outside_has_no_reason_why_no_owner_is_rung() {
    let mut case = Case::new();
    (case.from, case.to) = ("102", "+79161234567");
    for direction in [Direction::Internal, Direction::Outbound] {
        case.direction = direction;
        assert_eq!(case.decide().fallback, None);
    }
}
