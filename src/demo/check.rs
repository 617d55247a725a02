//! Whether a scene ended as told.

use super::learns::told;
use super::papers::{Learnt, end};
use super::story::Scene;
use crate::core::facts::Direction;
use crate::core::record::CallRecord;
use crate::sim::CallReport;

/// What is otherwise than told.
pub fn differences(
    scene: &Scene,
    record: &CallRecord,
    report: &CallReport,
    learnt: &[Learnt],
) -> Vec<String> {
    let mut differences = Vec::new();
    let mut same = |what: &str, is: String, told: String| {
        if is != told {
            differences.push(format!("{what} is `{is}`, told was `{told}`"));
        }
    };
    let spoke: Vec<_> = report.talks.iter().map(|t| t.with.as_str()).collect();
    same("outcome", format!("{:?}", record.outcome), format!("{:?}", Some(scene.outcome)));
    same("way", record.steps(), scene.steps.to_owned());
    same("reason", format!("{:?}", record.fallback), format!("{:?}", scene.fallback));
    same("talk", spoke.join(" "), scene.spoke_to.join(" "));
    same("channels left", report.channels_left.to_string(), "0".into());
    same("what the CRM learnt", told(learnt).join(", "), scene.actions.join(", "));
    if let Some(case) = end(learnt).filter(|case| case.direction == Direction::Inbound) {
        let number = |speaker: &Option<crate::core::case::Speaker>| {
            speaker.as_ref().map(|speaker| speaker.number.clone()).unwrap_or_default()
        };
        let is = [number(&case.first), number(&case.last)].join(" … ");
        let told = [spoke.first(), spoke.last()].map(|with| with.copied().unwrap_or_default());
        same("first and last speaker", is, told.join(" … "));
    }
    differences.extend(learnt.iter().filter_map(Learnt::undone));
    differences
}
