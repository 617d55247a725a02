//! `dozvon check`: are the rule files right?

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use miette::{Diagnostic, Report};

use super::out::print;
use crate::config::Config;
use crate::core::staff::Staff;
use crate::crm::abilities::{differences, differences_of};
use crate::rules::set::suite::files;
use crate::rules::set::{RuleSet, SetError, Sets, load_tested};
use crate::rules::{Problem, Routing, RulesError};

/// The way of a call is told from the sets by its name.
const ROUTING: &str = "routing.toml";
/// More combinations than this are counted, not told.
const MOST_LEFT: usize = 12;

/// `dozvon check`
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// A rule file or a folder of them; without it everything the configuration names.
    #[arg(value_name = "FILE")]
    path: Option<PathBuf>,
    /// One line a mistake, `file:line:column: …`, for editors and scripts.
    #[arg(long)]
    plain: bool,
    /// Do not tell what the sets leave to their defaults.
    #[arg(long, short)]
    quiet: bool,
}

/// What is looked at.
enum Looked {
    Routing(Box<Routing>),
    Set(Arc<RuleSet>),
    /// What CRMs do otherwise.
    Abilities(String),
    Wrong(RulesError),
    WrongSet(SetError),
}

impl CheckArgs {
    /// Prints every mistake and warning. Succeeds where there is no mistake.
    /// `configured` gives the way of a call the engine would use, `config` names sets and CRMs. With
    /// `staff`, places are named that name nobody.
    ///
    /// # Errors
    /// The output cannot be written. A wrong file is an exit code of 1.
    pub fn run(
        self,
        configured: impl FnOnce() -> Result<Routing, RulesError>,
        config: &Config,
        staff: Option<&Staff>,
    ) -> miette::Result<ExitCode> {
        let looked = match &self.path {
            Some(path) if path.is_dir() => match folder(path) {
                Ok(looked) => with_abilities(looked, config),
                Err(error) => vec![Looked::Wrong(error)],
            },
            Some(path) => with_abilities(vec![file(path)], config),
            None => everything(configured(), config),
        };
        let routing = looked.iter().find_map(|looked| match looked {
            Looked::Routing(routing) => Some(&**routing),
            _ => None,
        });
        let mut good = true;
        for looked in &looked {
            match looked {
                Looked::Routing(routing) => print(&render(routing, staff, self.plain))?,
                Looked::Set(set) => {
                    print(&render_set(set, routing, staff, self.plain, self.quiet))?;
                }
                Looked::Abilities(told) => print(told)?,
                Looked::Wrong(error) => {
                    good = false;
                    self.complain(error, error.lines())?;
                }
                Looked::WrongSet(error) => {
                    good = false;
                    self.complain(error, error.lines())?;
                }
            }
        }
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn complain(&self, error: &dyn Diagnostic, lines: Vec<String>) -> miette::Result<()> {
        if self.plain {
            return print(&(lines.join("\n") + "\n"));
        }
        let mut out = String::new();
        let handler = miette::MietteHandlerOpts::new().build();
        let shown = Shown { handler: &handler, error };
        let _ = write!(out, "{shown:?}");
        eprintln!("{out}");
        Ok(())
    }
}

/// A diagnostic as a person reads it, without taking it.
struct Shown<'a> {
    handler: &'a miette::MietteHandler,
    error: &'a dyn Diagnostic,
}

impl std::fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        miette::ReportHandler::debug(self.handler, self.error, f)
    }
}

/// A set that is looked at by itself may be for any of the CRMs.
fn with_abilities(mut looked: Vec<Looked>, config: &Config) -> Vec<Looked> {
    let sets = looked.iter().filter_map(|looked| match looked {
        Looked::Set(set) => Some(set),
        _ => None,
    });
    let told: String = sets.map(|set| differences_of(set, &config.crm)).collect();
    looked.push(Looked::Abilities(told));
    looked
}

fn everything(routing: Result<Routing, RulesError>, config: &Config) -> Vec<Looked> {
    let mut told = String::new();
    let sets = Sets::load(&config.rules);
    if let (Ok(routing), Ok(sets)) = (&routing, &sets) {
        told = differences(routing, sets, &config.crm);
    }
    let routing = match routing {
        Ok(routing) => Looked::Routing(Box::new(routing)),
        Err(error) => Looked::Wrong(error),
    };
    let mut looked = vec![routing];
    match sets {
        Ok(sets) => {
            looked.extend(sets.all().into_iter().cloned().map(Looked::Set));
            looked.push(Looked::Abilities(told));
        }
        Err(errors) => looked.extend(errors.into_errors().into_iter().map(Looked::WrongSet)),
    }
    looked
}

fn folder(path: &Path) -> Result<Vec<Looked>, RulesError> {
    let routing = path.join(ROUTING);
    let mut looked = Vec::new();
    if routing.exists() {
        looked.push(file(&routing));
    }
    looked.extend(files(path)?.iter().map(|path| file(path)));
    Ok(looked)
}

