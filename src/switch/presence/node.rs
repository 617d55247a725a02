//! What is known of one node.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

use super::{Agent, Snapshot};
use crate::core::ids::{Extension, LegId, QueueName};
use crate::esl::Event;

/// How far FreeSWITCH's tables may be behind its events.
const TABLE_LAG: Duration = Duration::from_secs(10);
/// A registration is kept this long beyond its time. FreeSWITCH itself tells of a dead phone up to
/// 90 s late; this is for the case that it does not tell.
const GRACE: Duration = Duration::from_secs(120);

/// A line without a registration (its phone may register elsewhere) is ours if it is no longer.
const OURS: usize = 5;

#[derive(Debug, Default)]
pub(super) struct NodePresence {
    /// Whether `legs` is complete, and `registrations`.
    legs_known: bool,
    registrations_known: bool,
    legs: HashMap<LegId, Leg>,
    /// How many legs a line has.
    busy: HashMap<Extension, usize>,
    registrations: HashMap<Extension, HashMap<String, Registration>>,
    agents: HashMap<String, Agent>,
    tiers: HashMap<String, Vec<String>>,
    /// When the last leg of a line ended.
    quiet: HashMap<Extension, Instant>,
    ended_legs: Ended<LegId>,
    ended_registrations: Ended<(Extension, String)>,
}

#[derive(Debug)]
struct Leg {
    line: Option<Extension>,
    seen: Instant,
}

#[derive(Debug)]
struct Registration {
    /// When it was made, and how long it holds. A table does not tell.
    event: Option<(Instant, Duration)>,
}

/// What ended in the last seconds, so that a table that is behind cannot bring it back.
#[derive(Debug)]
struct Ended<T> {
    when: VecDeque<(Instant, T)>,
    what: HashSet<T>,
}

impl<T> Default for Ended<T> {
    fn default() -> Self {
        Self { when: VecDeque::new(), what: HashSet::new() }
    }
}

impl<T: Clone + Eq + Hash> Ended<T> {
    fn add(&mut self, what: T, now: Instant) {
        self.forget_old(now);
        if self.what.insert(what.clone()) {
            self.when.push_back((now, what));
        }
    }

    fn forget_old(&mut self, now: Instant) {
        while let Some((at, what)) = self.when.front() {
            if now - *at <= TABLE_LAG {
                return;
            }
            self.what.remove(what);
            self.when.pop_front();
        }
    }
}

impl NodePresence {
    /// What is left of it where nothing is known any more: when calls ended stays true.
    pub(super) fn unseen(self) -> Self {
        Self { quiet: self.quiet, ..Self::default() }
    }

    /// Whether what is known of a line's phones is in doubt now.
    pub(super) fn apply(&mut self, event: &Event, now: Instant) -> bool {
        match event.name() {
            "CHANNEL_HANGUP_COMPLETE" | "CHANNEL_DESTROY" => {
                if let Some(leg) = event.raw("Unique-ID").map(LegId::new) {
                    self.end_leg(&leg);
                    self.ended_legs.add(leg, now);
                }
            }
            "CHANNEL_CREATE" | "CHANNEL_ANSWER" | "CHANNEL_BRIDGE" | "CHANNEL_UNBRIDGE" => {
                self.see_leg(event, now);
            }
            "CUSTOM" => match event.subclass().as_deref() {
                Some("sofia::register") => self.register(event, now),
                Some("sofia::unregister") => return self.unregister(event, "from-user", now),
                Some("sofia::expire") => return self.unregister(event, "user", now),
                Some("callcenter::info") => self.agent_changed(event),
                _ => {}
            },
            _ => {}
        }
        false
    }

