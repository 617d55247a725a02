//! Boards, alerts, runbook and metrics fit together.

use std::collections::{BTreeMap, BTreeSet};

use clap::Parser;
use dozvon::cli::Cli;
use dozvon::metrics::{Metrics, closed_list};
use serde_json::Value;

use crate::boards::{self, WIDE};
use crate::catalogue::{OTHERWISE, family, uses};
use crate::promql::asked;
use crate::rules::{alerts, recordings};
use crate::source::{Kind, Source, filled};

/// Metrics that look back when something is hunted down, and stand on no board.
pub const DEBUG: [&str; 2] = ["process_threads", "process_virtual_memory_bytes"];

/// Every label a metric may have. Each has few values: a list of ours, or what somebody configured.
const LABELS: [&str; 21] = [
    "direction",
    "line",
    "outcome",
    "by",
    "role",
    "result",
    "reason",
    "crm",
    "op",
    "end",
    "node",
    "verb",
    "name",
    "hash",
    "action",
    "kind",
    "leg",
    "state",
    "version",
    "commit",
    "step",
];

/// Units of boards, by their ids in Grafana (packages/grafana-data, valueFormats/categories.ts).
const UNITS: [&str; 7] = ["none", "s", "bytes", "percentunit", "cpm", "reqps", "dateTimeFromNow"];

/// What a screen of 1080 lines shows without a wheel, in Grafana's units of 38 pixels.
const SCREEN: u64 = 25;

/// Labels Prometheus gives itself.
const GIVEN: [&str; 2] = ["job", "instance"];

/// The labels of a metric; `None`: there is no such metric.
fn labels(source: &Source, name: &str) -> Option<Vec<String>> {
    let metric = Metrics::ALL.iter().find(|metric| metric.name == family(name));
    if let Some(metric) = metric {
        let mut labels: Vec<_> = metric.labels.iter().map(|&label| label.to_owned()).collect();
        match (metric.kind, name == metric.name) {
            ("histogram", true) => return None,
            ("histogram", false) if name.ends_with("_bucket") => labels.push("le".into()),
            (_, true) | ("histogram", _) => {}
            _ => return None,
        }
        return Some(labels);
    }
    if recordings(source).iter().any(|rule| rule.name == name) {
        return Some(vec!["slo".into()]);
    }
    let process = Metrics::new().unwrap().render().contains(&format!("# TYPE {name} "));
    let prometheus = ["up", "scrape_duration_seconds"].contains(&name);
    (process || prometheus).then(Vec::new)
}

/// Every expression there is, and where it stands.
fn expressions(source: &Source) -> Vec<(String, String)> {
    let panels = source.panels().flat_map(|(board, panel)| {
        let place = format!("{}, {}", board.title, panel.title);
        panel.queries.iter().map(move |query| (place.clone(), query.expr.clone()))
    });
    let marks = source.common.annotations.iter().map(|mark| (mark.name.clone(), mark.expr.clone()));
    let rules = recordings(source).into_iter().chain(alerts(source));
    let rules = rules.map(|rule| (rule.name, rule.expr));
    panels.chain(marks).chain(rules).collect()
}

#[test]
fn every_metric_that_is_asked_for_exists_with_those_labels() {
    let source = Source::read();
    for (place, expr) in expressions(&source) {
        let asked =
            asked(&filled(&expr, "1h", "1m")).unwrap_or_else(|e| panic!("{place}: {e}\n{expr}"));
        let mut all: BTreeSet<String> = GIVEN.map(str::to_owned).into();
        for (name, picked) in &asked.metrics {
            let known = labels(&source, name);
            let known = known.unwrap_or_else(|| panic!("{place}: there is no metric {name}"));
            for label in picked {
                let given = GIVEN.contains(&label.as_str()) || known.contains(label);
                assert!(given, "{place}: {name} has no label {label}");
            }
            all.extend(known);
        }
        assert!(asked.by.is_subset(&all), "{place}: {:?} in\n{expr}", asked.by);
    }
    for variable in &source.common.variables {
        let known = labels(&source, &variable.of).expect("a metric");
        let given = GIVEN.contains(&variable.name.as_str());
        assert!(given || known.contains(&variable.name), "${}", variable.name);
    }
}

