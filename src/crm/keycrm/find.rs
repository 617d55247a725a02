//! Whom a number belongs to.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::KeyCrm;
use super::cards::Known;
use super::config::Deals;
use super::wire::{Buyer, Id, Order, Status};
use crate::core::client::{Client, Deal};
use crate::core::phone::Phone;
use crate::crm::remote::{Class, Fault, choose, same_number};

/// Pages of 50 orders of one client that are read.
pub(super) const PAGES: u32 = 20;

impl KeyCrm {
    /// One request, and the cards as far as they are known already; with orders two at once, as the
    /// call goes to who has the open one (A05): of his newest 50.
    pub(super) async fn find_caller(&self, phone: &Phone) -> Result<Option<Client>, Fault> {
        let (buyers, orders) = tokio::try_join!(self.with_number(Class::Lookup, phone), async {
            match self.config.deals {
                Deals::Cards => Ok(Vec::new()),
                Deals::Orders => self.orders(Class::Lookup, phone, 1).await,
            }
        })?;
        self.chosen(Class::Lookup, buyers, phone, &orders).await
    }

    /// The whole answer: every client with this number, and all cards or orders.
    pub(super) async fn find_client(
        &self,
        class: Class,
        phone: &Phone,
    ) -> Result<Option<Client>, Fault> {
        let buyers = self.with_number(class, phone).await?;
        let orders = match self.config.deals {
            Deals::Cards => {
                self.all_cards(class).await?;
                Vec::new()
            }
            Deals::Orders => self.orders(class, phone, PAGES).await?,
        };
        self.chosen(class, buyers, phone, &orders).await
    }

    async fn chosen(
        &self,
        class: Class,
        buyers: Vec<Buyer>,
        phone: &Phone,
        orders: &[Order],
    ) -> Result<Option<Client>, Fault> {
        let closed = match orders {
            [] => Arc::default(),
            _ => self.closed(class).await?,
        };
        let mut heard = self.heard();
        if self.config.deals == Deals::Cards && !heard.cards.are_known() {
            heard.is_early(&buyers);
        }
        let cards = &heard.cards;
        let mut all = Vec::new();
        for buyer in buyers {
            let mut client = client(&buyer);
            client.deals = match self.config.deals {
                Deals::Cards => cards.of(Some(buyer.id), phone).iter().map(Known::deal).collect(),
                Deals::Orders => orders
                    .iter()
                    .filter(|order| order.buyer.as_ref().is_none_or(|of| of.id == buyer.id))
                    .map(|order| self.deal(order, &closed))
                    .collect(),
            };
            let created = buyer.created_at.as_deref().and_then(|at| self.times.read(at));
            all.push((client, buyer.id, created));
        }
        if !all.is_empty() || self.config.deals == Deals::Orders {
            return Ok(choose(all, "deal"));
        }
        // A lead whom nobody has made a buyer yet.
        let cards = cards.of(None, phone);
        let Some(newest) = cards.last() else { return Ok(None) };
        Ok(Some(Client {
            id: newest.client(),
            name: newest.name.clone().unwrap_or_default(),
            company: None,
            owner: None,
            deals: cards.iter().map(Known::deal).collect(),
            choice: None,
        }))
    }

    /// Buyers whose number it is. Whether the filter knows spellings is not documented.
    pub(super) async fn with_number(
        &self,
        class: Class,
        phone: &Phone,
    ) -> Result<Vec<Buyer>, Fault> {
        let spelt = spellings(phone);
        let query =
            [("filter[buyer_phone]", spelt.as_str()), ("include", "manager,company,custom_fields")];
        let mut found: Vec<Buyer> = self.api.list(class, "buyer", &query, 1).await?;
        if let Some(made) = self.made.get(phone).await
            && found.iter().all(|buyer| buyer.id != made)
        {
            match self.buyer_as(class, made).await? {
                Some(buyer) => found.push(buyer),
                None => self.made.invalidate(phone).await,
            }
        }
        found.retain(|buyer| buyer.phone.iter().any(|one| same_number(one, phone.digits())));
        Ok(found)
    }

