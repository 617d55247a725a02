//! The built-in CRM: clients, deals and employees in the store. For a company without a CRM.

pub mod import;

mod client;
mod staff;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::FromRow;

use self::import::{Format, ImportError, ImportReport, import};
use super::{Crm, CrmError};
use crate::core::client::{Client, Deal};
use crate::core::phone::{Phone, Region};
use crate::core::staff::Employee;
use crate::store::Store;

/// The built-in CRM over a store.
#[derive(Clone, Debug)]
pub struct Builtin {
    store: Store,
}

/// How many records the built-in CRM holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRow)]
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
            "SELECT (SELECT count(*) FROM client WHERE kind = 'contact') AS contacts, \
             (SELECT count(*) FROM client WHERE kind = 'company') AS companies, \
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

/// Every contact and company with the number, once for each of its deals. The company's deals
/// count as the contact's, and the company's owner where the contact has none.
const FIND: &str = "
SELECT c.id, c.kind = 'company' AS is_company, c.name, k.name AS company,
       coalesce(c.owner, k.owner) AS owner, c.created, c.entered,
       d.id AS deal, d.title, d.owner AS deal_owner, d.created AS deal_created, d.open
FROM client_number n
JOIN client c ON c.id = n.client
LEFT JOIN client k ON k.id = c.company
LEFT JOIN deal d ON d.client IN (c.id, c.company)
WHERE n.phone = ?
ORDER BY c.entered, d.created, d.id";

#[derive(FromRow)]
struct Row {
    id: String,
    is_company: bool,
    name: String,
    company: Option<String>,
    owner: Option<String>,
    created: i64,
    entered: i64,
    deal: Option<String>,
    title: Option<String>,
    deal_owner: Option<String>,
    deal_created: Option<i64>,
    open: Option<bool>,
}

#[async_trait]
impl Crm for Builtin {
    fn name(&self) -> &'static str {
        "builtin"
    }

    /// Where several have the number: contacts before companies; then the one with the oldest
    /// open deal (D03); then one with an owner; then the oldest; then the first entered.
    async fn find(&self, phone: &Phone) -> Result<Option<Client>, CrmError> {
        let rows: Vec<Row> = sqlx::query_as(FIND)
            .bind(phone.e164())
            .fetch_all(self.store.pool())
            .await
            .map_err(|e| self.fault(&e))?;
        Ok(best(rows))
    }

    async fn employees(&self) -> Result<Vec<Employee>, CrmError> {
        let read = async {
            let mut tx = self.store.pool().begin().await?;
            staff::read(&mut tx).await
        };
        let staff = read.await.map_err(|e: sqlx::Error| self.fault(&e))?;
        Ok(staff.into_values().collect())
    }

    async fn revision(&self) -> Result<Option<i64>, CrmError> {
        sqlx::query_scalar("SELECT number FROM crm_revision")
            .fetch_optional(self.store.pool())
            .await
            .map_err(|e| self.fault(&e))
    }
}

fn best(rows: Vec<Row>) -> Option<Client> {
    let mut found: Vec<(Row, Client)> = Vec::new();
    for row in rows {
        let deal = row.deal();
        match found.last_mut() {
            Some((first, client)) if first.entered == row.entered => client.deals.extend(deal),
            _ => {
                let client = Client {
                    id: row.id.as_str().into(),
                    name: row.name.clone(),
                    company: row.company.clone(),
                    owner: row.owner.as_deref().map(Into::into),
                    deals: deal.into_iter().collect(),
                };
                found.push((row, client));
            }
        }
    }
    let rank = |(row, client): &(Row, Client)| {
        let oldest_open = client.open_deal().map(|deal| deal.created);
        (
            row.is_company,
            oldest_open.is_none(),
            oldest_open,
            client.owner.is_none(),
            row.created,
            row.entered,
        )
    };
    found.into_iter().min_by_key(rank).map(|(_, client)| client)
}

impl Row {
    fn deal(&self) -> Option<Deal> {
        Some(Deal {
            id: self.deal.as_deref()?.into(),
            title: self.title.clone().unwrap_or_default(),
            owner: self.deal_owner.as_deref().map(Into::into),
            // Only times that are one are ever written.
            created: Timestamp::from_microsecond(self.deal_created?).unwrap_or_default(),
            open: self.open.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lookup_reads_no_table_from_end_to_end() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = Store::open(folder.path().join("s.sqlite")).await.unwrap();
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {FIND}"));
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(explain).bind("+79161234567").fetch_all(store.pool()).await.unwrap();
        let steps: Vec<_> = plan.iter().map(|(.., step)| step.as_str()).collect();
        assert!(steps.iter().any(|s| s.contains("client_number_by_phone")), "{steps:#?}");
        assert!(steps.iter().any(|s| s.contains("deal_by_client")), "{steps:#?}");
        assert!(!steps.iter().any(|s| s.starts_with("SCAN")), "{steps:#?}");
    }
}