/// A typing mistake in a bucket's edge would be an empty answer for ever.
#[test]
fn every_edge_that_is_asked_for_is_one_of_the_buckets() {
    let source = Source::read();
    for (place, expr) in expressions(&source) {
        for part in expr.split("_bucket{").skip(1) {
            let Some(at) = part.split('}').next().and_then(|within| within.split("le=~\"").nth(1))
            else {
                continue;
            };
            let edge: f64 = at.split(['(', '"']).next().unwrap().parse().unwrap();
            let before = &expr[..expr.find(part).unwrap() - "_bucket{".len()];
            let name = before.rsplit(['(', ' ']).next().unwrap();
            let metric = Metrics::ALL.iter().find(|metric| metric.name == name).unwrap();
            assert!(metric.buckets.contains(&edge), "{place}: {name} has no edge at {edge}");
        }
    }
}

#[test]
fn every_metric_is_looked_at() {
    let uses = uses(&Source::read());
    let ours = Metrics::ALL.iter().map(|metric| metric.name.to_owned());
    let process = crate::catalogue::of_the_process().into_iter().map(|(name, _)| name);
    for metric in ours.chain(process) {
        let (used, debug) = (uses.contains_key(&metric), DEBUG.contains(&metric.as_str()));
        assert!(used != debug, "{metric}: put it on a board, or into DEBUG");
    }
}

/// A number, a call or a deal would be a series each.
#[test]
fn labels_are_those_whose_values_are_few() {
    for metric in Metrics::ALL {
        for label in metric.labels {
            // Of rules: `chapter/id` of the sets in force.
            let few = LABELS.contains(label) || (metric.name, *label) == RULES;
            assert!(few, "{}: {label}", metric.name);
        }
    }
}

const RULES: (&str, &str) = ("dozvon_rule_matches_total", "rule");

/// What stands in the labels of a page: metric, label, value.
fn told(page: &str) -> Vec<(String, String, String)> {
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    let labelled = samples.filter_map(|sample| sample.split_once('{'));
    let mut told = Vec::new();
    for (name, rest) in labelled {
        for pair in rest.split_once('}').unwrap().0.split("\",") {
            let (label, value) = pair.split_once("=\"").unwrap();
            let value = value.trim_end_matches('"').to_owned();
            told.push((family(name).to_owned(), label.to_owned(), value));
        }
    }
    told
}

/// A word of an engine that no list has: whoever asks for the listed one is told nothing.
pub fn unlisted(page: &str) -> Vec<(String, String, String)> {
    // Configured, or made with what it is of.
    let free = ["line", "crm", "node", "name", "hash", "version", "commit", "rule", "action", "le"];
    let values = values();
    let listed = |(metric, label, value): &(String, String, String)| {
        let known = values.get(&(metric.clone(), label.clone()));
        free.contains(&label.as_str()) || known.is_some_and(|known| known.contains(value))
    };
    let mut told = told(page);
    told.retain(|one| !listed(one));
    told
}

/// The values a label of a metric has from the start, or may have.
fn values() -> BTreeMap<(String, String), BTreeSet<String>> {
    let metrics = Metrics::new().unwrap();
    metrics.know_lines(["main"].into_iter());
    metrics.know_crm("builtin");
    let mut values: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for (metric, label, value) in told(&metrics.render()) {
        values.entry((metric, label)).or_default().insert(value);
    }
    for metric in Metrics::ALL {
        for label in metric.labels {
            let of = (metric.name.to_owned(), (*label).to_owned());
            let closed = closed_list(metric.name, label).into_iter().flatten();
            values.entry(of).or_default().extend(closed.map(|&value| value.to_owned()));
        }
    }
    values
}

/// A word that is spelt otherwise in the engine makes an alert silent for ever.
#[test]
fn every_value_that_is_asked_for_is_one_the_label_has() {
    let (source, values) = (Source::read(), values());
    // Chosen above a board, or edges, which have a test of their own.
    let free = ["instance", "job", "line", "crm", "le", "slo"];
    for (place, expr) in expressions(&source) {
        for (metric, label, value) in asked(&filled(&expr, "1h", "1m")).unwrap().values {
            if free.contains(&label.as_str()) {
                continue;
            }
            let known = values.get(&(family(&metric).to_owned(), label.clone()));
            let is = known.is_some_and(|known| known.contains(&value));
            assert!(is, "{place}: {metric} has no {label}=\"{value}\": {known:?}");
        }
    }
    let alerts = source.alerts.alert.iter();
    let slos = source.alerts.slo.iter();
    let cases = alerts
        .flat_map(|alert| {
            let further = alert.cases.iter().map(|further| &further.case);
            [&alert.fires, &alert.silent].into_iter().chain(further)
        })
        .map(|case| &case.series);
    let cases = cases.chain(slos.flat_map(|slo| slo.cases.iter().map(|case| &case.series)));
    let free = [&free[..], &["node", "action"]].concat();
    for series in cases.flat_map(|series| series.keys()) {
        for (metric, label, value) in asked(series).unwrap().values {
            let known = values.get(&(family(&metric).to_owned(), label.clone()));
            let is = free.contains(&label.as_str()) || known.is_some_and(|k| k.contains(&value));
            assert!(is || label == "version", "a case: {metric} has no {label}=\"{value}\"");
        }
    }
}

