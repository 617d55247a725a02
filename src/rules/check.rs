//! Checks against what stands outside the file: does everybody exist whom a step names?

use super::model::{Routing, StepKind};
use crate::core::staff::{Staff, Status};
use crate::core::trace::Place;

/// A step that names somebody who is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nobody {
    /// The step.
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
    /// Steps that name an employee or a group that nobody is. The staff comes from the CRM and
    /// changes, so this is a warning at any time, never a reason to refuse the rules.
    pub fn check_staff(&self, staff: &Staff) -> Vec<Nobody> {
        let mut found = Vec::new();
        for step in self.steps() {
            let message = match &step.kind {
                StepKind::Employee { employee, .. } => match staff.named(employee) {
                    Some(e) if e.status != Status::Gone => continue,
                    Some(_) => format!("employee `{employee}` is gone"),
                    None => format!("nobody has the id or extension `{employee}`"),
                },
                StepKind::Group { group, .. } if staff.group(group).is_empty() => {
                    format!("nobody is in group `{group}`{}", near_group(group, staff))
                }
                _ => continue,
            };
            let place = step.place.clone();
            found.push(Nobody { place, message });
        }
        found
    }
}

fn near_group(group: &str, staff: &Staff) -> String {
    let names = staff.iter().flat_map(|e| e.groups.iter());
    let near = names
        .map(|n| (strsim::jaro_winkler(group, n), n))
        .filter(|(score, _)| *score > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)));
    near.map(|(_, n)| format!("; did you mean `{n}`?")).unwrap_or_default()
}
