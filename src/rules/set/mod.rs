//! Rule sets: what the CRM learns of a call. `rules/LANGUAGE.md` explains the language.

use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;

mod check;
mod cx;
mod due;
mod facts;
mod judge;
mod model;
mod parse;
mod parse_actions;
mod parse_settings;
mod parse_when;
mod people;
mod sets;
pub mod suite;
mod text;
pub(crate) mod words;

use model::{Chapter, Setting};
use text::Texts;

pub use check::{DealPlace, Left, Nowhere};
pub use sets::{SetError, Sets, SetsError, load_tested};

use super::problem::{Problem, RulesError, Source};

/// A set, checked: every name in it leads somewhere, and every case has one answer in each
/// chapter.
#[derive(Debug)]
pub struct RuleSet {
    name: String,
    title: String,
    source: Source,
    hash: u64,
    zone: TimeZone,
    settings: Vec<Setting>,
    admin: Box<str>,
    short_call: Option<Duration>,
    chapters: Vec<Chapter>,
    /// Lines that rules name.
    lines: Vec<(String, std::ops::Range<usize>)>,
    texts: Texts,
    warnings: Vec<Problem>,
}

/// A set that is part of the program, with its tests.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// Its name.
    pub name: &'static str,
    /// The set.
    pub text: &'static str,
    /// The tests beside it.
    pub tests: &'static str,
}

macro_rules! builtin {
    ($($name:literal),* $(,)?) => {
        /// The sets that are part of the program.
        pub const BUILTIN: &[Builtin] = &[$(Builtin {
            name: $name,
            text: include_str!(concat!("../../../rules/", $name, ".toml")),
            tests: include_str!(concat!("../../../rules/", $name, ".test.toml")),
        }),*];
    };
}

builtin!("amocrm-classic", "comagic", "keycrm", "retailcrm-matrix", "sipuni");

impl RuleSet {
    /// Reads and checks a file. The set is called by its name without `.toml`.
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
        let name = Path::new(file).file_stem().and_then(|name| name.to_str()).unwrap_or(file);
        parse::set(name, file, text, &parse::Overrides::default())
    }

    /// A set that is part of the program. `None`: no set has this name.
    ///
    /// # Errors
    /// None in a tested build: a test loads them all.
    pub fn builtin(name: &str) -> Option<Result<Self, RulesError>> {
        let set = BUILTIN.iter().find(|set| set.name == name)?;
        let file = format!("built-in {name}.toml");
        Some(parse::set(name, &file, set.text, &parse::Overrides::default()))
    }

    /// Its name: the file's without `.toml`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its title, for people.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The file it came from.
    pub fn file(&self) -> &str {
        &self.source.file
    }

    /// A hash of text and settings, as 16 hex digits. It stands with every ruling.
    pub fn hash(&self) -> String {
        format!("{:016x}", self.hash)
    }

    /// What is allowed, but surely not meant.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// The chapters by their ids, in order.
    pub fn chapters(&self) -> impl Iterator<Item = &str> {
        self.chapters.iter().map(|chapter| chapter.id.as_str())
    }

    /// The rules, as `chapter/id`, in order.
    pub fn rules(&self) -> impl Iterator<Item = &str> {
        self.chapters.iter().flat_map(|c| &c.rules).map(|rule| rule.path.as_str())
    }

    /// The words of all actions that the settings in force let happen.
    pub fn actions(&self) -> std::collections::BTreeSet<&'static str> {
        let rules = self.chapters.iter().flat_map(|chapter| &chapter.rules);
        let steps = rules.filter(|rule| rule.live).flat_map(|rule| &rule.steps);
        steps.filter_map(|step| step.action.word()).collect()
    }

    #[cfg(test)]
    fn setting(&self, name: &str) -> Option<&model::Value> {
        self.settings.iter().find(|s| s.name == name)?.value.as_ref()
    }
}

#[cfg(test)]
mod tests;
