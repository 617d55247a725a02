//! Cards of pipelines. KeyCRM cannot be asked for those of a client or a number, so all of them are
//! known here.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::feed::Pass;
use super::wire::{Card, Id};
use super::{KeyCrm, NO_BUYER, OURS, REMEMBER};
use crate::core::client::Deal;
use crate::core::ids::ClientId;
use crate::core::phone::Phone;
use crate::crm::remote::same_number;

/// All cards are read again after this long: what is deleted no change tells of.
const AGAIN: Duration = Duration::from_secs(24 * 3600);
/// Pipelines that are switched off may be switched on.
const SOON: Duration = Duration::from_secs(5 * 60);
/// As many cards that are on no page are asked for one by one; more are not worth it.
const MANY: usize = 50;

/// Begins the title of a card that was declined, and is a line in the comment of such an order.
pub(super) const DECLINED: &str = "Відхилено";

/// A card, as far as calls go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) id: Id,
    pub(super) buyer: Option<Id>,
    pub(super) contact: Option<Id>,
    pub(super) name: Option<String>,
    numbers: Vec<String>,
    pub(super) manager: Option<Id>,
    title: String,
    status: Option<Id>,
    /// It was made by an action of ours.
    pub(super) ours: bool,
    pub(super) open: bool,
    pub(super) created: Timestamp,
}

impl Known {
    /// Whose it is, as the directory knows him.
    pub(super) fn client(&self) -> ClientId {
        let contact = || format!("{NO_BUYER}{}", self.contact.unwrap_or(self.id));
        ClientId::new(self.buyer.map_or_else(contact, |buyer| buyer.to_string()))
    }

    fn is_of(&self, phone: &Phone) -> bool {
        self.numbers.iter().any(|number| same_number(number, phone.digits()))
    }

    /// The answer that made it does not name whom it is about.
    pub(super) fn set_contact(&mut self, buyer: Option<Id>, number: Option<&str>) {
        self.buyer = self.buyer.or(buyer);
        self.numbers.extend(number.map(str::to_owned));
        if self.created == Timestamp::default() {
            self.created = Timestamp::now();
        }
    }

    /// It waits for nobody any more, whatever its stage. KeyCRM's API changes no comment of a card.
    pub(super) fn decline(&mut self) -> &str {
        if !self.is_declined() {
            self.title = format!("{DECLINED}: {}", self.title);
        }
        &self.title
    }

    pub(super) fn is_declined(&self) -> bool {
        self.title.starts_with(DECLINED)
    }

    pub(super) fn deal(&self) -> Deal {
        Deal {
            id: self.id.to_string().as_str().into(),
            title: self.title.clone(),
            owner: self.manager.map(|id| id.to_string().as_str().into()),
            created: self.created,
            open: self.open,
        }
    }
}

/// All cards.
#[derive(Debug, Default)]
pub(super) struct Cards {
    known: HashMap<Id, Known>,
    reading: Option<Reading>,
    /// When all were read last.
    read: Option<Instant>,
    /// After this long they are read again.
    wait: Duration,
    /// They were on no page, which a change while it was read may have done.
    missing: Vec<Id>,
    /// Cards or orders that KeyCRM does not have any more.
    gone: HashSet<Id>,
    /// Stages after which nothing comes.
    finals: HashSet<Id>,
    finals_read: Option<Instant>,
}

/// All are being read.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) pass: Pass,
    /// By our clock.
    pub(super) begun: Timestamp,
    /// They are there, wherever they were seen.
    alive: HashSet<Id>,
}

impl Reading {
    fn new(again: bool, alive: HashSet<Id>) -> Self {
        Self { pass: Pass::new(again), begun: Timestamp::now(), alive }
    }
}

impl Cards {
    /// Whether all are known.
    pub(super) fn are_known(&self) -> bool {
        self.read.is_some()
    }

    /// The card is there, though KeyCRM may list it a moment later. What was known of it before.
    pub(super) fn put(&mut self, card: Known) -> Option<Known> {
        if let Some(reading) = &mut self.reading {
            reading.alive.insert(card.id);
        }
        self.missing.retain(|id| *id != card.id);
        self.gone.remove(&card.id);
        self.known.insert(card.id, card)
    }

    /// KeyCRM does not have it any more.
    pub(super) fn remove(&mut self, id: Id) -> Option<Known> {
        self.missing.retain(|one| *one != id);
        self.gone.insert(id);
        self.known.remove(&id)
    }

