//! Records that are right in themselves, out of what stands in the file.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::super::client::{ClientRecord, DealRecord};
use super::reader::Reader;
use super::record::{Kind, Problems, Raw};
use crate::core::phone::Region;
use crate::core::staff::Employee;

/// A file's records, each with its line.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) employees: Vec<(usize, Employee)>,
    pub(super) clients: Vec<(usize, ClientRecord)>,
    pub(super) deals: Vec<(usize, DealRecord)>,
    pub(super) references: Vec<Reference>,
    /// Every id the file names, also of records with a fault: one fault is told once.
    pub(super) ids: HashMap<(Space, String), (usize, Kind)>,
}

/// Where an id is unique.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Space {
    Employees,
    Clients,
    Deals,
}

impl Space {
    pub(super) fn of(kind: Kind) -> Self {
        match kind {
            Kind::Employee => Self::Employees,
            Kind::Contact | Kind::Company => Self::Clients,
            Kind::Deal => Self::Deals,
        }
    }
}

/// A record that another must be there for.
pub(super) struct Reference {
    pub(super) line: usize,
    pub(super) field: &'static str,
    pub(super) id: String,
}

pub(super) fn check(raw: &[Raw], region: Region, problems: &mut Problems) -> Batch {
    let mut batch = Batch::default();
    for raw in raw {
        let mut reader =
            Reader { raw, region, problems: &mut *problems, references: &mut batch.references };
        let id = reader.id();
        if let Some(id) = &id {
            match batch.ids.entry((Space::of(raw.kind), id.clone())) {
                Entry::Vacant(free) => {
                    free.insert((raw.line, raw.kind));
                }
                Entry::Occupied(taken) => reader.problems.add(
                    raw.line,
                    format!("the id `{id}` is taken by line {}", taken.get().0),
                    "give each record an id of its own",
                ),
            }
        }
        match raw.kind {
            Kind::Employee => batch.employees.extend(reader.employee(id).map(|e| (raw.line, e))),
            Kind::Contact | Kind::Company => {
                batch.clients.extend(reader.client(id).map(|c| (raw.line, c)))
            }
            Kind::Deal => batch.deals.extend(reader.deal(id).map(|d| (raw.line, d))),
        }
    }
    batch
}
