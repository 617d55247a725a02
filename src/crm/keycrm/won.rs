//! Cards or orders that were won (E01). KeyCRM documents no word for it. Where `won` names no
//! statuses, a card is won that became an order, and an order that is closed and paid.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;

use super::config::Deals;
use super::wire::{Buyer, Contact as CardContact, Field, Id, by_uuid, yes};
use super::{DEAL, KeyCrm, NO_BUYER};
use crate::core::ids::CallId;
use crate::core::phone::{Phone, Region};
use crate::core::sale::{Contact, Won};
use crate::crm::WonSince;
use crate::crm::remote::{Class, Fault, object, or_default};

/// More pages are a loop in the answers.
const PAGES: u32 = 4000;
/// Buyers in one question: a page.
const IDS: usize = 50;

#[derive(Debug, Deserialize)]
struct Card {
    id: Id,
    status_id: Option<Id>,
    #[serde(default, deserialize_with = "object")]
    status: Option<Status>,
    #[serde(default, deserialize_with = "yes")]
    is_finished: bool,
    target_type: Option<String>,
    status_changed_at: Option<String>,
    updated_at: Option<String>,
    contact_id: Option<Id>,
    #[serde(default, deserialize_with = "object")]
    contact: Option<CardContact>,
    #[serde(default, deserialize_with = "or_default")]
    custom_fields: Vec<Field>,
}

#[derive(Debug, Deserialize)]
struct Order {
    id: Id,
    status_id: Option<Id>,
    #[serde(default, deserialize_with = "object")]
    status: Option<Status>,
    payment_status: Option<String>,
    grand_total: Option<f64>,
    closed_at: Option<String>,
    updated_at: Option<String>,
    #[serde(default, deserialize_with = "object")]
    buyer: Option<Buyer>,
    #[serde(default, deserialize_with = "or_default")]
    custom_fields: Vec<Field>,
}

/// A status, included.
#[derive(Debug, Deserialize)]
struct Status {
    name: Option<String>,
    alias: Option<String>,
    #[serde(default, deserialize_with = "yes")]
    is_closing_order: bool,
}

/// A deal, whatever it is there.
struct Found {
    id: Id,
    closed: Timestamp,
    price: Option<f64>,
    communication: Option<CallId>,
    buyer: Option<Id>,
    /// Of a card whose contact is no buyer yet.
    contact: Option<Id>,
    numbers: Vec<String>,
}

impl KeyCrm {
    pub(super) async fn won_since(&self, ask: &WonSince<'_>) -> Result<Vec<Won>, Fault> {
        let field = self.config.fields.get(ask.field).map(String::as_str);
        let found = match self.config.deals {
            Deals::Cards => self.cards_won(ask.since, field).await?,
            Deals::Orders => self.orders_won(ask.since, field).await?,
        };
        let ids: BTreeSet<Id> = found.values().filter_map(|one| one.buyer).collect();
        let buyers = self.buyers(&ids.into_iter().collect::<Vec<_>>()).await?;
        Ok(found.into_values().map(|one| won(one, &buyers, field)).collect())
    }

    async fn cards_won(
        &self,
        since: Timestamp,
        field: Option<&str>,
    ) -> Result<BTreeMap<Id, Found>, Fault> {
        let between = self.between(since);
        let query = [
            ("filter[updated_between]", between.as_str()),
            ("include", "contact.client,status,custom_fields"),
        ];
        let mut cards: Vec<Card> = self.api.list(Class::Delivery, DEAL, &query, PAGES).await?;
        let mut seen = BTreeSet::new();
        // One that comes twice has moved, and may have pushed another one past a page.
        if !cards.iter().all(|card| seen.insert(card.id)) {
            cards.extend(self.api.list(Class::Delivery, DEAL, &query, PAGES).await?);
        }
        let mut all = BTreeMap::new();
        for card in cards {
            let became_order = card.is_finished && card.target_type.as_deref() == Some("order");
            let is_won = match self.config.won.is_empty() {
                true => became_order,
                false => self.is_named_won(card.status_id, card.status.as_ref()),
            };
            let at = card.status_changed_at.as_deref().or(card.updated_at.as_deref());
            let closed = at.and_then(|at| self.times.read(at)).unwrap_or(since);
            if !is_won || closed.as_second() < since.as_second() {
                continue;
            }
            let (mut buyer, mut numbers) = (None, Vec::new());
            if let Some(contact) = card.contact {
                buyer = contact.client.as_ref().map(|client| client.id).or(contact.client_id);
                numbers = contact.phone;
                numbers.extend(contact.client.into_iter().flat_map(|client| client.phone));
            }
            let found = Found {
                id: card.id,
                closed,
                price: None,
                communication: value(&card.custom_fields, field),
                buyer,
                contact: card.contact_id,
                numbers,
            };
            all.insert(card.id, found);
        }
        Ok(all)
    }

