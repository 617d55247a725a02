//! Every metric, declared once. The doc comment of a field is its HELP text. Labels are closed
//! lists: never a number, a UUID or a deal.

use prometheus::core::Collector;
use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};

/// Declares the struct, its registration and the HELP texts in one place.
macro_rules! metrics {
    ($(
        #[doc = $help:literal]
        $field:ident : $kind:ident $name:literal $([$($label:literal),+])? $({$($bucket:literal),+})?
    )+) => {
        /// All metrics of an engine. Cheap to share: hold it in an `Arc`.
        #[derive(Debug)]
        pub struct Metrics {
            registry: Registry,
            $(#[doc = $help] pub $field: $kind,)+
        }

        impl Metrics {
            /// Makes and registers them.
            ///
            /// # Errors
            /// Two metrics with one name: a mistake in this file, found by its test.
            pub fn new() -> Result<Self, prometheus::Error> {
                let registry = Registry::new();
                // CPU seconds, memory and open files of this process, under their usual names.
                registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
                $(let $field = register(&registry, <$kind as Make>::make($name, $help.trim(), &[$($($label),+)?], &[$($($bucket),+)?])?)?;)+
                Ok(Self { registry, $($field,)+ })
            }
        }
    };
}

metrics! {
    /// Calls that ended, by outcome.
    calls: IntCounterVec "dozvon_calls_total" ["direction", "outcome"]
    /// Calls in hand now.
    calls_active: IntGauge "dozvon_calls_active"
    /// Seconds from the arrival of an inbound call to its answer, by who answered.
    answer_seconds: HistogramVec "dozvon_call_answer_seconds" ["by"] {1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0}
    /// Attempts to ring somebody, by role (owner, deputy, employee, group, dialled) and result.
    attempts: IntCounterVec "dozvon_ring_attempts_total" ["role", "result"]
    /// Calls that could not go to an owner first, by reason.
    fallbacks: IntCounterVec "dozvon_fallback_total" ["reason"]
    /// Seconds a decision takes, without the lookup.
    decision_seconds: Histogram "dozvon_route_decision_seconds" {0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5}
    /// Seconds from the accepted socket to the first command of the plan.
    first_command_seconds: Histogram "dozvon_first_command_seconds" {0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5}
    /// Seconds the directory takes to answer.
    lookup_seconds: Histogram "dozvon_lookup_seconds" {0.00001, 0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0}
    /// Answers of the directory: hit, miss, negative, stale, coalesced, slow, down.
    lookups: IntCounterVec "dozvon_owner_cache_requests_total" ["result"]
    /// Entries in the directory's cache.
    cache_entries: IntGauge "dozvon_owner_cache_entries"
    /// Requests to the CRM, by operation and outcome (ok, slow, fault).
    crm_requests: IntCounterVec "dozvon_crm_requests_total" ["crm", "op", "outcome"]
    /// Seconds a request to the CRM takes.
    crm_seconds: HistogramVec "dozvon_crm_request_seconds" ["crm", "op"] {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0}
    /// 1 while the breaker keeps calls away from a CRM that fails.
    crm_circuit_open: IntGaugeVec "dozvon_crm_circuit_open" ["crm"]
    /// Event Socket sessions open now.
    sessions: IntGauge "dozvon_esl_sessions"
    /// Event Socket sessions that ended, by how.
    sessions_ended: IntCounterVec "dozvon_esl_sessions_total" ["end"]
    /// Bytes that could not be read as Event Socket.
    parse_errors: IntCounter "dozvon_esl_parse_errors_total"
    /// 1 while the control link to this node is up.
    link_up: IntGaugeVec "dozvon_esl_inbound_up" ["node"]
    /// Times the control link to this node was made anew.
    link_reconnects: IntCounterVec "dozvon_esl_reconnects_total" ["node"]
    /// Seconds since the last heartbeat of this node, as of the last look.
    heartbeat_age: IntGaugeVec "dozvon_esl_heartbeat_age_seconds" ["node"]
    /// Control commands, by verb and outcome (ok, error, timeout, down).
    commands: IntCounterVec "dozvon_esl_commands_total" ["verb", "outcome"]
    /// Lines with a phone registered, as known from the control links.
    lines_registered: IntGauge "dozvon_lines_registered"
    /// 1 if the last load of the rules went well.
    rules_ok: IntGauge "dozvon_rules_last_reload_successful"
    /// When the rules were last loaded without a mistake, in seconds since 1970.
    rules_ok_at: IntGauge "dozvon_rules_last_reload_success_timestamp_seconds"
    /// 1 for each rule file in force: `routing` or the name of a set, and its hash.
    rules_info: IntGaugeVec "dozvon_rules_info" ["name", "hash"]
    /// Cases the shadow set would have handled otherwise.
    rules_shadow_diff: IntCounter "dozvon_rules_shadow_diff_total"
    /// Cases and records of calls that could not be kept: the store failed longer than memory lasts.
    outbox_lost: IntCounter "dozvon_outbox_lost_total"
    /// Entries of the outbox that wait or are under way.
    outbox_pending: IntGauge "dozvon_outbox_pending"
    /// Age in seconds of the oldest entry that waits.
    outbox_oldest: IntGauge "dozvon_outbox_oldest_seconds"
    /// Entries that were given up until a person releases or drops them.
    outbox_parked: IntGauge "dozvon_outbox_parked"
    /// Actions by what came of them (done, later, lost, refused, held).
    outbox_deliveries: IntCounterVec "dozvon_outbox_deliveries_total" ["action", "result"]
    /// Seconds an action takes at the CRM or the receiver of a webhook.
    outbox_delivery_seconds: Histogram "dozvon_outbox_delivery_seconds" {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0}
    /// Seconds a transaction of the journal takes, with its write to the disk.
    journal_write_seconds: Histogram "dozvon_journal_write_seconds" {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0}
    /// Papers and changes in one transaction of the journal.
    journal_batch: Histogram "dozvon_journal_batch_size" {1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 512.0}
    /// Web forms by what came of them (taken, joined, repeated, robot, limited, refused, failed).
    forms: IntCounterVec "dozvon_forms_total" ["result"]
    /// Callbacks that are over, by what asked for them (form, missed_call, click) and how they came out.
    callbacks: IntCounterVec "dozvon_callbacks_total" ["kind", "result"]
    /// Callbacks that are not over, by where they stand, as the store has them.
    callback_pending: IntGaugeVec "dozvon_callback_pending" ["state"]
    /// Legs that were dialled for callbacks (manager, client), by what came of them.
    callback_attempts: IntCounterVec "dozvon_callback_attempts_total" ["leg", "result"]
    /// Seconds from when a callback might begin until the first phone was dialled.
    callback_first_ring_seconds: Histogram "dozvon_callback_first_ring_seconds" {0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 3600.0}
    /// Seconds from when a callback might begin until manager and client talked.
    callback_connect_seconds: Histogram "dozvon_callback_connect_seconds" {5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 450.0, 600.0, 900.0, 1200.0, 3600.0}
    /// Orders that began nothing new, because of their key or because one for that phone was running.
    callback_deduplicated: IntCounterVec "dozvon_callback_deduplicated_total" ["kind", "by"]
    /// Missed calls nobody has returned, as the store has them.
    missed_open: IntGauge "dozvon_missed_open"
    /// Age in seconds of the oldest missed call nobody has returned.
    missed_oldest: IntGauge "dozvon_missed_oldest_seconds"
    /// Employees taken over from the CRM.
    employees: IntGauge "dozvon_employees"
    /// 1, with the version of this binary.
    build_info: IntGaugeVec "dozvon_build_info" ["version"]
}

impl Metrics {
    /// The text format of Prometheus.
    pub fn render(&self) -> String {
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "metrics could not be written");
        }
        String::from_utf8(text).unwrap_or_default()
    }
}

