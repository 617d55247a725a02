//! The built-in CRM: clients, deals and employees in the store. For a company without a CRM.

pub mod import;
pub mod view;

mod apply;
mod calls;
mod client;
mod deals;
mod desk;
mod find;
mod hand;
mod notes;
mod people;
mod records;
mod staff;
mod tasks;
mod unsorted;
mod won;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;
use sqlx::FromRow;

pub use self::hand::HandError;
use self::import::{Format, ImportError, ImportReport, import};
use super::{ApplyError, Crm, CrmError, Done, WonSince, Work};
use crate::core::client::Client;
use crate::core::phone::{Phone, Region};
use crate::core::sale::Won;
use crate::core::staff::Employee;
use crate::store::Store;

/// The built-in CRM over a store.
#[derive(Clone, Debug)]
pub struct Builtin {
    store: Store,
}

/// How many records the built-in CRM holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRow, Serialize)]
pub struct Counts {
    /// People.
    pub contacts: i64,
    /// Companies.
    pub companies: i64,
    /// Deals neither won nor lost.
    pub open_deals: i64,
    /// The others.
    pub closed_deals: i64,
}

impl Builtin {
    /// Over this store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// How many records there are.
    ///
    /// # Errors
    /// [`CrmError`].
    pub async fn counts(&self) -> Result<Counts, CrmError> {
        sqlx::query_as(
            "SELECT (SELECT count(*) FROM client WHERE kind = 'contact' AND NOT deleted) AS contacts, \
             (SELECT count(*) FROM client WHERE kind = 'company' AND NOT deleted) AS companies, \
             (SELECT count(*) FROM deal WHERE open) AS open_deals, \
             (SELECT count(*) FROM deal WHERE NOT open) AS closed_deals",
        )
        .fetch_one(self.store.pool())
        .await
        .map_err(|e| self.fault(&e))
    }

    /// A fault of the store is a fault of the CRM: calls go on without it.
    fn fault(&self, error: &sqlx::Error) -> CrmError {
        match error {
            sqlx::Error::PoolTimedOut => CrmError::Slow,
            other => CrmError::Fault(self.store.explain(other).to_string()),
        }
    }
}

/// Puts the demo's employees, clients and deals into a store. Doing so again changes nothing.
///
/// # Errors
/// [`ImportError`]: the store failed, or holds other records with the same ids.
pub async fn load_sample(store: &Store) -> Result<ImportReport, ImportError> {
    let sample = include_bytes!("sample.toml");
    let (name, format) = ("sample.toml", Format::Toml);
    import(store, name, format, sample, Region::default(), Timestamp::now()).await
}

#[async_trait]
impl Crm for Builtin {
    fn name(&self) -> &'static str {
        "builtin"
    }

    /// Where several have the number: whoever has an open deal, contacts before companies, of these
    /// the one whose open deal is the oldest (D03); with no open deal the newest. Never a deleted
    /// one. [`Client::choice`] says why.
    async fn find(&self, phone: &Phone) -> Result<Option<Client>, CrmError> {
        let read = async {
            let mut db = self.store.pool().acquire().await?;
            find::by_number(&mut db, phone).await
        };
        read.await.map_err(|e: sqlx::Error| self.fault(&e))
    }

    async fn won(&self, ask: &WonSince<'_>) -> Result<Vec<Won>, CrmError> {
        self.won_since(ask).await
    }

    async fn employees(&self) -> Result<Vec<Employee>, CrmError> {
        let read = async {
            let mut tx = self.store.pool().begin().await?;
            staff::read(&mut tx).await
        };
        let staff = read.await.map_err(|e: sqlx::Error| self.fault(&e))?;
        Ok(staff.into_values().collect())
    }

    async fn apply(&self, work: &Work<'_>) -> Result<Done, ApplyError> {
        apply::apply(&self.store, work).await
    }

    async fn read_back(&self, work: &Work<'_>) -> Result<Option<Done>, ApplyError> {
        apply::read_back(&self.store, work.key).await
    }

    async fn revision(&self) -> Result<Option<i64>, CrmError> {
        sqlx::query_scalar("SELECT number FROM crm_revision")
            .fetch_optional(self.store.pool())
            .await
            .map_err(|e| self.fault(&e))
    }
}

/// A word of a closed list as it is stored: the one it has in journals and rules.
fn word(of: &impl Serialize) -> String {
    match serde_json::to_value(of) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
