//! Unknown words and values of the wrong type: a test for each kind.

use insta::assert_snapshot;

use super::told;

#[test]
fn an_unknown_key_of_the_set() {
    let told = told(
        "schema = 1",
        r#"schema = 1
titel = "x""#,
    );
    assert_snapshot!(told, @"s.toml:2:1: error: the set knows no key `titel` (did you mean `title`? known here: schema, title, why, timezone, settings, chapters)");
}

#[test]
fn an_unknown_key_of_a_setting() {
    let told = told(r#"of = ["now", "never"], value"#, r#"fo = 1, of = ["now", "never"], value"#);
    assert_snapshot!(told, @"s.toml:7:26: error: setting `way` knows no key `fo` (known here: type, of, value, why)");
}

#[test]
fn an_unknown_key_of_a_chapter() {
    let told = told(
        r#"title = "Client""#,
        r#"title = "Client"
wy = "x""#,
    );
    assert_snapshot!(told, @"s.toml:12:1: error: chapter `client` knows no key `wy` (known here: id, title, rules)");
}

#[test]
fn an_unknown_key_of_a_rule() {
    let told = told(
        r#"title = "New""#,
        r#"title = "New"
roww = "A02""#,
    );
    assert_snapshot!(told, @"s.toml:15:1: error: rule `client/new` knows no key `roww` (did you mean `row`? known here: id, row, title, why, when, do, default)");
}

#[test]
fn an_unknown_fact() {
    let told = told(r#"client = "unknown", settings"#, r#"clint = "unknown", settings"#);
    assert_snapshot!(told, @"s.toml:16:30: error: `when` of rule `client/new` knows no key `clint` (did you mean `client`? known here: event, direction, client, deal, owner, answered_by, number, voicemail, length, line, settings)");
}

#[test]
fn an_unknown_word_of_a_fact() {
    let told = told(r#"event = "answered""#, r#"event = "answerd""#);
    assert_snapshot!(told, @"s.toml:16:18: error: `answerd` is no word of `event` (did you mean `answered`? known here: ringing, answered, missed, ended, recorded, voicemail, unreached, callback_requested, callback_failed, callback_client_unreached)");
}

#[test]
fn an_unknown_word_in_a_list_of_them() {
    let told = told(r#"event = "missed""#, r#"event = ["missed", "mised"]"#);
    assert_snapshot!(told, @"s.toml:25:29: error: `mised` is no word of `event` (did you mean `missed`? known here: ringing, answered, missed, ended, recorded, voicemail, unreached, callback_requested, callback_failed, callback_client_unreached)");
}

#[test]
fn an_unknown_action() {
    let told = told(r#"do = "contact""#, r#"do = "contct""#);
    assert_snapshot!(told, @r#"
    s.toml:8:38: warning: the setting `list` is used by no rule (use it as $name, or take it out)
    s.toml:18:12: error: `contct` is no action (did you mean `contact`?)
    "#);
}

#[test]
fn an_unknown_key_of_an_action() {
    let told = told(r#"title = "Call", owner"#, r#"title = "Call", ownr = "admin", owner"#);
    assert_snapshot!(told, @"s.toml:19:36: error: `deal` knows no key `ownr` (did you mean `owner`? known here: do, delay, title, owner, pipeline, stage, tags, fields, carry)");
}

#[test]
fn an_unknown_type_of_a_setting() {
    let told = told(r#"type = "employees""#, r#"type = "employes""#);
    assert_snapshot!(told, @"s.toml:8:17: error: `employes` is no type of a setting (did you mean `employees`? known here: choice, flag, duration, time, text, texts, fields, employee, employees, who, due)");
}

#[test]
fn an_unknown_setting_as_a_value() {
    let told = told("$list", "$lst");
    assert_snapshot!(told, @r#"
    s.toml:8:38: warning: the setting `list` is used by no rule (use it as $name, or take it out)
    s.toml:18:75: error: there is no setting `lst` (did you mean `list`? known here: admin, way, list)
    "#);
}

#[test]
fn an_unknown_setting_in_when() {
    let told = told("settings = { way", "settings = { wya");
    assert_snapshot!(told, @r#"
    s.toml:7:57: warning: the setting `way` is used by no rule (use it as $name, or take it out)
    s.toml:16:63: error: there is no setting `wya` (known here: admin, way, list)
    "#);
}

#[test]
fn an_unknown_word_for_a_person() {
    let told = told(r#"["answerer", "$list"]"#, r#"["anserer", "$list"]"#);
    assert_snapshot!(told, @r#"s.toml:18:63: error: `anserer` is nobody (did you mean `answerer`? known here: answerer, last_speaker, caller, deal_owner, client_owner, owner, first_on_line, admin, nobody; an employee is named by id or extension, such as "101")"#);
}

#[test]
fn an_unknown_closed_word_of_an_action() {
    let told = told(r#"on = "client", text"#, r#"on = "clients", text"#);
    assert_snapshot!(told, @"s.toml:26:42: error: `clients` is no thing to put it on (did you mean `client`? known here: client, deal)");
}

#[test]
fn an_unknown_word_of_a_template() {
    let told = told("{{ name or number }}", "{{ name or nmber }}");
    assert_snapshot!(told, @"s.toml:18:42: error: templates know no word `nmber` (did you mean `number`?)");
}

#[test]
fn an_unknown_time_zone() {
    let told = told("Europe/Moscow", "Europe/Moskow");
    assert_snapshot!(told, @"s.toml:4:12: error: no time zone is called `Europe/Moskow` (did you mean `Europe/Moscow`?)");
}

#[test]
fn a_value_of_the_wrong_type() {
    let told = told(r#"title = "Base""#, "title = 1");
    assert_snapshot!(told, @"s.toml:2:9: error: `title` of the set must be a text in quotes, not a number");
}

#[test]
fn a_rule_that_does_no_list() {
    let told = told("do = []", r#"do = "nothing""#);
    assert_snapshot!(told, @"s.toml:30:6: error: `do` of rule `client/otherwise` must be a list, not a text");
}

#[test]
fn a_when_that_is_no_table() {
    let told = told(r#"when = { event = "missed", client = "known" }"#, r#"when = "missed""#);
    assert_snapshot!(told, @"s.toml:25:8: error: `when` of rule `client/missed` must be a table, not a text");
}

#[test]
fn an_action_that_is_no_table() {
    let told = told("do = []", r#"do = ["note"]"#);
    assert_snapshot!(told, @r#"s.toml:30:7: error: an action must be a table, not a text (write it as { do = "…" })"#);
}

#[test]
fn a_default_that_is_no_flag() {
    let told = told("default = true", r#"default = "yes""#);
    assert_snapshot!(told, @r#"
    s.toml:9:1: error: chapter `client` has no default (add last: [[chapters.rules]] with id = "otherwise", default = true, do = [])
    s.toml:27:1: error: rule `client/otherwise` has no `title` (say it in a few words: it is shown where the rule is explained)
    s.toml:27:1: error: rule `client/otherwise` has no `why` (say it in a few words: it is shown where the rule is explained)
    s.toml:27:1: error: rule `client/otherwise` has no `when` (say when it goes, or write default = true where it is the last one)
    s.toml:29:11: error: `default` of rule `client/otherwise` must be true or false, not a text
    "#);
}

#[test]
fn a_list_with_something_that_is_no_text() {
    let told = told(r#"event = "missed""#, r#"event = ["missed", 1]"#);
    assert_snapshot!(told, @"s.toml:25:29: error: `event` must hold texts, not a number (put it in quotes)");
}

#[test]
fn a_person_who_is_a_number() {
    let told = told(r#"owner = "admin""#, "owner = 101");
    assert_snapshot!(told, @"s.toml:19:44: error: `owner` of `deal` must be a word or a list of words, not a number");
}

#[test]
fn a_duration_without_quotes() {
    let told = told(r#"due = "1h""#, "due = 3600");
    assert_snapshot!(told, @r#"s.toml:26:95: error: `due` of `task` must be a time such as "3600s" or a table such as { end_of_day = "19:00" }, not a number"#);
}
