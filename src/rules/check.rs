//! Checks against what stands outside the file: does everybody exist whom a step names?

use super::model::{Routing, StepKind};
use crate::core::campaign::order::Target;
use crate::core::staff::{Staff, Status};
use crate::core::trace::Place;

/// A step or target that names somebody who is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nobody {
    /// The step or target.
    pub place: Place,
    /// Whom it names, and what to do.
    pub message: String,
}

impl std::fmt::Display for Nobody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

impl Routing {
    /// Steps and targets that name an employee or a group that nobody is. The staff comes from the CRM and
    /// changes, so this is a warning at any time, never a reason to refuse the rules.
    pub fn check_staff(&self, staff: &Staff) -> Vec<Nobody> {
        let mut found = Vec::new();
        for step in self.steps() {
            let message = match &step.kind {
                StepKind::Employee { employee, .. } => wrong_employee(employee, staff),
                StepKind::Group { group, .. } => wrong_group(group, staff),
                _ => None,
            };
            found.extend(message.map(|message| Nobody { place: step.place.clone(), message }));
        }
        for rule in self.targets() {
            let message = match &rule.target {
                Target::Employee(employee) => wrong_employee(employee.as_str(), staff),
                Target::Group { name, .. } => wrong_group(name, staff),
                Target::Owner | Target::Queue(_) => None,
            };
            found.extend(message.map(|message| Nobody { place: rule.place.clone(), message }));
        }
        found
    }
}

fn wrong_employee(employee: &str, staff: &Staff) -> Option<String> {
    match staff.named(employee) {
        Some(e) if e.status != Status::Gone => None,
        Some(_) => Some(format!("employee `{employee}` is gone")),
        None => Some(format!("nobody has the id or extension `{employee}`")),
    }
}

fn wrong_group(group: &str, staff: &Staff) -> Option<String> {
    let empty = staff.group(group).is_empty();
    empty.then(|| format!("nobody is in group `{group}`{}", near_group(group, staff)))
}

fn near_group(group: &str, staff: &Staff) -> String {
    let names = staff.iter().flat_map(|e| e.groups.iter());
    let near = names
        .map(|n| (strsim::jaro_winkler(group, n), n))
        .filter(|(score, _)| *score > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)));
    near.map(|(_, n)| format!("; did you mean `{n}`?")).unwrap_or_default()
}
