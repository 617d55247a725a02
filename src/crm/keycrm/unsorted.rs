//! KeyCRM has no inbox of leads. An open card that nobody is responsible for stands for an entry;
//! where orders are the deals, such an order.

use std::collections::BTreeMap;

use serde_json::json;

use super::cards::Known;
use super::desk::{Desk, found_deal, made_lead, manager};
use super::wire::Id;
use crate::core::action::Bound;
use crate::core::ids::EmployeeId;
use crate::core::phone::Phone;
use crate::crm::remote::{Class, said};
use crate::crm::{ApplyError, Done};

/// An entry that waits.
enum Entry {
    Card(Known),
    /// And whose it is.
    Order(Id, Option<Id>),
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
            Some(Entry::Order(id, _)) => {
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
            Some(Entry::Order(id, client)) => {
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

    /// The oldest open one without a manager for this number.
    async fn waiting(&self) -> Result<Option<Entry>, ApplyError> {
        let Some(number) = &self.work.case.number else { return Ok(None) };
        if self.has_orders() {
            return self.waiting_order(number).await;
        }
        let client = self.client().await?;
        self.crm.all_cards(Class::Delivery).await?;
        let heard = self.crm.heard();
        let mut all = heard.cards.of(client, number).into_iter();
        let card = all.find(|card| card.open && card.manager.is_none()).cloned();
        Ok(card.map(Entry::Card))
    }

    async fn waiting_order(&self, number: &Phone) -> Result<Option<Entry>, ApplyError> {
        let all = self.crm.orders(Class::Delivery, number).await?;
        if all.is_empty() {
            return Ok(None);
        }
        let closed = self.crm.closed(Class::Delivery).await?;
        let waits = all
            .into_iter()
            .filter(|order| order.manager.is_none() && self.crm.is_open(order, &closed));
        let oldest = waits.min_by_key(|order| order.id);
        Ok(oldest.map(|order| Entry::Order(order.id, order.buyer.map(|buyer| buyer.id))))
    }
}
