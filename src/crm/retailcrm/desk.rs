//! Carries an action out: who it is about, what it stands on, and under which mark it is found
//! again.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::wire::{Id, Made};
use super::{Entity, Retail};
use crate::core::action::{Action, On};
use crate::core::client::{Client, Deal};
use crate::core::ids::EmployeeId;
use crate::crm::remote::{self, Class, Fault, mark};
pub(super) use crate::crm::remote::{
    afterwards, found_client, found_deal, made_client, made_deal, made_lead, refused, said,
};
use crate::crm::{ApplyError, Done, Work};

/// An action in hand.
pub(super) struct Desk<'a> {
    pub(super) crm: &'a Retail,
    pub(super) work: &'a Work<'a>,
}

/// What an action stands on.
pub(super) struct Spot {
    pub(super) client: Option<Id>,
    pub(super) order: Option<Id>,
}

impl Spot {
    /// In words, for answers.
    pub(super) fn words(&self) -> String {
        match (self.order, self.client) {
            (Some(order), _) => format!("order {order}"),
            (None, Some(client)) => format!("client {client}"),
            (None, None) => "the number".to_owned(),
        }
    }
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
            Action::Task { .. } => self.task().await,
            Action::Notify { to, text, link } => self.notify(to, text, *link).await,
            Action::ChangeOwner { of, to } => self.change_owner(*of, to).await,
            Action::Reactivate {} => self.reactivate().await,
            Action::Tag { tags, .. } => self.tag(tags).await,
            Action::Fields { on, touch, fields } => self.fields(*on, *touch, fields).await,
            Action::Note { text, .. } => self.note(text).await,
            Action::Webhook { .. } => Err(ApplyError::webhook()),
        }
    }

    /// Under this mark what the action makes stands in the CRM.
    pub(super) fn mark(&self) -> String {
        mark(self.work.key)
    }

    /// The client's number as we send it.
    pub(super) fn number(&self) -> Option<&str> {
        self.work.case.number.as_ref().map(|phone| phone.e164())
    }

    /// The shop of what is new.
    pub(super) fn site(&self) -> Option<&str> {
        self.crm.config.site.as_deref()
    }

    /// The client: made or found in this call, else the one it began with, else whoever has the
    /// number by now.
    pub(super) async fn client(&self) -> Result<Option<Id>, ApplyError> {
        let bound = self.work.bound.client.as_ref();
        let known = self.work.case.client().map(|client| &client.id);
        if let Some(id) = bound.or(known) {
            return id_of(id.as_str(), "client").map(Some);
        }
        let Some(number) = &self.work.case.number else { return Ok(None) };
        let fresh = self.crm.fresh(Class::Delivery).await;
        let found = self.crm.with_number(Class::Delivery, number, &fresh).await?;
        Ok(found.into_iter().map(|person| person.id).max())
    }

    pub(super) async fn needed_client(&self, what: &str) -> Result<Id, ApplyError> {
        let nobody = || format!("{what} needs a client, and nobody has this number");
        self.client().await?.ok_or_else(|| ApplyError::Refused { why: nobody() })
    }

    /// What an action stands on: the order made in this call, else one the client had when it
    /// began.
    pub(super) async fn spot(&self, on: On) -> Result<Spot, ApplyError> {
        let client = self.client().await?;
        let order = match on {
            On::Client => None,
            On::Deal => self.order_among(client, Client::main_deal)?,
        };
        Ok(Spot { client, order })
    }

    fn order_among(
        &self,
        client: Option<Id>,
        pick: fn(&Client) -> Option<&Deal>,
    ) -> Result<Option<Id>, ApplyError> {
        if let Some(made) = &self.work.bound.deal {
            return id_of(made.as_str(), "order").map(Some);
        }
        let frozen = self.work.case.client();
        let frozen = frozen.filter(|c| client.is_some_and(|id| id.to_string() == c.id.as_str()));
        let deal = frozen.and_then(|frozen| pick(frozen));
        deal.map(|deal| id_of(deal.id.as_str(), "order")).transpose()
    }

    /// Changes a client or order by id.
    pub(super) async fn edit(
        &self,
        what: Entity,
        id: Id,
        changed: &Value,
    ) -> Result<(), ApplyError> {
        let site = self.crm.site_of(what, id).await?;
        let (path, field) = match what {
            Entity::Customer => (format!("customers/{id}/edit"), "customer"),
            Entity::Order => (format!("orders/{id}/edit"), "order"),
        };
        let change = changed.to_string();
        let mut form = vec![("by", "id"), (field, change.as_str())];
        form.extend(site.as_deref().map(|site| ("site", site)));
        let _: Made = self.crm.api.post(Class::Delivery, &path, &form).await?;
        let (name, made) =
            (id.to_string(), self.crm.recent.all(Class::Delivery, what.thing()).await);
        if let Some(kept) = made.into_iter().find(|made| made.name == name)
            && let Ok(Value::Object(mut kept)) = serde_json::from_str(&kept.made)
            && let Value::Object(change) = changed
        {
            kept.extend(change.clone());
            self.keep(what, id, &kept.into()).await;
        }
        Ok(())
    }

    /// Sends something new of ours; its site is the configured one.
    pub(super) async fn make(
        &self,
        path: &str,
        field: &str,
        new: &impl serde::Serialize,
    ) -> Result<Made, ApplyError> {
        let new = serde_json::to_string(new).map_err(|error| refused(&error.to_string()))?;
        let mut form = vec![(field, new.as_str())];
        form.extend(self.site().map(|site| ("site", site)));
        Ok(self.crm.api.post(Class::Delivery, path, &form).await?)
    }

    /// Makes a client or order under our mark.
    pub(super) async fn make_entity(
        &self,
        what: Entity,
        new: &impl serde::Serialize,
    ) -> Result<Id, ApplyError> {
        let (path, field) = match what {
            Entity::Customer => ("customers/create", "customer"),
            Entity::Order => ("orders/create", "order"),
        };
        let made = self.make(path, field, new).await?;
        let id = made.id.ok_or_else(no_id)?;
        self.crm.remember_site(what, id, self.site()).await;
        let mut kept = serde_json::to_value(new).unwrap_or_default();
        kept["id"] = json!(id);
        kept["createdAt"] = json!(self.crm.times.write(Timestamp::now()));
        if let customer @ Value::Object(_) = &made.order["customer"] {
            kept["customer"] = customer.clone();
        }
        self.keep(what, id, &kept).await;
        Ok(id)
    }

    /// Until the CRM's lists have it.
    pub(super) async fn keep(&self, what: Entity, id: Id, body: &Value) {
        self.crm.recent.keep(what.thing(), &id.to_string(), &body.to_string()).await;
    }
}

impl Retail {
    /// The shop something belongs to. Asked for once where it is not known.
    pub(super) async fn site_of(&self, what: Entity, id: Id) -> Result<Option<String>, Fault> {
        if let Some(site) = self.sites.get(&(what, id)).await {
            return Ok(Some(site.to_string()));
        }
        let found = match what {
            Entity::Customer => self.customer(Class::Delivery, id).await?.and_then(|c| c.site),
            Entity::Order => self.order(Class::Delivery, id).await?.and_then(|order| order.site),
        };
        Ok(found.or_else(|| self.config.site.clone()))
    }
}

/// It is made, and is looked for under its mark.
pub(super) fn no_id() -> ApplyError {
    ApplyError::Lost { why: "made, and no id in the answer".to_owned() }
}

pub(super) fn id_of(text: &str, what: &str) -> Result<Id, ApplyError> {
    remote::id_of(text, what, "retailCRM")
}

pub(super) fn manager(id: &EmployeeId) -> Result<Id, ApplyError> {
    id_of(id.as_str(), "user")
}
