//! After a lost answer: was it done? Clients, orders and companies are known by our mark as their
//! external id, tasks by it in their commentary, notes by their words. Calls and changes may be
//! sent twice without harm; a notification is rather seen twice than not at all.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Entity;
use super::desk::{Desk, made_client, made_deal, said};
use super::notes::message_note;
use super::wire::{OneCustomer, OneOrder};
use crate::core::action::{Action, Bound, Touch};
use crate::crm::remote::{Class, Fault, quiet};
use crate::crm::{ApplyError, Done};

impl Desk<'_> {
    pub(super) async fn look_back(&self) -> Result<Option<Done>, ApplyError> {
        match self.work.action {
            Action::Contact { fields, .. } => self.contact_back(fields).await,
            Action::Deal { tags, .. } => self.order_back(tags).await,
            Action::Unsorted { .. } => Ok(self.order_back(&[]).await?.map(|mut done| {
                let unsorted = done.bound.deal.map(|order| order.to_string());
                done.bound = Bound { unsorted, made: done.bound.made, ..Bound::default() };
                done
            })),
            Action::AcceptUnsorted { owner, .. } => self.accepted_back(owner).await,
            Action::DeclineUnsorted {} => self.declined_back().await,
            Action::Task { .. } => self.task_back().await,
            Action::Note { text, .. } => self.note_back(text).await,
            Action::Voicemail { text, .. } => match &self.work.case.voicemail {
                Some(message) => self.note_back(&message_note(text, message)).await,
                None => Ok(None),
            },
            Action::Company { .. } => {
                let path = format!("customers-corporate/{}", self.mark());
                let found = self.marked::<Value>(&path).await?;
                Ok(found.map(|_| said("made the company")))
            }
            _ => Ok(None),
        }
    }

    async fn contact_back(
        &self,
        fields: &BTreeMap<String, String>,
    ) -> Result<Option<Done>, ApplyError> {
        let found = self.marked(&format!("customers/{}", self.mark())).await?;
        let Some((OneCustomer { customer }, whole)) = found else { return Ok(None) };
        self.keep(Entity::Customer, customer.id, &whole["customer"]).await;
        self.crm.remember_site(Entity::Customer, customer.id, customer.site.as_deref()).await;
        let mut what = format!("made client {}", customer.id);
        let rest = self.crm.sorted(Entity::Customer, fields).await?.rest;
        self.rest_of(customer.id, Touch::First, &rest, &mut what).await?;
        Ok(Some(made_client(customer.id, what)))
    }

    async fn order_back(&self, tags: &[String]) -> Result<Option<Done>, ApplyError> {
        let found = self.marked(&format!("orders/{}", self.mark())).await?;
        let Some((OneOrder { order }, whole)) = found else { return Ok(None) };
        self.keep(Entity::Order, order.id, &whole["order"]).await;
        self.crm.remember_site(Entity::Order, order.id, order.site.as_deref()).await;
        let client = order.customer.map(|customer| customer.id);
        let mut what = format!("made order {}", order.id);
        self.tags_of(client, tags, &mut what).await?;
        Ok(Some(made_deal(client, order.id, what)))
    }

    /// What stands under our mark, and the whole of it; 404: nothing.
    async fn marked<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<Option<(T, Value)>, ApplyError> {
        let mut query = vec![("by", "externalId")];
        query.extend(self.site().map(|site| ("site", site)));
        match self.crm.api.get::<Value>(Class::Delivery, path, &query).await {
            Ok(whole) => match T::deserialize(&whole) {
                Ok(found) => Ok(Some((found, whole))),
                Err(error) => Err(Fault::Strange(quiet(&error.to_string())).into()),
            },
            Err(Fault::Refused { status: 404, .. }) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }
}
