//! What both formats are read into, and what is wrong with it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// One thing to correct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file as it was named.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub todo: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}; {}", self.file, self.line, self.what, self.todo)
    }
}

/// Everything found so far.
pub(super) struct Problems {
    file: Arc<str>,
    found: Vec<Problem>,
}

impl Problems {
    pub(super) fn new(file: &str) -> Self {
        Self { file: file.into(), found: Vec::new() }
    }

    pub(super) fn add(&mut self, line: usize, what: impl Into<String>, todo: impl Into<String>) {
        self.found.push(Problem {
            file: self.file.clone(),
            line,
            what: what.into(),
            todo: todo.into(),
        });
    }

    /// The bytes as text, without a byte order mark.
    pub(super) fn text<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a str> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Some(text.strip_prefix('\u{feff}').unwrap_or(text)),
            Err(error) => {
                let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let line = 1 + good.iter().filter(|b| **b == b'\n').count();
                self.add(
                    line,
                    "the file is not in UTF-8",
                    "save it as UTF-8 (in Excel: \"CSV UTF-8\")",
                );
                None
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The file, and the problems in the order of their lines.
    pub(super) fn into_parts(mut self) -> (String, Vec<Problem>) {
        self.found.sort_by_key(|problem| problem.line);
        (self.file.to_string(), self.found)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Employee,
    Contact,
    Company,
    Deal,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Employee, Self::Contact, Self::Company, Self::Deal];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Employee => "employee",
            Self::Contact => "contact",
            Self::Company => "company",
            Self::Deal => "deal",
        }
    }

    pub(super) fn with_article(self) -> &'static str {
        match self {
            Self::Employee => "an employee",
            Self::Contact => "a contact",
            Self::Company => "a company",
            Self::Deal => "a deal",
        }
    }

    pub(super) fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The fields such a record may have.
    pub(super) fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Employee => {
                &["id", "name", "numbers", "groups", "deputy", "status", "leave_until", "online"]
            }
            Self::Contact => &["id", "name", "numbers", "company", "owner", "created"],
            Self::Company => &["id", "name", "numbers", "owner", "created"],
            Self::Deal => &["id", "name", "client", "owner", "created", "status"],
        }
    }
}

/// A record as it stands in the file.
pub(super) struct Raw {
    pub(super) kind: Kind,
    pub(super) line: usize,
    pub(super) fields: HashMap<&'static str, Field>,
}

/// A field that is not empty. No values: it was wrong, and that has been told.
pub(super) struct Field {
    pub(super) line: usize,
    pub(super) values: Vec<String>,
}

/// "did you mean `x`?", or the whole list.
pub(super) fn suggestion<'a>(wrong: &str, right: impl IntoIterator<Item = &'a str>) -> String {
    let right: Vec<&str> = right.into_iter().collect();
    let nearest = right
        .iter()
        .map(|word| (strsim::jaro_winkler(wrong, word), word))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((likeness, word)) if likeness > 0.8 => format!("did you mean `{word}`?"),
        _ => format!("use one of: {}", right.join(", ")),
    }
}
