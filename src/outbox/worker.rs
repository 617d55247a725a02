//! Finds the clients whose queue is due and works on each alone, many at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sqlx::{query_as, query_scalar};
use tokio::sync::Notify;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info};

use super::Wall;
use super::access::Rights;
use super::adopt::{self, Homes};
use super::carry::Then;
use super::change::{Answer, Change, DUE};
use super::circuit::{Circuits, Leave};
use super::config::OutboxConfig;
use super::entry::{ENTRY, Entry, Lane, Queue};
use super::judge::{Judge, Rulers};
use super::webhook::Webhooks;
use super::writer::{Ended, Pen};
use crate::crm::{Crm, named, of_line};
use crate::directory::Directory;
use crate::metrics::Metrics;
use crate::store::Store;
use crate::traces::Tracer;

/// Entries of one client in a row, before others have their turn.
const ROW: usize = 32;
/// How often is looked for entries of CRMs that are not configured.
const ADOPT: Duration = Duration::from_secs(5);
/// The wall clock may run so much apart from the monotonic one before it counts as set back.
const SLACK: SignedDuration = SignedDuration::from_secs(1);

/// What works on the entries.
pub(super) struct Worker {
    pub crm: Arc<dyn Crm>,
    pub directory: Option<Arc<Directory>>,
    pub judge: Arc<dyn Judge>,
    pub rulers: Arc<Rulers>,
    pub webhooks: Webhooks,
    pub config: OutboxConfig,
    pub metrics: Arc<Metrics>,
    pub tracer: Tracer,
    pub pen: Pen,
    /// Stored times are its.
    pub wall: Wall,
    pub circuits: Circuits,
    pub rights: Rights,
    /// This engine's name in claims.
    pub me: String,
    pub stop: CancellationToken,
}

/// Why an entry could not be worked on just now. What is behind it is told by whom it befell.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    Ended(#[from] Ended),
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

/// Turns under way.
#[derive(Default)]
pub(super) struct Turns {
    pub tasks: JoinSet<()>,
    pub of: HashMap<Id, (Lane, Queue)>,
}

impl Turns {
    fn count(&self, lane: Lane, crm: &str) -> usize {
        self.of.values().filter(|(other, queue)| *other == lane && queue.crm == crm).count()
    }

    fn ended(&mut self, ended: Option<Result<(Id, ()), JoinError>>) {
        match ended {
            Some(Ok((id, ()))) => drop(self.of.remove(&id)),
            Some(Err(fault)) => {
                self.of.remove(&fault.id());
                error!(%fault, "work on an entry of the outbox broke off; it is tried again when its claim has run out");
            }
            None => {}
        }
    }
}

