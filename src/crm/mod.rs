//! CRMs behind one trait.

pub mod abilities;
pub mod amocrm;
pub mod builtin;
pub mod config;
pub mod hooks;
pub mod keycrm;
pub mod lazy;
pub mod open;
pub mod remote;
pub mod retailcrm;
pub mod several;
pub mod webhook;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::core::action::{Action, Bound};
use crate::core::case::Case;
use crate::core::client::Client;
use crate::core::ids::{ClientId, Extension};
use crate::core::phone::{Phone, Region};
use crate::core::sale::Won;
use crate::core::staff::{Employee, Number};
use crate::rules::set::DealPlace;

/// Why a CRM did not answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CrmError {
    /// It did not answer in time.
    #[error("the CRM did not answer in time")]
    Slow,
    /// It answered with a fault, or could not be reached. The text says which, without secrets.
    #[error("the CRM failed: {0}")]
    Fault(String),
    /// It refuses our key, or a right is missing: somebody has to give access anew.
    #[error("the CRM failed: {0}")]
    Access(String),
}

/// An action to be carried out, with all it is made of.
#[derive(Clone, Copy, Debug)]
pub struct Work<'a> {
    /// The idempotency key: what was done under it is never done again.
    pub key: &'a str,
    /// What to do.
    pub action: &'a Action,
    /// What occurred.
    pub case: &'a Case,
    /// What earlier actions of this call left behind.
    pub bound: &'a Bound,
}

/// What came of an action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Ids it made or found; what is `None` here stays as it was.
    pub bound: Bound,
    /// What was done, in a few words: `made deal 17`, `nothing: a task is open until 12:00`.
    pub what: String,
}

/// Why an action was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Nothing was done; try again, not before `after` where the CRM said so (429, 5xx, network).
    #[error("the CRM cannot take it now: {why}")]
    Later {
        /// `Retry-After`.
        after: Option<Duration>,
        /// Without secrets.
        why: String,
    },
    /// It refuses our key, or a right is missing: try again once somebody has given access anew.
    #[error("the CRM does not let us in: {why}")]
    Denied {
        /// It may be this action alone that is forbidden (403), and not all of them (401, 402).
        alone: bool,
        /// A part of it is done: read back before it is sent again.
        begun: bool,
        /// Without secrets.
        why: String,
    },
    /// Sent, and no answer came: it may be done. Read back before it is sent again.
    #[error("the CRM's answer was lost: {why}")]
    Lost {
        /// Without secrets.
        why: String,
    },
    /// The CRM will not have it; trying again is of no use.
    #[error("the CRM refuses it: {why}")]
    Refused {
        /// Without secrets.
        why: String,
    },
}

impl ApplyError {
    /// Webhooks never come as far as a CRM.
    pub(crate) fn webhook() -> Self {
        let why = "a webhook goes to another system: the outbox sends it, no CRM does";
        Self::Refused { why: why.to_owned() }
    }
}

/// Which deals are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WonSince<'a> {
    /// Won since then, and a little earlier does no harm.
    pub since: Timestamp,
    /// The field in which a card of ours has its communication.
    pub field: &'a str,
}

/// What changed in a CRM since it was asked last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Clients that are not what they were.
    pub clients: Vec<ClientId>,
    /// Clients were added: who had no number may have one now.
    pub added: bool,
}

/// One thing `dozvon doctor` tells of a CRM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Examined {
    /// It is as it has to be.
    Good(String),
    /// It is not: what is wrong, and what to do.
    Bad(String, String),
}

/// A CRM: whom a number belongs to, and who works here.
#[async_trait]
pub trait Crm: Send + Sync {
    /// A short name for logs and metrics: `builtin`. Where the configuration has a name for it,
    /// that one is used: see [`named`].
    fn name(&self) -> &str;

    /// The client with this number, with its open and closed deals. Of several: who has an open
    /// deal, contacts before companies, else the newest, and never a deleted one. `None`: the CRM
    /// knows nobody.
    ///
    /// # Errors
    /// [`CrmError`].
    async fn find(&self, phone: &Phone) -> Result<Option<Client>, CrmError>;

    /// The same for what follows from a case: nobody waits for it on the line, so it takes its turn
    /// with the deliveries, and leaves what is kept for look-ups to callers.
    ///
    /// # Errors
    /// [`CrmError`].
    async fn facts(&self, phone: &Phone) -> Result<Option<Client>, CrmError> {
        self.find(phone).await
    }

