//! Prometheus's own judgement of rules and configuration. Skipped, and said, where there is no
//! `promtool` (Debian: `apt-get install prometheus`).

use std::process::Command;

use crate::rules::proofs;
use crate::source::{Source, folder};

/// What it says, or `None` where there is none.
fn promtool(args: &[&str]) -> Option<String> {
    let folder = folder().join("prometheus");
    let output = match Command::new("promtool").args(args).current_dir(folder).output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("skipped: no promtool ({error}); install the package prometheus");
            return None;
        }
    };
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    assert!(output.status.success(), "promtool {args:?}: {said}");
    Some(said)
}

#[test]
fn promtool_takes_configuration_and_rules() {
    let Some(said) = promtool(&["check", "config", "prometheus.yml"]) else { return };
    assert!(!said.contains("FAILED") && said.contains("SUCCESS"), "{said}");
}

/// Cases whose steps are so long.
fn cases(wanted: impl Fn(&str) -> bool) {
    let proofs = proofs(&Source::read());
    let files = proofs.iter().map(|(name, _)| name).filter(|name| wanted(name));
    let files: Vec<_> = files.map(|name| format!("{name}.yml")).collect();
    let args: Vec<_> =
        ["test", "rules"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let Some(said) = promtool(&args) else { return };
    assert_eq!(said.matches("SUCCESS").count(), files.len(), "{said}");
    assert!(!files.is_empty());
}

#[test]
fn every_alert_fires_when_it_has_to_and_is_silent_else() {
    cases(|name| name == "tests-1m");
}

#[test]
fn alerts_that_look_back_for_days_fire_when_they_have_to_and_are_silent_else() {
    cases(|name| name != "tests-1m");
}