fn register<M: Collector + Clone + 'static>(
    registry: &Registry,
    metric: M,
) -> Result<M, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

trait Make: Sized {
    fn make(
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> Result<Self, prometheus::Error>;
}

macro_rules! make {
    ($($kind:ident: |$name:ident, $help:ident, $labels:ident, $buckets:ident| $new:expr;)+) => {
        $(impl Make for $kind {
            fn make($name: &str, $help: &str, $labels: &[&str], $buckets: &[f64]) -> Result<Self, prometheus::Error> {
                $new
            }
        })+
    };
}

make! {
    IntCounter: |name, help, _labels, _buckets| IntCounter::new(name, help);
    IntGauge: |name, help, _labels, _buckets| IntGauge::new(name, help);
    IntCounterVec: |name, help, labels, _buckets| IntCounterVec::new(Opts::new(name, help), labels);
    IntGaugeVec: |name, help, labels, _buckets| IntGaugeVec::new(Opts::new(name, help), labels);
    Histogram: |name, help, _labels, buckets| Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()));
    HistogramVec: |name, help, labels, buckets| HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_registered_once_with_its_help() {
        let metrics = Metrics::new().unwrap();
        metrics.calls.with_label_values(&["inbound", "answered"]).inc();
        let text = metrics.render();
        assert!(text.contains("# HELP dozvon_calls_total Calls that ended, by outcome."), "{text}");
        assert!(text.contains("dozvon_calls_total{direction=\"inbound\",outcome=\"answered\"} 1"));
    }
}
