//! Times and hours: a test for each kind.

use insta::assert_snapshot;

use super::told;

#[test]
fn no_time() {
    let told = told(r#"due = "1h""#, r#"due = "1 hour""#);
    assert_snapshot!(told, @r#"s.toml:26:95: error: `1 hour` is no time (write "90s", "5m" or "1h30m", 400 days at most)"#);
}

#[test]
fn a_time_that_is_too_long() {
    let told = told(r#"due = "1h""#, r#"due = "9999999h""#);
    assert_snapshot!(told, @r#"s.toml:26:95: error: `9999999h` is no time (write "90s", "5m" or "1h30m", 400 days at most)"#);
}

#[test]
fn no_time_of_day() {
    let told = told(r#"due = "1h""#, r#"due = { end_of_day = "25:00" }"#);
    assert_snapshot!(told, @r#"s.toml:26:110: error: `25:00` is no time of day (write it as "19:00")"#);
}

#[test]
fn a_due_policy_that_says_nothing() {
    let told = told(r#"due = "1h""#, r#"due = { hours = { mon = "09:00-18:00" } }"#);
    assert_snapshot!(told, @r#"s.toml:26:95: error: `due` of `task` says neither `end_of_day` nor `working` (write "3600s", { end_of_day = "19:00" } or { working = "1h", hours = { mon-fri = "09:00-18:00" } })"#);
}

#[test]
fn working_time_without_hours() {
    let told = told(r#"due = "1h""#, r#"due = { working = "1h" }"#);
    assert_snapshot!(told, @r#"s.toml:26:95: error: `due` of `task` has no `hours` (add: hours = { mon-fri = "09:00-18:00" })"#);
}

#[test]
fn working_time_on_no_day() {
    let told = told(r#"due = "1h""#, r#"due = { working = "1h", hours = {} }"#);
    assert_snapshot!(told, @"s.toml:26:95: error: nobody ever works in these hours (name a day)");
}

#[test]
fn no_weekday() {
    let told =
        told(r#"due = "1h""#, r#"due = { working = "1h", hours = { mo-fri = "09:00-18:00" } }"#);
    assert_snapshot!(told, @"s.toml:26:123: error: `mo` is no weekday (did you mean `mon`? known here: mon, tue, wed, thu, fri, sat, sun)");
}
