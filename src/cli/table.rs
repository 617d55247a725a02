//! Tables for people.

use std::fmt::Write as _;

/// Columns as wide as what stands in them.
pub fn table(heads: &[&str], rows: Vec<Vec<String>>) -> String {
    let heads = heads.iter().map(|head| (*head).to_owned()).collect::<Vec<_>>();
    let mut lines: Vec<Vec<String>> = Vec::new();
    if !heads.is_empty() {
        lines.push(heads);
    }
    lines.extend(rows.iter().map(|row| row.iter().map(|cell| plain(cell)).collect()));
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |n: usize| lines.iter().filter_map(|l| l.get(n)).map(|c| c.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|n| width(n).unwrap_or(0)).collect();
    let mut out = String::new();
    for line in &lines {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let _ = writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    out
}

/// On one line, and with nothing in it that a terminal obeys: names come from outside.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
