//! What a call counts for once its record is complete.

use super::Metrics;
use crate::core::facts::Direction;
use crate::core::plan::Role;
use crate::core::record::{AnsweredBy, CallRecord, Outcome, Tried, between};
use crate::traces::TraceId;

impl Metrics {
    /// Counts a call that is over. `trace`: by which it can be found.
    pub fn call_ended(&self, record: &CallRecord, trace: Option<TraceId>) {
        let direction = record.direction.as_str();
        let line = record.line.as_deref().unwrap_or_default();
        let outcome = record.outcome.map_or("unknown", Outcome::as_str);
        self.calls.with_label_values(&[direction, line, outcome]).inc();
        match record.outcome {
            Some(Outcome::Answered) => {
                let talked = record.talked().as_secs_f64();
                self.talk_seconds.with_label_values(&[direction]).observe(talked);
            }
            Some(Outcome::Abandoned) if record.direction == Direction::Inbound => {
                let waited = record.lasted().unwrap_or_default().as_secs_f64();
                self.abandon_seconds.observe(&[line], waited, trace);
            }
            _ => {}
        }
        for attempt in &record.attempts {
            // One without a result goes on in FreeSWITCH after we let go of the call.
            let (Tried::Ring(role), Some(result)) = (&attempt.what, attempt.result) else {
                continue;
            };
            let by = AnsweredBy::Rung(*role).as_str();
            self.attempts.with_label_values(&[by, result.as_str()]).inc();
            if let (Role::Owner, Some(until)) = (role, attempt.until) {
                let rung = between(attempt.from, until).as_secs_f64();
                self.owner_ring_seconds.observe(rung);
            }
        }
    }
}
