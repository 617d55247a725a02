//! One record, field by field.

use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, tz::TimeZone};

use super::super::client::{ClientRecord, DealRecord};
use super::check::Reference;
use super::record::{Kind, Problems, Raw};
use crate::core::ids::Extension;
use crate::core::phone::{Phone, Region};
use crate::core::staff::{Employee, Number, Status};

/// Reads one record and notes what is wrong with it. Every field is looked at before any is
/// missed, so that all problems are told at once.
pub(super) struct Reader<'a> {
    pub(super) raw: &'a Raw,
    pub(super) region: Region,
    pub(super) problems: &'a mut Problems,
    pub(super) references: &'a mut Vec<Reference>,
}

impl Reader<'_> {
    pub(super) fn employee(&mut self, id: Option<String>) -> Option<Employee> {
        let name = self.name();
        let numbers = self.each(
            "numbers",
            "write it like +79161234567, a SIP line like 101 or line:1234567",
            Self::employee_number,
        );
        let deputy = self.reference("deputy");
        if let (Some(id), Some(deputy)) = (&id, &deputy)
            && id == deputy
        {
            self.add("deputy", "he is his own deputy", "name another employee");
        }
        let status = self.status();
        let online = match self.value("online").map(str::to_lowercase).as_deref() {
            None => Some(None),
            Some("yes" | "true" | "1" | "да") => Some(Some(true)),
            Some("no" | "false" | "0" | "нет") => Some(Some(false)),
            Some(other) => {
                let what = format!("`{other}` says neither yes nor no");
                self.add("online", what, "write yes or no, or nothing");
                None
            }
        };
        Some(Employee {
            id: id?.as_str().into(),
            name: name?,
            numbers: numbers?,
            groups: self
                .raw
                .fields
                .get("groups")
                .map(|field| field.values.clone())
                .unwrap_or_default(),
            deputy: deputy.as_deref().map(Into::into),
            status: status?,
            online: online?,
        })
    }

    pub(super) fn client(&mut self, id: Option<String>) -> Option<ClientRecord> {
        let name = self.name();
        let numbers = self.each("numbers", "write it like +79161234567", Self::phone);
        let company = self.reference("company");
        let owner = self.reference("owner");
        let created = self.created();
        Some(ClientRecord {
            id: id?,
            is_company: self.raw.kind == Kind::Company,
            name: name?,
            numbers: numbers?,
            company,
            owner,
            created: created?,
        })
    }

    pub(super) fn deal(&mut self, id: Option<String>) -> Option<DealRecord> {
        let title = self.name();
        let client = self.reference("client");
        self.needed("client", "name the id of the contact or company");
        let owner = self.reference("owner");
        let created = self.created();
        self.needed(
            "created",
            "write when the deal was made, like 2026-01-31: the oldest open deal decides",
        );
        let open = match self.value("status") {
            Some("open") => Some(true),
            Some("closed") => Some(false),
            Some(other) => {
                let what = format!("`{other}` is no status of a deal");
                self.add("status", what, "write open or closed");
                None
            }
            None => {
                self.needed("status", "write open or closed");
                None
            }
        };
        Some(DealRecord {
            id: id?,
            title: title?,
            client: client?,
            owner,
            created: created??,
            open: open?,
        })
    }

    fn status(&mut self) -> Option<Status> {
        let until = match self.value("leave_until").map(day) {
            None => Some(None),
            Some(Some(day)) => Some(Some(day)),
            Some(None) => {
                self.add(
                    "leave_until",
                    "this is no day",
                    "write the last day of the leave like 2026-12-31",
                );
                None
            }
        };
        let status = match self.value("status").unwrap_or("active") {
            "active" => Status::Active,
            "gone" => Status::Gone,
            "on_leave" => return until.map(Status::OnLeave),
            other => {
                let what = format!("`{other}` is no status of an employee");
                self.add("status", what, "write active, on_leave or gone");
                return None;
            }
        };
        if self.value("leave_until").is_some() {
            self.add(
                "leave_until",
                "the leave of an employee who is not on leave",
                "write on_leave as his status, or leave it empty",
            );
        }
        until.map(|_| status)
    }

    fn employee_number(&self, text: &str) -> Result<Number, String> {
        let line = |text: &str| {
            Extension::parse(text).map(Number::Line).map_err(|_| format!("`{text}` is no SIP line"))
        };
        match text.strip_prefix("line:") {
            Some(rest) => line(rest.trim()),
            None if text.len() <= 6 && !text.starts_with('+') => line(text),
            None => self.phone(text).map(Number::Outside),
        }
    }

    fn phone(&self, text: &str) -> Result<Phone, String> {
        Phone::parse(text, self.region).map_err(|error| format!("`{text}`: {error}"))
    }

    fn created(&mut self) -> Option<Option<i64>> {
        let Some(text) = self.value("created") else {
            return Some(None);
        };
        let time = text.parse::<Timestamp>().ok().or_else(|| {
            let civil = text.parse::<DateTime>().ok();
            let civil = civil
                .or_else(|| DateTime::strptime("%d.%m.%Y %H:%M", text).ok())
                .or_else(|| day(text).map(DateTime::from))?;
            let zoned = civil.to_zoned(TimeZone::UTC).ok()?;
            Some(zoned.timestamp())
        });
        if time.is_none() {
            let what = format!("`{text}` is no time");
            self.add("created", what, "write it like 2026-01-31 or 2026-01-31T14:30:00+03:00");
        }
        time.map(|time| Some(time.as_microsecond()))
    }

    /// Reads each value of a list; a number that stands twice is a slip of the pen.
    fn each<T: PartialEq>(
        &mut self,
        field: &'static str,
        todo: &str,
        read: impl Fn(&Self, &str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let mut all = Some(Vec::new());
        let raw = self.raw;
        let texts = raw.fields.get(field).map(|f| f.values.as_slice());
        for text in texts.unwrap_or_default() {
            match read(self, text) {
                Ok(value) => {
                    if let Some(all) = &mut all
                        && !all.contains(&value)
                    {
                        all.push(value);
                    }
                }
                Err(what) => {
                    self.add(field, what, todo);
                    all = None;
                }
            }
        }
        all
    }

    pub(super) fn id(&mut self) -> Option<String> {
        self.needed("id", "give each record an id that stays the same");
        let id = self.value("id")?;
        if id.chars().count() > 100 || id.chars().any(char::is_control) {
            self.add(
                "id",
                "the id is longer than 100 characters or has control characters",
                "shorten it",
            );
            return None;
        }
        Some(id.to_owned())
    }

    fn name(&mut self) -> Option<String> {
        self.needed("name", "write a name; it is shown on the ringing phone");
        let words: Vec<&str> = self
            .value("name")?
            .split(|c: char| c.is_whitespace() || c.is_control())
            .filter(|word| !word.is_empty())
            .collect();
        Some(words.join(" "))
    }

    fn reference(&mut self, field: &'static str) -> Option<String> {
        let id = self.value(field)?.to_owned();
        self.references.push(Reference { line: self.line(field), field, id: id.clone() });
        Some(id)
    }

    fn needed(&mut self, field: &'static str, todo: &str) {
        if !self.raw.fields.contains_key(field) {
            let what = format!("{} without `{field}`", self.raw.kind.with_article());
            self.add(field, what, todo);
        }
    }

    fn value(&self, field: &str) -> Option<&str> {
        let field = self.raw.fields.get(field)?;
        field.values.first().map(String::as_str)
    }

    fn line(&self, field: &str) -> usize {
        let field = self.raw.fields.get(field);
        field.map_or(self.raw.line, |field| field.line)
    }

    fn add(&mut self, field: &str, what: impl Into<String>, todo: impl Into<String>) {
        self.problems.add(self.line(field), what, todo);
    }
}

/// Also as Excel writes it in Russian, whatever was typed: `31.12.2026`.
fn day(text: &str) -> Option<Date> {
    let day = text.parse().ok();
    day.or_else(|| Date::strptime("%d.%m.%Y", text).ok())
}
