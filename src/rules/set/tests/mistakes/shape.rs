//! Chapters and rules: a test for each kind.

use insta::assert_snapshot;

use super::told;

#[test]
fn a_chapter_without_a_default() {
    let told = told(
        "default = true",
        r#"title = "x"
why = "x"
when = { event = "ended" }"#,
    );
    assert_snapshot!(told, @r#"s.toml:9:1: error: chapter `client` has no default (add last: [[chapters.rules]] with id = "otherwise", default = true, do = [])"#);
}

#[test]
fn a_chapter_without_rules() {
    let told = told(
        r#"[[chapters.rules]]
id = "otherwise"
default = true
do = []
"#,
        r#"[[chapters.rules]]
id = "otherwise"
default = true
do = []
[[chapters]]
id = "more"
title = "More"
"#,
    );
    assert_snapshot!(told, @r#"s.toml:31:1: error: chapter `more` has no default (add last: [[chapters.rules]] with id = "otherwise", default = true, do = [])"#);
}

#[test]
fn a_rule_after_the_default() {
    let told = told(
        r#"[[chapters.rules]]
id = "otherwise"
default = true
do = []
"#,
        r#"[[chapters.rules]]
id = "otherwise"
default = true
do = []
[[chapters.rules]]
id = "late"
title = "x"
why = "x"
when = { event = "ended" }
do = []
"#,
    );
    assert_snapshot!(told, @"s.toml:31:1: error: rule `client/late` stands after the default of its chapter (the default is the last rule of its chapter)");
}

#[test]
fn a_second_default() {
    let told = told(
        r#"[[chapters.rules]]
id = "otherwise"
default = true
do = []
"#,
        r#"[[chapters.rules]]
id = "otherwise"
default = true
do = []
[[chapters.rules]]
id = "late"
default = true
do = []
"#,
    );
    assert_snapshot!(told, @"s.toml:31:1: error: chapter `client` has a second default (the default is the last rule of its chapter)");
}

#[test]
fn a_default_with_a_when() {
    let told = told(
        "default = true",
        r#"default = true
when = { event = "ended" }"#,
    );
    assert_snapshot!(told, @"s.toml:30:1: error: rule `client/otherwise` is the default and has a `when` (the default takes whatever is left: take `when` out)");
}

#[test]
fn two_chapters_with_one_id() {
    let told = told(
        r#"[[chapters.rules]]
id = "otherwise"
default = true
do = []
"#,
        r#"[[chapters.rules]]
id = "otherwise"
default = true
do = []
[[chapters]]
id = "client"
title = "Twice"
[[chapters.rules]]
id = "otherwise"
default = true
do = []
"#,
    );
    assert_snapshot!(told, @"s.toml:32:6: error: two chapters have the id `client` (give one of them another id)");
}

#[test]
fn two_rules_with_one_id() {
    let told = told(r#"id = "missed""#, r#"id = "new""#);
    assert_snapshot!(told, @"s.toml:22:6: error: two rules of the chapter have the id `new` (give one of them another id)");
}

#[test]
fn no_id() {
    let told = told(
        r#"id = "missed"
"#,
        "",
    );
    assert_snapshot!(told, @"s.toml:21:1: error: this rule has no `id` (a short word: tests and journal name it)");
}

#[test]
fn an_id_that_is_none() {
    let told = told(r#"id = "missed""#, r#"id = "missed call""#);
    assert_snapshot!(told, @"s.toml:22:6: error: `missed call` is no id (write letters, digits, - and _)");
}

#[test]
fn no_schema() {
    let told = told("schema = 1\n", "");
    assert_snapshot!(told, @"s.toml:1:1: error: the set has no `schema` (add schema = 1 as the first line)");
}

#[test]
fn another_schema() {
    let told = told("schema = 1", "schema = 2");
    assert_snapshot!(told, @"s.toml:1:10: error: this engine reads schema 1 only (write schema = 1)");
}

#[test]
fn no_title() {
    let told = told(
        r#"title = "Base"
"#,
        "",
    );
    assert_snapshot!(told, @"s.toml:1:1: error: the set has no `title` (say it in a few words: it is shown where the rule is explained)");
}

#[test]
fn no_why_of_a_rule() {
    let told = told(
        r#"why = "C05"
"#,
        "",
    );
    assert_snapshot!(told, @"s.toml:21:1: error: rule `client/missed` has no `why` (say it in a few words: it is shown where the rule is explained)");
}

#[test]
fn no_time_zone() {
    let told = told(
        r#"timezone = "Europe/Moscow"
"#,
        "",
    );
    assert_snapshot!(told, @r#"s.toml:1:1: error: the set has no `timezone` (add timezone = "Europe/Moscow": due dates and hours are counted in it)"#);
}

#[test]
fn no_when() {
    let told = told(
        r#"when = { event = "missed", client = "known" }
"#,
        "",
    );
    assert_snapshot!(told, @"s.toml:21:1: error: rule `client/missed` has no `when` (say when it goes, or write default = true where it is the last one)");
}

#[test]
fn no_do() {
    let told = told("do = []\n", "");
    assert_snapshot!(told, @"s.toml:27:1: error: rule `client/otherwise` has no `do` (write do = [] where nothing is to be done)");
}
