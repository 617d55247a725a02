//! What an import tells when it is done.

use std::fmt;

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Employees.
    pub employees: Tally,
    /// Contacts.
    pub contacts: Tally,
    /// Companies.
    pub companies: Tally,
    /// Deals.
    pub deals: Tally,
}

/// Records by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Not in the store before.
    pub new: usize,
    /// Different from what was in the store.
    pub changed: usize,
    /// As they were.
    pub same: usize,
}

impl ImportReport {
    /// Whether the store differs from before.
    pub fn changed_anything(&self) -> bool {
        [self.employees, self.contacts, self.companies, self.deals]
            .iter()
            .any(|tally| tally.new + tally.changed > 0)
    }
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("employees", self.employees),
            ("contacts", self.contacts),
            ("companies", self.companies),
            ("deals", self.deals),
        ];
        write!(f, "{:<10} {:>8} {:>8} {:>8}", "", "new", "changed", "same")?;
        for (what, Tally { new, changed, same }) in rows {
            write!(f, "\n{what:<10} {new:>8} {changed:>8} {same:>8}")?;
        }
        Ok(())
    }
}

impl Tally {
    /// Counts a record, and says whether it must be written.
    pub(super) fn differs<T: PartialEq>(&mut self, old: Option<&T>, new: &T) -> bool {
        match old {
            None => self.new += 1,
            Some(old) if old != new => self.changed += 1,
            Some(_) => self.same += 1,
        }
        old != Some(new)
    }
}
