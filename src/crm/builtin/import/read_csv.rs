//! CSV into records.

use std::collections::HashMap;

use csv::{Position, ReaderBuilder, StringRecord, Trim};

use super::record::{Field, Kind, Problems, Raw, suggestion};

const COLUMNS: [&str; 13] = [
    "kind",
    "id",
    "name",
    "numbers",
    "company",
    "client",
    "owner",
    "groups",
    "deputy",
    "status",
    "leave_until",
    "online",
    "created",
];
const NEEDED: [&str; 3] = ["kind", "id", "name"];

pub(super) fn read(text: &str, problems: &mut Problems) -> Vec<Raw> {
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter(text))
        .flexible(true)
        .has_headers(false)
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for row in reader.records() {
        match row {
            Ok(row) if row.iter().all(str::is_empty) => {}
            Ok(row) => rows.push(row),
            Err(error) => problems.add(
                line(error.position()),
                format!("the row cannot be read: {error}"),
                "correct it, or save the file as CSV again",
            ),
        }
    }
    let mut rows = rows.into_iter();
    let Some(header) = rows.next() else {
        let todo = format!("begin with a row of column names: {}", COLUMNS.join(","));
        problems.add(1, "the file is empty", todo);
        return Vec::new();
    };
    let Some(columns) = columns(&header, problems) else {
        return Vec::new();
    };
    rows.filter_map(|row| record(&row, &columns, problems)).collect()
}

/// Whichever of the two the first row has more of.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    let count = |c| first.matches(c).count();
    if count(';') > count(',') { b';' } else { b',' }
}

fn line(position: Option<&Position>) -> usize {
    position.and_then(|position| usize::try_from(position.line()).ok()).unwrap_or(1)
}

/// What each column is; `None` if the rows could not be understood.
fn columns(header: &StringRecord, problems: &mut Problems) -> Option<Vec<&'static str>> {
    let mut columns = Vec::new();
    let before = problems.len();
    for cell in header {
        let name = cell.to_lowercase();
        match COLUMNS.into_iter().find(|column| *column == name) {
            Some(column) if columns.contains(&column) => {
                problems.add(
                    line(header.position()),
                    format!("the column `{column}` stands twice"),
                    "keep one of them",
                );
            }
            Some(column) => columns.push(column),
            None => problems.add(
                line(header.position()),
                format!("there is no column `{cell}`"),
                suggestion(&name, COLUMNS),
            ),
        }
    }
    for column in NEEDED {
        if !columns.contains(&column) {
            problems.add(
                line(header.position()),
                format!("the column `{column}` is missing"),
                "the first row names the columns, parted by commas or semicolons",
            );
        }
    }
    (problems.len() == before).then_some(columns)
}

fn record(row: &StringRecord, columns: &[&'static str], problems: &mut Problems) -> Option<Raw> {
    let line = line(row.position());
    if row.len() != columns.len() {
        problems.add(
            line,
            format!("the row has {} cells, the first row has {}", row.len(), columns.len()),
            "put text that holds the separator in double quotes, and leave empty cells empty",
        );
        return None;
    }
    if row.iter().any(|cell| cell.contains('\n')) {
        problems.add(
            line,
            "a cell runs over several lines",
            "close its double quote on the same line",
        );
        return None;
    }
    let mut kind = None;
    let mut fields = HashMap::new();
    for (&column, cell) in columns.iter().zip(row) {
        if column == "kind" {
            kind = Kind::named(&cell.to_lowercase());
            if kind.is_none() {
                problems.add(
                    line,
                    format!("`{cell}` is no kind of record"),
                    suggestion(cell, Kind::ALL.map(Kind::as_str)),
                );
            }
            continue;
        }
        let list = matches!(column, "numbers" | "groups");
        let values: Vec<String> = if list {
            cell.split('|')
                .map(str::trim)
                .filter(|value| !value.is_empty())
                .map(str::to_owned)
                .collect()
        } else {
            [cell].into_iter().filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
        };
        if !values.is_empty() {
            fields.insert(column, Field { line, values });
        }
    }
    let kind = kind?;
    for &column in columns {
        if column != "kind" && fields.contains_key(column) && !kind.fields().contains(&column) {
            problems.add(
                line,
                format!("{} has no `{column}`", kind.with_article()),
                "leave this cell empty",
            );
        }
    }
    Some(Raw { kind, line, fields })
}
