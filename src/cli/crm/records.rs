//! `dozvon crm list` and `show`: tables and histories for people, JSON for programs.

use std::fmt::Write as _;

use clap::ValueEnum;
use jiff::tz::TimeZone;
use miette::{IntoDiagnostic, miette};
use serde::Serialize;
use serde_json::Value;

use crate::cli::out::print;
use crate::cli::table::{plain, table};
use crate::core::phone::Phone;
use crate::crm::Crm;
use crate::crm::builtin::view::{
    At, CallRow, ContactRow, DealRow, Full, Listed, NoteRow, NotificationRow, TaskRow, UnsortedRow,
};
use crate::crm::builtin::{Builtin, Counts};

/// What can be listed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Records {
    /// Contacts and companies, the newest first.
    Contacts,
    /// Deals, open ones first.
    Deals,
    /// The inbox of unqualified leads, those that wait first.
    Unsorted,
    /// Registered calls.
    Calls,
    /// Tasks, open ones first, by when they are due.
    Tasks,
    /// Notifications, unread ones first.
    Notifications,
    /// Notes, messages that were left, changes of owner.
    Notes,
}

/// What can be shown with its history.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Record {
    /// A contact or company.
    Contact,
    /// A deal.
    Deal,
    /// A registered call, by its number here or by its own id.
    Call,
}

/// How a list is wanted.
#[derive(Debug)]
pub struct How<'a> {
    /// Only what belongs to this number.
    pub number: Option<&'a Phone>,
    /// At most so many.
    pub limit: u32,
    /// For programs.
    pub json: bool,
}

/// Prints a list.
///
/// # Errors
/// The store failed; the output cannot be written.
pub async fn list(crm: &Builtin, what: Records, how: &How<'_>) -> miette::Result<()> {
    match what {
        Records::Contacts => rows::<ContactRow>(crm, how).await,
        Records::Deals => rows::<DealRow>(crm, how).await,
        Records::Unsorted => rows::<UnsortedRow>(crm, how).await,
        Records::Calls => rows::<CallRow>(crm, how).await,
        Records::Tasks => rows::<TaskRow>(crm, how).await,
        Records::Notifications => rows::<NotificationRow>(crm, how).await,
        Records::Notes => rows::<NoteRow>(crm, how).await,
    }
}

/// Prints a record with its history.
///
/// # Errors
/// There is none with this id; the store failed; the output cannot be written.
pub async fn show(crm: &Builtin, what: Record, id: &str, json: bool) -> miette::Result<()> {
    match what {
        Record::Contact => one::<ContactRow>(crm, id, json).await,
        Record::Deal => one::<DealRow>(crm, id, json).await,
        Record::Call => one::<CallRow>(crm, id, json).await,
    }
}

/// Employees and counts as one JSON object.
///
/// # Errors
/// The store failed; the output cannot be written.
pub async fn overview(crm: &Builtin) -> miette::Result<()> {
    #[derive(Serialize)]
    struct Overview {
        employees: Vec<crate::core::staff::Employee>,
        counts: Counts,
    }
    let employees = crm.employees().await.into_diagnostic()?;
    let counts = crm.counts().await.into_diagnostic()?;
    print_json(&Overview { employees, counts })
}

async fn rows<T: Listed>(crm: &Builtin, how: &How<'_>) -> miette::Result<()> {
    let rows = crm.list::<T>(how.number, how.limit).await.into_diagnostic()?;
    if how.json {
        return print_json(&rows);
    }
    if rows.is_empty() {
        return print(&format!("there is no {}\n", T::NAME));
    }
    let mut out = table(T::HEADS, rows.iter().map(Listed::cells).collect());
    if u32::try_from(rows.len()) == Ok(how.limit) {
        let _ = writeln!(out, "no more than {} are shown: --limit shows more", how.limit);
    }
    print(&out)
}

async fn one<T: Listed>(crm: &Builtin, id: &str, json: bool) -> miette::Result<()> {
    let Some(full) = crm.show::<T>(id).await.into_diagnostic()? else {
        let (name, id) = (T::NAME, plain(id));
        return Err(miette!(
            help = format!("`dozvon crm list {name}s` shows them with their ids"),
            "there is no {name} `{id}`"
        ));
    };
    if json { print_json(&full) } else { print(&history(&full)?) }
}

/// The record's own fields that say something, then what hangs on it.
fn history<T: Listed>(full: &Full<T>) -> miette::Result<String> {
    let record = serde_json::to_value(&full.record).into_diagnostic()?;
    let mut out = String::new();
    let fields = record.as_object().into_iter().flatten();
    let fields =
        fields.map(|(key, value)| (key, words(value))).filter(|(_, text)| !text.is_empty());
    for (key, text) in fields {
        let _ = writeln!(out, "{:<18} {}", key.replace('_', " "), plain(&text));
    }
    out.push('\n');
    let rows = full.history.iter().map(|entry| {
        let due = entry.due.map(|due| format!(", due {}", wall(due))).unwrap_or_default();
        let what = format!("{} {}", entry.what, entry.id);
        vec![wall(entry.at), what, format!("{}{due}", entry.text)]
    });
    out.push_str(&table(&[], rows.collect()));
    Ok(out)
}

fn words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Array(words) => words.iter().map(self::words).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| format!("{key}={}", self::words(value)));
            fields.collect::<Vec<_>>().join(", ")
        }
    }
}

/// By the clock on this machine's wall.
fn wall(at: At) -> String {
    let zone = TimeZone::system();
    zone.to_datetime(at.timestamp()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn print_json(of: &impl Serialize) -> miette::Result<()> {
    print(&(serde_json::to_string_pretty(of).into_diagnostic()? + "\n"))
}
