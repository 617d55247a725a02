//! Callbacks: what web forms and buttons ask for, kept in the store and led to the end.

pub mod book;
pub mod config;
mod desk;
pub mod driver;
pub(crate) mod ears;
pub mod keep;
mod setting;
mod tally;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;

pub use config::CallbackConfig;
pub use desk::Desk;

use self::book::deed::{Deed, Take};
use crate::core::campaign::Campaign;
use crate::core::campaign::order::{Order, View};
use crate::core::ids::CampaignId;
use crate::outbox::entry::text;

/// What came of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The campaign that serves it.
    pub id: CampaignId,
    /// How.
    pub how: How,
}

/// How an order was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It began a campaign.
    New,
    /// A campaign for this phone was running: the order joined it, and is kept with it.
    Joined,
    /// The same idempotency key was seen before: nothing new.
    Repeated,
}

/// Why nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The store cannot be written: nothing was taken, try again.
    #[error("the order could not be written down: {0}; send it again in a moment")]
    Store(String),
    /// There is no such campaign.
    #[error("there is no callback with this id")]
    Unknown,
    /// It is over.
    #[error("this callback is over already")]
    Over,
}

/// What web pages, buttons and the command line ask of the campaigns.
#[async_trait]
pub trait Callbacks: Send + Sync {
    /// Takes an order. When this returns, it is durable.
    ///
    /// `key` is the sender's idempotency key, made unique for the site.
    ///
    /// # Errors
    /// [`Refused::Store`].
    async fn take(&self, order: Order, key: Option<String>) -> Result<Taken, Refused>;

    /// Where a campaign stands, also after its end.
    ///
    /// # Errors
    /// [`Refused::Store`], [`Refused::Unknown`].
    async fn show(&self, id: &CampaignId) -> Result<View, Refused>;

    /// Follows a campaign of this engine to its end.
    ///
    /// # Errors
    /// [`Refused::Store`], [`Refused::Unknown`].
    async fn watch(&self, id: &CampaignId) -> Result<watch::Receiver<View>, Refused>;

    /// The newest first; `open`: only those that are not over.
    ///
    /// # Errors
    /// [`Refused::Store`].
    async fn list(&self, open: bool, limit: u32) -> Result<Vec<View>, Refused>;

    /// Ends it: no more dials, and legs that ring are hung up. A talk goes on. For a button it
    /// hangs up.
    ///
    /// # Errors
    /// [`Refused`].
    async fn cancel(&self, id: &CampaignId) -> Result<View, Refused>;
}

/// The campaign an order would begin, and what is to be written for it.
fn taking(
    order: Order,
    key: Option<String>,
    by: &str,
    heard: Option<i64>,
    now: Timestamp,
) -> Result<(Campaign, Deed), sqlx::Error> {
    let json = text(&order)?;
    let id = CampaignId::new(uuid::Uuid::new_v4().to_string());
    let campaign = Campaign::new(id, order, now);
    let row = book::row::of(&campaign, now)?;
    let take = Take { row, order: json, key, by: by.to_owned(), heard };
    Ok((campaign, Deed::Take(Box::new(take))))
}
