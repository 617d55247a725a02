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
            let (good, total) = (of(&slo.good, window), of(&slo.total, window));
            let expr = format!("1 - ({good}) / ({})", total.trim());
            rules.push(recorded(&format!("dozvon:slo_errors:ratio_rate{window}"), slo, expr));
        }
        for Burn { long, .. } in &BURNS {
            let (total, good) = (of(&slo.total, long), of(&slo.good, long));
            let expr = format!("({}) - ({good})", total.trim());
            let total = total.trim().to_owned();
            rules.push(recorded(&format!("dozvon:slo_events:increase{long}"), slo, total));
            rules.push(recorded(&format!("dozvon:slo_errors:increase{long}"), slo, expr));
        }
    }
    rules
}

/// What is more than this is so many at least: `increase` reckons on to the ends of its window, and
/// gives no whole numbers.
fn less(count: u32) -> f64 {
    f64::from(count) - 0.5
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
                 and dozvon:slo_events:increase{long}{of} > {}\n\
                 and dozvon:slo_errors:increase{long}{of} > {}",
                less(slo.enough),
                less(slo.bad)
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

/// An alert's name, when it is looked at, and the labels it fires with.
type Expected<'a> = (String, &'a str, Option<BTreeMap<String, String>>);

/// A case for promtool: series, when it looks, and for each alert whether it has to fire, with
/// which labels.
struct Proof<'a> {
    name: String,
    step: &'a str,
    series: BTreeMap<String, String>,
    alerts: Vec<Expected<'a>>,
}

fn of_alert<'a>(alert: &'a Alert, case: &'a Case, says: &str, fires: bool) -> Proof<'a> {
    let labels = fires.then(|| case.labels.clone());
    Proof {
        name: format!("{} {says}", alert.name),
        step: &case.step,
        series: case.series.clone(),
        alerts: vec![(alert.name.clone(), &case.at, labels)],
    }
}

/// Calls a minute in the cases of a promise: enough for one in 10,000 to be a whole number.
const MINUTE: u32 = 100_000;

/// What a case of a promise is made of: how it counts on, minute by minute.
struct Counted {
    total: String,
    good: String,
    bad: String,
}

impl Counted {
    /// So many a minute for three hours, and so many of them bad.
    fn steadily(all: u32, bad: u32) -> Self {
        let a_minute = |count: u32| format!("0+{count}x180");
        Self { total: a_minute(all), good: a_minute(all - bad), bad: a_minute(bad) }
    }

    /// So many in the sixtieth minute, and never before or after.
    fn at_once(all: u32, bad: u32) -> Self {
        let once = |count: u32| format!("0x59 {count}x120");
        Self { total: once(all), good: once(all - bad), bad: once(bad) }
    }

    fn of(&self, slo: &Slo) -> BTreeMap<String, String> {
        let first = if slo.series.apart { &self.bad } else { &self.total };
        let series = [(&slo.series.total, first), (&slo.series.good, &self.good)];
        series.map(|(series, values)| (series.clone(), values.clone())).into()
    }
}

/// `at`: when each of the three alerts of a promise is looked at; `fires`: whether it has to.
fn expected<'a>(slo: &Slo, at: [&'a str; 3], fires: [bool; 3]) -> Vec<Expected<'a>> {
    let labels = BTreeMap::from([("slo".to_owned(), slo.name.clone())]);
    let alerts = BURNS.iter().zip(at).zip(fires);
    alerts
        .map(|((burn, at), fires)| (alert_name(slo, burn), at, fires.then(|| labels.clone())))
        .collect()
}

/// A case for all of these promises at once: each rule is evaluated for each case.
fn of_all<'s>(
    says: &str,
    slos: impl Iterator<Item = &'s Slo>,
    counted: impl Fn(&Slo) -> Counted,
    at: [&'static str; 3],
    fires: [bool; 3],
) -> Proof<'static> {
    let (mut series, mut alerts) = (BTreeMap::new(), Vec::new());
    for slo in slos {
        series.extend(counted(slo).of(slo));
        alerts.extend(expected(slo, at, fires));
    }
    Proof { name: format!("promises, {says}"), step: "1m", series, alerts }
}

fn of_slos(slos: &[Slo]) -> Vec<Proof<'_>> {
    let mut proofs = Vec::new();
    let end = ["3h"; 3];
    // The three differ in how many times too fast it is burnt: 14.4, 6, 1.
    for (times, fires) in [
        (0.5, [false; 3]),
        (3.0, [false, false, true]),
        (10.0, [false, true, true]),
        (18.0, [true; 3]),
    ] {
        let counted = |slo: &Slo| {
            let bad = f64::from(MINUTE) * (1.0 - slo.objective) * times;
            Counted::steadily(MINUTE, bad.round() as u32)
        };
        let says = format!("{times} times too fast");
        proofs.push(of_all(&says, slos.iter(), counted, end, fires));
    }
    // Each is looked at while the sixtieth minute is in its short window and for long enough.
    let soon = ["63m", "80m", "130m"];
    // How many, and how many of them bad.
    type Few = fn(&Slo) -> (u32, u32);
    let few: [(&str, Few, bool); 4] = [
        ("just enough, and all bad", |slo| (slo.enough, slo.enough), true),
        ("one less than enough, and all bad", |slo| (slo.enough - 1, slo.enough - 1), false),
        ("5 of 5 bad", |_| (5, 5), false),
        ("enough, and one less bad than it takes", |slo| (slo.enough, slo.bad - 1), false),
    ];
    for (says, few, fires) in few {
        let counted = |slo: &Slo| {
            let (all, bad) = few(slo);
            Counted::at_once(all, bad)
        };
        proofs.push(of_all(says, slos.iter(), counted, soon, [fires; 3]));
    }
    // That is too fast for each of the three where a promise is strict.
    let strict = |slo: &&Slo| {
        f64::from(slo.bad) / f64::from(slo.enough) > BURNS[0].times * (1.0 - slo.objective)
    };
    let counted = |slo: &Slo| Counted::at_once(slo.enough, slo.bad);
    let says = "enough, and just as many bad as it takes";
    proofs.push(of_all(says, slos.iter().filter(strict), counted, soon, [true; 3]));
    let past = |_: &Slo| Counted {
        total: "0+10x180".into(),
        good: "0+1x120 130+10x60".into(),
        bad: "0+9x120 1080x60".into(),
    };
    let fires = [false, false, true];
    proofs.push(of_all("bad until an hour ago", slos.iter(), past, end, fires));
    let cases = slos.iter().flat_map(|slo| slo.cases.iter().map(move |case| (slo, case)));
    proofs.extend(cases.map(|(slo, case)| Proof {
        name: format!("the promise `{}`, {}", slo.name, case.says),
        step: "1m",
        series: case.series.clone(),
        alerts: expected(slo, end, [true; 3]),
    }));
    proofs
}

/// Every case of every alert, in a file for each step: promtool evaluates all rules at each of them.
pub fn proofs(source: &Source) -> Vec<(String, String)> {
    let alerts = alerts(source);
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    let of_alerts = source.alerts.alert.iter().flat_map(|alert| {
        let further = alert.cases.iter();
        let further = further.map(|one| of_alert(alert, &one.case, &one.says, one.fires));
        let fires = of_alert(alert, &alert.fires, "fires", true);
        [fires, of_alert(alert, &alert.silent, "is silent", false)].into_iter().chain(further)
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
        for (name, at, fires) in &proof.alerts {
            let _ = write!(out, "      - alertname: {name}\n        eval_time: {at}\n");
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
