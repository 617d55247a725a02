//! What it costs to be watched: the metrics of a call, and a page with ten thousand in hand.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use dozvon::metrics::{Dialect, Metrics};
use dozvon::traces::TraceId;

/// What one answered call counts on its way.
fn call(metrics: &Metrics, id: &str, seconds: f64) {
    let trace = Some(TraceId::of(&id.into()));
    metrics.sessions.inc();
    metrics.calls_active.inc();
    metrics.lookups.with_label_values(&["hit"]).inc();
    metrics.lookup_seconds.observe(&[], seconds / 1000.0, trace);
    metrics.decision_seconds.observe(&[], seconds / 100_000.0, trace);
    metrics.first_command_seconds.observe(&[], seconds / 1000.0, trace);
    metrics.answer_seconds.observe(&["main", "owner"], seconds, trace);
    metrics.calls.with_label_values(&["inbound", "main", "answered"]).inc();
    metrics.talk_seconds.with_label_values(&["inbound"]).observe(seconds);
    metrics.attempts.with_label_values(&["owner", "answered"]).inc();
    metrics.owner_ring_seconds.observe(seconds);
    metrics.calls_active.dec();
    metrics.sessions.dec();
    metrics.sessions_ended.with_label_values(&["call"]).inc();
}

fn watched(c: &mut Criterion) {
    let metrics = Metrics::new().unwrap();
    let ids: Vec<_> = (0..10_000_u128).map(|n| uuid::Uuid::from_u128(n + 1).to_string()).collect();
    let mut number = 0;
    c.bench_function("metrics/a call", |b| {
        b.iter(|| {
            number = (number + 1) % ids.len();
            call(&metrics, black_box(&ids[number]), (number % 300) as f64);
        });
    });
    for (number, id) in ids.iter().enumerate() {
        call(&metrics, id, (number % 300) as f64);
        metrics.calls_active.inc();
    }
    for (name, dialect) in [("plain", Dialect::Prometheus), ("openmetrics", Dialect::OpenMetrics)] {
        c.bench_function(&format!("metrics/a page, {name}"), |b| {
            b.iter(|| metrics.render_as(black_box(dialect)));
        });
    }
}

criterion_group!(benches, watched);
criterion_main!(benches);
