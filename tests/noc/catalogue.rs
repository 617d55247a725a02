//! METRICS.md: every metric, what it tells, and which boards and alerts look at it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use dozvon::metrics::{Described, Metrics};

use crate::promql::asked;
use crate::rules::{alerts, recordings};
use crate::source::{Source, filled};

/// A name without what Prometheus makes of a histogram.
pub fn family(name: &str) -> &str {
    let known = |name: &str| Metrics::ALL.iter().any(|metric| metric.name == name);
    let parts = ["_bucket", "_sum", "_count"].into_iter();
    parts.filter_map(|part| name.strip_suffix(part)).find(|base| known(base)).unwrap_or(name)
}

/// Who looks at each metric: boards by their titles, alerts by their names.
pub fn uses(source: &Source) -> BTreeMap<String, BTreeSet<String>> {
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut used = |expr: &str, by: &str| {
        for (name, _) in asked(&filled(expr, "1h", "1m")).unwrap().metrics {
            uses.entry(family(&name).to_owned()).or_default().insert(by.to_owned());
        }
    };
    for (board, panel) in source.panels() {
        let name = board.uid.trim_start_matches("dozvon-");
        panel.queries.iter().for_each(|query| used(&query.expr, name));
    }
    for mark in &source.common.annotations {
        used(&mark.expr, "every board");
    }
    for rule in recordings(source).iter().chain(&alerts(source)) {
        used(&rule.expr, &rule.name);
    }
    uses
}

/// Each metric of this build with HELP and TYPE: of those every process has, too.
pub fn of_the_process() -> Vec<(String, String)> {
    let text = Metrics::new().unwrap().render();
    let help = text.lines().filter_map(|line| line.strip_prefix("# HELP process_"));
    help.filter_map(|line| line.split_once(' '))
        .map(|(name, help)| (format!("process_{name}"), help.to_owned()))
        .collect()
}

fn cell(words: &[impl AsRef<str>]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("`{}`", word.as_ref())).collect();
    words.join(" ")
}

fn edges(metric: &Described) -> String {
    let edges: Vec<_> = metric.buckets.iter().map(f64::to_string).collect();
    if edges.is_empty() { String::new() } else { format!(" Buckets: {}.", edges.join(" ")) }
}

/// The page.
pub fn page(source: &Source) -> String {
    let mut out = String::from(
        "# Metrics\n\n\
         Made of `src/metrics.rs` and of what boards and alerts ask for: \
         `UPDATE=1 cargo nextest run --test noc generated`.\n\
         Labels are closed lists; a number, a call or a deal is never one. Times are seconds.\n\n\
         | metric | kind | labels | what it tells | who looks at it |\n|---|---|---|---|---|\n",
    );
    let uses = uses(source);
    let used = |name: &str| {
        let by: Vec<_> = uses.get(name).into_iter().flatten().collect();
        if by.is_empty() { "debug".to_owned() } else { cell(&by) }
    };
    for metric in Metrics::ALL {
        let Described { name, kind, labels, help, .. } = metric;
        let (labels, edges, by) = (cell(labels), edges(metric), used(name));
        let _ = writeln!(out, "| `{name}` | {kind} | {labels} | {help}{edges} | {by} |");
    }
    out.push_str("\nOf the process, under the names every process has:\n\n");
    out.push_str("| metric | what it tells | who looks at it |\n|---|---|---|\n");
    for (name, help) in of_the_process() {
        let _ = writeln!(out, "| `{name}` | {help} | {} |", used(&name));
    }
    out.push_str(
        "\nNamed otherwise than the catalogue this one was begun with, or not taken:\n\n\
         | there | here |\n|---|---|\n",
    );
    for (there, here) in OTHERWISE {
        let _ = writeln!(out, "| `{there}` | {here} |");
    }
    out
}

/// What the first catalogue had, and what stands for it.
pub const OTHERWISE: [(&str, &str); 13] = [
    (
        "dozvon_calls_total{did,route}",
        "`line` is both: a rule's line is the number that was dialled. Who answered is `by` of `dozvon_call_answer_seconds`, `short_abandoned` the buckets up to 5 s of `dozvon_call_abandon_seconds`",
    ),
    (
        "dozvon_calls_active{state}",
        "`dozvon_calls_active` and `dozvon_node_calls`: a state lasts seconds, and what comes of each step is counted",
    ),
    (
        "dozvon_owner_attempts_total",
        "`dozvon_ring_attempts_total` with role `owner`; owners who are not rung are `dozvon_fallback_total`",
    ),
    (
        "dozvon_route_decisions_total",
        "not taken: what a decision leads to is counted as it happens, by `dozvon_ring_attempts_total` and `dozvon_fallback_total`; which rule decided, the journal and `dozvon explain` tell for each call",
    ),
    (
        "dozvon_owner_cache_evictions_total",
        "not taken: a cache that is too small shows as `dozvon_owner_cache_entries` at its capacity while `miss` of `dozvon_owner_cache_requests_total` grows",
    ),
    (
        "dozvon_owner_cache_age_seconds",
        "not taken: no entry is older than `directory.ttl`, but those counted as `stale` by `dozvon_owner_cache_requests_total`",
    ),
    ("dozvon_esl_sessions", "`dozvon_esl_sessions_open`"),
    (
        "dozvon_esl_command_seconds{cmd}",
        "`dozvon_esl_command_seconds` by `verb`: commands themselves are no closed list",
    ),
    (
        "dozvon_esl_orphans_total",
        "`dozvon_calls_total` with outcome `left_to_switch`: what the engine let go of and FreeSWITCH led on",
    ),
    (
        "dozvon_callbacks_total{result}",
        "`dozvon_callbacks_total`, and by `kind` too; so `dozvon_callback_deduplicated_total`",
    ),
    ("dozvon_outbox_dead", "`dozvon_outbox_parked`"),
    (
        "dozvon_outbox_delivery_seconds up to 3600",
        "`dozvon_outbox_delivery_seconds` is one try, `dozvon_outbox_done_seconds` the whole way",
    ),
    ("dozvon_rules_info{sha,version}", "`dozvon_rules_info` by `name` and `hash`"),
];
