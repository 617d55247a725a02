//! Times: how long, at which hour, when a task is due.

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Time;
use toml_edit::Item;

use super::{Cx, Named};
use crate::core::calendar::Calendar;
use crate::rules::parse_calendar::{holidays, minute, week, work_days};
use crate::rules::read::{At, Tab};
use crate::rules::set::model::{Due, Value};
use crate::rules::set::words::Kind;
use crate::rules::words::{duration, shown};

/// Nothing of a rule set waits longer.
const MOST: Duration = Duration::from_secs(400 * 24 * 3600);

impl Cx {
    /// A time such as `90s`, or a setting's.
    pub fn duration(&mut self, tab: &Tab, key: &str) -> Option<Duration> {
        let item = tab.item(key)?;
        self.duration_at(&item, &format!("`{key}` of {}", tab.what))
    }

    pub(super) fn duration_at(&mut self, item: &At<&Item>, what: &str) -> Option<Duration> {
        let Some(value) = item.value.as_str() else {
            self.wrong(what, &item.span, "a time in quotes, such as \"90s\"", item.value);
            return None;
        };
        match self.named(&At { value, span: item.span.clone() }, &[Kind::Duration]) {
            Named::Is(Value::Duration(duration)) => return Some(duration),
            Named::Is(_) | Named::Wrong => return None,
            Named::Not => {}
        }
        let found = duration(value).filter(|d| *d <= MOST);
        if found.is_none() {
            let message = format!("`{}` is no time", shown(value));
            let help = "write \"90s\", \"5m\" or \"1h30m\", 400 days at most";
            self.reader.error(&item.span, message, help);
        }
        found
    }

    pub(super) fn time_at(&mut self, item: &At<&Item>, what: &str) -> Option<Time> {
        let Some(value) = item.value.as_str() else {
            self.wrong(what, &item.span, "a time of day in quotes, such as \"19:00\"", item.value);
            return None;
        };
        match self.named(&At { value, span: item.span.clone() }, &[Kind::Time]) {
            Named::Is(Value::Time(time)) => return Some(time),
            Named::Is(_) | Named::Wrong => return None,
            Named::Not => {}
        }
        let minute = minute(value).and_then(|m| i16::try_from(m).ok()).filter(|m| *m < 24 * 60);
        let time = minute.and_then(|m| {
            let (hour, minute) = (i8::try_from(m / 60).ok()?, i8::try_from(m % 60).ok()?);
            Time::new(hour, minute, 0, 0).ok()
        });
        if time.is_none() {
            let message = format!("`{}` is no time of day", shown(value));
            self.reader.error(&item.span, message, "write it as \"19:00\"");
        }
        time
    }

    /// A due policy, or a setting's.
    pub fn due(&mut self, tab: &Tab, key: &str) -> Option<Due> {
        let item = tab.item(key)?;
        self.due_at(&item, &format!("`{key}` of {}", tab.what))
    }

    pub(super) fn due_at(&mut self, item: &At<&Item>, what: &str) -> Option<Due> {
        if let Some(value) = item.value.as_str() {
            let text = At { value, span: item.span.clone() };
            return match self.named(&text, &[Kind::Due, Kind::Duration]) {
                Named::Is(Value::Due(due)) => Some(due),
                Named::Is(Value::Duration(duration)) => Some(Due::After(duration)),
                Named::Is(_) | Named::Wrong => None,
                Named::Not => self.duration_at(item, what).map(Due::After),
            };
        }
        let Some(table) = item.value.as_table_like() else {
            let wanted = "a time such as \"3600s\" or a table such as { end_of_day = \"19:00\" }";
            self.wrong(what, &item.span, wanted, item.value);
            return None;
        };
        let tab = Tab { table, span: item.span.clone(), what: what.to_owned() };
        if let Some(hour) = tab.item("end_of_day") {
            self.reader.keys(&tab, &["end_of_day"]);
            return self.time_at(&hour, &format!("`end_of_day` of {what}")).map(Due::EndOfDay);
        }
        self.reader.keys(&tab, &["end_of_day", "working", "hours", "holidays", "work_days"]);
        let Some(working) = tab.item("working") else {
            let message = format!("{what} says neither `end_of_day` nor `working`");
            let help = "write \"3600s\", { end_of_day = \"19:00\" } or { working = \"1h\", hours = { mon-fri = \"09:00-18:00\" } }";
            self.reader.error(&item.span, message, help);
            return None;
        };
        let before = self.reader.problems.len();
        let time = self.duration_at(&working, &format!("`working` of {what}"));
        let hours = match self.reader.table(&tab, "hours", &format!("`hours` of {what}")) {
            Some(hours) => Some(week(&mut self.reader, &hours)),
            None => {
                if tab.item("hours").is_none() {
                    let help = "add: hours = { mon-fri = \"09:00-18:00\" }";
                    self.reader.missing(&tab, "hours", help);
                }
                None
            }
        };
        let calendar = Calendar {
            name: what.to_owned(),
            zone: self.zone.clone(),
            week: hours?,
            holidays: holidays(&mut self.reader, &tab),
            work_days: work_days(&mut self.reader, &tab),
            place: self.reader.place(&item.span),
        };
        if self.reader.problems.len() > before {
            return None;
        }
        if calendar.week.iter().all(Option::is_none) && calendar.work_days.is_empty() {
            self.reader.error(&item.span, "nobody ever works in these hours", "name a day");
            return None;
        }
        Some(Due::Working(time?, Arc::new(calendar)))
    }
}
