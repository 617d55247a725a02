//! What a node tells of itself every 20 s.

use jiff::Timestamp;

use super::Metrics;
use crate::esl::Event;

impl Metrics {
    /// Reads a HEARTBEAT. What it does not say stays as it was.
    pub fn heartbeat(&self, node: &str, event: &Event) {
        let number = |name: &str| event.raw(name)?.parse::<i64>().ok();
        for (gauge, told) in [
            (&self.node_sessions, number("Session-Count")),
            (&self.node_sessions_max, number("Max-Sessions")),
            (&self.node_sessions_begun, number("Session-Since-Startup")),
            (&self.node_uptime, number("Uptime-msec").map(|ms| ms / 1000)),
        ] {
            if let Some(told) = told {
                gauge.with_label_values(&[node]).set(told);
            }
        }
        if let Some(core) = event.raw("Core-UUID") {
            self.core_is(node, core);
        }
        // No rise is seen in what begins with 1.
        self.node_calls.with_label_values(&[node]);
        self.calls_begun.with_label_values(&[node]);
        self.legs_dialled.with_label_values(&[node]);
        let told = number("Event-Date-Timestamp");
        if let Some(told) = told.and_then(|at| Timestamp::from_microsecond(at).ok()) {
            let ahead = told.duration_since(Timestamp::now()).as_secs_f64();
            self.clock_skew.with_label_values(&[node]).set(ahead);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// The headers of FreeSWITCH 1.10.12, `switch_core.c`, `send_heartbeat`.
    #[test]
    fn a_node_whose_clock_is_an_hour_ahead_is_seen_by_its_heartbeat() {
        let at = Timestamp::now().as_microsecond() + 3_600_000_000;
        let text = format!(
            "Event-Name: HEARTBEAT\nEvent-Date-Timestamp: {at}\nUptime-msec: 28579865\n\
             Session-Count: 7\nMax-Sessions: 1000\nSession-Since-Startup: 12\n\n"
        );
        let metrics = Metrics::new().unwrap();
        metrics.heartbeat("fs1", &Event::from_plain(&Bytes::from(text)));
        let skew = metrics.clock_skew.with_label_values(&["fs1"]).get();
        assert!((3590.0..=3600.0).contains(&skew), "{skew}");
        let text = metrics.render();
        for line in [
            "dozvon_freeswitch_sessions{node=\"fs1\"} 7",
            "dozvon_freeswitch_sessions_max{node=\"fs1\"} 1000",
            "dozvon_freeswitch_sessions_since_start{node=\"fs1\"} 12",
            "dozvon_freeswitch_uptime_seconds{node=\"fs1\"} 28579",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
    }

    #[test]
    fn a_heartbeat_that_says_nothing_changes_nothing() {
        let metrics = Metrics::new().unwrap();
        metrics.heartbeat("fs1", &Event::from_plain(&Bytes::from("Event-Name: HEARTBEAT\n\n")));
        assert!(!metrics.render().contains("dozvon_freeswitch_"), "{}", metrics.render());
    }

    #[test]
    fn a_call_is_told_to_be_of_the_node_whose_core_it_names() {
        let metrics = Metrics::new().unwrap();
        let tells = |node: &str, core: &str| {
            let text = format!("Event-Name: HEARTBEAT\nCore-UUID: {core}\n\n");
            metrics.heartbeat(node, &Event::from_plain(&Bytes::from(text)));
        };
        tells("fs1", "a");
        tells("fs2", "b");
        assert_eq!(
            (metrics.node_of(Some("a")), metrics.node_of(Some("b"))),
            ("fs1".into(), "fs2".into())
        );
        tells("fs1", "c");
        assert_eq!(metrics.node_of(Some("c")), "fs1", "it was started anew");
        assert_eq!(metrics.node_of(Some("a")), "unknown");
        assert_eq!(metrics.node_of(None), "unknown");
    }
}
