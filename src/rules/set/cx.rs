//! Reading the parts that settings, rules and actions share: texts, lists, people, times. A
//! `$name` stands for the value of a setting, and is put in its place here.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use toml_edit::{Item, Value as Toml};

use super::model::{Due, Setting, To, Value, Written};
use super::text::{Text, Texts, Use};
use super::words::{EVERYBODY, Kind, WHO, Who};
use crate::core::calendar::Calendar;
use crate::rules::parse_calendar::{holidays, minute, week, work_days};
use crate::rules::read::{At, Reader, Tab};
use crate::rules::words::{duration, shown, suggest, type_name, type_of};

/// Nothing of a rule set waits longer.
const MOST: Duration = Duration::from_secs(400 * 24 * 3600);

/// What is known of the set while it is read.
pub(super) struct Cx {
    pub reader: Reader,
    pub zone: TimeZone,
    pub settings: Vec<Setting>,
    /// Settings that something uses, by their place.
    pub used: Vec<usize>,
    pub texts: Texts,
    /// Lines that rules name.
    pub lines: Vec<String>,
}

/// What a `$name` turned out to be.
enum Named {
    /// The text is no `$name`.
    Not,
    /// It is one, with a mistake that is named by now or stands in the setting.
    Wrong,
    /// The value.
    Is(Value),
}

impl Cx {
    /// The setting's value where the text is a `$name` of one of these types.
    fn named(&mut self, text: &At<&str>, wanted: &[Kind]) -> Named {
        let Some(name) = text.value.strip_prefix('$') else { return Named::Not };
        let Some(place) = self.settings.iter().position(|s| s.name == name) else {
            let names: Vec<&str> = self.settings.iter().map(|s| s.name.as_str()).collect();
            let message = format!("there is no setting `{}`", shown(name));
            let mut help = suggest(name, &names);
            if help.is_empty() {
                help = format!("write [settings.{name}] at the head, with type, value and why");
            }
            self.reader.error(&text.span, message, &help);
            return Named::Wrong;
        };
        self.used.push(place);
        let Some(setting) = self.settings.get(place) else { return Named::Wrong };
        if !wanted.contains(&setting.kind) {
            let wanted: Vec<&str> = wanted.iter().map(|kind| kind.word()).collect();
            let message = format!(
                "the setting `{name}` is of type `{}`; here goes one of type {}",
                setting.kind.word(),
                wanted.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(" or ")
            );
            self.reader.error(&text.span, message, "");
            return Named::Wrong;
        }
        setting.value.clone().map_or(Named::Wrong, Named::Is)
    }

    fn wrong(&mut self, what: &str, span: &Range<usize>, wanted: &str, found: &Item) {
        let found = type_name(found.type_name());
        self.reader.error(span, format!("{what} must be {wanted}, not {found}"), "");
    }

    /// A text without words in it, or the setting's.
    pub fn plain(&mut self, tab: &Tab, key: &str) -> Option<String> {
        let text = self.reader.text(tab, key)?;
        match self.named(&text, &[Kind::Text]) {
            Named::Not => Some(text.value.to_owned()),
            Named::Is(Value::Text(written)) => Some(written.text),
            Named::Is(_) | Named::Wrong => None,
        }
    }

    /// A text with words in it.
    pub fn text(&mut self, tab: &Tab, key: &str, used: Use) -> Option<Text> {
        let text = self.reader.text(tab, key)?;
        self.text_at(&text, used)
    }

    fn text_at(&mut self, text: &At<&str>, used: Use) -> Option<Text> {
        match self.named(text, &[Kind::Text]) {
            Named::Not => self.texts.add(&mut self.reader, text.value, &text.span, used),
            Named::Is(Value::Text(w)) => self.texts.add(&mut self.reader, &w.text, &w.span, used),
            Named::Is(_) | Named::Wrong => None,
        }
    }

    /// A text, a list of texts, or a setting's.
    pub fn texts(&mut self, tab: &Tab, key: &str) -> Vec<Text> {
        let mut found = Vec::new();
        for text in self.reader.texts(tab, key).unwrap_or_default() {
            let written = match self.named(&text, &[Kind::Texts, Kind::Text]) {
                Named::Not => vec![Written { text: text.value.to_owned(), span: text.span }],
                Named::Is(Value::Texts(all)) => all,
                Named::Is(Value::Text(one)) => vec![one],
                Named::Is(_) | Named::Wrong => continue,
            };
            for Written { text, span } in written {
                let text = self.texts.add(&mut self.reader, &text, &span, Use::Plain);
                found.extend(text.filter(|text| !text.is_empty()));
            }
        }
        found
    }

