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
                    gate.pass(if lookup { Class::Lookup } else { Class::Delivery }).await;
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
                gate.pass(Class::Delivery).await;
                order.lock().unwrap().push(format!("delivery {n}"));
            });
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        gate.pass(Class::Lookup).await;
        order.lock().unwrap().push("lookup".to_owned());
        tasks.join_all().await;
        assert_eq!(order.lock().unwrap()[1], "lookup");
    });
}

#[test]
fn a_lookup_that_was_given_up_holds_up_nobody() {
    virtual_time(async {
        let gate = Gate::new(Limit { requests: 1, window: Duration::from_secs(10) });
        gate.pass(Class::Delivery).await;
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
            gate.pass(Class::Delivery).await;
        }
        let short = Duration::from_secs(1);
        assert!(tokio::time::timeout(short, gate.pass(Class::Delivery)).await.is_err());
        assert!(tokio::time::timeout(short, gate.pass(Class::Lookup)).await.is_ok());
        gate.pass(Class::Delivery).await;
        assert!(start.elapsed() >= limit.window);
    });
}
