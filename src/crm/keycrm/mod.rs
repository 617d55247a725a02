//! KeyCRM: OpenAPI 1.2.0.

pub(in crate::crm) mod api;
mod back;
mod calls;
mod cards;
mod changes;
mod config;
mod desk;
mod examine;
mod feed;
mod fields;
mod find;
mod notes;
mod orders;
mod places;
mod reading;
mod records;
mod staff;
mod unsorted;
mod wire;
mod won;

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::tz::TimeZone;
use moka::future::Cache;
use tokio::time::Instant;

use self::api::Api;
use self::desk::Desk;
use self::reading::Heard;
use self::wire::{Id, Named, User};
use super::abilities::{Ability, otherwise};
use super::hooks::Hooks;
use super::lazy::Lazy;
use super::remote::{Class, Fault, Recent, Times};
use super::{ApplyError, Changed, Crm, CrmError, Done, Examined, WonSince, Work};
use crate::core::client::Client;
use crate::core::phone::Phone;
use crate::core::sale::Won;
use crate::core::staff::Employee;
use crate::rules::set::DealPlace;

pub use config::{Deals, KeyConfig};

/// Its kind in the configuration, logs and metrics.
pub const NAME: &str = "keycrm";

/// What comes out otherwise than the rules say.
pub const ABILITIES: &[Ability] = &[
    otherwise("contact", "a buyer has no tags: they stand in his note, as fields without a place"),
    otherwise("company", "is made anew unless the client has one: there is no search by name"),
    otherwise("deal", "a card of a pipeline has no tags: they stand in its comment"),
    otherwise(
        "unsorted",
        "KeyCRM has no inbox: a card without a manager in the first stage; with `deals = \"orders\"` \
         an order without one",
    ),
    otherwise(
        "accept_unsorted",
        "such a card and its client get a manager; of an order only the client, as KeyCRM's API \
         changes no order's manager",
    ),
    otherwise(
        "decline_unsorted",
        "such a card says so in its title, an order in its comment, and it gets the status \
         `declined`; without that setting it stays open",
    ),
    otherwise("register_call", "goes out when the call is over, and needs an extension"),
    otherwise("update_call", "only sends a call that was not yet over when it was registered"),
    otherwise("voicemail", "a line in the client's note, with the link to the message"),
    otherwise(
        "task",
        "KeyCRM's API has no tasks: the card's next contact is set to the time, the text stands in \
         the client's note; refused where nobody has the number",
    ),
    otherwise(
        "notify",
        "the card of the call pops up at an extension while it goes on; KeyCRM's API sends no texts: \
         what comes later or goes to everybody is a line in the client's note, if there is a client",
    ),
    otherwise("change_owner", "of cards and clients; KeyCRM's API changes no order's manager"),
    otherwise("reactivate", "nothing: KeyCRM has no inactive clients"),
    otherwise("tag", "orders get tags that there are; others stand in the client's note"),
    otherwise("fields", "what is no field of the account stands in the client's note"),
    otherwise("note", "a line in the client's note: deals have no notes of their own"),
];

/// The path of cards.
const DEAL: &str = "pipelines/cards";
/// Begins the id of a client who is only the contact of a card.
const NO_BUYER: &str = "contact-";
/// How long statuses, tags and pipelines are remembered.
const REMEMBER: Duration = Duration::from_secs(3600);

/// One account.
pub struct KeyCrm {
    api: Api,
    config: KeyConfig,
    /// UTC.
    times: Times,
    /// Never locked while a request is waited for: callers look into it.
    heard: Mutex<Heard>,
    /// Whose turn it is to read a page.
    turns: tokio::sync::Mutex<()>,
    /// When it was asked last what changed.
    asked: tokio::sync::Mutex<Option<Instant>>,
    /// It told of a change.
    told: AtomicBool,
    /// The statuses of closed orders.
    closed: Cache<(), Arc<BTreeSet<Id>>>,
    users: Cache<(), Arc<[User]>>,
    /// Buyers made a moment ago by their number, deals by their id: no search or list may know them
    /// yet.
    recent: Recent,
    /// Pipelines and tags by the path they are listed at.
    named: Cache<&'static str, Arc<[Named]>>,
    rough: bool,
}

impl KeyCrm {
    /// Nothing is asked yet. What was made a moment ago is kept in the store.
    ///
    /// # Errors
    /// [`Fault`]: no key, or no TLS on this machine.
    pub fn new(config: &KeyConfig, store: Arc<Lazy>) -> Result<Self, Fault> {
        let api = Api::new(config)?;
        Ok(Self {
            recent: Recent::new(store, NAME, &api.account()),
            api,
            config: config.clone(),
            times: Times::new(TimeZone::UTC),
            heard: Mutex::default(),
            turns: tokio::sync::Mutex::default(),
            asked: tokio::sync::Mutex::default(),
            told: AtomicBool::new(false),
            closed: Cache::builder().time_to_live(REMEMBER).build(),
            users: Cache::builder().time_to_live(REMEMBER).build(),
            named: Cache::builder().time_to_live(REMEMBER).build(),
            rough: false,
        })
    }

    /// Whether [`Crm::caller`] is content with one request.
    #[must_use]
    pub fn rough(self, rough: bool) -> Self {
        Self { rough, ..self }
    }
}

#[async_trait]
impl Crm for KeyCrm {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn find(&self, phone: &Phone) -> Result<Option<Client>, CrmError> {
        Ok(self.find_client(Class::Lookup, phone).await?)
    }

    async fn facts(&self, phone: &Phone) -> Result<Option<Client>, CrmError> {
        Ok(self.find_client(Class::Delivery, phone).await?)
    }

    async fn caller(&self, phone: &Phone) -> Result<Option<Client>, CrmError> {
        match self.rough {
            true => Ok(self.find_caller(phone).await?),
            false => self.find(phone).await,
        }
    }

    fn caller_is_rough(&self) -> bool {
        self.rough
    }

    async fn won(&self, ask: &WonSince<'_>) -> Result<Vec<Won>, CrmError> {
        Ok(self.won_since(ask).await?)
    }

    async fn employees(&self) -> Result<Vec<Employee>, CrmError> {
        Ok(self.all_employees().await?)
    }

    async fn apply(&self, work: &Work<'_>) -> Result<Done, ApplyError> {
        Desk { crm: self, work }.carry_out().await
    }

    async fn read_back(&self, work: &Work<'_>) -> Result<Option<Done>, ApplyError> {
        Desk { crm: self, work }.look_back().await
    }

    async fn changed(&self) -> Result<Changed, CrmError> {
        Ok(self.read_on().await?)
    }

    fn hooks(&self) -> Option<&dyn Hooks> {
        Some(self)
    }

    async fn examine(&self) -> Vec<Examined> {
        self.look_around().await
    }

    async fn examine_places(&self, named: &[DealPlace]) -> Vec<Examined> {
        self.places_missing(named).await
    }
}
