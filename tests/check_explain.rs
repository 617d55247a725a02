//! `dozvon check` and `dozvon explain` as a person runs them, in an empty directory.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::process::{Command, Stdio};

use assert_cmd::cargo::cargo_bin;
use tempfile::TempDir;

fn dozvon(directory: &TempDir) -> Command {
    let mut command = Command::new(cargo_bin!("dozvon"));
    command.current_dir(directory.path()).env_remove("DOZVON_CONFIG");
    command
}

#[test]
fn check_takes_the_built_in_rules_and_refuses_a_wrong_file_with_places() {
    let here = TempDir::new().unwrap();
    let good = dozvon(&here).arg("check").output().unwrap();
    assert!(good.status.success());
    assert!(String::from_utf8_lossy(&good.stdout).contains("no mistakes, 0 warnings"));

    std::fs::write(here.path().join("bad.toml"), "schema = 1\nregoin = \"RU\"\n").unwrap();
    let bad = dozvon(&here).args(["check", "bad.toml", "--plain"]).output().unwrap();
    assert_eq!(bad.status.code(), Some(1));
    let told = String::from_utf8_lossy(&bad.stdout);
    assert!(told.contains("bad.toml:2:1: error: the file knows no key `regoin`"), "{told}");
}

#[test]
fn explain_tells_the_plan_and_a_wrong_time_is_refused() {
    let here = TempDir::new().unwrap();
    std::fs::write(here.path().join("dozvon.toml"), "[rules]\nset = \"small.toml\"\n").unwrap();
    for (name, text) in [
        ("small.toml", include_str!("rules/small.toml")),
        ("small.test.toml", include_str!("rules/small.test.toml")),
    ] {
        std::fs::write(here.path().join(name), text).unwrap();
    }
    let call = ["explain", "--from", "+79161234567", "--to", "+74951234567"];
    let told = dozvon(&here).args(call).args(["--at", "2026-11-20T18:59"]).output().unwrap();
    assert!(told.status.success());
    let told = String::from_utf8_lossy(&told.stdout);
    assert!(told.contains("Fri 2026-11-20 18:59 Europe/Moscow"), "{told}");
    assert!(told.contains("wait in the queue sales"), "{told}");
    assert!(told.contains("register/missed           the call is registered as missed"), "{told}");

    let json = dozvon(&here).args(call).arg("--json").output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["decision"]["fallback"], "unknown");
    let ways = json["learns"]["ways"].as_array().unwrap();
    let way = ways.iter().find(|way| way["title"] == "nobody answers").unwrap();
    let missed = way["cases"].as_array().unwrap().last().unwrap();
    assert_eq!(missed["case"]["event"], "missed");
    assert_eq!(missed["ruling"]["actions"][0]["action"]["do"], "register_call");

    std::fs::write(here.path().join("dozvon.toml"), "[rules]\nset = \"smal\"\n").unwrap();
    let wrong = dozvon(&here).args(call).output().unwrap();
    assert!(!wrong.status.success());
    assert!(
        String::from_utf8_lossy(&wrong.stdout).contains("wait in the queue sales"),
        "the plan is told"
    );
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("there is no rule set `smal`"));

    let told = dozvon(&here).args(call).output().unwrap();
    let told = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(told.contains("there is no store dozvon.sqlite: nobody is known yet"), "{told}");
    assert!(!here.path().join("dozvon.sqlite").exists(), "who only asks makes no store");

    let wrong = dozvon(&here).args(call).args(["--at", "soon"]).output().unwrap();
    assert!(!wrong.status.success());
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("`soon` is no time"));
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let here = TempDir::new().unwrap();
    let mut child = dozvon(&here)
        .args(["check", "--plain"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
    assert!(ended.status.success());
}

#[test]
fn doctor_makes_no_store_and_says_that_there_is_none() {
    let here = TempDir::new().unwrap();
    let told = dozvon(&here).arg("doctor").output().unwrap();
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("there is no store dozvon.sqlite"), "{told}");
    assert!(!here.path().join("dozvon.sqlite").exists());
}
