//! Clients, companies and cards.

use std::collections::BTreeMap;
use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};

use super::desk::{Desk, found_client, found_deal, id_of, made_client, made_deal, manager};
use super::fields::Sorted;
use super::wire::{Card, Id, Named, Ref};
use super::{DEAL, KeyCrm};
use crate::core::action::On;
use crate::core::case::DealFact;
use crate::core::ids::EmployeeId;
use crate::crm::remote::{Class, Fault, Thing, afterwards, refused, said};
use crate::crm::{ApplyError, Done};

/// Pages of tags and stages.
const PAGES: u32 = 10;

impl Desk<'_> {
    pub(super) async fn contact(
        &self,
        name: &str,
        owner: &EmployeeId,
        tags: &[String],
        fields: &BTreeMap<String, String>,
    ) -> Result<Done, ApplyError> {
        let Some(number) = self.number() else {
            return Err(refused("a client without a number would never be found again"));
        };
        if let Some(client) = self.client().await? {
            return Ok(found_client(client, format!("nothing: client {client} has this number")));
        }
        let Sorted { own, utm, rest } = self.crm.sorted(fields);
        let name = if name.trim().is_empty() { number } else { name };
        let mut new = json!({
            "full_name": name, "phone": [number], "manager_id": manager(owner)?,
        });
        let note = comment("", tags, utm.iter().chain(&rest));
        put_some(&mut new, "note", (!note.is_empty()).then(|| json!(note)));
        put_some(&mut new, "custom_fields", own);
        let made: Ref = self.crm.api.post("buyer", &new).await?;
        self.crm.recent.keep(Thing::Client, number, &made.id.to_string()).await;
        Ok(made_client(made.id, format!("made client {}", made.id)))
    }

    pub(super) async fn company(&self, name: &str) -> Result<Done, ApplyError> {
        let client = self.needed_client("a company").await?;
        let buyer = self.crm.buyer(client).await?;
        if let Some(company) = buyer.and_then(|buyer| buyer.company) {
            let there = company.name.unwrap_or_default();
            return Ok(said(format!("nothing: client {client} belongs to {there} already")));
        }
        let new = json!({ "name": name, "buyer_id": [client.to_string()] });
        let made: Ref = self.crm.api.post("companies", &new).await?;
        Ok(said(format!("made company {} with client {client}", made.id)))
    }

    pub(super) async fn deal(
        &self,
        title: &str,
        owner: &EmployeeId,
        (pipeline, stage): (Option<&str>, Option<&str>),
        tags: &[String],
        fields: &BTreeMap<String, String>,
    ) -> Result<Done, ApplyError> {
        if let Some(made) = &self.work.bound.deal {
            return Ok(said(format!("nothing: this call made deal {made}")));
        }
        let client = self.needed_client("a deal").await?;
        // The rules were told of none; another call of the client was quicker.
        if self.work.case.deal_fact() != DealFact::Open
            && let Some(open) = self.open_deal().await?
        {
            let what = format!("nothing: deal {open} was opened meanwhile");
            return Ok(found_deal(Some(client), open, what));
        }
        let owner = Some(manager(owner)?);
        let place = (pipeline, stage);
        let name = self.work.case.client().map(|client| client.name.as_str());
        let name = name.or(self.work.case.name.as_deref()).unwrap_or_default();
        let (id, what) = match self.has_orders() {
            true => self.make_order((title, name), owner, stage, tags, fields).await?,
            false => {
                self.make_card((title, name), Some(client), owner, place, tags, fields).await?
            }
        };
        Ok(made_deal(Some(client), id, what))
    }

    /// The oldest open one (D03), as it is now.
    async fn open_deal(&self) -> Result<Option<Id>, ApplyError> {
        let Some(number) = &self.work.case.number else { return Ok(None) };
        let client = self.crm.find_client(Class::Delivery, number).await?;
        let open = client.as_ref().and_then(|client| client.open_deal());
        open.map(|deal| id_of(deal.id.as_str(), "deal")).transpose()
    }

    pub(super) async fn make_card(
        &self,
        (title, name): (&str, &str),
        client: Option<Id>,
        owner: Option<Id>,
        (pipeline, stage): (Option<&str>, Option<&str>),
        tags: &[String],
        fields: &BTreeMap<String, String>,
    ) -> Result<(Id, String), ApplyError> {
        let Sorted { own, utm, rest } = self.crm.sorted(fields);
        let pipeline = match pipeline.filter(|text| !text.is_empty()) {
            Some(pipeline) => {
                Some(self.crm.by_name("pipelines", pipeline).await?.ok_or_else(|| {
                    refused(&format!("KeyCRM has no pipeline `{pipeline}`: write its name or id"))
                })?)
            }
            None => None,
        };
        let full_name = if name.trim().is_empty() { self.number().unwrap_or(title) } else { name };
        let mut contact = json!({ "full_name": full_name });
        put_some(&mut contact, "phone", self.number().map(|number| json!(number)));
        put_some(&mut contact, "client_id", client.map(|id| json!(id)));
        let told = comment("", tags, rest.iter());
        let told = format!("{told}\n{}", self.mark());
        let mut new = json!({
            "title": title, "contact": contact, "manager_comment": told.trim(),
        });
        put_some(&mut new, "manager_id", owner.map(|id| json!(id)));
        put_some(&mut new, "pipeline_id", pipeline.map(|id| json!(id)));
        put_some(&mut new, "source_id", self.crm.config.source.map(|id| json!(id)));
        put_some(&mut new, "custom_fields", own);
        for (name, value) in &utm {
            put_some(&mut new, name, Some(json!(value)));
        }
        let made: Card = self.crm.api.post(DEAL, &new).await?;
        let id = made.id;
        self.crm.remember(made, client, self.number()).await;
        let mut what = format!("made card {id}");
        // The card is there by now: it is looked for, not made again.
        self.stage_card(id, stage, &mut what).await?;
        Ok((id, what))
    }

    /// Where a card that is there already shall stand.
    pub(super) async fn stage_card(
        &self,
        card: Id,
        stage: Option<&str>,
        what: &mut String,
    ) -> Result<(), ApplyError> {
        let Some(stage) = stage else { return Ok(()) };
        afterwards(self.move_card(card, stage).await, what, "its stage")
    }

    /// To a stage, by its id: names stand in several pipelines.
    async fn move_card(&self, card: Id, stage: &str) -> Result<(), ApplyError> {
        let stage = stage.parse().map(Id).map_err(|_| {
            refused(&format!("`{stage}` is no stage of KeyCRM: write the id of its status"))
        })?;
        self.edit_card(card, &json!({ "status_id": stage })).await
    }

    pub(super) async fn edit_card(&self, card: Id, change: &Value) -> Result<(), ApplyError> {
        let (path, id) = (format!("{DEAL}/{card}"), card.to_string());
        self.crm.api.change(Method::PUT, &path, Some(change)).await?;
        let recent = &self.crm.recent;
        if let Some(of) = recent.read(Class::Delivery, Thing::Deal, &id).await {
            // Other engines are to look at it anew.
            recent.keep(Thing::Deal, &id, &of).await;
        }
        Ok(())
    }

    /// KeyCRM wants the name with every change.
    pub(super) async fn edit_buyer(&self, buyer: Id, change: Value) -> Result<(), ApplyError> {
        let there = self.crm.buyer(buyer).await?;
        let there = there.ok_or_else(|| refused("the client is gone"))?;
        self.change_buyer(there.id, there.full_name.unwrap_or_default(), change).await
    }

    pub(super) async fn change_buyer(
        &self,
        id: Id,
        full_name: String,
        mut change: Value,
    ) -> Result<(), ApplyError> {
        put_some(&mut change, "full_name", Some(json!(full_name)));
        Ok(self.crm.api.change(Method::PUT, &format!("buyer/{id}"), Some(&change)).await?)
    }

    pub(super) async fn change_owner(&self, of: On, to: &EmployeeId) -> Result<Done, ApplyError> {
        let spot = self.spot(of).await?;
        let change = json!({ "manager_id": manager(to)? });
        match (spot.deal, spot.client) {
            (Some(order), _) if self.has_orders() => Ok(said(format!(
                "nothing: KeyCRM's API does not change the manager of order {order}"
            ))),
            (Some(card), _) => {
                self.edit_card(card, &change).await?;
                Ok(said(format!("card {card} is of {to} now")))
            }
            (None, Some(client)) => {
                self.edit_buyer(client, change).await?;
                Ok(said(format!("client {client} is of {to} now")))
            }
            (None, None) => Err(refused("nobody has this number: there is no owner")),
        }
    }

    pub(super) async fn tag(&self, on: On, tags: &[String]) -> Result<Done, ApplyError> {
        let spot = self.spot(on).await?;
        if let Some(order) = spot.deal.filter(|_| self.has_orders()) {
            let (known, unknown) = self.order_tags(tags).await?;
            self.tag_order(order, &known).await?;
            let mut what = format!("tagged order {order}");
            if !unknown.is_empty() {
                let noted = self.note_line(&hashed(&unknown)).await?.what;
                what = format!("{what}; {noted}: there are no tags {}", unknown.join(", "));
            }
            return Ok(said(what));
        }
        self.note_line(&hashed(tags)).await
    }
}

