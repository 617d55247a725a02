//! A leg of a campaign from its dial until it is known to be down, and what is asked of it
//! meanwhile.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::core::call::after;
use crate::core::ids::{CampaignId, LegId, NodeId};

use super::order::Whom;

/// A question or a hang-up without an answer is repeated after this long.
pub(super) const ASK: Duration = Duration::from_secs(5);
/// A leg that its node knows nothing of, and that nothing was heard of, is believed to be gone only
/// this long after its dial: the command may be on its way.
pub(super) const SETTLE: Duration = Duration::from_secs(3);
/// A leg that cannot be asked for, or hung up, is written off after this long.
pub(super) const WRITE_OFF: Duration = Duration::from_secs(600);

/// A leg that is not known to be down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Leg {
    pub id: LegId,
    pub node: NodeId,
    pub whom: Whom,
    pub phase: Phase,
    /// When it was dialled.
    pub from: Timestamp,
    /// It should have stopped ringing by then.
    pub overdue: Timestamp,
    /// FreeSWITCH has told of it.
    pub heard: bool,
    /// When to ask for it.
    pub look: Option<Timestamp>,
    /// Since when questions are without an answer.
    pub lost: Option<Timestamp>,
}

/// What it is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    /// Dialled. Timer: overdue, asked for.
    Ringing,
    /// A manager picked up and has to press a key. Timer: he did not.
    Asked { due: Timestamp },
    /// Picked up.
    Up,
    /// Hung up by us. Timer: again.
    Leaving { since: Timestamp, due: Timestamp },
}

impl Leg {
    pub(super) fn is_client(&self) -> bool {
        matches!(self.whom, Whom::Client(_))
    }

    pub(super) fn is_leaving(&self) -> bool {
        matches!(self.phase, Phase::Leaving { .. })
    }

    /// When it wants to be looked after.
    pub(super) fn timeout(&self) -> Option<Timestamp> {
        let own = match self.phase {
            Phase::Ringing | Phase::Up => None,
            Phase::Asked { due } | Phase::Leaving { due, .. } => Some(due),
        };
        own.into_iter().chain(self.look).min()
    }

    /// FreeSWITCH told something of it.
    pub(super) fn is_heard(&mut self) {
        self.heard = true;
        self.lost = None;
        self.look = match self.phase {
            Phase::Ringing => Some(self.overdue),
            Phase::Asked { .. } | Phase::Up | Phase::Leaving { .. } => None,
        };
    }

    /// Nothing has been known of it for so long that nothing ever will be.
    pub(super) fn is_written_off(&self, now: Timestamp) -> bool {
        let leaving = match self.phase {
            Phase::Leaving { since, .. } => Some(since),
            Phase::Ringing | Phase::Asked { .. } | Phase::Up => None,
        };
        let long = |since: Timestamp| now >= after(since, WRITE_OFF);
        self.lost.is_some_and(long) || leaving.is_some_and(long)
    }
}

/// The name of a campaign's n-th leg: a UUID made of both, because nothing here is left to chance
/// and FreeSWITCH wants one.
pub(super) fn name(campaign: &CampaignId, n: u32) -> LegId {
    let digest = Sha256::digest(format!("{campaign}/{n}"));
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(byte, random)| *byte = random);
    LegId::new(uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legs_are_named_by_uuids_that_never_come_twice() {
        let (a, b) = (CampaignId::new("a"), CampaignId::new("b"));
        let names = [name(&a, 1), name(&a, 2), name(&b, 1), name(&b, 2)];
        let different: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(different.len(), names.len());
        for name in &names {
            assert!(uuid::Uuid::parse_str(name.as_str()).is_ok(), "{name}");
        }
        assert_eq!(name(&a, 1), names[0]);
    }
}
