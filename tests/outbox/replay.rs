//! Yesterday's journal before other rules.

use assert_cmd::Command;
use dozvon::core::case::{Clerk, Event, Known};
use dozvon::core::facts::Direction;
use dozvon::outbox::entry::State;

use crate::house::{ANNA, House, case, note};

/// Notes every end, and nothing else.
const OTHER: &str = r#"
schema = 1
title = "Other rules"
why = "to compare with"
timezone = "Europe/Moscow"

[settings.admin]
type = "employee"
value = "101"
why = "E14"

[[chapters]]
id = "notes"
title = "Notes"

[[chapters.rules]]
id = "end"
row = ["A01"]
title = "A talk is noted"
why = "to compare with"
when = { event = "ended" }
do = [{ do = "note", on = "client", text = "{{ 'kept' }}" }]

[[chapters.rules]]
id = "otherwise"
title = "Nothing else"
why = "to compare with"
default = true
do = []
"#;

#[test]
fn what_other_rules_would_have_done_is_shown_case_by_case_and_nothing_is_sent() {
    let house = House::new(|case| match case.event {
        Event::Ended => vec![note("kept")],
        _ => vec![note("dropped")],
    });
    let life = house.start();
    life.occurs("same", 1, Event::Ended, ANNA);
    life.occurs("other", 1, Event::Answered, ANNA);
    let mut internal = case("inside", 1, Event::Ended, "");
    (internal.direction, internal.client) = (Direction::Internal, Known::Nobody);
    life.outbox.occurred(internal);
    life.reach(State::Done, 2);
    life.execute("INSERT INTO journal (call, seq, at, event, direction, facts, hash, actions) VALUES ('old', 1, 0, 'ended', 'inbound', '{}', 'h', '[]')");
    let sent = house.crm.done().len();

    let rules = house.folder.path().join("other");
    std::fs::create_dir(&rules).unwrap();
    std::fs::write(rules.join("amocrm-classic.toml"), OTHER).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_dozvon"));
    command.current_dir(house.folder.path()).env("DOZVON_STORE__PATH", &house.path);
    let output = command.args(["replay", "--rules", "other", "--since", "24h"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}{errors}");
    assert!(
        text.contains("inbound answered of call other\n  - test/rule {\"do\":\"note\""),
        "{text}"
    );
    assert!(!text.contains("of call same") && !text.contains("inside"), "{text}");
    let sum = "2 cases, 1 would have been handled otherwise\nno more: 1 note\nnew: none\n";
    assert!(text.ends_with(sum), "{text}");
    assert_eq!((house.crm.done().len(), life.count(State::Done)), (sent, 2));
}
