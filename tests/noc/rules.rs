//! Recording rules and alerts as Prometheus reads them, and their cases for `promtool test rules`.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::source::{Alert, Case, Slo, Source};

/// A promise is burnt too fast: the long window, the short one, how many times too fast, how
/// loud. From the SRE workbook, chapter 5.
const BURNS: [Burn; 3] = [
    Burn { name: "Fast", long: "1h", short: "5m", times: 14.4, severity: "page", lasts: "2m" },
    Burn { name: "Slow", long: "6h", short: "30m", times: 6.0, severity: "page", lasts: "15m" },
    Burn { name: "Budget", long: "3d", short: "6h", times: 1.0, severity: "ticket", lasts: "1h" },
];

struct Burn {
    name: &'static str,
    long: &'static str,
    short: &'static str,
    times: f64,
    severity: &'static str,
    lasts: &'static str,
}

/// How the files say that nobody should edit them.
pub const MADE: &str = "# Made of grafana/*.toml; see common.toml there.\n";

/// The times of rules, divided: a test of a real Prometheus has minutes, not days.
#[derive(Clone, Copy)]
pub struct Pace(pub u64);

impl Pace {
    /// Divides `5m`.
    pub fn of(self, time: &str) -> String {
        let (number, unit) = time.split_at(time.len() - 1);
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86400,
            "w" => 604_800,
            _ => panic!("what is {time}?"),
        };
        match self.0 {
            1 => time.to_owned(),
            pace => format!("{}s", (number.parse::<u64>().unwrap() * unit).div_ceil(pace)),
        }
    }

    /// Divides the windows of an expression, `[5m]` and `offset 1w`.
    fn within(self, expr: &str) -> String {
        let mut out = String::new();
        for (n, part) in expr.trim().split('[').enumerate() {
            match (n, part.split_once(']')) {
                (0, _) | (_, None) => out.push_str(part),
                (_, Some((window, rest))) => {
                    let _ = write!(out, "[{}]{rest}", self.of(window));
                }
            }
        }
        for offset in ["1d", "1w"] {
            let (is, paced) = (format!("offset {offset}"), format!("offset {}", self.of(offset)));
            out = out.replace(&is, &paced);
        }
        out
    }
}

