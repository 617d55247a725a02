//! Fields: UTM tags have places of their own, others are the account's.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::desk::{Desk, refused, said};
use super::records::comment;
use super::wire::Source;
use super::{Entity, Retail};
use crate::core::action::{On, Touch};
use crate::crm::remote::Class;
use crate::crm::{ApplyError, Done};

/// Fields by where they go.
pub(super) struct Sorted {
    pub(super) source: Option<Source>,
    /// By the account's codes.
    pub(super) own: BTreeMap<String, String>,
    /// Those that have no place.
    pub(super) rest: BTreeMap<String, String>,
}

impl Retail {
    pub(super) fn sorted(&self, fields: &BTreeMap<String, String>) -> Sorted {
        let (mut source, mut own, mut rest) = (Source::default(), BTreeMap::new(), BTreeMap::new());
        for (name, value) in fields {
            if let Some(code) = self.config.fields.get(name) {
                own.insert(code.clone(), value.clone());
            } else if let Some(place) = place(&mut source, name) {
                *place = Some(value.clone());
            } else {
                rest.insert(name.clone(), value.clone());
            }
        }
        let source = (source != Source::default()).then_some(source);
        Sorted { source, own, rest }
    }
}

fn place<'s>(source: &'s mut Source, name: &str) -> Option<&'s mut Option<String>> {
    Some(match name {
        "utm_source" => &mut source.source,
        "utm_medium" => &mut source.medium,
        "utm_campaign" => &mut source.campaign,
        "utm_term" => &mut source.keyword,
        "utm_content" => &mut source.content,
        _ => return None,
    })
}

impl Desk<'_> {
    pub(super) async fn fields(
        &self,
        on: On,
        touch: Touch,
        fields: &BTreeMap<String, String>,
    ) -> Result<Done, ApplyError> {
        let spot = self.spot(on).await?;
        let Sorted { source, own, rest } = self.crm.sorted(fields);
        let (what, id) = match (spot.order, spot.client) {
            (Some(order), _) => (Entity::Order, order),
            (None, Some(client)) => (Entity::Customer, client),
            (None, None) => return Err(refused("nobody has this number: there are no fields")),
        };
        let (there, source_there, told) = match what {
            Entity::Order => match self.crm.order(Class::Delivery, id).await? {
                Some(order) => (order.custom_fields, order.source, order.manager_comment),
                None => return Err(refused("the order is gone")),
            },
            Entity::Customer => match self.crm.customer(Class::Delivery, id).await? {
                Some(person) => (person.custom_fields, person.source, None),
                None => return Err(refused("the client is gone")),
            },
        };
        let keeps = touch == Touch::First;
        let mut change = Map::new();
        // The source is one thing: parts of two visits would tell of neither.
        if let Some(source) = source
            && !(keeps && source_there.is_some_and(|there| there != Source::default()))
        {
            change.insert("source".to_owned(), json!(source));
        }
        let has = |code: &str| there.get(code).is_some_and(|v| !v.is_null() && *v != json!(""));
        let own: Map<_, _> = own
            .into_iter()
            .filter(|(code, _)| !(keeps && has(code)))
            .map(|(code, value)| (code, Value::String(value)))
            .collect();
        if !own.is_empty() {
            change.insert("customFields".to_owned(), Value::Object(own));
        }
        let mut left = String::new();
        if !rest.is_empty() && what == Entity::Order {
            let told = told.unwrap_or_default();
            let more = comment("", &rest);
            if !told.contains(more.trim()) {
                change.insert("managerComment".to_owned(), json!(format!("{told}{more}").trim()));
            }
        } else if !rest.is_empty() {
            let names: Vec<_> = rest.keys().map(String::as_str).collect();
            left = format!("; left out, because no field is set for them: {}", names.join(", "));
        }
        if change.is_empty() {
            return Ok(said(format!("nothing: {} has all of it{left}", spot.words())));
        }
        self.edit(what, id, &Value::Object(change)).await?;
        Ok(said(format!("filled in fields of {}{left}", spot.words())))
    }
}
