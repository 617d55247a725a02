//! Virtual time beside a real SQLite, both clocks moved by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use dozvon::core::case::{Case, Clerk, Event};
use dozvon::metrics::Metrics;
use dozvon::outbox::desk::{Desk, Filter, Line};
use dozvon::outbox::entry::State;
use dozvon::outbox::{Outbox, Wall};
use dozvon::store::Store;
use jiff::{SignedDuration, Timestamp};
use tokio::runtime::Runtime;
use tokio::time::Instant;

use crate::house::{House, MS, case};

/// So far time moves at once. Much less than any time limit: SQLite takes real time.
const STEP: Duration = Duration::from_secs(2);

/// A life whose time stands still until it is moved.
pub struct ByHand {
    // Dropped first of all: the blocking task ends, and with it the runtime can.
    _hold: std::sync::mpsc::Sender<()>,
    rt: Runtime,
    pub outbox: Arc<Outbox>,
    store: Store,
    metrics: Arc<Metrics>,
    begun: Instant,
    wall: Wall,
    set_by: Arc<AtomicI64>,
}

impl ByHand {
    pub fn start(house: &House) -> Self {
        let rt = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let _in = rt.enter();
        // The runtime does not know that SQLite's thread works for it and would move the time
        // whenever nothing else is to be done; while a blocking task is under way it does not.
        let (hold, held) = std::sync::mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || held.recv());
        let (begun, start) = (Instant::now(), Timestamp::now());
        let set_by = Arc::new(AtomicI64::new(0));
        let set = set_by.clone();
        let wall: Wall = Arc::new(move || {
            let passed = SignedDuration::try_from(begun.elapsed()).unwrap();
            start + passed + SignedDuration::from_secs(set.load(Ordering::SeqCst))
        });
        let parts = house.parts(house.crm.clone());
        let outbox = Outbox::start_by(parts, wall.clone());
        drop(_in);
        let mut opened = outbox.store();
        let opened = rt.block_on(opened.wait_for(Option::is_some)).unwrap().clone();
        let (store, metrics) = (opened.unwrap(), house.metrics.clone());
        let this = Self { _hold: hold, rt, outbox, store, metrics, begun, wall, set_by };
        this.quiet();
        this
    }

    pub fn occurs(&self, call: &str, seq: u32, event: Event, number: &str) {
        let at = (self.wall)();
        self.outbox.occurred(Case { at, started: at, ..case(call, seq, event, number) });
    }

    /// Sets the wall clock, and it alone.
    pub fn set_clock(&self, by: SignedDuration) {
        self.set_by.fetch_add(by.as_secs(), Ordering::SeqCst);
    }

    /// Time that has passed.
    pub fn passed(&self) -> Duration {
        let _in = self.rt.enter();
        self.begun.elapsed()
    }

    /// Moves the time.
    pub fn pass(&self, time: Duration) {
        let end = self.passed() + time;
        while self.passed() < end {
            self.rt.block_on(tokio::time::advance(STEP));
            self.quiet();
        }
    }

    /// Moves the time until it is so, and for so long at most.
    pub fn pass_until(&self, what: &str, longest: Duration, mut so: impl FnMut(&Self) -> bool) {
        let end = self.passed() + longest;
        while !so(self) {
            let open = || self.list(&[State::Waiting, State::Working, State::Parked]);
            assert!(self.passed() < end, "after {longest:?} no {what}: {:#?}", open());
            self.pass(STEP);
        }
    }

    /// Until nobody asks the store, nothing is written and nobody's queue is worked on any more.
    fn quiet(&self) {
        let claimed = "SELECT count(*) FROM outbox_client WHERE claimed_by IS NOT NULL";
        let mut before = None;
        loop {
            let breath = self.rt.spawn_blocking(|| std::thread::sleep(MS));
            self.rt.block_on(async {
                breath.await.unwrap();
                for _ in 0..32 {
                    tokio::task::yield_now().await;
                }
            });
            let pool = self.store.pool();
            let asked = usize::try_from(pool.size()).unwrap() > pool.num_idle();
            let written = self.metrics.journal_batch.get_sample_count();
            if !asked && before == Some(written) {
                let claimed = sqlx::query_scalar(claimed).fetch_one(pool);
                let claimed: i64 = self.rt.block_on(claimed).unwrap();
                if claimed == 0 {
                    return;
                }
            }
            before = Some(written);
        }
    }

    pub fn list(&self, states: &[State]) -> Vec<Line> {
        let filter = Filter { states: states.to_vec(), limit: 100_000, ..Filter::default() };
        self.rt.block_on(Desk::new(self.store.clone()).list(&filter)).unwrap()
    }
}
