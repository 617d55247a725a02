//! What the CRM learnt, as lines for people, as JSON, and in the few words a scene is checked by.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::papers::{Learnt, end};
use crate::cli::words::{Words, event};
use crate::core::action::{Action, Recipients};
use crate::core::case::Speaker;
use crate::core::staff::Staff;

/// Rules and actions of each case. Those of a case that changed nothing stand in one line.
pub fn lines(learnt: &[Learnt], staff: &Staff, zone: &TimeZone) -> Vec<String> {
    let words = Words { staff, zone };
    let mut lines = Vec::new();
    for Learnt { judged, entry } in learnt {
        let mut idle: Vec<_> = judged.rules.iter().map(String::as_str).collect();
        if entry.actions.is_empty() {
            lines.push(format!("{}: nothing by {}", event(judged.case.event), idle.join(", ")));
            continue;
        }
        lines.push(event(judged.case.event).to_owned());
        let mut before = "";
        for (planned, step) in entry.actions.iter().zip(&entry.progress) {
            let rule = if planned.rule == before { "" } else { planned.rule.as_str() };
            before = &planned.rule;
            idle.retain(|idle| *idle != planned.rule);
            let words = words.planned(&judged.case, planned);
            lines.push(format!("  {rule:<24}  {words} – {}", step.what));
        }
        if !idle.is_empty() {
            lines.push(format!("  nothing by {}", idle.join(", ")));
        }
    }
    lines.extend(passed_on(learnt, &words));
    lines
}

/// Who answered, and who spoke last, where that is another one (E02).
fn passed_on(learnt: &[Learnt], words: &Words<'_>) -> Option<String> {
    let case = end(learnt)?;
    let (first, last) = (case.first.as_ref()?, case.last.as_ref()?);
    let name = |speaker: &Speaker| match &speaker.employee {
        Some(id) => words.name(id).to_owned(),
        None => speaker.number.clone(),
    };
    (first != last).then(|| {
        format!("kept are both: {} answered first, {} spoke last", name(first), name(last))
    })
}

/// What was done, in one line.
pub fn in_short(learnt: &[Learnt]) -> String {
    let steps = learnt.iter().flat_map(|learnt| &learnt.entry.progress);
    let mut words: Vec<_> = steps.map(|step| step.what.as_str()).collect();
    words.dedup();
    if words.is_empty() { "nothing".to_owned() } else { words.join("; ") }
}

/// The rules that decided.
pub fn rules_json(learnt: &[Learnt]) -> Value {
    let case =
        |Learnt { judged, .. }: &Learnt| json!({"event": judged.case.event, "rules": judged.rules});
    learnt.iter().map(case).collect()
}

/// The actions, each with what came of it.
pub fn actions_json(learnt: &[Learnt]) -> Value {
    let of = |Learnt { judged, entry }: &Learnt| -> Vec<Value> {
        let both = entry.actions.iter().zip(&entry.progress);
        both.map(|(planned, step)| {
            json!({
                "event": judged.case.event,
                "rule": planned.rule,
                "action": planned.action,
                "is": step.is,
                "what": step.what,
            })
        })
        .collect()
    };
    learnt.iter().flat_map(of).collect()
}

/// Each action as a scene tells it: its word, and whose it is.
pub fn told(learnt: &[Learnt]) -> Vec<String> {
    learnt.iter().flat_map(|l| &l.entry.actions).map(|planned| brief(&planned.action)).collect()
}

fn brief(action: &Action) -> String {
    let word = action.word();
    match action {
        Action::Contact { owner, .. } | Action::Deal { owner, .. } | Action::Task { owner, .. } => {
            format!("{word} {owner}")
        }
        Action::RegisterCall { who: Some(who), .. } => format!("{word} {who}"),
        Action::RegisterCall { who: None, .. } => format!("{word} nobody"),
        Action::Notify { to: Recipients::Everybody, .. } => format!("{word} everybody"),
        Action::Notify { to: Recipients::These(ids), .. } => {
            let ids: Vec<_> = ids.iter().map(|id| id.as_str()).collect();
            format!("{word} {}", ids.join(" "))
        }
        _ => word.to_owned(),
    }
}
