//! Rules of the house that no compiler checks.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};

fn files(dir: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut dirs, mut files) = (vec![root.join(dir)], Vec::new());
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                dirs.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                files.push((path.strip_prefix(root).unwrap().to_owned(), text));
            }
        }
    }
    files
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "rs")
}

#[test]
fn a_source_file_is_read_in_one_sitting() {
    let mut sources = files("src");
    sources.retain(|(path, _)| is_rust(path));
    let mut lines = Vec::new();
    for (path, text) in &sources {
        let count = text.lines().count();
        assert!(count <= 600, "{} has {count} lines, 600 are allowed: split it", path.display());
        lines.push(count);
    }
    lines.sort_unstable();
    let median = lines[lines.len() / 2];
    assert!(median < 150, "the median file has {median} lines, it should be under 150");
}

#[test]
fn errors_are_types_outside_the_command_line() {
    for (path, text) in files("src") {
        let allowed = path.starts_with("src/cli") || !is_rust(&path);
        assert!(allowed || !text.contains("anyhow"), "{}: use a thiserror enum", path.display());
    }
}

#[test]
fn no_file_holds_a_path_of_one_machine() {
    let home = std::env::var("HOME").unwrap_or_default();
    // A path of one part, such as `/src`, is too common a word to look for.
    let paths: Vec<_> = [env!("CARGO_MANIFEST_DIR"), &home]
        .into_iter()
        .filter(|path| path.trim_end_matches('/').matches('/').count() > 1)
        .map(|path| format!("{path}/"))
        .collect();
    for dir in ["src", "tests", "benches", "rules", "freeswitch-conf", "fuzz/fuzz_targets"] {
        for (path, text) in files(dir) {
            let found = paths.iter().find(|p| text.contains(*p));
            assert_eq!(found, None, "{}", path.display());
        }
    }
}
