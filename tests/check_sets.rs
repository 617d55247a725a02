//! `dozvon check` and `dozvon test` on rule sets, as a person runs them.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::process::{Command, Output};

use assert_cmd::cargo::cargo_bin;
use tempfile::TempDir;

const SMALL: &str = include_str!("rules/small.toml");
const TESTS: &str = include_str!("rules/small.test.toml");

fn dozvon(directory: &TempDir, args: &[&str]) -> (Output, String) {
    let mut command = Command::new(cargo_bin!("dozvon"));
    command.current_dir(directory.path()).env_remove("DOZVON_CONFIG").args(args);
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, told)
}

fn written(files: &[(&str, &str)]) -> TempDir {
    let here = TempDir::new().unwrap();
    std::fs::create_dir(here.path().join("rules")).unwrap();
    for (name, text) in files {
        std::fs::write(here.path().join(name), text).unwrap();
    }
    here
}

#[test]
fn the_built_in_sets_are_tested_where_there_are_no_files() {
    let here = TempDir::new().unwrap();
    let (output, told) = dozvon(&here, &["test"]);
    assert!(output.status.success(), "{told}");
    assert_eq!(told.matches("all as expected").count(), 5, "{told}");
}

#[test]
fn tests_of_a_folder_hold_and_rules_not_reached_are_named() {
    let half = TESTS.split("[[tests]]\nname = \"with Unsorted").next().unwrap();
    let here = written(&[("rules/small.toml", SMALL), ("rules/small.test.toml", half)]);
    let (output, told) = dozvon(&here, &["test"]);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("small (rules/small.toml): 1 test, all as expected"), "{told}");
    assert!(told.contains("rules/small.toml:90: no test reached deal/unknown-unsorted"), "{told}");
}

