//! Rule files: the way of a call (`routing.toml`). Read with places, checked whole, and either
//! taken or refused with every mistake named.

use std::path::Path;

mod check;
pub mod model;
mod parse;
mod parse_calendar;
mod parse_lines;
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
