//! `dozvon demo` and `dozvon load`, run as a person runs them.

use std::time::Duration;

use assert_cmd::Command;
use serde_json::Value;

fn dozvon(args: &[&str]) -> Vec<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dozvon"));
    let folder = tempfile::tempdir().expect("a folder");
    command.args(args).current_dir(folder.path()).timeout(Duration::from_secs(100));
    let output = command.assert().success();
    let text = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
    text.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect()
}

#[test]
fn the_whole_story_ends_as_told() {
    let calls = dozvon(&["demo", "--once", "--speed", "20", "--json", "--http", "127.0.0.1:0"]);
    assert_eq!(calls.len(), 10);
    for call in &calls {
        for key in ["scene", "call_id", "from", "to", "outcome", "steps", "reason"] {
            assert!(call.get(key).is_some(), "{key} is missing in {call}");
        }
    }
    let scene = |name: &str| calls.iter().find(|c| c["scene"] == name).expect("the scene");
    assert_eq!(scene("owner_answers")["outcome"], "answered");
    assert_eq!(scene("owner_silent")["steps"][0]["result"], "no_answer");
    assert_eq!(scene("crm_down")["reason"], "crm_down");
    assert_eq!(scene("caller_gives_up")["outcome"], "abandoned");
}

#[test]
fn a_load_run_loses_no_call_and_tells_its_numbers() {
    let numbers = dozvon(&["load", "--calls", "300", "--concurrency", "30", "--json"]);
    let numbers = &numbers[0];
    assert_eq!((&numbers["calls"], &numbers["lost"]), (&300.into(), &0.into()));
    for key in [
        "completed",
        "calls_per_second",
        "decision_ms",
        "engine_cpu_us_per_call",
        "engine_rss_bytes_per_call",
    ] {
        assert!(!numbers[key].is_null(), "{key} is missing in {numbers}");
    }
    for key in ["p50", "p99", "max"] {
        assert!(numbers["decision_ms"][key].is_number(), "{numbers}");
    }
}
