//! Sales as people and programs see them, and a run on demand.

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::mpsc;

use super::book::{Book, Counts, Runs, Sale};
use super::run::Seller;
use crate::crm::named;
use crate::store::{Store, StoreError};

/// What to do about a run that failed.
pub const HELP: &str = "`dozvon doctor` says what is wrong with the CRM; it is asked again by \
                        itself, or now with `dozvon sales run`";

/// How sales of a CRM stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Standing {
    /// The CRM by its configured name.
    pub crm: String,
    /// When the last run without a mistake began.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_success: Option<Timestamp>,
    /// What it brought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// When a run failed after that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub failed: Option<Timestamp>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<&'static str>,
    /// Whether a run is under way.
    pub running: bool,
    /// When the next one is.
    #[schema(value_type = String, format = DateTime)]
    pub next: Timestamp,
}

/// The desk of an engine, or of a person without one.
#[derive(Clone)]
pub struct Desk {
    seller: Seller,
    /// To the engine's task. `None`: there is none.
    asked: Option<mpsc::Sender<String>>,
}

impl Desk {
    /// Without an engine.
    pub fn new(seller: Seller) -> Self {
        Self { seller, asked: None }
    }

    pub(super) fn of_engine(seller: Seller, asked: mpsc::Sender<String>) -> Self {
        Self { seller, asked: Some(asked) }
    }

    /// The CRMs that are asked.
    pub fn names(&self) -> Vec<String> {
        named(&*self.seller.crm).into_iter().map(|(name, _)| name.to_owned()).collect()
    }

    /// How each of them stands.
    ///
    /// # Errors
    /// The store failed.
    pub async fn standing(&self, store: &Store) -> Result<Vec<Standing>, StoreError> {
        let (book, now) = (Book::new(store.clone()), (self.seller.wall)());
        let mut all = Vec::new();
        for crm in self.names() {
            let runs = book.known_runs(&crm).await?.unwrap_or_default();
            all.push(self.told(crm, runs, now));
        }
        Ok(all)
    }

    fn told(&self, crm: String, runs: Runs, now: Timestamp) -> Standing {
        let next = self.seller.due(&runs, now).max(now);
        let (failed, error) = runs.failed.unzip();
        Standing {
            crm,
            last_success: runs.success,
            counts: runs.success.map(|_| runs.counts),
            help: failed.map(|_| HELP),
            failed,
            error,
            running: runs.claimed_until > now,
            next,
        }
    }

    /// Sales behind the one with this number, the oldest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(
        &self,
        store: &Store,
        crm: Option<&str>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Sale>, StoreError> {
        Book::new(store.clone()).list(crm, after, limit).await
    }

    /// Has the engine's task run it. `false`: it is asked for more than it can take, or ends.
    pub fn ask(&self, crm: String) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.try_send(crm).is_ok())
    }

    /// For runs of one's own.
    pub fn seller(&self) -> &Seller {
        &self.seller
    }
}
