//! The built-in rule sets as they are shipped: nothing to complain of, every rule reached by a
//! test beside its set, every row carried out by a rule and shown by a test, every value of a
//! setting tried.

use std::collections::{BTreeMap, BTreeSet};

use dozvon::core::action::{Action, Recipients};
use dozvon::core::case::{Case, Event, Known};
use dozvon::core::facts::Direction;
use dozvon::core::ids::CallId;
use dozvon::core::staff::{Employee, Staff, Status};
use dozvon::rules::RuleSet;
use dozvon::rules::set::BUILTIN;
use dozvon::rules::set::suite::Suite;
use toml_edit::{Document, Item, TableLike};

/// The rows each set carries out. A04 and A05, A14 and A15, A18 and A19 are the way of a call or
/// of a callback; D01 and E01, E09 to E11 and E15 are no rules either.
const ROWS: [(&str, &[&str]); 5] = [
    (
        "amocrm-classic",
        &[
            "A01", "A02", "A03", "A06", "A07", "A08", "A09", "A10", "A11", "A12", "A13", "A16",
            "A17", "A20",
        ],
    ),
    (
        "retailcrm-matrix",
        &["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B09", "B10", "B11"],
    ),
    ("sipuni", &["C01", "C02", "C03", "C04", "C05", "C06", "C07", "C08"]),
    ("keycrm", &["D02", "D03", "D04", "D05"]),
    ("comagic", &["E02", "E03", "E04", "E05", "E06", "E07", "E08", "E12", "E13", "E14", "E16"]),
];

/// Rules of a set, or its tests, with the rows each names.
struct Named {
    name: String,
    rows: Vec<String>,
    default: bool,
}

fn list<'t>(table: &'t dyn TableLike, key: &str) -> Vec<&'t dyn TableLike> {
    match table.get(key) {
        Some(Item::ArrayOfTables(tables)) => tables.iter().map(|t| t as &dyn TableLike).collect(),
        None => Vec::new(),
        other => panic!("`{key}` is {other:?}"),
    }
}

fn named(table: &dyn TableLike, key: &str) -> Named {
    let rows = table.get("row").and_then(Item::as_array);
    Named {
        name: table.get(key).and_then(Item::as_str).unwrap().to_owned(),
        rows: rows.into_iter().flatten().map(|row| row.as_str().unwrap().to_owned()).collect(),
        default: table.get("default").is_some(),
    }
}

fn rules(text: &str) -> Vec<Named> {
    let document = Document::parse(text).unwrap();
    let chapters = list(document.as_table(), "chapters");
    chapters.into_iter().flat_map(|c| list(c, "rules")).map(|rule| named(rule, "id")).collect()
}

fn tests(text: &str) -> Vec<Named> {
    let document = Document::parse(text).unwrap();
    list(document.as_table(), "tests").into_iter().map(|test| named(test, "name")).collect()
}

fn rows(all: &[Named]) -> BTreeSet<&str> {
    all.iter().flat_map(|named| &named.rows).map(String::as_str).collect()
}

#[test]
fn every_built_in_set_is_without_a_mistake_or_a_warning() {
    assert_eq!(BUILTIN.len(), ROWS.len());
    for builtin in BUILTIN {
        let set = match RuleSet::builtin(builtin.name).unwrap() {
            Ok(set) => set,
            Err(error) => panic!("{}: {}", builtin.name, error.lines().join("\n")),
        };
        let warnings: Vec<String> = set.warnings().iter().map(ToString::to_string).collect();
        assert!(warnings.is_empty(), "{}: {}", builtin.name, warnings.join("\n"));
    }
}

#[test]
fn the_tests_beside_every_set_pass_and_reach_every_rule() {
    for builtin in BUILTIN {
        let report = match Suite::builtin(builtin.name).unwrap().run() {
            Ok(report) => report,
            Err(error) => panic!("{}: {}", builtin.name, error.lines().join("\n")),
        };
        let failures: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
        assert!(failures.is_empty(), "{}", failures.join("\n"));
        assert!(report.tests >= 25, "{} has {} tests", builtin.name, report.tests);
        let missed: Vec<&str> = report.unreached().map(|(rule, _)| rule).collect();
        assert!(missed.is_empty(), "{}: no test reaches {missed:?}", builtin.name);
    }
}

