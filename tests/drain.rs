//! Draining at every moment of a call, over real sockets: nobody is left in silence.

#![allow(clippy::unwrap_used)]

#[path = "support/in_process.rs"]
mod engine;

use std::future::pending;
use std::time::Duration;

use dozvon::rules::Routing;
use dozvon::sim::{Builder, CallHandle, CallReport, CallSpec, Caller, FreeSwitch, Script};
use engine::{Engine, MemoryCrm};

const LINE: &str = "+74951234567";
const OLGA_OF_101: &str = "+79161110001";
/// One call after another, so that one drain meets all moments of a call.
const CALLS: u64 = 70;
const APART: Duration = Duration::from_millis(10);

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// In its own time, and as slow as the real one: a command waits up to 20 ms.
fn switch(owner: Script) -> Builder {
    FreeSwitch::builder()
        .tick(millis(20))
        .phone("101", owner)
        .phone("102", Script::answers(millis(20)))
        .fallback_talk(Duration::from_secs(10))
}

/// Calls one after another, the drain in their midst, and what became of each caller. None of
/// them goes by himself for seconds.
async fn drained(owner: Script, when: Duration) -> Vec<CallReport> {
    let crm = MemoryCrm::default().client(OLGA_OF_101, "Ольга Белова", "e101");
    let engine = Engine::start_with(crm, Routing::default_rules().unwrap(), None).await;
    let switch = switch(owner).engine(&engine.app.calls.to_string()).start().await.unwrap();
    let calls = async {
        let mut calls: Vec<CallHandle> = Vec::new();
        for _ in 0..CALLS {
            let caller = Caller::stays().hangs_up_after(Duration::from_secs(4));
            calls.push(switch.call(CallSpec::new(OLGA_OF_101, LINE).caller(caller)));
            tokio::time::sleep(APART).await;
        }
        calls
    };
    let drain = async {
        tokio::time::sleep(when).await;
        engine.app.drain(Duration::ZERO, pending()).await;
    };
    let (calls, ()) = tokio::join!(calls, drain);
    let mut reports = Vec::new();
    for call in calls {
        reports.push(call.report().await);
    }
    reports
}

/// Each talks with the one he was led to last, or is in the dialplan's queue.
fn nobody_in_silence(reports: &[CallReport]) {
    for report in reports {
        let talks = report.talks.len() == report.connections;
        assert!(talks || report.fell_to_dialplan, "{report:#?}");
        assert!(report.longest_silence < Duration::from_secs(2), "{report:#?}");
        assert_eq!(report.channels_left, 0, "{report:#?}");
    }
}

#[tokio::test]
async fn a_drain_in_the_moment_of_arrival_leaves_nobody_in_silence() {
    let reports = drained(Script::answers(millis(50)), millis(200)).await;
    nobody_in_silence(&reports);
    assert!(reports.iter().any(|r| r.fell_to_dialplan), "some came too late for the engine");
    assert!(reports.iter().any(|r| r.answered_by() == Some("101")));
}

#[tokio::test]
async fn a_drain_in_the_moment_of_a_transfer_leaves_nobody_in_silence() {
    let owner = Script::answers(millis(50)).transfers(millis(300), "102");
    let reports = drained(owner, millis(600)).await;
    nobody_in_silence(&reports);
    let twice = |r: &&CallReport| r.connections == 2;
    assert!(reports.iter().filter(twice).count() > 3, "some were passed on before");
    assert!(!reports.iter().all(|r| r.connections == 2), "and some after");
}
