//! One run: a CRM is asked which deals were won, and each is marked at what brought it.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::time::{MissedTickBehavior, interval_at};
use tracing::{info, warn};

use super::book::{Book, Counts, Runs, Sale};
use super::config::SalesConfig;
use super::memory;
use crate::core::sale::{Source, Won, night, source};
use crate::crm::{Crm, CrmError, WonSince, named};
use crate::metrics::Metrics;
use crate::outbox::Wall;
use crate::store::{Store, StoreError};

/// Clocks that are apart, and a CRM that lists what was changed a moment later: a run begins so
/// much before the last one. What comes twice is a sale once.
const OVERLAP: SignedDuration = SignedDuration::from_mins(10);
/// A killed engine holds a CRM for that long.
const LEASE: Duration = Duration::from_secs(120);
/// How often the claim is renewed meanwhile.
const RENEW: Duration = Duration::from_secs(30);
/// Sales in one transaction.
const BATCH: usize = 100;

/// Where the company's nights are.
pub type Zone = Arc<dyn Fn() -> TimeZone + Send + Sync>;

/// Asks CRMs for sales and marks them.
#[derive(Clone)]
pub struct Seller {
    /// How.
    pub config: SalesConfig,
    /// Whom.
    pub crm: Arc<dyn Crm>,
    /// The time zone of the rules in force.
    pub zone: Zone,
    /// The wall clock.
    pub wall: Wall,
    /// Counts.
    pub metrics: Arc<Metrics>,
}

/// How a run went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ran {
    /// All of it.
    Done(Counts),
    /// Not, and the next one begins where this one did.
    Failed(String),
    /// Somebody else runs, or has run in this moment.
    Elsewhere,
}

enum Fail {
    Crm(CrmError),
    Store(StoreError),
    /// The claim ran out, and another one has it.
    Overtaken,
}

impl From<StoreError> for Fail {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Seller {
    /// Runs now, whatever the hour.
    ///
    /// # Errors
    /// The store failed; as with a CRM that fails, nothing counts as asked for.
    pub async fn run(&self, store: &Store, crm: &str) -> Result<Ran, StoreError> {
        let book = Book::new(store.clone());
        let runs = book.runs(crm, (self.wall)()).await?;
        self.begin(&book, crm, &runs).await
    }

    /// Runs where it is time to. `None`: it was not.
    pub(super) async fn run_if_due(
        &self,
        store: &Store,
        crm: &str,
    ) -> Result<Option<Ran>, StoreError> {
        let (book, now) = (Book::new(store.clone()), (self.wall)());
        let runs = book.runs(crm, now).await?;
        match self.due(&runs, now) <= now {
            true => self.begin(&book, crm, &runs).await.map(Some),
            false => Ok(None),
        }
    }

    /// When the next run is due.
    pub(super) fn due(&self, runs: &Runs, now: Timestamp) -> Timestamp {
        let zone = (self.zone)();
        let failed = runs.failed.as_ref().map(|(at, _)| *at);
        night::due(runs.success, failed, (self.config.at, &zone), now)
    }

    async fn begin(&self, book: &Book, crm: &str, seen: &Runs) -> Result<Ran, StoreError> {
        let (begun, me) = ((self.wall)(), uuid::Uuid::new_v4().to_string());
        let claim = (crm, me.as_str());
        if !book.claim(claim, seen, LEASE, begun).await? {
            return Ok(Ran::Elsewhere);
        }
        let since = match seen.success {
            Some(success) => success.min(begun).saturating_sub(OVERLAP).unwrap_or(begun),
            None => night::day_before(&(self.zone)(), begun),
        };
        let work = self.work(book, crm, since);
        let result = tokio::select! {
            result = work => result,
            fail = self.hold(book, claim) => Err(fail),
        };
        let why = match result {
            Ok(counts) => {
                book.succeeded(claim, begun, &counts).await?;
                info!(
                    crm,
                    deals = counts.deals,
                    marked = counts.marked,
                    no_contact = counts.no_contact,
                    no_communication = counts.no_communication,
                    "deals that were won are marked at what brought them"
                );
                self.metrics.sales_runs.with_label_values(&[crm, "ok"]).inc();
                return Ok(Ran::Done(counts));
            }
            Err(Fail::Overtaken) => return Ok(Ran::Elsewhere),
            Err(Fail::Crm(error)) => error.to_string(),
            Err(Fail::Store(error)) => {
                self.metrics.sales_runs.with_label_values(&[crm, "failed"]).inc();
                // It may take no word of it either.
                let _ = book.failed(claim, (self.wall)(), &error.to_string()).await;
                return Err(error);
            }
        };
        warn!(crm, why, %since, "sales are not known: the next run asks from the same time on");
        self.metrics.sales_runs.with_label_values(&[crm, "failed"]).inc();
        book.failed(claim, (self.wall)(), &why).await?;
        Ok(Ran::Failed(why))
    }

    /// Holds the claim for as long as the work takes.
    async fn hold(&self, book: &Book, claim: (&str, &str)) -> Fail {
        let mut tick = interval_at(tokio::time::Instant::now() + RENEW, RENEW);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let now = (self.wall)();
            match book.renew(claim, now.saturating_add(LEASE).unwrap_or(now)).await {
                Ok(true) => {}
                Ok(false) => return Fail::Overtaken,
                Err(error) => return Fail::Store(error),
            }
        }
    }

    async fn work(&self, book: &Book, crm: &str, since: Timestamp) -> Result<Counts, Fail> {
        let ask = WonSince { since, field: self.config.field.trim() };
        let asked = named(&*self.crm).into_iter().find(|(name, _)| *name == crm);
        let (_, asked) = asked.ok_or_else(|| Fail::Crm(CrmError::Fault("there is none".into())))?;
        let all = asked.won(&ask).await.map_err(Fail::Crm)?;
        let mut counts =
            Counts { deals: i64::try_from(all.len()).unwrap_or(i64::MAX), ..Counts::default() };
        for some in all.chunks(BATCH) {
            let mut sales = Vec::new();
            for won in some {
                match self.source(book.store(), crm, won).await.map_err(|e| book.fault(&e))? {
                    Source::NoContact => counts.no_contact += 1,
                    Source::NoCommunication => counts.no_communication += 1,
                    Source::Found(call, step) => sales.push(Sale {
                        id: 0,
                        crm: crm.to_owned(),
                        deal: won.id.clone(),
                        call,
                        step,
                        closed: won.closed,
                        price: won.price,
                        marked: (self.wall)(),
                    }),
                }
            }
            for (sale, new) in sales.iter().zip(book.mark(&sales).await?) {
                match new {
                    true => {
                        counts.marked += 1;
                        let labels = [crm, sale.step.as_str()];
                        self.metrics.sales.with_label_values(&labels).inc();
                    }
                    false => counts.known += 1,
                }
            }
        }
        Ok(counts)
    }

    async fn source(&self, store: &Store, crm: &str, won: &Won) -> Result<Source, sqlx::Error> {
        let memory = memory::recall(store, &*self.crm, crm, won).await?;
        Ok(source(won, &memory, self.config.by_hand()))
    }
}
