//! Lists of people none of whom can be there.

use super::Set;
use crate::rules::set::check::cube::{Cube, only};
use crate::rules::set::cx::Cx;
use crate::rules::set::model::{ActionRule, Step, To};
use crate::rules::set::words::{Fact, Who};

impl Set<'_> {
    /// A list of people none of whom can be there.
    pub(super) fn people(&self, cx: &mut Cx, path: &str, reached: &[Cube], step: &Step) {
        let (key, who) = match &step.action {
            ActionRule::Contact { owner, .. }
            | ActionRule::Deal { owner, .. }
            | ActionRule::AcceptUnsorted { owner, .. }
            | ActionRule::Task { owner, .. } => ("owner", owner),
            ActionRule::RegisterCall { who: Some(who), .. } => ("who", who),
            ActionRule::ChangeOwner { to, .. } | ActionRule::Notify { to: To::These(to), .. } => {
                ("to", to)
            }
            _ => return,
        };
        let can_be = |who: &Who| match who {
            Who::Answerer | Who::LastSpeaker => {
                Some(only(Fact::AnsweredBy, &["owner", "other", "unlisted"]))
            }
            Who::Caller => Some(only(Fact::Direction, &["outbound"])),
            Who::DealOwner => Some(only(Fact::Deal, &["open", "closed"])),
            Who::ClientOwner | Who::Owner => Some(only(Fact::Owner, &["somebody"])),
            Who::FirstOnLine => Some(only(Fact::Direction, &["inbound", "callback"])),
            Who::Admin | Who::Employee(_) | Who::Nobody => None,
        };
        let there = |who: &Who| can_be(who).is_none_or(|f| self.within(reached, f).is_some());
        if !reached.is_empty() && !who.is_empty() && !who.iter().any(there) {
            let message = format!(
                "nobody whom `{key}` names can be there in rule `{path}`: it is always the administrator"
            );
            let help = "name somebody who can, or write \"admin\"";
            cx.reader.warn(&step.span, message, help);
        }
    }
}
