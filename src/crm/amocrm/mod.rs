//! amoCRM, in the world also known as Kommo: API v4.
//!
//! | | |
//! |---|---|
//! | limit | 7 requests in any second, look-ups first, and two of them for look-ups only |
//! | again | 429, 5xx and lost connections; 401 once, with a new token |
//! | never again | 400, 404, 405, 422: the account will not have it |
//! | waits for a person | 402 (not paid), 403 (a right is missing, or the address is blocked) |
//!
//! A write has no idempotency key, so what may have been done is looked for before it is done
//! again (`back.rs`). The facts are those of the vendor's documentation and its PHP client.

mod api;
mod back;
mod button;
mod calls;
mod catalog;
mod config;
mod deals;
mod desk;
mod examine;
mod find;
mod heard;
mod notes;
mod people;
mod sent;
mod staff;
mod tasks;
mod tokens;
mod unsorted;
mod wire;
mod won;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use moka::future::Cache;
use reqwest::Url;
use tracing::debug;

use self::api::Api;
use self::catalog::Catalog;
pub use self::config::{AmoConfig, CreateFields};
use self::desk::Desk;
use self::heard::Heard;
use self::tokens::Tokens;
pub use self::tokens::exchanges_end;
use self::wire::User;
use super::abilities::{Ability, otherwise};
use super::hooks::{Hooks, Pressed};
use super::lazy::Lazy;
use super::remote::{Class, Fault, Key, Limit, Recent, Remote};
use super::{ApplyError, Changed, Crm, CrmError, Done, Examined, WonSince, Work};
use crate::config::Secret;
use crate::core::client::Client;
use crate::core::ids::{ClientId, EmployeeId};
use crate::core::phone::Phone;
use crate::core::sale::Won;
use crate::core::staff::Employee;
use crate::rules::set::DealPlace;

/// Its name in logs and metrics.
pub const NAME: &str = "amocrm";

/// What comes out otherwise than the rules say.
pub const ABILITIES: &[Ability] = &[
    otherwise("unsorted", "without a number none is made: amoCRM keeps no call without one"),
    otherwise("decline_unsorted", "amoCRM deletes the entry's contact and deal for good"),
    otherwise(
        "register_call",
        "a call of a number nobody has waits for its contact, or comes with its Unsorted entry; \
         without a number it is not kept",
    ),
    otherwise("update_call", "where the account lets nobody change calls, the recording is noted"),
    otherwise("voicemail", "a note with the link to the message"),
    otherwise(
        "notify",
        "the card of the call pops up without the text (`notify = \"task\"`: a task with it); \
         without a number a task",
    ),
    otherwise(
        "task",
        "any open task of its type stands for it, whatever it says; a kind of task that \
         `task_types` does not name has the type 1, so that every call to be made is one",
    ),
    otherwise("reactivate", "takes the tag `inactive_tag` away; without that setting nothing"),
    otherwise(
        "fields",
        "what has no field in the account is noted, unless `create_fields` is set; so is a value \
         that its field does not take",
    ),
];

/// Requests that went out a second apart may arrive closer together, and who goes on too fast is
/// blocked by address: so the second is a little longer.
const SECOND: Duration = Duration::from_millis(1100);

/// How many requests an account lets through.
pub(in crate::crm) fn limit(config: &AmoConfig) -> Limit {
    Limit { requests: config.requests_per_second.get(), window: SECOND }
}

/// Entries in a page of a list: more than this the vendor advises against.
const PAGE: &str = "50";
/// Where those are too large for it.
const SMALL_PAGE: &str = "10";
/// Pages of a list that are read.
const PAGES: usize = 100;
/// Names of companies that are remembered, and for how long.
const COMPANIES: u64 = 10_000;
const REMEMBER: Duration = Duration::from_secs(60 * 60);
/// Clients of deals: longer than the directory keeps what it was told, as a rule.
const DEALS: u64 = 100_000;
const REMEMBER_DEALS: Duration = Duration::from_secs(24 * 60 * 60);

/// An account of amoCRM.
#[derive(Clone)]
pub struct Amo {
    api: Arc<Api>,
    config: Arc<AmoConfig>,
    catalog: Arc<Catalog>,
    recent: Arc<Recent>,
    companies: Cache<i64, String>,
    /// Whose a deal is, as far as somebody asked.
    deals: Cache<i64, BTreeSet<ClientId>>,
    heard: Arc<Heard>,
    base: Url,
    /// Signs what pages of amoCRM say.
    button_key: Option<Arc<Key>>,
}

