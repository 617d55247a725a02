//! How often a CRM said that it was asked too much. One counter for the whole process: the way to a
//! CRM knows of no metrics.

use std::sync::OnceLock;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntCounterVec, Opts};

use super::Make;

/// The kinds of CRMs behind HTTP.
const KINDS: [&str; 4] = ["amocrm", "retailcrm", "keycrm", "webhook"];

static LIMITED: OnceLock<IntCounterVec> = OnceLock::new();

/// That counter, as a metric.
#[derive(Clone, Debug)]
pub struct RateLimited(IntCounterVec);

impl RateLimited {
    /// It stands at 0 for each kind there is.
    pub(super) fn begin_at_zero(&self) {
        for kind in KINDS {
            self.0.with_label_values(&[kind]);
        }
    }
}

/// A CRM said so.
pub fn rate_limited(crm: &str) {
    if let Some(limited) = LIMITED.get() {
        limited.with_label_values(&[&crm.to_lowercase()]).inc();
    }
}

impl Make for RateLimited {
    const KIND: &str = "counter";

    fn make(name: &str, help: &str, labels: &[&str], _: &[f64]) -> Result<Self, prometheus::Error> {
        let new = IntCounterVec::new(Opts::new(name, help), labels)?;
        Ok(Self(LIMITED.get_or_init(|| new).clone()))
    }
}

impl Collector for RateLimited {
    fn desc(&self) -> Vec<&Desc> {
        self.0.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.0.collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::metrics::{Metrics, rate_limited};

    #[test]
    fn a_crm_that_says_429_is_counted_under_its_kind() {
        let metrics = Metrics::new().unwrap();
        let stands = |kind: &str, count: u32| {
            let line = format!("dozvon_crm_rate_limited_total{{crm=\"{kind}\"}} {count}\n");
            assert!(metrics.render().contains(&line), "{}", metrics.render());
        };
        stands("amocrm", 0);
        rate_limited("amoCRM");
        stands("amocrm", 1);
        stands("keycrm", 0);
    }
}
