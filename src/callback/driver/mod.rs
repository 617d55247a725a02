//! The driver of all campaigns of an engine: one task.
//!
//! It gives each campaign what happens (times, news of its legs, answers of the CRM, words from
//! outside), writes down how the campaign stands then and what the CRM is to learn, and only when
//! that is durable carries out what the campaign wants. Nothing here waits: while one campaign's
//! step is on its way to the disk all others go on.
//!
//! **When the store fails.** No leg is dialled before its step is durable, however long that
//! takes: a client could be called twice otherwise. But people who are on the line already are led
//! on after `PATIENCE`: prompt, bridge and hang-up are done without the store, because whoever
//! takes the campaign up again finds those legs on FreeSWITCH. A dial that is held back and not
//! wanted any more by then is never made.

mod carry;
mod floor;
mod live;
mod news;
mod time;
mod words;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{MissedTickBehavior, interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use self::floor::Floor;
use self::live::{LegState, Live};
use self::time::Wheel;
use super::book::deed::{Contact, Deed, Done, Missed};
use super::book::row::Kept;
use super::book::{Book, Word};
use super::config::CallbackConfig;
use crate::core::campaign::order::View;
use crate::core::campaign::{Campaign, Input};
use crate::core::case::{Clerk, Known, Speaker};
use crate::core::ids::{CallId, CampaignId, LegId, NodeId};
use crate::core::phone::Phone;
use crate::core::record::CallRecord;
use crate::outbox::Outbox;
use crate::outbox::entry::json;
use crate::outbox::writer::{Pen, Undone};
use crate::store::Store;
use crate::switch::clock::Clock;
use crate::switch::dialler::{AnyHands, LegEvent};
use crate::switch::engine::Engine;
use crate::switch::presence::PresenceStore;
use crate::telemetry::trace_id;

/// After this long people on the line are led on without the store.
const PATIENCE: Duration = Duration::from_millis(500);
/// So long the links to the nodes may take before campaigns of an earlier life are looked at.
const LINKS: Duration = Duration::from_secs(5);
/// The end waits no longer for the store.
const LEAVE: Duration = Duration::from_secs(1);
/// Campaigns that are taken over in one go.
const CLAIM: u32 = 500;

/// Who takes down what occurs in campaigns.
pub enum Papers {
    /// The outbox: cases are written in one transaction with the step they come from.
    Outbox(Arc<Outbox>),
    /// Somebody else, who is told when the step is durable.
    Clerk(Arc<dyn Clerk>),
}

impl Papers {
    fn clerk(&self) -> &dyn Clerk {
        match self {
            Self::Outbox(outbox) => &**outbox,
            Self::Clerk(clerk) => &**clerk,
        }
    }
}

/// What the driver is made of.
pub(crate) struct Parts {
    pub config: CallbackConfig,
    pub pen: Pen,
    pub store: watch::Receiver<Option<Store>>,
    pub hands: AnyHands,
    pub engine: Arc<Engine>,
    /// Who serves a queue.
    pub switch: Option<Arc<PresenceStore>>,
    pub papers: Papers,
    /// This engine, in claims.
    pub me: String,
}

/// Something the driver is told.
pub(crate) enum Note {
    /// A campaign was taken; it is durable.
    Begin(Box<Campaign>),
    /// Somebody wants to follow a campaign.
    Watch(CampaignId, oneshot::Sender<Option<watch::Receiver<View>>>),
    /// An inbound call was missed.
    Missed(Missed, Phone),
    /// Somebody of ours talks with this leg, in a call the CRM is not told of: with a client of a
    /// callback, if it is his leg that was passed on.
    PassedOn { leg: LegId, to: Speaker },
    /// Somebody of ours talks with a client, in a call.
    Contact(Contact),
    /// A call is over.
    Closed(Arc<CallRecord>),
}

/// What came of something that takes its time.
enum Came {
    Stored {
        id: CampaignId,
        version: u64,
        word: Option<i64>,
        held: Result<bool, Undone>,
    },
    Known(CampaignId, Known),
    Exists {
        leg: LegId,
        node: NodeId,
        there: Option<bool>,
    },
    /// An order that did not come by the door: of a missed call, or one left by another campaign.
    Taken {
        campaign: Box<Campaign>,
        word: Option<i64>,
        done: Result<Done, Undone>,
    },
    Words(Result<Vec<Word>, sqlx::Error>),
    Claimed(Vec<Kept>),
    /// A step of this campaign may still be on its way to the disk.
    Late(CampaignId),
    /// There may be words from outside.
    Told,
    Nothing,
}

/// See the module.
pub(crate) struct Driver {
    parts: Parts,
    clock: Clock,
    live: HashMap<CampaignId, Live>,
    /// The campaign of each phone that is led, and those that wait until it is gone.
    phones: HashMap<String, CampaignId>,
    behind: HashMap<String, Vec<(Campaign, bool)>>,
    legs: HashMap<LegId, LegState>,
    wheel: Wheel,
    floor: Floor,
    coming: FuturesUnordered<BoxFuture<'static, Came>>,
    deeds: mpsc::UnboundedSender<(Deed, Answer)>,
    notes: mpsc::UnboundedReceiver<Note>,
    ear: mpsc::UnboundedSender<(LegId, LegEvent)>,
    heard: mpsc::UnboundedReceiver<(LegId, LegEvent)>,
    /// Campaigns of an earlier life wait for the links to the nodes, but no longer than this.
    recovered: Vec<Campaign>,
    links_by: Option<Timestamp>,
    /// Words whose step is on its way to the disk.
    hearing: HashSet<i64>,
    reading: bool,
    nudge: Arc<Notify>,
    drain: CancellationToken,
    stop: CancellationToken,
    draining: bool,
}

type Answer = oneshot::Sender<Result<Done, String>>;

/// The ways to the driver.
#[derive(Clone)]
pub(crate) struct Reins {
    pub notes: mpsc::UnboundedSender<Note>,
    /// There are words from outside.
    pub nudge: Arc<Notify>,
    /// No new tries from now on.
    pub drain: CancellationToken,
    /// Ends.
    pub stop: CancellationToken,
}

impl Reins {
    /// Reins, and what the driver is to be made with.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Note>) {
        let (notes, noted) = mpsc::unbounded_channel();
        let (drain, stop) = (CancellationToken::new(), CancellationToken::new());
        (Self { notes, nudge: Arc::default(), drain, stop }, noted)
    }
}

