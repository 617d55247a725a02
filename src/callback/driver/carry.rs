//! A step of a campaign: what it is given, what is written down, what is carried out.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;
use tracing::{error, warn};

use super::live::{LegState, Live};
use super::{Came, Driver, PATIENCE, Papers, call};
use crate::callback::book::deed::{Contact, Deed, Done, Step};
use crate::callback::book::row;
use crate::callback::setting;
use crate::callback::tally;
use crate::core::call::Recording;
use crate::core::campaign::order::Whom;
use crate::core::campaign::{Around, Campaign, Dial, Input, Output, Why};
use crate::core::case::{Event, Known};
use crate::core::client::Lookup;
use crate::core::facts::Direction;
use crate::core::ids::{CampaignId, LegId, NodeId};
use crate::core::plan::HangupCause;
use crate::core::staff::Number;
use crate::outbox::writer::Undone;
use crate::recording::Words;
use crate::switch::dialler::{Leg, NOT_DIALLED, Order};
use crate::telemetry::trace_id;

/// Longer than the ringing of the other side by this, a leg may be left alone.
const PATIENCE_OF_A_LEG: Duration = Duration::from_secs(60);

impl Driver {
    /// Gives a campaign something, writes down how it stands then, and carries out what it wants
    /// once that is durable. `word`: what led to it.
    pub(super) fn step(
        &mut self,
        id: &CampaignId,
        word: Option<i64>,
        act: impl FnOnce(&mut Campaign, Timestamp, &Around),
    ) {
        let now = self.clock.now();
        let Some(live) = self.live.get_mut(id) else { return };
        let engine = &self.parts.engine;
        let order = live.campaign.order();
        let directory = engine.directory.of(order.line.as_deref());
        let (rules, staff) = (engine.rules.load(), directory.staff());
        let legal = setting::legal(&rules, order);
        let line_number = setting::caller_id(&rules, order.line.as_deref());
        let recording = match live.campaign.legs().next() {
            Some(_) => recording(live, engine, rules.timezone(), now),
            None => None,
        };
        let node = self.parts.hands.room();
        let hours = setting::working(&rules, order).cloned();
        let around = Around {
            staff: &staff,
            presence: &*engine.presence,
            floor: &self.floor.of(id, self.parts.switch.as_deref(), &staff),
            hours: hours.as_ref(),
            legal: legal.as_ref(),
            node: node.as_ref(),
            line_number: line_number.map(|number| number.e164()),
            recording: recording.as_ref(),
        };
        let known = tally::known(&live.campaign);
        act(&mut live.campaign, now, &around);
        live.begin = live.campaign.begins(&around);
        tally::stepped(&engine.metrics, &live.campaign, &known);
        self.write(id, word, now);
        self.carry_out(id);
    }

    /// Hands the step over to the disk.
    fn write(&mut self, id: &CampaignId, word: Option<i64>, now: Timestamp) {
        let Some(live) = self.live.get_mut(id) else { return };
        let mut outputs = Vec::new();
        let (mut papers, mut talked) = (Vec::new(), None);
        while let Some(output) = live.campaign.poll() {
            if let Output::Occurred(case) = &output
                && case.event == Event::Answered
            {
                talked = Some(case.at);
            }
            match (output, &self.parts.papers) {
                // Nobody was to call, and the set knows what to make of such a form (E13).
                (Output::Occurred(case), Papers::Outbox(outbox))
                    if case.event == Event::CallbackFailed
                        && live.campaign.order().targets.is_empty()
                        && outbox.speaks_of(&case, Event::CallbackRequested) => {}
                (Output::Occurred(case), Papers::Outbox(outbox)) => {
                    papers.push(outbox.filed(*case));
                }
                (Output::Closed(record), papers_to) => {
                    tally::closed(
                        &self.parts.engine.metrics,
                        &live.campaign.view(),
                        &record,
                        live.begin,
                    );
                    self.parts.engine.tracer.campaign(&record);
                    self.floor.call_ended(&record);
                    match papers_to {
                        Papers::Outbox(outbox) => papers.push(outbox.record((*record).into())),
                        Papers::Clerk(_) => outputs.push(Output::Closed(record)),
                    }
                }
                (Output::Dial(dial), _) => {
                    self.legs.insert(dial.leg.clone(), LegState::of(id));
                    self.floor.engage(id, &dial.leg, &dial.whom);
                    outputs.push(Output::Dial(dial));
                }
                (output, _) => outputs.push(output),
            }
        }
        self.wheel.set(id, live.campaign.timeout());
        let row = match row::of(&live.campaign, now) {
            Ok(row) => row,
            Err(error) => {
                return error!(callback = %id, trace_id = %trace_id(&call(id)), %error, "a callback cannot be written");
            }
        };
        if !live.is_news(&row.state) && papers.is_empty() && word.is_none() {
            return live.add(outputs);
        }
        let phone = row.phone.clone();
        let alone = live.campaign.legs().next().is_none();
        let version = live.hand_over(outputs);
        let by = self.parts.me.clone();
        let stored = self.deed(Deed::Step(Box::new(Step { row, by, heard: word, papers })));
        let whose = id.clone();
        self.coming.push(Box::pin(async move {
            let held = stored.await.map(|done| done == Done::Held(true));
            Came::Stored { id: whose, version, word, held }
        }));
        if !alone {
            let whose = id.clone();
            self.coming.push(Box::pin(async move {
                sleep(PATIENCE).await;
                Came::Late(whose)
            }));
        }
        if let Some(at) = talked {
            let (by, how) = (id.to_string(), Direction::Callback);
            self.contact(Contact { number: phone, by, how, at });
        }
    }

