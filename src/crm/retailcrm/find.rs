//! Whom a number belongs to.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::wire::{Caller, Corporates, Customers, Id, Order, Orders, Person, Statuses};
use super::{Entity, Retail};
use crate::core::client::{Client, Deal};
use crate::core::phone::Phone;
use crate::crm::remote::{Class, Fault, choose, same_number};

/// Pages of 100 orders of one client that are read.
const PAGES: u32 = 20;

/// The groups of statuses after which nothing comes.
const CLOSED: [&str; 2] = ["complete", "cancel"];

/// What was made a moment ago.
pub(super) struct Fresh {
    customers: Vec<Person>,
    orders: Vec<Order>,
}

impl Fresh {
    /// These orders, and those of them that were made a moment ago.
    pub(super) fn with(&self, mut orders: Vec<Order>, his: impl Fn(&Order) -> bool) -> Vec<Order> {
        for fresh in &self.orders {
            if his(fresh) && !orders.iter().any(|order| order.id == fresh.id) {
                orders.push(fresh.clone());
            }
        }
        orders
    }
}

impl Retail {
    /// One request: the CRM knows the spellings of numbers itself. The deals are missing.
    pub(super) async fn find_caller(&self, phone: &Phone) -> Result<Option<Client>, Fault> {
        let asked = self.who_calls(Class::Lookup, phone);
        let (asked, fresh) = tokio::join!(asked, self.fresh(Class::Lookup));
        match asked? {
            Some(Caller { customer: Some(customer), manager }) => {
                let owner = manager.map(|manager| manager.id).or(customer.manager_id);
                Ok(Some(client(&customer, owner, None)))
            }
            // Somebody is responsible for a number that is no customer's own, or the key has no
            // right to telephony.
            Some(Caller { manager: Some(_), .. }) | None => {
                self.whole(Class::Lookup, phone, None, &fresh).await
            }
            Some(_) => {
                let made = fresh.customers.iter().filter(|person| has(person, phone));
                let newest = made.max_by_key(|person| person.id);
                Ok(newest.map(|person| client(person, person.manager_id, None)))
            }
        }
    }