/// A rule as Prometheus knows it.
pub struct Rule {
    /// `record` or `alert`.
    pub kind: &'static str,
    pub name: String,
    pub expr: String,
    lasts: Option<String>,
    labels: BTreeMap<String, String>,
    annotations: Vec<(&'static str, String)>,
}

fn recorded(name: &str, slo: &Slo, expr: String) -> Rule {
    Rule {
        kind: "record",
        name: name.to_owned(),
        expr,
        lasts: None,
        labels: BTreeMap::from([("slo".to_owned(), slo.name.clone())]),
        annotations: Vec::new(),
    }
}

/// What the promises are measured by: the share of errors in each window, and in the long ones how
/// many events there were and how many of them bad.
pub fn recordings(source: &Source) -> Vec<Rule> {
    let mut rules = Vec::new();
    for slo in &source.alerts.slo {
        let of = |what: &str, window: &str| what.replace("$w", window);
        for window in ["5m", "30m", "1h", "6h", "3d"] {
            let expr = format!("1 - {} / {}", of(&slo.good, window), of(&slo.total, window));
            rules.push(recorded(&format!("dozvon:slo_errors:ratio_rate{window}"), slo, expr));
        }
        for Burn { long, .. } in &BURNS {
            let (total, good) = (of(&slo.total, long), of(&slo.good, long));
            let count = |rate: &str| rate.replace("rate(", "increase(");
            let expr = count(&total);
            rules.push(recorded(&format!("dozvon:slo_events:increase{long}"), slo, expr));
            let expr = format!("{} - {}", count(&total), count(&good));
            rules.push(recorded(&format!("dozvon:slo_errors:increase{long}"), slo, expr));
        }
    }
    rules
}

fn alert_name(slo: &Slo, burn: &Burn) -> String {
    let mut letters = slo.name.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("Slo{first}{}{}", letters.as_str(), burn.name)
}

/// Promises first, causes after.
pub fn alerts(source: &Source) -> Vec<Rule> {
    let link = |anchor: &str| format!("{}{}", source.common.grafana, source.runbook(anchor));
    let loud = |severity: &str| ("severity".to_owned(), severity.to_owned());
    let mut rules = Vec::new();
    for slo in &source.alerts.slo {
        for burn in &BURNS {
            let Burn { long, short, times, .. } = burn;
            let of = format!("{{slo=\"{}\"}}", slo.name);
            let limit = format!("({times} * {:.4})", 1.0 - slo.objective);
            let expr = format!(
                "dozvon:slo_errors:ratio_rate{long}{of} > {limit}\n\
                 and dozvon:slo_errors:ratio_rate{short}{of} > {limit}\n\
                 and dozvon:slo_events:increase{long}{of} >= {}\n\
                 and dozvon:slo_errors:increase{long}{of} >= {}",
                slo.enough, slo.bad
            );
            rules.push(Rule {
                kind: "alert",
                name: alert_name(slo, burn),
                expr,
                lasts: Some(burn.lasts.to_owned()),
                labels: BTreeMap::from([loud(burn.severity)]),
                annotations: vec![
                    ("summary", format!("Promised: {}. At this pace it is not kept", slo.promise)),
                    ("runbook_url", link(&slo.runbook)),
                ],
            });
        }
    }
    rules.extend(source.alerts.alert.iter().map(|alert| Rule {
        kind: "alert",
        name: alert.name.clone(),
        expr: alert.expr.trim().to_owned(),
        lasts: Some(alert.lasts.clone()),
        labels: BTreeMap::from([loud(&alert.severity)]),
        annotations: vec![
            ("summary", alert.summary.clone()),
            ("runbook_url", link(&alert.runbook)),
        ],
    }));
    rules
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// A file of one group.
pub fn file(group: &str, rules: &[Rule], pace: Pace) -> String {
    let mut out = format!("{MADE}groups:\n  - name: {group}\n    rules:\n");
    for rule in rules {
        let expr = pace.within(&rule.expr).replace('\n', "\n          ");
        let _ = write!(
            out,
            "      - {}: {}\n        expr: |-\n          {expr}\n",
            rule.kind, rule.name
        );
        if let Some(lasts) = &rule.lasts {
            let _ = writeln!(out, "        for: {}", pace.of(lasts));
        }
        out.push_str("        labels:\n");
        for (name, value) in &rule.labels {
            let _ = writeln!(out, "          {name}: {value}");
        }
        if !rule.annotations.is_empty() {
            out.push_str("        annotations:\n");
        }
        for (name, text) in &rule.annotations {
            let _ = writeln!(out, "          {name}: {}", quoted(text));
        }
    }
    out
}

/// A case for promtool: series, when it looks, and for each alert whether it has to fire, with
/// which labels.
struct Proof<'a> {
    name: String,
    step: &'a str,
    at: &'a str,
    series: BTreeMap<String, String>,
    alerts: Vec<(String, Option<BTreeMap<String, String>>)>,
}

fn of_alert<'a>(alert: &'a Alert, case: &'a Case, fires: bool) -> Proof<'a> {
    let labels = fires.then(|| case.labels.clone());
    Proof {
        name: format!("{} {}", alert.name, if fires { "fires" } else { "is silent" }),
        step: &case.step,
        at: &case.at,
        series: case.series.clone(),
        alerts: vec![(alert.name.clone(), labels)],
    }
}

/// Of all promises together: nine of ten bad; the same for less than enough of them; all good; and
/// bad until an hour ago, which no page is for any more.
fn of_slos(slos: &[Slo]) -> Vec<Proof<'_>> {
    let proof = |name: &str, total: &str, good: &str, bad: &str, fires: [bool; 3]| {
        let series = slos.iter().flat_map(|slo| {
            let first = if slo.series.apart { bad } else { total };
            [(&slo.series.total, first), (&slo.series.good, good)]
        });
        let alerts = slos.iter().flat_map(|slo| {
            BURNS.iter().zip(fires).map(|(burn, fires)| {
                let labels = BTreeMap::from([("slo".to_owned(), slo.name.clone())]);
                (alert_name(slo, burn), fires.then_some(labels))
            })
        });
        Proof {
            name: format!("promises: {name}"),
            step: "1m",
            at: "3h",
            series: series.map(|(series, values)| (series.clone(), values.to_owned())).collect(),
            alerts: alerts.collect(),
        }
    };
    let past = ("0+1x120 130+10x60", "0+9x120 1080x60");
    vec![
        proof("nine of ten bad", "0+10x180", "0+1x180", "0+9x180", [true; 3]),
        proof("two of two bad", "0x170 2x10", "0x180", "0x170 2x10", [false; 3]),
        proof("all good", "0+10x180", "0+10x180", "0x180", [false; 3]),
        proof("bad until an hour ago", "0+10x180", past.0, past.1, [false, false, true]),
    ]
}

/// Every case of every alert, in a file for each step: promtool evaluates all rules at each of them.
pub fn proofs(source: &Source) -> Vec<(String, String)> {
    let alerts = alerts(source);
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    let of_alerts = source.alerts.alert.iter().flat_map(|alert| {
        [of_alert(alert, &alert.fires, true), of_alert(alert, &alert.silent, false)]
    });
    for proof in of_slos(&source.alerts.slo).into_iter().chain(of_alerts) {
        let step = proof.step;
        let out = files.entry(step).or_insert_with(|| {
            format!("{MADE}rule_files: [recording.yml, alerts.yml]\nevaluation_interval: {step}\ntests:\n")
        });
        let _ = write!(
            out,
            "  - name: {}\n    interval: {}\n    input_series:\n",
            quoted(&proof.name),
            step
        );
        for (series, values) in &proof.series {
            let (series, values) = (quoted(series), quoted(values));
            let _ = write!(out, "      - series: {series}\n        values: {values}\n");
        }
        out.push_str("    alert_rule_test:\n");
        for (name, fires) in &proof.alerts {
            let _ = write!(out, "      - alertname: {name}\n        eval_time: {}\n", proof.at);
            let Some(labels) = fires else {
                out.push_str("        exp_alerts: []\n");
                continue;
            };
            let rule = alerts.iter().find(|rule| rule.name == *name).unwrap();
            out.push_str("        exp_alerts:\n          - exp_labels:\n");
            for (label, value) in rule.labels.iter().chain(labels) {
                let _ = writeln!(out, "              {label}: {value}");
            }
            out.push_str("            exp_annotations:\n");
            for (key, text) in &rule.annotations {
                let _ = writeln!(out, "              {key}: {}", quoted(text));
            }
        }
    }
    files.into_iter().map(|(step, text)| (format!("tests-{step}"), text)).collect()
}
