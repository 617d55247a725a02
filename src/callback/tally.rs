//! What a campaign that is over counts for.

use jiff::Timestamp;

use super::How;
use super::book::row::{ending_word, kind_word};
use crate::core::campaign::order::{Kind, Stage, View, Whom};
use crate::core::record::{CallRecord, between};
use crate::metrics::Metrics;

/// A campaign is over, and this is its record. The times count from when it might have begun.
pub(super) fn closed(metrics: &Metrics, view: &View, record: &CallRecord) {
    let Stage::Over(ending) = view.stage else { return };
    let kind = kind_word(view.order.kind);
    metrics.callbacks.with_label_values(&[kind, ending_word(ending)]).inc();
    for one in &view.tries {
        let leg = match one.whom {
            Whom::Manager { .. } => "manager",
            Whom::Client(_) => "client",
        };
        let result = one.result.map_or("unknown", |result| result.as_str());
        metrics.callback_attempts.with_label_values(&[leg, result]).inc();
    }
    let begin = begin(view);
    if let Some(first) = view.tries.first() {
        metrics.callback_first_ring_seconds.observe(between(begin, first.from).as_secs_f64());
    }
    if let Some(at) = record.answered_at() {
        metrics.callback_connect_seconds.observe(between(begin, at).as_secs_f64());
    }
}

/// Nobody is late before the wanted time and the delay.
fn begin(view: &View) -> Timestamp {
    let delayed = view.accepted.saturating_add(view.order.policy.delay).unwrap_or(view.accepted);
    view.order.wanted.unwrap_or(view.accepted).max(delayed)
}

impl Metrics {
    /// An order was taken.
    pub(super) fn callback_taken(&self, kind: Kind, how: How) {
        let by = match how {
            How::New => return,
            How::Joined => "phone",
            How::Repeated => "key",
        };
        self.callback_deduplicated.with_label_values(&[kind_word(kind), by]).inc();
    }
}