    /// `None`: without telephony it does not tell; it still finds clients by name and number.
    async fn who_calls(&self, class: Class, phone: &Phone) -> Result<Option<Caller>, Fault> {
        let query = [("phone", phone.digits()), ("details", "1"), ("ignoreStatus", "1")];
        match self.api.get(class, "telephony/manager", &query).await {
            Ok(caller) => Ok(Some(caller)),
            Err(Fault::Refused { .. } | Fault::Forbidden(_)) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// The whole answer: every client with this number, his company and all orders.
    pub(super) async fn find_client(
        &self,
        class: Class,
        phone: &Phone,
    ) -> Result<Option<Client>, Fault> {
        let (asked, fresh) = tokio::join!(self.who_calls(class, phone), self.fresh(class));
        let customer = asked?.and_then(|caller| caller.customer);
        self.whole(class, phone, customer, &fresh).await
    }

    /// The same, where telephony was asked already.
    async fn whole(
        &self,
        class: Class,
        phone: &Phone,
        customer: Option<Person>,
        fresh: &Fresh,
    ) -> Result<Option<Client>, Fault> {
        let mut found = self.with_number(class, phone, fresh).await?;
        if let Some(customer) = customer
            && !found.iter().any(|person| person.id == customer.id)
        {
            found.extend(self.listed(class, customer.id).await?.or(Some(customer)));
        }
        let mut all = Vec::new();
        for person in found {
            let company = match person.is_contact {
                true => self.company_of(class, person.id).await?,
                false => None,
            };
            let mut deals = self.deals(class, person.id, fresh).await?;
            if let Some(company) = &company {
                deals.extend(self.deals(class, company.id, fresh).await?);
            }
            let owner = person.manager_id.or(company.as_ref().and_then(|c| c.manager_id));
            let mut client = client(&person, owner, company.as_ref());
            client.deals = deals;
            let created = person.created_at.as_deref().and_then(|at| self.times.read(at));
            all.push((client, person.id, created));
        }
        Ok(choose(all, "order"))
    }

    /// Clients whose number it is. The CRM's search is wide: it looks into names as well.
    pub(super) async fn with_number(
        &self,
        class: Class,
        phone: &Phone,
        fresh: &Fresh,
    ) -> Result<Vec<Person>, Fault> {
        let digits = phone.digits();
        // The country code is spelt in several ways: 8 and 7, 0 and 380.
        let spelt = digits.len().checked_sub(10).map_or(digits, |from| &digits[from..]);
        let query = [("filter[name]", spelt), ("limit", "100")];
        let mut found = self.api.get::<Customers>(class, "customers", &query).await?.customers;
        found.retain(|person| has(person, phone));
        // Where somebody has the number, who was made for it may be merged into him.
        if found.is_empty() {
            found.extend(fresh.customers.iter().filter(|person| has(person, phone)).cloned());
        }
        for person in &found {
            self.remember_site(Entity::Customer, person.id, person.site.as_deref()).await;
        }
        Ok(found)
    }

    /// By id.
    pub(super) async fn customer(&self, class: Class, id: Id) -> Result<Option<Person>, Fault> {
        if let Some(person) = self.listed(class, id).await? {
            return Ok(Some(person));
        }
        let fresh = self.fresh(class).await.customers.into_iter();
        Ok({ fresh }.find(|person| person.id == id))
    }

    /// A list wants no shop to be named.
    async fn listed(&self, class: Class, id: Id) -> Result<Option<Person>, Fault> {
        let query = [("filter[ids][0]", &*id.to_string())];
        let found: Customers = self.api.get(class, "customers", &query).await?;
        let person = found.customers.into_iter().find(|person| person.id == id);
        if let Some(person) = &person {
            self.remember_site(Entity::Customer, person.id, person.site.as_deref()).await;
        }
        Ok(person)
    }

    pub(super) async fn company_of(
        &self,
        class: Class,
        contact: Id,
    ) -> Result<Option<Person>, Fault> {
        let id = contact.to_string();
        let query = [("filter[contactIds][0]", id.as_str())];
        let found: Corporates = self.api.get(class, "customers-corporate", &query).await?;
        Ok(found.customers_corporate.into_iter().next())
    }

    /// An order by id.
    pub(super) async fn order(&self, class: Class, id: Id) -> Result<Option<Order>, Fault> {
        let found = self.orders(class, &[("filter[ids][0]", &id.to_string())]).await?;
        if let Some(order) = found.into_iter().find(|order| order.id == id) {
            return Ok(Some(order));
        }
        let fresh = self.fresh(class).await.orders.into_iter();
        Ok({ fresh }.find(|order| order.id == id))
    }

    /// All orders of a client or company.
    pub(super) async fn orders_of(
        &self,
        class: Class,
        customer: Id,
        fresh: &Fresh,
    ) -> Result<Vec<Order>, Fault> {
        let found = self.orders(class, &[("filter[customerId]", &customer.to_string())]).await?;
        let his = |order: &Order| order.customer.as_ref().is_some_and(|who| who.id == customer);
        Ok(fresh.with(found, his))
    }

    /// What was made a moment ago and may not be in the CRM's lists yet.
    pub(super) async fn fresh(&self, class: Class) -> Fresh {
        let (customers, orders) = tokio::join!(
            self.fresh_of(class, Entity::Customer),
            self.fresh_of(class, Entity::Order)
        );
        Fresh { customers, orders }
    }

    async fn fresh_of<T: DeserializeOwned>(&self, class: Class, what: Entity) -> Vec<T> {
        let made = self.recent.all(class, what.thing()).await;
        made.iter().filter_map(|one| serde_json::from_str(&one.made).ok()).collect()
    }

    async fn deals(&self, class: Class, customer: Id, fresh: &Fresh) -> Result<Vec<Deal>, Fault> {
        let closed = self.closed(class).await?;
        let orders = self.orders_of(class, customer, fresh).await?;
        Ok(orders.iter().map(|order| self.deal(order, &closed)).collect())
    }

    /// Orders by a filter, all pages of them.
    pub(super) async fn orders(
        &self,
        class: Class,
        filter: &[(&str, &str)],
    ) -> Result<Vec<Order>, Fault> {
        let mut orders = Vec::new();
        for page in 1..=PAGES {
            let page = page.to_string();
            let mut query = filter.to_vec();
            query.extend([("limit", "100"), ("page", page.as_str())]);
            let answer: Orders = self.api.get(class, "orders", &query).await?;
            orders.extend(answer.orders);
            if answer.pagination.is_last() {
                break;
            }
        }
        for order in &orders {
            self.remember_site(Entity::Order, order.id, order.site.as_deref()).await;
        }
        Ok(orders)
    }

    fn deal(&self, order: &Order, closed: &BTreeSet<String>) -> Deal {
        let number = order.number.clone().unwrap_or_else(|| order.id.to_string());
        let created = order.created_at.as_deref().and_then(|at| self.times.read(at));
        Deal {
            id: order.id.to_string().as_str().into(),
            title: format!("№ {number}"),
            owner: order.manager_id.map(|id| id.to_string().as_str().into()),
            created: created.unwrap_or_default(),
            open: !closed.contains(&order.status),
        }
    }

    /// The statuses of closed orders. `process` of a group does not tell: a new order has it not.
    pub(super) async fn closed(&self, class: Class) -> Result<Arc<BTreeSet<String>>, Fault> {
        if let Some(known) = self.closed.get(&()).await {
            return Ok(known);
        }
        let answer: Statuses = self.api.get(class, "reference/statuses", &[]).await?;
        let closed = answer.statuses.into_iter();
        let closed = closed.filter(|(_, status)| CLOSED.contains(&status.group.as_str()));
        let closed: Arc<BTreeSet<String>> = Arc::new(closed.map(|(code, _)| code).collect());
        self.closed.insert((), closed.clone()).await;
        Ok(closed)
    }

    pub(super) async fn remember_site(&self, what: Entity, id: Id, site: Option<&str>) {
        if let Some(site) = site {
            self.sites.insert((what, id), site.into()).await;
        }
    }
}

/// Whether it is his number.
fn has(person: &Person, phone: &Phone) -> bool {
    person.phones.iter().any(|stored| same_number(&stored.number, phone.digits()))
}

fn client(person: &Person, owner: Option<Id>, company: Option<&Person>) -> Client {
    let company = company.and_then(|company| {
        let main = company.main_company.as_ref().and_then(|main| main.name.clone());
        main.or_else(|| company.nick_name.clone())
    });
    Client {
        id: person.id.to_string().as_str().into(),
        name: person.name(),
        company,
        owner: owner.map(|id| id.to_string().as_str().into()),
        deals: Vec::new(),
        choice: None,
    }
}
