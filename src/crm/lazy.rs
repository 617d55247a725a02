//! The built-in CRM behind a store that may not be there yet: missing disk, wrong rights, a lock.
//! Calls go on without it, and it is there as soon as the store is, without a restart.

use std::path::PathBuf;

use async_trait::async_trait;
use tokio::sync::OnceCell;

use super::builtin::Builtin;
use super::{ApplyError, Crm, CrmError, Done, WonSince, Work};
use crate::core::client::Client;
use crate::core::phone::Phone;
use crate::core::sale::Won;
use crate::core::staff::Employee;
use crate::store::{Store, StoreError};

/// Opens the store at the first question, and again at the next one where that failed. The
/// directory's breaker keeps the tries rare.
#[derive(Debug)]
pub struct Lazy {
    path: PathBuf,
    /// Whether a missing file is made.
    make: bool,
    store: OnceCell<Store>,
}

impl Lazy {
    /// Nothing is opened yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, make: true, store: OnceCell::new() }
    }

    /// For those who only look: a missing file is a fault, and stays missing.
    pub fn existing(path: PathBuf) -> Self {
        Self { path, make: false, store: OnceCell::new() }
    }

    /// The store, opened now if it was not.
    ///
    /// # Errors
    /// [`StoreError`]: it cannot be opened at this moment.
    pub async fn open(&self) -> Result<&Store, StoreError> {
        self.store
            .get_or_try_init(async || match self.make {
                true => Store::open(&self.path).await,
                false => Store::open_existing(&self.path).await,
            })
            .await
    }

    async fn builtin(&self) -> Result<Builtin, CrmError> {
        let store = self.open().await.map_err(|error| CrmError::Fault(error.to_string()))?;
        Ok(Builtin::new(store.clone()))
    }

    /// A store that is not there loses nothing: the work waits for it.
    async fn writable(&self) -> Result<Builtin, ApplyError> {
        self.builtin()
            .await
            .map_err(|error| ApplyError::Later { after: None, why: error.to_string() })
    }
}

#[async_trait]
impl Crm for Lazy {
    fn name(&self) -> &'static str {
        super::config::BUILTIN
    }

    async fn find(&self, phone: &Phone) -> Result<Option<Client>, CrmError> {
        self.builtin().await?.find(phone).await
    }

    async fn employees(&self) -> Result<Vec<Employee>, CrmError> {
        self.builtin().await?.employees().await
    }

    async fn apply(&self, work: &Work<'_>) -> Result<Done, ApplyError> {
        self.writable().await?.apply(work).await
    }

    async fn read_back(&self, work: &Work<'_>) -> Result<Option<Done>, ApplyError> {
        self.writable().await?.read_back(work).await
    }

    async fn won(&self, ask: &WonSince<'_>) -> Result<Vec<Won>, CrmError> {
        self.builtin().await?.won(ask).await
    }

    async fn revision(&self) -> Result<Option<i64>, CrmError> {
        self.builtin().await?.revision().await
    }
}
