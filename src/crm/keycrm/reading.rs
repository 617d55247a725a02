//! Reads lists of the account: all cards, and what changes. No request is waited for with what is
//! known locked, so that a caller never waits for the reading.

use std::collections::HashSet;
use std::sync::{MutexGuard, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use tracing::{info, warn};

use super::api::PAGE;
use super::cards::{Cards, Known};
use super::feed::{AHEAD, Clock, Feed, SLACK};
use super::wire::{Buyer, Card, Id, Order, Page, Row};
use super::{DEAL, KeyCrm};
use crate::core::ids::ClientId;
use crate::core::phone::Phone;
use crate::crm::Changed;
use crate::crm::remote::{Class, Fault};

/// More pages are a loop in the answer.
const PAGES: u32 = 4000;

/// What was heard of the account.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) cards: Cards,
    clock: Clock,
    of_cards: Feed,
    of_buyers: Feed,
    of_orders: Feed,
    /// Buyers who are not what they were, and nobody was told.
    untold: HashSet<Id>,
    added: bool,
}

impl Heard {
    /// Whom a caller was taken for while the cards are not known: it holds until they are.
    pub(super) fn is_early(&mut self, buyers: &[Buyer]) {
        self.added |= buyers.is_empty();
        self.untold.extend(buyers.iter().map(|buyer| buyer.id));
    }

    /// What nobody was told yet.
    pub(super) fn tell(&mut self) -> Changed {
        let clients = self.untold.drain().map(|id| ClientId::new(id.to_string())).collect();
        Changed { clients, added: std::mem::take(&mut self.added) }
    }

    /// Whether there are pages of changes still to be read.
    pub(super) fn goes_on(&self) -> bool {
        [&self.of_cards, &self.of_buyers, &self.of_orders].into_iter().any(Feed::goes_on)
    }

    /// A card as it is now.
    pub(super) fn learn(&mut self, card: Known) {
        let before = self.cards.put(card.clone());
        // Of what is read for the first time nobody was told anything else.
        if self.cards.are_known() && before.as_ref() != Some(&card) {
            self.added |= card.buyer.is_none();
            let buyers = [before.and_then(|card| card.buyer), card.buyer];
            self.untold.extend(buyers.into_iter().flatten());
        }
    }

    /// A page of all cards was read.
    fn turn(&mut self, last: bool) {
        let Some((reading, gone)) = self.cards.turn(last) else { return };
        let count = self.cards.count();
        info!(cards = count, "the cards of KeyCRM's pipelines are known");
        let by_ours = || reading.begun.saturating_sub(SLACK).unwrap_or_default();
        self.of_cards.starts(self.clock.at(reading.pass.begun).unwrap_or_else(by_ours));
        self.untold.extend(gone.into_iter().filter_map(|card| card.buyer));
    }
}

/// Clients with a number.
#[derive(Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) buyers: &'a [Id],
    pub(super) phone: &'a Phone,
}

/// A list that is asked for what changed.
struct List<T> {
    path: &'static str,
    include: &'static str,
    feed: fn(&mut Heard) -> &mut Feed,
    /// A row, and whether it is new.
    take: fn(&KeyCrm, &mut Heard, T, bool),
}

impl KeyCrm {
    pub(super) fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads until everything is known that KeyCRM has now; after an edit of thousands of cards no
    /// further than it takes to know that somebody of these has an open one.
    pub(super) async fn all_cards(&self, class: Class, of: Option<Of<'_>>) -> Result<(), Fault> {
        while !self.read_a_page().await? {}
        self.changed_cards(class, of).await
    }