impl Driver {
    /// Takes the reins. A task beside it hands its deeds over, in order.
    pub fn new(parts: Parts, reins: &Reins, notes: mpsc::UnboundedReceiver<Note>) -> Self {
        let (ear, heard) = mpsc::unbounded_channel();
        let (deeds, mut ordered) = mpsc::unbounded_channel();
        let pen = parts.pen.clone();
        tokio::spawn(async move {
            while let Some((deed, answer)) = ordered.recv().await {
                if pen.hand_over(deed, answer).await.is_err() {
                    return;
                }
            }
        });
        Self {
            parts,
            clock: Clock::start(),
            live: HashMap::new(),
            phones: HashMap::new(),
            behind: HashMap::new(),
            legs: HashMap::new(),
            wheel: Wheel::default(),
            floor: Floor::default(),
            coming: FuturesUnordered::new(),
            deeds,
            notes,
            ear,
            heard,
            recovered: Vec::new(),
            links_by: None,
            hearing: HashSet::new(),
            reading: false,
            nudge: reins.nudge.clone(),
            drain: reins.drain.clone(),
            stop: reins.stop.clone(),
            draining: false,
        }
    }

    /// Until it is stopped, or drained and no leg is left.
    pub async fn run(mut self) {
        let (nudge, drain, stop) = (self.nudge.clone(), self.drain.clone(), self.stop.clone());
        let mut poll = interval(self.parts.config.poll);
        let mut renew = interval(self.parts.config.lease / 3);
        for tick in [&mut poll, &mut renew] {
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        loop {
            if self.draining && self.legs.is_empty() && self.is_settled() {
                break;
            }
            let now = self.clock.now();
            while let Some(id) = self.wheel.due(now) {
                self.timeout(&id);
            }
            let next = self.wheel.next().map(|at| self.clock.instant(at));
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = drain.cancelled(), if !self.draining => self.draining = true,
                Some((leg, event)) = self.heard.recv() => self.leg(&leg, event),
                Some(came) = self.coming.next(), if !self.coming.is_empty() => self.came(came),
                Some(note) = self.notes.recv() => self.note(note),
                () = sleep_until(next.unwrap_or_else(tokio::time::Instant::now)),
                    if next.is_some() => {}
                _ = renew.tick() => self.renew(),
                () = nudge.notified() => self.read_words(),
                _ = poll.tick() => {
                    self.read_words();
                    self.look_at_links();
                }
            }
        }
        self.leave().await;
    }

