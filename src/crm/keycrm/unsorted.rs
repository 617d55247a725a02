//! KeyCRM has no inbox of leads. An open card that nobody is responsible for stands for an entry;
//! where orders are the deals, such an order.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::json;

use super::cards::{DECLINED, Known};
use super::desk::{Desk, found_deal, made_lead, manager};
use super::reading::Of;
use super::wire::{Id, Order};
use crate::core::action::Bound;
use crate::core::ids::EmployeeId;
use crate::core::phone::Phone;
use crate::crm::remote::{Class, said};
use crate::crm::{ApplyError, Done};

/// An entry that waits.
enum Entry {
    Card(Known),
    Order(Box<Order>),
}

impl Entry {
    fn id(&self) -> Id {
        match self {
            Self::Card(card) => card.id,
            Self::Order(order) => order.id,
        }
    }
}

impl Desk<'_> {
    pub(super) async fn unsorted(
        &self,
        names: (&str, &str),
        pipeline: Option<&str>,
        tags: &[String],
        fields: &BTreeMap<String, String>,
    ) -> Result<Done, ApplyError> {
        let (id, what) = match self.waiting().await? {
            Some(Entry::Card(Known { id, .. })) => {
                (id, format!("nothing: card {id} waits for this number (C03)"))
            }
            Some(Entry::Order(order)) => {
                let id = order.id;
                (id, format!("nothing: order {id} waits for this number (C03)"))
            }
            None => {
                let (id, what) = match self.has_orders() {
                    true => self.make_order(names, None, None, tags, fields).await?,
                    false => {
                        let client = self.client().await?;
                        let place = (pipeline, None);
                        self.make_card(names, client, None, place, tags, fields).await?
                    }
                };
                return Ok(made_lead(id, format!("{what} without a manager")));
            }
        };
        let unsorted = Some(id.to_string());
        Ok(Done { bound: Bound { unsorted, ..Bound::default() }, what })
    }

    pub(super) async fn accept_unsorted(
        &self,
        owner: &EmployeeId,
        stage: Option<&str>,
    ) -> Result<Done, ApplyError> {
        let owner_id = manager(owner)?;
        let change = json!({ "manager_id": owner_id });
        let mut card = match self.waiting().await? {
            None => return Ok(said("nothing: nothing without a manager waits for this number")),
            Some(Entry::Card(card)) => card,
            Some(Entry::Order(order)) => {
                let (id, client) = (order.id, order.buyer.map(|buyer| buyer.id));
                let mut what = format!("order {id} has no manager, as KeyCRM's API gives it none");
                if let Some(client) = client {
                    self.edit_buyer(client, change).await?;
                    what = format!("client {client} is of {owner} now; {what}");
                }
                self.dress_order(id, stage, &[], &mut what).await?;
                return Ok(found_deal(client, id, what));
            }
        };
        // The client first: a card that has a manager waits no longer.
        if let Some(client) = card.buyer {
            self.edit_buyer(client, change.clone()).await?;
        }
        let mut what = format!("card {} is of {owner} now", card.id);
        self.stage_card(card.id, stage, &mut what).await?;
        self.edit_card(card.id, &change).await?;
        let done = found_deal(card.buyer, card.id, what);
        card.manager = Some(owner_id);
        self.crm.heard().cards.put(card);
        Ok(done)
    }

    /// Its last request gives the card its manager: then it waits no longer, and is his.
    pub(super) async fn accepted_back(
        &self,
        owner: &EmployeeId,
    ) -> Result<Option<Done>, ApplyError> {
        let (owner_id, Some(number)) = (manager(owner)?, &self.work.case.number) else {
            return Ok(None);
        };
        // An order gets no manager: it still waits.
        if self.waiting().await?.is_some() {
            return Ok(None);
        }
        let client = self.client().await?;
        let made = self.work.bound.unsorted.as_deref();
        let heard = self.crm.heard();
        let all = heard.cards.of(client, number).into_iter();
        let his = all.filter(|card| card.open && card.manager == Some(owner_id));
        // Else the newest: an entry of the inbox is no old one.
        let card =
            his.max_by_key(|card| (made == Some(card.id.to_string().as_str()), card.created));
        Ok(card.map(|card| {
            found_deal(card.buyer, card.id, format!("card {} is of {owner} now", card.id))
        }))
    }

    /// Its title or comment says so even where its status stays.
    pub(super) async fn decline_unsorted(&self) -> Result<Done, ApplyError> {
        let Some(entry) = self.meant().await? else {
            return Ok(said("nothing: nothing without a manager waits for this number"));
        };
        let status = self.crm.config.declined.map(|id| id.to_string());
        let id = entry.id();
        // The status first, as what says that it was declined waits no longer.
        let what = match entry {
            Entry::Card(mut card) => {
                let mut what = format!("card {id} is declined");
                self.stage_card(id, status.as_deref(), &mut what).await?;
                self.edit_card(id, &json!({ "title": card.decline() })).await?;
                self.crm.heard().cards.put(card);
                what
            }
            Entry::Order(order) => {
                let mut what = format!("order {id} is declined");
                self.dress_order(id, status.as_deref(), &[], &mut what).await?;
                let told = order.manager_comment.unwrap_or_default();
                let told = format!("{told}\n{DECLINED}");
                let change = json!({ "manager_comment": told.trim() });
                let path = format!("order/{id}");
                self.crm.api.change(Method::PUT, &path, Some(&change)).await?;
                what
            }
        };
        let kept = match status {
            Some(_) => "",
            None => "; `declined` is not set, so its status stays",
        };
        Ok(said(format!("{what}{kept}")))
    }

    /// After a lost answer. What is known of a card may be a moment old: then it is done again.
    pub(super) async fn declined_back(&self) -> Result<Option<Done>, ApplyError> {
        Ok(match self.meant().await? {
            Some(_) => None,
            None => Some(said("nothing without a manager waits for this number any more")),
        })
    }

    /// The one to decline: the one this call knows of, if it knows one.
    async fn meant(&self) -> Result<Option<Entry>, ApplyError> {
        let own = self.work.bound.unsorted.as_ref();
        let known = |entry: &Entry| own.is_none_or(|own| *own == entry.id().to_string());
        Ok(self.waiting().await?.filter(known))
    }

    /// The oldest open one without a manager for this number.
    async fn waiting(&self) -> Result<Option<Entry>, ApplyError> {
        let Some(number) = &self.work.case.number else { return Ok(None) };
        if self.has_orders() {
            return self.waiting_order(number).await;
        }
        let client = self.client().await?;
        let buyers: Vec<Id> = client.into_iter().collect();
        self.crm.cards_now(Class::Delivery, Of { buyers: &buyers, phone: number }, true).await?;
        let heard = self.crm.heard();
        let mut all = heard.cards.of(client, number).into_iter();
        let waits = |card: &&Known| card.open && card.manager.is_none() && !card.is_declined();
        let card = all.find(waits).cloned();
        Ok(card.map(Entry::Card))
    }

    async fn waiting_order(&self, number: &Phone) -> Result<Option<Entry>, ApplyError> {
        let all = self.crm.orders(Class::Delivery, number).await?;
        if all.is_empty() {
            return Ok(None);
        }
        let closed = self.crm.closed(Class::Delivery).await?;
        let waits = all.into_iter().filter(|order| {
            let told = order.manager_comment.as_deref().unwrap_or_default();
            let declined = told.lines().any(|line| line.trim() == DECLINED);
            order.manager.is_none() && !declined && self.crm.is_open(order, &closed)
        });
        let oldest = waits.min_by_key(|order| order.id);
        Ok(oldest.map(|order| Entry::Order(Box::new(order))))
    }
}
