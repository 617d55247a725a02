//! What only the store can tell, and the one transaction.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::super::client::{self, ClientRecord, DealRecord};
use super::super::staff;
use super::check::{Batch, Space};
use super::record::{Kind, Problems};
use super::{ImportError, ImportReport, Tally};
use crate::core::staff::{Employee, Number, Status};
use crate::store::Store;

/// What the store holds before the import.
struct Before {
    employees: BTreeMap<String, Employee>,
    clients: HashMap<String, ClientRecord>,
    deals: HashMap<String, DealRecord>,
}

pub(super) async fn apply(
    store: &Store,
    batch: Batch,
    mut problems: Problems,
    now: Timestamp,
) -> Result<ImportReport, ImportError> {
    let failed = |error: sqlx::Error| ImportError::Store(store.explain(&error));
    // Writers queue up here: what is checked below cannot change before it is written.
    let mut tx = store.pool().begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    let before = Before {
        employees: staff::read(&mut tx).await.map_err(failed)?,
        clients: client::read_all(&mut tx).await.map_err(failed)?,
        deals: client::read_deals(&mut tx).await.map_err(failed)?,
    };
    check_references(&batch, &before, &mut problems);
    check_kinds(&batch, &before, &mut problems);
    check_numbers(&batch, &before, &mut problems);
    if !problems.is_empty() {
        let (file, problems) = problems.into_parts();
        return Err(ImportError::Refused { file, problems });
    }
    let report = write(&mut tx, batch, &before, now).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    Ok(report)
}

async fn write(
    db: &mut SqliteConnection,
    batch: Batch,
    before: &Before,
    now: Timestamp,
) -> Result<ImportReport, sqlx::Error> {
    let mut report = ImportReport::default();
    for (_, employee) in batch.employees {
        let old = before.employees.get(employee.id.as_str());
        if report.employees.differs(old, &employee) {
            staff::write(db, &employee).await?;
        }
    }
    for (_, mut client) in batch.clients {
        let old = before.clients.get(&client.id);
        client.created = client.created.or(old.and_then(|old| old.created));
        let tally = if client.is_company { &mut report.companies } else { &mut report.contacts };
        if tally.differs(old, &client) {
            client::write(db, &client, now.as_microsecond()).await?;
        }
    }
    for (_, deal) in batch.deals {
        if report.deals.differs(before.deals.get(&deal.id), &deal) {
            client::write_deal(db, &deal).await?;
        }
    }
    if report.changed_anything() {
        sqlx::query("UPDATE crm_revision SET number = number + 1").execute(db).await?;
    }
    Ok(report)
}

impl Tally {
    /// Counts a record, and says whether it must be written.
    fn differs<T: PartialEq>(&mut self, old: Option<&T>, new: &T) -> bool {
        match old {
            None => self.new += 1,
            Some(old) if old != new => self.changed += 1,
            Some(_) => self.same += 1,
        }
        old != Some(new)
    }
}

fn check_references(batch: &Batch, before: &Before, problems: &mut Problems) {
    for reference in &batch.references {
        let id = &reference.id;
        let in_file = |space| batch.ids.get(&(space, id.clone())).map(|(_, kind)| *kind);
        let client = || {
            in_file(Space::Clients).or_else(|| {
                let kind = |c: &ClientRecord| kind_of(c);
                before.clients.get(id).map(kind)
            })
        };
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
                format!("write the id of a {what} in this file or imported before")
                    .replace("a employee", "an employee"),
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
