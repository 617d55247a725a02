//! Whether a file's records fit each other and those of the store.

use std::collections::{BTreeMap, HashMap};

use super::super::client::ClientRecord;
use super::apply::Before;
use super::check::{Batch, Space};
use super::record::{Kind, Problems};
use crate::core::staff::{Employee, Number, Status};

pub(super) fn check(batch: &Batch, before: &Before, problems: &mut Problems) {
    check_references(batch, before, problems);
    check_kinds(batch, before, problems);
    check_numbers(batch, before, problems);
}

fn check_references(batch: &Batch, before: &Before, problems: &mut Problems) {
    for reference in &batch.references {
        let id = &reference.id;
        let in_file = |space| batch.ids.get(&(space, id.clone())).map(|(_, kind)| *kind);
        let client = || in_file(Space::Clients).or_else(|| before.clients.get(id).map(kind_of));
        let (found, what) = match reference.field {
            "company" => (client() == Some(Kind::Company), "company"),
            "client" => (client().is_some(), "contact or company"),
            _ => (
                in_file(Space::Employees).is_some() || before.employees.contains_key(id),
                "employee",
            ),
        };
        if !found {
            problems.add(
                reference.line,
                format!("`{}` names `{id}`, but no {what} has this id", reference.field),
                "write an id that stands in this file or was imported before",
            );
        }
    }
}

/// A contact cannot turn into a company: deals and contacts hang on it.
fn check_kinds(batch: &Batch, before: &Before, problems: &mut Problems) {
    for (line, client) in &batch.clients {
        if let Some(old) = before.clients.get(&client.id)
            && old.is_company != client.is_company
        {
            problems.add(
                *line,
                format!(
                    "the id `{}` belongs to {} in the store",
                    client.id,
                    kind_of(old).with_article()
                ),
                "give this record another id",
            );
        }
    }
}

/// A number of two employees would always be the first one's.
fn check_numbers(batch: &Batch, before: &Before, problems: &mut Problems) {
    let mut after: BTreeMap<&str, (Option<usize>, &Employee)> =
        before.employees.iter().map(|(id, employee)| (id.as_str(), (None, employee))).collect();
    for (line, employee) in &batch.employees {
        after.insert(employee.id.as_str(), (Some(*line), employee));
    }
    let mut holders: HashMap<&Number, &Employee> = HashMap::new();
    // Those of the store come first, so that the file's line is the one named.
    let mut all: Vec<_> = after.into_values().collect();
    all.sort_by_key(|(line, _)| *line);
    for (line, employee) in all {
        if employee.status == Status::Gone {
            continue;
        }
        for number in &employee.numbers {
            if let Some(other) = holders.insert(number, employee)
                && let Some(line) = line
            {
                let number = match number {
                    Number::Line(line) => line.to_string(),
                    Number::Outside(phone) => phone.to_string(),
                };
                problems.add(
                    line,
                    format!("the number {number} is also that of employee `{}`", other.id),
                    "leave it with one of the two",
                );
            }
        }
    }
}

fn kind_of(client: &ClientRecord) -> Kind {
    if client.is_company { Kind::Company } else { Kind::Contact }
}
