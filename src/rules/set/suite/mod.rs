//! The tests beside a set: `NAME.test.toml`. Each states a case, the rule expected in each
//! chapter, and exactly the actions that follow.

mod case;
mod differences;
mod expected;
mod pins;
mod read;
mod report;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use report::{Failure, Report};

use super::{BUILTIN, RuleSet};
use crate::core::action::{Action, Ruling};
use crate::core::case::Case;
use crate::core::staff::Staff;
use crate::core::trace::Place;
use crate::rules::problem::RulesError;

/// A set with the tests beside it, as texts.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The set's name.
    pub name: String,
    /// What the set's places are called, and its text.
    pub set: (String, String),
    /// The same of the tests; `None`: there are none.
    pub tests: Option<(String, String)>,
}

/// One test, read.
#[derive(Debug)]
pub(super) struct Test {
    pub name: String,
    pub place: Place,
    pub column: u32,
    /// The set with the test's settings in place.
    pub set: Arc<RuleSet>,
    pub staff: Staff,
    pub case: Case,
    /// Chapter and rule.
    pub rules: Vec<(String, String)>,
    pub actions: Vec<Expected>,
}

/// An action as expected.
#[derive(Debug, PartialEq)]
pub(super) struct Expected {
    pub action: Action,
    pub delay: Option<std::time::Duration>,
}

impl Suite {
    /// A set that is part of the program.
    pub fn builtin(name: &str) -> Option<Self> {
        let set = BUILTIN.iter().find(|set| set.name == name)?;
        Some(Self {
            name: name.to_owned(),
            set: (format!("built-in {name}.toml"), set.text.to_owned()),
            tests: Some((format!("built-in {name}.test.toml"), set.tests.to_owned())),
        })
    }

    /// A set's file, and the tests beside it where there are any.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn load(path: &Path) -> Result<Self, RulesError> {
        let read = |path: &Path| {
            let file = path.display().to_string();
            match std::fs::read_to_string(path) {
                Ok(text) => Ok((file, text)),
                Err(reason) => Err(RulesError::Read { file, reason }),
            }
        };
        let name = path.file_stem().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        let beside = beside(path);
        let tests = beside.exists().then(|| read(&beside)).transpose()?;
        Ok(Self { name, set: read(path)?, tests })
    }

    /// The set alone.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(&self) -> Result<RuleSet, RulesError> {
        super::parse::set(&self.name, &self.set.0, &self.set.1, &super::parse::Overrides::default())
    }

    /// Runs the tests.
    ///
    /// # Errors
    /// Mistakes in the set, or in the tests themselves. A test that fails is no error.
    pub fn run(&self) -> Result<Report, RulesError> {
        let set = Arc::new(self.parse()?);
        let tests = match &self.tests {
            Some((file, text)) => read::tests(self, &set, file, text)?,
            None => Vec::new(),
        };
        let mut report = Report::new(set.clone(), tests.len());
        for test in &tests {
            let ruling = test.set.judge(&test.case, &test.staff);
            report.reached(&ruling);
            let found = test.compare(&ruling);
            if !found.is_empty() {
                let (name, place) = (test.name.clone(), test.place.clone());
                let column = test.column;
                report.failures.push(Failure { name, place, column, differences: found });
            }
        }
        Ok(report)
    }
}

impl Test {
    /// What is not as expected, in lines.
    fn compare(&self, ruling: &Ruling) -> Vec<String> {
        let mut differences = Vec::new();
        for (chapter, found) in self.set.chapters.iter().zip(&ruling.rules) {
            let named = self.rules.iter().find(|(id, _)| *id == chapter.id).map(|(_, rule)| rule);
            let default = chapter.rules.iter().find(|rule| rule.default).map(|rule| &rule.id);
            let Some(expected) = named.or(default) else { continue };
            let expected = format!("{}/{expected}", chapter.id);
            if expected != *found {
                differences.push(format!("expected rule {expected}, found {found}"));
            }
        }
        differences.extend(differences::actions(
            &self.actions,
            ruling,
            self.case.at,
            &self.set.zone,
        ));
        differences
    }
}

/// The file of the tests of a set.
pub fn beside(set: &Path) -> PathBuf {
    set.with_extension("test.toml")
}

/// The files of sets in a folder, in the order of their names. `routing.toml` is none.
///
/// # Errors
/// The folder cannot be read.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>, RulesError> {
    let fail = |reason| RulesError::Read { file: folder.display().to_string(), reason };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let set = name.ends_with(".toml") && !name.ends_with(".test.toml");
        if set && name != "routing.toml" && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