    /// What was begun is written; then the campaigns are anybody's.
    async fn leave(mut self) {
        self.draining = true;
        while !self.is_settled()
            && let Some(came) = self.coming.next().await
        {
            if let Came::Stored { .. } = came {
                self.came(came);
            }
        }
        let (waiting, legs) = (self.live.len(), self.legs.len());
        if waiting > 0 {
            info!(callbacks = waiting, legs, "callbacks are left to the next engine");
        }
        // Should it fail, or the store be out of reach, the claim runs out by itself.
        let left = self.parts.pen.deed(Deed::Leave(self.parts.me.clone()));
        drop(timeout(LEAVE, left).await);
    }

    /// Nothing is on its way to the disk.
    fn is_settled(&self) -> bool {
        self.live.values().all(Live::is_settled)
    }

    fn note(&mut self, note: Note) {
        match note {
            Note::Begin(campaign) => self.start(*campaign, false),
            Note::Watch(id, answer) => {
                let _ = answer.send(self.live.get_mut(&id).map(Live::follow));
            }
            Note::Missed(missed, phone) => self.missed(missed, phone),
            Note::Contact(contact) => self.contact(contact),
            Note::PassedOn { leg, to } => {
                if let Some(id) = self.legs.get(&leg).map(|state| state.campaign.clone()) {
                    self.handle(&id, Input::PassedOn { leg, to });
                }
            }
            Note::Closed(record) => self.floor.call_ended(&record),
        }
    }

    fn came(&mut self, came: Came) {
        match came {
            Came::Stored { id, version, word, held } => {
                word.inspect(|word| {
                    self.hearing.remove(word);
                });
                self.stored(&id, version, held);
            }
            Came::Known(id, known) => self.handle(&id, Input::Known(known)),
            Came::Exists { leg, node, there } => self.exists(leg, &node, there),
            Came::Taken { campaign, word, done } => self.taken(campaign, word, done),
            Came::Words(words) => self.words(words),
            Came::Claimed(rows) => self.take_over(rows),
            Came::Told => self.read_words(),
            Came::Late(id) => self.late(&id),
            Came::Nothing => {}
        }
    }

    /// Leads a campaign, or lets it wait for the one before it of this phone.
    fn start(&mut self, campaign: Campaign, recovered: bool) {
        let phone = campaign.order().phone.e164().to_owned();
        if self.phones.contains_key(&phone) {
            self.behind.entry(phone).or_default().push((campaign, recovered));
            return;
        }
        self.begin(phone, campaign, recovered);
    }

    fn begin(&mut self, phone: String, campaign: Campaign, recovered: bool) {
        let id = campaign.id().clone();
        self.phones.insert(phone, id.clone());
        self.parts.papers.clerk().began(&call(&id), campaign.order().line.as_deref());
        for (leg, whom) in campaign.legs() {
            self.legs.insert(leg.clone(), LegState::of(&id));
            self.floor.engage(&id, leg, whom);
        }
        self.live.insert(id.clone(), Live::new(campaign));
        match recovered {
            true => self.handle(&id, Input::Recovered),
            false => self.step(&id, None, |_, _, _| {}),
        }
    }

