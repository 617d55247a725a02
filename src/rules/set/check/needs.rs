//! Actions that need something: a deal its contact, a note somebody to put it on, a message one
//! that was left.

mod people;

use super::cube::{Cube, Space, dimension, meet, only, without_all};
use super::reach::Reach;
use super::say;
use crate::core::action::CallResult;
use crate::rules::set::cx::Cx;
use crate::rules::set::model::{ActionRule, Chapter, Rule, Step};
use crate::rules::set::words::Fact;

/// What happened before what, in one call.
const BEFORE: [(&str, &[&str]); 5] = [
    (
        "ringing",
        &[
            "answered",
            "missed",
            "ended",
            "recorded",
            "voicemail",
            "unreached",
            "callback_failed",
            "callback_client_unreached",
        ],
    ),
    ("answered", &["ended", "recorded"]),
    ("ended", &["recorded"]),
    ("voicemail", &["missed"]),
    (
        "callback_requested",
        &[
            "ringing",
            "answered",
            "missed",
            "ended",
            "recorded",
            "voicemail",
            "callback_failed",
            "callback_client_unreached",
        ],
    ),
];

/// The set with all that is known of it.
pub(super) struct Set<'s> {
    pub space: &'s Space,
    pub chapters: &'s [Chapter],
    pub reach: &'s [Reach],
}

