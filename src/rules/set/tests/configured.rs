//! The sets a configuration names.

use insta::assert_snapshot;

use crate::config::Rules;
use crate::core::staff::Staff;
use crate::rules::set::{BUILTIN, DealPlace, RuleSet, Sets};

fn small() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rules/small.toml").to_owned()
}

#[test]
fn without_a_word_in_the_configuration_it_is_amocrm_classic() {
    let sets = Sets::load(&Rules::default()).unwrap();
    assert_eq!(sets.for_line(None).name(), "amocrm-classic");
    assert_eq!(sets.all().len(), 1);
    assert!(sets.shadow().is_none());
}

#[test]
fn a_line_may_have_a_set_of_its_own_and_one_runs_in_the_shadow() {
    let mut rules = Rules { set: "sipuni".into(), shadow: Some(small()), ..Rules::default() };
    rules.lines.insert("moscow".into(), "comagic".into());
    rules.lines.insert("spb".into(), "sipuni".into());
    let sets = Sets::load(&rules).unwrap();
    assert_eq!(sets.for_line(Some("moscow")).name(), "comagic");
    assert_eq!(sets.for_line(Some("spb")).name(), "sipuni");
    assert_eq!(sets.for_line(Some("other")).name(), "sipuni");
    assert_eq!(sets.for_line(None).name(), "sipuni");
    assert_eq!(sets.shadow().map(|set| set.name()), Some("small"));
    assert_eq!(sets.all().len(), 3);
    assert_eq!(sets.lines().collect::<Vec<_>>(), ["moscow", "spb"]);
}

#[test]
fn every_wrong_name_is_told_with_the_nearest_right_one() {
    let mut rules = Rules { set: "amocrm-clasic".into(), ..Rules::default() };
    rules.lines.insert("moscow".into(), "sipunni".into());
    rules.shadow = Some("no/such.toml".into());
    let told = Sets::load(&rules).unwrap_err().lines().join("\n");
    assert_snapshot!(told, @r#"
    `rules.set`: there is no rule set `amocrm-clasic` (did you mean `amocrm-classic`? known here: amocrm-classic, comagic, keycrm, retailcrm-matrix, sipuni)
    `rules.lines.moscow`: there is no rule set `sipunni` (did you mean `sipuni`? known here: amocrm-classic, comagic, keycrm, retailcrm-matrix, sipuni)
    the rules in no/such.toml cannot be read: No such file or directory (os error 2)
    "#);
}

#[test]
fn a_set_whose_own_tests_fail_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("mine.toml");
    std::fs::write(&set, super::BASE).unwrap();
    let test = "[[tests]]\nname = \"t\"\ncase = { event = \"ended\", first = \"101\" }\nrules = { client = \"new\" }\nactions = []\n";
    std::fs::write(folder.path().join("mine.test.toml"), test).unwrap();
    let rules = Rules { set: set.display().to_string(), ..Rules::default() };
    let error = Sets::load(&rules).unwrap_err();
    let told = error.lines().join("\n");
    assert!(
        told.ends_with(
            "mine.test.toml:1:1: error: the test `t` fails: expected rule client/new, found client/otherwise"
        ),
        "{told}"
    );
}

#[test]
fn a_built_in_set_is_found_by_its_name_only() {
    assert!(RuleSet::builtin("sipuni").unwrap().is_ok());
    assert!(RuleSet::builtin("sipuni.toml").is_none());
    assert_eq!(BUILTIN.len(), 5);
}

#[test]
fn whom_a_set_names_and_nobody_is_is_told_where_the_staff_is_known() {
    let text = super::changed("owner = \"owner\", due", "owner = [\"owner\", \"77\"], due");
    let set = RuleSet::parse("s.toml", &text).unwrap();
    let told: Vec<String> =
        set.check_staff(&Staff::default()).iter().map(ToString::to_string).collect();
    assert_snapshot!(told.join("\n"), @r#"
    s.toml:6: setting `admin`: nobody has the id or extension `106`; put another administrator there (E14)
    s.toml:8: setting `list`: nobody has the id or extension `101`; the administrator stands in (E14)
    s.toml:26: rule `client/missed`: nobody has the id or extension `77`; the administrator stands in (E14)
    "#);
}

#[test]
fn places_for_deals_are_named_once_each_and_only_where_the_settings_let_them_happen() {
    let deals = r#"{ do = "deal", title = "Call", owner = "admin", pipeline = "B2B", stage = "new" },
    { do = "deal", title = "Call", owner = "admin", pipeline = "B2B", stage = "new" },
    { do = "deal", title = "Call", owner = "admin", pipeline = "{{ fields.place or line }}" },
    { do = "unsorted", kind = "call", title = "Call", name = "", pipeline = "Inbox" },
    { do = "accept_unsorted", owner = "admin", stage = "won" },"#;
    let text = super::changed(r#"{ do = "deal", title = "Call", owner = "admin" },"#, deals);
    let told = |text: &str| -> Vec<String> {
        let set = RuleSet::parse("s.toml", text).unwrap_or_else(|e| panic!("{:?}", e.lines()));
        let place = |p: DealPlace| format!("{} {:?} {:?} {}", p.by, p.pipeline, p.stage, p.inbox);
        set.deal_places().into_iter().map(place).collect()
    };
    assert_snapshot!(told(&text).join("\n"), @r#"
    s.toml:19: rule `client/new` Some("B2B") Some("new") false
    s.toml:22: rule `client/new` Some("Inbox") None true
    s.toml:23: rule `client/new` None Some("won") true
    "#);
    let never = text.replacen("value = \"now\"", "value = \"never\"", 1);
    assert_eq!(told(&never), Vec::<String>::new());
}

#[test]
fn a_line_that_routing_does_not_know_is_told() {
    let text =
        super::changed("event = \"missed\"", "line = [\"moscw\", \"main\"], event = \"missed\"");
    let set = RuleSet::parse("s.toml", &text).unwrap();
    let routing = crate::rules::Routing::default_rules().unwrap();
    let told: Vec<String> = set.check_lines(&routing).iter().map(ToString::to_string).collect();
    assert_snapshot!(told.join("\n"), @"s.toml:25: no line of built-in routing.toml is called `moscw` (known here: main)");
}