#[test]
fn every_row_is_named_by_a_rule_and_by_a_test() {
    for (name, wanted) in ROWS {
        let builtin = BUILTIN.iter().find(|set| set.name == name).unwrap();
        let (rules, tests) = (rules(builtin.text), tests(builtin.tests));
        let wanted: BTreeSet<&str> = wanted.iter().copied().collect();
        let unruled: Vec<_> = wanted.difference(&rows(&rules)).copied().collect();
        assert!(unruled.is_empty(), "{name}: no rule carries out {unruled:?}");
        let unshown: Vec<_> = rows(&rules).union(&wanted).copied().collect();
        let unshown: Vec<_> = unshown.into_iter().filter(|r| !rows(&tests).contains(r)).collect();
        assert!(unshown.is_empty(), "{name}: no test shows {unshown:?}");
        for rule in &rules {
            assert!(
                rule.default || !rule.rows.is_empty(),
                "{name}: rule {} names no row",
                rule.name
            );
        }
        for test in &tests {
            assert!(!test.rows.is_empty(), "{name}: test `{}` names no row", test.name);
        }
    }
}

#[test]
fn every_setting_is_tried_with_each_of_its_values() {
    for builtin in BUILTIN {
        let (set, tests) = (Document::parse(builtin.text), Document::parse(builtin.tests));
        let (set, tests) = (set.unwrap(), tests.unwrap());
        let mut tried: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for test in list(tests.as_table(), "tests") {
            let settings = test.get("settings").and_then(Item::as_table_like);
            for (name, value) in settings.into_iter().flat_map(TableLike::iter) {
                tried.entry(name.to_owned()).or_default().insert(value.to_string().trim().into());
            }
        }
        let settings = set.get("settings").and_then(Item::as_table_like).unwrap();
        for (name, setting) in settings.iter() {
            let setting = setting.as_table_like().unwrap();
            let mut values = tried.remove(name).unwrap_or_default();
            assert!(!values.is_empty(), "{}: no test changes the setting `{name}`", builtin.name);
            // Tests that leave it alone try what is said for all of them.
            let pinned = tests.get("settings").and_then(|settings| settings.get(name)).unwrap();
            values.insert(pinned.to_string().trim().to_owned());
            let of = match setting.get("type").and_then(Item::as_str) {
                Some("choice") => {
                    let of = setting.get("of").and_then(Item::as_array).unwrap();
                    of.iter().map(|word| format!("\"{}\"", word.as_str().unwrap())).collect()
                }
                Some("flag") => vec!["true".to_owned(), "false".to_owned()],
                _ => continue,
            };
            let untried: Vec<_> = of.iter().filter(|word| !values.contains(*word)).collect();
            assert!(untried.is_empty(), "{}: no test tries {name} = {untried:?}", builtin.name);
        }
    }
}

#[test]
fn a_company_changes_the_head_of_a_set_and_its_tests_still_hold() {
    let changes = [
        ("timezone = \"Europe/Moscow\"", "timezone = \"Asia/Yekaterinburg\""),
        ("timezone = \"Europe/Kyiv\"", "timezone = \"Asia/Yekaterinburg\""),
        ("value = \"101\"", "value = \"104\""),
        ("value = [\"101\"]", "value = []"),
        ("value = \"3600s\"", "value = \"10m\""),
        ("value = { end_of_day = \"19:00\" }", "value = \"10m\""),
        ("value = \"at_answer\"", "value = \"before_answer\""),
        ("value = \"contact_and_deal\"", "value = \"contact\""),
        ("value = \"by_hand\"", "value = \"from_calls\""),
        ("value = false", "value = true"),
        ("communication_time = \"{{ at }}\"", ""),
    ];
    for builtin in BUILTIN {
        let mut suite = Suite::builtin(builtin.name).unwrap();
        let text =
            changes.iter().fold(suite.set.1.clone(), |text, (old, new)| text.replace(old, new));
        assert_ne!(text, suite.set.1, "{}", builtin.name);
        suite.set.1 = text;
        let report = match suite.run() {
            Ok(report) => report,
            Err(error) => panic!("{}: {}", builtin.name, error.lines().join("\n")),
        };
        let failures: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    }
}

