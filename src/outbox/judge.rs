//! Who judges a case. Behind traits, so that the outbox knows nothing of rule files.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::core::action::Ruling;
use crate::core::case::{Case, Event};

/// A set of rules, ready to judge.
pub trait Ruler: Send + Sync {
    /// What follows from a case. Takes microseconds and never fails.
    fn judge(&self, case: &Case) -> Ruling;
    /// The hash of the set, as it stands in its rulings.
    fn hash(&self) -> &str;
    /// Whether it has a rule for this event by its name, be it to do nothing.
    fn speaks_of(&self, _event: Event) -> bool {
        false
    }
}

/// The sets that are in force now.
pub trait Judge: Send + Sync {
    /// What rules a call on this line.
    fn set_for(&self, line: Option<&str>) -> InForce;
}

/// What a call begins with, and keeps.
#[derive(Clone)]
pub struct InForce {
    /// What is done.
    pub live: Arc<dyn Ruler>,
    /// Judged as well and compared; nothing of it is done.
    pub shadow: Option<Arc<dyn Ruler>>,
}

/// Sets to keep at most: entries that wait may have been ruled by an earlier one.
const KEPT: usize = 16;

/// The last sets that judged something, by their hash.
#[derive(Default)]
pub(super) struct Rulers(Mutex<VecDeque<Arc<dyn Ruler>>>);

impl Rulers {
    /// Remembers a set.
    pub fn keep(&self, ruler: &Arc<dyn Ruler>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.iter().any(|known| known.hash() == ruler.hash()) {
            return;
        }
        kept.truncate(KEPT - 1);
        kept.push_front(ruler.clone());
    }

    /// The set with this hash, where it is still kept.
    pub fn get(&self, hash: &str) -> Option<Arc<dyn Ruler>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|known| known.hash() == hash).cloned()
    }
}

/// Where the two rulings differ, in a line; `None`: they do the same. The names of rules may
/// differ, what is done may not.
pub(super) fn difference(live: &Ruling, shadow: &Ruling) -> Option<String> {
    let acts = |ruling: &Ruling| -> Vec<_> {
        ruling.actions.iter().map(|p| (p.after, p.action.clone())).collect()
    };
    let (one, two) = (acts(live), acts(shadow));
    if one == two {
        return None;
    }
    let words = |acts: &[(_, crate::core::action::Action)]| {
        acts.iter().map(|(_, action)| action.word()).collect::<Vec<_>>().join(", ")
    };
    let only: Vec<_> = one.iter().filter(|act| !two.contains(act)).cloned().collect();
    let other: Vec<_> = two.iter().filter(|act| !one.contains(act)).cloned().collect();
    Some(match (only.is_empty(), other.is_empty()) {
        (true, true) => "the same actions in another order".to_owned(),
        _ => format!("live only: [{}]; shadow only: [{}]", words(&only), words(&other)),
    })
}
