//! Settings: a test for each kind.

use insta::assert_snapshot;

use super::told;

#[test]
fn a_setting_of_the_wrong_type() {
    let told = told("$list", "$way");
    assert_snapshot!(told, @r#"
    s.toml:8:38: warning: the setting `list` is used by no rule (use it as $name, or take it out)
    s.toml:18:75: error: the setting `way` is of type `choice`; here goes one of type `who` or `employee` or `employees`
    "#);
}

#[test]
fn a_setting_of_the_wrong_type_in_a_text() {
    let told = told(r#"text = "Call back""#, r#"text = "$list""#);
    assert_snapshot!(told, @"s.toml:26:59: error: the setting `list` is of type `employees`; here goes one of type `text`");
}

#[test]
fn a_setting_in_when_that_is_neither_choice_nor_flag() {
    let told = told(r#"settings = { way = "now" }"#, r#"settings = { list = "101" }"#);
    assert_snapshot!(told, @r#"
    s.toml:7:57: warning: the setting `way` is used by no rule (use it as $name, or take it out)
    s.toml:16:63: error: the setting `list` is of type `employees` (only a choice or a flag can be asked for)
    "#);
}

#[test]
fn a_value_in_when_that_the_choice_never_has() {
    let told = told(r#"settings = { way = "now" }"#, r#"settings = { way = "nwo" }"#);
    assert_snapshot!(told, @"s.toml:16:69: error: `nwo` is no word of the setting `way` (known here: now, never)");
}

#[test]
fn a_choice_out_of_its_words() {
    let told = told(r#"value = "now""#, r#"value = "no""#);
    assert_snapshot!(told, @"s.toml:7:57: error: `no` is no value of the choice (did you mean `now`? known here: now, never)");
}

#[test]
fn a_choice_without_words() {
    let told = told(r#"of = ["now", "never"], "#, "");
    assert_snapshot!(told, @r#"s.toml:7:1: error: setting `way` has no `of` (list the words it may be: of = ["now", "never"])"#);
}

#[test]
fn words_for_a_setting_that_is_no_choice() {
    let told = told(r#"type = "employees", value"#, r#"type = "employees", of = ["1"], value"#);
    assert_snapshot!(told, @r#"s.toml:8:30: error: setting `list` has `of`, but is no choice (take it out, or write type = "choice")"#);
}

#[test]
fn a_setting_without_a_type() {
    let told = told(r#"type = "employees", "#, "");
    assert_snapshot!(told, @"s.toml:8:1: error: setting `list` has no `type` (one of choice, flag, duration, time, text, texts, fields, employee, employees, who, due)");
}

#[test]
fn a_setting_without_a_value() {
    let told = told(r#"value = ["101"], "#, "");
    assert_snapshot!(told, @"s.toml:8:1: error: setting `list` has no `value` (a setting is what a person changes: give it a value)");
}

#[test]
fn a_setting_without_a_why() {
    let told = told(r#", why = "A07""#, "");
    assert_snapshot!(told, @"s.toml:8:1: error: setting `list` has no `why` (say it in a few words: it is shown where the rule is explained)");
}

#[test]
fn an_admin_who_is_no_employee() {
    let told = told(r#"admin = { type = "employee", value"#, r#"admin = { type = "text", value"#);
    assert_snapshot!(told, @r#"s.toml:6:34: error: `admin` is of type `text` (write type = "employee": one person stands in)"#);
}

#[test]
fn no_admin() {
    let told = told(
        r#"admin = { type = "employee", value = "106", why = "E14" }
"#,
        "",
    );
    assert_snapshot!(told, @r#"s.toml:5:2: error: the set has no setting `admin` (add [settings.admin] with type = "employee": he stands in where somebody is gone (E14))"#);
}

#[test]
fn an_admin_who_is_nobody() {
    let told = told(r#"value = "106""#, r#"value = """#);
    assert_snapshot!(told, @r#"s.toml:6:38: error: the value of setting `admin` names nobody (write an id or extension, such as "101")"#);
}

#[test]
fn a_short_call_that_is_no_duration() {
    let told = told(
        r#"why = "A07" }"#,
        r#"why = "A07" }
short_call = { type = "text", value = "5s", why = "E16" }"#,
    );
    assert_snapshot!(told, @r#"s.toml:9:39: error: `short_call` is of type `text` (write type = "duration")"#);
}

#[test]
fn a_length_without_its_setting() {
    let told = told(r#"event = "missed", client"#, r#"event = "ended", length = "short", client"#);
    assert_snapshot!(told, @r#"s.toml:25:27: error: `length` needs the setting `short_call`, and there is none (add [settings.short_call] with type = "duration" and a value)"#);
}

#[test]
fn a_setting_that_nothing_uses() {
    let told = told(
        r#"why = "A07" }"#,
        r#"why = "A07" }
spare = { type = "text", value = "", why = "" }"#,
    );
    assert_snapshot!(told, @"s.toml:9:34: warning: the setting `spare` is used by no rule (use it as $name, or take it out)");
}

#[test]
fn a_setting_that_names_itself() {
    let told = told(
        r#"why = "A07" }"#,
        r#"why = "A07" }
lead = { type = "who", value = ["$lead"], why = "" }"#,
    );
    assert_snapshot!(told, @r#"
    s.toml:9:32: warning: the setting `lead` is used by no rule (use it as $name, or take it out)
    s.toml:9:33: error: the setting `lead` cannot be named here (lists of people name employees, due policies name durations and times; write the one that is named first)
    "#);
}

#[test]
fn an_unknown_choice_behind_a_closed_word() {
    let told = told(r#"on = "client", text"#, r#"on = "$way", text"#);
    assert_snapshot!(told, @"s.toml:26:42: error: the setting `way` may be `now`, which is no thing to put it on (known here: client, deal)");
}
