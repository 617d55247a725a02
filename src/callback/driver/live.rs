//! A campaign that is led.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::core::campaign::order::View;
use crate::core::campaign::{Campaign, Output};
use crate::core::ids::{CampaignId, LegId};
use crate::switch::dialler::Order;

/// A campaign, and what of it is not durable yet.
pub(super) struct Live {
    pub campaign: Campaign,
    pub accepted: Timestamp,
    /// Steps that were handed over, and those of them that are durable.
    version: u64,
    durable: u64,
    /// What is still to be carried out, by the step it comes from.
    waiting: VecDeque<(u64, Output)>,
    /// The store takes too long: people on the line are led on without it.
    pub late: bool,
    /// What was handed over last.
    written: u64,
    followed: Option<watch::Sender<View>>,
    /// This engine has seen to it that the talk is recorded.
    pub recorded: bool,
    /// From when on somebody might be rung.
    pub begin: Timestamp,
}

/// What is known of a leg.
pub(super) struct LegState {
    /// Whose news its news are.
    pub campaign: CampaignId,
    /// Somebody of this engine's hands leads it: it was dialled or found by them.
    pub led: bool,
    pub answered: bool,
    pub with: Option<LegId>,
    /// Orders for a leg of an earlier life, until it is found.
    pub owed: Vec<Order>,
}

impl LegState {
    /// Nothing is known yet.
    pub fn of(campaign: &CampaignId) -> Self {
        Self {
            campaign: campaign.clone(),
            led: false,
            answered: false,
            with: None,
            owed: Vec::new(),
        }
    }
}

impl Live {
    pub fn new(campaign: Campaign) -> Self {
        Self {
            accepted: campaign.view().accepted,
            begin: campaign.view().accepted,
            campaign,
            version: 0,
            durable: 0,
            waiting: VecDeque::new(),
            late: false,
            written: 0,
            followed: None,
            recorded: false,
        }
    }

    /// Whether this differs from what was handed over last.
    pub fn is_news(&mut self, state: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        state.hash(&mut hasher);
        let hash = hasher.finish();
        std::mem::replace(&mut self.written, hash) != hash
    }

    /// A step is handed over, and this is to be done when it is durable.
    pub fn hand_over(&mut self, outputs: Vec<Output>) -> u64 {
        self.version += 1;
        self.waiting.extend(outputs.into_iter().map(|output| (self.version, output)));
        self.version
    }

    /// Nothing new was to be written: this is to be done behind what waits.
    pub fn add(&mut self, outputs: Vec<Output>) {
        self.waiting.extend(outputs.into_iter().map(|output| (self.version, output)));
    }

    /// All steps up to this one are durable.
    pub fn stored(&mut self, version: u64) {
        self.durable = self.durable.max(version);
        self.late &= !self.is_settled();
    }

    /// Nothing is on its way to the disk.
    pub fn is_settled(&self) -> bool {
        self.durable == self.version
    }

    /// The next thing that may be done now.
    pub fn next(&mut self) -> Option<Output> {
        let may = |(version, output): &(u64, Output)| {
            *version <= self.durable || (self.late && needs_no_store(output))
        };
        let at = self.waiting.iter().position(may)?;
        self.waiting.remove(at).map(|(_, output)| output)
    }

    /// Takes back the dial of this leg, if it was not made yet.
    pub fn take_back(&mut self, leg: &LegId) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|(_, output)| !matches!(output, Output::Dial(d) if d.leg == *leg));
        self.waiting.len() < before
    }

    /// Follows it to its end.
    pub fn follow(&mut self) -> watch::Receiver<View> {
        let campaign = &self.campaign;
        self.followed.get_or_insert_with(|| watch::Sender::new(campaign.view())).subscribe()
    }

    /// Tells those who follow it.
    pub fn publish(&mut self) {
        self.followed.take_if(|followed| followed.receiver_count() == 0);
        let Some(followed) = &self.followed else { return };
        let view = self.campaign.view();
        followed.send_if_modified(|shown| {
            let changed = *shown != view;
            *shown = view;
            changed
        });
    }
}

/// A dial that is made twice calls somebody twice; what occurred is told once. All else can be done
/// again.
fn needs_no_store(output: &Output) -> bool {
    !matches!(output, Output::Dial(_) | Output::Occurred(_) | Output::Closed(_))
}
