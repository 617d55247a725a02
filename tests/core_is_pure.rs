//! The core has no I/O, no clock and no chance in it: a call's whole way is tested without waiting,
//! and every decision can be replayed.

use std::fs;
use std::path::{Path, PathBuf};

/// What a pure source must not name, and why.
const FORBIDDEN: [(&str, &str); 17] = [
    ("tokio", "the core does not wait"),
    ("async fn", "the core does not wait"),
    ("std::net", "the core opens no socket"),
    ("std::fs", "the core reads no file"),
    ("std::io", "the core reads and writes nothing"),
    ("std::env", "the core reads no environment"),
    ("std::process", "the core starts nothing"),
    ("std::thread", "the core starts nothing"),
    ("Instant", "time is an argument"),
    ("SystemTime", "time is an argument"),
    ("::now(", "time is an argument"),
    ("fastrand", "equal facts give equal decisions"),
    ("rand::", "equal facts give equal decisions"),
    ("new_v4", "equal facts give equal decisions"),
    ("tracing", "what the core did stands in its answer"),
    ("println!", "the core prints nothing"),
    ("sqlx", "the core stores nothing"),
];

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The code without comments and without the tests below it.
fn code(text: &str) -> Vec<(usize, &str)> {
    let lines = text.lines().zip(1..).map(|(line, number)| (number, line));
    let lines = lines.take_while(|(_, line)| !line.starts_with("mod tests {"));
    lines.map(|(number, line)| (number, line.split("//").next().unwrap_or_default())).collect()
}

fn offences(name: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in code(text) {
        for (word, why) in FORBIDDEN {
            if line.contains(word) {
                found.push(format!("{name}:{number}: `{word}`: {why}"));
            }
        }
    }
    found
}

#[test]
fn the_core_has_no_socket_file_clock_or_random_number() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![root.join("src/rules/model.rs")];
    sources(&root.join("src/rules/model"), &mut files);
    sources(&root.join("src/core"), &mut files);
    assert!(files.len() > 10, "the sources were not found");
    let found = files.iter().flat_map(|file| {
        let name = file.strip_prefix(root).unwrap().display().to_string();
        offences(&name, &fs::read_to_string(file).unwrap())
    });
    let found: Vec<String> = found.collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn an_offence_is_found_in_code_and_not_in_a_comment() {
    let text = "// tokio is not used\nlet t = Timestamp::now();\n";
    assert_eq!(offences("x.rs", text), ["x.rs:2: `::now(`: time is an argument"]);
}