#[test]
fn tests_pin_every_setting() {
    for builtin in BUILTIN {
        let (set, tests) = (Document::parse(builtin.text), Document::parse(builtin.tests));
        let (set, tests) = (set.unwrap(), tests.unwrap());
        let names = |document: &Document<&str>| -> BTreeSet<String> {
            let settings = document.get("settings").and_then(Item::as_table_like).unwrap();
            settings.iter().map(|(name, _)| name.to_owned()).collect()
        };
        assert_eq!(names(&set), names(&tests), "{}", builtin.name);
        assert!(tests.get("timezone").is_some(), "{}", builtin.name);
    }
}

fn case(event: Event, direction: Direction) -> Case {
    let at = "2026-11-20T09:00:00Z".parse().unwrap();
    Case {
        call: CallId::new("call"),
        seq: 1,
        event,
        at,
        direction,
        line: None,
        line_number: None,
        number: dozvon::core::phone::Phone::parse("+79161234567", Default::default()).ok(),
        client: Known::Nobody,
        first: None,
        last: None,
        caller: None,
        rung: Vec::new(),
        started: at,
        answered: None,
        ended: None,
        talked: 0,
        outcome: None,
        recording: None,
        voicemail: None,
        fields: BTreeMap::new(),
        name: None,
        comment: None,
    }
}

fn staff(gone: &str) -> Staff {
    Staff::new(["101", "102", "103"].map(|id| Employee {
        id: id.into(),
        name: format!("Employee {id}"),
        numbers: Vec::new(),
        groups: Vec::new(),
        deputy: None,
        status: if id == gone { Status::Gone } else { Status::Active },
        online: None,
    }))
}

#[test]
fn e02_calls_between_employees_lead_to_nothing_in_any_set() {
    for builtin in BUILTIN {
        let set = RuleSet::builtin(builtin.name).unwrap().unwrap();
        for event in
            [Event::Ringing, Event::Answered, Event::Ended, Event::Recorded, Event::Unreached]
        {
            let ruling = set.judge(&case(event, Direction::Internal), &staff(""));
            assert_eq!((ruling.rules, ruling.actions), (vec![], vec![]), "{}", builtin.name);
        }
    }
}

#[test]
fn e14_the_administrator_stands_in_for_a_configured_owner_who_is_gone_and_it_is_said() {
    let comagic = BUILTIN.iter().find(|set| set.name == "comagic").unwrap();
    let head = "[settings.responsible]\ntype = \"employee\"\nvalue = ";
    let text = comagic.text.replace(&format!("{head}\"101\""), &format!("{head}\"103\""));
    let set = RuleSet::parse("comagic.toml", &text).unwrap();
    let owners = |gone| {
        let ruling = set.judge(&case(Event::Missed, Direction::Inbound), &staff(gone));
        let owner = |action: &Action| match action {
            Action::Contact { owner, .. }
            | Action::Deal { owner, .. }
            | Action::Task { owner, .. }
            | Action::ChangeOwner { to: owner, .. } => Some(owner.to_string()),
            _ => None,
        };
        let owners: Vec<String> = ruling.actions.iter().filter_map(|a| owner(&a.action)).collect();
        (owners, ruling.notes)
    };
    let (here, notes) = owners("");
    assert_eq!(here, ["103"; 4]);
    assert!(notes.is_empty(), "{notes:?}");
    let (here, notes) = owners("103");
    assert_eq!(here, ["101"; 4]);
    assert!(notes.iter().any(|note| note.contains("103") && note.contains("E14")), "{notes:?}");
}

#[test]
fn a08_everybody_means_everybody() {
    // The only recipients that are no list: a slip here would notify the wrong crowd.
    let everybody = |name: &str, event| {
        let set = RuleSet::builtin(name).unwrap().unwrap();
        let ruling = set.judge(&case(event, Direction::Inbound), &staff(""));
        ruling.actions.iter().any(|planned| {
            matches!(&planned.action, Action::Notify { to: Recipients::Everybody, .. })
        })
    };
    assert!(everybody("retailcrm-matrix", Event::Missed), "B03");
    assert!(!everybody("amocrm-classic", Event::Missed), "A07");
    assert!(!everybody("comagic", Event::Ringing), "E12");
}
