//! `dozvon test`: the tests beside the rule sets.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use miette::Report as Shown;

use super::out::print;
use crate::rules::RulesError;
use crate::rules::set::BUILTIN;
use crate::rules::set::suite::{Report, Suite, files};

/// The folder of sets that is used where none is named, if it exists.
const FOLDER: &str = "rules";

/// `dozvon test`
#[derive(Debug, clap::Args)]
pub struct TestArgs {
    /// A set's file, or a folder of sets. Left out: `rules` if there are sets in it, else the
    /// built-in sets.
    #[arg(value_name = "DIR")]
    path: Option<PathBuf>,
}

impl TestArgs {
    /// Runs the tests of each set and prints what came of them. Succeeds where none failed.
    ///
    /// # Errors
    /// The output cannot be written. A failed test or a wrong file is an exit code of 1.
    pub fn run(self) -> miette::Result<ExitCode> {
        let suites = match self.path.as_deref().map_or_else(configured, find) {
            Ok(suites) => suites,
            Err(error) => return Err(Shown::new(error)),
        };
        if suites.is_empty() {
            print("no sets here\n")?;
            return Ok(ExitCode::FAILURE);
        }
        let mut good = true;
        for suite in &suites {
            match suite.run() {
                Ok(report) => {
                    good &= report.failures.is_empty();
                    print(&render(&report, suite.tests.is_some()))?;
                }
                Err(error) => {
                    good = false;
                    print(&format!("{}\n", error.lines().join("\n")))?;
                }
            }
        }
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn configured() -> Result<Vec<Suite>, RulesError> {
    let here = Path::new(FOLDER);
    match here.is_dir() {
        true => find(here).map(|found| if found.is_empty() { builtin() } else { found }),
        false => Ok(builtin()),
    }
}

fn builtin() -> Vec<Suite> {
    BUILTIN.iter().filter_map(|set| Suite::builtin(set.name)).collect()
}

fn find(path: &Path) -> Result<Vec<Suite>, RulesError> {
    match path.is_dir() {
        true => files(path)?.iter().map(|file| Suite::load(file)).collect(),
        false => Ok(vec![Suite::load(path)?]),
    }
}

/// What came of the tests of one set.
fn render(report: &Report, beside: bool) -> String {
    let mut out = String::new();
    let count = match report.tests {
        1 => "1 test".to_owned(),
        n => format!("{n} tests"),
    };
    let state = match (report.failures.len(), beside) {
        (_, false) => "no tests beside it".to_owned(),
        (0, true) => format!("{count}, all as expected"),
        (failed, true) => format!("{count}, {failed} FAILED"),
    };
    let _ = writeln!(out, "{} ({}): {state}", report.set.name(), report.set.file());
    for failure in &report.failures {
        let _ = writeln!(out, "  {}", failure.to_string().replace('\n', "\n  "));
    }
    if beside {
        for (rule, place) in report.unreached() {
            let _ = writeln!(out, "  {place}: no test reached {rule}");
        }
    }
    out
}