#[test]
fn a_test_that_fails_is_named_with_its_place_and_the_exit_code_says_so() {
    let wrong = TESTS.replace("owner = \"105\"", "owner = \"104\"");
    let here = written(&[("rules/small.toml", SMALL), ("rules/small.test.toml", &wrong)]);
    let (output, told) = dozvon(&here, &["test", "rules"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("rules/small.test.toml:33:1: the owner is gone"), "{told}");
    assert!(told.contains("owner: expected \"104\", found \"105\""), "{told}");
}

#[test]
fn check_of_a_file_runs_the_tests_beside_it() {
    let wrong = TESTS.replace("owner = \"105\"", "owner = \"104\"");
    let here = written(&[("rules/small.toml", SMALL), ("rules/small.test.toml", &wrong)]);
    let (output, told) = dozvon(&here, &["check", "rules/small.toml", "--plain"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        told.contains("rules/small.test.toml:33:1: error: the test `the owner is gone"),
        "{told}"
    );
}

#[test]
fn check_takes_a_folder_with_routing_and_sets() {
    let routing = include_str!("../rules/routing.toml");
    let here = written(&[("rules/small.toml", SMALL), ("rules/routing.toml", routing)]);
    let (output, told) = dozvon(&here, &["check", "rules", "--plain"]);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("rules/routing.toml: no mistakes"), "{told}");
    assert!(
        told.contains("chapter `task` leaves to its default:\n    event any but `missed`"),
        "{told}"
    );
    let (_, quiet) = dozvon(&here, &["check", "rules/small.toml", "--quiet"]);
    assert_eq!(quiet.lines().count(), 1, "{quiet}");
    assert!(quiet.contains("3 chapters, 9 rules, 7 combinations left to the defaults"), "{quiet}");
}

#[test]
fn check_without_a_file_names_the_mistakes_of_every_set_the_configuration_names() {
    let bad = SMALL.replace("event = \"missed\" }", "event = \"misssed\" }");
    let config = "[rules]\nset = \"amocrm-clasic\"\nshadow = \"rules/small.toml\"\n";
    let here = written(&[("rules/small.toml", &bad), ("dozvon.toml", config)]);
    let (output, told) = dozvon(&here, &["check", "--plain"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        told.contains(
            "`rules.set`: there is no rule set `amocrm-clasic` (did you mean `amocrm-classic`?"
        ),
        "{told}"
    );
    assert!(
        told.contains(
            "rules/small.toml:67:18: error: `misssed` is no word of `event` (did you mean `missed`?"
        ),
        "{told}"
    );
    let (output, _) = dozvon(&here, &["check"]);
    let shown = String::from_utf8_lossy(&output.stderr);
    assert!(shown.contains("did you mean `amocrm-classic`?"), "{shown}");
    assert!(shown.contains("67 │ when = { event = \"misssed\" }"), "{shown}");
}

#[test]
fn what_a_crm_does_otherwise_than_its_rules_say_is_told_when_they_are_checked() {
    let here = TempDir::new().unwrap();
    let config = "[rules]\nset = \"retailcrm-matrix\"\n[crm.shop]\nkind = \"retailcrm\"\n\
                  url = \"http://127.0.0.1:9\"\nkey = \"verysecretkey\"\nlines = [\"main\", \"nowhere\"]\n";
    std::fs::write(here.path().join("dozvon.toml"), config).unwrap();
    let (output, told) = dozvon(&here, &["check", "--plain", "--quiet"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}{errors}");
    assert!(told.contains("crm.shop (retailcrm): `update_call`: only sends"), "{told}{errors}");
    assert!(!told.contains("`unsorted`"), "no rule of this set asks for it: {told}");
    assert!(told.contains("crm.shop: warning:") && told.contains("no line `nowhere`"), "{told}");
    assert!(!told.contains("verysecretkey") && !errors.contains("verysecretkey"), "{errors}");
}

#[test]
fn what_amocrm_does_otherwise_is_told_of_the_words_a_set_asks_for() {
    let here = TempDir::new().unwrap();
    let config = "[rules]\nset = \"amocrm-classic\"\n[crm.sales]\nkind = \"amocrm\"\n\
                  url = \"https://example.amocrm.ru\"\ntoken = \"verysecrettoken\"\n";
    std::fs::write(here.path().join("dozvon.toml"), config).unwrap();
    let (output, told) = dozvon(&here, &["check", "--plain", "--quiet"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}{errors}");
    for instead in [
        "`unsorted`: without a number none is made",
        "`notify`: the card of the call pops up without the text",
        "`register_call`: a call of a number nobody has waits for its contact",
    ] {
        assert!(told.contains(&format!("crm.sales (amocrm): {instead}")), "{told}{errors}");
    }
    assert!(!told.contains("`voicemail`"), "no rule of this set asks for it: {told}");
    assert!(!told.contains("verysecrettoken"), "{told}");
}

#[test]
fn what_keycrm_cannot_do_is_told_of_the_words_a_set_asks_for() {
    let here = TempDir::new().unwrap();
    let config = "[rules]\nset = \"retailcrm-matrix\"\n[crm.shop]\nkind = \"keycrm\"\n\
                  key = \"verysecretkey\"\ntelephony_url = \"https://x.keycrm.app/hush\"\n";
    std::fs::write(here.path().join("dozvon.toml"), config).unwrap();
    let (output, told) = dozvon(&here, &["check", "--plain", "--quiet"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}{errors}");
    assert!(told.contains("crm.shop (keycrm): `task`: KeyCRM's API has no tasks"), "{told}");
    assert!(told.contains("crm.shop (keycrm): `notify`:"), "{told}{errors}");
    assert!(!told.contains("hush") && !told.contains("verysecretkey"), "{told}");
}

#[test]
fn each_of_two_crms_is_told_with_what_it_cannot_do_for_a_set_that_is_looked_at_alone_too() {
    let here = written(&[("rules/small.toml", SMALL)]);
    let config = "[rules]\nset = \"retailcrm-matrix\"\n[crm.shop]\nkind = \"keycrm\"\n\
                  key = \"verysecretkey\"\nlines = [\"main\"]\n[crm.head]\nkind = \"retailcrm\"\n\
                  url = \"http://127.0.0.1:9\"\nkey = \"verysecretkey\"\n";
    std::fs::write(here.path().join("dozvon.toml"), config).unwrap();
    let (output, told) = dozvon(&here, &["check", "--plain", "--quiet"]);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("crm.shop (keycrm): `task`: KeyCRM's API has no tasks"), "{told}");
    assert!(told.contains("crm.head (retailcrm): `update_call`:"), "{told}");
    // A file alone is for no line: each CRM says what it would do otherwise.
    let (output, told) = dozvon(&here, &["check", "rules/small.toml", "--plain", "--quiet"]);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("rules/small.toml: crm.shop (keycrm): `task`:"), "{told}");
}

#[test]
fn c03_a_set_that_declines_is_tested_and_each_crm_tells_what_it_does_instead() {
    let set = SMALL.replace(
        "do = [{ do = \"unsorted\"",
        "do = [{ do = \"decline_unsorted\" }, { do = \"unsorted\"",
    );
    let tests = TESTS.replace(
        "    { do = \"unsorted\"",
        "    { do = \"decline_unsorted\" },\n    { do = \"unsorted\"",
    );
    assert!(set != SMALL && tests != TESTS);
    let here = written(&[("rules/small.toml", &set), ("rules/small.test.toml", &tests)]);
    let (output, told) = dozvon(&here, &["test"]);
    assert!(output.status.success(), "{told}");
    let config = "[rules]\nset = \"retailcrm-matrix\"\n[crm.shop]\nkind = \"keycrm\"\n\
                  key = \"verysecretkey\"\nlines = [\"main\"]\n[crm.head]\nkind = \"retailcrm\"\n\
                  url = \"http://127.0.0.1:9\"\nkey = \"verysecretkey\"\n[crm.sales]\n\
                  kind = \"amocrm\"\nurl = \"https://example.amocrm.ru\"\n\
                  token = \"verysecrettoken\"\nlines = [\"second\"]\n";
    std::fs::write(here.path().join("dozvon.toml"), config).unwrap();
    let (output, told) = dozvon(&here, &["check", "rules/small.toml", "--plain", "--quiet"]);
    assert!(output.status.success(), "{told}");
    for instead in [
        "crm.shop (keycrm): `decline_unsorted`: such a card says so in its title",
        "crm.head (retailcrm): `decline_unsorted`: such an order is marked to be called no more",
        "crm.sales (amocrm): `decline_unsorted`: amoCRM deletes the entry's contact and deal",
    ] {
        assert!(told.contains(instead), "{told}");
    }
}
