//! What the story left in the built-in CRM, as compact tables.

use jiff::Timestamp;

use crate::cli::table::table;
use crate::crm::CrmError;
use crate::crm::builtin::Builtin;
use crate::crm::builtin::view::{
    CallRow, ContactRow, DealRow, Listed, NotificationRow, TaskRow, UnsortedRow,
};

/// More than the story makes.
const ALL: u32 = 1000;
/// Columns that `dozvon crm list` shows and the story does not need.
const LEFT_OUT: [&str; 10] = [
    "MADE",
    "STARTED",
    "STATE",
    "STAGE",
    "TAGS",
    "COMPANY",
    "TALKED",
    "RECORDING",
    "LINK",
    "BECAME",
];

/// The records made since, by kind.
///
/// # Errors
/// [`CrmError`].
pub async fn records(crm: &Builtin, since: Timestamp) -> Result<String, CrmError> {
    let all = [
        rows::<ContactRow>(crm, "contacts", |row| row.created.timestamp() >= since).await?,
        rows::<DealRow>(crm, "deals", |row| row.created.timestamp() >= since).await?,
        rows::<UnsortedRow>(crm, "unsorted", |_| true).await?,
        rows::<CallRow>(crm, "calls", |_| true).await?,
        rows::<TaskRow>(crm, "tasks", |_| true).await?,
        rows::<NotificationRow>(crm, "notifications", |_| true).await?,
    ];
    Ok(all.concat())
}

async fn rows<T: Listed>(
    crm: &Builtin,
    kind: &str,
    new: impl Fn(&T) -> bool,
) -> Result<String, CrmError> {
    let rows = crm.list::<T>(None, ALL).await?;
    let compact = |cells: Vec<String>| -> Vec<String> {
        let kept = cells.into_iter().zip(T::HEADS).filter(|(_, head)| !LEFT_OUT.contains(head));
        kept.map(|(cell, _)| cell).collect()
    };
    let heads = compact(T::HEADS.iter().map(|head| (*head).to_owned()).collect());
    let mut cells: Vec<_> =
        rows.iter().filter(|row| new(row)).map(|r| compact(r.cells())).collect();
    // The lists begin with the newest, a story with the oldest.
    cells.reverse();
    // A text that went to many is one row.
    if let Some(to) = heads.iter().position(|head| head == "TO") {
        cells.dedup_by(|next, kept| {
            let same = next.last() == kept.last();
            if same {
                kept[to] = format!("{} {}", kept[to], next[to]);
            }
            same
        });
    }
    if cells.is_empty() {
        return Ok(format!("{kind}: none\n"));
    }
    let heads: Vec<_> = heads.iter().map(String::as_str).collect();
    let text = table(&heads, cells);
    let lines = text.lines().map(|line| format!("  {line}\n"));
    Ok(format!("{kind}:\n{}", lines.collect::<String>()))
}
