//! E09: what a call learns of its caller, and how long that is remembered.

use std::num::NonZeroU64;
use std::time::Duration;

use dozvon::core::client::{Lookup, Source};
use dozvon::directory::{DirectoryConfig, Invalidation};
use tokio::time::{Instant, advance, sleep};

use crate::fake::{Does, World, client, phone};

const NOW: Duration = Duration::ZERO;
const HOUR: Duration = Duration::from_secs(3600);

fn owner(lookup: &Lookup) -> Option<&str> {
    lookup.client().and_then(|c| c.owner.as_ref()).map(|id| id.as_str())
}

fn source(lookup: &Lookup) -> Option<Source> {
    match lookup {
        Lookup::Found { source, .. } | Lookup::Unknown { source } => Some(*source),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn e09_slow_empty_and_fault_are_three_reasons() {
    let w = World::new();
    w.crm.set(NOW, Does::Answers(None));
    let unknown = Lookup::Unknown { source: Source::Fresh };
    assert_eq!(w.directory.lookup(&phone(1)).await, unknown);
    w.crm.set(NOW, Does::Fails);
    assert_eq!(w.directory.lookup(&phone(2)).await, Lookup::Down);
    w.crm.set(HOUR, Does::Answers(None));
    let begun = Instant::now();
    assert_eq!(w.directory.lookup(&phone(3)).await, Lookup::Slow);
    assert_eq!(begun.elapsed(), Duration::from_millis(500));
    assert_eq!(["miss", "down", "slow"].map(|result| w.counted(result)), [1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn e09_an_answer_is_kept_six_hours_and_a_change_of_owner_is_unseen_until_then() {
    let w = World::new();
    w.crm.set(NOW, Does::Answers(Some(client("101", None))));
    w.directory.lookup(&phone(1)).await;
    w.crm.set(NOW, Does::Answers(Some(client("102", None))));

    advance(6 * HOUR - Duration::from_secs(1)).await;
    let kept = w.directory.lookup(&phone(1)).await;
    assert_eq!((owner(&kept), source(&kept)), (Some("101"), Some(Source::Cached)));
    advance(Duration::from_secs(1)).await;
    let fresh = w.directory.lookup(&phone(1)).await;
    assert_eq!((owner(&fresh), source(&fresh)), (Some("102"), Some(Source::Fresh)));
    assert_eq!((w.crm.asked(), w.counted("hit")), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn e09_nobody_is_kept_five_minutes() {
    let w = World::new();
    w.directory.lookup(&phone(1)).await;
    advance(Duration::from_secs(299)).await;
    let kept = w.directory.lookup(&phone(1)).await;
    assert_eq!(source(&kept), Some(Source::Cached));
    assert_eq!((w.crm.asked(), w.counted("negative")), (1, 1));
    advance(Duration::from_secs(1)).await;
    w.directory.lookup(&phone(1)).await;
    assert_eq!(w.crm.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn e09_an_outlived_answer_stands_in_for_a_crm_that_is_slow_or_down() {
    let w = World::new();
    w.crm.set(NOW, Does::Answers(Some(client("101", None))));
    w.directory.lookup(&phone(1)).await;
    advance(7 * HOUR).await;
    for does in [(NOW, Does::Fails), (HOUR, Does::Answers(None))] {
        w.crm.set(does.0, does.1);
        let stale = w.directory.lookup(&phone(1)).await;
        assert_eq!((owner(&stale), source(&stale)), (Some("101"), Some(Source::Stale)));
    }
    assert_eq!(w.counted("stale"), 2);
    // Its request is given up by then, and the copy is older than 6 + 24 hours.
    sleep(24 * HOUR).await;
    w.crm.set(NOW, Does::Fails);
    assert_eq!(w.directory.lookup(&phone(1)).await, Lookup::Down);
}

#[tokio::test(start_paused = true)]
async fn e09_an_outlived_nobody_does_not_hide_that_the_crm_is_down() {
    let w = World::new();
    w.directory.lookup(&phone(1)).await;
    advance(HOUR).await;
    w.crm.set(NOW, Does::Fails);
    assert_eq!(w.directory.lookup(&phone(1)).await, Lookup::Down);
}

#[tokio::test(start_paused = true)]
async fn e09_an_answer_after_the_deadline_serves_the_next_call() {
    let w = World::new();
    w.crm.set(Duration::from_secs(2), Does::Answers(Some(client("101", None))));
    assert_eq!(w.directory.lookup(&phone(1)).await, Lookup::Slow);
    sleep(Duration::from_secs(2)).await;
    let next = w.directory.lookup(&phone(1)).await;
    assert_eq!((owner(&next), source(&next)), (Some("101"), Some(Source::Cached)));
    assert_eq!(w.crm.asked(), 1);
    let slow = w.metrics.crm_requests.with_label_values(&["fake", "find", "slow"]);
    assert_eq!(slow.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_calls_from_one_number_are_one_request() {
    let w = World::new();
    w.crm.set(Duration::from_millis(100), Does::Answers(Some(client("101", None))));
    let calls = (0..100).map(|_| {
        let directory = w.directory.clone();
        tokio::spawn(async move { directory.lookup(&phone(1)).await })
    });
    for call in futures_util::future::join_all(calls).await {
        assert_eq!(owner(&call.unwrap()), Some("101"));
    }
    assert_eq!(w.crm.asked(), 1);
    assert_eq!((w.counted("miss"), w.counted("coalesced")), (1, 99));
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_gives_up_does_not_take_the_answer_from_the_others() {
    let w = World::new();
    w.crm.set(Duration::from_millis(100), Does::Answers(Some(client("101", None))));
    let directory = w.directory.clone();
    let first = tokio::spawn(async move { directory.lookup(&phone(1)).await });
    sleep(Duration::from_millis(10)).await;
    first.abort();
    assert_eq!(owner(&w.directory.lookup(&phone(1)).await), Some("101"));
    assert_eq!(w.crm.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_number_can_be_invalidated_alone() {
    let w = World::new();
    w.crm.set(NOW, Does::Answers(Some(client("101", None))));
    w.directory.lookup(&phone(1)).await;
    w.directory.lookup(&phone(2)).await;
    w.crm.set(NOW, Does::Answers(Some(client("102", None))));
    w.directory.invalidate(&Invalidation::Phone(phone(1))).await;
    assert_eq!(owner(&w.directory.lookup(&phone(1)).await), Some("102"));
    assert_eq!(owner(&w.directory.lookup(&phone(2)).await), Some("101"));
}

#[tokio::test(start_paused = true)]
async fn an_employees_clients_and_deals_can_be_invalidated() {
    let w = World::new();
    for (last, kept) in
        [(1, client("101", None)), (2, client("102", Some("101"))), (3, client("102", Some("103")))]
    {
        w.crm.set(NOW, Does::Answers(Some(kept)));
        w.directory.lookup(&phone(last)).await;
    }
    w.crm.set(NOW, Does::Answers(Some(client("106", None))));
    let id = "101".into();
    w.directory.invalidate(&Invalidation::Employee(id)).await;
    let mut owners = Vec::new();
    for last in 1..=3 {
        let lookup = w.directory.lookup(&phone(last)).await;
        owners.push(owner(&lookup).unwrap().to_owned());
    }
    assert_eq!(owners, ["106", "106", "102"]);
    assert_eq!(w.metrics.cache_entries.with_label_values(&["fake"]).get(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_answer_read_before_the_invalidation_is_given_but_not_kept() {
    for what in
        [Invalidation::Phone(phone(1)), Invalidation::Employee("101".into()), Invalidation::All]
    {
        let w = World::new();
        w.crm.set(Duration::from_millis(100), Does::Answers(Some(client("101", None))));
        let directory = w.directory.clone();
        let waiting = tokio::spawn(async move { directory.lookup(&phone(1)).await });
        sleep(Duration::from_millis(10)).await;
        w.directory.invalidate(&what).await;
        assert_eq!(owner(&waiting.await.unwrap()), Some("101"));
        w.crm.set(NOW, Does::Answers(Some(client("102", None))));
        let next = w.directory.lookup(&phone(1)).await;
        assert_eq!(owner(&next), Some("102"), "{what:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_numbers_are_kept_than_set() {
    let w = World::with(DirectoryConfig {
        capacity: NonZeroU64::new(10).unwrap(),
        ..DirectoryConfig::default()
    });
    for last in 0..200 {
        w.directory.lookup(&phone(last)).await;
    }
    assert!((1..=10).contains(&w.directory.state().entries));
    assert_eq!(w.metrics.cache_entries.with_label_values(&["fake"]).get(), 10);
}
