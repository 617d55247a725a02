//! Whom a number belongs to. amoCRM's search is a full-text one: it may answer with strangers, in
//! whose notes the number stands, and with another town's number of the same last digits. So what
//! it finds is looked at here.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Amo;
use super::desk::Entity;
use super::wire::{Kind, Lead, Person};
use crate::core::client::{Client, Deal};
use crate::core::ids::ClientId;
use crate::core::phone::Phone;
use crate::crm::remote::{Class, Fault, Thing, same_number};

/// Ids in one question: all of them stand on one page.
const IDS: usize = 50;

/// The least is taken. Its fields stand in the order in which they decide.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    no_open_deal: bool,
    oldest_open: Option<Timestamp>,
    created: Reverse<i64>,
    id: Reverse<i64>,
}

impl Rank {
    /// Why this one comes before the next.
    fn reason(&self, next: &Self) -> &'static str {
        if self.no_open_deal != next.no_open_deal {
            "it has an open deal"
        } else if self.oldest_open != next.oldest_open {
            "its open deal is the oldest (D03)"
        } else {
            "it is the newest"
        }
    }
}

impl Amo {
    /// The client with this number. Two requests where he is a contact, one where he is not and
    /// has no deals.
    pub(super) async fn by_number(
        &self,
        class: Class,
        phone: &Phone,
    ) -> Result<Option<Client>, Fault> {
        let digits = phone.digits();
        let mut made = None;
        for kind in [Kind::Contacts, Kind::Companies] {
            let mut found = match kind {
                Kind::Contacts => {
                    let search = self.with_number(class, kind, phone);
                    let recent = self.recent.read(class, Thing::Client, phone.e164());
                    let (found, lately) = tokio::join!(search, recent);
                    made = lately.and_then(|path| Entity::of_path(&path));
                    found?
                }
                _ => self.with_number(class, kind, phone).await?,
            };
            if let Some(made) = made.filter(|made| made.kind == kind) {
                found.extend(self.made_lately(class, made, phone, &found).await?);
            }
            if !found.is_empty() {
                return self.best(class, kind, found).await.map(Some);
            }
        }
        if self.config.other_spellings {
            let eight = digits.strip_prefix('7').map(|rest| format!("8{rest}"));
            for spelling in [Some(phone.e164().to_owned()), eight].into_iter().flatten() {
                let found = self.search(class, Kind::Contacts, &spelling, phone).await?;
                if !found.is_empty() {
                    return self.best(class, Kind::Contacts, found).await.map(Some);
                }
            }
        }
        Ok(None)
    }

    /// Who has this number, as far as the search knows it by its last ten digits.
    pub(super) async fn with_number(
        &self,
        class: Class,
        kind: Kind,
        phone: &Phone,
    ) -> Result<Vec<Person>, Fault> {
        let digits = phone.digits();
        let last_ten = &digits[digits.len().saturating_sub(10)..];
        self.search(class, kind, last_ten, phone).await
    }

    async fn search(
        &self,
        class: Class,
        kind: Kind,
        spelling: &str,
        phone: &Phone,
    ) -> Result<Vec<Person>, Fault> {
        let query = [("query", spelling), ("with", "leads"), ("limit", super::PAGE)];
        let found = self.api.list(class, &format!("api/v4/{}", kind.path()), &query).await?;
        Ok(found.into_iter().filter(|person| has(person, phone)).collect())
    }

    /// Who was made here a moment ago, where the search does not know him yet.
    async fn made_lately(
        &self,
        class: Class,
        made: Entity,
        phone: &Phone,
        found: &[Person],
    ) -> Result<Option<Person>, Fault> {
        if found.iter().any(|person| person.id == made.id) {
            return Ok(None);
        }
        let person = self.person(class, made).await?.filter(|person| has(person, phone));
        if person.is_none() {
            // Somebody deleted him, or changed his number.
            self.recent.forget(Thing::Client, phone.e164()).await;
        }
        Ok(person)
    }

    /// A record by its id, which needs no index.
    pub(super) async fn person(&self, class: Class, of: Entity) -> Result<Option<Person>, Fault> {
        let path = format!("api/v4/{}/{}", of.kind.path(), of.id);
        let person: Option<Person> = self.api.get(class, &path, &[("with", "leads")]).await?;
        Ok(person.filter(|person| !person.is_deleted))
    }

    /// A client by id, with the deals there are now.
    pub(super) async fn by_id(&self, class: Class, of: Entity) -> Result<Option<Client>, Fault> {
        match self.person(class, of).await? {
            Some(person) => self.best(class, of.kind, vec![person]).await.map(Some),
            None => Ok(None),
        }
    }

    /// Whoever was made or changed last with this number: for what the search does not know yet.
    pub(super) async fn newest(
        &self,
        kind: Kind,
        is: impl Fn(&Person) -> bool,
    ) -> Result<Option<Person>, Fault> {
        let query = [("order[id]", "desc"), ("limit", super::PAGE)];
        let path = format!("api/v4/{}", kind.path());
        let newest: Vec<Person> = self.api.list(Class::Delivery, &path, &query).await?;
        Ok(newest.into_iter().find(|person| !person.is_deleted && is(person)))
    }

