//! The NOC board as an image, of the answers a real Prometheus gave: for whoever has no Grafana at
//! hand. Drawn as SVG and photographed by Chromium.

use std::fmt::Write;
use std::process::Command;

use serde_json::Value;

use crate::boards;
use crate::source::{Kind, Panel, Query, Source, folder};

/// A column and a row of the board, in pixels.
const CELL: (f64, f64) = (80.0, 38.0);
const COLOURS: [&str; 10] = [
    "#73bf69", "#f2cc0c", "#5794f2", "#ff9830", "#f2495c", "#b877d9", "#8ab8ff", "#96d98d",
    "#ffb357", "#ca95e5",
];

/// A series of an answer.
#[derive(Debug)]
pub struct Answer {
    labels: serde_json::Map<String, Value>,
    /// Seconds since 1970, and the number then.
    pub points: Vec<(f64, f64)>,
}

impl Answer {
    pub fn read(series: &Value) -> Self {
        let point =
            |pair: &Value| (pair[0].as_f64().unwrap(), pair[1].as_str().unwrap().parse().unwrap());
        let points = match series["values"].as_array() {
            Some(values) => values.iter().map(point).collect(),
            None => vec![point(&series["value"])],
        };
        Self { labels: series["metric"].as_object().unwrap().clone(), points }
    }

    fn label(&self, name: &str) -> &str {
        self.labels.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn legend(&self, query: &Query) -> String {
        let mut text = query.legend.clone().unwrap_or_default();
        for name in self.labels.keys() {
            text = text.replace(&format!("{{{{{name}}}}}"), self.label(name));
        }
        text
    }

    fn highest(&self) -> f64 {
        self.points.iter().map(|(_, y)| *y).filter(|y| y.is_finite()).fold(0.0, f64::max)
    }
}

/// `UPDATE=1` draws it anew.
pub fn wanted() -> bool {
    std::env::var_os("UPDATE").is_some()
}

/// Draws it as `grafana/<name>.png` where it is wanted.
pub async fn draw(source: &Source, name: &str, ask: impl AsyncFn(&str, bool) -> Vec<Answer>) {
    if !wanted() {
        return;
    }
    let noc = &source.boards[0];
    let made = boards::board(source, noc);
    let panels = noc.rows.iter().flat_map(|row| &row.panels);
    let (mut body, mut bottom) = (String::new(), 0.0);
    for (panel, made) in panels.zip(made["panels"].as_array().unwrap()) {
        let at = |side: &str| made["gridPos"][side].as_f64().unwrap();
        let size = (at("w") * CELL.0 - 8.0, at("h") * CELL.1 - 8.0);
        let (x, y) = (at("x") * CELL.0 + 4.0, at("y") * CELL.1 + 4.0);
        let mut series = Vec::new();
        for query in &panel.queries {
            for answer in ask(&query.expr, panel.kind == Kind::Stat).await {
                series.push((answer.legend(query), answer));
            }
        }
        let _ = write!(body, "<svg x='{x}' y='{y}' width='{}' height='{}'>", size.0, size.1);
        body += "<rect width='100%' height='100%' rx='3' fill='#181b1f'/>";
        match panel.kind {
            Kind::Stat => stat(&mut body, panel, &series, size),
            Kind::Heatmap => heatmap(&mut body, panel, &series, size),
            _ => graph(&mut body, panel, &series, size),
        }
        text(&mut body, (8.0, 18.0), 13.0, "#d8d9da", &panel.title);
        body += "</svg>";
        bottom = f64::max(bottom, y + size.1 + 4.0);
    }
    let wide = f64::from(boards::WIDE) * CELL.0;
    let svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{wide}' height='{bottom}' font-family='DejaVu Sans'>\
         <rect width='100%' height='100%' fill='#111217'/>{body}</svg>"
    );
    let work = tempfile::tempdir().unwrap();
    let file = work.path().join("noc.svg");
    std::fs::write(&file, svg).unwrap();
    let photographed = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
        .arg(format!("--user-data-dir={}", work.path().join("profile").display()))
        .arg(format!("--window-size={wide},{bottom}"))
        .arg(format!("--screenshot={}", folder().join(format!("{name}.png")).display()))
        .arg(file)
        .output();
    match photographed {
        Ok(done) => assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr)),
        Err(error) => eprintln!("{name}.png stays as it is: no chromium ({error})"),
    }
}

fn text(out: &mut String, (x, y): (f64, f64), size: f64, colour: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let _ = write!(out, "<text x='{x}' y='{y}' font-size='{size}' fill='{colour}'>{words}</text>");
}

/// A number with its unit, short.
fn told(value: f64, unit: &str) -> String {
    let short = |value: f64| match value {
        v if v == v.round() => format!("{v:.0}"),
        v if v.abs() < 0.1 => format!("{v:.4}"),
        v => format!("{v:.1}"),
    };
    match unit {
        "percentunit" => format!("{:.0} %", value * 100.0),
        "bytes" => format!("{:.0} MiB", value / 1024.0 / 1024.0),
        "s" if value < 1.0 && value > 0.0 => format!("{:.1} ms", value * 1000.0),
        "s" => format!("{} s", short(value)),
        "cpm" => format!("{}/min", short(value)),
        _ => short(value),
    }
}

