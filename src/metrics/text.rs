//! The page of metrics, in the text format of Prometheus and as OpenMetrics 1.0. The two differ in
//! the names of counters, units, exemplars and the last line. Series and bucket bounds are the
//! same in both (`le="20.0"`, as Prometheus 3 spells them whatever it is given), so a scraper that
//! asks for the other one loses no history.

use std::collections::HashMap;
use std::fmt::{self, Write};

use prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType};

use super::dialect::Dialect;
use super::exemplar::{Exemplar, Memory};

/// Base units that names end in.
const UNITS: [&str; 2] = ["seconds", "bytes"];

/// Writes the page.
///
/// # Errors
/// None: a text takes all.
pub(super) fn write(
    page: &mut String,
    families: &[MetricFamily],
    memories: &HashMap<&str, &Memory>,
    dialect: Dialect,
) -> fmt::Result {
    for family in families {
        let memory = memories.get(family.name()).filter(|_| dialect == Dialect::OpenMetrics);
        head(page, family, dialect)?;
        for metric in family.get_metric() {
            samples(page, family, metric, memory.copied(), dialect)?;
        }
    }
    match dialect {
        Dialect::Prometheus => Ok(()),
        Dialect::OpenMetrics => page.write_str("# EOF\n"),
    }
}

fn head(page: &mut String, family: &MetricFamily, dialect: Dialect) -> fmt::Result {
    let kind = match family.get_field_type() {
        MetricType::COUNTER => "counter",
        MetricType::HISTOGRAM => "histogram",
        MetricType::GAUGE => "gauge",
        // None of ours, and the last two words differ between the dialects.
        MetricType::SUMMARY | MetricType::UNTYPED => "unknown",
    };
    let name = match dialect {
        Dialect::Prometheus => family.name(),
        // A counter is named without the suffix its sample has.
        Dialect::OpenMetrics => family.name().strip_suffix("_total").unwrap_or(family.name()),
    };
    writeln!(page, "# HELP {name} {}", Escaped(family.help(), dialect == Dialect::OpenMetrics))?;
    writeln!(page, "# TYPE {name} {kind}")?;
    let unit = UNITS.iter().find(|unit| name.ends_with(&format!("_{unit}")));
    if let (Dialect::OpenMetrics, Some(unit)) = (dialect, unit) {
        writeln!(page, "# UNIT {name} {unit}")?;
    }
    Ok(())
}

fn samples(
    page: &mut String,
    family: &MetricFamily,
    metric: &Metric,
    memory: Option<&Memory>,
    dialect: Dialect,
) -> fmt::Result {
    let (name, labels) = (family.name(), metric.get_label());
    match family.get_field_type() {
        MetricType::COUNTER => {
            // Those that do not end so are named by others, such as the process collector.
            let total = dialect == Dialect::OpenMetrics && !name.ends_with("_total");
            let suffix = if total { "_total" } else { "" };
            let value = metric.get_counter().get_value();
            writeln!(page, "{name}{suffix}{} {value}", Labels(labels, None))
        }
        MetricType::HISTOGRAM => {
            let histogram = metric.get_histogram();
            let newest = memory.map(|memory| memory.newest(labels)).unwrap_or_default();
            let newest = |bucket| newest.get(bucket).copied().flatten();
            let buckets = histogram.get_bucket();
            for (number, bucket) in buckets.iter().enumerate() {
                let (bound, count) = (bucket.upper_bound(), bucket.cumulative_count());
                write!(page, "{name}_bucket{} {count}", Labels(labels, Some(bound)))?;
                end(page, newest(number))?;
            }
            let count = histogram.get_sample_count();
            write!(page, "{name}_bucket{} {count}", Labels(labels, Some(f64::INFINITY)))?;
            end(page, newest(buckets.len()))?;
            let (labels, sum) = (Labels(labels, None), histogram.get_sample_sum());
            writeln!(page, "{name}_sum{labels} {sum}\n{name}_count{labels} {count}")
        }
        _ => writeln!(page, "{name}{} {}", Labels(labels, None), metric.get_gauge().get_value()),
    }
}

fn end(page: &mut String, exemplar: Option<Exemplar>) -> fmt::Result {
    if let Some(Exemplar { trace, value, at }) = exemplar {
        let (seconds, millis) =
            (at.as_millisecond().div_euclid(1000), at.as_millisecond().rem_euclid(1000));
        write!(page, " # {{trace_id=\"{trace}\"}} {value} {seconds}.{millis:03}")?;
    }
    page.write_char('\n')
}

/// Labels in their brackets, the bound of a bucket last.
struct Labels<'a>(&'a [LabelPair], Option<f64>);

impl fmt::Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() && self.1.is_none() {
            return Ok(());
        }
        let mut mark = '{';
        for pair in self.0 {
            write!(f, "{mark}{}=\"{}\"", pair.name(), Escaped(pair.value(), true))?;
            mark = ',';
        }
        if let Some(bound) = self.1 {
            write!(f, "{mark}le=\"{}\"", Bound(bound))?;
        }
        f.write_char('}')
    }
}

/// As OpenMetrics wants it and Go writes it: `20.0`, `0.0001`, `5e-05`, `+Inf`.
struct Bound(f64);

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_infinite() {
            return f.write_str("+Inf");
        }
        let text = format!("{:?}", self.0);
        match text.split_once("e-") {
            Some((digits, power)) => write!(f, "{digits}e-{power:0>2}"),
            None => f.write_str(&text),
        }
    }
}

/// A text with backslashes and line ends escaped, quotes too where they would end it.
struct Escaped<'a>(&'a str, bool);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '"' if self.1 => f.write_str("\\\"")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_spelt_as_prometheus_3_spells_them() {
        let bounds = [0.00001, 0.00005, 0.0001, 0.005, 1.0, 20.0, 512.0, f64::INFINITY];
        let spelt: Vec<_> = bounds.iter().map(|bound| Bound(*bound).to_string()).collect();
        let right = ["1e-05", "5e-05", "0.0001", "0.005", "1.0", "20.0", "512.0", "+Inf"];
        assert_eq!(spelt, right);
    }
}
