//! A CRM that fails: the breaker, what the directory says of itself, and the employees (E14).

use std::sync::atomic::Ordering;
use std::time::Duration;

use dozvon::core::client::Lookup;
use dozvon::core::staff::Status;
use dozvon::crm::CrmError;
use dozvon::directory::BreakerState;
use tokio::time::{Instant, advance, sleep};
use tokio_util::sync::CancellationToken;

use crate::fake::{Does, World, client, employee, phone};

const NOW: Duration = Duration::ZERO;
const S: Duration = Duration::from_secs(1);

fn circuit_open(w: &World) -> i64 {
    let metric = &w.metrics.crm_circuit_open;
    metric.with_label_values(&["fake"]).get()
}

async fn five_fail(w: &World) {
    w.crm.set(NOW, Does::Fails);
    for last in 1..=5 {
        assert_eq!(w.directory.lookup(&phone(last)).await, Lookup::Down);
    }
}

#[tokio::test(start_paused = true)]
async fn the_breaker_opens_probes_once_after_a_pause_and_closes() {
    let w = World::new();
    five_fail(&w).await;
    assert_eq!(w.directory.state().breaker, BreakerState::Open);
    assert_eq!(circuit_open(&w), 1);
    assert_eq!(w.directory.lookup(&phone(6)).await, Lookup::Down);
    assert_eq!(w.crm.asked(), 5, "an open breaker sends nothing");

    // The probe fails: the next pause is twice as long.
    advance(5 * S).await;
    w.directory.lookup(&phone(6)).await;
    advance(9 * S).await;
    w.directory.lookup(&phone(6)).await;
    assert_eq!(w.crm.asked(), 6);

    advance(S).await;
    w.crm.set(S / 10, Does::Answers(Some(client("101", None))));
    let (six, seven) = (phone(6), phone(7));
    let (probe, other) = tokio::join!(w.directory.lookup(&six), w.directory.lookup(&seven));
    assert!(probe.client().is_some());
    assert_eq!(other, Lookup::Down, "one probe at a time");
    let state = w.directory.state();
    assert_eq!((state.breaker, state.last_error), (BreakerState::Closed, None));
    assert_eq!(circuit_open(&w), 0);
    assert!(w.directory.lookup(&phone(7)).await.client().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_crm_that_hangs_opens_the_breaker_at_the_deadline_and_costs_no_call_more_than_it() {
    let w = World::new();
    w.crm.set(3600 * S, Does::Answers(None));
    for last in 1..=5 {
        assert_eq!(w.directory.lookup(&phone(last)).await, Lookup::Slow);
    }
    // The request judges itself in the same instant as its caller stops waiting.
    sleep(S / 1000).await;
    let begun = Instant::now();
    assert_eq!(w.directory.lookup(&phone(6)).await, Lookup::Down);
    assert_eq!(begun.elapsed(), NOW);
    let state = w.directory.state();
    assert_eq!(state.last_error.as_deref(), Some("the CRM did not answer in time"));
}

#[tokio::test(start_paused = true)]
async fn what_is_remembered_is_given_while_the_breaker_is_open() {
    let w = World::new();
    w.crm.set(NOW, Does::Answers(Some(client("101", None))));
    w.directory.lookup(&phone(9)).await;
    advance(7 * 3600 * S).await;
    five_fail(&w).await;
    assert!(w.directory.lookup(&phone(9)).await.client().is_some());
    assert_eq!((w.crm.asked(), w.counted("stale")), (6, 1));
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_crm_is_a_fault_of_that_one_request() {
    let w = World::new();
    w.crm.set(NOW, Does::Panics);
    assert_eq!(w.directory.lookup(&phone(1)).await, Lookup::Down);
    let error = w.directory.state().last_error.unwrap();
    assert!(error.contains("fake panicked"), "{error}");
    w.crm.set(NOW, Does::Answers(Some(client("101", None))));
    assert!(w.directory.lookup(&phone(1)).await.client().is_some());
}

#[tokio::test(start_paused = true)]
async fn e14_old_employees_stay_when_the_crm_fails() {
    let w = World::new();
    assert_eq!(w.directory.state().employees, None);
    w.crm.set_staff(Ok(vec![employee("101", Status::Active), employee("102", Status::Gone)]));
    assert_eq!(w.directory.refresh_staff().await.ok(), Some(1));
    w.crm.set_staff(Err(CrmError::Fault("401".into())));
    assert!(w.directory.refresh_staff().await.is_err());
    assert!(w.directory.staff().get(&"101".into()).is_some());
    assert_eq!(w.metrics.employees.with_label_values(&["fake"]).get(), 1);
    let state = w.directory.state();
    assert_eq!(state.employees, Some(1));
    assert_eq!(state.staff_error.as_deref(), Some("the CRM failed: 401"));

    w.crm.set_staff(Ok(vec![employee("103", Status::Active)]));
    w.directory.refresh_staff().await.unwrap();
    assert!(w.directory.staff().get(&"101".into()).is_none());
    assert_eq!(w.directory.state().staff_error, None);
}

#[tokio::test(start_paused = true)]
async fn e14_employees_are_taken_over_at_start_and_at_every_interval() {
    let w = World::new();
    w.crm.set_staff(Err(CrmError::Slow));
    let stop = CancellationToken::new();
    let task = tokio::spawn(w.directory.clone().run(stop.clone()));
    sleep(S).await;
    assert!(w.directory.state().staff_error.is_some());
    // Nobody can be rung before the first list: it is asked for sooner than at the interval.
    w.crm.set_staff(Ok(vec![employee("101", Status::Active)]));
    sleep(2 * S).await;
    assert_eq!(w.directory.state().employees, Some(1));
    w.crm.set_staff(Ok(vec![employee("101", Status::Active), employee("102", Status::Active)]));
    sleep(60 * S).await;
    assert_eq!(w.directory.state().employees, Some(2));
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_change_the_crm_tells_of_is_seen_within_seconds() {
    let w = World::new();
    let stop = CancellationToken::new();
    let task = tokio::spawn(w.directory.clone().run(stop.clone()));
    sleep(S).await;
    w.crm.set(NOW, Does::Answers(Some(client("101", None))));
    w.directory.lookup(&phone(1)).await;
    w.crm.set(NOW, Does::Answers(Some(client("102", None))));
    w.crm.set_staff(Ok(vec![employee("102", Status::Active)]));
    sleep(10 * S).await;
    w.directory.lookup(&phone(1)).await;
    assert_eq!(w.crm.asked(), 1);

    w.crm.revision.store(2, Ordering::SeqCst);
    sleep(3 * S).await;
    w.directory.lookup(&phone(1)).await;
    assert_eq!(w.crm.asked(), 2);
    assert_eq!(w.directory.state().employees, Some(1));
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_crm_that_is_back_in_the_night_is_found_to_be_so_before_the_first_call() {
    let w = World::new();
    let stop = CancellationToken::new();
    let task = tokio::spawn(w.directory.clone().run(stop.clone()));
    five_fail(&w).await;
    sleep(600 * S).await;
    assert_eq!(circuit_open(&w), 1, "it is still down");
    let asked = w.crm.asked() - 5;
    assert!((9..=16).contains(&asked), "once a minute in the end: {asked}");
    w.crm.set(NOW, Does::Answers(None));
    sleep(63 * S).await;
    assert_eq!(circuit_open(&w), 0, "nobody called");
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn that_access_is_refused_is_told_once_and_once_that_it_is_back() {
    let log = Log::default();
    let told = tracing_subscriber::fmt().with_ansi(false).with_writer(log.clone()).finish();
    let _in = tracing::subscriber::set_default(told);
    let w = World::new();
    let lines = |with: &str| {
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(with)).count()
    };
    w.crm.set(NOW, Does::Denies);
    w.crm.set_staff(Err(CrmError::Access("it refuses our access: 401".into())));
    let stop = CancellationToken::new();
    let task = tokio::spawn(w.directory.clone().run(stop.clone()));
    for caller in 1..20 {
        w.directory.lookup(&phone(caller)).await;
        sleep(60 * S).await;
    }
    assert_eq!((lines("ERROR"), lines("does not let us in")), (1, 1));
    assert!(w.directory.state().denied[0].starts_with("look-ups: "), "{:?}", w.directory.state());
    w.crm.set(NOW, Does::Answers(None));
    w.crm.set_staff(Ok(vec![]));
    sleep(600 * S).await;
    w.directory.lookup(&phone(99)).await;
    assert_eq!((lines("does not let us in"), lines("lets us in again")), (1, 1));
    assert_eq!(w.directory.state().denied, Vec::<String>::new());
    stop.cancel();
    task.await.unwrap();
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'w> tracing_subscriber::fmt::MakeWriter<'w> for Log {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

#[tokio::test(start_paused = true)]
async fn access_that_is_refused_is_a_state_of_its_own_and_over_without_a_restart() {
    let w = World::new();
    let access = || w.metrics.crm_access.with_label_values(&["fake"]).get();
    assert_eq!(access(), 1);
    let denied = || CrmError::Access("it refuses our access: 401".into());
    w.crm.set_staff(Err(denied()));
    assert!(w.directory.refresh_staff().await.is_err());
    assert_eq!(access(), 0);
    w.crm.set(NOW, Does::Denies);
    assert_eq!(w.directory.lookup(&phone(1)).await, Lookup::Down);
    // Slow is another matter, and one of two that are open again is not enough.
    w.crm.set_staff(Err(CrmError::Slow));
    assert!(w.directory.refresh_staff().await.is_err());
    w.crm.set(NOW, Does::Answers(None));
    w.directory.lookup(&phone(2)).await;
    assert_eq!(access(), 0);
    w.crm.set_staff(Ok(vec![]));
    w.directory.refresh_staff().await.unwrap();
    assert_eq!(access(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_changes_is_looked_at_once_more_after_the_look_under_way() {
    let w = World::new();
    w.crm.set(Duration::from_millis(100), Does::Answers(None));
    let looks = (0..300).map(|_| {
        let directory = w.directory.clone();
        tokio::spawn(async move { directory.look_for_changes().await })
    });
    let all: Vec<_> = looks.collect();
    for one in all {
        one.await.unwrap();
    }
    assert_eq!(w.crm.looks.load(Ordering::SeqCst), 2);
    w.directory.look_for_changes().await;
    assert_eq!(w.crm.looks.load(Ordering::SeqCst), 3, "the next one looks again");
}
