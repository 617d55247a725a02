//! Every metric, declared once. The doc comment of a field is its HELP text. Labels are closed
//! lists: never a number, a UUID or a deal. `grafana/METRICS.md` is made of this file.

use std::collections::HashMap;

use prometheus::core::Collector;
use prometheus::{
    Counter, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry,
};

mod call;
mod cores;
mod dialect;
mod exemplar;
mod heartbeat;
mod limited;
mod text;
mod zero;

pub use call::SHORT;
pub use dialect::Dialect;
pub use exemplar::CallHistogram;
pub use limited::{RateLimited, rate_limited};
pub use zero::closed_list;

/// A metric as it is declared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Described {
    /// Its name.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// Upper edges of the buckets of a histogram.
    pub buckets: &'static [f64],
    /// What it tells.
    pub help: &'static str,
}

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
            cores: cores::Cores,
            $(#[doc = $help] pub $field: $kind,)+
        }

        impl Metrics {
            /// All of them, in the order of this file, without those every process has.
            pub const ALL: &[Described] = &[$(Described {
                name: $name,
                kind: <$kind as Make>::KIND,
                labels: &[$($($label),+)?],
                buckets: &[$($($bucket),+)?],
                help: $help.trim_ascii(),
            },)+];

            /// Makes and registers them.
            ///
            /// # Errors
            /// Two metrics with one name: a mistake in this file, found by its test.
            pub fn new() -> Result<Self, prometheus::Error> {
                let registry = Registry::new();
                // CPU seconds, memory and open files of this process, under their usual names.
                registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
                $(let $field = register(&registry, <$kind as Make>::make($name, $help.trim(), &[$($($label),+)?], &[$($($bucket),+)?])?)?;)+
                let metrics = Self { registry, cores: cores::Cores::default(), $($field,)+ };
                metrics.begin_at_zero();
                Ok(metrics)
            }

            /// What histograms of calls remember, by name.
            fn memories(&self) -> HashMap<&'static str, &exemplar::Memory> {
                let all = [$(($name, self.$field.memory_of()),)+];
                all.into_iter().filter_map(|(name, memory)| Some((name, memory?))).collect()
            }
        }
    };
}

