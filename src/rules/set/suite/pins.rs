//! Values that tests go by instead of those at the head of the set: a company changes its head,
//! and the tests of the rules still hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use toml_edit::Item;

use super::Suite;
use crate::rules::parse_calendar;
use crate::rules::read::{At, Tab};
use crate::rules::set::RuleSet;
use crate::rules::set::cx::Cx;
use crate::rules::set::parse::{self, Overrides};
use crate::rules::words::suggest;

/// What a file of tests says for all of them.
pub(super) struct Pins<'a> {
    suite: &'a Suite,
    pub head: &'a Arc<RuleSet>,
    zone: Option<TimeZone>,
    settings: Option<Tab<'a>>,
    /// The set with it. `None`: there are mistakes, which are named.
    pinned: Option<Arc<RuleSet>>,
}

impl<'a> Pins<'a> {
    pub fn read(cx: &mut Cx, suite: &'a Suite, head: &'a Arc<RuleSet>, root: &Tab<'a>) -> Self {
        let zone = parse_calendar::zone(&mut cx.reader, root);
        if let Some(zone) = &zone {
            cx.zone = zone.clone();
        }
        let settings = cx.reader.table(root, "settings", "`settings` of the tests");
        let mut pins = Self { suite, head, zone, settings, pinned: Some(head.clone()) };
        if pins.zone.is_some() || pins.settings.is_some() {
            pins.pinned = pins.with(cx, None);
        }
        pins
    }

    /// The set a test goes by: its own settings come before those of the file.
    pub fn set(&self, cx: &mut Cx, test: &Tab) -> Option<Arc<RuleSet>> {
        match cx.reader.table(test, "settings", "`settings` of this test") {
            Some(own) => self.with(cx, Some(&own)),
            None => self.pinned.clone(),
        }
    }

    fn with(&self, cx: &mut Cx, own: Option<&Tab>) -> Option<Arc<RuleSet>> {
        let mut wanted: BTreeMap<usize, (&str, At<&Item>)> = BTreeMap::new();
        let mut right = true;
        for tab in self.settings.iter().chain(own) {
            for (name, _) in tab.table.iter() {
                match self.head.settings.iter().position(|s| s.name == name) {
                    Some(place) => drop(wanted.insert(place, (name, tab.item(name)?))),
                    None => {
                        self.unknown(cx, tab, name);
                        right = false;
                    }
                }
            }
        }
        let mut wanted: Vec<_> = wanted.into_iter().collect();
        wanted.sort_by_key(|(place, _)| {
            self.head.settings.get(*place).map_or(0, |setting| parse::late(setting.kind.word()))
        });
        let mut overrides = Overrides { zone: self.zone.clone(), ..Overrides::default() };
        // One value may name another one.
        let head = cx.settings.clone();
        for (place, (name, item)) in wanted {
            let Some(setting) = head.get(place) else { continue };
            let what = format!("the setting `{name}`");
            let value = cx.value(setting.kind, &setting.of, &item, &what);
            right &= value.is_some();
            overrides.values.extend(value.clone().map(|value| (name.to_owned(), value)));
            if let Some(setting) = cx.settings.get_mut(place) {
                setting.value = value;
            }
        }
        cx.settings = head;
        if !right {
            return None;
        }
        let (file, text) = &self.suite.set;
        match parse::set(&self.suite.name, file, text, &overrides) {
            Ok(set) => Some(Arc::new(set)),
            Err(error) => {
                let span = own.or(self.settings.as_ref()).map_or(0..0, |tab| tab.span.clone());
                for line in error.lines() {
                    let message = format!("with these settings the set is wrong: {line}");
                    cx.reader.error(&span, message, "");
                }
                None
            }
        }
    }

    fn unknown(&self, cx: &mut Cx, tab: &Tab, name: &str) {
        let names: Vec<&str> = self.head.settings.iter().map(|s| s.name.as_str()).collect();
        let message = format!("the set has no setting `{}`", crate::rules::words::shown(name));
        cx.reader.error(&tab.key_span(name), message, &suggest(name, &names));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: &str = r#"
        schema = 1
        title = "t"
        why = "w"
        timezone = "Europe/Moscow"
        [settings]
        admin = { type = "employee", value = "101", why = "E14" }
        boss = { type = "employee", value = "101", why = "E07" }
        whose = { type = "who", value = ["$boss"], why = "E07" }
        by = { type = "due", value = { end_of_day = "19:00" }, why = "E07" }
        [[chapters]]
        id = "tasks"
        title = "t"
        [[chapters.rules]]
        id = "missed"
        title = "t"
        why = "w"
        when = { event = "missed", client = "known" }
        do = [{ do = "task", kind = "k", on = "client", text = "t", owner = "$whose", due = "$by" }]
        [[chapters.rules]]
        id = "otherwise"
        default = true
        do = []
    "#;

    fn run(set: &str, pins: &str, own: &str, owner: &str, due: &str) -> Vec<String> {
        let tests = format!(
            "{pins}\n[[tests]]\nname = \"n\"\n{own}\ncase = {{ event = \"missed\", client = {{ owner = \"102\" }} }}\n\
             rules = {{ tasks = \"missed\" }}\n\
             actions = [{{ do = \"task\", kind = \"k\", on = \"client\", text = \"t\", owner = \"{owner}\", due = \"{due}\" }}]\n"
        );
        let suite = Suite {
            name: "t".into(),
            set: ("t.toml".into(), set.into()),
            tests: Some(("t.test.toml".into(), tests)),
        };
        match suite.run() {
            Ok(report) => report.failures.iter().map(ToString::to_string).collect(),
            Err(error) => error.lines(),
        }
    }

    const PINS: &str = "timezone = \"Europe/Moscow\"\nsettings = { boss = \"103\", whose = [\"$boss\"], by = { end_of_day = \"19:00\" } }";
    const DUE: &str = "2026-11-20T23:59:59+03:00";

    #[test]
    fn tests_go_by_the_values_of_their_file_whatever_the_head_says() {
        let head = SET.replace("Moscow", "Berlin").replace("19:00", "09:00");
        assert_eq!(run(&head, PINS, "", "103", DUE), [""; 0]);
        assert!(!run(&head, "", "", "103", DUE).is_empty());
    }

    #[test]
    fn a_tests_own_value_comes_first_also_where_another_value_names_it() {
        let own = "settings = { boss = \"104\" }";
        assert_eq!(run(SET, PINS, own, "104", DUE), [""; 0]);
    }

    #[test]
    fn a_setting_the_set_does_not_have_is_named_once() {
        let found =
            run(SET, "settings = { bos = \"103\" }", "settings = { boss = \"104\" }", "104", DUE);
        let [one] = found.as_slice() else { panic!("{found:?}") };
        assert!(
            one.contains("t.test.toml:1") && one.contains("the set has no setting `bos`"),
            "{one}"
        );
        assert!(one.contains("`boss`"), "{one}");
    }
}
