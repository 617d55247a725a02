//! Actions on contacts and companies, and on what a deal shares with them: owner, tags, fields.

use std::collections::BTreeMap;

use serde_json::Value;

use super::catalog::{Filled, Given};
use super::desk::{Desk, Entity, afterwards, nobody, said, user};
use super::sent::{self, Change, Embedded, Field, FieldValue, NewLink, Tag};
use super::wire::{Held, Id, Kind, Person};
use crate::core::action::{Bound, Made, On, Touch};
use crate::core::ids::EmployeeId;
use crate::core::phone::Phone;
use crate::crm::remote::{Class, Fault, Thing, same_number};
use crate::crm::{ApplyError, Done};

impl Desk<'_> {
    pub(super) async fn contact(
        &self,
        name: &str,
        owner: &EmployeeId,
        tags: &[String],
        fields: &BTreeMap<String, String>,
    ) -> Result<Done, ApplyError> {
        if let Some((entity, _)) = self.client_now().await? {
            return self.contact_known(entity).await;
        }
        let mut filled = self.fill(Kind::Contacts, fields).await?;
        let mut new = Change {
            name: Some(name.to_owned()),
            responsible_user_id: Some(user(owner)?),
            embedded: embedded_tags(tags),
            ..Change::default()
        };
        let made: Id = loop {
            new.custom_fields_values = filled.fields();
            if let Some(number) = self.number() {
                filled.and_number(number, &mut new.custom_fields_values);
            }
            match self.amo.api.make("api/v4/contacts", &[&new]).await {
                Err(fault) if filled.drops(&fault) => {}
                made => break made?,
            }
        };
        let made = Entity { kind: Kind::Contacts, id: made.id };
        self.contact_made(made, &filled).await
    }

    pub(super) async fn contact_known(&self, known: Entity) -> Result<Done, ApplyError> {
        let what = format!("nothing: {} is known", known.words());
        let bound = Bound { client: Some(known.client()), ..Bound::default() };
        self.with_call(Done { bound, what }).await
    }

    /// The search may not know him yet.
    pub(super) async fn remember(&self, client: Entity) {
        if let Some(number) = self.number() {
            self.amo.recent.keep(Thing::Client, number.e164(), &client.path()).await;
        }
    }

    pub(super) async fn remember_company(&self, name: &str, id: i64) {
        let name = name.trim().to_lowercase();
        self.amo.recent.keep(Thing::Company, &name, &id.to_string()).await;
    }

    /// What is left to do once the contact is there.
    pub(super) async fn contact_made(
        &self,
        made: Entity,
        filled: &Filled,
    ) -> Result<Done, ApplyError> {
        self.remember(made).await;
        let mut what = format!("made {}", made.words());
        afterwards(self.note_rest(made, &filled.rest).await, &mut what, "a note of its fields")?;
        let client = Some(made.client());
        let made = Made { client: client.clone(), deal: None };
        self.with_call(Done { bound: Bound { client, made, ..Bound::default() }, what }).await
    }

    pub(super) async fn company(&self, name: &str) -> Result<Done, ApplyError> {
        let name = name.trim();
        if name.is_empty() {
            return Ok(said("nothing: the company has no name"));
        }
        let client = self.client().await?.ok_or_else(|| nobody("a company"))?;
        let bound = Bound { client: Some(client.client()), ..Bound::default() };
        if client.kind == Kind::Companies {
            let what = format!("nothing: {} is one itself", client.words());
            return Ok(Done { bound, what });
        }
        let (company, made) = match self.company_named(name).await? {
            Some(id) => (id, "found"),
            None => {
                let new = Change { name: Some(name.to_owned()), ..Change::default() };
                let made: Id = self.amo.api.make("api/v4/companies", &[new]).await?;
                self.remember_company(name, made.id).await;
                (made.id, "made")
            }
        };
        let link = NewLink { to_entity_id: company, to_entity_type: Kind::Companies };
        let path = format!("api/v4/{}/link", client.path());
        let linked = self.amo.api.post::<Value>(&path, &[link]).await;
        let mut what = format!("{made} company {company}, {} belongs to it", client.words());
        match made {
            "made" => afterwards(linked.map(drop), &mut what, "the tie")?,
            _ => drop(linked?),
        }
        self.amo.companies.insert(company, name.to_owned()).await;
        Ok(Done { bound, what })
    }

    async fn company_named(&self, name: &str) -> Result<Option<i64>, Fault> {
        let recent = &self.amo.recent;
        let made = recent.read(Class::Delivery, Thing::Company, &name.to_lowercase()).await;
        if let Some(made) = made.and_then(|id| id.parse().ok()) {
            return Ok(Some(made));
        }
        let query = [("query", name), ("limit", super::PAGE)];
        let found: Vec<Person> =
            self.amo.api.list(Class::Delivery, "api/v4/companies", &query).await?;
        let same = |person: &&Person| !person.is_deleted && same_name(&person.name, name);
        Ok(found.iter().filter(same).map(|company| company.id).max())
    }

    pub(super) async fn change_owner(&self, of: On, to: &EmployeeId) -> Result<Done, ApplyError> {
        let entity = self.spot(of).await?.of().ok_or_else(|| nobody("a change of owner"))?;
        let change = Change { responsible_user_id: Some(user(to)?), ..Change::default() };
        self.change(entity, &change).await?;
        Ok(said(format!("{to} owns {}", entity.words())))
    }

    pub(super) async fn reactivate(&self) -> Result<Done, ApplyError> {
        let Some(tag) = &self.amo.config.inactive_tag else {
            return Ok(said("nothing: `inactive_tag` is not set, so no client is inactive"));
        };
        let client = self.client().await?.ok_or_else(|| nobody("being active again"))?;
        let tags_to_delete = vec![Tag { name: tag.clone() }];
        self.change(client, &Change { tags_to_delete, ..Change::default() }).await?;
        Ok(said(format!("{} is without the tag `{tag}`", client.words())))
    }

    pub(super) async fn tag(&self, on: On, tags: &[String]) -> Result<Done, ApplyError> {
        let entity = self.spot(on).await?.of().ok_or_else(|| nobody("a tag"))?;
        let tags_to_add = sent::tags(tags);
        if tags_to_add.is_empty() {
            return Ok(said("nothing: there is no tag"));
        }
        self.change(entity, &Change { tags_to_add, ..Change::default() }).await?;
        Ok(said(format!("tagged {}", entity.words())))
    }

    pub(super) async fn fields(
        &self,
        on: On,
        touch: Touch,
        fields: &BTreeMap<String, String>,
    ) -> Result<Done, ApplyError> {
        let entity = self.spot(on).await?.of().ok_or_else(|| nobody("a field"))?;
        let mut filled = self.fill(entity.kind, fields).await?;
        let first = touch == Touch::First && !filled.given.is_empty();
        if first || filled.given.iter().any(Given::is_one_of_several) {
            let held = self.held(entity).await?;
            filled.given.retain_mut(|given| {
                let there = held.iter().find(|held| held.field_id == given.def.id);
                match there {
                    Some(there) => !(first && there.is_filled()) && given.joins(there),
                    None => true,
                }
            });
        }
        while !filled.given.is_empty() {
            let change = Change { custom_fields_values: filled.fields(), ..Change::default() };
            match self.change(entity, &change).await {
                Err(fault) if filled.drops(&fault) => {}
                changed => {
                    changed?;
                    break;
                }
            }
        }
        let (written, left) = (filled.given.len(), filled.rest.len());
        let mut what = match (written, left) {
            (0, 0) if first => format!("nothing: {} keeps its first values", entity.words()),
            (0, 0) => format!("nothing: {} has these values", entity.words()),
            (written, 0) => format!("{written} fields of {} written", entity.words()),
            (written, left) => {
                format!("{written} fields of {} written, {left} noted", entity.words())
            }
        };
        let noted = self.note_rest(entity, &filled.rest).await;
        match written {
            0 => noted?,
            _ => afterwards(noted, &mut what, "a note of the others")?,
        }
        Ok(said(what))
    }

    /// The fields a record has now.
    async fn held(&self, entity: Entity) -> Result<Vec<Held>, Fault> {
        #[derive(serde::Deserialize)]
        struct Fields {
            custom_fields_values: Option<Vec<Held>>,
        }
        let path = format!("api/v4/{}", entity.path());
        let record: Option<Fields> = self.amo.api.get(Class::Delivery, &path, &[]).await?;
        Ok(record.and_then(|record| record.custom_fields_values).unwrap_or_default())
    }

    pub(super) async fn change(&self, of: Entity, change: &Change) -> Result<(), Fault> {
        self.amo.api.patch(&format!("api/v4/{}", of.path()), change).await
    }

    /// What has no field stands in a note, and only once.
    pub(super) async fn note_rest(
        &self,
        on: Entity,
        rest: &[(String, String)],
    ) -> Result<(), Fault> {
        let lines: Vec<String> =
            rest.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        if lines.is_empty() {
            return Ok(());
        }
        let text = lines.join("\n");
        match self.noted(on, &text, 0).await? {
            Some(_) => Ok(()),
            None => self.make_note(on, &text).await.map(drop),
        }
    }
}

