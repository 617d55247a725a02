//! `dozvon demo` and `dozvon load`, run as a person runs them.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
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
    assert_eq!(calls.len(), 16);
    for call in &calls {
        for key in
            ["scene", "call_id", "from", "to", "outcome", "steps", "reason", "rules", "actions"]
        {
            assert!(call.get(key).is_some(), "{key} is missing in {call}");
        }
    }
    let scene = |name: &str| calls.iter().find(|c| c["scene"] == name).expect("the scene");
    assert_eq!(scene("owner_answers")["outcome"], "answered");
    assert_eq!(scene("owner_silent")["steps"][0]["result"], "no_answer");
    let link = scene("owner_answers")["recording"]["url"].as_str().expect("it is recorded");
    assert!(link.contains("/recordings/") && link.contains("&signature="), "{link}");
    assert!(scene("caller_gives_up")["recording"].is_null(), "nobody talked");
    assert_eq!(scene("crm_down")["reason"], "crm_down");
    assert_eq!(scene("caller_gives_up")["outcome"], "abandoned");
    for action in calls.iter().flat_map(|call| call["actions"].as_array().expect("a list")) {
        assert_eq!(action["is"], "done", "{action}");
    }
    let first = &scene("unknown_caller")["actions"];
    assert_eq!(first[1]["rule"], "client/answered-unknown");
    assert_eq!(
        (&first[2]["what"], &first[2]["action"]["owner"]),
        (&"made deal dz2".into(), &"106".into())
    );
    let again = &scene("client_calls_again")["actions"];
    assert_eq!(again[0]["what"], "registered call 5 on deal dz2");
    assert_eq!(scene("callback")["outcome"]["over"], "talked");
    assert_eq!(scene("callback_all_busy")["steps"][0]["result"], "busy");
    assert_eq!(scene("callback_nobody")["outcome"]["over"], "no_manager");
    assert_eq!(scene("voicemail")["rules"][1]["rules"][1], "client/missed-no-deal");
}

#[test]
fn the_story_tells_people_what_came_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_dozvon"));
    command.args(["demo", "--once", "--speed", "20", "--http", "127.0.0.1:0"]);
    command.current_dir(folder.path()).timeout(Duration::from_secs(100));
    let output = command.assert().success();
    let text = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
    for line in [
        "16 of 16 scenes ended as told.",
        "deal \"Входящий звонок +79265550000\", owner Егор Панин – made deal dz2",
        "  the CRM is down: 6 actions wait",
        "  the CRM is back, tells who called, and the rules decide anew. Done is:",
        "kept are both: Анна Смирнова answered first, Борис Кузнецов spoke last",
        "  11  inbound    answered  101  +79161110001  deal d1",
        "tasks: none",
    ] {
        assert!(text.contains(line), "no `{line}` in\n{text}");
    }
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

/// A demo that goes on until it is told to end, with a temporary folder of its own.
fn endless(folder: &tempfile::TempDir) -> Child {
    std::process::Command::new(env!("CARGO_BIN_EXE_dozvon"))
        .args(["demo", "--speed", "20", "--http", "127.0.0.1:0"])
        .current_dir(folder.path())
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts")
}

/// It ended well, said nothing bad and left nothing behind.
fn ended_well(mut demo: Child, folder: &tempfile::TempDir) {
    let mut errors = String::new();
    demo.stderr.take().expect("piped").read_to_string(&mut errors).expect("text");
    assert!(demo.wait().expect("it ends").success(), "{errors}");
    assert_eq!(errors, "");
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("the folder").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn ctrl_c_and_a_service_manager_end_the_demo_and_nothing_is_left_behind() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut demo = endless(&folder);
        let out = demo.stdout.take().expect("piped");
        let mut out = BufReader::new(out);
        out.read_line(&mut String::new()).expect("it tells");
        let pid = demo.id().to_string();
        let kill = std::process::Command::new("kill").args([signal, &pid]).status();
        assert!(kill.expect("kill runs").success());
        out.read_to_string(&mut String::new()).expect("text");
        ended_well(demo, &folder);
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_demo_without_a_word() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut demo = endless(&folder);
    let out = demo.stdout.take().expect("piped");
    BufReader::new(out).read_line(&mut String::new()).expect("it tells");
    ended_well(demo, &folder);
}

#[test]
fn a_load_that_could_never_run_is_refused_with_what_to_write() {
    for (args, says) in [
        (["--concurrency", "0"], "from 1"),
        (["--rate", "nan"], "from 0.001"),
        (["--calls", "0"], "1.."),
        (["--engine", "127.0.0.1:1"], "dozvon serve --sample"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dozvon"));
        command.arg("load").args(args).timeout(Duration::from_secs(60));
        let errors = command.assert().failure().get_output().stderr.clone();
        let errors = String::from_utf8(errors).expect("text");
        assert!(errors.contains(says), "{args:?}: {errors}");
    }
}