/// A name in a legend that is no label of the answer is shown as nothing.
#[test]
fn what_a_legend_names_is_a_label_of_the_answer() {
    let source = Source::read();
    let names = |text: &str| -> Vec<String> {
        let parts = text.split("{{").skip(1);
        parts.map(|part| part.split_once("}}").unwrap().0.to_owned()).collect()
    };
    for (board, panel) in source.panels() {
        for query in &panel.queries {
            let asked = asked(&filled(&query.expr, "1h", "1m")).unwrap();
            let mut left = asked.by.clone();
            // Without `by` a sum has no labels, and what is not summed has all of its own.
            let summed = query.expr.contains("sum") || query.expr.contains("max(");
            if !summed {
                left.extend(GIVEN.map(str::to_owned));
                let all = asked.metrics.iter().filter_map(|(name, _)| labels(&source, name));
                left.extend(all.flatten());
            }
            for name in names(query.legend.as_deref().unwrap_or_default()) {
                assert!(left.contains(&name), "{}, {}: {{{{{name}}}}}", board.title, panel.title);
            }
        }
    }
    for mark in &source.common.annotations {
        let asked = asked(&mark.expr).unwrap();
        let all = asked.metrics.iter().filter_map(|(name, _)| labels(&source, name)).flatten();
        let all: BTreeSet<_> = all.chain(GIVEN.map(str::to_owned)).collect();
        for name in names(&mark.text) {
            assert!(all.contains(&name), "{}: {{{{{name}}}}}", mark.name);
        }
    }
}

#[test]
fn what_stands_for_another_name_in_the_catalogue_exists() {
    for (there, here) in OTHERWISE {
        for name in here.split('`').filter(|word| word.starts_with("dozvon_")) {
            assert!(Metrics::ALL.iter().any(|metric| metric.name == name), "{there}: {name}");
        }
    }
}

/// Somebody looks at it from the other end of the room.
#[test]
fn the_noc_board_is_one_screen() {
    let source = Source::read();
    let board = boards::board(&source, &source.boards[0]);
    let ends = board["panels"].as_array().unwrap().iter();
    let ends = ends.map(|panel| {
        let side = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        side("y") + side("h")
    });
    assert!(ends.max().unwrap() <= SCREEN);
}

/// E09 and the 80/20 of a service level: both are read off an edge, not guessed between two.
#[test]
fn the_seconds_of_an_answer_have_edges_at_10_and_20() {
    let answer = Metrics::ALL.iter().find(|metric| metric.name == "dozvon_call_answer_seconds");
    let edges = answer.unwrap().buckets;
    assert!(edges.contains(&10.0) && edges.contains(&20.0), "{edges:?}");
}

#[test]
fn panels_have_a_unit_a_word_what_to_do_and_a_link_and_do_not_overlap() {
    let source = Source::read();
    let mut uids = BTreeSet::new();
    let made = source.boards.iter().map(|board| boards::board(&source, board));
    for board in made.chain([boards::runbook(&source)]) {
        assert!(uids.insert(board["uid"].as_str().unwrap().to_owned()), "{}", board["uid"]);
        let panels = board["panels"].as_array().unwrap();
        let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
        for panel in panels {
            let title = panel["title"].as_str().unwrap();
            assert!(ids.insert(panel["id"].as_u64()), "{title}: its id is used twice");
            let side = |name: &str| panel["gridPos"][name].as_u64().unwrap();
            assert!(side("x") + side("w") <= u64::from(WIDE), "{title} is too wide");
            for x in side("x")..side("x") + side("w") {
                for y in side("y")..side("y") + side("h") {
                    assert!(taken.insert((x, y)), "{title} lies on another panel");
                }
            }
            if ["row", "text"].contains(&panel["type"].as_str().unwrap()) {
                continue;
            }
            let unit = panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap();
            assert!(UNITS.contains(&unit), "{title}: Grafana knows no unit {unit}");
            let (about, red) =
                panel["description"].as_str().unwrap().split_once("**What to do:** ").unwrap();
            assert!(about.trim().len() > 10, "{title}: say what it tells");
            // `If` it is so, then `:` do that.
            let (when, act) = red.split_once(": ").unwrap_or_default();
            let said = when.starts_with("If ") && act.split_whitespace().count() > 2;
            assert!(said, "{title}: say what to do: {red}");
            let link = panel["links"][0]["url"].as_str().unwrap();
            assert!(link.starts_with("/d/dozvon-runbook?viewPanel="), "{title}: {link}");
            for target in panel["targets"].as_array().unwrap() {
                let of = |value: &Value| value["datasource"]["uid"] == "${datasource}";
                assert!(of(target) && of(panel), "{title}: Grafana fills in no other datasource");
            }
        }
    }
}