    /// Texts without words in them.
    pub fn names(&mut self, tab: &Tab, key: &str) -> Vec<String> {
        let mut found = Vec::new();
        for text in self.reader.texts(tab, key).unwrap_or_default() {
            match self.named(&text, &[Kind::Texts]) {
                Named::Not => found.push(text.value.to_owned()),
                Named::Is(Value::Texts(all)) => found.extend(all.into_iter().map(|w| w.text)),
                Named::Is(_) | Named::Wrong => {}
            }
        }
        found
    }

    /// Fields by name.
    pub fn fields(&mut self, tab: &Tab, key: &str) -> Vec<(String, Text)> {
        let what = format!("`{key}` of {}", tab.what);
        let Some(fields) = self.reader.table(tab, key, &what) else { return Vec::new() };
        let mut found = Vec::new();
        for (name, _) in fields.table.iter() {
            let text = self.text(&fields, name, Use::Plain);
            found.extend(text.map(|text| (name.to_owned(), text)));
        }
        found
    }

    /// A word of a closed list, or a choice whose words are all in it.
    pub fn word<T: Copy>(
        &mut self,
        tab: &Tab,
        key: &str,
        what: &str,
        known: &[(&str, T)],
    ) -> Option<T> {
        let word = self.reader.text(tab, key)?;
        let choice = match self.named(&word, &[Kind::Choice]) {
            Named::Not => return self.reader.word(&word, what, known),
            Named::Is(Value::Choice(choice)) => choice,
            Named::Is(_) | Named::Wrong => return None,
        };
        let name = word.value.trim_start_matches('$');
        let of = self.settings.iter().find(|s| s.name == name).map(|s| s.of.clone());
        let of = of.unwrap_or_default();
        if let Some(other) = of.iter().find(|w| !known.iter().any(|(k, _)| k == w)) {
            let message = format!("the setting `{name}` may be `{other}`, which is no {what}");
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            self.reader.error(&word.span, message, &suggest(other, &names));
            return None;
        }
        let word = of.get(choice)?;
        known.iter().find(|(name, _)| name == word).map(|(_, value)| *value)
    }

    /// `true`, `false` or a setting's.
    pub fn flag(&mut self, tab: &Tab, key: &str) -> Option<bool> {
        let item = tab.item(key)?;
        let Some(text) = item.value.as_str() else { return self.reader.flag(tab, key) };
        match self.named(&At { value: text, span: item.span.clone() }, &[Kind::Flag]) {
            Named::Not => self.reader.flag(tab, key),
            Named::Is(Value::Flag(flag)) => Some(flag),
            Named::Is(_) | Named::Wrong => None,
        }
    }

    /// A time such as `90s`, or a setting's.
    pub fn duration(&mut self, tab: &Tab, key: &str) -> Option<Duration> {
        let item = tab.item(key)?;
        self.duration_at(&item, &format!("`{key}` of {}", tab.what))
    }

    fn duration_at(&mut self, item: &At<&Item>, what: &str) -> Option<Duration> {
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

    fn time_at(&mut self, item: &At<&Item>, what: &str) -> Option<Time> {
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

    fn due_at(&mut self, item: &At<&Item>, what: &str) -> Option<Due> {
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
        if calendar.week.iter().all(Option::is_none) && calendar.work_days.is_empty() {
            self.reader.error(&item.span, "nobody ever works in these hours", "name a day");
            return None;
        }
        Some(Due::Working(time?, Arc::new(calendar)))
    }

    /// An ordered list of people, a single word, or a setting's. `None` only where there is no
    /// such key, or a mistake that is named.
    pub fn who(&mut self, tab: &Tab, key: &str) -> Option<Vec<Who>> {
        let item = tab.item(key)?;
        self.who_at(&item, &format!("`{key}` of {}", tab.what), false).map(|(who, _)| who)
    }

    /// Whom to notify.
    pub fn to(&mut self, tab: &Tab, key: &str) -> Option<To> {
        let item = tab.item(key)?;
        let (who, everybody) = self.who_at(&item, &format!("`{key}` of {}", tab.what), true)?;
        Some(if everybody { To::Everybody } else { To::These(who) })
    }

    fn who_at(
        &mut self,
        item: &At<&Item>,
        what: &str,
        everybody: bool,
    ) -> Option<(Vec<Who>, bool)> {
        let texts: Vec<At<&str>> = match (item.value.as_str(), item.value.as_array()) {
            (Some(value), _) => vec![At { value, span: item.span.clone() }],
            (None, Some(array)) => array.iter().filter_map(|v| self.text_of(v, item)).collect(),
            (None, None) => {
                self.wrong(what, &item.span, "a word or a list of words", item.value);
                return None;
            }
        };
        let mut found: Vec<Who> = Vec::new();
        let (mut all, mut wrong) = (false, false);
        for text in &texts {
            let wanted = [Kind::Who, Kind::Employee, Kind::Employees];
            let people = match self.named(text, &wanted) {
                Named::Is(Value::Who(who)) => who,
                Named::Is(Value::Employee(one)) => vec![Who::Employee(one)],
                Named::Is(Value::Employees(many)) => many.into_iter().map(Who::Employee).collect(),
                Named::Is(_) | Named::Wrong => {
                    wrong = true;
                    continue;
                }
                Named::Not if everybody && text.value == EVERYBODY => {
                    all = true;
                    continue;
                }
                Named::Not => match WHO.iter().find(|(word, _)| *word == text.value) {
                    Some((_, who)) => vec![who.clone()],
                    None if text.value.chars().any(|c| c.is_ascii_digit()) => {
                        vec![Who::Employee(text.value.into())]
                    }
                    None => {
                        self.nobody(text, everybody);
                        wrong = true;
                        continue;
                    }
                },
            };
            for who in people {
                if !found.contains(&who) {
                    found.push(who);
                }
            }
        }
        if texts.is_empty() && !wrong {
            let message = format!("{what} names nobody");
            self.reader.error(&item.span, message, "name somebody, such as \"admin\"");
            wrong = true;
        }
        (!wrong).then_some((found, all))
    }

    fn nobody(&mut self, text: &At<&str>, everybody: bool) {
        let mut names: Vec<&str> = WHO.iter().map(|(word, _)| *word).collect();
        if everybody {
            names.push(EVERYBODY);
        }
        let message = format!("`{}` is nobody", shown(text.value));
        let mut help = suggest(text.value, &names);
        help.push_str("; an employee is named by id or extension, such as \"101\"");
        self.reader.error(&text.span, message, help.trim_start_matches("; "));
    }

    fn text_of<'t>(&mut self, value: &'t Toml, item: &At<&Item>) -> Option<At<&'t str>> {
        let span = value.span().unwrap_or_else(|| item.span.clone());
        match value.as_str() {
            Some(value) => Some(At { value, span }),
            None => {
                let message = format!("this must be a text, not {}", type_of(value));
                self.reader.error(&span, message, "put it in quotes");
                None
            }
        }
    }