    pub(super) async fn leads(&self, class: Class, ids: &[i64]) -> Result<Vec<Lead>, Fault> {
        let mut leads = self.leads_with(class, ids, &[]).await?;
        if !leads.is_empty() {
            self.know_stages(class).await;
        }
        // Who waits in Unsorted is nobody's deal yet.
        leads.retain(|lead| !lead.is_deleted && !self.catalog.is_unsorted(lead.status_id));
        Ok(leads)
    }

    pub(super) async fn leads_with(
        &self,
        class: Class,
        ids: &[i64],
        more: &[(&str, &str)],
    ) -> Result<Vec<Lead>, Fault> {
        let mut leads = Vec::new();
        for ids in ids.chunks(IDS) {
            let keys: Vec<(String, String)> = ids
                .iter()
                .enumerate()
                .map(|(index, id)| (format!("filter[id][{index}]"), id.to_string()))
                .collect();
            let mut query: Vec<(&str, &str)> =
                keys.iter().map(|(key, id)| (key.as_str(), id.as_str())).collect();
            query.extend(more);
            query.push(("limit", super::PAGE));
            leads.extend(self.api.list::<Lead>(class, "api/v4/leads", &query).await?);
        }
        Ok(leads)
    }

    /// The one of several who is taken, with his deals.
    async fn best(&self, class: Class, kind: Kind, found: Vec<Person>) -> Result<Client, Fault> {
        let mut ids: Vec<i64> =
            found.iter().flat_map(|person| &person.tied.leads).map(|lead| lead.id).collect();
        ids.sort_unstable();
        ids.dedup();
        let leads = self.leads(class, &ids).await?;
        let mut ranked: Vec<(Rank, Client)> = Vec::new();
        for person in found {
            let own = leads.iter().filter(|l| person.tied.leads.iter().any(|own| own.id == l.id));
            for lead in &person.tied.leads {
                let id = Entity { kind, id: person.id }.client();
                let also = |known: Option<moka::Entry<i64, BTreeSet<ClientId>>>| {
                    let mut clients = known.map(|known| known.into_value()).unwrap_or_default();
                    clients.insert(id);
                    std::future::ready(clients)
                };
                self.deals.entry(lead.id).and_upsert_with(also).await;
            }
            let client = Client {
                id: Entity { kind, id: person.id }.client(),
                name: person.name.clone(),
                company: self.company_of(class, &person, ids.is_empty()).await?,
                owner: owner(person.responsible_user_id),
                deals: own.map(deal).collect(),
                choice: None,
            };
            let oldest_open = client.open_deal().map(|deal| deal.created);
            let rank = Rank {
                no_open_deal: oldest_open.is_none(),
                oldest_open,
                created: Reverse(person.created_at),
                id: Reverse(person.id),
            };
            ranked.push((rank, client));
        }
        ranked.sort_by_key(|(rank, _)| *rank);
        let count = ranked.len();
        let mut ranked = ranked.into_iter();
        let Some((rank, mut client)) = ranked.next() else {
            return Err(Fault::Strange("it found somebody and nobody".to_owned()));
        };
        client.choice = ranked.next().map(|(next, _)| {
            let (name, reason) = (client.display_name(), rank.reason(&next));
            format!("{count} clients have this number; {name} is taken: {reason}")
        });
        Ok(client)
    }

    /// The name of the company behind a contact (A04). A call waits for it only where there are
    /// no deals to ask for; otherwise it is known from the next call on.
    async fn company_of(
        &self,
        class: Class,
        person: &Person,
        no_deals: bool,
    ) -> Result<Option<String>, Fault> {
        let Some(company) = person.tied.companies.first() else { return Ok(None) };
        if let Some(name) = self.companies.get(&company.id).await {
            return Ok(Some(name));
        }
        let of = Entity { kind: Kind::Companies, id: company.id };
        if !no_deals && class == Class::Lookup {
            let this = self.clone();
            tokio::spawn(async move {
                if let Ok(Some(company)) = this.person(Class::Delivery, of).await {
                    this.companies.insert(company.id, company.name).await;
                }
            });
            return Ok(None);
        }
        let company = self.person(class, of).await?;
        if let Some(company) = &company {
            self.companies.insert(company.id, company.name.clone()).await;
        }
        Ok(company.map(|company| company.name))
    }
}

/// Whether the number is his, and he is somebody.
pub(super) fn has(person: &Person, phone: &Phone) -> bool {
    !person.is_deleted
        && !person.is_unsorted
        && person.numbers().any(|number| same_number(number, phone.digits()))
}

/// User 0 is nobody.
fn owner(id: Option<i64>) -> Option<crate::core::ids::EmployeeId> {
    id.filter(|id| *id != 0).map(|id| id.to_string().as_str().into())
}

fn deal(lead: &Lead) -> Deal {
    Deal {
        id: lead.id.to_string().as_str().into(),
        title: lead.name.clone(),
        owner: owner(lead.responsible_user_id),
        created: Timestamp::from_second(lead.created_at).unwrap_or_default(),
        open: lead.is_open(),
    }
}