impl Amo {
    /// As configured; nothing is asked yet. Tokens of OAuth are kept in the store.
    ///
    /// # Errors
    /// [`Fault::Unreachable`]: the address is wrong, or there is no TLS on this machine;
    /// [`Fault::Access`]: the file of a secret cannot be read.
    pub fn new(config: &AmoConfig, store: Arc<Lazy>) -> Result<Self, Fault> {
        let base = config.base().map_err(|why| Fault::Unreachable(why.to_owned()))?;
        let limit = limit(config);
        let remote = Remote::new("amoCRM", limit, config.timeout)?
            // Both requests of a look-up go at once, however much waits for delivery.
            .keeps_for_lookups(limit.requests / 3);
        let remote = Arc::new(remote);
        let button_key = config.integration_key()?.map(Arc::new);
        let tokens = Tokens::new(config, &base, remote.clone(), store.clone(), button_key.clone())?;
        Ok(Self {
            api: Arc::new(Api::new(remote, tokens, base.clone())),
            config: Arc::new(config.clone()),
            catalog: Arc::default(),
            recent: Arc::new(Recent::new(store, NAME, base.authority())),
            companies: Cache::builder().max_capacity(COMPANIES).time_to_live(REMEMBER).build(),
            deals: Cache::builder().max_capacity(DEALS).time_to_live(REMEMBER_DEALS).build(),
            heard: Arc::default(),
            button_key,
            base,
        })
    }

    /// Where a person allows the integration to work in the account, and gets a code. `None`: a
    /// long-lived token is configured, nobody has to.
    pub fn authorize_url(&self) -> Option<String> {
        match &self.api.tokens {
            Tokens::LongLived(_) => None,
            Tokens::OAuth(oauth) => Some(oauth.authorize_url()),
        }
    }

    /// Exchanges that code for the first pair of tokens, and stores it.
    ///
    /// # Errors
    /// [`Fault::Refused`]: the code was used, is older than 20 minutes, or is another
    /// integration's; or the redirect address is not the registered one.
    pub async fn login(&self, code: impl AsRef<str>) -> Result<(), Fault> {
        match &self.api.tokens {
            Tokens::LongLived(_) => Ok(()),
            Tokens::OAuth(oauth) => oauth.login(code.as_ref()).await,
        }
    }

    async fn users(&self, class: Class) -> Result<Vec<User>, Fault> {
        let with = match self.config.numbers_field {
            Some(_) => "role,group,phone_number",
            None => "role,group",
        };
        self.api.all(class, "api/v4/users", &[("with", with)]).await
    }
}

#[async_trait]
impl Crm for Amo {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn find(&self, phone: &Phone) -> Result<Option<Client>, CrmError> {
        Ok(self.by_number(Class::Lookup, phone).await?)
    }

    async fn facts(&self, phone: &Phone) -> Result<Option<Client>, CrmError> {
        Ok(self.by_number(Class::Delivery, phone).await?)
    }

    async fn won(&self, ask: &WonSince<'_>) -> Result<Vec<Won>, CrmError> {
        Ok(self.won_since(ask).await?)
    }

    async fn employees(&self) -> Result<Vec<Employee>, CrmError> {
        let users = self.users(Class::Delivery).await?;
        // A new pipeline has a stage of Unsorted, too. Calls are not to wait for that.
        if let Err(fault) = self.ask_pipelines(Class::Delivery).await {
            debug!(%fault, "the pipelines are not known anew");
        }
        Ok(users.into_iter().map(|user| staff::employee(user, &self.config)).collect())
    }

    async fn revision(&self) -> Result<Option<i64>, CrmError> {
        Ok(Some(self.heard.overflows()))
    }

    async fn changed(&self) -> Result<Changed, CrmError> {
        Ok(self.told_changes().await?)
    }

    async fn examine(&self) -> Vec<Examined> {
        self.look_around().await
    }

    async fn examine_places(&self, named: &[DealPlace]) -> Vec<Examined> {
        self.places_missing(named).await
    }

    fn hooks(&self) -> Option<&dyn Hooks> {
        Some(self)
    }

    async fn apply(&self, work: &Work<'_>) -> Result<Done, ApplyError> {
        Desk::new(self, work).carry_out().await
    }

    async fn read_back(&self, work: &Work<'_>) -> Result<Option<Done>, ApplyError> {
        Desk::new(self, work).look_back().await
    }
}

impl Hooks for Amo {
    fn changes(&self, form: &[(String, String)]) {
        self.heard.take(form);
    }

    fn pressed(&self, token: &str, now: Timestamp) -> Option<Pressed> {
        let key = self.button_key.as_ref()?;
        let redirect = self.config.redirect_uri.as_deref();
        let read =
            |secret: &Secret| button::read(token, secret.reveal(), &self.base, redirect, now);
        let secret = key.load();
        let press = match read(&secret) {
            None if tokens::renewed(key, &secret) => read(&key.load()),
            press => press,
        }?;
        Some(Pressed { employee: EmployeeId::new(press.user.to_string()), once: press.once })
    }
}
