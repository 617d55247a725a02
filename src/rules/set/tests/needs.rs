//! Actions that need something that is not there.

use insta::assert_snapshot;

use super::told;

#[test]
fn c01_a_deal_without_its_contact() {
    let told = told(
        r#"    { do = "contact", name = "{{ name or number }}", owner = ["answerer", "$list"] },
"#,
        r#"    { do = "tag", on = "client", tags = "x" }, { do = "notify", to = "$list", text = "x" },
"#,
    );
    assert_snapshot!(told, @r#"
    s.toml:18:5: warning: rule `client/new` sets tags where there is no client: event `answered`, client `unknown`, setting way `now` (make a contact before it, or add client = "known")
    s.toml:19:5: error: rule `client/new` makes a deal without its contact where event `answered`, client `unknown`, setting way `now` (C01) (a deal has no phone number: it is bound to the contact, so put { do = "contact", … } before it)
    "#);
}

#[test]
fn c01_a_contact_after_its_deal() {
    let told = told(
        r#"    { do = "contact", name = "{{ name or number }}", owner = ["answerer", "$list"] },
    { do = "deal", title = "Call", owner = "admin" },
"#,
        r#"    { do = "deal", title = "Call", owner = "admin" },
    { do = "contact", name = "{{ name or number }}", owner = ["answerer", "$list"] },
"#,
    );
    assert_snapshot!(told, @r#"s.toml:18:5: error: rule `client/new` makes a deal without its contact where event `answered`, client `unknown`, setting way `now` (C01) (a deal has no phone number: it is bound to the contact, so put { do = "contact", … } before it)"#);
}

#[test]
fn c01_a_deal_where_the_client_may_be_unknown() {
    let told = told(
        r#"event = "missed", client = "known" }
do = ["#,
        r#"event = "missed" }
do = [{ do = "deal", title = "x", owner = "admin" }, "#,
    );
    assert_snapshot!(told, @r#"
    s.toml:26:7: error: rule `client/missed` makes a deal without its contact where event `missed`, client `unknown` (C01) (a deal has no phone number: it is bound to the contact, so put { do = "contact", … } before it)
    s.toml:26:54: warning: rule `client/missed` makes a task where there is no client: event `missed`, client `unknown` (make a contact before it, or add client = "known")
    "#);
}

#[test]
fn an_update_of_a_call_that_nobody_registers() {
    let told = told("do = []", r#"do = [{ do = "update_call" }]"#);
    assert_snapshot!(told, @r#"s.toml:30:7: error: rule `client/otherwise` updates a call that no rule of the set registers (add { do = "register_call", … } where the call is answered or missed)"#);
}

#[test]
fn an_unsorted_entry_accepted_that_nobody_makes() {
    let told = told(r#"do = "deal", title = "Call", owner"#, r#"do = "accept_unsorted", owner"#);
    assert_snapshot!(told, @r#"s.toml:19:5: warning: rule `client/new` accepts an Unsorted entry, and no rule of the set makes one (only entries that others made are accepted then; add { do = "unsorted", … } if this is not meant)"#);
}

#[test]
fn an_unsorted_entry_declined_that_nobody_makes() {
    let told = told("do = []", r#"do = [{ do = "decline_unsorted" }]"#);
    assert_snapshot!(told, @r#"s.toml:30:7: warning: rule `client/otherwise` declines an Unsorted entry, and no rule of the set makes one (only entries that others made are declined then; add { do = "unsorted", … } if this is not meant)"#);
}

#[test]
fn a_call_registered_as_answered_that_nobody_answered() {
    let told = told(
        r#"event = "missed", client = "known" }
do = ["#,
        r#"event = "missed", client = "known" }
do = [{ do = "register_call", result = "answered" }, "#,
    );
    assert_snapshot!(told, @r#"s.toml:26:7: error: rule `client/missed` registers a call as answered where event `missed`, client `known` (add answered_by = ["owner", "other", "unlisted"], or another result)"#);
}

#[test]
fn a_message_where_none_was_left() {
    let told = told(
        r#"event = "missed", client = "known" }
do = ["#,
        r#"event = "missed", client = "known" }
do = [{ do = "voicemail", on = "client" }, "#,
    );
    assert_snapshot!(told, @r#"s.toml:26:7: error: rule `client/missed` attaches a message where event `missed`, client `known`, voicemail `none` (no message was left there: add event = "voicemail" or voicemail = "left")"#);
}

#[test]
fn a_note_where_there_is_no_client() {
    let told = told(
        r#"event = "missed", client = "known" }
do = ["#,
        r#"event = "missed" }
do = [{ do = "note", on = "client", text = "x" }, "#,
    );
    assert_snapshot!(told, @r#"
    s.toml:26:7: warning: rule `client/missed` makes a note where there is no client: event `missed`, client `unknown` (make a contact before it, or add client = "known")
    s.toml:26:51: warning: rule `client/missed` makes a task where there is no client: event `missed`, client `unknown` (make a contact before it, or add client = "known")
    "#);
}

#[test]
fn an_owner_who_cannot_be_there() {
    let told = told(r#"owner = "owner", due"#, r#"owner = ["answerer", "caller"], due"#);
    assert_snapshot!(told, @r#"s.toml:26:7: warning: nobody whom `owner` names can be there in rule `client/missed`: it is always the administrator (name somebody who can, or write "admin")"#);
}
