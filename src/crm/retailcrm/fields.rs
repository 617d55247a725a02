//! Fields: UTM tags have places of their own, others are the account's, found by their codes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::desk::{Desk, afterwards, refused, said};
use super::records::comment;
use super::wire::{CustomFields, Source};
use super::{Entity, Retail};
use crate::core::action::{On, Touch};
use crate::crm::remote::{Class, Fault};
use crate::crm::{ApplyError, Done};

/// Pages of 100 fields that are read.
const PAGES: u32 = 10;
/// The account is asked for a code it does not have no sooner than this after the last time.
const ANEW: Duration = Duration::from_secs(60);
/// Characters that a field of one line holds.
const LINE: usize = 255;

/// Fields by where they go.
pub(super) struct Sorted {
    pub(super) source: Option<Source>,
    /// By the account's codes.
    pub(super) own: Map<String, Value>,
    /// Those that have no place.
    pub(super) rest: BTreeMap<String, String>,
}

/// The account's fields.
pub(super) struct Known {
    read: Instant,
    /// Their types. `None`: the key may not look.
    kinds: Option<BTreeMap<(Entity, String), String>>,
}

impl Known {
    /// Whether a code is a field of this.
    pub(super) fn has(&self, what: Entity, code: &str) -> bool {
        self.kinds.as_ref().is_some_and(|kinds| kinds.contains_key(&(what, code.to_owned())))
    }

    /// Whether the account told of its fields.
    pub(super) fn is_told(&self) -> bool {
        self.kinds.is_some()
    }

    /// A value as the field takes it. A wrong one would cost the whole order: `None`.
    fn fitting(&self, what: Entity, code: &str, value: &str, chosen: bool) -> Option<Value> {
        let Some(kinds) = &self.kinds else { return chosen.then(|| json!(value)) };
        match kinds.get(&(what, code.to_owned()))?.as_str() {
            "text" => Some(json!(value)),
            "string" => (value.chars().count() <= LINE).then(|| json!(value)),
            "integer" => value.trim().parse::<i64>().ok().map(Value::from),
            "numeric" => {
                value.trim().parse::<f64>().ok().filter(|n| n.is_finite()).map(Value::from)
            }
            "boolean" => match value.trim() {
                "1" | "true" => Some(json!(true)),
                "0" | "false" => Some(json!(false)),
                _ => None,
            },
            // Only who names it knows what it takes.
            "multiselect_dictionary" => chosen.then(|| json!([value])),
            _ => chosen.then(|| json!(value)),
        }
    }
}

impl Retail {
    pub(super) async fn sorted(
        &self,
        what: Entity,
        fields: &BTreeMap<String, String>,
    ) -> Result<Sorted, Fault> {
        let (mut source, mut own, mut rest) = (Source::default(), Map::new(), BTreeMap::new());
        let mut others = Vec::new();
        for (name, value) in fields {
            let chosen = self.config.fields.get(name);
            match place(&mut source, name).filter(|_| chosen.is_none()) {
                Some(place) => *place = Some(value.clone()),
                None => others.push((name, chosen.unwrap_or(name), value, chosen.is_some())),
            }
        }
        if !others.is_empty() {
            let mut known = self.own_fields(ANEW.saturating_mul(60)).await?;
            if !others.iter().all(|(_, code, ..)| known.has(what, code)) {
                known = self.own_fields(ANEW).await?;
            }
            for (name, code, value, chosen) in others {
                match known.fitting(what, code, value, chosen) {
                    Some(value) => drop(own.insert(code.clone(), value)),
                    None => drop(rest.insert(name.clone(), value.clone())),
                }
            }
        }
        let source = (source != Source::default()).then_some(source);
        Ok(Sorted { source, own, rest })
    }

