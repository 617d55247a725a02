//! Employees: whom a call can be brought to.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::ids::{EmployeeId, Extension};
use super::phone::Phone;

/// An employee as the CRM and the configuration know him.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Employee {
    /// The CRM's id.
    pub id: EmployeeId,
    /// Name.
    pub name: String,
    /// Numbers in the order in which they are rung (E10, E11).
    pub numbers: Vec<Number>,
    /// Groups he belongs to, for group steps.
    pub groups: Vec<String>,
    /// Who stands in for him while on leave.
    pub deputy: Option<EmployeeId>,
    /// At work, on leave, or gone.
    pub status: Status,
    /// Whether the CRM says he is logged in. `None`: the CRM does not tell (E10).
    pub online: Option<bool>,
}

/// A number of an employee.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Number {
    /// A SIP line registered on FreeSWITCH.
    Line(Extension),
    /// A mobile or other outside number, reached by a gateway.
    Outside(Phone),
}

/// Whether an employee takes part (E14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// At work.
    Active,
    /// On leave through this day, in the line's time zone; `None`: until further notice.
    OnLeave(Option<Date>),
    /// Removed from the CRM: takes no more part.
    Gone,
}

/// All employees, found by id, by extension, by own number and by group.
#[derive(Debug, Default)]
pub struct Staff {
    by_id: HashMap<EmployeeId, Arc<Employee>>,
    by_extension: HashMap<Extension, EmployeeId>,
    by_phone: HashMap<Phone, EmployeeId>,
    by_group: HashMap<String, Vec<EmployeeId>>,
}

impl Staff {
    /// Indexes the employees. Who is gone is kept by id only: his number is nobody's now.
    pub fn new(employees: impl IntoIterator<Item = Employee>) -> Self {
        let mut staff = Self::default();
        for employee in employees {
            if employee.status != Status::Gone {
                for number in &employee.numbers {
                    match number {
                        Number::Line(e) => {
                            staff.by_extension.entry(e.clone()).or_insert(employee.id.clone());
                        }
                        Number::Outside(p) => {
                            staff.by_phone.entry(p.clone()).or_insert(employee.id.clone());
                        }
                    }
                }
                for group in &employee.groups {
                    staff.by_group.entry(group.clone()).or_default().push(employee.id.clone());
                }
            }
            staff.by_id.insert(employee.id.clone(), Arc::new(employee));
        }
        staff
    }

    /// By the CRM's id.
    pub fn get(&self, id: &EmployeeId) -> Option<&Arc<Employee>> {
        self.by_id.get(id)
    }

    /// An employee as rules name him: by id, else by extension.
    pub fn named(&self, name: &str) -> Option<&Arc<Employee>> {
        self.get(&name.into()).or_else(|| {
            let extension = Extension::parse(name).ok()?;
            self.by_extension(&extension)
        })
    }

    /// Whose line this is.
    pub fn by_extension(&self, extension: &Extension) -> Option<&Arc<Employee>> {
        self.by_extension.get(extension).and_then(|id| self.by_id.get(id))
    }

    /// Whose own number this is (E02).
    pub fn by_phone(&self, phone: &Phone) -> Option<&Arc<Employee>> {
        self.by_phone.get(phone).and_then(|id| self.by_id.get(id))
    }

    /// The members of a group in the order they came in.
    pub fn group(&self, name: &str) -> Vec<Arc<Employee>> {
        let ids = self.by_group.get(name).map(Vec::as_slice).unwrap_or_default();
        ids.iter().filter_map(|id| self.by_id.get(id).cloned()).collect()
    }

    /// Everybody, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Employee>> {
        self.by_id.values()
    }
}

/// Whether phones can be rung: kept by `switch::presence`, asked by `core::route`.
/// `None` everywhere means "not known", and is never a reason to pass anybody over.
pub trait Presence: Send + Sync {
    /// Is a phone registered on this line?
    fn registered(&self, line: &Extension) -> Option<bool>;
    /// Is somebody talking or being rung on this line?
    fn busy(&self, line: &Extension) -> Option<bool>;
}

/// Knows nothing: before the first resync, and without a control link.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPresence;

impl Presence for NoPresence {
    fn registered(&self, _: &Extension) -> Option<bool> {
        None
    }

    fn busy(&self, _: &Extension) -> Option<bool> {
        None
    }
}
