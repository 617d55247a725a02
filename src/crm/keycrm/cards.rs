//! Cards of pipelines. KeyCRM cannot be asked for those of a client or a number, so all are read
//! once, page by page, and then what changed. What is deleted no change tells of: each day all are
//! read again.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use tracing::{info, warn};

use super::api::PAGE;
use super::wire::{Card, Id, Page};
use super::{DEAL, KeyCrm};
use crate::core::client::Deal;
use crate::core::phone::Phone;
use crate::crm::remote::{Class, Fault, same_number};

/// More pages of cards are a loop in the answer.
const PAGES: u32 = 4000;
/// How far the clocks may be apart.
const SLACK: SignedDuration = SignedDuration::from_mins(10);
/// All cards are read again after this long.
const AGAIN: Duration = Duration::from_secs(24 * 3600);

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

/// All cards, and how far they were read.
#[derive(Debug, Default)]
pub(super) struct Cards {
    known: HashMap<Id, Known>,
    reading: Option<Reading>,
    read: Option<Read>,
}

/// Under way.
#[derive(Debug)]
struct Reading {
    page: u32,
    begun: Timestamp,
    fresh: HashMap<Id, Known>,
}

#[derive(Clone, Copy, Debug)]
struct Read {
    at: Instant,
    /// What changed since then is not known.
    since: Timestamp,
}

impl Cards {
    /// The card is there: KeyCRM lists it a moment later.
    pub(super) fn put(&mut self, card: Known) {
        self.known.insert(card.id, card);
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

    /// Reads until everything is known that KeyCRM has now.
    pub(super) async fn all_cards(&self, class: Class) -> Result<(), Fault> {
        while !self.read_a_page().await? {}
        self.changed_cards(class).await.map(drop)
    }

    /// A page of all cards, where they are not known yet. `true`: they are. May be cancelled: the
    /// next one goes on.
    pub(super) async fn read_a_page(&self) -> Result<bool, Fault> {
        let mut cards = self.cards.lock().await;
        let fresh = |read: &Read| read.at.elapsed() < AGAIN;
        if cards.reading.is_none() && cards.read.as_ref().is_some_and(fresh) {
            return Ok(true);
        }
        let reading = cards.reading.get_or_insert_with(|| {
            let begun = Timestamp::now().saturating_sub(SLACK).unwrap_or_default();
            Reading { page: 1, begun, fresh: HashMap::new() }
        });
        let number = reading.page.to_string();
        let query = [("include", "contact.client"), ("limit", PAGE), ("page", number.as_str())];
        // A caller may wait for it, but there are many: they leave room for his own look-up.
        let page = match self.api.get(Class::Delivery, DEAL, &query).await {
            Err(Fault::Refused { status: 400 | 404, why, .. }) => {
                warn!("KeyCRM has no cards of pipelines: {why}. Set `deals = \"orders\"`");
                Page { data: Vec::<Card>::new(), next_page_url: None }
            }
            other => other?,
        };
        let last = page.is_last() || reading.page >= PAGES;
        reading.page += 1;
        for card in page.data {
            let card = self.known(card);
            reading.fresh.insert(card.id, card);
        }
        if !last {
            // Those of yesterday do until then.
            return Ok(cards.read.is_some());
        }
        if let Some(Reading { begun, fresh, .. }) = cards.reading.take() {
            info!(cards = fresh.len(), "the cards of KeyCRM's pipelines are known");
            cards.known = fresh;
            cards.read = Some(Read { at: Instant::now(), since: begun });
        }
        Ok(true)
    }

    /// Reads what changed since the last time; the buyers concerned, and whether a card is of
    /// nobody that is known.
    pub(super) async fn changed_cards(&self, class: Class) -> Result<(HashSet<Id>, bool), Fault> {
        let mut cards = self.cards.lock().await;
        let Some(read) = cards.read else { return Ok((HashSet::new(), false)) };
        let between = self.between(read.since);
        let query = [("include", "contact.client"), ("filter[updated_between]", between.as_str())];
        let changed: Vec<Card> = match self.api.list(class, DEAL, &query, PAGES).await {
            Err(Fault::Refused { status: 400 | 404, .. }) => Vec::new(),
            other => other?,
        };
        let (mut buyers, mut others, mut since) = (HashSet::new(), false, read.since);
        for card in changed {
            let at = card.updated_at.as_deref().and_then(|at| self.times.read(at));
            since = since.max(at.unwrap_or(since));
            let card = self.known(card);
            let before = cards.known.insert(card.id, card.clone());
            if before.as_ref() != Some(&card) {
                let before = before.and_then(|card| card.buyer);
                others |= card.buyer.is_none();
                buyers.extend([before, card.buyer].into_iter().flatten());
            }
        }
        cards.read = Some(Read { since, ..read });
        Ok((buyers, others))
    }

    /// From then to what the clocks can make of now.
    pub(super) fn between(&self, since: Timestamp) -> String {
        let until = Timestamp::now().saturating_add(SignedDuration::from_hours(24));
        format!("{},{}", self.times.write(since), self.times.write(until.unwrap_or_default()))
    }
}