    /// A step is on the disk, or never will be.
    pub(super) fn stored(&mut self, id: &CampaignId, version: u64, held: Result<bool, Undone>) {
        let Some(live) = self.live.get_mut(id) else { return };
        match held {
            Ok(true) => live.stored(version),
            Ok(false) => {
                warn!(callback = %id, trace_id = %trace_id(&call(id)), "another engine leads this callback by now; it is left to it");
                return self.forget(id);
            }
            Err(error) => {
                return error!(callback = %id, trace_id = %trace_id(&call(id)), %error, "a step of a callback was not written; nothing is dialled for it until the next start");
            }
        }
        self.carry_out(id);
    }

    /// The disk takes long, and there are people on the line.
    pub(super) fn late(&mut self, id: &CampaignId) {
        if let Some(live) = self.live.get_mut(id)
            && !live.is_settled()
        {
            live.late = true;
            self.carry_out(id);
        }
    }

    /// Carries out what may be carried out by now.
    fn carry_out(&mut self, id: &CampaignId) {
        while let Some(output) = self.live.get_mut(id).and_then(Live::next) {
            self.carry(id, output);
        }
        let Some(live) = self.live.get_mut(id) else { return };
        if live.is_settled() || live.late {
            live.publish();
        }
        if live.campaign.is_done() && live.is_settled() {
            self.forget(id);
        }
    }

    fn carry(&mut self, id: &CampaignId, output: Output) {
        match output {
            Output::LookUp(phone) => {
                let line = self.live.get(id).and_then(|live| live.campaign.order().line.clone());
                let directory = self.parts.engine.directory.of(line.as_deref()).clone();
                let id = id.clone();
                self.coming.push(Box::pin(async move {
                    let known = match directory.lookup(&phone).await {
                        Lookup::Found { client, .. } => Known::Client(client),
                        Lookup::Unknown { .. } | Lookup::NotAsked => Known::Nobody,
                        Lookup::Slow | Lookup::Down => Known::Unsure,
                    };
                    Came::Known(id, known)
                }));
            }
            Output::Dial(dial) => self.dial(id, *dial),
            Output::Prompt { leg, prompt, key } => self.order(&leg, Order::Prompt { prompt, key }),
            Output::Hold { leg } => self.order(&leg, Order::Music),
            Output::Bridge { manager, client } => {
                let record = self.recording(id);
                if let Some(live) = self.live.get_mut(id) {
                    live.recorded = true;
                }
                self.order(&client, Order::Bridge { with: manager, record });
            }
            Output::Record { leg, .. } => self.record(id, &leg),
            Output::Tell { leg, told } => self.order(&leg, Order::Tell(setting::told(told))),
            Output::Hangup { leg, why } => match self.take_back(id, &leg) {
                true => self.handle(id, not_dialled(leg)),
                false => self.order(&leg, Order::HangUp(cause(why))),
            },
            Output::Find { leg, node } => match self.take_back(id, &leg) {
                true => self.handle(id, not_dialled(leg)),
                false => self.find(leg, node),
            },
            Output::Occurred(case) => self.parts.papers.clerk().occurred(*case),
            Output::Closed(record) => self.parts.papers.clerk().closed((*record).into()),
        }
    }

