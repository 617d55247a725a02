//! Deals that were won (E01): those on the stage that means it in every pipeline.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::desk::Entity;
use super::wire::{Held, Kind, List, Person, or_default};
use super::{Amo, PAGE};
use crate::core::ids::CallId;
use crate::core::sale::{Contact, Won};
use crate::crm::remote::{Class, Fault};
use crate::crm::{WonSince, phone_of};

/// The stage, in every pipeline.
const WON: i64 = 142;
/// More pages are a loop in the answers.
const PAGES: usize = 2000;
/// Ids in one question: all of them stand on one page.
const IDS: usize = 50;

#[derive(Debug, Deserialize)]
struct Lead {
    id: i64,
    #[serde(default)]
    price: Option<f64>,
    #[serde(default, deserialize_with = "or_default")]
    status_id: i64,
    #[serde(default)]
    closed_at: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    is_deleted: bool,
    #[serde(default, deserialize_with = "or_default")]
    custom_fields_values: Vec<Held>,
    #[serde(rename = "_embedded", default, deserialize_with = "or_default")]
    tied: Tied,
}

#[derive(Debug, Default, Deserialize)]
struct Tied {
    #[serde(default, deserialize_with = "or_default")]
    contacts: Vec<TiedContact>,
}

#[derive(Debug, Deserialize)]
struct TiedContact {
    id: i64,
    #[serde(default, deserialize_with = "or_default")]
    is_main: bool,
}

impl Lead {
    fn contact(&self) -> Option<i64> {
        let all = &self.tied.contacts;
        all.iter().find(|one| one.is_main).or(all.first()).map(|one| one.id)
    }
}

impl Amo {
    pub(super) async fn won_since(&self, ask: &WonSince<'_>) -> Result<Vec<Won>, Fault> {
        let leads = self.leads_won(ask.since).await?;
        if leads.is_empty() {
            return Ok(Vec::new());
        }
        let on_deals = self.field_id(Kind::Leads, ask.field).await?;
        let on_contacts = self.field_id(Kind::Contacts, ask.field).await?;
        let mut ids: Vec<i64> = leads.values().filter_map(Lead::contact).collect();
        ids.sort_unstable();
        ids.dedup();
        let contacts = self.contacts(&ids).await?;
        let contact = |id: i64| {
            let person = contacts.get(&id);
            let numbers = person.into_iter().flat_map(Person::numbers);
            let numbers = numbers.filter_map(phone_of);
            let fields = person.map(|person| person.custom_fields_values.as_slice());
            Contact {
                id: Entity { kind: Kind::Contacts, id }.client(),
                numbers: numbers.collect(),
                communication: value(fields.unwrap_or_default(), on_contacts),
            }
        };
        let won = leads.values().map(|lead| Won {
            id: lead.id.to_string().as_str().into(),
            closed: lead.closed(),
            price: lead.price,
            communication: value(&lead.custom_fields_values, on_deals),
            contact: lead.contact().map(contact),
        });
        Ok(won.collect())
    }

    /// By their ids: what is closed meanwhile may put one on two pages.
    async fn leads_won(&self, since: Timestamp) -> Result<BTreeMap<i64, Lead>, Fault> {
        let from = since.as_second().to_string();
        let mut all = BTreeMap::new();
        for page in 1..=PAGES {
            let page = page.to_string();
            let query = [
                ("filter[closed_at][from]", from.as_str()),
                ("with", "contacts"),
                ("order[id]", "asc"),
                ("limit", PAGE),
                ("page", page.as_str()),
            ];
            let list: Option<List<Lead>> =
                self.api.get(Class::Delivery, "api/v4/leads", &query).await?;
            let Some(list) = list else { return Ok(all) };
            let more = list.has_next();
            let won = |lead: &Lead| {
                lead.status_id == WON && !lead.is_deleted && lead.closed() >= since_second(since)
            };
            all.extend(list.items().into_iter().filter(won).map(|lead| (lead.id, lead)));
            if !more {
                return Ok(all);
            }
        }
        Err(Fault::Strange("its list of closed deals has no end".to_owned()))
    }

    async fn contacts(&self, ids: &[i64]) -> Result<BTreeMap<i64, Person>, Fault> {
        let mut all = BTreeMap::new();
        for some in ids.chunks(IDS) {
            let named: Vec<(String, String)> = some
                .iter()
                .enumerate()
                .map(|(n, id)| (format!("filter[id][{n}]"), id.to_string()))
                .collect();
            let mut query: Vec<(&str, &str)> =
                named.iter().map(|(key, id)| (key.as_str(), id.as_str())).collect();
            query.push(("limit", PAGE));
            let found: Vec<Person> =
                self.api.list(Class::Delivery, "api/v4/contacts", &query).await?;
            all.extend(found.into_iter().map(|person| (person.id, person)));
        }
        Ok(all)
    }
}

impl Lead {
    fn closed(&self) -> Timestamp {
        self.closed_at.and_then(|at| Timestamp::from_second(at).ok()).unwrap_or_default()
    }
}

/// Their times are whole seconds.
fn since_second(since: Timestamp) -> Timestamp {
    Timestamp::from_second(since.as_second()).unwrap_or(since)
}

/// What stands in a field; an empty one is none.
fn value(fields: &[Held], id: Option<i64>) -> Option<CallId> {
    let held = fields.iter().find(|field| Some(field.field_id) == id)?.values.first()?;
    let text = match &held.value {
        serde_json::Value::String(text) => text.trim().to_owned(),
        serde_json::Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then(|| CallId::new(text))
}
