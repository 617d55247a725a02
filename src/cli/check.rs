//! `dozvon check`: is a rule file right?

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use miette::Report;

use super::out::print;
use crate::core::staff::Staff;
use crate::rules::{Problem, Routing, RulesError};

/// `dozvon check`
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// The rule file; without it the one the engine would use.
    #[arg(value_name = "FILE")]
    path: Option<PathBuf>,
    /// One line a mistake, `file:line:column: …`, for editors and scripts.
    #[arg(long)]
    plain: bool,
}

impl CheckArgs {
    /// Prints every mistake and warning. Succeeds where there is no mistake.
    /// `configured` gives the rules the engine would use. With `staff`, steps are named that name
    /// nobody.
    ///
    /// # Errors
    /// The output cannot be written. A wrong file is an exit code of 1.
    pub fn run(
        self,
        configured: impl FnOnce() -> Result<Routing, RulesError>,
        staff: Option<&Staff>,
    ) -> miette::Result<ExitCode> {
        let rules = match &self.path {
            Some(path) => Routing::load(path),
            None => configured(),
        };
        match rules {
            Ok(rules) => {
                print(&render(&rules, staff, self.plain))?;
                Ok(ExitCode::SUCCESS)
            }
            Err(error) if self.plain => {
                print(&(error.lines().join("\n") + "\n"))?;
                Ok(ExitCode::FAILURE)
            }
            Err(error) => {
                eprintln!("{:?}", Report::new(error));
                Ok(ExitCode::FAILURE)
            }
        }
    }
}

/// What is said of rules without a mistake: the warnings, and what is in them.
pub fn render(rules: &Routing, staff: Option<&Staff>, plain: bool) -> String {
    let mut out = String::new();
    for warning in rules.warnings() {
        let _ = match plain {
            true => writeln!(out, "{}", Problem::line(warning)),
            false => writeln!(out, "{:?}", Report::new(warning.clone())),
        };
    }
    let nobody = staff.map(|staff| rules.check_staff(staff)).unwrap_or_default();
    for step in &nobody {
        let _ = writeln!(out, "{}: warning: {}", step.place, step.message);
    }
    let count = |n: usize, word: &str| match n {
        1 => format!("1 {word}"),
        n => format!("{n} {word}s"),
    };
    let _ = writeln!(
        out,
        "{}: no mistakes, {}; {}, {}; hash {}",
        rules.file(),
        count(rules.warnings().len() + nobody.len(), "warning"),
        count(rules.lines().count(), "line"),
        count(rules.routes().count(), "route"),
        rules.hash()
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> ExitCode {
        let args = CheckArgs { path: None, plain: true };
        args.run(|| Routing::parse("routing.toml", text), None).unwrap()
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