    fn dial(&mut self, id: &CampaignId, dial: Dial) {
        let Some(live) = self.live.get(id) else { return };
        let order = live.campaign.order();
        let rules = self.parts.engine.rules.load();
        let (number, shown_number) = match &dial.whom {
            Whom::Manager { number: Number::Line(line), .. } => {
                (Number::Line(line.clone()), Some(dial.client.clone()))
            }
            Whom::Manager { number, .. } => {
                (number.clone(), setting::caller_id(&rules, dial.line.as_deref()).cloned())
            }
            Whom::Client(phone) => {
                let shown = setting::caller_id(&rules, dial.line.as_deref()).cloned();
                (Number::Outside(phone.clone()), shown)
            }
        };
        if let Some(leg) = self.legs.get_mut(&dial.leg) {
            leg.led = true;
        }
        if live.campaign.tries().first().is_some_and(|first| first.leg == dial.leg) {
            tally::rung(&self.parts.engine.metrics, live.begin, self.clock.now());
        }
        if matches!(dial.whom, Whom::Client(_)) {
            // So that the manager hears that something goes on.
            for (manager, _) in live.campaign.legs() {
                if self.legs.get(manager).is_some_and(|leg| leg.answered) {
                    self.parts.hands.order(manager, Order::Ringback);
                }
            }
        }
        let patience = order.policy.client_ring.max(order.policy.ring) + PATIENCE_OF_A_LEG;
        let leg = Leg {
            id: dial.leg,
            campaign: id.clone(),
            number,
            ring: dial.ring,
            shown_name: dial.display.unwrap_or_default(),
            shown_number,
            patience,
        };
        self.parts.hands.dial(&dial.node, leg, self.ear.clone());
    }

    /// A dial that is held back by the store and not wanted any more is never made.
    fn take_back(&mut self, id: &CampaignId, leg: &LegId) -> bool {
        let back = self.live.get_mut(id).is_some_and(|live| live.take_back(leg));
        if back {
            self.legs.remove(leg);
            self.floor.release(leg, false, self.clock.now());
        }
        back
    }

    fn find(&mut self, leg: LegId, node: NodeId) {
        let hands = self.parts.hands.clone();
        self.coming.push(Box::pin(async move {
            let there = hands.exists(&node, &leg).await;
            Came::Exists { leg, node, there }
        }));
    }

    /// Gives an order, to a leg of an earlier life once it is found.
    fn order(&mut self, leg: &LegId, order: Order) {
        match self.legs.get_mut(leg) {
            Some(state) if !state.led || !state.owed.is_empty() => state.owed.push(order),
            _ => self.parts.hands.order(leg, order),
        }
    }

    /// A talk is recorded from its bridge on. One that was found, because an engine died, may not
    /// be; or it is, and goes on.
    pub(super) fn record(&mut self, id: &CampaignId, client: &LegId) {
        let recording = self.recording(id);
        let Some(live) = self.live.get_mut(id).filter(|live| !live.recorded) else { return };
        live.recorded = true;
        if let Some(recording) = recording {
            self.order(client, Order::Record(recording));
        }
    }

    fn recording(&self, id: &CampaignId) -> Option<Recording> {
        let engine = &self.parts.engine;
        let rules = engine.rules.load();
        recording(self.live.get(id)?, engine, rules.timezone(), self.clock.now())
    }
}

fn not_dialled(leg: LegId) -> Input {
    Input::Down { leg, cause: NOT_DIALLED.into(), recorded: Default::default() }
}

fn cause(why: Why) -> HangupCause {
    let named = |name| HangupCause::named(name).unwrap_or(HangupCause::NORMAL);
    match why {
        Why::Taken => named("PICKED_OFF"),
        Why::Cancelled => named("ORIGINATOR_CANCEL"),
        Why::NoAnswer => HangupCause::NO_ANSWER,
        Why::Done => HangupCause::NORMAL,
    }
}

/// Where a talk of this campaign is recorded. The same for its whole life.
fn recording(
    live: &Live,
    engine: &crate::switch::engine::Engine,
    zone: &jiff::tz::TimeZone,
    now: Timestamp,
) -> Option<Recording> {
    let campaign = &live.campaign;
    let call = call(campaign.id());
    let words = Words {
        date: live.accepted.to_zoned(zone.clone()).date(),
        call: &call,
        line: campaign.order().line.as_deref(),
        direction: Direction::Callback,
    };
    let file = engine.recorder.own_file(&words)?;
    let url = engine.recorder.link(&file, now).unwrap_or_default();
    Some(Recording { file: file.into(), url })
}
