//! Orders that were won (E01): those in the group of statuses `complete`, or in `won` of the
//! configuration. When they were is when their status changed last.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::Retail;
use super::wire::{Customers, Id, Pagination, Person, Statuses};
use crate::core::ids::CallId;
use crate::core::phone::Phone;
use crate::core::sale::{Contact, Won};
use crate::crm::remote::{Class, Fault, object, or_default};
use crate::crm::{WonSince, phone_of};

/// More pages are a loop in the answers.
const PAGES: u32 = 5000;
/// Clients in one question.
const IDS: usize = 100;

#[derive(Debug, Deserialize)]
struct Orders {
    #[serde(default)]
    orders: Vec<Order>,
    #[serde(default)]
    pagination: Pagination,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    id: Id,
    #[serde(default, deserialize_with = "or_default")]
    status: String,
    status_updated_at: Option<String>,
    total_summ: Option<f64>,
    #[serde(default, deserialize_with = "super::wire::text")]
    phone: Option<String>,
    #[serde(default, deserialize_with = "object")]
    customer: Option<Party>,
    /// Who speaks for a company.
    #[serde(default, deserialize_with = "object")]
    contact: Option<Party>,
    #[serde(default, deserialize_with = "super::wire::map")]
    custom_fields: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Party {
    id: Id,
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    kind: String,
}

impl Order {
    /// A company is no contact.
    fn contact(&self) -> Option<Id> {
        let person = self.customer.as_ref().filter(|who| who.kind != "customer_corporate");
        self.contact.as_ref().or(person).map(|who| who.id)
    }
}

impl Retail {
    pub(super) async fn won_since(&self, ask: &WonSince<'_>) -> Result<Vec<Won>, Fault> {
        let statuses = self.won_statuses().await?;
        let orders = self.orders_won(ask.since, &statuses).await?;
        let ids: BTreeSet<Id> = orders.values().filter_map(|(order, _)| order.contact()).collect();
        let people = self.people(&ids.into_iter().collect::<Vec<_>>()).await?;
        let field = self.config.fields.get(ask.field).map_or(ask.field, String::as_str);
        let won = orders.into_values().map(|(order, closed)| {
            let contact = order.contact().map(|id| contact(id, people.get(&id), &order, field));
            Won {
                id: order.id.to_string().as_str().into(),
                closed,
                price: order.total_summ,
                communication: value(&order.custom_fields, field),
                contact,
            }
        });
        Ok(won.collect())
    }

    /// The codes of statuses that count as won.
    pub(super) async fn won_statuses(&self) -> Result<Arc<BTreeSet<String>>, Fault> {
        let answer: Statuses = self.api.get(Class::Delivery, "reference/statuses", &[]).await?;
        let won = &self.config.won;
        let counts = |code: &str, group: &str| won.iter().any(|word| word == code || word == group);
        let codes = answer.statuses.into_iter().filter(|(code, of)| counts(code, &of.group));
        let codes: BTreeSet<String> = codes.map(|(code, _)| code).collect();
        if codes.is_empty() {
            let why = format!(
                "no status of orders is in `won` ({}): write codes of statuses or of their groups",
                won.join(", ")
            );
            return Err(Fault::Strange(why));
        }
        Ok(Arc::new(codes))
    }

    /// By their ids: what changes meanwhile may put one on two pages.
    async fn orders_won(
        &self,
        since: Timestamp,
        statuses: &BTreeSet<String>,
    ) -> Result<BTreeMap<Id, (Order, Timestamp)>, Fault> {
        let from = self.times.write(since);
        let named: Vec<(String, &str)> = statuses
            .iter()
            .enumerate()
            .map(|(n, code)| (format!("filter[extendedStatus][{n}]"), code.as_str()))
            .collect();
        let mut all = BTreeMap::new();
        for page in 1..=PAGES {
            let page = page.to_string();
            let mut query: Vec<(&str, &str)> =
                named.iter().map(|(key, code)| (key.as_str(), *code)).collect();
            query.push(("filter[statusUpdatedAtFrom]", from.as_str()));
            query.extend([("limit", "100"), ("page", page.as_str())]);
            let answer: Orders = self.api.get(Class::Delivery, "orders", &query).await?;
            let last = answer.pagination.is_last() || answer.orders.is_empty();
            for order in answer.orders {
                let at = order.status_updated_at.as_deref().and_then(|at| self.times.read(at));
                // An account that does not tell is believed about its own filter.
                let at = at.unwrap_or(since);
                if statuses.contains(&order.status) && at.as_second() >= since.as_second() {
                    all.insert(order.id, (order, at));
                }
            }
            if last {
                return Ok(all);
            }
        }
        Err(Fault::Strange("its list of orders has no end".to_owned()))
    }

    async fn people(&self, ids: &[Id]) -> Result<BTreeMap<Id, Person>, Fault> {
        let mut all = BTreeMap::new();
        for some in ids.chunks(IDS) {
            let named: Vec<(String, String)> = some
                .iter()
                .enumerate()
                .map(|(n, id)| (format!("filter[ids][{n}]"), id.to_string()))
                .collect();
            let mut query: Vec<(&str, &str)> =
                named.iter().map(|(key, id)| (key.as_str(), id.as_str())).collect();
            query.push(("limit", "100"));
            let found: Customers = self.api.get(Class::Delivery, "customers", &query).await?;
            all.extend(found.customers.into_iter().map(|person| (person.id, person)));
        }
        Ok(all)
    }
}

fn contact(id: Id, person: Option<&Person>, order: &Order, field: &str) -> Contact {
    let own = person.into_iter().flat_map(|person| &person.phones);
    let numbers = own.map(|phone| phone.number.as_str()).chain(order.phone.as_deref());
    let numbers: BTreeSet<Phone> = numbers.filter_map(phone_of).collect();
    Contact {
        id: id.to_string().as_str().into(),
        numbers: numbers.into_iter().collect(),
        communication: person.and_then(|person| value(&person.custom_fields, field)),
    }
}

/// What stands in a field; an empty one is none.
fn value(fields: &BTreeMap<String, Value>, code: &str) -> Option<CallId> {
    let text = match fields.get(code)? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then(|| CallId::new(text))
}
