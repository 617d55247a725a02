//! CRMs behind one trait.

pub mod builtin;
pub mod lazy;

use async_trait::async_trait;

use crate::core::client::Client;
use crate::core::phone::Phone;
use crate::core::staff::Employee;

/// Why a CRM did not answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CrmError {
    /// It did not answer in time.
    #[error("the CRM did not answer in time")]
    Slow,
    /// It answered with a fault, or could not be reached. The text says which, without secrets.
    #[error("the CRM failed: {0}")]
    Fault(String),
}

/// A CRM: whom a number belongs to, and who works here.
#[async_trait]
pub trait Crm: Send + Sync {
    /// A short name for logs and metrics: `builtin`.
    fn name(&self) -> &'static str;

    /// The client with this number, with its open and closed deals. Contacts come before
    /// companies. `None`: the CRM knows nobody.
    ///
    /// # Errors
    /// [`CrmError`].
    async fn find(&self, phone: &Phone) -> Result<Option<Client>, CrmError>;

    /// All employees, with those who are gone (E14).
    ///
    /// # Errors
    /// [`CrmError`].
    async fn employees(&self) -> Result<Vec<Employee>, CrmError>;

    /// A number that differs once the CRM's data changed, so that what is kept of it can be
    /// dropped. `None`: this CRM cannot tell.
    ///
    /// # Errors
    /// [`CrmError`].
    async fn revision(&self) -> Result<Option<i64>, CrmError> {
        Ok(None)
    }
}
