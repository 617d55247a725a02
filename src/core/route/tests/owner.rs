//! Who is rung as the owner, and why he is not.

use super::*;

#[test]
fn a05_the_owner_of_the_client_rings_ten_seconds_number_after_number_then_the_queue() {
    let decision = Case::new().decide();
    let plan: Vec<_> = decision.plan.iter().map(short).collect();
    let rings = ["owner 1:101 10s", "owner 1:+79031111111 10s"];
    assert_eq!(plan, [&rings[..], &QUEUE].concat());
    assert_eq!(decision.owner, Some("1".into()));
    assert_eq!(decision.fallback, None);
    assert_eq!(decision.line.as_deref(), Some("moscow"));
    assert_eq!(decision.caller_id.as_ref().map(Phone::e164), Some("+74951234567"));
}

#[test]
fn d02_d03_the_owner_of_the_oldest_open_deal_goes_before_the_clients() {
    let mut case = Case::new();
    case.lookup = found(client(
        Some("1"),
        vec![
            deal("new", Some("3"), 5, true),
            deal("old", Some("2"), 2, true),
            deal("closed", Some("3"), 1, false),
        ],
    ));
    assert_eq!(case.plan()[0], "owner 2:102 10s");
    assert_eq!(case.decide().owner, Some("2".into()));
}

#[test]
fn d02_a_client_with_closed_deals_only_goes_to_his_own_owner() {
    let mut case = Case::new();
    case.lookup = found(client(Some("2"), vec![deal("closed", Some("3"), 1, false)]));
    assert_eq!(case.plan()[0], "owner 2:102 10s");
}

#[test]
fn a05_an_open_deal_without_an_owner_goes_to_the_clients() {
    let mut case = Case::new();
    case.lookup = found(client(Some("2"), vec![deal("1", None, 1, true)]));
    assert_eq!(case.plan()[0], "owner 2:102 10s");
}

#[test]
fn a04_the_clients_name_is_on_every_ringing_phone_and_an_unknown_callers_on_none() {
    let name = |case: &Case| case.decide().caller_name;
    let mut case = Case::new();
    assert_eq!(name(&case).as_deref(), Some("Пётр Ильин (Ромашка)"));
    case.lookup = found(client(None, vec![]));
    assert_eq!(case.plan()[0], "queue sales");
    assert_eq!(name(&case).as_deref(), Some("Пётр Ильин (Ромашка)"));
    case.to = "+74957654321";
    case.lookup = Lookup::Unknown { source: Source::Fresh };
    assert_eq!(name(&case), None);
}

#[test]
fn e09_no_owner_slow_and_down_are_three_recorded_reasons_and_each_goes_on() {
    let cases = [
        (found(client(None, vec![])), Fallback::NoOwner, "nobody owns"),
        (Lookup::Slow, Fallback::CrmSlow, "in time"),
        (Lookup::Down, Fallback::CrmDown, "is down"),
        (Lookup::Unknown { source: Source::Cached }, Fallback::Unknown, "unknown"),
        (Lookup::NotAsked, Fallback::NoNumber, "no readable number"),
    ];
    for (lookup, reason, words) in cases {
        let mut case = Case::new();
        case.lookup = lookup;
        let decision = case.decide();
        assert_eq!(decision.fallback, Some(reason));
        assert_eq!(case.plan(), QUEUE, "{reason:?}");
        let refused = |e: &&Entry| e.what == "owner" && e.verdict == Verdict::Refused;
        let entry = decision.trace.iter().find(refused).unwrap();
        assert!(entry.why.contains(words), "{}", entry.why);
        assert_eq!(entry.rule.as_ref().unwrap().to_string(), "routing.toml:40");
    }
}

#[test]
fn e10_an_owner_offline_in_the_crm_is_passed_over_only_where_the_rule_asks_for_it() {
    let mut case = Case::new();
    case.person("1").online = Some(false);
    assert_eq!(case.plan()[0], "owner 1:101 10s");

    case.rules = RULES.replace("ring = \"10s\"", "skip_if = [\"offline\"]");
    assert_eq!(case.plan(), QUEUE);
    assert_eq!(case.decide().fallback, Some(Fallback::Offline));
    case.person("1").online = None;
    assert_eq!(case.plan()[0], "owner 1:101 10s");
}

#[test]
fn e11_a_line_without_a_phone_is_passed_over_and_the_mobile_is_next() {
    let mut case = Case::new();
    case.phones.silent = vec!["101"];
    assert_eq!(case.plan()[0], "owner 1:+79031111111 10s");
    assert_eq!(case.decide().fallback, None);

    case.lookup = found(client(Some("2"), vec![]));
    case.phones.silent = vec!["102"];
    assert_eq!(case.plan(), QUEUE);
    assert_eq!(case.decide().fallback, Some(Fallback::Unregistered));
}

#[test]
fn e11_where_phones_are_not_known_nobody_is_passed_over() {
    let mut case = Case::new();
    case.phones = Phones { silent: vec!["101"], talking: vec!["101"], unknown: true };
    assert_eq!(case.plan()[0], "owner 1:101 10s");
}