    fn see_leg(&mut self, event: &Event, now: Instant) {
        let Some(id) = event.raw("Unique-ID").map(LegId::new) else {
            return;
        };
        if self.ended_legs.what.contains(&id) {
            return;
        }
        // The line is taken once, from the first event: after a bridge the dialled user of one
        // leg stands on the other as well (transcript 06b).
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.seen = now;
        } else {
            self.begin_leg(id, line_of(event), now);
        }
    }

    fn begin_leg(&mut self, id: LegId, line: Option<Extension>, seen: Instant) {
        if let Some(line) = &line {
            *self.busy.entry(line.clone()).or_default() += 1;
        }
        self.legs.insert(id, Leg { line, seen });
    }

    fn end_leg(&mut self, id: &LegId) {
        let Some(line) = self.legs.remove(id).and_then(|leg| leg.line) else {
            return;
        };
        if let Some(count) = self.busy.get_mut(&line) {
            *count -= 1;
            if *count == 0 {
                self.busy.remove(&line);
                // Callers' numbers look like lines, too, and would be kept without end.
                if self.registrations.contains_key(&line) || line.as_str().len() <= OURS {
                    self.quiet.insert(line, Instant::now());
                }
            }
        }
    }

    fn register(&mut self, event: &Event, now: Instant) {
        // Whose registration it is stands in `from-user` (sofia_reg.c).
        let Some((line, token)) = registration(event, "from-user") else {
            return;
        };
        let seconds = event.raw("expires").and_then(|s| s.trim().parse().ok());
        let holds = Duration::from_secs(seconds.unwrap_or(3600));
        let both = (line.clone(), token.clone());
        self.ended_registrations.what.remove(&both);
        let event = Some((now, holds));
        let phones = self.registrations.entry(line).or_default();
        phones.insert(token, Registration { event });
    }

    /// A phone that registers anew may do so under another call-id, and FreeSWITCH then forgets the
    /// first one without an event. So what is left of a line is in doubt.
    fn unregister(&mut self, event: &Event, user: &str, now: Instant) -> bool {
        let Some((line, token)) = registration(event, user) else {
            return false;
        };
        if let Some(phones) = self.registrations.get_mut(&line) {
            phones.remove(&token);
            if phones.is_empty() {
                self.registrations.remove(&line);
            }
        }
        let doubt = self.registrations.contains_key(&line);
        self.ended_registrations.add((line, token), now);
        doubt
    }

    fn agent_changed(&mut self, event: &Event) {
        let Some(name) = event.get("CC-Agent") else {
            return;
        };
        let change = match event.raw("CC-Action") {
            Some("agent-status-change") => event.get("CC-Agent-Status").map(|s| (true, s)),
            Some("agent-state-change") => event.get("CC-Agent-State").map(|s| (false, s)),
            _ => None,
        };
        let Some((is_status, text)) = change else {
            return;
        };
        let agent = self.agents.entry(name.into_owned()).or_default();
        let place = if is_status { &mut agent.status } else { &mut agent.state };
        *place = text.into_owned();
    }

    pub(super) fn resync(&mut self, snapshot: Snapshot, now: Instant) -> Option<HashSet<LegId>> {
        self.ended_legs.forget_old(now);
        self.ended_registrations.forget_old(now);
        if let Some(agents) = snapshot.agents {
            self.agents = agents;
        }
        self.tiers = snapshot.tiers.unwrap_or_default();
        self.registrations_known = snapshot.registrations.is_some();
        if let Some(table) = snapshot.registrations {
            self.take_registrations(table, now);
        }
        self.legs_known = snapshot.channels.is_some();
        let channels = snapshot.channels?;
        self.take_legs(channels, now);
        Some(self.legs.keys().cloned().collect())
    }

    fn take_legs(&mut self, table: Vec<(LegId, Option<Extension>)>, now: Instant) {
        let live: HashSet<_> = table.iter().map(|(id, _)| id.clone()).collect();
        let gone: Vec<_> = self
            .legs
            .iter()
            .filter(|(id, leg)| !live.contains(*id) && now - leg.seen > TABLE_LAG)
            .map(|(id, _)| id.clone())
            .collect();
        for id in gone {
            self.end_leg(&id);
        }
        for (id, line) in table {
            let ended = self.ended_legs.what.contains(&id);
            if !ended && !self.legs.contains_key(&id) {
                // Seen by the table only: the next table without it may end it at once.
                let seen = now.checked_sub(TABLE_LAG * 2).unwrap_or(now);
                self.begin_leg(id, line, seen);
            }
        }
    }

    fn take_registrations(&mut self, table: Vec<(Extension, String)>, now: Instant) {
        let fresh = |r: &Registration| r.event.is_some_and(|(at, _)| now - at <= TABLE_LAG);
        let mut old = std::mem::take(&mut self.registrations);
        for (line, token) in table {
            let both = (line.clone(), token.clone());
            if !self.ended_registrations.what.contains(&both) {
                let known = old.get_mut(&line).and_then(|phones| phones.remove(&token));
                let registration = known.unwrap_or(Registration { event: None });
                let phones = self.registrations.entry(line).or_default();
                phones.insert(token, registration);
            }
        }
        for (line, mut phones) in old {
            phones.retain(|_, registration| fresh(registration));
            if !phones.is_empty() {
                self.registrations.entry(line).or_default().extend(phones);
            }
        }
    }

    pub(super) fn sweep(&mut self, now: Instant) {
        self.registrations.retain(|_, phones| {
            phones.retain(|_, r| r.event.is_none_or(|(at, holds)| now <= at + holds + GRACE));
            !phones.is_empty()
        });
        self.ended_legs.forget_old(now);
        self.ended_registrations.forget_old(now);
    }

    pub(super) fn registered(&self, line: &Extension) -> Option<bool> {
        self.registrations_known.then(|| self.registrations.contains_key(line))
    }

    pub(super) fn busy(&self, line: &Extension) -> Option<bool> {
        self.legs_known.then(|| self.busy.contains_key(line))
    }

    pub(super) fn channels(&self) -> Option<usize> {
        self.legs_known.then_some(self.legs.len())
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &Extension> {
        self.registrations.keys()
    }

    pub(super) fn quiet_since(&self, line: &Extension) -> Option<Instant> {
        self.quiet.get(line).copied()
    }

    /// `None`: there is no such queue here.
    pub(super) fn free_agents(&self, queue: &QueueName) -> Option<Vec<Agent>> {
        let name = queue.as_str();
        let short = name.split('@').next().unwrap_or_default();
        let names = self.tiers.get(name).or_else(|| self.tiers.get(short))?;
        let agents = names.iter().filter_map(|name| self.agents.get(name));
        let free = |a: &&Agent| a.status.starts_with("Available") && a.state == "Waiting";
        Some(agents.filter(free).cloned().collect())
    }

    pub(super) fn agent(&self, name: &str) -> Option<&Agent> {
        self.agents.get(name)
    }
}

fn registration(event: &Event, user: &str) -> Option<(Extension, String)> {
    let line = Extension::parse(&event.get(user)?).ok()?;
    Some((line, event.get("call-id")?.into_owned()))
}

/// Whose phone this leg is: the presence id; else for a leg that FreeSWITCH rings the user it
/// dialled, and for one that calls in the user it was made by.
fn line_of(event: &Event) -> Option<Extension> {
    let user = |text: Option<std::borrow::Cow<'_, str>>| {
        let text = text?;
        Extension::parse(text.split('@').next().unwrap_or_default()).ok()
    };
    if let Some(line) = user(event.get("Channel-Presence-ID")) {
        return Some(line);
    }
    if event.raw("Call-Direction") == Some("outbound") {
        user(event.variable("dialed_user")).or_else(|| user(event.get("Caller-Destination-Number")))
    } else {
        user(event.variable("user_name"))
            .or_else(|| user(event.variable("sip_auth_username")))
            .or_else(|| user(event.get("Caller-Username")))
    }
}
