//! Presence from events as FreeSWITCH 1.10.12 sent them.

use dozvon::core::ids::{Extension, NodeId};
use dozvon::core::staff::Presence;
use dozvon::switch::presence::{Agent, PresenceStore, Snapshot};
use tokio::time::Instant;

use crate::raw;

fn line(text: &str) -> Extension {
    Extension::parse(text).unwrap()
}

/// Plays a stream into a store that knows of no channel yet; `seen` looks after each event.
fn play(stream: &str, mut seen: impl FnMut(&PresenceStore)) -> PresenceStore {
    let node = NodeId::new("fs1");
    let store = PresenceStore::new([node.clone()]);
    let mut nothing = Snapshot::default();
    nothing.read_channels(r#"{"row_count": 0}"#);
    store.resync(&node, nothing, Instant::now());
    for event in raw::events(stream) {
        let _ = store.apply(&node, &event, Instant::now());
        seen(&store);
    }
    store
}

/// Transcript 06b: 101, 104, 102, 103 and 105 are rung or talk, one after another and together;
/// all legs whose end is in the stream leave their line free.
#[test]
fn lines_are_busy_while_they_ring_or_talk() {
    let lines = ["101", "102", "103", "104", "105"].map(line);
    let mut busy = [false; 5];
    let mut together = false;
    let store = play("06b", |store| {
        let now = lines.clone().map(|line| store.busy(&line) == Some(true));
        together |= now[0] && now[3];
        for (ever, now) in busy.iter_mut().zip(now) {
            *ever |= now;
        }
    });
    assert_eq!(busy, [true; 5]);
    assert!(together, "101 and 104 talk to each other");
    for line in lines {
        assert_eq!(store.busy(&line), Some(false), "{line}");
    }
}

/// Transcript 08a: Receiving, in a call, waiting again.
#[test]
fn an_agent_of_the_queue_goes_through_his_states() {
    let mut states = Vec::new();
    play("08a-callcenter-answered.ccinfo", |store| {
        let agent = store.agent("agent1").unwrap_or_default();
        if states.last() != Some(&agent) {
            states.push(agent);
        }
    });
    let states: Vec<_> = states.into_iter().map(|Agent { state, .. }| state).collect();
    assert_eq!(states, ["", "Receiving", "In a queue call", "Waiting"]);
}