    /// The account's fields, not older than that.
    pub(super) async fn own_fields(&self, age: Duration) -> Result<Arc<Known>, Fault> {
        let mut kept = self.own_fields.lock().await;
        if let Some(known) = kept.as_ref().filter(|known| known.read.elapsed() < age) {
            return Ok(known.clone());
        }
        let mut kinds = Some(BTreeMap::new());
        for page in 1..=PAGES {
            let page = page.to_string();
            let query = [("limit", "100"), ("page", page.as_str())];
            match self.api.get::<CustomFields>(Class::Delivery, "custom-fields", &query).await {
                Ok(answer) => {
                    let of = |field: &super::wire::CustomField| match field.entity.as_str() {
                        "customer" => Some(Entity::Customer),
                        "order" => Some(Entity::Order),
                        _ => None,
                    };
                    let listed = answer.custom_fields.into_iter();
                    let listed = listed.filter_map(|f| Some(((of(&f)?, f.code), f.kind)));
                    kinds.get_or_insert_default().extend(listed);
                    if answer.pagination.is_last() {
                        break;
                    }
                }
                Err(Fault::Refused { .. } | Fault::Forbidden(_)) => {
                    kinds = None;
                    break;
                }
                Err(other) => return Err(other),
            }
        }
        let known = Arc::new(Known { read: Instant::now(), kinds });
        *kept = Some(known.clone());
        Ok(known)
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

/// The line in which a text tells of a field: the last one of its name.
fn line<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().rev().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(": "))
}

/// The fields that a text has still to tell of.
pub(super) fn untold(
    text: &str,
    touch: Touch,
    rest: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let new = |name: &str, value: &str| match line(text, name) {
        None => true,
        Some(there) => touch == Touch::Last && value.trim().lines().next() != Some(there),
    };
    let new = rest.iter().filter(|(name, value)| new(name, value));
    new.map(|(name, value)| (name.clone(), value.clone())).collect()
}

impl Desk<'_> {
    pub(super) async fn fields(
        &self,
        on: On,
        touch: Touch,
        fields: &BTreeMap<String, String>,
    ) -> Result<Done, ApplyError> {
        let spot = self.spot(on).await?;
        let (what, id) = match (spot.order, spot.client) {
            (Some(order), _) => (Entity::Order, order),
            (None, Some(client)) => (Entity::Customer, client),
            (None, None) => return Err(refused("nobody has this number: there are no fields")),
        };
        let Sorted { source, own, rest } = self.crm.sorted(what, fields).await?;
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
        let own: Map<_, _> = own.into_iter().filter(|(code, _)| !(keeps && has(code))).collect();
        if !own.is_empty() {
            change.insert("customFields".to_owned(), Value::Object(own));
        }
        if what == Entity::Order {
            let told = told.unwrap_or_default();
            let more = untold(&told, touch, &rest);
            if !more.is_empty() {
                let mut stays: Vec<_> = told.lines().collect();
                for name in more.keys() {
                    // The last one of its name is ours; what people wrote before it is not.
                    let last = stays.iter().rposition(|text| line(text, name).is_some());
                    last.map(|place| stays.remove(place));
                }
                let all = comment(&stays.join("\n"), &more);
                change.insert("managerComment".to_owned(), json!(all.trim()));
            }
        }
        let mut done = match change.is_empty() {
            true => format!("nothing: {} has all of it", spot.words()),
            false => {
                self.edit(what, id, &Value::Object(change)).await?;
                format!("filled in fields of {}", spot.words())
            }
        };
        if what == Entity::Customer {
            self.rest_of(id, touch, &rest, &mut done).await?;
        }
        Ok(said(done))
    }

    /// What has no field on a client stands in a note, a line each.
    pub(super) async fn rest_of(
        &self,
        client: super::wire::Id,
        touch: Touch,
        rest: &BTreeMap<String, String>,
        what: &mut String,
    ) -> Result<(), ApplyError> {
        if rest.is_empty() {
            return Ok(());
        }
        let noted = async {
            let new = untold(&self.told(client).await?, touch, rest);
            if !new.is_empty() {
                self.write_note(client, comment("", &new).trim()).await?;
            }
            Ok::<_, ApplyError>(new)
        };
        let noted = noted.await.map(|new| {
            if !new.is_empty() {
                let names: Vec<_> = new.keys().map(String::as_str).collect();
                *what = format!("{what}; in a note: {}", names.join(", "));
            }
        });
        afterwards(noted, what, "a note of the other fields")
    }
}
