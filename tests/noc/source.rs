//! What the boards and alerts are made of: `grafana/*.toml` and the runbook.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Format, Toml};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// In the order in which they are told.
pub const BOARDS: [&str; 5] = ["noc", "owner-routing", "callbacks", "crm", "engine"];

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("grafana")
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Common {
    pub grafana: String,
    pub variables: Vec<Variable>,
    pub annotations: Vec<Annotation>,
}

/// A choice above a board.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    pub name: String,
    pub label: String,
    /// The metric that knows its values.
    pub of: String,
}

/// A mark in every graph.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Annotation {
    pub name: String,
    pub colour: String,
    pub expr: String,
    pub text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    pub uid: String,
    pub title: String,
    pub refresh: String,
    pub from: String,
    pub rows: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub title: Option<String>,
    pub height: u32,
    pub panels: Vec<Panel>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Stat,
    Lines,
    Bars,
    Heatmap,
    Table,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    pub title: String,
    pub kind: Kind,
    /// Of 24.
    pub width: u32,
    pub unit: String,
    /// The colour below all steps.
    pub base: Option<String>,
    #[serde(default)]
    pub steps: Vec<Step>,
    /// What a number is called.
    #[serde(default)]
    pub map: BTreeMap<String, String>,
    /// What stands there where there is no number, such as a share of no calls.
    pub quiet: Option<String>,
    /// What it tells.
    pub about: String,
    /// What to do when it is red: `If …: do this.`
    pub red: String,
    /// The section of RUNBOOK.md.
    pub runbook: String,
    pub queries: Vec<Query>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub at: f64,
    pub colour: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    pub expr: String,
    pub legend: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alerts {
    pub slo: Vec<Slo>,
    pub alert: Vec<Alert>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slo {
    pub name: String,
    pub promise: String,
    pub objective: f64,
    pub total: String,
    pub good: String,
    pub enough: u32,
    pub bad: u32,
    pub runbook: String,
    pub series: Counters,
    /// Further ones in which all three alerts fire, besides those every promise is tested by.
    #[serde(default, rename = "case")]
    pub cases: Vec<Burnt>,
}

/// A way in which a promise is broken, for three hours.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Burnt {
    pub says: String,
    pub series: BTreeMap<String, String>,
}

/// The counters a promise is tested by.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counters {
    pub total: String,
    pub good: String,
    /// They do not overlap: `total` counts the bad ones only.
    #[serde(default)]
    pub apart: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    pub name: String,
    pub severity: String,
    pub expr: String,
    #[serde(rename = "for")]
    pub lasts: String,
    pub summary: String,
    pub runbook: String,
    pub fires: Case,
    pub silent: Case,
    /// Further ones.
    #[serde(default, rename = "case")]
    pub cases: Vec<Further>,
}

/// A further case of an alert.
#[derive(Debug, Deserialize)]
pub struct Further {
    /// `fires when …`, `silent while …`.
    pub says: String,
    pub fires: bool,
    #[serde(flatten)]
    pub case: Case,
}

/// Series as `promtool test rules` writes them, and when they are looked at.
#[derive(Debug, Deserialize)]
pub struct Case {
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    pub at: String,
    #[serde(default = "minute")]
    pub step: String,
    pub series: BTreeMap<String, String>,
}

fn minute() -> String {
    "1m".into()
}

/// A section of the runbook.
#[derive(Debug)]
pub struct Section {
    /// `crm-down`: its heading in a link.
    pub anchor: String,
    pub title: String,
    pub text: String,
}

/// All of it.
#[derive(Debug)]
pub struct Source {
    pub common: Common,
    pub boards: Vec<Board>,
    pub alerts: Alerts,
    pub runbook: Vec<Section>,
}

fn read<T: DeserializeOwned>(name: &str) -> T {
    let file = folder().join(name);
    let read = Figment::from(Toml::file_exact(&file)).extract();
    read.unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

impl Source {
    pub fn read() -> Self {
        let text = fs::read_to_string(folder().join("RUNBOOK.md")).unwrap();
        let runbook = text.split("\n## ").skip(1).map(|section| {
            let (title, text) = section.split_once('\n').unwrap();
            let anchor = title.to_lowercase().replace(' ', "-");
            Section { anchor, title: title.to_owned(), text: text.trim().to_owned() }
        });
        Self {
            common: read("common.toml"),
            boards: BOARDS.map(|board| read(&format!("boards/{board}.toml"))).into(),
            alerts: read("alerts.toml"),
            runbook: runbook.collect(),
        }
    }

    /// Where a section stands: a panel of the board `dozvon-runbook`, by its number.
    pub fn runbook(&self, anchor: &str) -> String {
        let at = self.runbook.iter().position(|section| section.anchor == anchor);
        let at = at.unwrap_or_else(|| panic!("RUNBOOK.md has no section `{anchor}`"));
        format!("/d/dozvon-runbook?viewPanel={}", at + 1)
    }

    /// Every panel with its board.
    pub fn panels(&self) -> impl Iterator<Item = (&Board, &Panel)> {
        self.boards.iter().flat_map(|board| {
            board
                .rows
                .iter()
                .flat_map(move |row| row.panels.iter().map(move |panel| (board, panel)))
        })
    }
}

/// An expression without what Grafana puts into it.
pub fn filled(expr: &str, range: &str, rate: &str) -> String {
    expr.replace("$__rate_interval", rate)
        .replace("$__range", range)
        .replace("$instance", ".*")
        .replace("$line", ".*")
        .replace("$crm", ".*")
}
