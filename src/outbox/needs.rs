//! What an action makes, and what it cannot do without. So an action that was refused holds back
//! those that would do something wrong without it, and no other.

use std::collections::BTreeSet;

use super::entry::{Progress, Step};
use crate::core::action::{Action, On, Planned};

/// What actions of a call make for later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Thing {
    Client,
    Deal,
    Unsorted,
    Call,
}

/// What was to be made and is not there.
pub(super) type Missing = BTreeSet<Thing>;

fn makes(action: &Action) -> &'static [Thing] {
    match action {
        Action::Contact { .. } => &[Thing::Client],
        Action::Deal { .. } => &[Thing::Deal],
        Action::Unsorted { .. } => &[Thing::Unsorted],
        Action::AcceptUnsorted { .. } => &[Thing::Client, Thing::Deal],
        Action::RegisterCall { .. } => &[Thing::Call],
        _ => &[],
    }
}

fn needs(action: &Action) -> &'static [Thing] {
    let of = |on: On| match on {
        On::Client => &[Thing::Client][..],
        // Without its deal it would land on another deal of the client.
        On::Deal => &[Thing::Client, Thing::Deal],
    };
    match action {
        Action::Contact { .. } | Action::Unsorted { .. } | Action::Webhook { .. } => &[],
        Action::Company { .. }
        | Action::Deal { .. }
        | Action::RegisterCall { .. }
        | Action::Reactivate {} => &[Thing::Client],
        Action::AcceptUnsorted { .. } | Action::DeclineUnsorted {} => &[Thing::Unsorted],
        Action::UpdateCall {} => &[Thing::Call],
        Action::Voicemail { on, .. }
        | Action::Task { on, .. }
        | Action::Tag { on, .. }
        | Action::Fields { on, .. }
        | Action::Note { on, .. }
        | Action::ChangeOwner { of: on, .. } => of(*on),
        Action::Notify { link, .. } => link.map_or(&[], of),
    }
}

/// Whether it has to wait for something that is missing.
pub(super) fn held(action: &Action, missing: &Missing) -> bool {
    needs(action).iter().any(|thing| missing.contains(thing))
}

/// It was not done: what it makes is missing from now on.
pub(super) fn undone(action: &Action, missing: &mut Missing) {
    missing.extend(makes(action));
}

/// What it needs a right for, as it is told: `task on deal`.
pub(super) fn right(action: &Action) -> String {
    let word = action.word();
    match action {
        Action::Voicemail { on, .. }
        | Action::Task { on, .. }
        | Action::Tag { on, .. }
        | Action::Fields { on, .. }
        | Action::Note { on, .. }
        | Action::ChangeOwner { of: on, .. } => match on {
            On::Client => format!("{word} on client"),
            On::Deal => format!("{word} on deal"),
        },
        _ => word.to_owned(),
    }
}

/// What an entry that was parked has left undone.
pub(super) fn left(actions: &[Planned], progress: &[Step], missing: &mut Missing) {
    for (index, planned) in actions.iter().enumerate() {
        if progress.get(index).is_none_or(|step| step.is != Progress::Done) {
            undone(&planned.action, missing);
        }
    }
}

/// Whether it changes what the CRM says about the client: who asks next must ask afresh.
pub(super) fn touches_client(action: &Action) -> bool {
    matches!(
        action,
        Action::Contact { .. }
            | Action::Company { .. }
            | Action::Deal { .. }
            | Action::Unsorted { .. }
            | Action::AcceptUnsorted { .. }
            | Action::DeclineUnsorted {}
            | Action::ChangeOwner { .. }
            | Action::Reactivate {}
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(json: serde_json::Value) -> Action {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_refused_deal_holds_back_what_stands_on_it_and_nothing_else() {
        let mut missing = Missing::new();
        undone(
            &action(serde_json::json!({"do": "deal", "title": "A", "owner": "101"})),
            &mut missing,
        );
        for (json, expected) in [
            (serde_json::json!({"do": "note", "on": "deal", "text": "x"}), true),
            (serde_json::json!({"do": "note", "on": "client", "text": "x"}), false),
            (serde_json::json!({"do": "notify", "to": "everybody", "text": "x"}), false),
            (
                serde_json::json!({"do": "notify", "to": "everybody", "text": "x", "link": "deal"}),
                true,
            ),
            (serde_json::json!({"do": "update_call"}), false),
        ] {
            assert_eq!(held(&action(json.clone()), &missing), expected, "{json}");
        }
    }

    #[test]
    fn c03_without_its_entry_nothing_is_declined_and_nothing_waits_for_that() {
        let decline = action(serde_json::json!({"do": "decline_unsorted"}));
        let entry = serde_json::json!({"do": "unsorted", "kind": "call", "title": "A", "name": ""});
        let mut missing = Missing::new();
        undone(&decline, &mut missing);
        assert!(missing.is_empty());
        undone(&action(entry), &mut missing);
        assert!(held(&decline, &missing));
    }
}
