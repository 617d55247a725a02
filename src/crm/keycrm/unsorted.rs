//! KeyCRM has no inbox of leads. An open card that nobody is responsible for stands for an entry.

use std::collections::BTreeMap;

use serde_json::json;

use super::cards::Known;
use super::desk::{Desk, found_deal, made_lead, manager};
use crate::core::action::Bound;
use crate::core::ids::EmployeeId;
use crate::crm::remote::{Class, said};
use crate::crm::{ApplyError, Done};

impl Desk<'_> {
    pub(super) async fn unsorted(
        &self,
        names: (&str, &str),
        pipeline: Option<&str>,
        tags: &[String],
        fields: &BTreeMap<String, String>,
    ) -> Result<Done, ApplyError> {
        if self.has_orders() {
            return Ok(said("nothing: orders are the deals, and none is made for a lead"));
        }
        if let Some(card) = self.waiting().await? {
            let what = format!("nothing: card {} waits for this number (C03)", card.id);
            let unsorted = Some(card.id.to_string());
            return Ok(Done { bound: Bound { unsorted, ..Bound::default() }, what });
        }
        let client = self.client().await?;
        let id = self.make_card(names, client, None, (pipeline, None), tags, fields).await?;
        Ok(made_lead(id, format!("made card {id} without a manager")))
    }

    pub(super) async fn accept_unsorted(
        &self,
        owner: &EmployeeId,
        stage: Option<&str>,
    ) -> Result<Done, ApplyError> {
        let Some(card) = self.waiting().await? else {
            return Ok(said("nothing: no card without a manager waits for this number"));
        };
        let change = json!({ "manager_id": manager(owner)? });
        // The client first: a card that has a manager is not found again.
        if let Some(client) = card.buyer {
            self.edit_buyer(client, change.clone()).await?;
        }
        if let Some(stage) = stage {
            self.move_card(card.id, stage).await?;
        }
        self.edit_card(card.id, &change).await?;
        Ok(found_deal(card.buyer, card.id, format!("card {} is of {owner} now", card.id)))
    }

    /// The oldest open card without a manager for this number.
    async fn waiting(&self) -> Result<Option<Known>, ApplyError> {
        let Some(number) = &self.work.case.number else { return Ok(None) };
        if self.has_orders() {
            return Ok(None);
        }
        let client = self.client().await?;
        self.crm.all_cards(Class::Delivery).await?;
        let cards = self.crm.cards.lock().await;
        let mut all = cards.of(client, number).into_iter();
        Ok(all.find(|card| card.open && card.manager.is_none()).cloned())
    }
}
