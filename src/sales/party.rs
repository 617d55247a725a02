//! The CRMs that are asked, each by its name.

use std::sync::Arc;

use crate::core::sale::Won;
use crate::crm::config::{BUILTIN, Crms, of_line};
use crate::crm::{self, Crm, CrmError, WonSince};

/// All CRMs of an engine.
#[derive(Clone)]
pub struct Parties {
    crms: Crms,
    crm: Arc<dyn Crm>,
}

impl Parties {
    /// `crm` is all of them, as [`crate::crm::open::open`] makes it of the same configuration.
    pub fn new(crms: &Crms, crm: Arc<dyn Crm>) -> Self {
        Self { crms: crms.clone(), crm }
    }

    /// Their names: those of the configuration, and the built-in one where it serves a line.
    pub fn names(&self) -> Vec<String> {
        names(&self.crms)
    }

    /// Asks one of them.
    pub(super) async fn won(&self, name: &str, ask: &WonSince<'_>) -> Result<Vec<Won>, CrmError> {
        let line = self.crms.get(name).and_then(|crm| crm.lines().first());
        let (_, crm) = crm::of_line(&*self.crm, line.map(String::as_str));
        crm.won(ask).await
    }

    /// Whether what occurs on this line belongs to it.
    pub(super) fn serves(&self, name: &str, line: Option<&str>) -> bool {
        of_line(&self.crms, line).map_or(BUILTIN, |(name, _)| name) == name
    }
}

/// The same without opening any.
pub fn names(crms: &Crms) -> Vec<String> {
    let builtin = of_line(crms, None).is_none().then(|| BUILTIN.to_owned());
    builtin.into_iter().chain(crms.keys().cloned()).collect()
}
