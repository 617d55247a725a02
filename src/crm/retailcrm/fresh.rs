//! What was made a moment ago: the CRM's lists may not have it yet.

use serde::de::DeserializeOwned;

use super::wire::{Order, Person};
use super::{Entity, Retail};
use crate::crm::remote::Class;

/// What was made a moment ago.
pub(super) struct Fresh {
    pub(super) customers: Vec<Person>,
    pub(super) orders: Vec<Order>,
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
}