/// A file is the way of a call where it has lines or routes, or is called so; else a set.
fn file(path: &Path) -> Looked {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let heads = |text: &str, word: &str| text.lines().any(|line| line.starts_with(word));
    let set = heads(&text, "[[chapters") || heads(&text, "[settings") || heads(&text, "title");
    let called = path.file_name().is_some_and(|name| name == ROUTING);
    match set && !called {
        true => load_tested(path).map_or_else(Looked::WrongSet, Looked::Set),
        false => match Routing::load(path) {
            Ok(routing) => Looked::Routing(Box::new(routing)),
            Err(error) => Looked::Wrong(error),
        },
    }
}

fn count(n: usize, word: &str) -> String {
    match n {
        1 => format!("1 {word}"),
        n => format!("{n} {word}s"),
    }
}

fn warnings(out: &mut String, warnings: &[Problem], plain: bool) {
    for warning in warnings {
        let _ = match plain {
            true => writeln!(out, "{}", Problem::line(warning)),
            false => writeln!(out, "{:?}", Report::new(warning.clone())),
        };
    }
}

/// What is said of rules without a mistake: the warnings, and what is in them.
pub fn render(rules: &Routing, staff: Option<&Staff>, plain: bool) -> String {
    let mut out = String::new();
    warnings(&mut out, rules.warnings(), plain);
    let nobody = staff.map(|staff| rules.check_staff(staff)).unwrap_or_default();
    for step in &nobody {
        let _ = writeln!(out, "{}: warning: {}", step.place, step.message);
    }
    let sites = match rules.sites().count() {
        0 => String::new(),
        n => format!(", {}", count(n, "site")),
    };
    let _ = writeln!(
        out,
        "{}: no mistakes, {}; {}, {}{sites}; hash {}",
        rules.file(),
        count(rules.warnings().len() + nobody.len(), "warning"),
        count(rules.lines().count(), "line"),
        count(rules.routes().count(), "route"),
        rules.hash()
    );
    out
}

/// The same of a set, with the combinations of facts it leaves to its defaults.
pub fn render_set(
    set: &RuleSet,
    routing: Option<&Routing>,
    staff: Option<&Staff>,
    plain: bool,
    quiet: bool,
) -> String {
    let mut out = String::new();
    warnings(&mut out, set.warnings(), plain);
    let mut nowhere = staff.map(|staff| set.check_staff(staff)).unwrap_or_default();
    nowhere.extend(routing.map(|routing| set.check_lines(routing)).unwrap_or_default());
    for nowhere in &nowhere {
        let _ = writeln!(out, "{}: warning: {}", nowhere.place, nowhere.message);
    }
    let left = set.left_to_default();
    for left in left.iter().filter(|_| !quiet) {
        let _ = writeln!(out, "{}: chapter `{}` leaves to its default:", set.file(), left.chapter);
        for combination in left.combinations.iter().take(MOST_LEFT) {
            let _ = writeln!(out, "    {combination}");
        }
        if let Some(more) = left.combinations.len().checked_sub(MOST_LEFT).filter(|n| *n > 0) {
            let _ = writeln!(out, "    and {more} more");
        }
    }
    let chapters = set.chapters().count();
    let _ = writeln!(
        out,
        "{}: no mistakes, {}; {}, {}, {} left to the defaults; hash {}",
        set.file(),
        count(set.warnings().len() + nowhere.len(), "warning"),
        count(chapters, "chapter"),
        count(set.rules().count(), "rule"),
        count(left.iter().map(|left| left.combinations.len()).sum(), "combination"),
        set.hash()
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> ExitCode {
        let args = CheckArgs { path: None, plain: true, quiet: false };
        let set = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rules/small.toml");
        let mut config = Config::default();
        config.rules.set = set.into();
        args.run(|| Routing::parse("routing.toml", text), &config, None).unwrap()
    }

    #[test]
    fn a_right_file_succeeds_and_a_wrong_one_does_not() {
        assert_eq!(run("schema = 2"), ExitCode::FAILURE);
        assert_eq!(run(include_str!("../../rules/routing.toml")), ExitCode::SUCCESS);
    }

    #[test]
    fn warnings_and_what_is_in_the_file_are_told_in_lines() {
        let text = include_str!("../../rules/routing.toml");
        let text = format!(
            "{text}\n[routes.spare]\ntitle = \"\"\nwhy = \"\"\nsteps = [{{ do = \"hangup\" }}]\n"
        );
        let rules = Routing::parse("routing.toml", &text).unwrap();
        let out = render(&rules, None, true);
        let (warning, summary) = out.split_once('\n').unwrap();
        assert!(warning.contains("warning: route `spare` is used by no line"), "{warning}");
        assert!(
            summary.starts_with("routing.toml: no mistakes, 1 warning; 1 line, 2 routes; hash")
        );
    }

    #[test]
    fn a_step_that_names_nobody_is_told_where_the_staff_is_known() {
        let text = include_str!("../../rules/routing.toml");
        let step = "{ do = \"group\", group = \"sales\" },\n    { do = \"queue\", queue";
        let text = text.replace("\n    { do = \"queue\", queue", &format!("\n    {step}"));
        let rules = Routing::parse("routing.toml", &text).unwrap();
        let out = render(&rules, Some(&Staff::default()), true);
        assert!(out.contains(": warning: nobody is in group `sales`"), "{out}");
        assert!(out.contains("no mistakes, 1 warning"), "{out}");
    }
}
