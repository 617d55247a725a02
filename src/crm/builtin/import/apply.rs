//! What only the store can tell, and the one transaction.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use sqlx::SqliteConnection;

use super::super::client::{self, ClientRecord, DealRecord};
use super::super::staff;
use super::check::Batch;
use super::record::Problems;
use super::{ImportError, ImportReport, fit};
use crate::core::staff::Employee;
use crate::store::Store;

/// What the store holds before the import.
pub(super) struct Before {
    pub(super) employees: BTreeMap<String, Employee>,
    pub(super) clients: HashMap<String, ClientRecord>,
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
    fit::check(&batch, &before, &mut problems);
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
