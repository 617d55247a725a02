//! What a set says that cannot be meant. Every combination of facts is gone through.

mod cube;
mod needs;
mod outside;
mod reach;
mod say;

use cube::{FACTS, Space};
pub use outside::{DealPlace, Nowhere};

use super::RuleSet;
use super::cx::Cx;
use super::facts::Point;
use super::model::Chapter;
use super::words::SHORT_CALL;

/// What a chapter leaves to its default, under the settings in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The chapter's id.
    pub chapter: String,
    /// Combinations of facts, in few lines.
    pub combinations: Vec<String>,
}

pub(super) fn set(cx: &mut Cx, chapters: &[Chapter]) {
    unused(cx);
    let short_call = cx.settings.iter().any(|s| s.name == SHORT_CALL);
    let space = Space::new(cx.lines.len(), &cx.settings, short_call);
    let mut all = Vec::new();
    for chapter in chapters {
        let Some(reach) = reach::chapter(&space, chapter) else {
            let span = chapter.rules.first().map_or(0..0, |rule| rule.span.clone());
            let message = format!("chapter `{}` has too many combinations to check", chapter.id);
            cx.reader.warn(&span, message, "make chapters of its parts");
            return;
        };
        reach::complain(cx, &space, chapter, &reach);
        all.push(reach);
    }
    needs::Set { space: &space, chapters, reach: &all }.complain(cx);
}

fn unused(cx: &mut Cx) {
    for (place, setting) in cx.settings.iter().enumerate() {
        if !cx.used.contains(&place) {
            let message = format!("the setting `{}` is used by no rule", setting.name);
            cx.reader.warn(&setting.span.clone(), message, "use it as $name, or take it out");
        }
    }
}

impl RuleSet {
    /// Why no case can have these facts, and what to know; `None`: one can.
    pub(super) fn impossible(&self, point: &Point) -> Option<(String, &'static str)> {
        let space = Space::new(self.lines.len(), &self.settings, self.short_call.is_some());
        let settings = space.full.iter().skip(FACTS);
        let cube = point.iter().chain(settings).copied().collect();
        if !space.possible_in(&cube).is_empty() {
            return None;
        }
        let (kept, cube) = reach::conflict(&space, &cube);
        Some((say::cube(&space, &cube, &self.lines, &self.settings), say::why(&kept)))
    }

    /// What each chapter leaves to its default. A chapter that leaves nothing is not named.
    pub fn left_to_default(&self) -> Vec<Left> {
        let space = Space::new(self.lines.len(), &self.settings, self.short_call.is_some());
        let mut found = Vec::new();
        for chapter in &self.chapters {
            let reach = reach::chapter(&space, chapter);
            let left = reach.as_ref().and_then(|reach| reach.last());
            let combinations = match left {
                Some(left) => say::left_over(&space, left, &self.lines, &self.settings),
                None => vec!["too many combinations to name".into()],
            };
            if !combinations.is_empty() {
                found.push(Left { chapter: chapter.id.clone(), combinations });
            }
        }
        found
    }
}