    /// The end of a campaign: the next one of its phone may begin.
    fn forget(&mut self, id: &CampaignId) {
        let Some(live) = self.live.remove(id) else { return };
        self.legs.retain(|_, leg| leg.campaign != *id);
        self.floor.forget(id);
        self.wheel.forget(id);
        let phone = live.campaign.order().phone.e164().to_owned();
        self.phones.remove(&phone);
        self.next_of(phone);
    }

    fn next_of(&mut self, phone: String) {
        let mut waiting = self.behind.remove(&phone).unwrap_or_default();
        if waiting.is_empty() {
            return;
        }
        let (next, recovered) = waiting.remove(0);
        self.start(next, recovered);
        if !waiting.is_empty() {
            self.behind.entry(phone).or_default().extend(waiting);
        }
    }

    fn timeout(&mut self, id: &CampaignId) {
        let Some(live) = self.live.get(id) else { return };
        // The next engine goes on with what has nobody on the line.
        if self.draining && live.campaign.legs().next().is_none() {
            return;
        }
        self.step(id, None, |campaign, now, around| campaign.handle_timeout(now, around));
    }

    fn handle(&mut self, id: &CampaignId, input: Input) {
        self.step(id, None, |campaign, now, around| campaign.handle(input, now, around));
    }

    /// This engine lives, and takes over what is nobody's.
    fn renew(&mut self) {
        let (now, by) = (Timestamp::now(), self.parts.me.clone());
        let later = |at: Timestamp| at.saturating_add(self.parts.config.lease);
        let until = later(now).unwrap_or(Timestamp::MAX);
        let longest = later(until).unwrap_or(Timestamp::MAX);
        drop(self.deed(Deed::Renew { by: by.clone(), until }));
        if self.draining {
            return;
        }
        let claimed = self.deed(Deed::Claim { by, now, longest, count: CLAIM });
        self.coming.push(Box::pin(async move {
            match claimed.await {
                Ok(Done::Claimed(rows)) => Came::Claimed(rows),
                _ => Came::Nothing,
            }
        }));
    }

    /// Hands a deed over. It is done whether or not somebody waits for it.
    fn deed(&self, deed: Deed) -> impl Future<Output = Result<Done, Undone>> + Send + use<> {
        let (answer, answered) = oneshot::channel();
        let sent = self.deeds.send((deed, answer));
        async move {
            let ended = || Undone::Ended(crate::outbox::writer::Ended);
            sent.map_err(|_| ended())?;
            answered.await.map_err(|_| ended())?.map_err(Undone::Store)
        }
    }

    fn take_over(&mut self, rows: Vec<Kept>) {
        if rows.is_empty() {
            return;
        }
        info!(callbacks = rows.len(), "callbacks of an earlier life are taken over");
        for row in rows {
            if self.live.contains_key(&row.id.as_str().into()) {
                continue;
            }
            match json::<Campaign>(&row.state) {
                Ok(campaign) => self.recovered.push(campaign),
                Err(error) => {
                    let id = row.id.as_str().into();
                    error!(callback = %id, trace_id = %trace_id(&call(&id)), %error, "a callback in the store cannot be read; it stays as it is");
                }
            }
        }
        let limit = self.clock.now().saturating_add(LINKS).unwrap_or(Timestamp::MAX);
        self.links_by.get_or_insert(limit);
        self.look_at_links();
    }

    /// Campaigns of an earlier life go on once their legs can be looked for.
    fn look_at_links(&mut self) {
        let late = self.links_by.is_some_and(|by| by <= self.clock.now());
        if self.links_by.is_none() || !(late || self.parts.hands.room().is_some()) {
            return;
        }
        self.links_by = None;
        for campaign in std::mem::take(&mut self.recovered) {
            self.start(campaign, true);
        }
    }

    fn book(&self) -> Option<Book> {
        self.parts.store.borrow().clone().map(Book::new)
    }
}

/// The call under which journal and CRM know a campaign.
fn call(id: &CampaignId) -> CallId {
    CallId::new(id.as_str())
}
