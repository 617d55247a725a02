//! retailCRM has no inbox of leads. An order that nobody is responsible for and that is marked to
//! be called stands for an entry of it.

use std::collections::BTreeMap;

use serde_json::json;

use super::Entity;
use super::desk::{Desk, found_deal, made_lead, manager, said};
use super::fields::Sorted;
use super::records::comment;
use super::wire::{NewOrder, Order};
use crate::core::action::Bound;
use crate::core::ids::EmployeeId;
use crate::core::phone::Phone;
use crate::crm::remote::{Class, same_number};
use crate::crm::{ApplyError, Done};

/// The line in the comment of an order that was declined.
const DECLINED: &str = "Отклонено";

/// Nobody is responsible for it, and nobody declined it.
fn waits(order: &Order) -> bool {
    let told = order.manager_comment.as_deref().unwrap_or_default();
    order.manager_id.is_none() && !told.lines().any(|line| line.trim() == DECLINED)
}

impl Desk<'_> {
    pub(super) async fn unsorted(
        &self,
        (title, name): (&str, &str),
        kind: Option<&str>,
        tags: &[String],
        fields: &BTreeMap<String, String>,
    ) -> Result<Done, ApplyError> {
        if let Some(order) = self.waiting().await? {
            let what = format!("nothing: order {} waits for this number (C03)", order.id);
            let unsorted = Some(order.id.to_string());
            return Ok(Done { bound: Bound { unsorted, ..Bound::default() }, what });
        }
        let Sorted { source, own, rest } = self.crm.sorted(Entity::Order, fields).await?;
        let mut told = comment(title, &rest);
        if !tags.is_empty() {
            told = format!("{told}\n{}", tags.join(", "));
        }
        let new = NewOrder {
            external_id: &self.mark(),
            customer: None,
            first_name: Some(if name.is_empty() { title } else { name }.to_owned()),
            phone: self.number(),
            manager_id: None,
            status: None,
            order_type: kind,
            order_method: self.crm.config.order_method.as_deref(),
            call: self.number().is_some(),
            manager_comment: told,
            source,
            custom_fields: own,
        };
        let id = self.make_entity(Entity::Order, &new).await?;
        Ok(made_lead(id, format!("made order {id} without a manager")))
    }

    pub(super) async fn accept_unsorted(
        &self,
        owner: &EmployeeId,
        status: Option<&str>,
    ) -> Result<Done, ApplyError> {
        let Some(order) = self.waiting().await? else {
            return Ok(said("nothing: no order without a manager waits for this number"));
        };
        let owner = manager(owner)?;
        let mut change = json!({ "managerId": owner, "call": false });
        if let Some(status) = status {
            change["status"] = json!(status);
        }
        // The client first: an order that has a manager is not found again.
        if let Some(customer) = &order.customer {
            self.edit(Entity::Customer, customer.id, &json!({ "managerId": owner })).await?;
        }
        self.edit(Entity::Order, order.id, &change).await?;
        let client = order.customer.map(|customer| customer.id);
        Ok(found_deal(client, order.id, format!("order {} is of {owner} now", order.id)))
    }

    /// The line in its comment says so even where its status stays.
    pub(super) async fn decline_unsorted(&self) -> Result<Done, ApplyError> {
        let Some(order) = self.meant().await? else {
            return Ok(said("nothing: no order without a manager waits for this number"));
        };
        let told = order.manager_comment.unwrap_or_default();
        let mut change = json!({
            "call": false, "managerComment": format!("{told}\n{DECLINED}").trim(),
        });
        let mut what = format!("order {} is declined", order.id);
        match &self.crm.config.declined {
            Some(status) => change["status"] = json!(status),
            None => what.push_str(": `declined` is not set, so its comment tells it"),
        }
        self.edit(Entity::Order, order.id, &change).await?;
        Ok(said(what))
    }

    /// After a lost answer.
    pub(super) async fn declined_back(&self) -> Result<Option<Done>, ApplyError> {
        Ok(match self.meant().await? {
            Some(_) => None,
            None => Some(said("no order without a manager waits for this number any more")),
        })
    }

    /// The one to decline: the one this call knows of, if it knows one.
    async fn meant(&self) -> Result<Option<Order>, ApplyError> {
        let own = self.work.bound.unsorted.as_ref();
        let known = |order: &Order| own.is_none_or(|own| *own == order.id.to_string());
        Ok(self.waiting().await?.filter(known))
    }

    /// The oldest open order without a manager for this number.
    async fn waiting(&self) -> Result<Option<Order>, ApplyError> {
        let Some(number) = &self.work.case.number else { return Ok(None) };
        let open = self.open_orders(number).await?.into_iter();
        Ok(open.filter(waits).min_by_key(|order| order.id))
    }

    /// Open orders for a number.
    async fn open_orders(&self, number: &Phone) -> Result<Vec<Order>, ApplyError> {
        let digits = number.digits();
        let spelt = digits.len().checked_sub(10).map_or(digits, |from| &digits[from..]);
        let closed = self.crm.closed(Class::Delivery).await?;
        let orders = self.crm.orders(Class::Delivery, &[("filter[customer]", spelt)]).await?;
        let his =
            |order: &Order| order.phone.as_deref().is_some_and(|phone| same_number(phone, digits));
        let mut orders = self.crm.fresh(Class::Delivery).await.with(orders, his);
        orders.retain(|order| !closed.contains(&order.status) && his(order));
        Ok(orders)
    }

    /// After a lost answer: an order of ours for this number, which nobody had when the call
    /// began, is this manager's by now. While one still waits, it was not done.
    pub(super) async fn accepted_back(
        &self,
        owner: &EmployeeId,
    ) -> Result<Option<Done>, ApplyError> {
        let Some(number) = &self.work.case.number else { return Ok(None) };
        let owner = manager(owner)?;
        let orders = self.open_orders(number).await?;
        if orders.iter().any(waits) {
            return Ok(None);
        }
        let frozen = self.work.case.client().into_iter().flat_map(|client| &client.deals);
        let had: Vec<String> = frozen
            .filter(|deal| deal.owner.is_some())
            .map(|deal| deal.id.as_str().to_owned())
            .collect();
        let ours = orders.into_iter().filter(|order| {
            order.manager_id == Some(owner)
                && order.external_id.as_deref().is_some_and(|mark| mark.starts_with("dozvon-"))
                && !had.contains(&order.id.to_string())
        });
        let found = ours.min_by_key(|order| order.id);
        Ok(found.map(|order| {
            let client = order.customer.map(|customer| customer.id);
            found_deal(client, order.id, format!("order {} is of {owner} now", order.id))
        }))
    }
}
