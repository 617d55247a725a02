//! What changed in the account. It tells nobody by itself: its histories are read on.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::wire::{Change, Contacts, History, Id};
use super::{Entity, NAME, Retail};
use crate::core::ids::ClientId;
use crate::crm::Changed;
use crate::crm::remote::{Class, Fault, quiet};

/// The histories.
pub(super) const STREAMS: [&str; 3] = ["customers/history", "orders/history", COMPANIES];
const COMPANIES: &str = "customers-corporate/history";
/// What contacts of a company have from it: its row names the company only.
const OF_CONTACTS: [&str; 3] = ["manager", "main_company", "nick_name"];
/// A page of a history.
const PAGE: usize = 100;
/// Orders in one question.
const ORDERS: usize = 100;
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
    /// Orders that changed, and whose they are is not asked yet: their rows do not say.
    orders: VecDeque<Id>,
    /// Companies that changed, with their shops: their contacts are not asked for yet.
    companies: VecDeque<(Id, Option<String>)>,
    /// Which histories failed when they were read last.
    ill: [bool; 3],
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
        let mut failed = [None, None, None];
        for _ in 0..PAGES {
            for (place, path) in STREAMS.into_iter().enumerate() {
                if more[place] && begun.elapsed() < LONG {
                    more[place] = match self.page(&mut read, place, path).await {
                        Ok(more) => more,
                        Err(fault) => {
                            failed[place] = Some(fault);
                            false
                        }
                    };
                }
            }
        }
        if let [Some(fault), Some(_), Some(_)] = failed {
            return Err(fault);
        }
        for (place, fault) in failed.iter().enumerate() {
            told(STREAMS[place], fault.as_ref(), &mut read.ill[place]);
        }
        let of_orders = self.whose_orders(&mut read, begun).await;
        let of_companies = self.whose_companies(&mut read, begun).await;
        if more.contains(&true) || of_orders || of_companies {
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
        match (answer.history.iter().filter_map(number).max(), answer.generated_at) {
            (Some(last), _) => read.since[place] = Since::Row(last),
            // The account's own clock, so that a wrong time zone loses nothing.
            (None, Some(now)) if !matches!(read.since[place], Since::Row(_)) => {
                read.since[place] = Since::Time(now);
            }
            (None, _) => {}
        }
        let many = answer.history.len();
        let rows: Vec<Change> =
            answer.history.into_iter().filter_map(|row| readable(path, row)).collect();
        if path != COMPANIES {
            self.forget(rows.iter().filter_map(Change::gone).collect()).await;
        }
        for row in rows {
            let field = row.field.as_deref().unwrap_or_default();
            if first || NOISE.contains(&field) {
                continue;
            }
            // Who had no number, or another one, may have one now.
            read.added |= row.created || field == "phones";
            read.clients.extend(row.touched());
            if let (Some(gone), Some(into)) = (&row.customer, row.combined_to) {
                self.merged.insert(gone.id, into.id).await;
            }
            if let Some(order) = row.order_of_somebody()
                && !read.orders.contains(&order)
            {
                read.orders.push_back(order);
            }
            if path == COMPANIES
                && OF_CONTACTS.contains(&field)
                && let Some(company) = &row.customer
                && !read.companies.iter().any(|(known, _)| *known == company.id)
            {
                read.companies.push_back((company.id, company.site.clone()));
            }
        }
        Ok(many >= PAGE)
    }

    /// The clients of orders that changed. `true`: some are left, and are not to be waited for.
    async fn whose_orders(&self, read: &mut Read, begun: Instant) -> bool {
        while begun.elapsed() < LONG && !read.orders.is_empty() {
            let some: Vec<Id> = read.orders.iter().copied().take(ORDERS).collect();
            // What is never answered is not to be first for ever, nor lost where this is cut short.
            read.orders.rotate_left(some.len());
            match self.orders_by_id(Class::Delivery, &some).await {
                Ok(orders) => {
                    let whose = orders.iter().flat_map(|order| {
                        let contact = order.contact.iter().map(|who| who.id);
                        contact.chain(order.customer.iter().map(|who| who.id))
                    });
                    read.clients.extend(whose);
                }
                // They are hidden from the key, or gone.
                Err(Fault::Refused { .. } | Fault::Forbidden(_)) => {}
                Err(fault) => {
                    debug!(crm = NAME, %fault, "whose orders changed is not known yet");
                    return false;
                }
            }
            read.orders.truncate(read.orders.len() - some.len());
        }
        !read.orders.is_empty()
    }

    /// The same for contacts of companies that changed.
    async fn whose_companies(&self, read: &mut Read, begun: Instant) -> bool {
        while begun.elapsed() < LONG
            && let Some((company, site)) = read.companies.front().cloned()
        {
            read.companies.rotate_left(1);
            match self.contacts(company, site.as_deref()).await {
                Ok(contacts) => read.clients.extend(contacts),
                Err(fault) => {
                    debug!(crm = NAME, %fault, "the contacts of a company are not known yet");
                    return false;
                }
            }
            read.companies.pop_back();
        }
        !read.companies.is_empty()
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

/// The number of a row, in whatever form the rest of it is.
fn number(row: &Value) -> Option<u64> {
    serde_json::from_value(row["id"].clone()).ok().map(|id: Id| id.0)
}

/// A row, if it can be read.
fn readable(path: &str, row: Value) -> Option<Change> {
    let row = serde_json::from_value(row);
    let why = |error: serde_json::Error| quiet(&error.to_string());
    row.map_err(|error| debug!(crm = NAME, path, why = why(error), "a row cannot be read")).ok()
}

/// A history that fails, or is read again: once each.
fn told(path: &str, fault: Option<&Fault>, ill: &mut bool) {
    match (fault, *ill) {
        (Some(fault), false) => warn!(
            crm = NAME,
            path,
            %fault,
            "a history cannot be read: what changes there is not noticed until it can"
        ),
        (None, true) => info!(crm = NAME, path, "the history is read again"),
        _ => {}
    }
    *ill = fault.is_some();
}

impl Change {
    /// The order, where its row does not say whose it is.
    fn order_of_somebody(&self) -> Option<Id> {
        let order = self.order.as_ref()?;
        order.id.filter(|_| order.customer.is_none() && order.contact.is_none())
    }

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

    /// The clients it concerns: with the one they were merged into, whose an order was, and
    /// contacts of companies.
    fn touched(&self) -> Vec<Id> {
        let order = self.order.as_ref();
        let of_order = order.into_iter().flat_map(|order| [&order.customer, &order.contact]);
        let contact = self.customer_contact.as_ref().and_then(|c| c.customer.as_ref());
        let moves = matches!(self.field.as_deref(), Some("customer" | "contact"));
        let before = self.old_value.iter().filter(|_| moves);
        let others = of_order.flatten().chain(&self.combined_to).chain(contact).chain(before);
        let own = self.customer.as_ref().map(|who| who.id);
        own.into_iter().chain(others.map(|who| who.id)).collect()
    }
}
