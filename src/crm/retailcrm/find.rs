//! Whom a number belongs to.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::fresh::Fresh;
use super::numbers::has;
use super::wire::{Caller, Corporates, Customers, Id, Order, Orders, Person, Statuses};
use super::{Entity, Retail};
use crate::core::client::{Client, Deal};
use crate::core::phone::Phone;
use crate::crm::remote::{Class, Fault, choose};

/// Pages of 100 orders of one client that are read.
const PAGES: u32 = 20;

/// The groups of statuses after which nothing comes.
const CLOSED: [&str; 2] = ["complete", "cancel"];

impl Retail {
    /// One request: the CRM knows the spellings of numbers itself. The deals are missing.
    pub(super) async fn find_caller(&self, phone: &Phone) -> Result<Option<Client>, Fault> {
        let asked = self.who_calls(Class::Lookup, phone);
        let (asked, fresh) = tokio::join!(asked, self.fresh(Class::Lookup));
        match asked? {
            caller if !self.config.telephony_decides => {
                self.whole(Class::Lookup, phone, caller, &fresh).await
            }
            Some(Caller { customer: Some(customer), manager }) => {
                let owner = manager.map(|manager| manager.id).or(customer.manager_id);
                Ok(Some(client(&customer, owner, None)))
            }
            // Somebody is responsible for a number that is no customer's own, or the key has no
            // right to telephony.
            caller @ (Some(Caller { manager: Some(_), .. }) | None) => {
                self.whole(Class::Lookup, phone, caller, &fresh).await
            }
            Some(_) => {
                let made = fresh.customers.iter().filter(|person| has(person, phone));
                let newest = made.max_by_key(|person| person.id);
                Ok(newest.map(|person| client(person, person.manager_id, None)))
            }
        }
    }

    /// `None`: without telephony it does not tell; it still finds clients by name and number.
    pub(super) async fn who_calls(
        &self,
        class: Class,
        phone: &Phone,
    ) -> Result<Option<Caller>, Fault> {
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
        self.whole(class, phone, asked?, &fresh).await
    }

    /// The same, where telephony was asked already.
    async fn whole(
        &self,
        class: Class,
        phone: &Phone,
        caller: Option<Caller>,
        fresh: &Fresh,
    ) -> Result<Option<Client>, Fault> {
        let found = self.with_number(class, phone, fresh).await?;
        let mut all = Vec::new();
        for person in self.and_caller(class, phone, found, caller).await? {
            let companies = match person.is_contact {
                true => self.companies_of(class, person.id).await?,
                false => Vec::new(),
            };
            let mut deals = self.deals(class, person.id, fresh).await?;
            for company in &companies {
                for deal in self.deals(class, company.id, fresh).await? {
                    if !deals.iter().any(|known| known.id == deal.id) {
                        deals.push(deal);
                    }
                }
            }
            let owner = person.manager_id.or(companies.iter().find_map(|c| c.manager_id));
            let mut client = client(&person, owner, companies.first());
            client.deals = deals;
            let created = person.created_at.as_deref().and_then(|at| self.times.read(at));
            all.push((client, person.id, created));
        }
        Ok(choose(all, "order"))
    }

    /// Clients the list has for a number, and whom telephony names: it knows all spellings.
    pub(super) async fn and_caller(
        &self,
        class: Class,
        phone: &Phone,
        mut found: Vec<Person>,
        caller: Option<Caller>,
    ) -> Result<Vec<Person>, Fault> {
        match caller {
            Some(Caller { customer: Some(customer), .. })
                if !found.iter().any(|person| person.id == customer.id) =>
            {
                found.extend(self.listed(class, customer.id).await?.or(Some(customer)));
            }
            None if found.is_empty() => found = self.typed(class, phone).await?,
            _ => {}
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

    pub(super) async fn companies_of(
        &self,
        class: Class,
        contact: Id,
    ) -> Result<Vec<Person>, Fault> {
        let id = contact.to_string();
        let query = [("filter[contactIds][0]", id.as_str())];
        let found: Corporates = self.api.get(class, "customers-corporate", &query).await?;
        Ok(found.customers_corporate)
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

    /// Orders by their ids, 100 at most.
    pub(super) async fn orders_by_id(&self, class: Class, ids: &[Id]) -> Result<Vec<Order>, Fault> {
        let named = ids_filter(ids);
        let named = named.iter().map(|(key, id)| (key.as_str(), id.as_str()));
        self.orders(class, &named.collect::<Vec<_>>()).await
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

/// `filter[ids][0]=…&filter[ids][1]=…`.
pub(super) fn ids_filter(ids: &[Id]) -> Vec<(String, String)> {
    let named = ids.iter().enumerate();
    named.map(|(n, id)| (format!("filter[ids][{n}]"), id.to_string())).collect()
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
