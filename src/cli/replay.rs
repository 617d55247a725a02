//! `dozvon replay`: what other rules would have made of the calls that were. Sends nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use miette::{Diagnostic, IntoDiagnostic};

use super::out::print;
use crate::config::{Config, Rules};
use crate::core::action::Planned;
use crate::core::staff::Staff;
use crate::directory::config::human_duration;
use crate::outbox::journal::{Journal, Judged};
use crate::rules::set::Sets;
use crate::store::Store;

/// `dozvon replay`
///
/// Each case of the journal is judged again, with the facts it was judged by and the employees of
/// today. A case for which the same would be done is not shown.
#[derive(Debug, clap::Args)]
pub struct ReplayArgs {
    /// A folder with sets of the same names as those configured, or one set's file for all calls.
    #[arg(long, value_name = "DIR|FILE.toml")]
    rules: PathBuf,
    /// How far back.
    #[arg(long, default_value = "24h", value_parser = human_duration::parse)]
    since: Duration,
}

#[derive(Debug, thiserror::Error, Diagnostic)]
enum ReplayError {
    #[error("there is no journal: {0} is not there")]
    #[diagnostic(help("name the store of the engine: `path` in [store] of the configuration"))]
    NoStore(String),
    #[error("there are no rules {0}")]
    #[diagnostic(help("name a folder of rule sets, or the file of one"))]
    NoRules(String),
}

impl ReplayArgs {
    /// Prints the difference case by case, and a summary.
    ///
    /// # Errors
    /// What is wrong with the rules or the store.
    pub async fn run(self, config: &Config, staff: &Staff) -> miette::Result<ExitCode> {
        let path = &config.store.path;
        if !path.exists() {
            return Err(ReplayError::NoStore(path.display().to_string()).into());
        }
        if !self.rules.exists() {
            return Err(ReplayError::NoRules(self.rules.display().to_string()).into());
        }
        let sets = Sets::load(&elsewhere(&config.rules, &self.rules))?;
        let store = Store::open(path).await?;
        let since = Timestamp::now().checked_sub(self.since).into_diagnostic()?;
        let mut journal = Journal::since(store, since);
        let mut sum = Sum::default();
        while let Some(page) = journal.page().await? {
            sum.unreadable += page.unreadable;
            let mut text = String::new();
            for judged in page.cases {
                let ruling = sets.for_line(judged.case.line.as_deref()).judge(&judged.case, staff);
                sum.add(&judged, &ruling.actions, &mut text);
            }
            print(&text)?;
        }
        print(&sum.to_string())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The same names in another place.
fn elsewhere(rules: &Rules, place: &Path) -> Rules {
    let there = |name: &String| {
        let path = match place.is_dir() {
            true => {
                let name = Path::new(name).file_name().map_or_else(|| name.into(), PathBuf::from);
                place.join(name).with_extension("toml")
            }
            false => place.to_owned(),
        };
        path.display().to_string()
    };
    Rules {
        set: there(&rules.set),
        lines: rules.lines.iter().map(|(line, name)| (line.clone(), there(name))).collect(),
        shadow: None,
        ..rules.clone()
    }
}

#[derive(Default)]
struct Sum {
    cases: u64,
    different: u64,
    unreadable: u64,
    less: BTreeMap<&'static str, u64>,
    more: BTreeMap<&'static str, u64>,
}

impl Sum {
    fn add(&mut self, judged: &Judged, now: &[Planned], text: &mut String) {
        self.cases += 1;
        let same = |a: &Planned, b: &Planned| a.action == b.action && a.after == b.after;
        let equal = judged.actions.len() == now.len()
            && judged.actions.iter().zip(now).all(|(before, now)| same(before, now));
        if equal {
            return;
        }
        self.different += 1;
        let case = &judged.case;
        let _ = writeln!(
            text,
            "{} {} {} of call {}",
            case.at,
            case.direction.as_str(),
            case.event.as_str(),
            case.call
        );
        let mut shown = false;
        for planned in judged.actions.iter().filter(|a| !now.iter().any(|b| same(a, b))) {
            *self.less.entry(planned.action.word()).or_default() += 1;
            let _ = writeln!(text, "  - {}", told(planned));
            shown = true;
        }
        for planned in now.iter().filter(|a| !judged.actions.iter().any(|b| same(a, b))) {
            *self.more.entry(planned.action.word()).or_default() += 1;
            let _ = writeln!(text, "  + {}", told(planned));
            shown = true;
        }
        if !shown {
            let _ = writeln!(text, "  the same actions in another order or number");
        }
    }
}

impl std::fmt::Display for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |words: &BTreeMap<&str, u64>| -> String {
            let words: Vec<_> = words.iter().map(|(word, n)| format!("{n} {word}")).collect();
            if words.is_empty() { "none".into() } else { words.join(", ") }
        };
        writeln!(f, "{} cases, {} would have been handled otherwise", self.cases, self.different)?;
        if self.different > 0 {
            writeln!(f, "no more: {}", list(&self.less))?;
            writeln!(f, "new: {}", list(&self.more))?;
        }
        if self.unreadable > 0 {
            writeln!(
                f,
                "{} cases were written by another version and cannot be read",
                self.unreadable
            )?;
        }
        Ok(())
    }
}

fn told(planned: &Planned) -> String {
    let action = serde_json::to_string(&planned.action).unwrap_or_default();
    let after = planned.after.map(|at| format!(", not before {at}")).unwrap_or_default();
    format!("{} {action}{after}", planned.rule)
}
