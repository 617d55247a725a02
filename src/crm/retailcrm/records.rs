//! Clients, companies and orders.

use std::collections::BTreeMap;

use serde_json::json;

use super::desk::{
    Desk, afterwards, found_client, found_deal, made_client, made_deal, manager, no_id, refused,
    said,
};
use super::fields::Sorted;
use super::wire::{Corporates, Id, NewCorporate, NewCustomer, NewOrder, PhoneNumber, Ref, Tag};
use super::{Entity, Retail};
use crate::core::action::{On, Touch};
use crate::core::case::DealFact;
use crate::core::ids::EmployeeId;
use crate::crm::remote::{Class, Thing};
use crate::crm::{ApplyError, Done};

impl Desk<'_> {
    pub(super) async fn contact(
        &self,
        name: &str,
        owner: &EmployeeId,
        tags: &[String],
        fields: &BTreeMap<String, String>,
    ) -> Result<Done, ApplyError> {
        let Some(number) = self.number() else {
            return Err(refused("a client without a number would never be found again"));
        };
        if let Some(client) = self.client().await? {
            return Ok(found_client(client, format!("nothing: client {client} has this number")));
        }
        let Sorted { source, own, rest } = self.crm.sorted(Entity::Customer, fields).await?;
        let new = NewCustomer {
            external_id: &self.mark(),
            first_name: name,
            phones: vec![PhoneNumber { number: number.to_owned() }],
            manager_id: manager(owner)?,
            tags: tags.iter().map(|name| Tag { name }).collect(),
            source,
            custom_fields: own,
        };
        let id = self.make_entity(Entity::Customer, &new).await?;
        let mut what = format!("made client {id}");
        self.rest_of(id, Touch::First, &rest, &mut what).await?;
        Ok(made_client(id, what))
    }

    pub(super) async fn company(&self, name: &str) -> Result<Done, ApplyError> {
        let client = self.needed_client("a company").await?;
        let query = [("filter[companyName]", name), ("limit", "100")];
        let found: Corporates =
            self.crm.api.get(Class::Delivery, "customers-corporate", &query).await?;
        let same = |known: Option<&str>| known.is_some_and(|known| known.trim() == name.trim());
        let known = found.customers_corporate.into_iter().find(|company| {
            let main = company.main_company.as_ref().and_then(|main| main.name.as_deref());
            same(company.nick_name.as_deref()) || same(main)
        });
        // One made a moment ago is in no list yet, and neither are its contacts.
        let (recent, name_kept) = (&self.crm.recent, name.trim());
        let made = recent.read(Class::Delivery, Thing::Company, name_kept).await;
        let mut of_made =
            made.iter().flat_map(|made| made.split(' ')).filter_map(|id| id.parse().ok().map(Id));
        let known = known.map(|company| (company.id, company.site));
        if let Some((company, site)) = known.or(of_made.next().map(|id| (id, None))) {
            let own = self.crm.company_of(Class::Delivery, client).await?;
            if own.is_some_and(|own| own.id == company) || of_made.any(|contact| contact == client)
            {
                return Ok(said(format!("nothing: client {client} belongs to it already")));
            }
            let contact = json!({ "customer": { "id": client } }).to_string();
            let path = format!("customers-corporate/{company}/contacts/create");
            let mut form = vec![("by", "id"), ("contact", contact.as_str())];
            let site = site.as_deref().or(self.site());
            form.extend(site.map(|site| ("site", site)));
            let _: super::wire::Made = self.crm.api.post(Class::Delivery, &path, &form).await?;
            let contacts = made.unwrap_or_else(|| company.to_string());
            recent.keep(Thing::Company, name_kept, &format!("{contacts} {client}")).await;
            return Ok(said(format!("client {client} belongs to company {company} now")));
        }
        let new = NewCorporate {
            external_id: &self.mark(),
            nick_name: name,
            companies: json!([{ "isMain": true, "name": name }]),
            customer_contacts: json!([{ "customer": { "id": client } }]),
        };
        let made = self.make("customers-corporate/create", "customerCorporate", &new).await?;
        let id = made.id.ok_or_else(no_id)?;
        recent.keep(Thing::Company, name_kept, &format!("{id} {client}")).await;
        Ok(said(format!("made company {id} with client {client}")))
    }

    pub(super) async fn deal(
        &self,
        title: &str,
        owner: &EmployeeId,
        (kind, status): (Option<&str>, Option<&str>),
        tags: &[String],
        fields: &BTreeMap<String, String>,
    ) -> Result<Done, ApplyError> {
        if let Some(made) = &self.work.bound.deal {
            return Ok(said(format!("nothing: this call made order {made}")));
        }
        let client = self.needed_client("an order").await?;
        // The rules were told of none; another call of the client was quicker.
        if self.work.case.deal_fact() != DealFact::Open
            && let Some(open) = self.crm.open_order(client).await?
        {
            let what = format!("nothing: order {open} was opened meanwhile");
            return Ok(found_deal(Some(client), open, what));
        }
        let Sorted { source, own, rest } = self.crm.sorted(Entity::Order, fields).await?;
        let name = self.work.case.client().map(|client| client.name.clone());
        let new = NewOrder {
            external_id: &self.mark(),
            customer: Some(Ref { id: client }),
            first_name: name.or_else(|| self.work.case.name.clone()),
            phone: self.number(),
            manager_id: Some(manager(owner)?),
            status,
            order_type: kind,
            order_method: self.crm.config.order_method.as_deref(),
            call: false,
            manager_comment: comment(title, &rest),
            source,
            custom_fields: own,
        };
        let id = self.make_entity(Entity::Order, &new).await?;
        let mut what = format!("made order {id}");
        self.tags_of(Some(client), tags, &mut what).await?;
        Ok(made_deal(Some(client), id, what))
    }

    /// The tags of an order that is there by now: its client gets them.
    pub(super) async fn tags_of(
        &self,
        client: Option<Id>,
        tags: &[String],
        what: &mut String,
    ) -> Result<(), ApplyError> {
        let Some(client) = client.filter(|_| !tags.is_empty()) else { return Ok(()) };
        let tagged = self.edit(Entity::Customer, client, &json!({ "addTags": tags })).await;
        if tagged.is_ok() {
            what.push_str(", and tagged the client");
        }
        afterwards(tagged, what, "tagging the client")
    }

    pub(super) async fn change_owner(&self, of: On, to: &EmployeeId) -> Result<Done, ApplyError> {
        let spot = self.spot(of).await?;
        let change = json!({ "managerId": manager(to)? });
        match (spot.order, spot.client) {
            (Some(order), _) => self.edit(Entity::Order, order, &change).await?,
            (None, Some(client)) => self.edit(Entity::Customer, client, &change).await?,
            (None, None) => return Err(refused("nobody has this number: there is no owner")),
        }
        Ok(said(format!("{} is of {to} now", spot.words())))
    }

    pub(super) async fn reactivate(&self) -> Result<Done, ApplyError> {
        let Some(tag) = &self.crm.config.inactive_tag else {
            return Ok(said(
                "nothing: retailCRM has no inactive clients, and no tag is set for it",
            ));
        };
        let client = self.needed_client("to be active again").await?;
        self.edit(Entity::Customer, client, &json!({ "removeTags": [tag] })).await?;
        Ok(said(format!("client {client} has the tag {tag} no more")))
    }

    pub(super) async fn tag(&self, tags: &[String]) -> Result<Done, ApplyError> {
        let client = self.needed_client("a tag").await?;
        self.edit(Entity::Customer, client, &json!({ "addTags": tags })).await?;
        Ok(said(format!("tagged client {client}")))
    }
}

impl Retail {
    /// The oldest open order of a client (D03).
    async fn open_order(&self, client: Id) -> Result<Option<Id>, ApplyError> {
        let closed = self.closed(Class::Delivery).await?;
        let fresh = self.fresh(Class::Delivery).await;
        let orders = self.orders_of(Class::Delivery, client, &fresh).await?;
        let open = orders.iter().filter(|order| !closed.contains(&order.status));
        Ok(open.min_by_key(|order| (order.created_at.clone(), order.id)).map(|order| order.id))
    }
}

/// The comment of an order: its title, and what has no field.
pub(super) fn comment(title: &str, rest: &BTreeMap<String, String>) -> String {
    let lines = rest.iter().map(|(name, value)| format!("{name}: {value}"));
    std::iter::once(title.to_owned()).chain(lines).collect::<Vec<_>>().join("\n")
}
