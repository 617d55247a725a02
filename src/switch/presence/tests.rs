use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::core::staff::Presence;

fn event(lines: &[&str]) -> Event {
    Event::from_plain(&Bytes::from(lines.join("\n") + "\n\n"))
}

fn leg(name: &str, id: &str, more: &[&str]) -> Event {
    let (name, id) = (format!("Event-Name: {name}"), format!("Unique-ID: {id}"));
    event(&[&[name.as_str(), id.as_str()], more].concat())
}

fn sofia(what: &str, user: &str, call: &str) -> Event {
    event(&[
        &format!("Event-Subclass: sofia%3A%3A{what}"),
        "Event-Name: CUSTOM",
        &format!("from-user: {user}"),
        &format!("call-id: {call}"),
        "expires: 60",
    ])
}

fn line(text: &str) -> Extension {
    Extension::parse(text).unwrap()
}

fn channels(json: &str) -> Snapshot {
    let mut snapshot = Snapshot::default();
    snapshot.read_channels(json);
    snapshot.read_registrations(r#"{"row_count": 0}"#);
    snapshot
}

const NONE: &str = r#"{"row_count": 0}"#;

struct One {
    store: PresenceStore,
    now: Instant,
}

impl One {
    fn synced() -> Self {
        let one = Self { store: PresenceStore::new([NodeId::new("a")]), now: Instant::now() };
        one.resync(NONE);
        one
    }

    fn resync(&self, json: &str) -> HashSet<LegId> {
        let channels = channels(json);
        self.store.resync(&"a".into(), channels, self.now).unwrap_or_default()
    }

    fn apply(&self, event: &Event) -> bool {
        self.store.apply(&"a".into(), event, self.now)
    }

    fn busy(&self, text: &str) -> Option<bool> {
        self.store.busy(&line(text))
    }

    fn registered(&self, text: &str) -> Option<bool> {
        self.store.registered(&line(text))
    }
}

#[test]
fn an_employee_who_is_rung_or_calls_out_is_busy() {
    let one = One::synced();
    let rung = ["Call-Direction: outbound", "Channel-Presence-ID: 101%40x"];
    one.apply(&leg("CHANNEL_CREATE", "b", &rung));
    let calls = ["Call-Direction: inbound", "Caller-Username: 102"];
    one.apply(&leg("CHANNEL_CREATE", "c", &calls));
    assert_eq!(one.busy("101"), Some(true));
    assert_eq!(one.busy("102"), Some(true));
    assert_eq!(one.busy("103"), Some(false));
    one.apply(&leg("CHANNEL_HANGUP_COMPLETE", "b", &rung));
    one.apply(&leg("CHANNEL_DESTROY", "b", &rung));
    assert_eq!(one.busy("101"), Some(false));
}

#[test]
fn two_legs_of_a_line_are_busy_until_the_second_ends() {
    let one = One::synced();
    let who = ["Channel-Presence-ID: 101%40x"];
    one.apply(&leg("CHANNEL_CREATE", "b", &who));
    one.apply(&leg("CHANNEL_CREATE", "c", &who));
    one.apply(&leg("CHANNEL_DESTROY", "b", &who));
    assert_eq!(one.busy("101"), Some(true));
    one.apply(&leg("CHANNEL_DESTROY", "c", &who));
    assert_eq!(one.busy("101"), Some(false));
}

/// Transcript 06b: after the bridge `variable_dialed_user: 104` stands on the leg of 101.
#[test]
fn the_dialled_user_of_the_other_leg_makes_no_line_busy() {
    let one = One::synced();
    let first = ["Call-Direction: outbound", "variable_dialed_user: 101"];
    one.apply(&leg("CHANNEL_CREATE", "b", &first));
    let bridged = ["Call-Direction: outbound", "variable_dialed_user: 104"];
    one.apply(&leg("CHANNEL_BRIDGE", "b", &bridged));
    assert_eq!(one.busy("104"), Some(false));
    one.apply(&leg("CHANNEL_HANGUP_COMPLETE", "b", &bridged));
    assert_eq!(one.busy("101"), Some(false));
}

#[test]
fn pitfall_7_a_channel_that_died_in_a_gap_is_closed_by_the_resync() {
    let mut one = One::synced();
    let who = ["Channel-Presence-ID: 101%40x"];
    one.apply(&leg("CHANNEL_CREATE", "b", &who));
    one.now += Duration::from_secs(30);
    let live = one.resync(
        r#"{"row_count":1,"rows":[{"uuid":"z","presence_id":"105@x","direction":"outbound"}]}"#,
    );
    assert_eq!(one.busy("101"), Some(false));
    assert_eq!(one.busy("105"), Some(true));
    assert_eq!(live, HashSet::from([LegId::new("z")]));
    assert!(one.resync(NONE).is_empty());
    assert_eq!(one.busy("105"), Some(false));
}

#[test]
fn a_table_that_is_behind_the_events_changes_nothing() {
    let mut one = One::synced();
    let who = ["Channel-Presence-ID: 101%40x"];
    one.apply(&leg("CHANNEL_CREATE", "b", &who));
    one.apply(&leg("CHANNEL_CREATE", "old", &["Channel-Presence-ID: 102%40x"]));
    one.apply(&leg("CHANNEL_DESTROY", "old", &[]));
    one.now += Duration::from_millis(300);
    let live = one.resync(r#"{"row_count":1,"rows":[{"uuid":"old","presence_id":"102@x"}]}"#);
    assert_eq!(live, HashSet::from([LegId::new("b")]));
    assert_eq!((one.busy("101"), one.busy("102")), (Some(true), Some(false)));
}

/// E10: a line is registered while one of its phones is; nobody is passed over for want of
/// knowledge.
#[test]
fn e10_a_line_is_registered_while_one_of_its_phones_is() {
    let mut one = One::synced();
    assert_eq!(one.registered("110"), None, "no phone registers here at all");
    one.apply(&sofia("register", "110", "one"));
    one.apply(&sofia("register", "110", "two"));
    one.apply(&sofia("register", "111", "x"));
    one.apply(&sofia("unregister", "110", "one"));
    assert_eq!(one.registered("110"), Some(true));
    assert_eq!(one.registered("112"), Some(false));
    one.apply(&event(&[
        "Event-Subclass: sofia%3A%3Aexpire",
        "Event-Name: CUSTOM",
        "user: 110",
        "call-id: two",
    ]));
    assert_eq!(one.registered("110"), Some(false));
    assert_eq!(one.store.lines_registered(), 1);
    one.now += Duration::from_secs(181);
    one.store.sweep(&"a".into(), one.now);
    assert_eq!(one.store.lines_registered(), 0);
}

/// Without several registrations a line, FreeSWITCH forgets the old one of a phone that registers
/// under a new call-id, and no event tells.
#[test]
fn what_is_left_of_a_line_after_an_unregistration_is_in_doubt() {
    let one = One::synced();
    assert!(!one.apply(&sofia("register", "110", "before the restart")));
    assert!(!one.apply(&sofia("register", "110", "after it")));
    assert!(one.apply(&sofia("unregister", "110", "after it")));
    assert_eq!(one.registered("110"), Some(true), "as far as the events tell");
    assert!(!one.apply(&sofia("unregister", "110", "before the restart")));
}

#[test]
fn a_node_whose_link_is_down_makes_a_no_unknown_and_leaves_a_yes() {
    let store = PresenceStore::new(["a".into(), "b".into()]);
    let now = Instant::now();
    store.resync(&"a".into(), channels(NONE), now);
    assert_eq!(store.busy(&line("101")), None, "b has not been heard yet");
    store.resync(&"b".into(), channels(NONE), now);
    assert_eq!(store.busy(&line("101")), Some(false));
    let who = ["Channel-Presence-ID: 101%40x"];
    let doubt = store.apply(&"a".into(), &leg("CHANNEL_CREATE", "1", &who), now);
    assert!(!doubt);
    store.forget(&"b".into());
    assert_eq!(store.busy(&line("101")), Some(true));
    store.forget(&"a".into());
    assert_eq!(store.busy(&line("101")), None);
}

/// Transcript 08a: the agent goes from Receiving to a call and back to Waiting.
#[test]
fn agents_of_the_queue_are_known_by_their_last_change() {
    let one = One::synced();
    let change = |what: &str, value: &str| {
        event(&[
            "Event-Subclass: callcenter%3A%3Ainfo",
            "Event-Name: CUSTOM",
            "CC-Agent: agent1",
            &format!("CC-Action: agent-{what}-change"),
            &format!("CC-Agent-{value}"),
        ])
    };
    one.apply(&change("status", "Status: On%20Break"));
    one.apply(&change("state", "State: In%20a%20queue%20call"));
    let agent = one.store.agent("agent1").unwrap();
    assert_eq!((&*agent.status, &*agent.state), ("On Break", "In a queue call"));
    assert_eq!(one.store.agent("agent2"), None);
}

/// A15: the agents who can take a call, who was idle longest first.
#[tokio::test(start_paused = true)]
async fn a15_the_free_agents_of_a_queue_the_longest_idle_first() {
    let one = One::synced();
    let mut snapshot = channels(NONE);
    snapshot.read_agents(
        "name|contact|status|state|last_bridge_end\n101|user/101|Available|Waiting|0\n\
         102@x|user/102|Available (On Demand)|Waiting|5\nolga|[leg_timeout=10]user/103|Available|Waiting|0\n\
         104|user/104|Logged Out|Waiting|0\n105|user/105|Available|Receiving|0\n+OK\n",
    );
    snapshot.read_tiers(
        "queue|agent|state|level|position\nsales|101|Ready|1|1\nsales|102@x|Ready|1|1\nsales|olga|Ready|1|1\n\
         sales|104|Ready|1|1\nsales|105|Ready|1|1\nother|104|Ready|1|1\n+OK\n",
    );
    one.store.resync(&"a".into(), snapshot, one.now);
    let rung = ["Call-Direction: outbound", "Channel-Presence-ID: 103%40x"];
    one.apply(&leg("CHANNEL_CREATE", "b", &rung));
    let lines = |queue: &str| {
        let free = one.store.queue(&queue.into())?;
        Some(free.into_iter().map(|a| a.line.to_string()).collect::<Vec<_>>())
    };
    assert_eq!(lines("sales"), Some(vec!["101".to_owned(), "102".to_owned()]));
    assert_eq!(one.store.idle(&line("103")), None);
    one.apply(&leg("CHANNEL_HANGUP_COMPLETE", "b", &rung));
    tokio::time::advance(Duration::from_secs(7)).await;
    assert_eq!(one.store.idle(&line("103")), Some(Duration::from_secs(7)));
    let all = ["101", "102", "103"].map(str::to_owned).to_vec();
    assert_eq!(lines("sales@127.0.0.1"), Some(all));
    assert_eq!(lines("other"), Some(Vec::new()));
    assert_eq!(lines("nobody"), None);
    // A gap makes calls unknown, not the past.
    one.store.forget(&"a".into());
    assert_eq!(one.store.idle(&line("103")), Some(Duration::from_secs(7)));
    assert_eq!(lines("sales"), None);
}
