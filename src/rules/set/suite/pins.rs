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
mod tests;
