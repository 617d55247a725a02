use std::sync::Arc;

use proptest::prelude::*;

use super::*;

const LIMIT: Limit = Limit { requests: 7, window: Duration::from_secs(1) };

fn virtual_time(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap().block_on(test);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Numbers of issue: rate limits are never exceeded, over any window.
    #[test]
    fn no_window_holds_more_than_the_limit(
        asked in prop::collection::vec((0_u64..3000, any::<bool>()), 1..120),
        rests in prop::collection::vec((0_u64..3000, 0_u64..2000), 0..3),
    ) {
        virtual_time(async move {
            let gate = Arc::new(Gate::new(LIMIT));
            let passed = Arc::new(Mutex::new(Vec::new()));
            let start = Instant::now();
            let mut tasks = tokio::task::JoinSet::new();
            for (at, lookup) in asked {
                let (gate, passed) = (gate.clone(), passed.clone());
                tasks.spawn(async move {
                    sleep_until(start + Duration::from_millis(at)).await;
                    let class = if lookup { Class::Lookup } else { Class::Delivery };
                    gate.pass(class).await.unwrap();
                    passed.lock().unwrap().push(Instant::now());
                });
            }
            for (at, rest) in rests {
                let gate = gate.clone();
                tasks.spawn(async move {
                    sleep_until(start + Duration::from_millis(at)).await;
                    gate.rest(Duration::from_millis(rest));
                });
            }
            tasks.join_all().await;
            let mut passed = passed.lock().unwrap().clone();
            passed.sort();
            for window in passed.windows(LIMIT.requests + 1) {
                assert!(window[LIMIT.requests] - window[0] >= LIMIT.window);
            }
        });
    }
}

#[test]
fn a_lookup_waits_for_no_delivery_that_has_not_gone_through() {
    virtual_time(async {
        let gate = Arc::new(Gate::new(Limit { requests: 1, window: Duration::from_secs(1) }));
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..50 {
            let (gate, order) = (gate.clone(), order.clone());
            tasks.spawn(async move {
                gate.pass(Class::Delivery).await.unwrap();
                order.lock().unwrap().push(format!("delivery {n}"));
            });
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        gate.pass(Class::Lookup).await.unwrap();
        order.lock().unwrap().push("lookup".to_owned());
        tasks.join_all().await;
        assert_eq!(order.lock().unwrap()[1], "lookup");
    });
}

#[test]
fn a_lookup_that_was_given_up_holds_up_nobody() {
    virtual_time(async {
        let gate = Gate::new(Limit { requests: 1, window: Duration::from_secs(10) });
        gate.pass(Class::Delivery).await.unwrap();
        let short = Duration::from_millis(1);
        assert!(tokio::time::timeout(short, gate.pass(Class::Lookup)).await.is_err());
        let long = Duration::from_secs(10);
        assert!(tokio::time::timeout(long, gate.pass(Class::Delivery)).await.is_ok());
    });
}

#[test]
fn what_is_kept_for_lookups_no_delivery_takes() {
    virtual_time(async {
        let limit = Limit { requests: 4, window: Duration::from_secs(60) };
        let gate = Gate::new(limit).keeps_for_lookups(1);
        let start = Instant::now();
        for _ in 0..3 {
            gate.pass(Class::Delivery).await.unwrap();
        }
        let short = Duration::from_secs(1);
        assert!(tokio::time::timeout(short, gate.pass(Class::Delivery)).await.is_err());
        assert!(tokio::time::timeout(short, gate.pass(Class::Lookup)).await.is_ok());
        gate.pass(Class::Delivery).await.unwrap();
        assert!(start.elapsed() >= limit.window);
    });
}

#[test]
fn a_crm_that_asks_for_a_year_is_asked_again_by_callers_after_minutes() {
    virtual_time(async {
        for asked in [365 * 24 * 3600, u64::MAX] {
            let gate = Gate::new(LIMIT);
            gate.rest(Duration::from_secs(asked));
            // Nobody hangs at the gate: the outbox is told when to come back, a call goes on.
            assert_eq!(gate.pass(Class::Delivery).await, Err(LONGEST_REST));
            assert!(gate.pass(Class::Lookup).await.is_err());
            tokio::time::sleep(LONGEST_OF_LOOKUPS).await;
            assert_eq!(gate.pass(Class::Lookup).await, Ok(()));
            assert!(gate.pass(Class::Delivery).await.is_err());
            tokio::time::sleep(LONGEST_REST).await;
            assert_eq!(gate.pass(Class::Delivery).await, Ok(()));
        }
    });
}

#[test]
fn a_delivery_that_waits_is_told_of_a_rest_that_begins() {
    virtual_time(async {
        let gate = Gate::new(Limit { requests: 1, window: Duration::from_secs(60) });
        gate.pass(Class::Delivery).await.unwrap();
        let rest = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            gate.rest(Duration::from_secs(3600));
        };
        let (passed, ()) = tokio::join!(gate.pass(Class::Delivery), rest);
        assert_eq!(passed, Err(Duration::from_secs(3600)));
    });
}
