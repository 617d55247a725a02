//! The engine ends while a real FreeSWITCH has calls: in order or by force, at any moment of a call. Skipped, with the
//! reason, where none is installed.

// Helpers are not tests themselves, so clippy.toml does not cover them.
#![allow(clippy::expect_used)]

#[allow(dead_code, reason = "what is left over is for other tests")]
#[path = "support/engine.rs"]
mod engine;
#[allow(dead_code, reason = "what is left over is for other tests")]
#[path = "support/house.rs"]
mod house;

use std::time::Duration;

use engine::Engine;
use futures_util::future::join_all;
use house::freeswitch::free_port;
use house::sip::{Behaviour, Call};
use house::{A_WHILE, AT_ONCE, House, SOON};
use tokio::time::sleep;

/// Clients of the sample company.
const OLGA_OF_101: &str = "79161110001";
const MILLER_OF_102: &str = "79161110002";
/// Rings 101, whether or not he talks already.
const RING_101: &str =
    r#"{ do = "employee", employee = "101", ring = "20s", skip_if = ["unregistered"] }"#;

/// A house with an engine.
async fn company() -> Option<(House, Engine)> {
    let calls = free_port().await;
    let house = House::build(&calls.to_string()).await?;
    let engine = Engine::start(calls, house.freeswitch.control).await;
    Some((house, engine))
}

/// A house with an engine whose calls all ring 101, and phones that answer.
async fn company_of_101() -> Option<(House, Engine)> {
    let calls = free_port().await;
    let house = House::build(&calls.to_string()).await?;
    let engine = Engine::start_steps(calls, house.freeswitch.control, RING_101).await;
    house.only_agent(104).await;
    for extension in [101, 103, 104] {
        house.phone(extension).behave(AT_ONCE);
    }
    Some((house, engine))
}

async fn rings(house: &House, extension: usize) -> Call {
    let call = house.phone(extension).next_call(SOON).await;
    call.unwrap_or_else(|| panic!("{extension} rings"))
}

async fn talk(one: &Call, other: &Call) {
    assert!(one.is_answered(SOON).await && other.is_answered(SOON).await, "both are in a talk");
    assert_eq!(one.ended(A_WHILE).await, None, "it goes on");
    assert_eq!(other.ended(Duration::ZERO).await, None, "it goes on");
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// SIGTERM with calls in hand: at the deadline they are left to FreeSWITCH, and go on.
#[tokio::test]
async fn a_drained_engine_leaves_its_calls_in_order() {
    let Some((house, mut engine)) = company().await else { return };
    house.only_agent(104).await;
    house.phone(101).behave(AT_ONCE);
    house.phone(102).behave(Behaviour::Silent);
    house.phone(104).behave(AT_ONCE);
    let talking = house.call_from(OLGA_OF_101).await;
    let owner = rings(&house, 101).await;
    talk(&talking, &owner).await;
    let waiting = house.call_from(MILLER_OF_102).await;
    rings(&house, 102).await;
    engine.terminate().await;
    let agent = rings(&house, 104).await;
    talk(&waiting, &agent).await;
    talk(&talking, &owner).await;
    owner.hang_up().await;
    assert!(talking.ended(SOON).await.expect("it ends").by_other);
    waiting.hang_up().await;
    house.ends_empty().await;
}

/// A phone passes the client on while the engine drains: just before, during, and as the deadline is reached. He talks
/// to the colleague, whoever leads him there; nobody is left in silence.
#[tokio::test]
async fn a_transfer_while_the_engine_drains_is_a_talk() {
    let Some((house, mut engine)) = company_of_101().await else { return };
    let mut talks = Vec::new();
    // Three legs each at the most: the house has 40 ports for speech.
    for _ in 0..12 {
        let call = house.call_from(OLGA_OF_101).await;
        let owner = rings(&house, 101).await;
        assert!(call.is_answered(SOON).await && owner.is_answered(SOON).await);
        talks.push((call, owner));
    }
    // SIGTERM is sent after 30 ms; its deadline is 1 s.
    let moments = [0, 15, 30, 45, 300, 600, 940, 955, 970, 985, 1000, 1015];
    let transfers = talks.iter().zip(moments).map(|((_, owner), moment)| async move {
        sleep(millis(moment)).await;
        owner.transfer("103").await;
    });
    let end = async {
        sleep(millis(30)).await;
        engine.terminate().await;
    };
    tokio::join!(join_all(transfers), end);
    sleep(A_WHILE).await;
    let channels = channels(&house).await;
    for (call, owner) in &talks {
        let colleague = house.phone(103).next_call(Duration::ZERO).await;
        let colleague = colleague.unwrap_or_else(|| panic!("103 rings: {channels}"));
        assert!(colleague.is_answered(SOON).await, "{channels}");
        assert!(owner.ended(SOON).await.is_some(), "he has passed the client on");
        assert_eq!(call.ended(Duration::ZERO).await, None, "{channels}");
        assert_eq!(colleague.ended(Duration::ZERO).await, None, "{channels}");
    }
    assert!(!channels.contains("CS_RESET"), "in silence for ever: {channels}");
    for (call, _) in talks {
        call.hang_up().await;
    }
    house.ends_empty().await;
}

/// E09: `kill -9` while calls come in. Whoever the engine had just taken over goes on in the dialplan.
#[tokio::test]
async fn e09_the_engine_dies_in_the_moment_of_arrival() {
    let Some((house, mut engine)) = company_of_101().await else { return };
    house.phone(101).behave(Behaviour::Silent);
    let callers = (0..30).map(|n| {
        let house = &house;
        async move {
            sleep(millis(n * 4)).await;
            house.call_from(OLGA_OF_101).await
        }
    });
    let death = async {
        sleep(millis(70)).await;
        engine.kill();
    };
    let (calls, ()) = tokio::join!(join_all(callers), death);
    sleep(A_WHILE).await;
    let channels = channels(&house).await;
    assert!(!channels.contains("CS_RESET"), "in silence for ever: {channels}");
    for call in calls {
        if call.is_answered(Duration::ZERO).await {
            call.hang_up().await;
        } else {
            call.cancel().await;
        }
    }
    house.ends_empty().await;
}

async fn channels(house: &House) -> String {
    house.freeswitch.api("show channels").await
}
