//! A FreeSWITCH that does what it is told, or does not; and a driver between it and the campaign
//! that stores after every step.

use std::time::Duration;

use jiff::Timestamp;

use super::super::order::{Order, Prompt, Stage, Whom};
use super::super::{Campaign, Dial, Input, Output};
use super::office::{Office, noon};
use crate::core::call::{Recorded, after};
use crate::core::case::{Case, Event};
use crate::core::ids::{CampaignId, LegId};
use crate::core::record::CallRecord;
use crate::core::staff::Number;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Is {
    Ringing,
    Up,
    Down,
}

/// A channel.
pub(super) struct Channel {
    pub id: LegId,
    pub who: String,
    pub client: bool,
    pub is: Is,
    pub with: Option<LegId>,
    recorded: bool,
}

/// Everything that is going on.
pub(super) struct World {
    pub office: Office,
    pub campaign: Campaign,
    pub now: Timestamp,
    pub channels: Vec<Channel>,
    /// What FreeSWITCH will do by itself.
    coming: Vec<(Timestamp, Coming)>,
    pub log: Vec<String>,
    pub cases: Vec<Case>,
    pub record: Option<CallRecord>,
    /// Its events are lost.
    pub deaf: bool,
    /// It cannot be asked, nor told anything.
    pub cut_off: bool,
    /// The engine is killed after its next step: what that ordered is not carried out.
    pub dying: bool,
    /// Dialled while another leg to the client was up.
    pub twice: bool,
}

#[derive(Clone, Debug)]
enum Coming {
    RingsOut(LegId),
    Says(Input),
    Ends(LegId),
    Bridges(LegId, LegId),
}

impl World {
    pub(super) fn new(office: Office, order: Order) -> Self {
        let now = noon();
        let mut world = Self {
            campaign: Campaign::new(CampaignId::new("c"), order, now),
            office,
            now,
            channels: vec![],
            coming: vec![],
            log: vec![],
            cases: vec![],
            record: None,
            deaf: false,
            cut_off: false,
            dying: false,
            twice: false,
        };
        world.drain();
        world
    }

    pub(super) fn say(&mut self, text: &str) {
        let passed = self.now.duration_since(noon()).as_millis();
        self.log.push(format!("{:>8.1}s  {text}", passed as f64 / 1000.0));
    }

    pub(super) fn give(&mut self, input: Input) {
        self.campaign.handle(input, self.now, &self.office.around());
        self.drain();
    }

    /// Store, go on from what was stored, then carry out. Where the engine dies in between, that
    /// is not done; cases are stored with the campaign.
    fn drain(&mut self) {
        let outputs: Vec<Output> = std::iter::from_fn(|| self.campaign.poll()).collect();
        let stored = serde_json::to_string(&self.campaign).unwrap();
        let again: Campaign = serde_json::from_str(&stored).unwrap();
        assert_eq!(again, self.campaign, "what is stored is not all of it");
        self.campaign = again;
        let dead = self.dying && !outputs.is_empty();
        for output in outputs {
            match output {
                Output::Occurred(case) => self.tell(*case),
                Output::Closed(record) => {
                    self.say("  = closed");
                    assert!(self.record.replace(*record).is_none(), "closed twice");
                }
                _ if dead => {}
                output => self.carry_out(output),
            }
        }
        if dead {
            self.dying = false;
            self.say("(killed before it did what it had decided, and started again)");
            self.give(Input::Recovered);
        }
    }

