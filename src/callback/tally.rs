//! What a campaign counts for: legs and the first ring as they happen, the rest when it is over.

use jiff::Timestamp;

use super::How;
use super::book::row::{ending_word, kind_word};
use crate::core::campaign::Campaign;
use crate::core::campaign::order::{Ending, Kind, Stage, Try, View, Whom};
use crate::core::record::{CallRecord, between};
use crate::metrics::Metrics;

/// What a campaign counts as that rang nobody: above the last edge, in seconds.
const NEVER: f64 = 86_400.0;

/// Of each leg: whether it is known what came of it.
pub(super) fn known(campaign: &Campaign) -> Vec<bool> {
    campaign.tries().iter().map(|one| one.result.is_some()).collect()
}

/// Counts the legs of which that is known now and was not before.
pub(super) fn stepped(metrics: &Metrics, campaign: &Campaign, before: &[bool]) {
    for (number, one) in campaign.tries().iter().enumerate() {
        if one.result.is_some() && before.get(number) != Some(&true) {
            count(metrics, one);
        }
    }
}

fn count(metrics: &Metrics, one: &Try) {
    let leg = match one.whom {
        Whom::Manager { .. } => "manager",
        Whom::Client(_) => "client",
    };
    let result = one.result.map_or("unknown", |result| result.as_str());
    metrics.callback_attempts.with_label_values(&[leg, result]).inc();
}

/// The first phone is dialled for one that might begin then.
pub(super) fn rung(metrics: &Metrics, begin: Timestamp, now: Timestamp) {
    metrics.callback_first_ring_seconds.observe(between(begin, now).as_secs_f64());
}

/// A campaign is over, and this is its record. The times count from when it might have begun.
pub(super) fn closed(metrics: &Metrics, view: &View, record: &CallRecord, begin: Timestamp) {
    let Stage::Over(ending) = view.stage else { return };
    let kind = kind_word(view.order.kind);
    metrics.callbacks.with_label_values(&[kind, ending_word(ending)]).inc();
    view.tries.iter().filter(|one| one.result.is_none()).for_each(|one| count(metrics, one));
    if let Some(at) = record.answered_at() {
        metrics.callback_connect_seconds.observe(between(begin, at).as_secs_f64());
    }
    // A form that wants no call (E13) is not late.
    if view.tries.is_empty() && !view.order.targets.is_empty() {
        let ended = record.ended.unwrap_or(begin);
        let waited = between(begin, ended).as_secs_f64();
        match ending {
            // He called in by himself or wanted none any more, before anybody might have rung.
            Ending::Satisfied | Ending::Cancelled if ended <= begin => {}
            Ending::Satisfied | Ending::Cancelled => {
                metrics.callback_first_ring_seconds.observe(waited);
            }
            _ => metrics.callback_first_ring_seconds.observe(waited.max(NEVER)),
        }
    }
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
