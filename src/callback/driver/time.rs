//! When which campaign wants to be woken.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use jiff::Timestamp;

use crate::core::ids::CampaignId;

/// The times of all campaigns. What was set anew leaves its old entry in the heap, where it is
/// passed over.
#[derive(Debug, Default)]
pub(super) struct Wheel {
    heap: BinaryHeap<Reverse<(Timestamp, CampaignId)>>,
    times: HashMap<CampaignId, Timestamp>,
}

impl Wheel {
    /// Wakes it then; `None`: not at all.
    pub fn set(&mut self, id: &CampaignId, at: Option<Timestamp>) {
        if self.times.get(id).copied() == at {
            return;
        }
        match at {
            Some(at) => {
                self.times.insert(id.clone(), at);
                self.heap.push(Reverse((at, id.clone())));
            }
            None => drop(self.times.remove(id)),
        }
        // Each campaign sets its time anew some times a minute.
        if self.heap.len() > 64 + 4 * self.times.len() {
            let times = &self.times;
            self.heap.retain(|Reverse((at, id))| times.get(id) == Some(at));
        }
    }

    pub fn forget(&mut self, id: &CampaignId) {
        self.times.remove(id);
    }

    /// The next moment at which somebody is to be woken.
    pub fn next(&mut self) -> Option<Timestamp> {
        while let Some(Reverse((at, id))) = self.heap.peek() {
            if self.times.get(id) == Some(at) {
                return Some(*at);
            }
            self.heap.pop();
        }
        None
    }

    /// Who is to be woken by now. Each is given once.
    pub fn due(&mut self, now: Timestamp) -> Option<CampaignId> {
        if self.next()? > now {
            return None;
        }
        let Reverse((_, id)) = self.heap.pop()?;
        self.times.remove(&id);
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn each_is_woken_once_at_its_last_time_and_in_order() {
        let mut wheel = Wheel::default();
        for (id, second) in [("a", 5), ("b", 3), ("a", 9), ("c", 4), ("c", 4)] {
            wheel.set(&id.into(), Some(at(second)));
        }
        wheel.set(&"b".into(), None);
        assert_eq!(wheel.next(), Some(at(4)));
        assert_eq!(wheel.due(at(3)), None);
        assert_eq!(wheel.due(at(10)), Some("c".into()));
        assert_eq!(wheel.due(at(10)), Some("a".into()));
        assert_eq!(wheel.due(at(10)), None);
    }

    #[test]
    fn times_that_are_set_again_and_again_do_not_pile_up() {
        let mut wheel = Wheel::default();
        for second in 0..10_000 {
            wheel.set(&"a".into(), Some(at(second)));
        }
        assert!(wheel.heap.len() < 100, "{}", wheel.heap.len());
        assert_eq!(wheel.due(at(10_000)), Some("a".into()));
    }
}
