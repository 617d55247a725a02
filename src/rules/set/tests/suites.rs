//! The tests beside a set: what is said of one that fails, and of one that is wrong itself.

use insta::assert_snapshot;

use super::BASE;
use crate::rules::set::suite::Suite;

fn suite(tests: &str) -> Suite {
    Suite {
        name: "s".into(),
        set: ("s.toml".into(), BASE.into()),
        tests: Some(("s.test.toml".into(), tests.into())),
    }
}

/// Failures and rules not reached, or the mistakes of the tests.
fn told(tests: &str) -> String {
    match suite(tests).run() {
        Ok(report) => {
            let failures = report.failures.iter().map(ToString::to_string);
            let unreached =
                report.unreached().map(|(rule, at)| format!("{at}: not reached: {rule}"));
            failures.chain(unreached).collect::<Vec<_>>().join("\n")
        }
        Err(error) => error.lines().join("\n"),
    }
}

fn test(rest: &str) -> String {
    format!("[[tests]]\nname = \"t\"\n{rest}\n")
}

#[test]
fn a_test_that_holds_says_only_which_rules_no_test_reached() {
    let text = test("case = { event = \"ended\", first = \"101\" }\nrules = {}\nactions = []");
    assert_snapshot!(told(&text), @r#"
    s.toml:12: not reached: client/new
    s.toml:21: not reached: client/missed
    "#);
}

#[test]
fn another_rule_and_another_action_are_shown_side_by_side() {
    let text = test(
        r#"case = { event = "missed", client = { owner = "102" } }
rules = { client = "otherwise" }
actions = [{ do = "note", on = "client", text = "x" }]"#,
    );
    assert_snapshot!(told(&text), @r#"
    s.test.toml:1:1: t
        expected rule client/otherwise, found client/missed
        action 1: expected { do = "note", on = "client", text = "x" }
                  found    { do = "task", dedupe = "never", due = 2026-11-20T13:00:00, kind = "back", on = "client", owner = "102", text = "Call back" }  [client/missed]
    s.toml:12: not reached: client/new
    s.toml:27: not reached: client/otherwise
    "#);
}

#[test]
fn of_an_action_only_what_differs_is_shown() {
    let text = test(
        r#"case = { event = "missed", client = { owner = "102" } }
rules = { client = "missed" }
actions = [{ do = "task", kind = "back", on = "deal", text = "Call back", owner = "103", due = "2026-11-20T13:00:01", delay = "5s" }]"#,
    );
    assert_snapshot!(told(&text), @r#"
    s.test.toml:1:1: t
        action 1, "task" of rule client/missed:
            due: expected 2026-11-20T13:00:01, found 2026-11-20T13:00:00
            not before: expected 2026-11-20T12:00:05, found nothing
            on: expected "deal", found "client"
            owner: expected "103", found "102"
    s.toml:12: not reached: client/new
    s.toml:27: not reached: client/otherwise
    "#);
}

#[test]
fn an_action_too_few_and_one_too_many() {
    let few = test(
        r#"case = { event = "missed", client = { owner = "102" } }
rules = { client = "missed" }
actions = []"#,
    );
    let many = test(
        r#"case = { event = "ended", first = "101" }
rules = {}
actions = [{ do = "reactivate" }]"#,
    );
    assert_snapshot!(told(&(few + &many)), @r#"
    s.test.toml:1:1: t
        action 1: expected nothing more
                  found    { do = "task", dedupe = "never", due = 2026-11-20T13:00:00, kind = "back", on = "client", owner = "102", text = "Call back" }  [client/missed]
    s.test.toml:6:1: t
        action 1: expected { do = "reactivate" }
                  found    nothing more
    s.toml:12: not reached: client/new
    "#);
}

#[test]
fn settings_of_a_test_stand_instead_of_the_heads() {
    let text = test(
        r#"settings = { way = "never" }
case = { event = "answered", first = "101" }
rules = { client = "otherwise" }
actions = []"#,
    );
    assert!(!told(&text).contains("s.test.toml"), "{}", told(&text));
}

#[test]
fn mistakes_of_a_test_are_named_all_at_once() {
    let text = test(
        r#"rwo = "A01"
settings = { wya = "now", way = "nwo" }
case = { event = "mised", frist = "101", number = "12", deals = [{}], at = "noon", talked = "long", client = 1 }
rules = { clint = "new", client = "nwe" }
actions = [{ do = "taks" }, { do = "note", on = "client" }]"#,
    );
    assert_snapshot!(told(&text), @r#"
    s.test.toml:3:1: error: this test knows no key `rwo` (known here: name, row, settings, staff, case, rules, actions)
    s.test.toml:4:14: error: the set has no setting `wya` (known here: admin, way, list)
    s.test.toml:4:33: error: `nwo` is no value of the choice (known here: now, never)
    s.test.toml:5:18: error: `mised` is no word of `event` (did you mean `missed`? known here: ringing, answered, missed, ended, recorded, voicemail, unreached, callback_requested, callback_failed, callback_client_unreached)
    s.test.toml:5:27: error: `case` of this test knows no key `frist` (did you mean `first`?)
    s.test.toml:5:51: error: `12` is no phone number: the number has 2 digits; E.164 allows 7 to 15 (write it as +74951234567; "" is a withheld one)
    s.test.toml:5:76: error: `noon` is no time (write 2026-11-20T12:00:00+03:00)
    s.test.toml:5:93: error: `talked` of `case` of this test must be a number of seconds, not a text
    s.test.toml:5:110: error: `client` must be a table, not a number (write client = { name = "…", owner = "101" })
    s.test.toml:6:11: error: the set has no chapter `clint` (did you mean `client`? known here: client)
    s.test.toml:6:35: error: chapter `client` has no rule `nwe` (known here: new, missed, otherwise)
    s.test.toml:7:19: error: `taks` is no action (did you mean `task`?)
    s.test.toml:7:29: error: this is no `note` as it is carried out: missing field `text` (all texts are final here: ids of employees, no $settings, no {{ words }})
    "#);
}

#[test]
fn a_test_that_lacks_something() {
    assert_snapshot!(told("[[tests]]\n"), @r#"
    s.test.toml:1:1: error: this test has no `name` (say what it shows)
    s.test.toml:1:1: error: this test has no `case` (write case = { event = "answered" })
    s.test.toml:1:1: error: this test has no `rules` (name the rule expected in each chapter; one left out stands for its default)
    s.test.toml:1:1: error: this test has no `actions` (write exactly what follows; actions = [] where nothing does)
    "#);
}

#[test]
fn a_case_that_cannot_be() {
    let text = test("case = { event = \"missed\", first = \"101\" }\nrules = {}\nactions = []");
    assert_snapshot!(told(&text), @"s.test.toml:3:8: error: no case has event `missed`, answered_by `other` (somebody answered before `answered`, `ended` and `recorded`, and nobody before the others)");
    let text = test("case = { event = \"ended\", deals = [{}] }\nrules = {}\nactions = []");
    assert_snapshot!(told(&text), @"s.test.toml:3:35: error: a client nobody knows has no deals (add client = {}, or take the deals out)");
}

#[test]
fn the_small_set_of_the_tests_passes_its_own() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let report = Suite::load(&root.join("tests/rules/small.toml")).unwrap().run().unwrap();
    assert!(report.tests > 5);
    assert_eq!(report.failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"), "");
}

#[test]
fn every_built_in_set_passes_its_own_tests_and_they_reach_every_rule() {
    for builtin in crate::rules::set::BUILTIN {
        let report = Suite::builtin(builtin.name).unwrap().run().unwrap();
        let failures: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
        assert_eq!(failures.join("\n"), "");
        let unreached: Vec<&str> = report.unreached().map(|(rule, _)| rule).collect();
        assert!(unreached.is_empty(), "{}: {unreached:?}", builtin.name);
    }
}
