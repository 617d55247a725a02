//! retailCRM, also known as Simla: API v5.

mod api;
mod back;
mod calls;
mod changes;
mod config;
mod desk;
mod examine;
mod fields;
mod find;
mod fresh;
mod install;
mod notes;
mod numbers;
mod places;
mod records;
mod staff;
mod tasks;
mod unsorted;
mod wire;
mod won;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use moka::future::Cache;

use self::api::Api;
use self::changes::Read;
use self::desk::Desk;
use self::fields::Known;
use self::staff::Codes;
use self::wire::Id;
use super::abilities::{Ability, otherwise};
use super::lazy::Lazy;
use super::remote::{Class, Fault, Limit, Recent, Thing, Times};
use super::{ApplyError, Changed, Crm, CrmError, Done, Examined, WonSince, Work};
use crate::core::client::Client;
use crate::core::phone::Phone;
use crate::core::sale::Won;
use crate::core::staff::Employee;
use crate::rules::set::DealPlace;

pub use config::RetailConfig;
pub use install::Module;

/// Its kind in the configuration, logs and metrics.
pub const NAME: &str = "retailcrm";

/// How many requests an account lets through in any second: 10, and 40 of telephony. As many of
/// them as the configuration says.
fn limits(config: &RetailConfig) -> [Limit; 2] {
    let many = config.requests_per_second.get();
    [many, 4 * many].map(|requests| Limit { requests, window: Duration::from_secs(1) })
}

/// What comes out otherwise than the rules say.
pub const ABILITIES: &[Ability] = &[
    otherwise("company", "becomes a corporate customer with the client as its contact"),
    otherwise(
        "deal",
        "an order has a number instead of a title: the title is its operator comment",
    ),
    otherwise(
        "unsorted",
        "retailCRM has no inbox: an order without a manager, marked to be called",
    ),
    otherwise("accept_unsorted", "such an order and its client get a manager"),
    otherwise(
        "decline_unsorted",
        "such an order is marked to be called no more, with a line in its comment, and gets the \
         status `declined`; without that setting it stays open, and the client's",
    ),
    otherwise("register_call", "goes out when the call is over: retailCRM never changes a call"),
    otherwise("update_call", "only sends a call that was not yet over when it was registered"),
    otherwise("voicemail", "a note on the client, with the link to the message"),
    otherwise("notify", "with the card of the call popping up while it goes on"),
    otherwise("reactivate", "takes the tag `inactive_tag` away; without that setting nothing"),
    otherwise("tag", "orders have no tags: the client gets them"),
    otherwise(
        "fields",
        "what is neither UTM nor a field of the account goes into the order's comment, of a client \
         into a note",
    ),
    otherwise("note", "orders have no notes: it stands on the client"),
];

/// How long statuses and sites are remembered.
const REMEMBER: Duration = Duration::from_secs(3600);
/// How long the list of users is remembered.
const USERS: Duration = Duration::from_secs(300);
/// How many sites of clients and orders are remembered.
const SITES: u64 = 100_000;

/// One account.
pub struct Retail {
    api: Api,
    config: RetailConfig,
    times: Times,
    /// The codes of statuses of closed orders.
    closed: Cache<(), Arc<BTreeSet<String>>>,
    /// The shop of a client or order: what is changed by id wants it.
    sites: Cache<(Entity, Id), Arc<str>>,
    /// Clients and orders we made a moment ago, by their ids, as the CRM's lists will have them: two
    /// calls of a new number make one client and one order.
    recent: Recent,
    /// Clients that were merged into others, and into whom.
    merged: Cache<Id, Id>,
    /// Extensions by user, as the module had them when it was read last.
    codes: Mutex<Codes>,
    own_fields: tokio::sync::Mutex<Option<Arc<Known>>>,
    /// Active users, for what goes to everybody.
    users: Cache<(), Arc<[Id]>>,
    read: tokio::sync::Mutex<Read>,
    rough: bool,
}

/// What belongs to a shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Entity {
    Customer,
    Order,
}

impl Entity {
    fn thing(self) -> Thing {
        match self {
            Self::Customer => Thing::Client,
            Self::Order => Thing::Deal,
        }
    }
}

impl Retail {
    /// Nothing is asked yet. What was made a moment ago is kept in the store.
    ///
    /// # Errors
    /// [`Fault`]: no key, or no TLS on this machine.
    pub fn new(config: &RetailConfig, store: Arc<Lazy>) -> Result<Self, Fault> {
        let base = config.base().map_err(|why| Fault::Unreachable(why.to_owned()))?;
        let zone = config.zone().map_err(|error| Fault::Unreachable(error.to_string()))?;
        Ok(Self {
            api: Api::new(config)?,
            config: config.clone(),
            times: Times::new(zone),
            closed: Cache::builder().time_to_live(REMEMBER).build(),
            sites: Cache::builder().max_capacity(SITES).time_to_live(REMEMBER).build(),
            recent: Recent::new(store, NAME, base.authority()),
            merged: Cache::builder().max_capacity(SITES).build(),
            codes: Mutex::default(),
            own_fields: tokio::sync::Mutex::default(),
            users: Cache::builder().time_to_live(USERS).build(),
            read: tokio::sync::Mutex::default(),
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
impl Crm for Retail {
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

    async fn examine(&self) -> Vec<Examined> {
        self.look_around().await
    }

    async fn examine_places(&self, named: &[DealPlace]) -> Vec<Examined> {
        self.places_missing(named).await
    }
}