/// Tags of a record that is made; `tags_to_add` is for one that is there.
pub(super) fn embedded_tags(tags: &[String]) -> Option<Embedded> {
    let tags = sent::tags(tags);
    (!tags.is_empty()).then(|| Embedded { tags, ..Embedded::default() })
}

pub(super) fn same_name(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

impl Held {
    fn is_filled(&self) -> bool {
        let empty = |value: &Value| match value {
            Value::Null => true,
            Value::String(text) => text.trim().is_empty(),
            _ => false,
        };
        self.values.iter().any(|held| !empty(&held.value))
    }
}

impl Given {
    fn is_phone(&self) -> bool {
        self.def.code.as_deref() == Some("PHONE")
    }

    /// A field with several numbers or addresses: to write one is to write all of them.
    fn is_one_of_several(&self) -> bool {
        self.def.kind == "multitext"
    }

    /// Whether another value of this field is the same one.
    fn is(&self, other: &Value) -> bool {
        self.field.values.iter().any(|own| match (own.value.as_str(), other.as_str()) {
            (Some(own), Some(other)) if self.is_phone() => {
                let digits: String = own.chars().filter(char::is_ascii_digit).collect();
                same_number(other, &digits)
            }
            (Some(own), Some(other)) => same_name(own, other),
            _ => own.value == *other,
        })
    }

    /// What stands there stays. `false`: this value stands there already.
    fn joins(&mut self, there: &Held) -> bool {
        if !self.is_one_of_several() {
            return true;
        }
        if there.values.iter().any(|held| self.is(&held.value)) {
            return false;
        }
        let old = there.values.iter().map(|held| {
            let (value, enum_id) = (held.value.clone(), held.enum_id);
            FieldValue { value, enum_id, enum_code: enum_id.is_none().then_some("WORK") }
        });
        self.field.values.splice(0..0, old);
        true
    }
}

impl Filled {
    /// The call's number is one of the contact's.
    fn and_number(&self, number: &Phone, fields: &mut Vec<Field>) {
        let phone = sent::phone(number.e164());
        match self.given.iter().position(Given::is_phone) {
            Some(at) if self.given[at].is(&phone.values[0].value) => {}
            Some(at) => fields[at].values.splice(0..0, phone.values).for_each(drop),
            None => fields.push(phone),
        }
    }
}
