//! Whom a number belongs to.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::config::Deals;
use super::reading::Of;
use super::wire::{Buyer, Card, Id, Order, Status};
use super::{DEAL, KeyCrm, NO_BUYER};
use crate::core::client::{Client, Deal};
use crate::core::phone::Phone;
use crate::crm::remote::{Class, Fault, Made, Thing, choose, same_number};

/// Pages of 50 orders of one client that are read.
const PAGES: u32 = 20;

impl KeyCrm {
    /// One request. The deals are missing as far as they are not known already.
    pub(super) async fn find_caller(&self, phone: &Phone) -> Result<Option<Client>, Fault> {
        let buyers = self.with_number(Class::Lookup, phone).await?;
        self.chosen(Class::Lookup, buyers, phone, &[]).await
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
                let ids: Vec<Id> = buyers.iter().map(|buyer| buyer.id).collect();
                let of = Of { buyers: &ids, phone };
                self.cards_now(class, of, class == Class::Lookup).await?;
                Vec::new()
            }
            Deals::Orders => self.orders(class, phone).await?,
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
                Deals::Cards => cards.of(Some(buyer.id), phone).iter().map(|c| c.deal()).collect(),
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
            id: format!("{NO_BUYER}{}", newest.contact.unwrap_or(newest.id)).as_str().into(),
            name: newest.name.clone().unwrap_or_default(),
            company: None,
            owner: None,
            deals: cards.iter().map(|card| card.deal()).collect(),
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
        let (found, made) = tokio::join!(
            self.api.list::<Buyer>(class, "buyer", &query, 1),
            self.recent.read(class, Thing::Client, phone.e164()),
        );
        let mut found = found?;
        if let Some(made) = made.and_then(|id| id.parse().ok().map(Id))
            && found.iter().all(|buyer| buyer.id != made)
        {
            match self.buyer_as(class, made).await? {
                Some(buyer) => found.push(buyer),
                None => self.recent.forget(Thing::Client, phone.e164()).await,
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

    pub(super) async fn orders(&self, class: Class, phone: &Phone) -> Result<Vec<Order>, Fault> {
        let spelt = spellings(phone);
        let query = [
            ("filter[buyer_phone]", spelt.as_str()),
            ("include", "buyer,manager"),
            ("sort", "-id"),
        ];
        let (found, made) = tokio::join!(
            self.api.list::<Order>(class, "order", &query, PAGES),
            self.recent.all(class, Thing::Deal),
        );
        let mut found = found?;
        for made in made.iter().filter(|made| is_of(made, Of { buyers: &[], phone })) {
            if found.iter().any(|order| order.id.to_string() == made.name) {
                continue;
            }
            found.extend(self.made_deal(class, "order", made, "buyer,manager").await?);
        }
        found.retain(|order| {
            let numbers = order.buyer.as_ref().map(|buyer| buyer.phone.as_slice());
            numbers.is_none_or(|all| all.iter().any(|one| same_number(one, phone.digits())))
        });
        Ok(found)
    }

    /// Cards as they are now, also those of these clients that another engine made or changed a
    /// moment ago. `all`: not only as far as it takes to know that there is an open one.
    pub(super) async fn cards_now(&self, class: Class, of: Of<'_>, all: bool) -> Result<(), Fault> {
        let read = self.all_cards(class, Some(of).filter(|_| !all));
        let (read, made) = tokio::join!(read, self.recent.all(class, Thing::Deal));
        read?;
        for made in made.into_iter().filter(|made| is_of(made, of)) {
            if !made.is_news && self.heard().cards.knows(&made.name) {
                continue;
            }
            if let Some(card) = self.made_deal::<Card>(class, DEAL, &made, "contact.client").await?
            {
                self.heard().learn(self.known(card));
                self.recent.noted(Thing::Deal, made);
            }
        }
        Ok(())
    }

    /// By its id, which needs no index.
    async fn made_deal<T: DeserializeOwned>(
        &self,
        class: Class,
        path: &str,
        made: &Made,
        include: &str,
    ) -> Result<Option<T>, Fault> {
        match self.api.get(class, &format!("{path}/{}", made.name), &[("include", include)]).await {
            Ok(deal) => Ok(Some(deal)),
            Err(Fault::Refused { status: 404, .. }) => {
                self.recent.forget(Thing::Deal, &made.name).await;
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// A deal was made: neither search nor list may know it yet.
    pub(super) async fn keep_deal(&self, deal: Id, buyer: Option<Id>, number: Option<&str>) {
        let of = [number.map(str::to_owned), buyer.map(|id| id.to_string())];
        let of = of.into_iter().flatten().collect::<Vec<_>>().join(" ");
        self.recent.keep(Thing::Deal, &deal.to_string(), &of).await;
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
        let closed = all.into_iter().filter(|status| status.is_closing_order);
        let closed: Arc<BTreeSet<Id>> = Arc::new(closed.map(|status| status.id).collect());
        self.closed.insert((), closed.clone()).await;
        Ok(closed)
    }
}

/// Whether a deal that was made is of this number, or of one of these buyers.
fn is_of(deal: &Made, of: Of<'_>) -> bool {
    let mut words = deal.made.split(' ');
    words.any(|word| word == of.phone.e164() || of.buyers.iter().any(|id| id.to_string() == word))
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
fn spellings(phone: &Phone) -> String {
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