    /// Whom to ring for this number, as quickly as the CRM can tell: a call waits for it. The
    /// owner is right, the deals may be missing where [`Crm::caller_is_rough`].
    ///
    /// # Errors
    /// [`CrmError`].
    async fn caller(&self, phone: &Phone) -> Result<Option<Client>, CrmError> {
        self.find(phone).await
    }

    /// Whether [`Crm::caller`] tells less than [`Crm::find`], so that the facts of a case have to
    /// be asked for before anything follows from them.
    fn caller_is_rough(&self) -> bool {
        false
    }

    /// All employees, with those who are gone (E14).
    ///
    /// # Errors
    /// [`CrmError`].
    async fn employees(&self) -> Result<Vec<Employee>, CrmError>;

    /// Carries out an action. The same key twice does it once, as far as this CRM can tell;
    /// where it cannot, [`Crm::read_back`] is asked before a second time.
    ///
    /// # Errors
    /// [`ApplyError`] says whether to try again. A CRM that is only read refuses everything.
    async fn apply(&self, _work: &Work<'_>) -> Result<Done, ApplyError> {
        Err(ApplyError::Refused { why: format!("{} is only read", self.name()) })
    }

    /// After a lost answer: was it done? `None`: it was not.
    ///
    /// # Errors
    /// [`ApplyError`]: not known yet.
    async fn read_back(&self, _work: &Work<'_>) -> Result<Option<Done>, ApplyError> {
        Ok(None)
    }

    /// A number that differs once the CRM's data changed, so that what is kept of it can be
    /// dropped. `None`: this CRM cannot tell.
    ///
    /// # Errors
    /// [`CrmError`].
    async fn revision(&self) -> Result<Option<i64>, CrmError> {
        Ok(None)
    }

    /// Whose data changed since this was asked last, so that only that is dropped. The first
    /// answer is empty.
    ///
    /// # Errors
    /// [`CrmError`].
    async fn changed(&self) -> Result<Changed, CrmError> {
        Ok(Changed::default())
    }

    /// All deals that were won since then (E01), with whose they are. May take many requests, none
    /// of which a caller waits behind. Either all of them come, or none.
    ///
    /// # Errors
    /// [`CrmError`]; a CRM that cannot tell says so.
    async fn won(&self, _ask: &WonSince<'_>) -> Result<Vec<Won>, CrmError> {
        Err(CrmError::Fault(format!("{} cannot tell which deals were won", self.name())))
    }

    /// What `dozvon doctor` tells of it besides the employees: rights, settings, clocks.
    async fn examine(&self) -> Vec<Examined> {
        Vec::new()
    }

    /// What `dozvon doctor` tells of the places for deals that rules name: each that it does not have,
    /// with those it has.
    async fn examine_places(&self, _named: &[DealPlace]) -> Vec<Examined> {
        Vec::new()
    }

    /// What it calls itself over HTTP. `None`: nothing.
    fn hooks(&self) -> Option<&dyn hooks::Hooks> {
        None
    }

    /// The CRMs behind this one, where it is several.
    fn several(&self) -> Option<&several::Several> {
        None
    }
}

/// A number as people typed it into a CRM. Without a country it is a Russian one, or Ukrainian where
/// it cannot be that.
fn phone_of(text: &str) -> Option<Phone> {
    let homes = [Some(Region::default()), "UA".parse().ok()];
    homes.into_iter().flatten().find_map(|home| Phone::parse(text, home).ok())
}

/// A number of an employee as people write it: an extension of at most six characters, or an outside
/// number ([`phone_of`]).
fn number_of(text: &str) -> Option<Number> {
    let text = text.trim();
    match text.len() {
        0..=6 => Extension::parse(text).ok().map(Number::Line),
        _ => phone_of(text).map(Number::Outside),
    }
}

/// A CRM with its name in the configuration, by which logs, metrics and the outbox know it.
pub type Named<'c> = (&'c str, &'c dyn Crm);

/// The CRM that serves a line.
pub fn of_line<'c>(crm: &'c dyn Crm, line: Option<&str>) -> Named<'c> {
    crm.several().map_or((crm.name(), crm), |several| several.of(line))
}

/// All CRMs behind this one, the one for the rest first.
pub fn named(crm: &dyn Crm) -> Vec<Named<'_>> {
    match crm.several() {
        Some(several) => several.all().iter().map(|(name, crm)| (name.as_str(), &**crm)).collect(),
        None => vec![(crm.name(), crm)],
    }
}