    pub(super) fn is_gone(&self, id: Id) -> bool {
        self.gone.contains(&id)
    }

    /// One of those that were on no page.
    pub(super) fn missing(&self) -> Option<Id> {
        self.missing.first().copied()
    }

    /// KeyCRM says that it has no cards. What is known stays, and it is soon asked again. `false`:
    /// it said so before.
    pub(super) fn are_off(&mut self) -> bool {
        let news = self.wait != SOON;
        self.reading = None;
        (self.read, self.wait) = (Some(Instant::now()), SOON);
        news
    }

    /// Whether it is time to ask for final stages.
    pub(super) fn wants_finals(&self) -> bool {
        self.finals_read.is_none_or(|read| read.elapsed() >= REMEMBER)
    }

    pub(super) fn set_finals(&mut self, finals: HashSet<Id>) {
        (self.finals, self.finals_read) = (finals, Some(Instant::now()));
    }

    /// The page of all cards to ask for. `None`: they are known.
    pub(super) fn page(&mut self) -> Option<u32> {
        if self.reading.is_none() && self.read.is_some_and(|read| read.elapsed() < self.wait) {
            return None;
        }
        let reading = self.reading.get_or_insert_with(|| Reading::new(false, HashSet::new()));
        Some(reading.pass.page)
    }

    /// It stands on that page.
    pub(super) fn listed(&mut self, id: Id) {
        if let Some(reading) = &mut self.reading {
            reading.pass.saw(id, None);
        }
    }

    /// The page was read. The reading that is over with it, and cards that are certainly gone.
    pub(super) fn turn(&mut self, last: bool) -> Option<(Reading, Vec<Known>)> {
        self.reading.as_mut()?.pass.page += 1;
        let mut reading = self.reading.take_if(|_| last)?;
        (self.read, self.wait) = (Some(Instant::now()), AGAIN);
        let absent = self.known.keys().filter(|id| !reading.alive.contains(id));
        let absent: Vec<Id> = absent.copied().collect();
        let many = absent.len() > MANY;
        if reading.pass.missed_some(many) {
            self.reading = Some(Reading::new(true, std::mem::take(&mut reading.alive)));
            return Some((reading, Vec::new()));
        }
        if !many {
            self.missing = absent;
            return Some((reading, Vec::new()));
        }
        let gone = absent.iter().filter_map(|id| self.known.remove(id)).collect();
        Some((reading, gone))
    }

    pub(super) fn knows(&self, id: &str) -> bool {
        id.parse().is_ok_and(|id| self.known.contains_key(&Id(id)))
    }

    pub(super) fn count(&self) -> usize {
        self.known.len()
    }

    pub(super) fn is_open(&self, id: Id) -> bool {
        self.known.get(&id).is_some_and(|card| self.is_open_one(card))
    }

    fn is_open_one(&self, card: &Known) -> bool {
        card.open && card.status.is_none_or(|status| !self.finals.contains(&status))
    }

    /// Cards of a buyer, or of a contact with the number who is no buyer yet.
    pub(super) fn of(&self, buyer: Option<Id>, phone: &Phone) -> Vec<Known> {
        let his = |card: &&Known| match card.buyer {
            Some(of) => Some(of) == buyer,
            None => card.is_of(phone),
        };
        let mut cards: Vec<_> = self.known.values().filter(his).cloned().collect();
        cards.iter_mut().for_each(|card| card.open = self.is_open_one(card));
        cards.sort_by_key(|card| (card.created, card.id));
        cards
    }
}

impl KeyCrm {
    pub(super) fn known(&self, card: Card) -> Known {
        let (mut numbers, mut buyer, mut name) = (Vec::new(), None, None);
        if let Some(contact) = card.contact {
            buyer = contact.client.as_ref().map(|client| client.id).or(contact.client_id);
            numbers = contact.phone;
            numbers.extend(contact.client.into_iter().flat_map(|client| client.phone));
            name = contact.full_name;
        }
        let created = card.created_at.as_deref().and_then(|at| self.times.read(at));
        Known {
            id: card.id,
            buyer,
            contact: card.contact_id,
            name,
            numbers,
            manager: card.manager_id,
            title: card.title.unwrap_or_default(),
            status: card.status_id,
            ours: card.manager_comment.is_some_and(|comment| comment.contains(OURS)),
            open: !card.is_finished,
            created: created.unwrap_or_default(),
        }
    }
}
