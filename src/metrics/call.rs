//! What a call counts for once its record is complete.

use super::Metrics;
use crate::core::facts::Direction;
use crate::core::plan::Role;
use crate::core::record::{AnsweredBy, CallRecord, Outcome, Tried, between};
use crate::core::trace::Fallback;
use crate::traces::TraceId;

/// Who gives up sooner counts as one who dialled by mistake, in seconds.
pub const SHORT: f64 = 5.0;

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
        if was_wanted(record) {
            self.unanswered.with_label_values(&[line, outcome]).inc();
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

/// A caller who wanted somebody and got nobody, while the line was open.
fn was_wanted(record: &CallRecord) -> bool {
    let open = record.fallback != Some(Fallback::Closed);
    let nobody = match record.outcome {
        Some(Outcome::Missed | Outcome::Voicemail) => true,
        Some(Outcome::Abandoned) => record.lasted().unwrap_or_default().as_secs_f64() >= SHORT,
        _ => false,
    };
    record.direction == Direction::Inbound && open && nobody
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, ToSpan};

    use super::*;
    use crate::core::phone::Caller;

    fn record(outcome: Outcome, seconds: i64) -> CallRecord {
        let from = Timestamp::UNIX_EPOCH;
        let caller = Caller::read("+79161110001", Default::default());
        let mut record =
            CallRecord::new("c".into(), Direction::Inbound, caller, "4951234567".into(), from);
        record.line = Some("main".into());
        record.outcome = Some(outcome);
        record.ended = Some(from + seconds.seconds());
        record
    }

    fn unanswered(metrics: &Metrics, outcome: &str) -> u64 {
        metrics.unanswered.with_label_values(&["main", outcome]).get()
    }

    #[test]
    fn a_line_that_sends_everybody_to_voicemail_has_unanswered_callers() {
        let metrics = Metrics::new().unwrap();
        metrics.call_ended(&record(Outcome::Voicemail, 30), None);
        metrics.call_ended(&record(Outcome::Missed, 2), None);
        assert_eq!((unanswered(&metrics, "voicemail"), unanswered(&metrics, "missed")), (1, 1));
    }

    #[test]
    fn who_gives_up_within_five_seconds_or_calls_at_night_is_no_unanswered_caller() {
        let metrics = Metrics::new().unwrap();
        metrics.call_ended(&record(Outcome::Abandoned, 4), None);
        metrics.call_ended(&record(Outcome::Abandoned, 5), None);
        let mut night = record(Outcome::Voicemail, 30);
        night.fallback = Some(Fallback::Closed);
        metrics.call_ended(&night, None);
        metrics.call_ended(&record(Outcome::Answered, 30), None);
        assert_eq!((unanswered(&metrics, "abandoned"), unanswered(&metrics, "voicemail")), (1, 0));
    }
}
