//! Boards, alerts, runbook and metrics fit together.

use std::collections::BTreeSet;

use clap::Parser;
use dozvon::cli::Cli;
use dozvon::metrics::Metrics;
use serde_json::Value;

use crate::boards::{self, WIDE};
use crate::catalogue::{family, uses};
use crate::promql::asked;
use crate::rules::{alerts, recordings};
use crate::source::{Kind, Source, filled};

/// Metrics that look back when something is hunted down, and stand on no board.
const DEBUG: [&str; 0] = [];

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
    for metric in Metrics::ALL {
        let used = uses.contains_key(metric.name);
        assert!(
            used != DEBUG.contains(&metric.name),
            "{}: put it on a board, or into DEBUG",
            metric.name
        );
    }
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
            assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title}");
            let about = panel["description"].as_str().unwrap();
            assert!(about.len() > 40, "{title}: say what it tells and what to do");
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
                    let known =
                        ["/healthz", "/readyz", "/metrics", "/v1/rules", "/v1/rules/reload"];
                    assert!(known.contains(&path), "{}: {code}", section.title);
                }
                _ => {}
            }
        }
    }
    assert!(tried > 20, "{tried}");
}