    /// A value for a setting of this type.
    pub fn value(
        &mut self,
        kind: Kind,
        of: &[String],
        item: &At<&Item>,
        what: &str,
    ) -> Option<Value> {
        let text = |cx: &mut Self, wanted: &str| {
            let text = item.value.as_str().map(str::to_owned);
            if text.is_none() {
                cx.wrong(what, &item.span, wanted, item.value);
            }
            text
        };
        let written = |text: String| Written { text, span: item.span.clone() };
        Some(match kind {
            Kind::Choice => {
                let word = text(self, "one of the words of `of`, in quotes")?;
                let known: Vec<(&str, usize)> = of.iter().map(String::as_str).zip(0..).collect();
                let at = At { value: word.as_str(), span: item.span.clone() };
                Value::Choice(self.reader.word(&at, "word of `of`", &known)?)
            }
            Kind::Flag => match item.value.as_bool() {
                Some(flag) => Value::Flag(flag),
                None => {
                    self.wrong(what, &item.span, "true or false", item.value);
                    return None;
                }
            },
            Kind::Duration => Value::Duration(self.duration_at(item, what)?),
            Kind::Time => Value::Time(self.time_at(item, what)?),
            Kind::Text => {
                let written = written(text(self, "a text in quotes")?);
                self.texts.add(&mut self.reader, &written.text, &written.span, Use::Plain)?;
                Value::Text(written)
            }
            Kind::Texts => {
                let all = self.list(item, what)?;
                for Written { text, span } in &all {
                    self.texts.add(&mut self.reader, text, span, Use::Plain)?;
                }
                Value::Texts(all)
            }
            Kind::Employee => {
                let employee = text(self, "an employee's id or extension in quotes")?;
                if employee.trim().is_empty() {
                    let message = format!("{what} names nobody");
                    self.reader.error(
                        &item.span,
                        message,
                        "write an id or extension, such as \"101\"",
                    );
                    return None;
                }
                Value::Employee(employee.into())
            }
            Kind::Employees => {
                let all = self.list(item, what)?;
                Value::Employees(all.into_iter().map(|w| w.text.into()).collect())
            }
            Kind::Who => Value::Who(self.who_at(item, what, false)?.0),
            Kind::Due => Value::Due(self.due_at(item, what)?),
        })
    }

    fn list(&mut self, item: &At<&Item>, what: &str) -> Option<Vec<Written>> {
        let Some(array) = item.value.as_array() else {
            self.wrong(what, &item.span, "a list of texts", item.value);
            return None;
        };
        let texts: Vec<_> = array.iter().map(|value| self.text_of(value, item)).collect();
        let written = |at: At<&str>| Written { text: at.value.to_owned(), span: at.span };
        texts.into_iter().map(|text| text.map(written)).collect()
    }
}