    async fn orders_won(
        &self,
        since: Timestamp,
        field: Option<&str>,
    ) -> Result<BTreeMap<Id, Found>, Fault> {
        let between = self.between(since);
        let query = [
            ("filter[updated_between]", between.as_str()),
            ("include", "buyer,status,custom_fields"),
            ("sort", "id"),
        ];
        let orders: Vec<Order> = self.api.list(Class::Delivery, "order", &query, PAGES).await?;
        let mut all = BTreeMap::new();
        for order in orders {
            let over = order.closed_at.is_some()
                || order.status.as_ref().is_some_and(|status| status.is_closing_order);
            let paid = matches!(order.payment_status.as_deref(), Some("paid" | "overpaid"));
            let is_won = match self.config.won.is_empty() {
                true => over && paid,
                false => self.is_named_won(order.status_id, order.status.as_ref()),
            };
            let at = order.closed_at.as_deref().or(order.updated_at.as_deref());
            let closed = at.and_then(|at| self.times.read(at)).unwrap_or(since);
            if !is_won || closed.as_second() < since.as_second() {
                continue;
            }
            let found = Found {
                id: order.id,
                closed,
                price: order.grand_total,
                communication: value(&order.custom_fields, field),
                buyer: order.buyer.as_ref().map(|buyer| buyer.id),
                contact: None,
                numbers: order.buyer.map(|buyer| buyer.phone).unwrap_or_default(),
            };
            all.insert(order.id, found);
        }
        Ok(all)
    }

    /// Whether `won` of the configuration has this status: its id, name or alias.
    fn is_named_won(&self, id: Option<Id>, status: Option<&Status>) -> bool {
        let id = id.map(|id| id.to_string());
        let (name, alias) =
            status.map_or((None, None), |s| (s.name.as_deref(), s.alias.as_deref()));
        let same = |word: &str, is: Option<&str>| {
            is.is_some_and(|is| is.trim().to_lowercase() == word.trim().to_lowercase())
        };
        let own = [id.as_deref(), name, alias];
        self.config.won.iter().any(|word| own.iter().any(|is| same(word, *is)))
    }

    async fn buyers(&self, ids: &[Id]) -> Result<BTreeMap<Id, Buyer>, Fault> {
        let mut all = BTreeMap::new();
        for some in ids.chunks(IDS) {
            let named = some.iter().map(Id::to_string).collect::<Vec<_>>().join(",");
            let query = [("filter[buyer_id]", named.as_str()), ("include", "custom_fields")];
            let found: Vec<Buyer> = self.api.list(Class::Delivery, "buyer", &query, PAGES).await?;
            all.extend(found.into_iter().map(|buyer| (buyer.id, buyer)));
        }
        Ok(all)
    }
}

fn won(found: Found, buyers: &BTreeMap<Id, Buyer>, field: Option<&str>) -> Won {
    let buyer = found.buyer.and_then(|id| buyers.get(&id));
    let id = match (found.buyer, found.contact) {
        (Some(id), _) => Some(id.to_string()),
        (None, contact) => contact.map(|id| format!("{NO_BUYER}{id}")),
    };
    let region = "UA".parse().unwrap_or_else(|_| Region::default());
    let numbers = found.numbers.iter().chain(buyer.into_iter().flat_map(|buyer| &buyer.phone));
    let numbers: BTreeSet<Phone> = numbers.filter_map(|n| Phone::parse(n, region).ok()).collect();
    Won {
        id: found.id.to_string().as_str().into(),
        closed: found.closed,
        price: found.price,
        communication: found.communication,
        contact: id.map(|id| Contact {
            id: id.as_str().into(),
            numbers: numbers.into_iter().collect(),
            communication: buyer.and_then(|buyer| value(&buyer.custom_fields, field)),
        }),
    }
}

/// What stands in a field; an empty one is none.
fn value(fields: &[Field], uuid: Option<&str>) -> Option<CallId> {
    let text = by_uuid(fields).get(uuid?)?.as_str()?.trim().to_owned();
    (!text.is_empty()).then(|| CallId::new(text))
}
