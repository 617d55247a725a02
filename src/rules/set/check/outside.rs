//! Checks against what stands outside the file: does everybody and every line exist that a set
//! names?

use crate::core::staff::{Staff, Status};
use crate::core::trace::Place;
use crate::rules::Routing;
use crate::rules::set::RuleSet;
use crate::rules::set::model::{ActionRule, Setting, To, Value};
use crate::rules::set::text::Text;
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

/// Where a rule puts a deal, or an entry of the inbox: what the CRM must have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DealPlace {
    /// Where it is written: file, line and rule.
    pub by: String,
    /// The pipeline; `None`: the CRM's first, or that of the entry.
    pub pipeline: Option<String>,
    /// The stage; `None`: the first.
    pub stage: Option<String>,
    /// Of an entry that is made in the inbox, or accepted from it.
    pub inbox: bool,
}

impl RuleSet {
    /// Each place for deals that the settings in force let happen, by the first rule that names it.
    /// Those made of what a call brings are known only then.
    pub fn deal_places(&self) -> Vec<DealPlace> {
        let mut found: Vec<DealPlace> = Vec::new();
        let plain = |text: &Text| match text {
            Text::Plain(text) if !text.is_empty() => Some(text.clone()),
            _ => None,
        };
        for rule in self.chapters.iter().flat_map(|chapter| &chapter.rules).filter(|r| r.live) {
            for step in &rule.steps {
                let (pipeline, stage, inbox) = match &step.action {
                    ActionRule::Deal { pipeline, stage, .. } => {
                        (plain(pipeline), plain(stage), false)
                    }
                    ActionRule::Unsorted { pipeline, .. } => (plain(pipeline), None, true),
                    ActionRule::AcceptUnsorted { stage, .. } => (None, plain(stage), true),
                    _ => continue,
                };
                let same = |one: &DealPlace| {
                    (&one.pipeline, &one.stage, one.inbox) == (&pipeline, &stage, inbox)
                };
                if (pipeline.is_none() && stage.is_none()) || found.iter().any(same) {
                    continue;
                }
                let by = format!("{}: rule `{}`", self.source.place(&step.span), rule.path);
                found.push(DealPlace { by, pipeline, stage, inbox });
            }
        }
        found
    }

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
