//! The numbers of a load run.

use std::fmt;
use std::time::Duration;

use serde_json::json;

use super::engine::Usage;
use crate::sim::{CallReport, Outcome};

/// What came of the calls.
#[derive(Debug, Default)]
pub struct Tally {
    calls: u64,
    completed: u64,
    /// Calls that reached nobody, were left in silence, or left a channel behind.
    pub lost: u64,
    /// The longest the run took.
    pub elapsed: Duration,
    /// The most calls at once.
    pub most: usize,
    decisions: Vec<Duration>,
    cpu_us_per_call: Option<f64>,
    rss_per_call: Option<f64>,
}

impl Tally {
    /// Counts a call. Its caller was brought to somebody by the engine, or it is lost; so is one
    /// that came to no end and left no report.
    pub fn add(&mut self, report: Option<&CallReport>) {
        self.calls += 1;
        let whole = report.is_some_and(|report| {
            report.outcome == Outcome::Talked
                && report.channels_left == 0
                && !report.fell_to_dialplan
        });
        if whole {
            self.completed += 1
        } else {
            self.lost += 1
        }
        self.decisions.extend(report.and_then(|report| report.decision));
    }

    /// What the engine took for it, before and after; `peak` is its largest memory in between.
    pub fn engine(&mut self, usage: Option<(Usage, Usage)>, peak: u64) {
        self.decisions.sort_unstable();
        let Some((before, after)) = usage else { return };
        let cpu = after.cpu.saturating_sub(before.cpu);
        self.cpu_us_per_call = Some(cpu.as_micros() as f64 / self.calls.max(1) as f64);
        let grown = peak.max(after.rss).saturating_sub(before.rss);
        self.rss_per_call = Some(grown as f64 / self.most.max(1) as f64);
    }

    fn percentile(&self, share: f64) -> f64 {
        let last = self.decisions.len().saturating_sub(1);
        let at = (last as f64 * share).ceil() as usize;
        self.decisions.get(at).map_or(f64::NAN, |d| d.as_secs_f64() * 1000.0)
    }

    fn per_second(&self) -> f64 {
        self.calls as f64 / self.elapsed.as_secs_f64().max(f64::EPSILON)
    }

    /// One object.
    pub fn json(&self) -> serde_json::Value {
        json!({
            "calls": self.calls,
            "completed": self.completed,
            "lost": self.lost,
            "at_once": self.most,
            "calls_per_second": self.per_second(),
            "decision_ms": {
                "p50": self.percentile(0.50),
                "p99": self.percentile(0.99),
                "max": self.percentile(1.0),
            },
            "engine_cpu_us_per_call": self.cpu_us_per_call,
            "engine_rss_bytes_per_call": self.rss_per_call,
        })
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "calls                  {}", self.calls)?;
        writeln!(f, "completed              {}", self.completed)?;
        writeln!(f, "lost                   {}", self.lost)?;
        writeln!(f, "at once, at most       {}", self.most)?;
        writeln!(f, "calls a second         {:.0}", self.per_second())?;
        let (p50, p99, max) = (self.percentile(0.5), self.percentile(0.99), self.percentile(1.0));
        writeln!(f, "decision, ms           p50 {p50:.2}  p99 {p99:.2}  max {max:.2}")?;
        let number = |n: Option<f64>| n.map_or("not known".to_owned(), |n| format!("{n:.0}"));
        writeln!(f, "engine CPU a call, µs  {}", number(self.cpu_us_per_call))?;
        write!(f, "engine memory a call   {} bytes", number(self.rss_per_call))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_without_an_end_is_lost() {
        let mut tally = Tally::default();
        tally.add(None);
        assert_eq!((tally.calls, tally.completed, tally.lost), (1, 0, 1));
    }
}