impl Set<'_> {
    pub(super) fn complain(&self, cx: &mut Cx) {
        for (number, (chapter, reach)) in self.chapters.iter().zip(self.reach).enumerate() {
            for (rule, reached) in chapter.rules.iter().zip(reach) {
                for (place, step) in rule.steps.iter().enumerate() {
                    self.step(cx, number, rule, reached, place, step);
                }
            }
        }
    }

    /// Is there such an action in the set, or one whose mistake may hide it?
    fn any(&self, is: impl Fn(&ActionRule) -> bool) -> bool {
        let steps = self.chapters.iter().flat_map(|c| &c.rules).flat_map(|rule| &rule.steps);
        let mut actions = steps.map(|step| &step.action);
        actions.any(|action| matches!(action, ActionRule::Mistaken(_)) || is(action))
    }

    fn step(
        &self,
        cx: &mut Cx,
        chapter: usize,
        rule: &Rule,
        reached: &[Cube],
        place: usize,
        step: &Step,
    ) {
        let path = &rule.path;
        let within = |facts: (usize, u64)| self.within(reached, facts);
        match &step.action {
            ActionRule::Deal { .. } => {
                let bare = self.without_contact(chapter, rule, reached, place);
                if let Some(bare) = bare.first() {
                    let message = format!(
                        "rule `{path}` makes a deal without its contact where {} (C01)",
                        self.say(cx, bare)
                    );
                    let help = "a deal has no phone number: it is bound to the contact, so put { do = \"contact\", … } before it";
                    cx.reader.error(&step.span, message, help);
                }
            }
            ActionRule::UpdateCall
                if !self.any(|a| matches!(a, ActionRule::RegisterCall { .. })) =>
            {
                let message =
                    format!("rule `{path}` updates a call that no rule of the set registers");
                let help = "add { do = \"register_call\", … } where the call is answered or missed";
                cx.reader.error(&step.span, message, help);
            }
            ActionRule::AcceptUnsorted { .. } => {
                self.entry(cx, path, step, ("accepts", "accepted"));
            }
            ActionRule::DeclineUnsorted => {
                self.entry(cx, path, step, ("declines", "declined"));
            }
            ActionRule::RegisterCall { result: CallResult::Answered, .. } => {
                if let Some(case) = within(only(Fact::AnsweredBy, &["nobody"])) {
                    let message = format!(
                        "rule `{path}` registers a call as answered where {}",
                        self.say(cx, &case)
                    );
                    let help =
                        "add answered_by = [\"owner\", \"other\", \"unlisted\"], or another result";
                    cx.reader.error(&step.span, message, help);
                }
            }
            ActionRule::Voicemail { .. } => {
                if let Some(case) = within(only(Fact::Voicemail, &["none"])) {
                    let message =
                        format!("rule `{path}` attaches a message where {}", self.say(cx, &case));
                    let help = "no message was left there: add event = \"voicemail\" or voicemail = \"left\"";
                    cx.reader.error(&step.span, message, help);
                } else {
                    self.client(cx, chapter, rule, reached, place, step, "attaches a message");
                }
            }
            ActionRule::Company { .. } => {
                self.client(cx, chapter, rule, reached, place, step, "names a company");
            }
            ActionRule::Task { .. } => {
                self.client(cx, chapter, rule, reached, place, step, "makes a task");
            }
            ActionRule::Tag { .. } => {
                self.client(cx, chapter, rule, reached, place, step, "sets tags");
            }
            ActionRule::Fields { .. } => {
                self.client(cx, chapter, rule, reached, place, step, "sets fields");
            }
            ActionRule::Note { .. } => {
                self.client(cx, chapter, rule, reached, place, step, "makes a note");
            }
            ActionRule::ChangeOwner { .. } => {
                self.client(cx, chapter, rule, reached, place, step, "changes the owner");
            }
            ActionRule::Reactivate => {
                self.client(cx, chapter, rule, reached, place, step, "reactivates the client");
            }
            _ => {}
        }
        self.people(cx, path, reached, step);
    }

    /// What is done with an Unsorted entry, where no rule makes one.
    fn entry(&self, cx: &mut Cx, path: &str, step: &Step, (does, done): (&str, &str)) {
        if self.any(|a| matches!(a, ActionRule::Unsorted { .. })) {
            return;
        }
        let message =
            format!("rule `{path}` {does} an Unsorted entry, and no rule of the set makes one");
        let help = format!(
            "only entries that others made are {done} then; add {{ do = \"unsorted\", … }} if this is not meant"
        );
        cx.reader.warn(&step.span, message, &help);
    }

    fn within(&self, reached: &[Cube], facts: (usize, u64)) -> Option<Cube> {
        meet(reached, &self.cube(facts)).into_iter().next()
    }

    fn cube(&self, (place, mask): (usize, u64)) -> Cube {
        let mut cube = self.space.full.clone();
        super::cube::narrow(&mut cube, (place, mask));
        cube
    }

    fn say(&self, cx: &Cx, cube: &Cube) -> String {
        say::cube(self.space, &say::shortest(self.space, cube), &cx.lines, &cx.settings)
    }

    /// An action on a client, where nobody knows one and no contact is made.
    #[allow(clippy::too_many_arguments, reason = "the place of a step in the set")]
    fn client(
        &self,
        cx: &mut Cx,
        chapter: usize,
        rule: &Rule,
        reached: &[Cube],
        place: usize,
        step: &Step,
        what: &str,
    ) {
        let bare = self.without_contact(chapter, rule, reached, place);
        if let Some(bare) = bare.first() {
            let message = format!(
                "rule `{}` {what} where there is no client: {}",
                rule.path,
                self.say(cx, bare)
            );
            let help = "make a contact before it, or add client = \"known\"";
            cx.reader.warn(&step.span, message, help);
        }
    }

    /// Where the client is unknown and nothing before this step, in this case or an earlier one
    /// of the call, makes a contact.
    fn without_contact(
        &self,
        chapter: usize,
        rule: &Rule,
        reached: &[Cube],
        place: usize,
    ) -> Vec<Cube> {
        let before = rule.steps.get(..place).unwrap_or_default();
        if makes_contact(before) {
            return Vec::new();
        }
        let mut bare = meet(reached, &self.cube(only(Fact::Client, &["unknown"])));
        for (number, (other, reach)) in self.chapters.iter().zip(self.reach).enumerate() {
            for (other, reached) in other.rules.iter().zip(reach) {
                if !makes_contact(&other.steps) {
                    continue;
                }
                if number < chapter {
                    bare = without_all(bare, reached).unwrap_or_default();
                }
                let later: Vec<Cube> = reached.iter().flat_map(|cube| self.later(cube)).collect();
                bare = without_all(bare, &later).unwrap_or_default();
            }
        }
        bare
    }

    /// Later cases of the same calls.
    fn later(&self, cube: &Cube) -> Vec<Cube> {
        let mut found = Vec::new();
        for (event, later) in BEFORE {
            let (events, mask) = only(Fact::Event, &[event]);
            if cube.get(events).is_none_or(|own| own & mask == 0) {
                continue;
            }
            let mut moved = cube.clone();
            for (place, mask) in moved.iter_mut().enumerate() {
                let changes = [Fact::AnsweredBy, Fact::Voicemail, Fact::Length];
                if place == events {
                    *mask = only(Fact::Event, later).1;
                } else if changes.iter().any(|fact| dimension(*fact) == place) {
                    *mask = u64::MAX;
                }
            }
            found.push(moved);
        }
        found
    }
}

fn makes_contact(steps: &[Step]) -> bool {
    let makes = |step: &Step| match step.action {
        ActionRule::Contact { .. } | ActionRule::AcceptUnsorted { .. } => true,
        ActionRule::Mistaken(word) => {
            word.is_none_or(|word| word == "contact" || word == "accept_unsorted")
        }
        _ => false,
    };
    steps.iter().any(makes)
}