#[test]
fn a05_an_owner_who_talks_is_not_rung_on_his_mobile_either() {
    let mut case = Case::new();
    case.phones.talking = vec!["101"];
    assert_eq!(case.plan(), QUEUE);
    assert_eq!(case.decide().fallback, Some(Fallback::Busy));

    case.rules = RULES.replace("ring = \"10s\"", "skip_if = [\"unregistered\"]");
    assert_eq!(case.plan()[0], "owner 1:101 10s");
}

#[test]
fn numbers_first_rings_one_number_only() {
    let mut case = Case::new();
    case.rules = RULES.replace("ring = \"10s\"", "numbers = \"first\"");
    assert_eq!(case.plan()[..2], ["owner 1:101 10s", "queue sales"]);
}

#[test]
fn an_owner_without_numbers_is_a_reason_of_its_own() {
    let mut case = Case::new();
    case.person("1").numbers.clear();
    assert_eq!(case.plan(), QUEUE);
    assert_eq!(case.decide().fallback, Some(Fallback::NoNumberOfOwner));
}

#[test]
fn e14_who_is_gone_or_never_was_is_not_rung_but_still_named_as_owner() {
    let mut case = Case::new();
    case.person("1").status = Status::Gone;
    assert_eq!(case.plan(), QUEUE);
    assert_eq!(case.decide().fallback, Some(Fallback::OwnerGone));
    case.lookup = found(client(Some("99"), vec![]));
    let decision = case.decide();
    assert_eq!(decision.fallback, Some(Fallback::OwnerGone));
    assert_eq!(decision.owner, Some("99".into()));
}

#[test]
fn a_deputy_stands_in_and_the_deputys_deputy_too() {
    let mut case = Case::new();
    case.person("1").status = Status::OnLeave(None);
    assert_eq!(case.decide().fallback, Some(Fallback::OnLeave));
    case.person("1").deputy = Some("2".into());
    assert_eq!(case.plan()[0], "deputy 2:102 10s");
    assert_eq!(case.decide().fallback, None);
    case.person("2").status = Status::OnLeave(None);
    case.person("2").deputy = Some("3".into());
    assert_eq!(case.plan()[0], "deputy 3:103 10s");
    assert_eq!(case.decide().owner, Some("1".into()));
}

#[test]
fn deputies_in_a_ring_end_in_the_queue() {
    let mut case = Case::new();
    case.person("1").status = Status::OnLeave(None);
    case.person("1").deputy = Some("2".into());
    case.person("2").status = Status::OnLeave(None);
    case.person("2").deputy = Some("1".into());
    assert_eq!(case.plan(), QUEUE);
    assert_eq!(case.decide().fallback, Some(Fallback::OnLeave));
}

#[test]
fn a_rule_may_want_no_deputy_and_a_busy_deputy_is_not_rung() {
    let mut case = Case::new();
    case.person("1").status = Status::OnLeave(None);
    case.person("1").deputy = Some("2".into());
    case.phones.talking = vec!["102"];
    assert_eq!(case.decide().fallback, Some(Fallback::Busy));
    case.rules = RULES.replace("ring = \"10s\"", "deputy = false");
    assert_eq!(case.decide().fallback, Some(Fallback::OnLeave));
    assert_eq!(case.plan(), QUEUE);
}

#[test]
fn leave_ends_after_its_last_day_by_the_clock_of_the_line() {
    let mut case = Case::new();
    case.rules = RULES.replace("calendar = \"ural\"\n", "");
    case.person("1").status = Status::OnLeave(Some("2026-11-20".parse().unwrap()));
    case.to = "100500";
    case.rules = RULES.replace("09:00-19:00", "00:00-24:00");
    // Still Friday in Moscow, already Saturday in the Urals.
    case.at = at("2026-11-20T23:30:00+03:00");
    assert_eq!(case.decide().fallback, Some(Fallback::OnLeave));
    case.rules = case.rules.replace("mon-fri", "mon-sun");
    case.to = "+73431234567";
    assert_eq!(case.plan()[0], "owner 1:101 10s");
}

#[test]
fn nobody_is_rung_twice_as_owner_deputy_and_employee() {
    let mut case = Case::new();
    case.rules = RULES.replace(
        "{ do = \"queue\", queue = \"sales\", wait = \"5m\" },",
        "{ do = \"employee\", employee = \"102\" }, { do = \"employee\", employee = \"1\" },",
    );
    case.lookup = found(client(Some("2"), vec![]));
    let rings = ["owner 2:102 10s", "employee 1:101 20s", "employee 1:+79031111111 20s"];
    assert_eq!(case.plan(), [&rings[..], &QUEUE[1..]].concat());
}

#[test]
fn an_old_copy_leads_to_the_owner_and_the_trace_says_it_is_old() {
    let mut case = Case::new();
    let client = Arc::new(client(Some("1"), vec![]));
    case.lookup = Lookup::Found { client, source: Source::Stale };
    assert_eq!(case.plan()[0], "owner 1:101 10s");
    assert!(case.decide().trace.iter().any(|e| e.why.contains("an old copy")));
}
