//! Carries an action out: who it is about, and what it stands on.

use std::collections::BTreeMap;

use serde_json::json;

use super::config::Deals;
use super::reading::Of;
use super::wire::Id;
use super::{KeyCrm, NAME, NO_BUYER};
use crate::core::action::{Action, On};
use crate::core::ids::EmployeeId;
use crate::crm::remote::{self, Class, Fault, refused, said};
pub(super) use crate::crm::remote::{found_client, found_deal, made_client, made_deal, made_lead};
use crate::crm::{ApplyError, Done, Work};

/// An action in hand.
pub(super) struct Desk<'a> {
    pub(super) crm: &'a KeyCrm,
    pub(super) work: &'a Work<'a>,
}

/// What an action stands on.
pub(super) struct Spot {
    pub(super) client: Option<Id>,
    pub(super) deal: Option<Id>,
}

impl Desk<'_> {
    pub(super) async fn carry_out(&self) -> Result<Done, ApplyError> {
        match self.work.action {
            Action::Contact { name, owner, tags, fields } => {
                self.contact(name, owner, tags, fields).await
            }
            Action::Company { name } => self.company(name).await,
            Action::Deal { title, owner, pipeline, stage, tags, fields } => {
                let place = (pipeline.as_deref(), stage.as_deref());
                self.deal(title, owner, place, tags, fields).await
            }
            Action::Unsorted { title, name, pipeline, tags, fields, .. } => {
                self.unsorted((title, name), pipeline.as_deref(), tags, fields).await
            }
            Action::AcceptUnsorted { owner, stage } => {
                self.accept_unsorted(owner, stage.as_deref()).await
            }
            Action::DeclineUnsorted {} => self.decline_unsorted().await,
            Action::RegisterCall { result, who, .. } => {
                self.register_call(*result, who.as_ref()).await
            }
            Action::UpdateCall {} => self.update_call().await,
            Action::Voicemail { text, .. } => self.voicemail(text).await,
            Action::Task { on, text, due, done, dedupe, .. } => {
                // What is done already wants no next contact.
                self.task(*on, text, (!done).then_some(*due), *dedupe).await
            }
            Action::Notify { to, text, .. } => self.notify(to, text).await,
            Action::ChangeOwner { of, to } => self.change_owner(*of, to).await,
            Action::Reactivate {} => Ok(said("nothing: KeyCRM has no inactive clients")),
            Action::Tag { on, tags } => self.tag(*on, tags).await,
            Action::Fields { on, touch, fields } => self.fields(*on, *touch, fields).await,
            Action::Note { text, .. } => self.note(text).await,
            Action::Webhook { .. } => Err(ApplyError::webhook()),
        }
    }

    /// Under this mark what the action makes stands in the CRM.
    pub(super) fn mark(&self) -> String {
        remote::mark(self.work.key)
    }

    /// The client's number as we send it.
    pub(super) fn number(&self) -> Option<&str> {
        self.work.case.number.as_ref().map(|phone| phone.e164())
    }

    pub(super) fn has_orders(&self) -> bool {
        self.crm.config.deals == Deals::Orders
    }

    /// The client: made or found in this call, else the one it began with, else whoever has the
    /// number by now.
    pub(super) async fn client(&self) -> Result<Option<Id>, ApplyError> {
        let bound = self.work.bound.client.as_ref();
        let known = self.work.case.client().map(|client| &client.id);
        let known = bound.or(known).filter(|id| !id.as_str().starts_with(NO_BUYER));
        if let Some(id) = known {
            return id_of(id.as_str(), "client").map(Some);
        }
        let Some(number) = &self.work.case.number else { return Ok(None) };
        let found = self.crm.with_number(Class::Delivery, number).await?;
        Ok(found.into_iter().map(|buyer| buyer.id).max())
    }

    pub(super) async fn needed_client(&self, what: &str) -> Result<Id, ApplyError> {
        let nobody = || refused(&format!("{what} needs a client, and nobody has this number"));
        self.client_or_lead().await?.ok_or_else(nobody)
    }

    /// The client, who becomes one where only his card knew him: the card itself has no place for
    /// what is to be written. It is tied to him.
    pub(super) async fn client_or_lead(&self) -> Result<Option<Id>, ApplyError> {
        let client = self.client().await?;
        let lead = self.work.case.client().filter(|known| known.id.as_str().starts_with(NO_BUYER));
        let (Some(lead), Some(number)) = (lead, &self.work.case.number) else { return Ok(client) };
        self.crm.cards_now(Class::Delivery, Of { buyers: &[], phone: number }, true).await?;
        let cards = self.crm.heard().cards.of(None, number);
        let client = match client {
            Some(client) => client,
            None => {
                let manager = cards.last().and_then(|card| card.manager);
                self.make_buyer(&lead.name, manager, &[], &BTreeMap::new()).await?
            }
        };
        for mut card in cards {
            self.edit_card(card.id, &json!({ "client_id": client })).await?;
            card.set_contact(Some(client), None);
            self.crm.heard().cards.put(card);
        }
        Ok(Some(client))
    }

    /// What an action stands on: the deal made in this call, else the one the client had when it
    /// began.
    pub(super) async fn spot(&self, on: On) -> Result<Spot, ApplyError> {
        let client = self.client().await?;
        let made = self.work.bound.deal.as_ref();
        let had = self.work.case.client().and_then(|client| client.main_deal());
        let deal = match on {
            On::Client => None,
            On::Deal => made.or(had.map(|deal| &deal.id)),
        };
        let deal = deal.map(|deal| id_of(deal.as_str(), "deal")).transpose()?;
        let deal = deal.filter(|deal| !self.crm.heard().cards.is_gone(*deal));
        Ok(Spot { client, deal })
    }

    /// Why a card or order was not found: where it was deleted, the next try goes on without it.
    pub(super) fn missed(&self, deal: Id, fault: Fault) -> ApplyError {
        if !matches!(fault, Fault::Refused { status: 404, .. }) {
            return fault.into();
        }
        let client = self.work.case.client().map(|client| client.id.clone());
        self.crm.heard().forget(deal, client);
        let why = format!("deal {deal} is gone from KeyCRM: it goes on without it");
        ApplyError::Later { after: None, why }
    }

    /// When it occurred, as a line of a note begins.
    pub(super) fn when(&self) -> String {
        self.crm.local.write_minute(self.work.case.at)
    }
}

pub(super) fn id_of(text: &str, what: &str) -> Result<Id, ApplyError> {
    remote::id_of(text, what, NAME)
}

pub(super) fn manager(id: &EmployeeId) -> Result<Id, ApplyError> {
    id_of(id.as_str(), "user")
}
