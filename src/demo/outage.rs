//! A CRM that can be switched off.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

use crate::core::client::Client;
use crate::core::phone::Phone;
use crate::core::sale::Won;
use crate::core::staff::Employee;
use crate::crm::builtin::Builtin;
use crate::crm::{ApplyError, Crm, CrmError, Done, WonSince, Work};

/// The built-in CRM with a switch. Who works here is told even while it is off.
pub struct Outage {
    crm: Builtin,
    down: AtomicBool,
}

const WHY: &str = "switched off by the demo";

impl Outage {
    /// Switched on.
    pub fn new(crm: Builtin) -> Self {
        Self { crm, down: AtomicBool::new(false) }
    }

    /// Switches it off or on.
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }

    fn read(&self) -> Result<&Builtin, CrmError> {
        match self.down.load(Ordering::Relaxed) {
            true => Err(CrmError::Fault(WHY.into())),
            false => Ok(&self.crm),
        }
    }

    fn write(&self) -> Result<&Builtin, ApplyError> {
        self.read().map_err(|_| ApplyError::Later { after: None, why: WHY.into() })
    }
}

#[async_trait]
impl Crm for Outage {
    fn name(&self) -> &'static str {
        "builtin"
    }

    async fn find(&self, phone: &Phone) -> Result<Option<Client>, CrmError> {
        self.read()?.find(phone).await
    }

    async fn employees(&self) -> Result<Vec<Employee>, CrmError> {
        self.crm.employees().await
    }

    async fn apply(&self, work: &Work<'_>) -> Result<Done, ApplyError> {
        self.write()?.apply(work).await
    }

    async fn read_back(&self, work: &Work<'_>) -> Result<Option<Done>, ApplyError> {
        self.write()?.read_back(work).await
    }

    async fn won(&self, ask: &WonSince<'_>) -> Result<Vec<Won>, CrmError> {
        self.read()?.won(ask).await
    }

    async fn revision(&self) -> Result<Option<i64>, CrmError> {
        self.read()?.revision().await
    }
}
