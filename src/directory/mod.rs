//! Who is calling: asks the CRM, never longer than the deadline, and remembers what it said.
//!
//! A look-up is never an error. What the CRM could not tell in time is [`Lookup::Slow`] or
//! [`Lookup::Down`], each a reason of its own in the call's record (E09).
//!
//! Freshness is judged here, not by moka, so that tests can turn the clock; moka bounds the
//! number of entries and drops what is older than anybody may ask for.

pub mod config;

mod access;
mod breaker;
mod flight;
mod staff;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use moka::future::Cache;
use serde::Serialize;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{Instant, timeout};

use crate::core::client::{Client, Lookup, Source};
use crate::core::ids::{ClientId, EmployeeId};
use crate::core::phone::Phone;
use crate::core::staff::Staff;
use crate::crm::{Crm, CrmError};
use crate::metrics::Metrics;
use crate::traces::TraceId;
use breaker::Breaker;
pub use breaker::BreakerState;
pub use config::DirectoryConfig;
use flight::{Flights, Joined};

/// Who is calling, and who works here.
pub struct Directory {
    /// The CRM's name in the configuration.
    name: String,
    crm: Arc<dyn Crm>,
    config: DirectoryConfig,
    metrics: Arc<Metrics>,
    cache: Cache<Phone, Entry>,
    flights: Mutex<Flights>,
    health: Mutex<Health>,
    staff: ArcSwap<Staff>,
    /// Held by who asks what changed, and by the next one who will.
    looks: AsyncMutex<()>,
    waits_to_look: AsyncMutex<()>,
    /// Of several CRMs each has a directory of its own: nothing of one is told of another.
    others: Vec<Arc<Directory>>,
    /// Lines with their places in `others`.
    lines: HashMap<String, usize>,
}

/// What the CRM said about a number, and when.
#[derive(Clone)]
struct Entry {
    client: Option<Arc<Client>>,
    at: Instant,
}

/// What is wrong just now.
struct Health {
    breaker: Breaker,
    last_error: Option<String>,
    staff_error: Option<String>,
    /// What the CRM refuses us.
    denied: access::Denied,
    /// Whom a probe asks for.
    last_asked: Option<Phone>,
    /// Employees taken over at the last success; `None`: never yet.
    staff: Option<usize>,
}

/// What to forget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invalidation {
    /// What is known about this number.
    Phone(Phone),
    /// What is known about this client.
    Client(ClientId),
    /// That nobody has these numbers.
    Nobody,
    /// Every client whose owner, or the owner of one of whose deals, is this employee.
    Employee(EmployeeId),
    /// Everything.
    All,
}

/// How the directory is doing: for `dozvon doctor` and `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DirectoryState {
    /// The CRM asked, by its name in the configuration.
    pub crm: String,
    /// Whether requests go through.
    pub breaker: BreakerState,
    /// Why the last look-up failed; `None`: it did not.
    pub last_error: Option<String>,
    /// Employees known; `None`: the CRM has not told them yet.
    pub employees: Option<usize>,
    /// Why the last try to get the employees failed; `None`: it did not.
    pub staff_error: Option<String>,
    /// What the CRM refuses us, and why: our key or a right is not a good one.
    pub denied: Vec<String>,
    /// Numbers kept, within a few.
    pub entries: u64,
}

impl Directory {
    /// Asks nothing yet: [`Directory::run`] gets the employees, [`Directory::lookup`] the clients.
    pub fn new(crm: Arc<dyn Crm>, config: DirectoryConfig, metrics: Arc<Metrics>) -> Arc<Self> {
        let mut others = Vec::new();
        let (mut one, mut lines) = ((crm.name().to_owned(), crm.clone()), HashMap::new());
        if let Some([rest, each @ ..]) = crm.several().map(|several| several.all()) {
            one = rest.clone();
            let of = |other: &(String, _)| Self::of_one(other.clone(), &config, &metrics);
            others.extend(each.iter().map(of).map(Arc::new));
        }
        if let Some(several) = crm.several() {
            lines.extend(several.lines().map(|(line, place)| (line.clone(), place - 1)));
        }
        Arc::new(Self { others, lines, ..Self::of_one(one, &config, &metrics) })
    }

    fn of_one(
        (name, crm): (String, Arc<dyn Crm>),
        config: &DirectoryConfig,
        metrics: &Arc<Metrics>,
    ) -> Self {
        metrics.know_crm(&name);
        Self {
            name,
            others: Vec::new(),
            lines: HashMap::new(),
            cache: Cache::builder()
                .max_capacity(config.capacity.get())
                .time_to_live(config.longest_kept())
                .build(),
            flights: Mutex::default(),
            health: Mutex::new(Health {
                breaker: Breaker::new(
                    config.breaker_failures,
                    config.breaker_pause,
                    config.breaker_pause_max,
                ),
                last_error: None,
                staff_error: None,
                denied: access::Denied::new(),
                last_asked: None,
                staff: None,
            }),
            staff: ArcSwap::default(),
            looks: AsyncMutex::default(),
            waits_to_look: AsyncMutex::default(),
            crm,
            config: config.clone(),
            metrics: metrics.clone(),
        }
    }

    /// The CRM that is asked.
    pub fn crm(&self) -> &dyn Crm {
        &*self.crm
    }

    /// The directory of the CRM that serves this line.
    pub fn of(self: &Arc<Self>, line: Option<&str>) -> &Arc<Self> {
        let place = line.and_then(|line| self.lines.get(line));
        place.and_then(|place| self.others.get(*place)).unwrap_or(self)
    }

