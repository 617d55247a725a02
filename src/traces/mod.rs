//! One trace a call: lookup, decision, each attempt, each talk, what occurred, and each delivery to
//! the CRM, sent by OTLP to whoever keeps traces.
//!
//! The trace's id is the call's UUID, and the id of its root span follows from it. So nothing has
//! to be carried along: a delivery of days later, of another engine even, knows where it belongs.
//! Spans are made of the finished record, in the task that sends them; a call notes a few moments
//! and hands its record over. Where no receiver is named nothing is noted and no task runs.
//!
//! ```text
//! call ends ────────▶ bounded channel ─▶ exporter: spans ─▶ POST …/v1/traces
//! action was sent ─▶  (full: counted)
//! ```

pub mod config;

mod call;
mod delivery;
mod export;
mod id;
mod mask;
mod span;
mod trail;
mod trouble;
mod wire;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::error;

pub use config::TraceConfig;
pub use delivery::Delivery;
pub use id::{SpanId, TraceId};

use self::export::Exporter;
use self::id::Sampling;
use self::trail::Notes;
pub(crate) use self::trail::Trail;
use self::trouble::Trouble;
use crate::core::ids::CallId;
use crate::core::record::CallRecord;
use crate::metrics::Metrics;

/// Calls and deliveries that may wait for the receiver: with 6 a call, some minutes of a busy
/// engine, in a few MB.
const WAITING: usize = 4096;

/// Takes down what traces are made of. Cheap to clone; the default one takes nothing down.
#[derive(Clone, Default)]
pub struct Tracer(Option<Arc<On>>);

struct On {
    papers: mpsc::Sender<Paper>,
    sampling: Sampling,
    metrics: Arc<Metrics>,
    trouble: Arc<Trouble>,
}

/// What spans are made of.
enum Paper {
    Call(Arc<CallRecord>, Box<Notes>),
    Delivery(Box<Delivery>),
}

impl Tracer {
    /// Begins to send, in a task that ends some seconds after `stop` at most. Without a receiver
    /// in the configuration none is begun.
    pub fn start(
        config: &TraceConfig,
        metrics: Arc<Metrics>,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let Some(endpoint) = &config.endpoint else { return Self::default() };
        let (papers, waiting) = mpsc::channel(WAITING);
        let (sampling, trouble) = (Sampling::new(config.ratio), Arc::<Trouble>::default());
        match Exporter::new(endpoint, config, metrics.clone(), trouble.clone()) {
            Ok(exporter) => {
                tasks.spawn(exporter.run(waiting, stop));
                Self(Some(Arc::new(On { papers, sampling, metrics, trouble })))
            }
            Err(error) => {
                error!(error, "no traces are sent");
                Self::default()
            }
        }
    }

    /// Whether anything is taken down.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// For a call that has just arrived. `again`: an engine has led it before.
    pub(crate) fn trail(&self, call: &CallId, again: bool) -> Trail {
        let trace = TraceId::of(call);
        let sampled = self.0.as_ref().map(|on| on.sampling.takes(trace));
        Trail::new(sampled.unwrap_or(true).then_some(trace), sampled == Some(true), again)
    }

    /// By which a call is to be found. `None`: traces are kept, and not of this one.
    pub(crate) fn exemplar(&self, call: &CallId) -> Option<TraceId> {
        let trace = TraceId::of(call);
        let takes = self.0.as_ref().is_none_or(|on| on.sampling.takes(trace));
        takes.then_some(trace)
    }

    /// A call is over.
    pub(crate) fn closed(&self, record: &Arc<CallRecord>, trail: Trail) {
        if let (Some(on), Some(notes)) = (&self.0, trail.into_notes()) {
            on.put(Paper::Call(record.clone(), notes));
        }
    }

    /// A campaign of callbacks is over. Its record is like a call's: each try a span.
    pub(crate) fn campaign(&self, record: &CallRecord) {
        if let Some(on) = &self.0
            && on.sampling.takes(TraceId::of(&record.id))
        {
            on.put(Paper::Call(Arc::new(record.clone()), Box::default()));
        }
    }

    /// An action was sent, and this came of it.
    pub(crate) fn delivered(&self, call: &CallId, delivery: impl FnOnce() -> Delivery) {
        if let Some(on) = &self.0
            && on.sampling.takes(TraceId::of(call))
        {
            on.put(Paper::Delivery(Box::new(delivery())));
        }
    }
}

impl On {
    fn put(&self, paper: Paper) {
        if self.papers.try_send(paper).is_err() {
            self.metrics.traces.with_label_values(&["full"]).inc();
            self.trouble.begins("it takes them slower than calls end");
        }
    }
}
