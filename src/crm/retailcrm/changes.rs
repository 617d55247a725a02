//! What changed in the account. It tells nobody by itself: its histories are read on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::wire::{Change, Contacts, History, Id};
use super::{Entity, Retail};
use crate::core::ids::ClientId;
use crate::crm::Changed;
use crate::crm::remote::{Class, Fault};

/// The histories.
const STREAMS: [&str; 3] = ["customers/history", "orders/history", COMPANIES];
const COMPANIES: &str = "customers-corporate/history";
/// What contacts of a company have from it: its row names the company only.
const OF_CONTACTS: [&str; 3] = ["manager", "main_company", "nick_name"];
/// A page of a history.
const PAGE: usize = 100;
/// Pages of a history read in one go; the rest is read next time.
const PAGES: usize = 10;
/// A reading ends after this, well before who asked gives up; the rest is read next time.
const LONG: Duration = Duration::from_secs(5);
/// Segments are counted anew each night and say nothing of owner, name or orders.
const NOISE: [&str; 1] = ["segments"];

/// How far the histories were read.
#[derive(Debug, Default)]
pub(super) struct Read {
    next: Option<Instant>,
    since: [Since; 3],
    /// What was read and not told yet.
    clients: BTreeSet<Id>,
    added: bool,
    /// Companies that changed, with their shops: their contacts are not asked for yet.
    companies: BTreeMap<Id, Option<String>>,
}

#[derive(Clone, Debug, Default)]
enum Since {
    /// From now on.
    #[default]
    Begin,
    /// Nothing was there yet: from this time of the account on.
    Time(String),
    /// From this row on.
    Row(u64),
}

impl Retail {
    /// What is new in the histories, at most each `poll`. Each page counts as read at once, so that
    /// a large import is got through bit by bit, whatever cuts a reading short.
    pub(super) async fn read_on(&self) -> Result<Changed, Fault> {
        let mut read = self.read.lock().await;
        let begun = Instant::now();
        if read.next.is_some_and(|next| begun < next) {
            return Ok(Changed::default());
        }
        read.next = Some(begun + self.config.poll);
        let mut more = STREAMS.map(|_| true);
        for _ in 0..PAGES {
            for (place, path) in STREAMS.into_iter().enumerate() {
                if more[place] && begun.elapsed() < LONG {
                    more[place] = self.page(&mut read, place, path).await?;
                }
            }
        }
        while begun.elapsed() < LONG
            && let Some((company, site)) = read.companies.first_key_value()
        {
            let (company, contacts) = (*company, self.contacts(*company, site.as_deref()).await?);
            read.clients.extend(contacts);
            read.companies.remove(&company);
        }
        if more.contains(&true) || !read.companies.is_empty() {
            read.next = None;
        }
        let clients = std::mem::take(&mut read.clients).into_iter();
        let clients = clients.map(|id| ClientId::new(id.to_string())).collect();
        Ok(Changed { clients, added: std::mem::take(&mut read.added) })
    }

    /// A page of a history. `true`: another one follows.
    async fn page(&self, read: &mut Read, place: usize, path: &str) -> Result<bool, Fault> {
        let (filter, value) = match &read.since[place] {
            Since::Begin => {
                let begin = Timestamp::now().saturating_sub(SignedDuration::from_mins(1));
                ("filter[startDate]", self.times.write(begin.unwrap_or_default()))
            }
            Since::Time(time) => ("filter[startDate]", time.clone()),
            Since::Row(id) => ("filter[sinceId]", id.to_string()),
        };
        let query = [(filter, value.as_str()), ("limit", "100")];
        let answer: History = self.api.get(Class::Delivery, path, &query).await?;
        let first = matches!(read.since[place], Since::Begin);
        match (answer.history.iter().map(|row| row.id.0).max(), answer.generated_at) {
            (Some(last), _) => read.since[place] = Since::Row(last),
            // The account's own clock, so that a wrong time zone loses nothing.
            (None, Some(now)) if !matches!(read.since[place], Since::Row(_)) => {
                read.since[place] = Since::Time(now);
            }
            (None, _) => {}
        }
        let many = answer.history.len();
        if path != COMPANIES {
            self.forget(answer.history.iter().filter_map(Change::gone).collect()).await;
        }
        for row in answer.history {
            let field = row.field.as_deref().unwrap_or_default();
            if first || NOISE.contains(&field) {
                continue;
            }
            read.added |= row.created;
            read.clients.extend(row.touched());
            if path == COMPANIES
                && OF_CONTACTS.contains(&field)
                && let Some(company) = &row.customer
            {
                read.companies.insert(company.id, company.site.clone());
            }
        }
        Ok(many >= PAGE)
    }

    /// What people delete is not to be taken for something no list has yet.
    async fn forget(&self, gone: BTreeSet<(Entity, Id)>) {
        for what in [Entity::Customer, Entity::Order] {
            if !gone.iter().any(|(of, _)| *of == what) {
                continue;
            }
            for made in self.recent.all(Class::Lookup, what.thing()).await {
                if made.name.parse().is_ok_and(|id| gone.contains(&(what, Id(id)))) {
                    self.recent.forget(what.thing(), &made.name).await;
                }
            }
        }
    }

    /// The clients who are contacts of a company. None where it is gone.
    async fn contacts(&self, company: Id, site: Option<&str>) -> Result<Vec<Id>, Fault> {
        let path = format!("customers-corporate/{company}/contacts");
        let mut query = vec![("by", "id"), ("limit", "100")];
        query.extend(site.or(self.config.site.as_deref()).map(|site| ("site", site)));
        let found: Contacts = match self.api.get(Class::Delivery, &path, &query).await {
            Err(Fault::Refused { .. } | Fault::Forbidden(_)) => return Ok(Vec::new()),
            found => found?,
        };
        let clients = found.contacts.into_iter().filter_map(|contact| contact.customer);
        Ok(clients.map(|client| client.id).collect())
    }
}

impl Change {
    /// What it says is there no more: deleted, or merged into another one.
    fn gone(&self) -> Option<(Entity, Id)> {
        if !self.deleted && self.combined_to.is_none() {
            return None;
        }
        match &self.order {
            Some(order) => Some((Entity::Order, order.id?)),
            None => Some((Entity::Customer, self.customer.as_ref()?.id)),
        }
    }

    /// The clients it concerns: with the one they were merged into, and contacts of companies.
    fn touched(&self) -> Vec<Id> {
        let order = self.order.as_ref();
        let of_order = order.into_iter().flat_map(|order| [&order.customer, &order.contact]);
        let contact = self.customer_contact.as_ref().and_then(|c| c.customer.as_ref());
        let others = of_order.flatten().chain(&self.combined_to).chain(contact);
        let own = self.customer.as_ref().map(|who| who.id);
        own.into_iter().chain(others.map(|who| who.id)).collect()
    }
}
