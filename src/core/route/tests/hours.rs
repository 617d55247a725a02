//! Blocked numbers, hours and lines: what is looked at before the owner.

use super::*;

const CLOSED: [&str; 3] = ["announce closed.wav", "voicemail 100", "hangup NORMAL_CLEARING"];

#[test]
fn mikopbx_453_the_owner_is_never_rung_before_the_hours_were_looked_at() {
    let mut case = Case::new();
    case.at = at("2026-11-20T18:59:59+03:00");
    assert_eq!(case.plan()[0], "owner 1:101 10s");
    case.at = at("2026-11-20T19:00:00+03:00");
    let decision = case.decide();
    assert_eq!(case.plan(), CLOSED);
    assert_eq!(decision.fallback, Some(Fallback::Closed));
    assert_eq!(decision.owner, Some("1".into()), "known, though not rung");
    let hours = decision.trace.iter().find(|e| e.what == "hours").unwrap();
    assert_eq!(
        hours.why,
        "Fri 2026-11-20 19:00 Europe/Moscow: office is closed, outside working hours; opens Mon 2026-11-23 09:00"
    );
}

#[test]
fn mikopbx_453_the_order_of_checks_stands_in_the_trace() {
    let decision = Case::new().decide();
    let mut looked_at: Vec<&str> = decision.trace.iter().map(|e| e.what.as_str()).collect();
    looked_at.dedup();
    let order = ["line", "blocked", "client", "hours", "route", "owner"];
    let rest = ["queue sales", "voicemail 100", "hangup"];
    assert_eq!(looked_at, [&order[..], &rest].concat());
}

#[test]
fn each_line_has_its_own_zone() {
    let mut case = Case::new();
    case.at = at("2026-11-20T17:30:00+03:00");
    assert_eq!(case.plan()[0], "owner 1:101 10s");
    case.to = "+73431234567";
    assert_eq!(case.plan(), CLOSED);
}

#[test]
fn a_holiday_is_closed_and_the_trace_names_its_line() {
    let mut case = Case::new();
    case.at = at("2027-01-05T12:00:00+03:00");
    assert_eq!(case.plan(), CLOSED);
    let decision = case.decide();
    let hours = decision.trace.iter().find(|e| e.what == "hours").unwrap();
    assert!(hours.why.contains("a holiday"), "{}", hours.why);
    assert_eq!(hours.rule.as_ref().unwrap().to_string(), "routing.toml:11");
}

#[test]
fn lines_differ_and_are_found_in_every_spelling() {
    let mut case = Case::new();
    for (to, line) in [
        ("74951234567", "moscow"),
        ("84951234567", "moscow"),
        ("100500", "moscow"),
        ("73431234567", "ural"),
        ("+74957654321", "partners"),
        ("+74990000000", "other"),
        ("sip-account", "other"),
        ("", "other"),
    ] {
        case.to = to;
        assert_eq!(case.decide().line.as_deref(), Some(line), "{to}");
    }
    case.to = "+74957654321";
    let sales = ["employee 3:103 15s", "employee 3:+79033333333 15s", "group 1:101+2:102 20s"];
    assert_eq!(case.plan(), [&sales[..], &["fifo support", "hangup NO_ANSWER"]].concat());
    assert_eq!(case.decide().fallback, Some(Fallback::NoOwnerStep));
}

#[test]
fn a_blocked_number_a_blocked_beginning_and_a_withheld_number_are_rejected() {
    let mut case = Case::new();
    for (from, line) in [("+74950000000", 6), ("88001234567", 6), ("anonymous", 7)] {
        case.from = from;
        let decision = case.decide();
        assert_eq!(case.plan(), ["hangup CALL_REJECTED"], "{from}");
        assert_eq!(decision.fallback, Some(Fallback::Blocked));
        let entry = decision.trace.iter().find(|e| e.what == "blocked").unwrap();
        assert_eq!(entry.rule.as_ref().unwrap().line, line);
    }
    case.from = "+79161234567";
    assert_eq!(case.decide().fallback, None);
}

#[test]
fn a_blocked_caller_may_be_told_something_first() {
    let mut case = Case::new();
    let then = "anonymous = true\nthen = [{ do = \"announce\", file = \"no.wav\" }]";
    case.rules = RULES.replace("anonymous = true", then);
    case.from = "+74950000000";
    assert_eq!(case.plan(), ["announce no.wav", "hangup NORMAL_CLEARING"]);
}

#[test]
fn a_withheld_or_unreadable_number_goes_to_the_queue_where_it_is_not_blocked() {
    let mut case = Case::new();
    case.rules = RULES.replace("anonymous = true", "anonymous = false");
    case.lookup = Lookup::NotAsked;
    for from in ["anonymous", "9999999999999999999999999999999999999999", "call \"me\", {x}\n"] {
        case.from = from;
        assert_eq!(case.plan(), QUEUE);
        assert_eq!(case.decide().fallback, Some(Fallback::NoNumber));
    }
}

#[test]
fn an_owner_step_outside_hours_is_the_rule_makers_choice() {
    let mut case = Case::new();
    let closed = "closed = [{ do = \"owner\" }, { do = \"hangup\", cause = \"USER_BUSY\" }, ";
    case.rules = RULES.replace("closed = [", closed);
    case.at = at("2026-11-20T23:00:00+03:00");
    let rings = ["owner 1:101 10s", "owner 1:+79031111111 10s", "hangup USER_BUSY"];
    assert_eq!(case.plan(), rings);
    let decision = case.decide();
    assert_eq!(decision.fallback, None);
    let never = |e: &&Entry| e.why.starts_with("never reached");
    assert_eq!(decision.trace.iter().filter(never).count(), 2);
}

#[test]
fn no_trace_holds_a_whole_number() {
    let mut case = Case::new();
    for (from, to) in [
        ("+79161234567", "+74951234567"),
        ("+74950000000", "+74999999999"),
        ("+79161234567", "89261234567"),
    ] {
        (case.from, case.to) = (from, to);
        for entry in case.decide().trace {
            let digits = |w: &str| w.chars().filter(char::is_ascii_digit).count();
            let whole = entry.why.split_whitespace().find(|w| digits(w) > 8);
            assert_eq!(whole, None, "{}", entry.why);
        }
    }
}
