//! What happens to legs and in calls, as campaigns are told it.

use tracing::{debug, warn};

use super::live::Live;
use super::{Came, Driver};
use crate::callback::book::deed::{Contact, Deed, Done, Missed};
use crate::callback::{How, setting, taking};
use crate::core::campaign::order::{Order, Stage, Whom};
use crate::core::campaign::{Campaign, Input};
use crate::core::ids::{CampaignId, LegId, NodeId};
use crate::core::phone::Phone;
use crate::outbox::writer::Undone;
use crate::switch::dialler::LegEvent;

impl Driver {
    pub(super) fn leg(&mut self, leg: &LegId, event: LegEvent) {
        // One that was written off, or whose campaign another engine leads by now.
        let Some(state) = self.legs.get_mut(leg) else { return };
        let (id, leg) = (state.campaign.clone(), leg.clone());
        let input = match event {
            LegEvent::Ringing => Input::Ringing { leg },
            LegEvent::Answered => {
                state.answered = true;
                Input::Answered { leg }
            }
            LegEvent::Prompted | LegEvent::Pressed => Input::Confirmed { leg },
            // The campaign waits no longer than it wants to.
            LegEvent::NotPressed => return,
            LegEvent::Bridged { with } => {
                state.with = Some(with);
                Input::Bridged { leg }
            }
            LegEvent::NotBridged { with } => Input::Lost { leg: with },
            LegEvent::Apart => {
                state.with = None;
                return;
            }
            LegEvent::Unseen => Input::Lost { leg },
            LegEvent::Found(standing) => {
                (state.answered, state.with) = (standing.answered, standing.with.clone());
                let talks = standing.with.is_some();
                for order in std::mem::take(&mut state.owed) {
                    self.parts.hands.order(&leg, order);
                }
                let found = Input::Found {
                    leg: leg.clone(),
                    answered: standing.answered,
                    with: standing.with,
                };
                self.handle(&id, found);
                if talks {
                    self.is_recorded(&id, &leg);
                }
                return;
            }
            LegEvent::Ended(end) => {
                debug!(callback = %id, %leg, cause = end.cause, "a leg is down");
                let answered = state.answered;
                self.legs.remove(&leg);
                self.floor.release(&leg, answered, self.clock.now());
                Input::Down { leg, cause: end.cause, recorded: end.recorded }
            }
        };
        self.handle(&id, input);
    }

    /// A talk that was found is recorded as any other.
    fn is_recorded(&mut self, id: &CampaignId, leg: &LegId) {
        let Some(live) = self.live.get(id).filter(|l| l.campaign.stage() == Stage::Connected)
        else {
            return;
        };
        let client = |(of, whom): (&LegId, &Whom)| of == leg && matches!(whom, Whom::Client(_));
        if live.campaign.legs().any(client) {
            self.record(id, leg);
        }
    }

    /// Whether a leg is there. One of an earlier life is led from then on.
    pub(super) fn exists(&mut self, leg: LegId, node: &NodeId, there: Option<bool>) {
        let Some(state) = self.legs.get_mut(&leg) else { return };
        let id = state.campaign.clone();
        let input = match there {
            None => Input::Unknown { leg },
            Some(false) => {
                self.handle(&id, Input::Gone { leg: leg.clone() });
                // The campaign may not believe it yet, and ask again.
                let believes = |live: &Live| live.campaign.legs().all(|(other, _)| *other != leg);
                if self.live.get(&id).is_none_or(believes) {
                    self.legs.remove(&leg);
                    self.floor.release(&leg, false, self.clock.now());
                }
                return;
            }
            Some(true) if state.led => {
                Input::Found { leg, answered: state.answered, with: state.with.clone() }
            }
            Some(true) => {
                state.led = true;
                return self.parts.hands.adopt(node, leg, self.ear.clone());
            }
        };
        self.handle(&id, input);
    }

    /// A missed call goes on the list, and where the rules say so it is returned.
    pub(super) fn missed(&mut self, missed: Missed, phone: Phone) {
        let line = missed.line.clone();
        drop(self.deed(Deed::Missed(missed)));
        let engine = &self.parts.engine;
        let staff = engine.directory.of(line.as_deref()).staff();
        let rules = engine.rules.load();
        let Some(order) = setting::missed(&rules, phone, line.as_deref(), &staff) else { return };
        self.take(order, None);
    }

    /// An order that did not come by the door.
    pub(super) fn take(&mut self, order: Order, word: Option<i64>) {
        let now = self.clock.now();
        let (campaign, deed) = match taking(order, None, &self.parts.me, word, now) {
            Ok(taking) => taking,
            Err(error) => return debug!(%error, "an order cannot be written"),
        };
        let done = self.deed(deed);
        self.coming.push(Box::pin(async move {
            Came::Taken { campaign: Box::new(campaign), word, done: done.await }
        }));
    }

    pub(super) fn taken(
        &mut self,
        campaign: Box<Campaign>,
        word: Option<i64>,
        done: Result<Done, Undone>,
    ) {
        word.inspect(|word| {
            self.hearing.remove(word);
        });
        match done {
            Ok(Done::Taken(taken)) => {
                self.parts.engine.metrics.callback_taken(campaign.order().kind, taken.how);
                match taken.how {
                    How::New => self.start(*campaign, false),
                    _ => self.read_words(),
                }
            }
            Ok(_) => {}
            Err(error) => {
                // A word is read again; a missed call stays on the list.
                warn!(%error, "a missed call is not returned by itself: it could not be written down");
            }
        }
    }

    /// Somebody of ours talks with a client: what he missed is closed, and a campaign that runs
    /// for him learns of it.
    pub(super) fn contact(&mut self, contact: Contact) {
        let done = self.deed(Deed::Contact(contact));
        let metrics = self.parts.engine.metrics.clone();
        self.coming.push(Box::pin(async move {
            let Ok(Done::Met(met)) = done.await else { return Came::Nothing };
            for waited in met.waited {
                metrics.missed_returned.observe(waited.as_secs_f64());
            }
            if met.told { Came::Told } else { Came::Nothing }
        }));
    }
}
