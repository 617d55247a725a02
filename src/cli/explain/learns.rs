//! What the CRM learns on each way: the rules that match, and their actions in words.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use serde::Serialize;

use super::ways::Way;
use crate::cli::words::{Words, event};
use crate::core::action::Ruling;
use crate::core::case::Case;
use crate::core::staff::Staff;
use crate::rules::set::RuleSet;

/// A way with what the rules say to it.
#[derive(Debug, Serialize)]
pub struct Learnt {
    title: String,
    cases: Vec<Ruled>,
}

#[derive(Debug, Serialize)]
struct Ruled {
    case: Case,
    ruling: Ruling,
}

/// Judges every case of every way.
pub fn learn(ways: Vec<Way>, set: &RuleSet, staff: &Staff) -> Vec<Learnt> {
    let rule = |case: Case| {
        let ruling = set.judge(&case, staff);
        Ruled { case, ruling }
    };
    let learn =
        |way: Way| Learnt { title: way.title, cases: way.cases.into_iter().map(rule).collect() };
    ways.into_iter().map(learn).collect()
}

/// The ways as text. Rules without an action stand in one line, so that it is seen that they
/// were asked.
pub fn render(learnt: &[Learnt], set: &RuleSet, staff: &Staff, zone: &TimeZone) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "\nWhat the CRM learns: {}, hash {}", set.file(), set.hash());
    if learnt.is_empty() {
        out.push_str("  Nothing: calls between employees and blocked ones are not registered.\n");
    }
    let words = Words { staff, zone };
    for way in learnt {
        let _ = writeln!(out, "\nIf {}:", way.title);
        for Ruled { case, ruling } in &way.cases {
            let _ = writeln!(out, "  {}", event(case.event));
            let mut idle = Vec::new();
            for rule in &ruling.rules {
                let actions: Vec<_> = ruling.actions.iter().filter(|a| a.rule == *rule).collect();
                if actions.is_empty() {
                    idle.push(rule.as_str());
                }
                for (number, action) in actions.into_iter().enumerate() {
                    let rule = if number == 0 { rule.as_str() } else { "" };
                    let _ = writeln!(out, "    {rule:24}  {}", words.planned(case, action));
                }
            }
            if !idle.is_empty() {
                let _ = writeln!(out, "    nothing by {}", idle.join(", "));
            }
            for note in &ruling.notes {
                let _ = writeln!(out, "    ! {note}");
            }
        }
    }
    out
}
