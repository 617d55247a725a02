//! The NOC's screen: boards and alerts of `grafana/`, made of one source and tried on a real
//! Prometheus.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod boards;
mod catalogue;
mod picture;
mod promql;
mod promtool;
mod real;
mod rules;
mod source;
mod whole;

use std::fs;

use rules::Pace;
use source::Source;

/// What Prometheus goes by.
fn rules_for(source: &Source, pace: Pace) -> [(String, String); 2] {
    [
        ("recording".into(), rules::file("dozvon-slo", &rules::recordings(source), pace)),
        ("alerts".into(), rules::file("dozvon", &rules::alerts(source), pace)),
    ]
}

/// Each file that is made, by its path in `grafana`.
fn made(source: &Source) -> Vec<(String, String)> {
    let json = |board| serde_json::to_string_pretty(&board).unwrap() + "\n";
    let mut files: Vec<_> = source
        .boards
        .iter()
        .zip(source::BOARDS)
        .map(|(board, name)| (name, boards::board(source, board)))
        .chain([("runbook", boards::runbook(source))])
        .map(|(name, board)| (format!("dashboards/{name}.json"), json(board)))
        .collect();
    for (name, text) in rules_for(source, Pace(1)).into_iter().chain(rules::proofs(source)) {
        files.push((format!("prometheus/{name}.yml"), text));
    }
    files.push(("METRICS.md".into(), catalogue::page(source)));
    files
}

/// `UPDATE=1` writes them.
#[test]
fn generated_files_are_up_to_date() {
    let update = std::env::var_os("UPDATE").is_some();
    for (name, text) in made(&Source::read()) {
        let file = source::folder().join(&name);
        if update {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, &text).unwrap();
        }
        let is = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            is == text,
            "grafana/{name} is out of date: UPDATE=1 cargo nextest run --test noc generated"
        );
    }
}