/// A counter as it stands tells since when a process runs, and nothing of now.
#[test]
fn counters_are_asked_for_their_rise_and_rates_over_what_is_scraped() {
    let source = Source::read();
    for (board, panel) in source.panels() {
        for query in &panel.queries {
            let place = format!("{}, {}", board.title, panel.title);
            let rises = ["rate(", "increase("].iter().any(|f| query.expr.contains(f));
            let counts = query.expr.contains("_total{") || query.expr.contains("_count{");
            assert!(rises || !counts, "{place}: a counter without its rise");
            let fixed = ["[1m]", "[5m]", "[1h]"].iter().any(|w| query.expr.contains(w));
            assert!(!fixed, "{place}: take $__rate_interval or $__range");
            let several = panel.kind != Kind::Stat || panel.queries.len() == 1;
            assert!(several, "{place}: one number, one query");
        }
    }
}

#[test]
fn every_link_has_its_section_and_every_section_is_linked() {
    let source = Source::read();
    let panels = source.panels().map(|(_, panel)| panel.runbook.as_str());
    let alerts = source.alerts.alert.iter().map(|alert| alert.runbook.as_str());
    let slos = source.alerts.slo.iter().map(|slo| slo.runbook.as_str());
    let alerts: BTreeSet<_> = alerts.chain(slos).collect();
    let linked: BTreeSet<_> = panels.chain(alerts.iter().copied()).collect();
    let sections: BTreeSet<_> = source.runbook.iter().map(|one| one.anchor.as_str()).collect();
    assert_eq!(linked, sections);
    assert_eq!(alerts, sections, "each section is an alert's");
    for section in &source.runbook {
        for part in ["**Seen:**", "**Why:**", "**Now:**"] {
            assert!(section.text.contains(part), "{}: no {part}", section.title);
        }
    }
}

/// What the runbook may ask of an engine: method, path, and whether a token is needed once there is
/// one.
const RESOURCES: [(&str, &str, bool); 5] = [
    ("GET", "/healthz", false),
    ("GET", "/readyz", false),
    ("GET", "/metrics", false),
    ("GET", "/v1/rules", true),
    ("POST", "/v1/rules/reload", true),
];

/// Somebody reads them at three in the morning.
#[test]
fn commands_of_the_runbook_exist() {
    let source = Source::read();
    let mut tried = 0;
    for section in &source.runbook {
        for code in section.text.split('`').skip(1).step_by(2) {
            let words: Vec<_> = code.split_whitespace().collect();
            match words[..] {
                ["dozvon", _, ..] => {
                    let read = Cli::try_parse_from(&words);
                    assert!(read.is_ok(), "{}: {code}: {}", section.title, read.unwrap_err());
                    tried += 1;
                }
                ["curl", .., url] => {
                    let path = url.strip_prefix("http://127.0.0.1:8080").unwrap();
                    let method = words.windows(2).find(|pair| pair[0] == "-X");
                    let method = method.map_or("GET", |pair| pair[1]);
                    let known = RESOURCES.iter().find(|(of, at, _)| (*of, *at) == (method, path));
                    let (.., token) = known.unwrap_or_else(|| panic!("{}: {code}", section.title));
                    let told = code.contains("-H \"Authorization: Bearer $DOZVON_TOKEN\"");
                    assert_eq!(told, *token, "{}: {code}", section.title);
                }
                _ => {}
            }
        }
    }
    assert!(tried > 20, "{tried}");
}
