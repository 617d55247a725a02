//! `dozvon crm import`: a file of employees, clients and deals, taken over whole or not at all.
//!
//! Two ways to write the same records:
//!
//! | field | of | what |
//! |---|---|---|
//! | `kind` | (CSV) all | `employee`, `contact`, `company` or `deal`; in TOML the table's name, `[[employee]]` |
//! | `id` | all | any text; contacts and companies share theirs |
//! | `name` | all | name; title of a deal |
//! | `numbers` | all but deals | phone numbers; of an employee also SIP lines, in the order in which they are rung. Up to 6 digits are a line, `line:1234567` is one for certain |
//! | `company` | contact | id of the company he belongs to |
//! | `client` | deal | id of the contact or company it is made with |
//! | `owner` | all but employees | id of the employee responsible |
//! | `groups` | employee | names of groups |
//! | `deputy` | employee | id of the employee who stands in while he is on leave |
//! | `status` | employee, deal | `active` (if empty), `on_leave`, `gone`; a deal: `open` or `closed` |
//! | `leave_until` | employee on leave | last day of the leave, `2026-12-31` or `31.12.2026`; empty: until further notice |
//! | `online` | employee | `yes` or `no`; empty: not known |
//! | `created` | client, deal | `2026-01-31`, `31.01.2026`, `2026-01-31 14:30` (all UTC) or `2026-01-31T14:30:00+03:00`. A deal needs it: the oldest open one decides (D03) |
//!
//! CSV: UTF-8 with or without a byte order mark, comma or semicolon; the first row names the
//! columns, in any order, and those not needed may be missing; several numbers or groups in one
//! cell are parted by `|`. TOML: lists, `numbers = ["101", "+79031234567"]`.
//!
//! A record with an id already in the store replaces it, so the same file again changes nothing.
//! What the file does not name stays as it is.

mod apply;
mod check;
mod fit;
mod read_csv;
mod read_toml;
mod reader;
mod record;
mod report;

use std::path::Path;

use jiff::Timestamp;
use miette::Diagnostic;

use crate::core::phone::Region;
use crate::store::{Store, StoreError};
pub use record::Problem;
pub use report::{ImportReport, Tally};

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One table with a `kind` column.
    Csv,
    /// `[[employee]]`, `[[contact]]`, `[[company]]`, `[[deal]]`.
    Toml,
}

impl Format {
    /// By the ending of the file's name.
    pub fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "csv" => Some(Self::Csv),
            "toml" => Some(Self::Toml),
            _ => None,
        }
    }
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum ImportError {
    /// The file is not in order.
    #[error("nothing was imported from {file}: {} to correct", count(.problems.len(), "place", "places"))]
    #[diagnostic(help("correct the lines named above and import the file again"))]
    Refused {
        /// The file as it was named.
        file: String,
        /// Everything that is wrong with it, in the order of its lines. Each prints as
        /// `file:line: what is wrong; what to do`.
        problems: Vec<Problem>,
    },
    /// The store failed, and is as it was before.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] StoreError),
}

/// Takes a file over into the store, in one transaction. `now` is when clients without a
/// `created` count as made.
///
/// # Errors
/// [`ImportError`]; the store is then as it was.
pub async fn import(
    store: &Store,
    file: &str,
    format: Format,
    bytes: &[u8],
    region: Region,
    now: Timestamp,
) -> Result<ImportReport, ImportError> {
    let mut problems = record::Problems::new(file);
    let raw = match (problems.text(bytes), format) {
        (None, _) => Vec::new(),
        (Some(text), Format::Csv) => read_csv::read(text, &mut problems),
        (Some(text), Format::Toml) => read_toml::read(text, &mut problems),
    };
    let batch = check::check(&raw, region, &mut problems);
    apply::apply(store, batch, problems, now).await
}

fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
