//! A scrape costs the same however many calls are in hand.

#![allow(clippy::unwrap_used, reason = "a test")]
#![allow(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use dozvon::metrics::{Dialect, Metrics};
use dozvon::traces::TraceId;

struct Counting;

static BLOCKS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BLOCKS.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as asked.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as asked.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What so many calls leave in the metrics while they are in hand: everybody was answered, and
/// each is the newest of its bucket for a while.
fn live(metrics: &Metrics, calls: usize) {
    for call in 0..calls {
        let trace = Some(TraceId::of(&format!("call-{call}").as_str().into()));
        let seconds = (call % 300) as f64;
        metrics.calls_active.inc();
        metrics.sessions.inc();
        metrics.lookup_seconds.observe(&[], seconds / 1000.0, trace);
        metrics.decision_seconds.observe(&[], seconds / 100_000.0, trace);
        metrics.first_command_seconds.observe(&[], seconds / 1000.0, trace);
        metrics.answer_seconds.observe(&["main", "owner"], seconds, trace);
        metrics.answer_seconds.observe(&["main", "queue"], seconds, trace);
    }
}

/// Blocks, bytes and lines of a page.
fn scrape(metrics: &Metrics) -> (usize, usize, usize) {
    let (blocks, bytes) = (BLOCKS.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed));
    let page = metrics.render_as(Dialect::OpenMetrics);
    let (blocks_after, bytes_after) =
        (BLOCKS.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed));
    assert!(page.contains("trace_id"));
    (blocks_after - blocks, bytes_after - bytes, page.lines().count())
}

#[test]
fn a_scrape_with_ten_thousand_calls_in_hand_takes_no_more_than_with_few() {
    let metrics = Metrics::new().unwrap();
    metrics.know_lines(["main", "second"].into_iter());
    live(&metrics, 300);
    // Once, so that what is made for ever is made.
    scrape(&metrics);
    let few = scrape(&metrics);
    live(&metrics, 9_700);
    assert_eq!(metrics.calls_active.get(), 10_000);
    let many = scrape(&metrics);
    assert_eq!(few.2, many.2, "the same series");
    // Numbers have more digits, nothing else is bigger.
    assert!(many.0 <= few.0 + few.0 / 20, "{few:?} {many:?}");
    assert!(many.1 <= few.1 + few.1 / 5, "{few:?} {many:?}");
    // A few blocks and a few hundred bytes a line: no storm.
    assert!(many.0 < 20 * many.2 && many.1 < 2_000 * many.2, "{many:?}");
}