metrics! {
    /// Calls that ended, by direction, line as the rules name it, and outcome.
    calls: IntCounterVec "dozvon_calls_total" ["direction", "line", "outcome"]
    /// Calls in hand now.
    calls_active: IntGauge "dozvon_calls_active"
    /// Calls in hand now, by the node that handed them over; `unknown` where no control link has told of it yet.
    node_calls: IntGaugeVec "dozvon_node_calls" ["node"]
    /// Calls this engine began to lead, by the node that handed them over.
    calls_begun: IntCounterVec "dozvon_calls_begun_total" ["node"]
    /// Legs this engine dialled itself on this node: for callbacks and the button that calls.
    legs_dialled: IntCounterVec "dozvon_legs_dialled_total" ["node"]
    /// Inbound callers nobody answered while the line was open, by line as the rules name it, and outcome: abandoned (after 5 s or more), missed, voicemail. Who gave up sooner, or called outside hours, is not among them.
    unanswered: IntCounterVec "dozvon_call_unanswered_total" ["line", "outcome"]
    /// Seconds from the arrival of an inbound call to its answer, by line and by who answered.
    answer_seconds: CallHistogram "dozvon_call_answer_seconds" ["line", "by"] {1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0}
    /// Seconds after which inbound callers gave up. Below 5 s it counts as a mistake of theirs.
    abandon_seconds: CallHistogram "dozvon_call_abandon_seconds" ["line"] {1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0}
    /// Seconds of talk in answered calls.
    talk_seconds: HistogramVec "dozvon_call_talk_seconds" ["direction"] {5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0}
    /// Seconds owners were rung, whatever came of it.
    owner_ring_seconds: Histogram "dozvon_owner_ring_seconds" {0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 12.0, 15.0, 20.0, 30.0}
    /// Attempts to ring somebody, by role (owner, deputy, employee, group, dialled) and result.
    attempts: IntCounterVec "dozvon_ring_attempts_total" ["role", "result"]
    /// Calls that could not go to an owner first, by reason.
    fallbacks: IntCounterVec "dozvon_fallback_total" ["reason"]
    /// Seconds a decision takes, without the lookup.
    decision_seconds: CallHistogram "dozvon_route_decision_seconds" {0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5}
    /// Seconds from the accepted socket to the first command of the plan.
    first_command_seconds: CallHistogram "dozvon_first_command_seconds" {0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 0.6, 1.0, 2.5}
    /// Seconds the directory takes to answer.
    lookup_seconds: CallHistogram "dozvon_lookup_seconds" {0.00001, 0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0}
    /// Answers of the directory: hit, miss, negative, stale, coalesced, slow, down.
    lookups: IntCounterVec "dozvon_owner_cache_requests_total" ["result"]
    /// Entries in the directory's cache.
    cache_entries: IntGaugeVec "dozvon_owner_cache_entries" ["crm"]
    /// Requests to the CRM, by operation and outcome (ok, slow, fault).
    crm_requests: IntCounterVec "dozvon_crm_requests_total" ["crm", "op", "outcome"]
    /// Seconds a request to the CRM takes.
    crm_seconds: HistogramVec "dozvon_crm_request_seconds" ["crm", "op"] {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0}
    /// Answers by which a CRM said that it was asked too much (429), by its kind.
    crm_rate_limited: RateLimited "dozvon_crm_rate_limited_total" ["crm"]
    /// 1 while the breaker keeps calls away from a CRM that fails.
    crm_circuit_open: IntGaugeVec "dozvon_crm_circuit_open" ["crm"]
    /// 0 while the CRM refuses our key or a right (401, 402, 403), to be asked or to be told, else 1.
    crm_access: IntGaugeVec "dozvon_crm_access" ["crm"]
    /// Event Socket sessions open now.
    sessions: IntGauge "dozvon_esl_sessions_open"
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
    /// Seconds until a control command has its result, or is given up.
    command_seconds: HistogramVec "dozvon_esl_command_seconds" ["verb"] {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0}
    /// How far the clock of this node is ahead of ours, in seconds, at its last heartbeat; behind is negative, and so is what the heartbeat was late by.
    clock_skew: GaugeVec "dozvon_esl_clock_skew_seconds" ["node"]
    /// Sessions (legs) on this node, whoever leads them, at its last heartbeat.
    node_sessions: IntGaugeVec "dozvon_freeswitch_sessions" ["node"]
    /// Sessions this node allows at once.
    node_sessions_max: IntGaugeVec "dozvon_freeswitch_sessions_max" ["node"]
    /// Sessions begun on this node since it was started, at its last heartbeat. Begins anew with it.
    node_sessions_begun: IntGaugeVec "dozvon_freeswitch_sessions_since_start" ["node"]
    /// Seconds since this node was started, at its last heartbeat.
    node_uptime: IntGaugeVec "dozvon_freeswitch_uptime_seconds" ["node"]
    /// Lines with a phone registered, as known from the control links.
    lines_registered: IntGauge "dozvon_lines_registered"
    /// 1 if the last load of the rules went well.
    rules_ok: IntGauge "dozvon_rules_last_reload_successful"
    /// When the rules in force were taken over, in seconds since 1970. A reload that changes nothing does not move it.
    rules_ok_at: IntGauge "dozvon_rules_last_reload_success_timestamp_seconds"
    /// 1 for each rule file in force: `routing` or the name of a set, and its hash.
    rules_info: IntGaugeVec "dozvon_rules_info" ["name", "hash"]
    /// Cases each rule matched, as `chapter/id`: rules of the sets in force since the start.
    rule_matches: IntCounterVec "dozvon_rule_matches_total" ["rule"]
    /// Cases the shadow set would have handled otherwise.
    rules_shadow_diff: IntCounter "dozvon_rules_shadow_diff_total"
    /// Cases and records of calls that could not be kept: the store failed longer than memory lasts.
    outbox_lost: IntCounter "dozvon_outbox_lost_total"
    /// Entries of the outbox that wait or are under way.
    outbox_pending: IntGaugeVec "dozvon_outbox_pending" ["crm"]
    /// For how many seconds the entry that waits longest has been due, as the store has them. One whose rule has it wait is not due before.
    outbox_oldest: IntGaugeVec "dozvon_outbox_oldest_seconds" ["crm"]
    /// Entries that have been due for more than 60 s, as the store has them; 1,000 stands for more.
    outbox_overdue: IntGaugeVec "dozvon_outbox_overdue" ["crm"]
    /// Entries that were given up until a person releases or drops them.
    outbox_parked: IntGaugeVec "dozvon_outbox_parked" ["crm"]
    /// Actions by what came of them (done, later, lost, refused, held, given_up).
    outbox_deliveries: IntCounterVec "dozvon_outbox_deliveries_total" ["crm", "action", "result"]
    /// Seconds an action takes at the CRM or the receiver of a webhook.
    outbox_delivery_seconds: Histogram "dozvon_outbox_delivery_seconds" {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0}
    /// Seconds from the moment an action was due to its being done, whatever had to be tried again.
    outbox_done_seconds: Histogram "dozvon_outbox_done_seconds" {0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0}
    /// 1 if the store could be counted at this scrape. Else outbox, callbacks and missed calls stand as they were. 1 where there is no store to count.
    store_readable: IntGauge "dozvon_store_readable"
    /// 1 if the last transaction could be written. Else cases of calls wait in memory, for as long as that lasts. 1 where there is no store to write.
    store_writable: IntGauge "dozvon_store_writable"
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
    /// Age in seconds of the oldest callback that is not over, as the store has them.
    callback_oldest: IntGauge "dozvon_callback_oldest_seconds"
    /// For how many seconds the time of a callback has been come, and nobody goes on with it: the longest, as the store has them.
    callback_overdue: IntGauge "dozvon_callback_overdue_seconds"
    /// Legs that were dialled for callbacks (manager, client), by what came of them, as it comes.
    callback_attempts: IntCounterVec "dozvon_callback_attempts_total" ["leg", "result"]
    /// Seconds from when a callback might begin, wanted time and hours considered, until the first phone was dialled, as it is. One that is over without any is above the last edge.
    callback_first_ring_seconds: Histogram "dozvon_callback_first_ring_seconds" {0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 3600.0}
    /// Seconds from when a callback might begin, wanted time and hours considered, until manager and client talked.
    callback_connect_seconds: Histogram "dozvon_callback_connect_seconds" {5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 450.0, 600.0, 900.0, 1200.0, 3600.0}
    /// Orders that began nothing new, because of their key or because one for that phone was running.
    callback_deduplicated: IntCounterVec "dozvon_callback_deduplicated_total" ["kind", "by"]
    /// Missed calls nobody has returned, as the store has them.
    missed_open: IntGauge "dozvon_missed_open"
    /// Age in seconds of the oldest missed call nobody has returned.
    missed_oldest: IntGauge "dozvon_missed_oldest_seconds"
    /// Places of the rule sets in force that name an employee who is gone, or nobody: others stand in (E14).
    people_missing: IntGaugeVec "dozvon_rules_people_missing" ["crm"]
    /// Seconds from a missed call to the talk that returned it: the client called again, or was called.
    missed_returned: Histogram "dozvon_missed_returned_seconds" {60.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0, 86400.0, 259200.0}
    /// Deals that were won and marked at the call or form that brought them, by the CRM's configured name and by the step that found it (deal, contact, first, last).
    sales: IntCounterVec "dozvon_sales_total" ["crm", "step"]
    /// Runs that asked a CRM for sales, by how they went (ok, failed).
    sales_runs: IntCounterVec "dozvon_sales_runs_total" ["crm", "result"]
    /// When the last run began that took sales from this CRM without a mistake, in seconds since 1970, as the store has it; before the first one, when sales were asked for first.
    sales_success_at: IntGaugeVec "dozvon_sales_last_success_timestamp_seconds" ["crm"]
    /// Employees taken over from the CRM.
    employees: IntGaugeVec "dozvon_employees" ["crm"]
    /// Calls and deliveries for the receiver of traces, by what came of them (sent, full, lost).
    traces: IntCounterVec "dozvon_traces_total" ["result"]
    /// Threads that work for this process's tasks.
    runtime_workers: IntGauge "dozvon_runtime_workers"
    /// Tasks alive; about two a call.
    runtime_tasks: IntGauge "dozvon_runtime_tasks"
    /// Tasks that wait for a thread, in the queue all threads share.
    runtime_queue: IntGauge "dozvon_runtime_queue_depth"
    /// Seconds the threads were busy, together.
    runtime_busy: Counter "dozvon_runtime_busy_seconds_total"
    /// 1, with the version of this binary, and the commit it was built of where the build was told (`DOZVON_COMMIT`).
    build_info: IntGaugeVec "dozvon_build_info" ["version", "commit"]
}

