//! Cards of pipelines. KeyCRM cannot be asked for those of a client or a number, so all of them are
//! known here.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::KeyCrm;
use super::feed::Pass;
use super::wire::{Card, Id};
use crate::core::client::Deal;
use crate::core::phone::Phone;
use crate::crm::remote::same_number;

/// All cards are read again after this long: what is deleted no change tells of.
const AGAIN: Duration = Duration::from_secs(24 * 3600);

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
    pub(super) open: bool,
    pub(super) created: Timestamp,
}

impl Known {
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
        self.known.insert(card.id, card)
    }

    /// The page of all cards to ask for. `None`: they are known.
    pub(super) fn page(&mut self) -> Option<u32> {
        if self.reading.is_none() && self.read.is_some_and(|read| read.elapsed() < AGAIN) {
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

    /// The page was read. The reading that is over with it, and the cards that are gone.
    pub(super) fn turn(&mut self, last: bool) -> Option<(Reading, Vec<Known>)> {
        self.reading.as_mut()?.pass.page += 1;
        let mut reading = self.reading.take_if(|_| last)?;
        self.read = Some(Instant::now());
        if reading.pass.missed_some() {
            self.reading = Some(Reading::new(true, std::mem::take(&mut reading.alive)));
            return Some((reading, Vec::new()));
        }
        let gone = self.known.extract_if(|id, _| !reading.alive.contains(id));
        let gone = gone.map(|(_, card)| card).collect();
        Some((reading, gone))
    }

    pub(super) fn knows(&self, id: &str) -> bool {
        id.parse().is_ok_and(|id| self.known.contains_key(&Id(id)))
    }

    pub(super) fn count(&self) -> usize {
        self.known.len()
    }

    /// Cards of a buyer, or of a contact with the number who is no buyer yet.
    pub(super) fn of(&self, buyer: Option<Id>, phone: &Phone) -> Vec<&Known> {
        let his = |card: &&Known| match card.buyer {
            Some(of) => Some(of) == buyer,
            None => card.is_of(phone),
        };
        let mut cards: Vec<_> = self.known.values().filter(his).collect();
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
            open: !card.is_finished,
            created: created.unwrap_or_default(),
        }
    }
}
