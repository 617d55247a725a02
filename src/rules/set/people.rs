//! Who is responsible. Somebody who is gone takes no more part; where nobody is left the
//! administrator stands in, and that is said (E14).

use super::words::Who;
use crate::core::case::Case;
use crate::core::ids::EmployeeId;
use crate::core::staff::{Staff, Status};

/// The people of one case.
pub(super) struct People<'a> {
    case: &'a Case,
    staff: &'a Staff,
    admin: &'a str,
    /// The CRM told who works here. Where it did not, nobody is taken for gone.
    known: bool,
    pub notes: Vec<String>,
}

impl<'a> People<'a> {
    pub fn new(case: &'a Case, staff: &'a Staff, admin: &'a str) -> Self {
        let known = staff.iter().next().is_some();
        Self { case, staff, admin, known, notes: Vec::new() }
    }

    /// The name of an employee; his id where he has none.
    pub fn name<'n>(&'n self, id: &'n EmployeeId) -> &'n str {
        let name = self.staff.get(id).map(|employee| employee.name.as_str());
        name.filter(|name| !name.is_empty()).unwrap_or(id.as_str())
    }

    /// The first one who is there; else the administrator, or nobody where the list ends so.
    /// `rule` is for the notes.
    pub fn one(&mut self, who: &[Who], rule: &str) -> Option<EmployeeId> {
        let mut gone = None;
        for who in who {
            match self.find(who) {
                Some(Ok(id)) => {
                    self.tell(rule, gone.take(), &id, false);
                    return Some(id);
                }
                Some(Err(missing)) => gone = gone.or(Some(missing)),
                None => {}
            }
        }
        if ends_with_nobody(who) {
            self.tell_nobody(rule, gone);
            return None;
        }
        let admin = self.administrator(rule);
        self.tell(rule, gone, &admin, true);
        Some(admin)
    }

    /// All of them who are there, each once. Where nobody of them is, the administrator; where
    /// the list is empty or ends so, nobody.
    pub fn all(&mut self, who: &[Who], rule: &str) -> Vec<EmployeeId> {
        let mut found: Vec<EmployeeId> = Vec::new();
        let mut gone = Vec::new();
        for who in who {
            match self.find(who) {
                Some(Ok(id)) if !found.contains(&id) => found.push(id),
                Some(Err(missing)) => gone.push(missing),
                Some(Ok(_)) | None => {}
            }
        }
        if found.is_empty() && !who.is_empty() && !ends_with_nobody(who) {
            let admin = self.administrator(rule);
            self.tell(rule, gone.into_iter().next(), &admin, true);
            found.push(admin);
        } else {
            for missing in gone {
                self.note(format!("rule `{rule}`: {missing}; he is not notified"));
            }
        }
        found
    }

    fn tell(&mut self, rule: &str, gone: Option<String>, instead: &EmployeeId, admin: bool) {
        if let Some(gone) = gone {
            let name = self.name(instead);
            let note = match admin {
                true => format!("rule `{rule}`: {gone}; the administrator {name} stands in (E14)"),
                false => format!("rule `{rule}`: {gone}; {name} is taken"),
            };
            self.note(note);
        }
    }

    fn tell_nobody(&mut self, rule: &str, gone: Option<String>) {
        if let Some(gone) = gone {
            self.note(format!("rule `{rule}`: {gone}; nobody is taken instead"));
        }
    }

    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn administrator(&mut self, rule: &str) -> EmployeeId {
        match self.configured(self.admin) {
            Ok(id) => id,
            Err(missing) => {
                self.note(format!(
                    "rule `{rule}`: {missing}, and he is the administrator who should stand in: \
                     put another one into the setting `admin`"
                ));
                self.admin.into()
            }
        }
    }

    /// `None`: there is nobody of the kind. An error is why somebody takes no more part.
    fn find(&mut self, who: &Who) -> Option<Result<EmployeeId, String>> {
        let case = self.case;
        let speaker = |speaker: Option<&'a crate::core::case::Speaker>| {
            speaker.and_then(|speaker| speaker.employee.as_ref())
        };
        let id = match who {
            Who::Answerer => speaker(case.first.as_ref()),
            Who::LastSpeaker => speaker(case.last.as_ref()),
            Who::Caller => speaker(case.caller.as_ref()),
            Who::DealOwner => case.deal().and_then(|deal| deal.owner.as_ref()),
            Who::ClientOwner => case.client().and_then(|client| client.owner.as_ref()),
            Who::Owner => case.owner(),
            Who::FirstOnLine => case.rung.first(),
            Who::Admin => return Some(self.configured(self.admin)),
            Who::Nobody => None,
            Who::Employee(name) => return Some(self.configured(name)),
        }?;
        Some(match self.staff.get(id) {
            Some(employee) if employee.status == Status::Gone => {
                Err(format!("{} ({id}) is gone", self.name(id)))
            }
            None if self.known => Err(format!("nobody here has the id {id}")),
            _ => Ok(id.clone()),
        })
    }

    fn configured(&self, name: &str) -> Result<EmployeeId, String> {
        match self.staff.named(name) {
            Some(employee) if employee.status == Status::Gone => {
                Err(format!("{} ({name}) is gone", employee.name))
            }
            Some(employee) => Ok(employee.id.clone()),
            None if self.known => Err(format!("nobody here has the id or extension `{name}`")),
            None => Ok(name.into()),
        }
    }
}

fn ends_with_nobody(who: &[Who]) -> bool {
    who.last() == Some(&Who::Nobody)
}