fn stat(out: &mut String, panel: &Panel, series: &[(String, Answer)], size: (f64, f64)) {
    let value = series[0].1.points[0].1;
    let steps = panel.steps.iter().rev();
    let step = steps.into_iter().find(|step| value >= step.at).map(|step| step.colour.as_str());
    let colour = match step.or(panel.base.as_deref()) {
        Some("red") => "#c4162a",
        Some("orange") => "#e0752d",
        Some("blue") => "#1f60c4",
        _ => "#37872d",
    };
    let words = match (panel.map.get(&format!("{value}")), &panel.quiet) {
        (Some(word), _) => word.clone(),
        (None, Some(quiet)) if value.is_nan() => quiet.clone(),
        _ => told(value, &panel.unit),
    };
    let _ = write!(out, "<rect width='100%' height='100%' rx='3' fill='{colour}'/>");
    text(out, (12.0, size.1 / 2.0 + 24.0), 34.0, "#fff", &words);
}

/// The place of the drawing in a panel: left, top, width, height.
fn frame(size: (f64, f64), legend: f64) -> (f64, f64, f64, f64) {
    (64.0, 30.0, size.0 - 74.0, size.1 - 38.0 - legend)
}

/// From when to when.
fn span(series: &[(String, Answer)]) -> (f64, f64) {
    let times = || series.iter().flat_map(|(_, one)| &one.points).map(|(t, _)| *t);
    (times().fold(f64::INFINITY, f64::min), times().fold(0.0, f64::max))
}

fn axis(out: &mut String, panel: &Panel, high: f64, (left, top, wide, tall): (f64, f64, f64, f64)) {
    for share in [0.0, 0.5, 1.0] {
        let y = top + tall * (1.0 - share);
        let _ = write!(out, "<path d='M{left} {y}h{wide}' stroke='#2c3235'/>");
        text(out, (6.0, y + 4.0), 10.0, "#9fa7b3", &told(high * share, &panel.unit));
    }
}

fn graph(out: &mut String, panel: &Panel, series: &[(String, Answer)], size: (f64, f64)) {
    let stacked = panel.kind == Kind::Bars;
    let mut shown: Vec<_> =
        series.iter().filter(|(_, one)| !stacked || one.highest() > 0.0).collect();
    shown.sort_by(|(_, one), (_, other)| other.highest().total_cmp(&one.highest()));
    let columns = (size.0 / 150.0) as usize;
    let legend = 16.0 * (shown.len().div_ceil(columns) as f64);
    let place = frame(size, legend);
    let (left, top, wide, tall) = place;
    let (from, to) = span(series);
    let mut floors = std::collections::BTreeMap::new();
    if stacked {
        for (t, y) in shown.iter().flat_map(|(_, one)| &one.points) {
            *floors.entry(t.to_bits()).or_insert(0.0) += y;
        }
    }
    let sums = floors.values().copied().fold(0.0, f64::max);
    let high = shown.iter().map(|(_, one)| one.highest()).fold(sums, f64::max).max(1e-6);
    axis(out, panel, high, place);
    floors.clear();
    let width = (wide / (to - from + 1.0)).max(1.0);
    for (n, (name, one)) in shown.iter().enumerate() {
        let colour = COLOURS[n % COLOURS.len()];
        let mut line = String::new();
        for (t, y) in one.points.iter().filter(|(_, y)| y.is_finite()) {
            let (x, tall_by) = (left + (t - from) / (to - from) * (wide - width), y / high * tall);
            if stacked {
                let floor: &mut f64 = floors.entry(t.to_bits()).or_default();
                let top = top + tall - *floor - tall_by;
                *floor += tall_by;
                let _ = write!(
                    out,
                    "<rect x='{x:.1}' y='{top:.1}' width='{width:.1}' height='{tall_by:.1}' fill='{colour}'/>"
                );
            } else {
                let _ = write!(line, "{x:.1},{:.1} ", top + tall - tall_by);
            }
        }
        let _ = write!(
            out,
            "<polyline points='{line}' fill='none' stroke='{colour}' stroke-width='1.5'/>"
        );
        let (column, row) = ((n % columns) as f64, (n / columns) as f64);
        let at = (left + column * wide / columns as f64, top + tall + 18.0 + row * 16.0);
        text(out, at, 11.0, colour, &format!("■ {name}"));
    }
}

fn heatmap(out: &mut String, panel: &Panel, series: &[(String, Answer)], size: (f64, f64)) {
    let edge = |one: &Answer| one.label("le").parse().unwrap_or(f64::INFINITY);
    let mut rows: Vec<_> = series.iter().map(|(_, one)| (edge(one), one)).collect();
    rows.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let (left, top, wide, tall) = frame(size, 0.0);
    let (from, to) = span(series);
    let (width, height) = (wide / (to - from + 1.0), tall / rows.len() as f64);
    for (n, (edge, row)) in rows.iter().enumerate() {
        let y = top + tall - (n as f64 + 1.0) * height;
        if n % 4 == 0 {
            text(
                out,
                (6.0, y + height),
                10.0,
                "#9fa7b3",
                &format!("≤ {}", told(*edge, &panel.unit)),
            );
        }
        for (m, (t, count)) in row.points.iter().enumerate() {
            let below = n.checked_sub(1).and_then(|n| rows[n].1.points.get(m));
            let share = (count - below.map_or(0.0, |(_, count)| *count)).clamp(0.0, 1.0);
            let x = left + (t - from) * width;
            if share > 0.0 {
                let _ = write!(
                    out,
                    "<rect x='{x:.1}' y='{y:.1}' width='{:.1}' height='{:.1}' fill='#ff9830' opacity='{share:.2}'/>",
                    width + 0.5,
                    height - 1.0
                );
            }
        }
    }
}
