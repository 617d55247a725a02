//! Rules that can never match, and combinations that are left to a default.

use insta::assert_snapshot;

use super::{BASE, RuleSet, lines};

/// A chapter with these rules, each with what it asks for.
fn chapter(rules: &[(&str, &str)]) -> String {
    let mut text = format!("{BASE}[[chapters]]\nid = \"more\"\ntitle = \"More\"\n");
    for (id, when) in rules {
        text.push_str(&format!(
            "[[chapters.rules]]\nid = \"{id}\"\ntitle = \"t\"\nwhy = \"w\"\nwhen = {{ {when} }}\ndo = []\n"
        ));
    }
    text + "[[chapters.rules]]\nid = \"otherwise\"\ndefault = true\ndo = []\n"
}

fn told(rules: &[(&str, &str)]) -> String {
    lines(&chapter(rules))
}

fn left(rules: &[(&str, &str)]) -> String {
    let set = RuleSet::parse("s.toml", &chapter(rules)).unwrap();
    let left = set.left_to_default().into_iter().find(|left| left.chapter == "more");
    left.map(|left| left.combinations.join("\n")).unwrap_or_default()
}

#[test]
fn one_rule_takes_all() {
    let told =
        told(&[("a", "event = \"missed\""), ("b", "event = \"missed\", client = \"known\"")]);
    assert_snapshot!(told, @"s.toml:40:1: error: rule `more/b` can never match: `more/a` takes all that it could (put it before, make what stands before narrower, or take it out)");
}

#[test]
fn several_rules_together_take_all_and_the_needless_one_is_not_named() {
    let told = told(&[
        ("open", "event = \"missed\", deal = \"open\""),
        ("known", "event = \"missed\", client = \"known\""),
        ("unknown", "event = \"missed\", client = \"unknown\""),
        ("b", "event = \"missed\", direction = \"inbound\""),
    ]);
    assert_snapshot!(told, @"s.toml:52:1: error: rule `more/b` can never match: `more/known` and `more/unknown` take all that it could (put it before, make what stands before narrower, or take it out)");
}

#[test]
fn rules_that_differ_by_a_setting_are_both_right_under_their_own_value() {
    let told = told(&[
        ("now", "event = \"missed\", settings = { way = \"now\" }"),
        ("never", "event = \"missed\", settings = { way = \"never\" }"),
    ]);
    assert_eq!(told, "");
}

#[test]
fn every_value_of_a_setting_together_takes_all() {
    let told = told(&[
        ("now", "event = \"missed\", settings = { way = \"now\" }"),
        ("never", "event = \"missed\", settings = { way = \"never\" }"),
        ("late", "event = \"missed\", deal = \"open\""),
    ]);
    assert_snapshot!(told, @"s.toml:46:1: error: rule `more/late` can never match: `more/now` and `more/never` take all that it could (put it before, make what stands before narrower, or take it out)");
}

#[test]
fn a_missed_call_was_answered_by_nobody() {
    let told = told(&[("a", "event = \"missed\", answered_by = \"owner\", number = \"shown\"")]);
    assert_snapshot!(told, @"s.toml:34:1: error: rule `more/a` can never match: no case has event `missed`, answered_by `owner` (somebody answered before `answered`, `ended` and `recorded`, and nobody before the others)");
}

#[test]
fn an_unknown_client_has_no_deals() {
    assert_snapshot!(told(&[("a", "client = \"unknown\", deal = \"open\"")]), @"s.toml:34:1: error: rule `more/a` can never match: no case has client `unknown`, deal `open` (a client nobody knows has no deals)");
}

#[test]
fn an_unknown_client_has_no_owner() {
    assert_snapshot!(told(&[("a", "client = \"unknown\", answered_by = \"owner\"")]), @"s.toml:34:1: error: rule `more/a` can never match: no case has client `unknown`, answered_by `owner` (a client nobody knows has no owner)");
}

#[test]
fn a_withheld_number_is_nobodys() {
    assert_snapshot!(told(&[("a", "client = \"known\", number = \"withheld\"")]), @"s.toml:34:1: error: rule `more/a` can never match: no case has client `known`, number `withheld` (a number that is withheld belongs to nobody we know)");
}

#[test]
fn only_an_outbound_call_is_unreached() {
    assert_snapshot!(told(&[("a", "event = \"unreached\", direction = \"inbound\"")]), @"s.toml:34:1: error: rule `more/a` can never match: no case has event `unreached`, direction `inbound` (`missed` and `voicemail` are inbound, `unreached` is outbound)");
}

#[test]
fn a_talk_is_short_at_its_end() {
    let text = chapter(&[("a", "event = \"answered\", length = \"short\"")]);
    let setting = "[settings]\nshort_call = { type = \"duration\", value = \"5s\", why = \"E16\" }";
    assert_snapshot!(lines(&text.replacen("[settings]", setting, 1)), @"s.toml:35:1: error: rule `more/a` can never match: no case has event `answered`, length `short` (a talk is short or long at its end: `ended` and `recorded`)");
}

#[test]
fn only_as_many_facts_are_named_as_it_takes() {
    let when = "event = [\"ringing\", \"unreached\"], direction = \"inbound\", answered_by = [\"owner\", \"other\"]";
    assert_snapshot!(told(&[("a", when)]), @"s.toml:34:1: error: rule `more/a` can never match: no case has event `ringing` or `unreached`, answered_by `owner` or `other` (somebody answered before `answered`, `ended` and `recorded`, and nobody before the others)");
}

#[test]
fn what_is_left_to_the_default_is_told_in_few_lines() {
    let left = left(&[
        ("a", "event = \"missed\", client = \"known\""),
        ("b", "event = \"answered\", answered_by = [\"owner\", \"other\"]"),
        ("c", "event = [\"ringing\", \"ended\", \"recorded\", \"voicemail\"]"),
        ("d", "direction = [\"outbound\", \"callback\"]"),
    ]);
    assert_snapshot!(left, @r#"
    event any but `ringing`, `ended`, `recorded` and `voicemail`, direction `inbound`, client `unknown`, answered_by `owner`, `unlisted` or `nobody`
    event `answered`, `unreached`, `callback_requested`, `callback_failed` or `callback_client_unreached`, direction `inbound`, answered_by `unlisted` or `nobody`
    "#);
}

#[test]
fn what_is_left_counts_under_the_settings_in_force() {
    let rules = |value: &str| {
        let when = format!(
            "direction = [\"inbound\", \"outbound\", \"callback\"], settings = {{ way = \"{value}\" }}"
        );
        left(&[("a", &when)])
    };
    assert_eq!(rules("now"), "");
    assert_eq!(rules("never"), "everything");
}

#[test]
fn lines_that_rules_name_are_told_from_all_others() {
    let left = left(&[("a", "line = [\"moscow\", \"spb\"]")]);
    assert_snapshot!(left, @"line any other");
}

#[test]
fn d02_who_has_no_owner_is_answered_by_none() {
    assert_snapshot!(told(&[("a", "owner = \"nobody\", answered_by = \"owner\"")]), @"s.toml:34:1: error: rule `more/a` can never match: no case has owner `nobody`, answered_by `owner` (where nobody is the owner, no owner answers)");
    assert_snapshot!(told(&[("a", "client = \"unknown\", owner = \"somebody\"")]), @"s.toml:34:1: error: rule `more/a` can never match: no case has client `unknown`, owner `somebody` (a client nobody knows has no owner)");
}
