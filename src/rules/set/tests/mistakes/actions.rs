//! Actions and texts: a test for each kind.

use insta::assert_snapshot;

use super::told;

#[test]
fn an_action_that_does_not_say_what() {
    let told = told(r#"do = "deal", "#, "");
    assert_snapshot!(told, @r#"s.toml:19:5: error: an action has no `do` (say what to do: { do = "note", … })"#);
}

#[test]
fn a_deal_without_a_title() {
    let told = told(r#"title = "Call", "#, "");
    assert_snapshot!(told, @r#"s.toml:19:5: error: `deal` has no `title` (write title = "…")"#);
}

#[test]
fn a_deal_without_an_owner() {
    let told = told(r#", owner = "admin""#, "");
    assert_snapshot!(told, @r#"s.toml:19:5: error: `deal` has no `owner` (name who is responsible, such as owner = "admin")"#);
}

#[test]
fn a_task_with_nobody_responsible() {
    let told = told(r#"owner = "owner", "#, "");
    assert_snapshot!(told, @r#"s.toml:26:7: error: this is a task with nobody responsible: it has no `owner` (name who is to do it, such as owner = ["client_owner", "admin"])"#);
}

#[test]
fn a_task_for_an_empty_list() {
    let told = told(r#"owner = "owner""#, "owner = []");
    assert_snapshot!(told, @r#"s.toml:26:80: error: `owner` of `task` names nobody (name somebody, such as "admin")"#);
}

#[test]
fn a_task_that_is_never_due() {
    let told = told(r#", due = "1h""#, "");
    assert_snapshot!(told, @r#"s.toml:26:7: error: `task` has no `due` (write due = "3600s" or { end_of_day = "19:00" }; a task that is done needs none)"#);
}

#[test]
fn a_task_without_a_kind() {
    let told = told(r#"kind = "back", "#, "");
    assert_snapshot!(told, @r#"s.toml:26:7: error: `task` has no `kind` (a word of your own, such as kind = "callback": by it a second one is known)"#);
}

#[test]
fn a_notification_to_nobody() {
    let told = told("do = []", r#"do = [{ do = "notify", to = [], text = "x" }]"#);
    assert_snapshot!(told, @r#"s.toml:30:29: error: `to` of `notify` names nobody (name somebody, such as "admin")"#);
}

#[test]
fn a_notification_without_anybody() {
    let told = told("do = []", r#"do = [{ do = "notify", text = "x" }]"#);
    assert_snapshot!(told, @r#"s.toml:30:7: error: `notify` has no `to` (name somebody, such as to = "answerer" or "everybody")"#);
}

#[test]
fn a_fact_without_a_word() {
    let told = told(r#"event = "missed""#, "event = []");
    assert_snapshot!(told, @"s.toml:25:10: error: `event` names no word: nothing can match (leave the key out to match all)");
}

#[test]
fn a_template_that_is_none() {
    let told = told("{{ name or number }}", "{{ name or }}");
    assert_snapshot!(told, @"s.toml:18:42: error: this text is no template: unexpected end of variable block (write {{ word }}, {{ word or other }} or {% if word %}…{% endif %})");
}

#[test]
fn a_template_that_is_not_closed() {
    let told = told("{{ name or number }}", "{% if name %}{{ name }}");
    assert_snapshot!(told, @"s.toml:18:52: error: this text is no template: unexpected end of input, expected end of block (write {{ word }}, {{ word or other }} or {% if word %}…{% endif %})");
}

#[test]
fn a_filter() {
    let told = told("{{ name or number }}", "{{ name | upper }}");
    assert_snapshot!(told, @"s.toml:18:41: error: this text cannot be made: filter upper is unknown (words can be printed, joined by `or`, and asked for by `if`)");
}

#[test]
fn a_function() {
    let told = told("{{ name or number }}", "{{ range(9) }}");
    assert_snapshot!(told, @"s.toml:18:34: error: templates know no word `range` (known words: number, name, company, line, line_number, direction, event, call, at, answerer, last_speaker, caller, owner, deal, talked, duration, recording, voicemail, comment, result, fields)");
}

#[test]
fn a_word_with_parts() {
    let told = told("{{ name or number }}", "{{ name.first }}");
    assert_snapshot!(told, @"s.toml:18:34: error: the word `name` has no parts (only `fields` has names in it)");
}

#[test]
fn fields_without_a_name() {
    let told = told("{{ name or number }}", "{{ fields }}");
    assert_snapshot!(told, @"s.toml:18:34: error: `fields` is no text (name one of them: {{ fields.utm_source }})");
}

#[test]
fn a_body_that_is_no_json() {
    let told = told(
        "do = []",
        r#"do = [{ do = "webhook", url = "https://x", body = '{"phone": "{{ number }}"}' }]"#,
    );
    assert_snapshot!(told, @r#"s.toml:30:51: error: this comes out as no JSON: expected `,` or `}` at line 1 column 13 (a word brings its own quotes here: {"phone": {{ number }}})"#);
}

#[test]
fn nobody_who_is_not_the_end_of_a_list() {
    for list in [r#"["nobody", "owner"]"#, r#""nobody""#] {
        let told = told(r#"owner = "owner""#, &format!("owner = {list}"));
        assert!(told.contains("error: `nobody` in `owner` of `task` is not the end of a list (it stands last, behind those who are wanted: [\"answerer\", \"nobody\"])"), "{told}");
    }
}

#[test]
fn nobody_as_the_owner_of_a_deal() {
    let told = told(
        r#"title = "Call", owner = "admin""#,
        r#"title = "Call", owner = ["answerer", "nobody"]"#,
    );
    assert_snapshot!(told, @r#"s.toml:19:44: error: `nobody` cannot be the owner of `deal` (end the list with somebody, such as "admin")"#);
}
