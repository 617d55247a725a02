//! Actions on contacts and companies, and on what a deal shares with them: owner, tags, fields.

use std::collections::BTreeMap;

use serde_json::Value;

use super::catalog::Filled;
use super::desk::{Desk, Entity, afterwards, nobody, said, user};
use super::sent::{self, Change, Embedded, NewLink, Tag};
use super::wire::{Held, Id, Kind, Person};
use crate::core::action::{Bound, Made, On, Touch};
use crate::core::ids::EmployeeId;
use crate::crm::remote::{Class, Fault, Thing};
use crate::crm::{ApplyError, Done};

impl Desk<'_> {
    pub(super) async fn contact(
        &self,
        name: &str,
        owner: &EmployeeId,
        tags: &[String],
        fields: &BTreeMap<String, String>,
    ) -> Result<Done, ApplyError> {
        if let Some((entity, client)) = self.client_now().await? {
            let what = format!("nothing: {} is known", entity.words());
            let bound = Bound { client: Some(client.id), ..Bound::default() };
            return self.with_call(Done { bound, what }).await;
        }
        let filled = self.fill(Kind::Contacts, fields).await?;
        let phone = self.number().map(|number| sent::phone(number.e164()));
        let new = Change {
            name: Some(name.to_owned()),
            responsible_user_id: Some(user(owner)?),
            custom_fields_values: phone.into_iter().chain(filled.fields.iter().cloned()).collect(),
            embedded: embedded_tags(tags),
            ..Change::default()
        };
        let made: Id = self.amo.api.make("api/v4/contacts", &[new]).await?;
        let made = Entity { kind: Kind::Contacts, id: made.id };
        self.contact_made(made, &filled).await
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
        let (asked, left) = (filled.fields.len(), filled.rest.len());
        if touch == Touch::First && asked > 0 {
            let held = self.held(entity).await?;
            filled.fields.retain(|field| !held.iter().any(|h| h.is_filled(field.field_id)));
        }
        let written = filled.fields.len();
        if written > 0 {
            let change = Change { custom_fields_values: filled.fields, ..Change::default() };
            self.change(entity, &change).await?;
        }
        let mut what = match (written, left) {
            (0, 0) => format!("nothing: {} keeps its first values", entity.words()),
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
    fn is_filled(&self, field: Option<i64>) -> bool {
        let empty = |value: &Value| match value {
            Value::Null => true,
            Value::String(text) => text.trim().is_empty(),
            _ => false,
        };
        field == Some(self.field_id) && self.values.iter().any(|held| !empty(&held.value))
    }
}
