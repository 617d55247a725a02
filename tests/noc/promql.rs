//! What an expression asks for.

use std::collections::BTreeSet;

use promql_parser::label::METRIC_NAME;
use promql_parser::parser::{AggregateExpr, BinaryExpr, Expr, VectorSelector, parse};
use promql_parser::util::{ExprVisitor, walk_expr};

/// Metrics of an expression, each with the labels it is picked by, and all labels it is sorted by.
#[derive(Debug, Default)]
pub struct Asked {
    pub metrics: Vec<(String, BTreeSet<String>)>,
    pub by: BTreeSet<String>,
    /// What labels are picked by: metric, label, and each word of the value.
    pub values: Vec<(String, String, String)>,
}

impl ExprVisitor for Asked {
    type Error = String;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, String> {
        let mut picked = |selector: &VectorSelector| {
            let labels = selector.matchers.matchers.iter().map(|matcher| matcher.name.clone());
            let labels = labels.filter(|name| name != METRIC_NAME).collect();
            let metric = selector.name.clone().ok_or("a selector without a name")?;
            for matcher in &selector.matchers.matchers {
                let words = matcher.value.split('|');
                self.values.extend(
                    words.map(|word| (metric.clone(), matcher.name.clone(), word.to_owned())),
                );
            }
            self.metrics.push((metric, labels));
            Ok::<(), String>(())
        };
        let by = match expr {
            Expr::VectorSelector(selector) => {
                picked(selector)?;
                None
            }
            Expr::MatrixSelector(selector) => {
                picked(&selector.vs)?;
                None
            }
            Expr::Aggregate(AggregateExpr { modifier, .. }) => modifier.as_ref(),
            Expr::Binary(BinaryExpr { modifier, .. }) => {
                modifier.as_ref().and_then(|modifier| modifier.matching.as_ref())
            }
            _ => None,
        };
        self.by.extend(by.into_iter().flat_map(|by| by.labels().labels.clone()));
        Ok(true)
    }
}

/// Reads an expression.
pub fn asked(expr: &str) -> Result<Asked, String> {
    let mut asked = Asked::default();
    walk_expr(&mut asked, &parse(expr)?)?;
    Ok(asked)
}
