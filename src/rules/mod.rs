//! Rule files: the way of a call (`routing.toml`). Read with places, checked whole, and either
//! taken or refused with every mistake named.

use std::path::{Path, PathBuf};

mod check;
pub mod model;
mod parse;
mod parse_calendar;
mod parse_callbacks;
mod parse_lines;
mod parse_sites;
mod parse_steps;
mod problem;
mod read;
pub mod set;
#[cfg(test)]
mod tests;
mod words;

pub use model::Routing;
pub use problem::{Problem, RulesError};
pub use set::RuleSet;

use crate::config::Rules;

/// The file of rules that is used where none is configured, if it exists.
pub const ROUTING_FILE: &str = "rules/routing.toml";
/// The rules an engine goes by when none are given.
const DEFAULT: &str = include_str!("../../rules/routing.toml");

impl Routing {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`RulesError`], with everything that is wrong at once.
    pub fn load(path: &Path) -> Result<Self, RulesError> {
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&file, &text),
            Err(reason) => Err(RulesError::Read { file, reason }),
        }
    }

    /// The file the rules of a configuration come from, where it exists.
    pub fn path(rules: &Rules) -> PathBuf {
        rules.routing.clone().unwrap_or_else(|| PathBuf::from(ROUTING_FILE))
    }

    /// The rules as configured: the named file, else [`ROUTING_FILE`], else the built-in ones.
    ///
    /// # Errors
    /// All mistakes of the file at once.
    pub fn configured(rules: &Rules) -> Result<Self, RulesError> {
        let path = Self::path(rules);
        match rules.routing.is_some() || path.exists() {
            true => Self::load(&path),
            false => Self::default_rules(),
        }
    }

    /// Checks a text; `file` is what its places are called.
    ///
    /// # Errors
    /// [`RulesError`], with everything that is wrong at once.
    pub fn parse(file: &str, text: &str) -> Result<Self, RulesError> {
        parse::routing(file, text)
    }

    /// The built-in rules: owner for 10 seconds, then the queue `sales`, at all hours.
    ///
    /// # Errors
    /// None in a tested build: a test loads them.
    pub fn default_rules() -> Result<Self, RulesError> {
        Self::parse("built-in routing.toml", DEFAULT)
    }
}
