//! Several CRMs at once: each line (DID) has its own.
//!
//! A call belongs to one CRM from its arrival on: its employees are that CRM's, its client is, and
//! what follows from it goes there. Calls that come on no line of ours, outbound ones among them,
//! belong to the CRM that names no lines.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::hooks::Hooks;
use super::{ApplyError, Changed, Crm, CrmError, Done, Examined, Named, WonSince, Work};
use crate::core::client::Client;
use crate::core::phone::Phone;
use crate::core::sale::Won;
use crate::core::staff::Employee;
use crate::rules::set::DealPlace;

/// The CRMs by line.
pub struct Several {
    /// By the names of the configuration.
    all: Vec<(String, Arc<dyn Crm>)>,
    /// Places in `all`; the first one serves what is not here.
    lines: BTreeMap<String, usize>,
}

impl Several {
    /// `rest` serves every line that none of the others names.
    pub fn new(
        rest: (String, Arc<dyn Crm>),
        others: impl IntoIterator<Item = (String, Vec<String>, Arc<dyn Crm>)>,
    ) -> Self {
        let mut several = Self { all: vec![rest], lines: BTreeMap::new() };
        for (name, lines, crm) in others {
            let place = several.all.len();
            several.lines.extend(lines.into_iter().map(|line| (line, place)));
            several.all.push((name, crm));
        }
        several
    }

    /// All of them by name, the one for the rest first.
    pub fn all(&self) -> &[(String, Arc<dyn Crm>)] {
        &self.all
    }

    /// The lines with their places in [`Several::all`].
    pub fn lines(&self) -> impl Iterator<Item = (&String, usize)> {
        self.lines.iter().map(|(line, place)| (line, *place))
    }

    /// Who serves this line.
    pub fn of(&self, line: Option<&str>) -> Named<'_> {
        let place = line.and_then(|line| self.lines.get(line)).copied().unwrap_or_default();
        let (name, crm) = &self.all[place];
        (name, &**crm)
    }

    fn rest(&self) -> &dyn Crm {
        &*self.all[0].1
    }
}

/// As one CRM it is the one for the rest; work goes where its line belongs.
#[async_trait]
impl Crm for Several {
    fn name(&self) -> &str {
        self.of(None).0
    }

    async fn find(&self, phone: &Phone) -> Result<Option<Client>, CrmError> {
        self.rest().find(phone).await
    }

    async fn facts(&self, phone: &Phone) -> Result<Option<Client>, CrmError> {
        self.rest().facts(phone).await
    }

    async fn caller(&self, phone: &Phone) -> Result<Option<Client>, CrmError> {
        self.rest().caller(phone).await
    }

    fn caller_is_rough(&self) -> bool {
        self.rest().caller_is_rough()
    }

    async fn employees(&self) -> Result<Vec<Employee>, CrmError> {
        self.rest().employees().await
    }

    async fn apply(&self, work: &Work<'_>) -> Result<Done, ApplyError> {
        self.of(work.case.line.as_deref()).1.apply(work).await
    }

    async fn read_back(&self, work: &Work<'_>) -> Result<Option<Done>, ApplyError> {
        self.of(work.case.line.as_deref()).1.read_back(work).await
    }

    async fn revision(&self) -> Result<Option<i64>, CrmError> {
        self.rest().revision().await
    }

    async fn changed(&self) -> Result<Changed, CrmError> {
        self.rest().changed().await
    }

    async fn won(&self, ask: &WonSince<'_>) -> Result<Vec<Won>, CrmError> {
        self.rest().won(ask).await
    }

    async fn examine(&self) -> Vec<Examined> {
        self.rest().examine().await
    }

    async fn examine_places(&self, named: &[DealPlace]) -> Vec<Examined> {
        self.rest().examine_places(named).await
    }

    fn hooks(&self) -> Option<&dyn Hooks> {
        self.rest().hooks()
    }

    fn several(&self) -> Option<&Several> {
        Some(self)
    }
}
