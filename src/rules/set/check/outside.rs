//! Checks against what stands outside the file: does everybody and every line exist that a set
//! names?

use crate::core::staff::{Staff, Status};
use crate::core::trace::Place;
use crate::rules::Routing;
use crate::rules::set::RuleSet;
use crate::rules::set::model::{ActionRule, Setting, To, Value};
use crate::rules::set::words::Who;
use crate::rules::words::suggest;

/// A name that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nowhere {
    /// Where it is written.
    pub place: Place,
    /// What it names, and what follows.
    pub message: String,
}

impl std::fmt::Display for Nowhere {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl RuleSet {
    /// Settings and rules that name an employee nobody is. The staff comes from the CRM and
    /// changes, so this is a warning at any time, never a reason to refuse the set (E14).
    pub fn check_staff(&self, staff: &Staff) -> Vec<Nowhere> {
        let mut found = Vec::new();
        for setting in &self.settings {
            for name in employees(setting) {
                let what = format!("setting `{}`", setting.name);
                found.extend(self.gone(staff, name, &what, &setting.span));
            }
        }
        for rule in self.chapters.iter().flat_map(|chapter| &chapter.rules) {
            for step in &rule.steps {
                let who = match &step.action {
                    ActionRule::Contact { owner, .. }
                    | ActionRule::Deal { owner, .. }
                    | ActionRule::AcceptUnsorted { owner, .. }
                    | ActionRule::Task { owner, .. } => owner,
                    ActionRule::RegisterCall { who: Some(who), .. } => who,
                    ActionRule::ChangeOwner { to, .. }
                    | ActionRule::Notify { to: To::These(to), .. } => to,
                    _ => continue,
                };
                let settings: Vec<&str> = self.settings.iter().flat_map(employees).collect();
                for who in who {
                    if let Who::Employee(name) = who
                        && !settings.contains(&&**name)
                    {
                        let what = format!("rule `{}`", rule.path);
                        found.extend(self.gone(staff, name, &what, &step.span));
                    }
                }
            }
        }
        found
    }

    fn gone(
        &self,
        staff: &Staff,
        name: &str,
        what: &str,
        span: &std::ops::Range<usize>,
    ) -> Option<Nowhere> {
        let why = match staff.named(name) {
            Some(employee) if employee.status == Status::Gone => {
                format!("employee `{name}` is gone")
            }
            Some(_) => return None,
            None => format!("nobody has the id or extension `{name}`"),
        };
        let admin = match name == &*self.admin {
            true => "put another administrator there",
            false => "the administrator stands in",
        };
        let place = self.source.place(span);
        Some(Nowhere { place, message: format!("{what}: {why}; {admin} (E14)") })
    }

    /// Lines that rules name and `routing.toml` does not know.
    pub fn check_lines(&self, routing: &Routing) -> Vec<Nowhere> {
        let known: Vec<&str> = routing.lines().map(|line| line.name.as_str()).collect();
        let mut found = Vec::new();
        for (line, span) in self.lines.iter().filter(|(line, _)| !known.contains(&line.as_str())) {
            let place = self.source.place(span);
            let message = format!("no line of {} is called `{line}`", routing.file());
            let help = suggest(line, &known);
            found.push(Nowhere { place, message: format!("{message} ({help})") });
        }
        found
    }
}

fn employees<'s>(setting: &'s Setting) -> Vec<&'s str> {
    match &setting.value {
        Some(Value::Employee(one)) => vec![one],
        Some(Value::Employees(many)) => many.iter().map(AsRef::as_ref).collect(),
        Some(Value::Who(who)) => {
            let name = |who: &'s Who| match who {
                Who::Employee(name) => Some(name.as_ref()),
                _ => None,
            };
            who.iter().filter_map(name).collect()
        }
        _ => Vec::new(),
    }
}