    /// By id.
    pub(super) async fn buyer(&self, id: Id) -> Result<Option<Buyer>, Fault> {
        self.buyer_as(Class::Delivery, id).await
    }

    async fn buyer_as(&self, class: Class, id: Id) -> Result<Option<Buyer>, Fault> {
        let query = [("include", "manager,company,custom_fields")];
        match self.api.get(class, &format!("buyer/{id}"), &query).await {
            Ok(buyer) => Ok(Some(buyer)),
            Err(Fault::Refused { status: 404, .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    pub(super) async fn orders(
        &self,
        class: Class,
        phone: &Phone,
        pages: u32,
    ) -> Result<Vec<Order>, Fault> {
        let spelt = spellings(phone);
        let query = [
            ("filter[buyer_phone]", spelt.as_str()),
            ("include", "buyer,manager"),
            ("sort", "-id"),
        ];
        let mut found: Vec<Order> = self.api.list(class, "order", &query, pages).await?;
        found.retain(|order| {
            let numbers = order.buyer.as_ref().map(|buyer| buyer.phone.as_slice());
            numbers.is_none_or(|all| all.iter().any(|one| same_number(one, phone.digits())))
        });
        Ok(found)
    }

    pub(super) fn is_open(&self, order: &Order, closed: &BTreeSet<Id>) -> bool {
        let over = order.status_id.is_some_and(|status| closed.contains(&status));
        !over && order.closed_at.is_none()
    }

    fn deal(&self, order: &Order, closed: &BTreeSet<Id>) -> Deal {
        let created = order.created_at.as_deref().and_then(|at| self.times.read(at));
        Deal {
            id: order.id.to_string().as_str().into(),
            title: format!("№ {}", order.id),
            owner: order.manager.map(|manager| manager.id.to_string().as_str().into()),
            created: created.unwrap_or_default(),
            open: self.is_open(order, closed),
        }
    }

    /// The statuses of closed orders.
    pub(super) async fn closed(&self, class: Class) -> Result<Arc<BTreeSet<Id>>, Fault> {
        if let Some(known) = self.closed.get(&()).await {
            return Ok(known);
        }
        let all: Vec<Status> = self.api.list(class, "order/status", &[], PAGES).await?;
        let closed = all.into_iter().filter(|status| status.ends);
        let closed: Arc<BTreeSet<Id>> = Arc::new(closed.map(|status| status.id).collect());
        self.closed.insert((), closed.clone()).await;
        Ok(closed)
    }
}

fn client(buyer: &Buyer) -> Client {
    Client {
        id: buyer.id.to_string().as_str().into(),
        name: buyer.full_name.clone().unwrap_or_default().trim().to_owned(),
        company: buyer.company.as_ref().and_then(|company| company.name.clone()),
        owner: buyer.owner().map(|id| id.to_string().as_str().into()),
        deals: Vec::new(),
        choice: None,
    }
}

/// As people write it into KeyCRM: `+380501234567,380501234567,0501234567`.
pub(super) fn spellings(phone: &Phone) -> String {
    let digits = phone.digits();
    let at_home = match (digits.get(..2), digits.get(..1), digits.len()) {
        (Some("38"), _, 12) => digits.get(2..).map(str::to_owned),
        (_, Some("7"), 11) => digits.get(1..).map(|rest| format!("8{rest}")),
        _ => None,
    };
    let all = [Some(phone.e164().to_owned()), Some(digits.to_owned()), at_home];
    all.into_iter().flatten().collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::phone::Region;

    #[test]
    fn a_number_is_asked_for_in_every_spelling() {
        let spelt = |text| spellings(&Phone::parse(text, Region::default()).unwrap());
        assert_eq!(spelt("+380501234567"), "+380501234567,380501234567,0501234567");
        assert_eq!(spelt("+79161234567"), "+79161234567,79161234567,89161234567");
        assert_eq!(spelt("+48221234567"), "+48221234567,48221234567");
    }
}
