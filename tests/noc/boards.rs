//! Boards as Grafana reads them.

use serde_json::{Value, json};

use crate::source::{Board, Common, Kind, Panel, Source};

/// The columns of a board.
pub const WIDE: u32 = 24;

/// The uid Grafana knows our Prometheus by.
pub const DATASOURCE: &str = "dozvon-prometheus";

fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

/// A board of panels that ask Prometheus.
pub fn board(source: &Source, board: &Board) -> Value {
    let (mut panels, mut y) = (Vec::new(), 0);
    for row in &board.rows {
        if let Some(title) = &row.title {
            let place = json!({"x": 0, "y": y, "w": WIDE, "h": 1});
            panels.push(json!({"type": "row", "title": title, "gridPos": place, "collapsed": false, "panels": []}));
            y += 1;
        }
        let mut x = 0;
        for one in &row.panels {
            let mut made = panel(source, one);
            made["gridPos"] = json!({"x": x, "y": y, "w": one.width, "h": row.height});
            panels.push(made);
            x += one.width;
        }
        y += row.height;
    }
    whole(&source.common, board, panels)
}

/// The runbook as a board: a panel a section, so that a link opens one section.
pub fn runbook(source: &Source) -> Value {
    let panels = source.runbook.iter().zip(0..).map(|(section, n)| {
        let place = json!({"x": n % 2 * 12, "y": n / 2 * 11, "w": 12, "h": 11});
        let text = json!({"mode": "markdown", "content": section.text});
        json!({"type": "text", "title": section.title, "gridPos": place, "options": text})
    });
    let board = Board {
        uid: "dozvon-runbook".into(),
        title: "Dozvon: runbook".into(),
        refresh: String::new(),
        from: "now-1h".into(),
        rows: Vec::new(),
    };
    let mut made = whole(&source.common, &board, panels.collect());
    made["templating"] = json!({"list": []});
    made["annotations"] = json!({"list": []});
    made
}

fn whole(common: &Common, board: &Board, mut panels: Vec<Value>) -> Value {
    for (panel, id) in panels.iter_mut().zip(1..) {
        panel["id"] = json!(id);
    }
    let variables = common.variables.iter().map(|variable| {
        let query = format!("label_values({}, {})", variable.of, variable.name);
        json!({
            "type": "query", "name": variable.name, "label": variable.label,
            "datasource": datasource(), "query": {"query": query, "refId": variable.name},
            "definition": query, "refresh": 2, "sort": 1,
            "multi": true, "includeAll": true, "allValue": ".*",
            "current": {"text": "All", "value": "$__all"},
        })
    });
    let choose = json!({
        "type": "datasource", "name": "datasource", "label": "Prometheus", "query": "prometheus",
        "current": {"text": "Prometheus", "value": DATASOURCE},
    });
    let annotations = common.annotations.iter().map(|mark| {
        json!({
            "name": mark.name, "datasource": datasource(), "enable": true, "iconColor": mark.colour,
            "expr": mark.expr, "step": "15s", "titleFormat": mark.name, "textFormat": mark.text,
        })
    });
    json!({
        "uid": board.uid,
        "title": board.title,
        "tags": ["dozvon"],
        "schemaVersion": 39,
        "editable": false,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": board.refresh,
        "time": {"from": board.from, "to": "now"},
        "links": [{"type": "dashboards", "title": "Dozvon", "tags": ["dozvon"], "asDropdown": true, "keepTime": true, "includeVars": true}],
        "templating": {"list": std::iter::once(choose).chain(variables).collect::<Vec<_>>()},
        "annotations": {"list": annotations.collect::<Vec<_>>()},
        "panels": panels,
    })
}

fn panel(source: &Source, panel: &Panel) -> Value {
    let at_once = matches!(panel.kind, Kind::Stat | Kind::Table);
    let format = match panel.kind {
        Kind::Heatmap => "heatmap",
        Kind::Table => "table",
        _ => "time_series",
    };
    let targets = panel.queries.iter().zip('A'..).map(|(query, name)| {
        json!({
            "refId": name, "datasource": datasource(), "expr": query.expr.trim(),
            "legendFormat": query.legend.as_deref().unwrap_or("__auto"),
            "format": format, "instant": at_once, "range": !at_once,
            "exemplar": !at_once && query.expr.contains("_bucket{"),
        })
    });
    let (kind, options) = match panel.kind {
        Kind::Stat => (
            "stat",
            json!({
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
                "colorMode": "background", "graphMode": "none", "textMode": "value",
            }),
        ),
        Kind::Lines | Kind::Bars => (
            "timeseries",
            json!({
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": true},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }),
        ),
        Kind::Heatmap => (
            "heatmap",
            json!({
                "calculate": false, "cellGap": 1, "yAxis": {"unit": panel.unit},
                "color": {"mode": "scheme", "scheme": "Oranges", "steps": 32},
                "tooltip": {"mode": "single", "yHistogram": false},
            }),
        ),
        Kind::Table => ("table", json!({"showHeader": true})),
    };
    let custom = match panel.kind {
        Kind::Lines => {
            json!({"drawStyle": "line", "lineWidth": 1, "fillOpacity": 10, "showPoints": "never", "spanNulls": true})
        }
        Kind::Bars => {
            json!({"drawStyle": "bars", "lineWidth": 0, "fillOpacity": 80, "stacking": {"mode": "normal", "group": "A"}})
        }
        _ => json!({}),
    };
    let base = panel.base.as_deref().unwrap_or("green");
    let mut steps = vec![json!({"color": base, "value": null})];
    steps.extend(panel.steps.iter().map(|step| json!({"color": step.colour, "value": step.at})));
    let mut defaults = json!({
        "unit": panel.unit,
        "custom": custom,
        "thresholds": {"mode": "absolute", "steps": steps},
        "mappings": [],
    });
    if panel.kind == Kind::Stat {
        defaults["color"] = json!({"mode": "thresholds"});
    }
    if let Some(quiet) = &panel.quiet {
        defaults["noValue"] = json!(quiet);
        let text = json!({"text": quiet, "color": "text", "index": 0});
        defaults["mappings"] =
            json!([{"type": "special", "options": {"match": "nan", "result": text}}]);
    }
    if !panel.map.is_empty() {
        let words = panel.map.iter().map(|(number, word)| (number.clone(), json!({"text": word})));
        let words: serde_json::Map<_, _> = words.collect();
        defaults["mappings"] = json!([{"type": "value", "options": words}]);
    }
    let mut made = json!({
        "type": kind,
        "title": panel.title,
        "description": format!("{}\n\n**What to do:** {}", panel.about, panel.red),
        "datasource": datasource(),
        "links": [{"title": "Runbook", "url": source.runbook(&panel.runbook), "targetBlank": true}],
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
        "targets": targets.collect::<Vec<_>>(),
    });
    if panel.kind == Kind::Table {
        let hidden = json!({"Time": true, "Value": true});
        made["transformations"] = json!([{"id": "organize", "options": {"excludeByName": hidden}}]);
    }
    made
}