impl Worker {
    /// Works until it is told to stop; actions under way then still end.
    pub async fn run(self: Arc<Self>, store: Store, written: Arc<Notify>) {
        let mut turns = Turns::default();
        let mut clock = (Instant::now(), self.now());
        let mut renewed = Instant::now();
        // A clock that was set back while the engine was not running.
        let mut set_back = true;
        let crms = named(&*self.crm).into_iter().map(|(name, _)| (Lane::Crm, name));
        let sides: Vec<_> = crms.chain([(Lane::Hook, "")]).collect();
        let mut looked: Option<Instant> = None;
        let mut tried: Option<Instant> = None;
        while !self.stop.is_cancelled() {
            let (now, wall) = (Instant::now(), self.now());
            let passed = SignedDuration::try_from(now - clock.0).unwrap_or_default();
            set_back |= wall.duration_since(clock.1) + SLACK < passed;
            clock = (now, wall);
            if std::mem::take(&mut set_back) {
                let (longest, lease) = (self.config.retry_max, self.config.lease);
                if self.pen.change(Change::Clock { longest, lease }).await.is_err() {
                    break;
                }
            }
            if !turns.of.is_empty() && renewed.elapsed() > self.config.lease / 3 {
                renewed = now;
                let (by, lease) = (self.me.clone(), self.config.lease);
                if self.pen.change(Change::Renew { by, lease }).await.is_err() {
                    break;
                }
            }
            if looked.is_none_or(|at| at.elapsed() >= ADOPT) {
                match self.adopt(&store).await {
                    Ok(all) => looked = all.then_some(now),
                    Err(trouble) => debug!(%trouble, "the outbox cannot be read"),
                }
            }
            let due = tried.is_none_or(|at| at.elapsed() >= self.config.retry_max);
            if due || self.rights.given() {
                match self.try_denied(&store, tried.is_none(), due).await {
                    Ok(()) if due => tried = Some(now),
                    Ok(()) => {}
                    Err(error) => debug!(%error, "the outbox cannot be read"),
                }
            }
            for (lane, crm) in &sides {
                if let Err(trouble) = self.fill(&store, *lane, crm, &mut turns).await {
                    debug!(%trouble, "the outbox cannot be read");
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                ended = turns.tasks.join_next_with_id(), if !turns.of.is_empty() => turns.ended(ended),
                () = written.notified() => {}
                () = sleep(self.config.poll) => {}
            }
        }
        while !turns.of.is_empty() {
            let ended = turns.tasks.join_next_with_id().await;
            turns.ended(ended);
        }
    }

    /// What waits for a CRM that is not configured gets a home, before anything of it is worked on.
    /// `false`: another engine still works on some of it.
    async fn adopt(&self, store: &Store) -> Result<bool, Trouble> {
        let names: Vec<String> =
            named(&*self.crm).into_iter().map(|(name, _)| name.to_owned()).collect();
        while let Some(gone) = adopt::gone(store, &names).await? {
            let change = Change::Adopt { gone: gone.clone(), homes: Homes::new(&*self.crm) };
            if self.pen.change(change).await? != Answer::Took(true) {
                return Ok(false);
            }
            info!(crm = gone, "entries for a CRM of this name go to the CRM of their line");
        }
        Ok(true)
    }

    /// Who takes an entry: the CRM it was made for.
    pub fn crm_of(&self, entry: &Entry) -> &dyn Crm {
        let own = named(&*self.crm).into_iter().find(|(name, _)| *name == entry.crm);
        own.unwrap_or_else(|| of_line(&*self.crm, entry.case.line.as_deref())).1
    }

    /// Begins as many turns as there is room for.
    pub async fn fill(
        self: &Arc<Self>,
        store: &Store,
        lane: Lane,
        crm: &str,
        turns: &mut Turns,
    ) -> Result<(), Trouble> {
        let running = turns.count(lane, crm);
        let room = match self.leave(lane, crm) {
            Leave::None(_) => 0,
            Leave::One => 1,
            Leave::All => self.config.parallel.get(),
        };
        let room = room.saturating_sub(running);
        if room == 0 || !self.is_due(store, lane, crm).await? {
            return Ok(());
        }
        let (by, lease) = (self.me.clone(), self.config.lease);
        let claim = Change::Claim { lane, crm: crm.to_owned(), count: room, by, lease };
        let Answer::Claimed(clients) = self.pen.change(claim).await? else { return Ok(()) };
        for client in clients {
            // Its last turn has let go of it and is about to end. Were it kept claimed, it would
            // wait until the claim runs out.
            let queue = Queue { crm: crm.to_owned(), client };
            if turns.of.values().any(|(_, working)| *working == queue) {
                let (by, next_try) = (self.me.clone(), self.now());
                self.pen.change(Change::Release { queue, by, next_try }).await?;
                continue;
            }
            let (worker, store, whose) = (self.clone(), store.clone(), queue.clone());
            let task = turns.tasks.spawn(async move {
                if let Err(trouble) = worker.turn(&store, whose).await {
                    debug!(%trouble, "work on a client's entries broke off");
                }
            });
            turns.of.insert(task.id(), (lane, queue));
        }
        Ok(())
    }

    /// Reading costs no write to the disk; claiming does.
    async fn is_due(&self, store: &Store, lane: Lane, crm: &str) -> Result<bool, Trouble> {
        let now = self.now().as_microsecond();
        let found: Option<String> = query_scalar(DUE)
            .bind(lane.as_str())
            .bind(crm)
            .bind(now)
            .bind(now)
            .bind(1)
            .fetch_optional(store.pool())
            .await?;
        Ok(found.is_some())
    }

    /// Works on one client's queue until it is empty, held back, or others shall have a turn.
    async fn turn(&self, store: &Store, queue: Queue) -> Result<(), Trouble> {
        let worked = self.row(store, &queue).await;
        let now = self.now();
        let longest = now.checked_add(self.config.retry_max).unwrap_or(now);
        let next_try = match &worked {
            Ok(Then::Until(at)) => longest.min(*at),
            Ok(Then::Next) => now,
            Err(_) => now.checked_add(self.config.retry).unwrap_or(now),
        };
        self.pen.change(Change::Release { queue, by: self.me.clone(), next_try }).await?;
        worked.map(drop)
    }

    async fn row(&self, store: &Store, queue: &Queue) -> Result<Then, Trouble> {
        for _ in 0..ROW {
            if self.stop.is_cancelled() {
                break;
            }
            match head(store, queue).await {
                Ok(Some(entry)) => match self.carry(store, entry).await? {
                    Then::Next => {}
                    until => return Ok(until),
                },
                Ok(None) => break,
                Err(error @ (sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. })) => {
                    let why = format!("it cannot be read: {error}");
                    error!(why, "an entry of the outbox is parked; see `dozvon outbox list`");
                    self.pen.change(Change::Unreadable { queue: queue.clone(), why }).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Then::Next)
    }

    /// How many may be sent now. Each webhook is backed off alone.
    pub fn leave(&self, lane: Lane, crm: &str) -> Leave {
        match lane {
            Lane::Crm => self.circuits.of(crm, |circuit| circuit.leave(Instant::now())),
            Lane::Hook => Leave::All,
        }
    }

    /// By the wall clock.
    pub fn now(&self) -> Timestamp {
        (self.wall)()
    }
}

/// The entry at the head of a client's queue.
pub(super) async fn head(store: &Store, queue: &Queue) -> Result<Option<Entry>, sqlx::Error> {
    query_as(sqlx::AssertSqlSafe(format!(
        "{ENTRY} WHERE o.client = ? AND o.crm = ? AND o.state IN ('waiting', 'working') \
         ORDER BY o.id LIMIT 1"
    )))
    .bind(&queue.client)
    .bind(&queue.crm)
    .fetch_optional(store.pool())
    .await
}
