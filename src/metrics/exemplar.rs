//! Histograms that remember a call: the newest one of each bucket, by its trace. OpenMetrics shows
//! them as exemplars.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{LabelPair, MetricFamily};
use prometheus::{Histogram, HistogramOpts, HistogramVec};

use crate::traces::TraceId;

/// A call that was counted in a bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Exemplar {
    pub trace: TraceId,
    pub value: f64,
    pub at: Timestamp,
}

/// A histogram whose buckets remember the newest call. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CallHistogram {
    histogram: HistogramVec,
    memory: Arc<Memory>,
}

#[derive(Debug)]
pub(super) struct Memory {
    /// Upper bounds, without the infinite one.
    bounds: Vec<f64>,
    /// Places of the labels, in the order of their names: so they are gathered.
    order: Vec<usize>,
    /// By the labels' values in that order; a cell for each bucket, the infinite one last.
    newest: Mutex<HashMap<String, Cells>>,
}

type Cells = Box<[Option<Exemplar>]>;

impl CallHistogram {
    pub(super) fn new(
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> Result<Self, prometheus::Error> {
        let opts = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        let histogram = HistogramVec::new(opts, labels)?;
        if labels.is_empty() {
            // Shown with zeros from the start, as one without labels is.
            let _ = histogram.with_label_values::<&str>(&[]);
        }
        let mut order: Vec<_> = (0..labels.len()).collect();
        order.sort_by_key(|place| labels.get(*place));
        let memory = Memory { bounds: buckets.to_vec(), order, newest: Mutex::default() };
        Ok(Self { histogram, memory: Arc::new(memory) })
    }

    /// Those under these values, to be shown at 0 or counted without a call.
    pub fn with_label_values(&self, labels: &[&str]) -> Histogram {
        self.histogram.with_label_values(labels)
    }

    /// Counts a call, under these values of its labels. `trace`: by which it can be found.
    pub fn observe(&self, labels: &[&str], value: f64, trace: Option<TraceId>) {
        self.with_label_values(labels).observe(value);
        if let Some(trace) = trace {
            self.memory.note(labels, Exemplar { trace, value, at: Timestamp::now() });
        }
    }

    pub(super) fn memory(&self) -> &Memory {
        &self.memory
    }
}

impl Memory {
    /// Never waits: where another call is being noted just now, that one will do.
    fn note(&self, labels: &[&str], exemplar: Exemplar) {
        let Ok(mut newest) = self.newest.try_lock() else { return };
        let key = key(self.order.iter().filter_map(|place| labels.get(*place).copied()));
        let cells = self.bounds.len() + 1;
        let cells = newest.entry(key).or_insert_with(|| vec![None; cells].into());
        let bucket = self.bounds.partition_point(|bound| *bound < exemplar.value);
        if let Some(cell) = cells.get_mut(bucket) {
            *cell = Some(exemplar);
        }
    }

    /// The newest calls under these labels, by bucket.
    pub fn newest(&self, labels: &[LabelPair]) -> Cells {
        let key = key(labels.iter().map(LabelPair::value));
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.get(&key).cloned().unwrap_or_default()
    }
}

/// The values in one, with what stands in none of them between.
fn key<'a>(values: impl Iterator<Item = &'a str>) -> String {
    values.fold(String::new(), |key, value| key + value + "\u{1f}")
}

impl Collector for CallHistogram {
    fn desc(&self) -> Vec<&Desc> {
        self.histogram.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.histogram.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bucket_remembers_its_newest_call() {
        let labels = ["line", "by"];
        let histogram = CallHistogram::new("h_seconds", "H.", &labels, &[1.0, 10.0]).unwrap();
        let call = |name: &str| TraceId::of(&name.into());
        for (value, name) in [(0.2, "a"), (1.0, "b"), (10.5, "c")] {
            histogram.observe(&["main", "owner"], value, Some(call(name)));
        }
        histogram.observe(&["main", "owner"], 0.3, None);
        histogram.observe(&["main", "queue"], 5.0, Some(call("d")));
        let mut metrics = histogram.collect()[0].get_metric().to_vec();
        metrics.sort_by_key(|metric| metric.get_label()[0].value().to_owned());
        let [owner, queue] = &metrics[..] else { panic!("{metrics:?}") };
        let newest = |metric: &prometheus::proto::Metric| -> Vec<_> {
            let newest = histogram.memory.newest(metric.get_label());
            newest.iter().map(|cell| cell.map(|found| (found.trace, found.value))).collect()
        };
        let (b, c, d) = (call("b"), call("c"), call("d"));
        assert_eq!(newest(owner), [Some((b, 1.0)), None, Some((c, 10.5))], "1.0 is in `le=1.0`");
        assert_eq!(newest(queue), [None, Some((d, 5.0)), None]);
    }
}
