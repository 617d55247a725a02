//! After a lost answer: was it done? Clients are known by their number, orders by our mark as their
//! id at the source, cards by it in their comment, notes by their words, calls by our id. Changes
//! may be sent twice without harm; a card that pops up is rather seen twice than not at all.

use jiff::SignedDuration;

use super::DEAL;
use super::desk::{Desk, made_client, made_deal};
use super::wire::{Call, Card, Order};
use crate::core::action::{Action, Bound};
use crate::crm::remote::{Class, said};
use crate::crm::{ApplyError, Done};

/// Pages of cards made since.
const PAGES: u32 = 20;
/// How far the clocks may be apart.
const SLACK: SignedDuration = SignedDuration::from_hours(1);

impl Desk<'_> {
    pub(super) async fn look_back(&self) -> Result<Option<Done>, ApplyError> {
        match self.work.action {
            Action::Contact { .. } => self.contact_back().await,
            Action::Deal { stage, tags, .. } => self.deal_back(stage.as_deref(), tags).await,
            Action::Unsorted { tags, .. } => {
                Ok(self.deal_back(None, tags).await?.map(|mut done| {
                    let unsorted = done.bound.deal.map(|card| card.to_string());
                    done.bound = Bound { unsorted, made: done.bound.made, ..Bound::default() };
                    done
                }))
            }
            Action::AcceptUnsorted { owner, .. } => self.accepted_back(owner).await,
            Action::DeclineUnsorted {} => self.declined_back().await,
            Action::Company { name } => self.company_back(name).await,
            Action::RegisterCall { .. } | Action::UpdateCall {} => self.call_back().await,
            // The line of a note is not written twice, and the rest does no harm.
            _ => Ok(None),
        }
    }

    async fn contact_back(&self) -> Result<Option<Done>, ApplyError> {
        let Some(number) = &self.work.case.number else { return Ok(None) };
        let found = self.crm.with_number(Class::Delivery, number).await?;
        let newest = found.into_iter().map(|buyer| buyer.id).max();
        Ok(newest.map(|id| made_client(id, format!("made client {id}"))))
    }

    async fn deal_back(
        &self,
        stage: Option<&str>,
        tags: &[String],
    ) -> Result<Option<Done>, ApplyError> {
        match self.has_orders() {
            true => self.order_back(stage, tags).await,
            false => self.card_back(stage).await,
        }
    }

    async fn card_back(&self, stage: Option<&str>) -> Result<Option<Done>, ApplyError> {
        let since = self.work.case.at.saturating_sub(SLACK).unwrap_or(self.work.case.at);
        let between = self.crm.between(since);
        let query = [("filter[created_between]", between.as_str()), ("include", "contact.client")];
        let cards: Vec<Card> = self.crm.api.list(Class::Delivery, DEAL, &query, PAGES).await?;
        let mark = self.mark();
        let ours = |card: &Card| card.manager_comment.as_deref().is_some_and(|c| c.contains(&mark));
        let Some(card) = cards.into_iter().find(ours) else { return Ok(None) };
        let card = self.crm.known(card);
        self.crm.keep_deal(card.id, card.buyer, self.number()).await;
        let mut what = format!("made card {}", card.id);
        self.stage_card(card.id, stage, &mut what).await?;
        let done = made_deal(card.buyer, card.id, what);
        self.crm.heard().cards.put(card);
        Ok(Some(done))
    }

    async fn order_back(
        &self,
        stage: Option<&str>,
        tags: &[String],
    ) -> Result<Option<Done>, ApplyError> {
        let mark = self.mark();
        let query = [("filter[source_uuid]", mark.as_str()), ("include", "buyer")];
        let found: Vec<Order> = self.crm.api.list(Class::Delivery, "order", &query, 1).await?;
        let Some(order) = found.into_iter().find(|order| order.is_at_source(&mark)) else {
            return Ok(None);
        };
        self.crm.keep_deal(order.id, None, self.number()).await;
        let mut what = format!("made order {}", order.id);
        self.dress_order(order.id, stage, tags, &mut what).await?;
        let client = order.buyer.map(|buyer| buyer.id);
        Ok(Some(made_deal(client, order.id, what)))
    }

    async fn company_back(&self, name: &str) -> Result<Option<Done>, ApplyError> {
        let Some(client) = self.client().await? else { return Ok(None) };
        let company = self.crm.buyer(client).await?.and_then(|buyer| buyer.company);
        let same = company.and_then(|company| company.name).is_some_and(|there| there == name);
        Ok(same.then(|| said("made the company")))
    }

    async fn call_back(&self) -> Result<Option<Done>, ApplyError> {
        let id = self.work.case.call.to_string();
        let query = [("filter[reference_id]", id.as_str())];
        let calls: Vec<Call> = self.crm.api.list(Class::Delivery, "calls", &query, 1).await?;
        let over = |call: &Call| {
            call.reference_id.as_deref() == Some(id.as_str())
                && matches!(call.state.as_deref(), Some("completed" | "canceled" | "busy"))
        };
        Ok(calls.iter().any(over).then(|| Done {
            bound: Bound { call: Some(id.clone()), ..Bound::default() },
            what: "registered the call".to_owned(),
        }))
    }
}
