//! The sets an engine goes by: one for all calls, others for some lines, one in the shadow.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::suite::{Failure, Suite};
use super::{BUILTIN, RuleSet};
use crate::config::Rules;
use crate::rules::problem::RulesError;
use crate::rules::words::{shown, suggest};

/// The folder in which a set is looked for by its name.
const FOLDER: &str = "rules";

/// The sets as configured.
#[derive(Clone, Debug)]
pub struct Sets {
    default: Arc<RuleSet>,
    lines: BTreeMap<String, Arc<RuleSet>>,
    shadow: Option<Arc<RuleSet>>,
}

/// Why the sets were not taken: everything that is wrong with any of them.
#[derive(Debug, thiserror::Error)]
#[error("{}", match .0.as_slice() {
    [one] => one.to_string(),
    all => format!("{} rule sets cannot be used", all.len()),
})]
pub struct SetsError(Vec<SetError>);

/// What is wrong with one set.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// No set has this name.
    #[error("`{key}`: there is no rule set `{name}`")]
    Unknown {
        /// The key of the configuration.
        key: String,
        /// The name.
        name: String,
        /// The nearest one, and all.
        help: String,
    },
    /// Its text has mistakes, or it cannot be read.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// Its own tests fail.
    #[error("the tests of rule set `{set}` fail")]
    Tests {
        /// The set.
        set: String,
        /// Each with its place and what was found.
        failures: Vec<super::suite::Failure>,
    },
}

impl SetError {
    /// One line a mistake, for logs.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Unknown { help, .. } => vec![format!("{self} ({help})")],
            Self::Rules(error) => error.lines(),
            Self::Tests { failures, .. } => failures.iter().map(Failure::line).collect(),
        }
    }
}

impl miette::Diagnostic for SetError {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        match self {
            Self::Unknown { help, .. } => Some(Box::new(help)),
            Self::Rules(error) => error.help(),
            Self::Tests { failures, .. } => {
                let lines: Vec<String> = failures.iter().map(ToString::to_string).collect();
                Some(Box::new(lines.join("\n")))
            }
        }
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        match self {
            Self::Rules(error) => error.related(),
            Self::Unknown { .. } | Self::Tests { .. } => None,
        }
    }
}

impl miette::Diagnostic for SetsError {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        Some(Box::new(self.0.iter().map(|error| error as &dyn miette::Diagnostic)))
    }
}

impl SetsError {
    /// One line a mistake, for logs.
    pub fn lines(&self) -> Vec<String> {
        self.0.iter().flat_map(SetError::lines).collect()
    }

    /// Each of them.
    pub fn into_errors(self) -> Vec<SetError> {
        self.0
    }
}

/// Reads, checks and tests the set of a file.
///
/// # Errors
/// Mistakes in it or in the tests beside it, and tests that fail.
pub fn load_tested(path: &Path) -> Result<Arc<RuleSet>, SetError> {
    tested(&Suite::load(path)?)
}

impl Sets {
    /// Reads, checks and tests every set the configuration names. A set that is named twice is
    /// read once.
    ///
    /// # Errors
    /// Everything that is wrong with any of them: no such set, mistakes, tests that fail.
    pub fn load(config: &Rules) -> Result<Self, SetsError> {
        let mut read: BTreeMap<&str, Option<Arc<RuleSet>>> = BTreeMap::new();
        let mut errors = Vec::new();
        let mut set = |key: String, name| -> Option<Arc<RuleSet>> {
            let set = read.entry(name).or_insert_with(|| {
                let set = suite(key, name).and_then(|suite| tested(&suite));
                set.map_err(|error| errors.push(error)).ok()
            });
            set.clone()
        };
        let default = set("rules.set".into(), &config.set);
        let lines: Option<BTreeMap<_, _>> = config
            .lines
            .iter()
            .map(|(line, name)| Some((line.clone(), set(format!("rules.lines.{line}"), name)?)))
            .collect::<Vec<_>>()
            .into_iter()
            .collect();
        let shadow = config.shadow.as_ref().map(|name| set("rules.shadow".into(), name));
        match (default, lines) {
            (Some(default), Some(lines)) if errors.is_empty() => {
                Ok(Self { default, lines, shadow: shadow.flatten() })
            }
            _ => Err(SetsError(errors)),
        }
    }

    /// The files the sets of a configuration come from, each with its tests, whether or not they
    /// are there.
    pub fn files(config: &Rules) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for name in [&config.set].into_iter().chain(config.lines.values()).chain(&config.shadow) {
            let path = path(name);
            if !files.contains(&path) {
                let tests = super::suite::beside(&path);
                files.extend([path, tests]);
            }
        }
        files
    }

    /// The same set for every line, for tests and tools.
    pub fn only(set: Arc<RuleSet>) -> Self {
        Self { default: set, lines: BTreeMap::new(), shadow: None }
    }

    /// The set of a line; `None`: a call that came on no line of ours.
    pub fn for_line(&self, line: Option<&str>) -> &Arc<RuleSet> {
        line.and_then(|line| self.lines.get(line)).unwrap_or(&self.default)
    }

    /// The set in the shadow.
    pub fn shadow(&self) -> Option<&Arc<RuleSet>> {
        self.shadow.as_ref()
    }

    /// Each set once, the one for all calls first.
    pub fn all(&self) -> Vec<&Arc<RuleSet>> {
        let mut found: Vec<&Arc<RuleSet>> = Vec::new();
        for set in [&self.default].into_iter().chain(self.lines.values()).chain(&self.shadow) {
            if !found.iter().any(|other| Arc::ptr_eq(other, set)) {
                found.push(set);
            }
        }
        found
    }

    /// Lines that have a set of their own.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.keys().map(String::as_str)
    }
}

fn is_path(name: &str) -> bool {
    name.ends_with(".toml")
}

/// Where a set is looked for, by its name or its path.
fn path(name: &str) -> PathBuf {
    match is_path(name) {
        true => PathBuf::from(name),
        false => Path::new(FOLDER).join(format!("{name}.toml")),
    }
}

/// The set by its name, or by its path.
fn suite(key: String, name: &str) -> Result<Suite, SetError> {
    let path = path(name);
    if is_path(name) || path.exists() {
        return Ok(Suite::load(&path)?);
    }
    Suite::builtin(name).ok_or_else(|| {
        let here = super::suite::files(Path::new(FOLDER)).unwrap_or_default();
        let stems = here.iter().filter_map(|path| path.file_stem()?.to_str());
        let mut names: Vec<&str> = BUILTIN.iter().map(|set| set.name).chain(stems).collect();
        names.sort_unstable();
        names.dedup();
        let help = suggest(name, &names);
        SetError::Unknown { key, name: shown(name), help }
    })
}

fn tested(suite: &Suite) -> Result<Arc<RuleSet>, SetError> {
    let report = suite.run()?;
    match report.failures.is_empty() {
        true => Ok(report.set),
        false => Err(SetError::Tests { set: suite.name.clone(), failures: report.failures }),
    }
}