    /// The lines that have another CRM.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.keys().map(String::as_str)
    }

    /// This one, and those of the other CRMs.
    pub fn all(self: &Arc<Self>) -> impl Iterator<Item = &Arc<Self>> {
        std::iter::once(self).chain(&self.others)
    }

    /// Who has this number. Takes no longer than the deadline, and is never an error.
    ///
    /// An outlived answer is given instead of [`Lookup::Slow`] or [`Lookup::Down`] where it names
    /// a client. An outlived "nobody" is not: it would say less than the reason does.
    pub async fn lookup(self: &Arc<Self>, phone: &Phone) -> Lookup {
        self.lookup_for(phone, None).await
    }

    /// The same for a call that can be found by `trace`.
    pub async fn lookup_for(self: &Arc<Self>, phone: &Phone, trace: Option<TraceId>) -> Lookup {
        let begun = Instant::now();
        let (lookup, label) = self.find(phone, begun).await;
        self.metrics.lookups.with_label_values(&[label]).inc();
        self.metrics.lookup_seconds.observe(&[], begun.elapsed().as_secs_f64(), trace);
        lookup
    }

    async fn find(self: &Arc<Self>, phone: &Phone, now: Instant) -> (Lookup, &'static str) {
        let kept = self.cache.get(phone).await;
        if let Some(entry) = &kept
            && now.duration_since(entry.at) < self.config.kept(entry)
        {
            let label = match entry.client {
                Some(_) => "hit",
                None => "negative",
            };
            return (answer(entry.client.clone(), Source::Cached), label);
        }
        let (waiting, label) = match self.join(phone, now) {
            Joined::Started(waiting) => (waiting, "miss"),
            Joined::Other(waiting) => (waiting, "coalesced"),
            Joined::Refused => return self.instead(kept, now, Lookup::Down, "down"),
        };
        match timeout(self.config.deadline, flight::landed(waiting)).await {
            Ok(Ok(client)) => (answer(client, Source::Fresh), label),
            Ok(Err(CrmError::Fault(_) | CrmError::Access(_))) => {
                self.instead(kept, now, Lookup::Down, "down")
            }
            Ok(Err(CrmError::Slow)) | Err(_) => self.instead(kept, now, Lookup::Slow, "slow"),
        }
    }

    /// The outlived copy, where there is one that may still be given.
    fn instead(
        &self,
        kept: Option<Entry>,
        now: Instant,
        otherwise: Lookup,
        label: &'static str,
    ) -> (Lookup, &'static str) {
        match kept {
            Some(Entry { client: Some(client), at })
                if now.duration_since(at) < self.config.ttl + self.config.stale_for =>
            {
                (answer(Some(client), Source::Stale), "stale")
            }
            _ => (otherwise, label),
        }
    }

    /// Forgets. A request on its way still answers those who wait for it, but what it brings is
    /// not kept: it may have been read before the change.
    pub async fn invalidate(&self, what: &Invalidation) {
        match what {
            Invalidation::Phone(phone) => {
                self.flights().forget(phone);
                self.cache.invalidate(phone).await;
            }
            Invalidation::Client(id) => {
                let known = |entry: &Entry| entry.client.as_ref().is_some_and(|c| c.id == *id);
                self.forget_where(known).await;
            }
            Invalidation::Nobody => self.forget_where(|entry| entry.client.is_none()).await,
            Invalidation::Employee(id) => self.forget_where(|entry| entry.belongs_to(id)).await,
            Invalidation::All => {
                self.flights().forget_all();
                self.cache.invalidate_all();
            }
        }
        self.count_entries().await;
    }

    async fn forget_where(&self, which: impl Fn(&Entry) -> bool) {
        self.flights().forget_all();
        let found: Vec<_> =
            self.cache.iter().filter(|(_, entry)| which(entry)).map(|(phone, _)| phone).collect();
        for phone in found {
            self.cache.invalidate(&*phone).await;
        }
    }

    /// The employees as last told by the CRM; nobody before the first answer.
    pub fn staff(&self) -> Arc<Staff> {
        self.staff.load_full()
    }

    /// How the directory is doing.
    pub fn state(&self) -> DirectoryState {
        let health = self.health();
        DirectoryState {
            crm: self.name.clone(),
            breaker: health.breaker.state(),
            last_error: health.last_error.clone(),
            employees: health.staff,
            staff_error: health.staff_error.clone(),
            denied: access::told(&health.denied),
            entries: self.cache.entry_count(),
        }
    }

    async fn count_entries(&self) {
        self.cache.run_pending_tasks().await;
        let entries = i64::try_from(self.cache.entry_count()).unwrap_or(i64::MAX);
        self.metrics.cache_entries.with_label_values(&[&self.name]).set(entries);
    }

    fn flights(&self) -> MutexGuard<'_, Flights> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn belongs_to(&self, employee: &EmployeeId) -> bool {
        self.client.as_ref().is_some_and(|client| {
            let deals = client.deals.iter().map(|deal| deal.owner.as_ref());
            std::iter::once(client.owner.as_ref()).chain(deals).any(|owner| owner == Some(employee))
        })
    }
}

impl DirectoryConfig {
    /// How long this answer counts as fresh.
    fn kept(&self, entry: &Entry) -> Duration {
        match entry.client {
            Some(_) => self.ttl,
            None => self.negative_ttl,
        }
    }

    /// Beyond this no entry is of any use.
    fn longest_kept(&self) -> Duration {
        (self.ttl + self.stale_for).max(self.negative_ttl)
    }
}

fn answer(client: Option<Arc<Client>>, source: Source) -> Lookup {
    match client {
        Some(client) => Lookup::Found { client, source },
        None => Lookup::Unknown { source },
    }
}