impl Metrics {
    /// The text format of Prometheus.
    pub fn render(&self) -> String {
        self.render_as(Dialect::Prometheus)
    }

    /// The page as a scraper asks for it.
    pub fn render_as(&self, dialect: Dialect) -> String {
        self.look_at_runtime();
        let mut page = String::new();
        if let Err(error) =
            text::write(&mut page, &self.registry.gather(), &self.memories(), dialect)
        {
            tracing::error!(%error, "metrics could not be written");
        }
        page
    }

    fn look_at_runtime(&self) {
        // A tool that is no engine may render without a runtime.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (runtime, whole) = (runtime.metrics(), |n| i64::try_from(n).unwrap_or(i64::MAX));
        let workers = runtime.num_workers();
        self.runtime_workers.set(whole(workers));
        self.runtime_tasks.set(whole(runtime.num_alive_tasks()));
        self.runtime_queue.set(whole(runtime.global_queue_depth()));
        let busy: f64 =
            (0..workers).map(|n| runtime.worker_total_busy_duration(n).as_secs_f64()).sum();
        // Of two scrapes at once either may add it; the next one is right again.
        self.runtime_busy.inc_by((busy - self.runtime_busy.get()).max(0.0));
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
    const KIND: &str;

    fn make(
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> Result<Self, prometheus::Error>;
    /// The calls it remembers, where it does.
    fn memory_of(&self) -> Option<&exemplar::Memory> {
        None
    }
}

impl Make for CallHistogram {
    const KIND: &str = "histogram";

    fn make(
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> Result<Self, prometheus::Error> {
        Self::new(name, help, labels, buckets)
    }

    fn memory_of(&self) -> Option<&exemplar::Memory> {
        Some(self.memory())
    }
}

macro_rules! make {
    ($($word:literal $kind:ident: |$name:ident, $help:ident, $labels:ident, $buckets:ident| $new:expr;)+) => {
        $(impl Make for $kind {
            const KIND: &str = $word;

            fn make($name: &str, $help: &str, $labels: &[&str], $buckets: &[f64]) -> Result<Self, prometheus::Error> {
                $new
            }
        })+
    };
}

make! {
    "counter" IntCounter: |name, help, _labels, _buckets| IntCounter::new(name, help);
    "counter" Counter: |name, help, _labels, _buckets| Counter::new(name, help);
    "gauge" GaugeVec: |name, help, labels, _buckets| GaugeVec::new(Opts::new(name, help), labels);
    "gauge" IntGauge: |name, help, _labels, _buckets| IntGauge::new(name, help);
    "counter" IntCounterVec: |name, help, labels, _buckets| IntCounterVec::new(Opts::new(name, help), labels);
    "gauge" IntGaugeVec: |name, help, labels, _buckets| IntGaugeVec::new(Opts::new(name, help), labels);
    "histogram" Histogram: |name, help, _labels, buckets| Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()));
    "histogram" HistogramVec: |name, help, labels, buckets| HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// There a counter `a_total` is the family `a`.
    #[test]
    fn no_two_metrics_are_one_in_openmetrics() {
        let mut names = std::collections::HashSet::new();
        for metric in Metrics::ALL {
            let family = metric.name.strip_suffix("_total").unwrap_or(metric.name);
            assert!(names.insert(family), "{family} is another one's name");
        }
    }

    #[test]
    fn every_metric_is_registered_once_with_its_help() {
        let metrics = Metrics::new().unwrap();
        metrics.calls.with_label_values(&["inbound", "main", "answered"]).inc();
        let text = metrics.render();
        assert!(
            text.contains("# HELP dozvon_calls_total Calls that ended, by direction, line"),
            "{text}"
        );
        let line = "dozvon_calls_total{direction=\"inbound\",line=\"main\",outcome=\"answered\"} 1";
        assert!(text.contains(line), "{text}");
    }
}
