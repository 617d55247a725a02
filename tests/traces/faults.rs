//! A receiver that fails: calls go on, the CRM is told, and the log says it once.

use crate::house::{House, Log};
use crate::receiver::{Does, Receiver};

const FAILS: &str = "traces cannot be sent";
const AGAIN: &str = "takes them again";

#[tokio::test]
async fn a_receiver_that_is_down_costs_no_call_anything_and_is_told_once() {
    let log = Log::default();
    let _lines = log.begin();
    // Port 9 is nobody's.
    let house = House::new(Some("http://127.0.0.1:9")).await;
    for _ in 0..3 {
        let (report, learnt) = house.call().await;
        assert!(!report.talks.is_empty() && !learnt.is_empty());
    }
    house.end().await;
    assert_eq!(log.count(FAILS), 1, "{}", log.text());
}

#[tokio::test]
async fn a_receiver_that_never_answers_costs_no_call_anything() {
    let receiver = Receiver::start(Does::Hangs).await;
    let house = House::new(Some(&receiver.url)).await;
    for _ in 0..3 {
        let (report, learnt) = house.call().await;
        assert!(!report.talks.is_empty() && !learnt.is_empty());
    }
    assert_eq!(house.traces("sent"), 0);
    house.end().await;
}

#[tokio::test]
async fn what_a_receiver_refuses_for_good_is_counted_and_the_next_is_sent() {
    let log = Log::default();
    let _lines = log.begin();
    let receiver = Receiver::start(Does::Answers(500)).await;
    let house = House::new(Some(&receiver.url)).await;
    house.call().await;
    house.until_traces("lost", 1).await;
    receiver.set(Does::Rejects);
    let lost = house.traces("lost");
    house.call().await;
    house.until_traces("lost", lost + 1).await;
    receiver.set(Does::Takes);
    house.call().await;
    log.until(AGAIN).await;
    house.end().await;
    assert_eq!((log.count(FAILS), log.count(AGAIN)), (1, 1), "{}", log.text());
}

#[tokio::test]
async fn whatever_a_receiver_answers_calls_and_the_crm_go_on() {
    let log = Log::default();
    let _lines = log.begin();
    let receiver = Receiver::start(Does::Takes).await;
    let house = House::new(Some(&receiver.url)).await;
    let mut lost = 0;
    for does in [Does::Answers(307), Does::Answers(400), Does::Answers(413), Does::Rejects] {
        receiver.set(does);
        let (report, learnt) = house.call().await;
        assert!(!report.talks.is_empty() && !learnt.is_empty(), "{does:?}");
        house.until_traces("lost", lost + 1).await;
        lost = house.traces("lost");
    }
    // 200, and then a text without end.
    receiver.set(Does::Endless);
    house.call().await;
    house.until_traces("sent", 1).await;
    receiver.set(Does::Takes);
    house.call().await;
    log.until(AGAIN).await;
    house.end().await;
    assert_eq!(log.count(FAILS), 1, "{}", log.text());
}

#[tokio::test]
async fn what_a_receiver_cannot_take_now_is_sent_later() {
    let log = Log::default();
    let _lines = log.begin();
    let receiver = Receiver::start(Does::Answers(503)).await;
    let house = House::new(Some(&receiver.url)).await;
    house.call().await;
    let asked = async {
        while receiver.bodies().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(crate::house::secs(30), asked).await.unwrap();
    receiver.set(Does::Takes);
    house.until_traces("sent", 2).await;
    assert_eq!(house.traces("lost"), 0);
    let bodies = receiver.bodies();
    assert_eq!(bodies[0], bodies[1], "the same spans with the same ids");
    log.until(AGAIN).await;
    house.end().await;
    assert_eq!((log.count(FAILS), log.count(AGAIN)), (1, 1), "{}", log.text());
}
