//! Fields: UTM tags have places of their own in what is new, others are the account's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};

use super::desk::Desk;
use super::records::{comment, put_some};
use super::wire::{Buyer, Card, Field, Order, by_uuid};
use super::{DEAL, KeyCrm};
use crate::core::action::{On, Touch};
use crate::crm::remote::{Class, Fault, UTM, refused, said};
use crate::crm::{ApplyError, Done};

/// Fields by where they go.
pub(super) struct Sorted {
    /// `[{"uuid": "LD_1021", "value": "…"}]`, where there are any.
    pub(super) own: Option<Value>,
    pub(super) utm: BTreeMap<String, String>,
    /// Those that have no place.
    pub(super) rest: BTreeMap<String, String>,
}

impl KeyCrm {
    pub(super) async fn sorted(&self, fields: &BTreeMap<String, String>) -> Result<Sorted, Fault> {
        let (mut own, mut utm, mut rest) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        for (name, value) in fields {
            if let Some(uuid) = self.config.fields.get(name) {
                let value = match self.is_list(uuid).await? {
                    true => json!([value]),
                    false => json!(value),
                };
                own.push(json!({ "uuid": uuid, "value": value }));
            } else if UTM.contains(&name.as_str()) {
                utm.insert(name.clone(), value.clone());
            } else {
                rest.insert(name.clone(), value.clone());
            }
        }
        Ok(Sorted { own: (!own.is_empty()).then(|| json!(own)), utm, rest })
    }

    /// Whether a field takes a list of texts. A key that may not see the fields sends texts.
    async fn is_list(&self, uuid: &str) -> Result<bool, Fault> {
        let lists = match self.lists.get(&()).await {
            Some(known) => known,
            None => {
                let asked = self.api.get::<Value>(Class::Delivery, "custom-fields", &[]).await;
                let all = match asked {
                    Ok(all) => own_fields_of(&all),
                    Err(Fault::Refused { .. } | Fault::Forbidden(_)) => Vec::new(),
                    Err(other) => return Err(other),
                };
                let lists = all.iter().filter(|field| field["type"] == "select");
                let uuids = lists.filter_map(|field| field["uuid"].as_str().map(str::to_owned));
                let lists: Arc<BTreeSet<String>> = Arc::new(uuids.collect());
                self.lists.insert((), lists.clone()).await;
                lists
            }
        };
        Ok(lists.contains(uuid))
    }
}

impl Desk<'_> {
    pub(super) async fn fields(
        &self,
        on: On,
        touch: Touch,
        fields: &BTreeMap<String, String>,
    ) -> Result<Done, ApplyError> {
        let mut spot = self.spot(on).await?;
        if spot.client.is_none() {
            spot.client = self.client_or_lead().await?;
        }
        if spot.client.is_none() && spot.deal.is_none() {
            return Err(refused("nobody has this number: there are no fields"));
        }
        // In what is there already UTM tags have no place.
        let Sorted { own, mut utm, mut rest } = self.crm.sorted(fields).await?;
        let mut did = Vec::new();
        if let Some(own) = own {
            let path = match (spot.deal, spot.client) {
                (Some(order), _) if self.has_orders() => format!("order/{order}"),
                (Some(card), _) => format!("{DEAL}/{card}"),
                (None, client) => {
                    format!("buyer/{}", client.ok_or_else(|| refused("there is no client"))?)
                }
            };
            let filled = self.own_fields(&path, touch, own).await;
            if filled.map_err(|fault| match spot.deal {
                Some(deal) => self.missed(deal, fault),
                None => fault.into(),
            })? {
                did.push(format!("filled in fields of {path}"));
            }
        }
        if let (Some(client), Touch::First, false) =
            (spot.client, touch, utm.is_empty() && rest.is_empty())
        {
            // What stands in the note stays the first.
            let note = self.crm.buyer(client).await?.and_then(|buyer| buyer.note);
            let note = note.unwrap_or_default();
            let told = note.lines().flat_map(|line| line.split(", "));
            let is_new = |name: &String, _: &mut String| {
                !told.clone().any(|one| one.trim().starts_with(&format!("{name}: ")))
            };
            utm.retain(is_new);
            rest.retain(is_new);
        }
        let told = comment("", &[], utm.iter().chain(&rest)).replace('\n', ", ");
        match (told.is_empty(), spot.client) {
            (true, _) => {}
            (false, Some(_)) => {
                // The last one that is told of the same counts: who comes back is told again.
                let begins = told.split_once(": ").map_or("", |(name, _)| name);
                let is_last = |note: &str| {
                    let same = |line: &&str| line.starts_with(&format!("{begins}: "));
                    note.lines().map(str::trim).rev().find(same) == Some(told.trim())
                };
                did.push(self.note_unless(&told, is_last).await?.what);
            }
            (false, None) => did.push(format!("there is no client whose note could hold {told}")),
        }
        Ok(said(match did.is_empty() {
            true => "nothing: all of it is there".to_owned(),
            false => did.join("; "),
        }))
    }

    /// `false`: they have values, and keep them.
    async fn own_fields(&self, path: &str, touch: Touch, own: Value) -> Result<bool, Fault> {
        let query = [("include", "custom_fields")];
        let mut change = json!({});
        let there: Vec<Field> = if path.starts_with("buyer/") {
            let buyer: Buyer = self.crm.api.get(Class::Delivery, path, &query).await?;
            put_some(&mut change, "full_name", Some(json!(buyer.name_or_number())));
            buyer.custom_fields
        } else if path.starts_with(DEAL) {
            self.crm.api.get::<Card>(Class::Delivery, path, &query).await?.custom_fields
        } else {
            self.crm.api.get::<Order>(Class::Delivery, path, &query).await?.custom_fields
        };
        let there = by_uuid(&there);
        let empty = [Value::Null, json!(""), json!([])];
        let full = |uuid: &str| there.get(uuid).is_some_and(|value| !empty.contains(value));
        let mut own = own.as_array().cloned().unwrap_or_default();
        own.retain(|field| {
            touch == Touch::Last || !full(field["uuid"].as_str().unwrap_or_default())
        });
        if own.is_empty() {
            return Ok(false);
        }
        put_some(&mut change, "custom_fields", Some(json!(own)));
        self.crm.api.change(Method::PUT, path, Some(&change)).await?;
        Ok(true)
    }
}

/// The fields an account made itself: a list here, a page elsewhere.
pub(super) fn own_fields_of(answer: &Value) -> Vec<Value> {
    answer.get("data").unwrap_or(answer).as_array().cloned().unwrap_or_default()
}