impl KeyCrm {
    /// A pipeline or tag by its name or id.
    pub(super) async fn by_name(
        &self,
        path: &'static str,
        name: &str,
    ) -> Result<Option<Id>, Fault> {
        if let Ok(id) = name.parse() {
            return Ok(Some(Id(id)));
        }
        let all = match self.named.get(path).await {
            Some(known) => known,
            None => {
                let all: Arc<[Named]> =
                    self.api.list(Class::Delivery, path, &[], PAGES).await?.into();
                self.named.insert(path, all.clone()).await;
                all
            }
        };
        let same = |one: &&Named| one.name.as_deref().is_some_and(|there| there.trim() == name);
        Ok(all.iter().find(same).map(|one| one.id))
    }

    /// A card that was made just now: its contact is not in the answer.
    pub(super) async fn remember(&self, card: Card, client: Option<Id>, number: Option<&str>) {
        self.keep_deal(card.id, client, number).await;
        let mut known = self.known(Card { is_finished: false, ..card });
        known.set_contact(client, number);
        self.heard().cards.put(known);
    }
}

/// A comment: its title, tags, and what has no field.
pub(super) fn comment<'f>(
    title: &str,
    tags: &[String],
    rest: impl Iterator<Item = (&'f String, &'f String)>,
) -> String {
    let lines = rest.map(|(name, value)| format!("{name}: {value}"));
    let all = [title.to_owned(), hashed(tags)].into_iter().chain(lines);
    all.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn hashed(tags: &[String]) -> String {
    tags.iter().map(|tag| format!("#{tag}")).collect::<Vec<_>>().join(" ")
}

/// Adds a key to an object.
pub(super) fn put_some(object: &mut Value, key: &str, value: Option<Value>) {
    if let (Some(object), Some(value)) = (object.as_object_mut(), value) {
        object.insert(key.to_owned(), value);
    }
}