    fn tell(&mut self, case: Case) {
        let first = case.first.as_ref().and_then(|s| s.employee.as_ref());
        let first = first.map(|who| format!(" with {who}")).unwrap_or_default();
        let talked = if case.event == Event::Ended {
            format!(", talked {} s", case.talked)
        } else {
            String::new()
        };
        let comment = case.comment.as_deref().unwrap_or_default().replace('\n', " / ");
        let form = if case.event == Event::CallbackRequested {
            format!(" \"{comment}\" {:?}", case.fields)
        } else {
            String::new()
        };
        let (seq, event, way) = (case.seq, case.event.as_str(), case.direction.as_str());
        self.say(&format!("  * {seq} {way} {event}{first}{talked}{form}"));
        self.cases.push(case);
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::LookUp(_) => {
                self.say("  > look up the client");
                if !self.office.silent {
                    let known = Input::Known(self.office.known.clone());
                    self.coming.push((self.now, Coming::Says(known)));
                }
            }
            Output::Dial(dial) => self.dial(*dial),
            Output::Prompt { leg, prompt, key } => {
                let who = self.who(&leg);
                let ask = key.map(|k| format!(", press {k}")).unwrap_or_default();
                self.say(&format!("  > prompt {who} {}{ask}", spoken(&prompt)));
                if key.is_none() {
                    let heard = after(self.now, Duration::from_secs(2));
                    self.coming.push((heard, Coming::Says(Input::Confirmed { leg })));
                }
            }
            Output::Hold { leg } => {
                let who = self.who(&leg);
                self.say(&format!("  > hold music to {who}"));
            }
            Output::Bridge { manager, client } => self.bridge(&manager, &client),
            Output::Record { leg, file } => {
                self.say(&format!("  > record {file}"));
                if let Some(channel) = self.channel(&leg) {
                    channel.recorded = true;
                }
            }
            Output::Tell { leg, told } => {
                let who = self.who(&leg);
                self.say(&format!("  > tell {who} {told:?}, hang up"));
                if !self.cut_off {
                    let end = after(self.now, Duration::from_secs(3));
                    self.coming.push((end, Coming::Ends(leg)));
                }
            }
            Output::Hangup { leg, why } => {
                let who = self.who(&leg);
                self.say(&format!("  > hang up {who}: {why:?}"));
                if !self.cut_off {
                    let end = after(self.now, Duration::from_millis(100));
                    self.coming.push((end, Coming::Ends(leg)));
                }
            }
            Output::Find { leg, .. } => {
                let who = self.who(&leg);
                self.say(&format!("  > find {who}"));
                let answer = self.answer(leg);
                self.coming.push((self.now, Coming::Says(answer)));
            }
            Output::Occurred(_) | Output::Closed(_) => {}
        }
    }

    fn answer(&mut self, leg: LegId) -> Input {
        if self.cut_off {
            return Input::Unknown { leg };
        }
        match self.channel(&leg) {
            Some(channel) if channel.is != Is::Down => {
                let (answered, with) = (channel.is == Is::Up, channel.with.clone());
                Input::Found { leg, answered, with }
            }
            _ => Input::Gone { leg },
        }
    }

    fn dial(&mut self, dial: Dial) {
        let (who, client, on) = match &dial.whom {
            Whom::Client(_) => ("client".to_owned(), true, String::new()),
            Whom::Manager { employee, number } => {
                let who = employee.as_ref().map_or("agent".into(), |e| e.as_str().to_owned());
                let on = match number {
                    Number::Line(line) => format!(" on {line}"),
                    Number::Outside(_) => " on the mobile".to_owned(),
                };
                (who, false, on)
            }
        };
        let shown = match &dial.display {
            Some(text) if !client => format!(" \"{text}\""),
            _ => String::new(),
        };
        let seconds = dial.ring.as_secs();
        self.say(&format!("  > dial {who}{on} for {seconds} s{shown}"));
        if self.cut_off {
            return;
        }
        self.twice |= client && self.channels.iter().any(|c| c.client && c.is != Is::Down);
        let ends = after(self.now, dial.ring + Duration::from_secs(1));
        self.coming.push((ends, Coming::RingsOut(dial.leg.clone())));
        self.channels.push(Channel {
            id: dial.leg,
            who,
            client,
            is: Is::Ringing,
            with: None,
            recorded: false,
        });
    }

    fn bridge(&mut self, manager: &LegId, client: &LegId) {
        let who = self.who(manager);
        self.say(&format!("  > bridge {who} and client"));
        if !self.cut_off {
            let at = after(self.now, Duration::from_millis(100));
            self.coming.push((at, Coming::Bridges(manager.clone(), client.clone())));
        }
    }

    fn bridges(&mut self, manager: &LegId, client: &LegId) {
        let up = |w: &mut Self, leg| w.channel(leg).is_some_and(|c| c.is == Is::Up);
        if !up(self, manager) || !up(self, client) {
            return;
        }
        for (leg, other) in [(manager, client), (client, manager)] {
            if let Some(channel) = self.channel(leg) {
                channel.with = Some(other.clone());
            }
        }
        self.event(Input::Bridged { leg: client.clone() });
    }

    fn channel(&mut self, leg: &LegId) -> Option<&mut Channel> {
        self.channels.iter_mut().find(|c| c.id == *leg)
    }

    fn who(&self, leg: &LegId) -> String {
        let channel = self.channels.iter().find(|c| c.id == *leg);
        channel.map_or_else(|| "somebody".to_owned(), |c| c.who.clone())
    }

    /// FreeSWITCH tells, if anybody hears it.
    pub(super) fn event(&mut self, input: Input) {
        if self.deaf || self.cut_off {
            return;
        }
        self.give(input);
    }

    /// The last leg of somebody that is not down.
    pub(super) fn live(&self, who: &str) -> Option<LegId> {
        let live = |c: &&Channel| c.who == who && c.is != Is::Down;
        self.channels.iter().rev().find(live).map(|c| c.id.clone())
    }

    pub(super) fn live_legs(&self) -> Vec<&str> {
        let live = self.channels.iter().filter(|c| c.is != Is::Down);
        live.map(|c| c.who.as_str()).collect()
    }

    pub(super) fn picks_up(&mut self, leg: &LegId) {
        if let Some(channel) = self.channel(leg).filter(|c| c.is == Is::Ringing) {
            channel.is = Is::Up;
            self.event(Input::Answered { leg: leg.clone() });
        }
    }

    /// A leg ends; who was bridged with it ends too.
    pub(super) fn ends(&mut self, leg: &LegId, cause: &str) {
        let Some(channel) = self.channel(leg).filter(|c| c.is != Is::Down) else { return };
        channel.is = Is::Down;
        let other = channel.with.take();
        let recorded = match channel.recorded {
            true => Recorded::Milliseconds(59_600),
            false => Recorded::Unknown,
        };
        if let Some(other) = other {
            self.coming.push((self.now, Coming::Ends(other)));
        }
        let down = Input::Down { leg: leg.clone(), cause: cause.to_owned(), recorded };
        self.event(down);
    }

    /// The client is passed on: his manager's leg ends, his own does not.
    pub(super) fn passed_on(&mut self, manager: &LegId) {
        for channel in &mut self.channels {
            match channel.with == Some(manager.clone()) {
                true => channel.with = Some(LegId::new("elsewhere")),
                false if channel.id == *manager => channel.with = None,
                false => {}
            }
        }
        self.ends(manager, "NORMAL_CLEARING");
    }

    /// Time passes, with all that falls due in it.
    pub(super) fn until(&mut self, end: Timestamp) {
        for _ in 0..10_000 {
            let coming = self.coming.iter().map(|(at, _)| *at).min();
            let own = self.campaign.timeout();
            let Some(next) = coming.into_iter().chain(own).min().filter(|t| *t <= end) else {
                self.now = self.now.max(end);
                return;
            };
            self.now = self.now.max(next);
            // Needless: nothing may come of it.
            if own.is_none_or(|own| own > self.now) {
                let before = self.campaign.clone();
                self.campaign.handle_timeout(self.now, &self.office.around());
                assert_eq!(before, self.campaign, "a needless time-out did something");
            }
            if let Some(place) = self.coming.iter().position(|(at, _)| *at <= self.now) {
                let (_, coming) = self.coming.remove(place);
                self.comes(coming);
            } else {
                self.campaign.handle_timeout(self.now, &self.office.around());
                self.drain();
                let next = self.campaign.timeout();
                assert!(next.is_none_or(|t| t > self.now), "a timer fires at once again");
            }
        }
        panic!("time does not pass");
    }

    fn comes(&mut self, coming: Coming) {
        match coming {
            Coming::RingsOut(leg) => {
                if self.channel(&leg).is_some_and(|c| c.is == Is::Ringing) {
                    self.ends(&leg, "NO_ANSWER");
                }
            }
            Coming::Ends(leg) => self.ends(&leg, "NORMAL_CLEARING"),
            Coming::Bridges(manager, client) => self.bridges(&manager, &client),
            Coming::Says(input @ Input::Confirmed { .. }) => self.event(input),
            Coming::Says(input) => self.give(input),
        }
    }

    /// To its end, whatever comes by itself. A talk is ended by the client.
    pub(super) fn finish(&mut self) {
        for _ in 0..10_000 {
            if self.campaign.is_done() {
                return;
            }
            if self.campaign.stage() == Stage::Connected
                && let Some(client) = self.live("client")
            {
                self.until(after(self.now, Duration::from_secs(30)));
                self.ends(&client, "NORMAL_CLEARING");
            }
            let next = self.coming.iter().map(|(at, _)| *at).chain(self.campaign.timeout()).min();
            if self.campaign.is_done() {
                return;
            }
            let Some(next) = next else { panic!("it waits for nothing: {:?}", self.campaign) };
            self.until(next.max(self.now));
        }
        panic!("it does not end: {:?}", self.campaign);
    }
}

fn spoken(prompt: &Prompt) -> String {
    match prompt {
        Prompt::None => "nothing".into(),
        Prompt::Tone => "a tone".into(),
        Prompt::File(file) => file.clone(),
        Prompt::Say(text) => format!("\"{text}\""),
    }
}