    /// Whether a card that was open when it was seen last still is. It is asked for by its id.
    async fn has_open_card(&self, class: Class, of: Of<'_>) -> Result<bool, Fault> {
        let open: Vec<Id> = {
            let heard = self.heard();
            let all = of.buyers.iter().flat_map(|buyer| heard.cards.of(Some(*buyer), of.phone));
            all.filter(|card| card.open).map(|card| card.id).collect()
        };
        for id in open {
            let query = [("include", "contact.client")];
            let card = match self.api.get(class, &format!("{DEAL}/{id}"), &query).await {
                Err(Fault::Refused { status: 404, .. }) => continue,
                card => self.known(card?),
            };
            let is_his = card.buyer.is_some_and(|buyer| of.buyers.contains(&buyer));
            let still = card.open && is_his;
            self.heard().learn(card);
            if still {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A page of all cards, where they are not known yet. `true`: they are. May be cancelled: the
    /// next one goes on.
    pub(super) async fn read_a_page(&self) -> Result<bool, Fault> {
        let _turn = self.turns.lock().await;
        let Some(page) = self.heard().cards.page() else { return Ok(true) };
        let number = page.to_string();
        let query = [("include", "contact.client"), ("limit", PAGE), ("page", number.as_str())];
        // A caller may wait for it, but there are many: they leave room for his own look-up.
        let answer: Page<Card> = match self.api.get(Class::Delivery, DEAL, &query).await {
            Err(Fault::Refused { status: 400 | 404, why, .. }) if page == 1 => {
                warn!("KeyCRM has no cards of pipelines: {why}. Set `deals = \"orders\"`");
                Page { data: Vec::new(), next_page_url: None }
            }
            other => other?,
        };
        let last = answer.is_last() || page >= PAGES;
        let mut heard = self.heard();
        for card in answer.data {
            self.saw(&mut heard, &card);
            heard.cards.listed(card.id);
            heard.learn(self.known(card));
        }
        heard.turn(last);
        // Those of yesterday do until then.
        Ok(heard.cards.are_known())
    }

    /// Reads what changed until now. May be cancelled: the next one goes on.
    pub(super) async fn changed_cards(
        &self,
        class: Class,
        of: Option<Of<'_>>,
    ) -> Result<(), Fault> {
        if !self.heard().cards.are_known() {
            return Ok(());
        }
        let list = List {
            path: DEAL,
            include: "contact.client",
            feed: |heard| &mut heard.of_cards,
            take: |crm, heard, card: Card, _| heard.learn(crm.known(card)),
        };
        self.changes(class, list, of).await
    }

    pub(super) async fn changed_buyers(&self) -> Result<(), Fault> {
        let list = List {
            path: "buyer",
            include: "manager",
            feed: |heard| &mut heard.of_buyers,
            take: |crm, heard, buyer: Buyer, new| {
                if new {
                    let made = buyer.created_at.as_deref().and_then(|at| crm.times.read(at));
                    heard.added |= made.is_none_or(|at| at >= heard.of_buyers.since());
                    heard.untold.insert(buyer.id);
                }
            },
        };
        self.changes(Class::Delivery, list, None).await
    }

    pub(super) async fn changed_orders(&self) -> Result<(), Fault> {
        let list = List {
            path: "order",
            include: "buyer",
            feed: |heard| &mut heard.of_orders,
            take: |_, heard, order: Order, new| {
                if new {
                    heard.untold.extend(order.buyer.map(|buyer| buyer.id));
                }
            },
        };
        self.changes(Class::Delivery, list, None).await
    }

    /// All pages of what changed, as far as nobody else reads them.
    async fn changes<T: Row + DeserializeOwned>(
        &self,
        class: Class,
        list: List<T>,
        of: Option<Of<'_>>,
    ) -> Result<(), Fault> {
        let asked = Instant::now();
        loop {
            if let Some(of) = of
                && (list.feed)(&mut self.heard()).is_behind()
                && self.has_open_card(class, of).await?
            {
                return Ok(());
            }
            let _turn = self.turns.lock().await;
            let (since, page) = {
                let mut heard = self.heard();
                let feed = (list.feed)(&mut heard);
                if feed.knows(asked) {
                    return Ok(());
                }
                (feed.since(), feed.page())
            };
            let (between, number) = (self.between(since), page.to_string());
            let query = [
                ("include", list.include),
                ("filter[updated_between]", between.as_str()),
                ("limit", PAGE),
                ("page", number.as_str()),
            ];
            // Of many pages only the first has the place of a look-up.
            let class = if page == 1 { class } else { Class::Delivery };
            let answer: Page<T> = match self.api.get(class, list.path, &query).await {
                Err(Fault::Refused { status: 400 | 404, .. }) if list.path == DEAL => {
                    Page { data: Vec::new(), next_page_url: None }
                }
                other => other?,
            };
            let last = answer.is_last() || page >= PAGES;
            let mut heard = self.heard();
            for row in answer.data {
                self.saw(&mut heard, &row);
                let new = (list.feed)(&mut heard).row(row.id(), row.updated());
                (list.take)(self, &mut heard, row, new);
            }
            let heard = &mut *heard;
            let clock = std::mem::take(&mut heard.clock);
            (list.feed)(heard).turn(last, &clock);
            heard.clock = clock;
        }
    }

    fn saw(&self, heard: &mut Heard, row: &impl Row) {
        if let Some(at) = row.updated().and_then(|at| self.times.read(at)) {
            heard.clock.saw(at);
        }
    }

    /// From then to what the clocks can make of now.
    pub(super) fn between(&self, since: Timestamp) -> String {
        let until = Timestamp::now().saturating_add(AHEAD);
        format!("{},{}", self.times.write(since), self.times.write(until.unwrap_or_default()))
    }
}
