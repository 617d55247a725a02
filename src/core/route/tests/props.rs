//! What holds for every decision, whatever the facts.

use proptest::prelude::*;

use super::*;

fn a_lookup() -> impl Strategy<Value = Lookup> {
    let owner = || prop::option::of(prop::sample::select(vec!["1", "2", "3", "99"]));
    let deals = prop::collection::vec((owner(), 1u8..12, any::<bool>()), 0..4);
    prop_oneof![
        Just(Lookup::NotAsked),
        Just(Lookup::Slow),
        Just(Lookup::Down),
        Just(Lookup::Unknown { source: Source::Fresh }),
        (owner(), deals).prop_map(|(owner, deals)| {
            let deals = deals.into_iter().enumerate();
            let deals = deals.map(|(n, (o, month, open))| deal(&n.to_string(), o, month, open));
            found(client(owner, deals.collect()))
        }),
    ]
}

fn a_person(id: &'static str) -> impl Strategy<Value = Employee> {
    let numbers = prop::sample::subsequence(vec!["101", "102", "103", "+79031111111"], 0..4);
    let deputy = prop::option::of(prop::sample::select(vec!["1", "2", "3", "99"]));
    let status = prop::sample::select(vec![
        Status::Active,
        Status::OnLeave(None),
        Status::OnLeave(Some("2026-11-20".parse().unwrap())),
        Status::Gone,
    ]);
    (numbers, deputy, status, any::<Option<bool>>()).prop_map(move |(n, deputy, status, online)| {
        let person = employee(id, id, &n);
        Employee { deputy: deputy.map(Into::into), status, online, ..person }
    })
}

fn a_number() -> impl Strategy<Value = String> {
    let known = vec!["+79161234567", "+74951234567", "101", "555", "+79031111111", "", "anonymous"];
    prop_oneof![prop::sample::select(known).prop_map(str::to_owned), "\\PC{0,20}", "[0-9+*#]{0,18}"]
}

/// The steps of the two routes, in any order and number.
fn some_steps() -> impl Strategy<Value = String> {
    let all = vec![
        r#"{ do = "owner", skip_if = ["offline", "busy"] }"#,
        r#"{ do = "owner", numbers = "first", deputy = false }"#,
        r#"{ do = "employee", employee = "102" }"#,
        r#"{ do = "group", group = "sales", order = "in_turn" }"#,
        r#"{ do = "queue", queue = "sales", wait = "1m" }"#,
        r#"{ do = "voicemail", mailbox = "100" }"#,
        r#"{ do = "hangup", cause = "USER_BUSY" }"#,
    ];
    prop::collection::vec(prop::sample::select(all), 1..6).prop_map(|s| s.join(", "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn every_plan_ends_in_its_only_hangup_and_rings_nobody_twice(
        direction in prop::sample::select(vec![Direction::Inbound, Direction::Outbound, Direction::Internal]),
        from in a_number(),
        to in a_number(),
        minutes in 0i64..20_000,
        lookup in a_lookup(),
        people in (a_person("1"), a_person("2"), a_person("3")),
        steps in (some_steps(), some_steps()),
        unknown in any::<bool>(),
    ) {
        let text = RULES
            .replace("steps = [\n    { do = \"owner\"", &format!("steps = [{},\n    {{ do = \"owner\"", steps.0))
            .replace("closed = [", &format!("closed = [{}, ", steps.1));
        let rules = Routing::parse("routing.toml", &text).unwrap();
        let staff = Staff::new([people.0, people.1, people.2]);
        let phones = Phones { silent: vec!["101"], talking: vec!["103"], unknown };
        let from = Caller::read(&from, rules.region());
        let facts = Facts {
            direction,
            from: &from,
            to: &to,
            passed_on: minutes % 2 == 0,
            at: at(NOON) + jiff::SignedDuration::from_mins(minutes),
            lookup: &lookup,
            staff: &staff,
            presence: &phones,
        };
        let decision = decide(&rules, &facts);

        let hangups = decision.plan.iter().filter(|s| matches!(s, Step::Hangup { .. })).count();
        let last = decision.plan.last();
        prop_assert!(matches!(last, Some(Step::Hangup { .. })) && hangups == 1, "{:?}", decision.plan);

        let mut singly: Vec<(&EmployeeId, &Number)> = Vec::new();
        for step in &decision.plan {
            let Step::Ring(ring) = step else { continue };
            prop_assert!(!ring.targets.is_empty());
            prop_assert!(ring.timeout.as_secs() <= 120);
            let target = &ring.targets[0];
            if let Some(id) = target.employee.as_ref().filter(|_| ring.role != Role::Group) {
                prop_assert!(!singly.contains(&(id, &target.number)), "{:?}", decision.plan);
                singly.push((id, &target.number));
            }
        }
        let rung = decision.plan.iter().any(|s| matches!(s, Step::Ring(r) if r.role == Role::Owner));
        prop_assert!(!rung || decision.fallback.is_none());
        prop_assert!(!decision.trace.is_empty());
        prop_assert_eq!(decision, decide(&rules, &facts));
    }

    #[test]
    fn no_text_makes_the_rules_panic(text in "\\PC{0,60}", line in 0usize..70) {
        let mut lines: Vec<&str> = RULES.lines().collect();
        let line = line.min(lines.len() - 1);
        lines[line] = &text;
        let _ = Routing::parse("routing.toml", &lines.join("\n"));
        let _ = Routing::parse("routing.toml", &text);
    }
}
