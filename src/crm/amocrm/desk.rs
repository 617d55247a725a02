//! Where an action is carried out: what it is done to, and which part does it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Amo;
use super::catalog::Filled;
use super::wire::Kind;
use crate::core::action::{Action, Bound, On};
use crate::core::client::{Client, Deal};
use crate::core::ids::{ClientId, EmployeeId};
use crate::core::phone::Phone;
pub(super) use crate::crm::remote::afterwards;
use crate::crm::remote::{Class, Fault};
use crate::crm::{ApplyError, Done, Work};

/// How far our clock and theirs may be apart.
const SKEW: SignedDuration = SignedDuration::from_mins(10);

/// A contact, company or deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entity {
    pub kind: Kind,
    pub id: i64,
}

impl Entity {
    /// As the rest of the engine knows it: contacts by their bare id.
    pub(super) fn client(self) -> ClientId {
        match self.kind {
            Kind::Companies => ClientId::new(format!("company:{}", self.id)),
            Kind::Contacts | Kind::Leads | Kind::Customers => ClientId::new(self.id.to_string()),
        }
    }

    pub(super) fn of_client(id: &ClientId) -> Option<Self> {
        let (kind, digits) = match id.as_str().strip_prefix("company:") {
            Some(digits) => (Kind::Companies, digits),
            None => (Kind::Contacts, id.as_str()),
        };
        digits.parse().ok().map(|id| Self { kind, id })
    }

    /// In the path of a request, and in what is kept of a call.
    pub(super) fn path(self) -> String {
        format!("{}/{}", self.kind.path(), self.id)
    }

    pub(super) fn of_path(path: &str) -> Option<Self> {
        let (kind, id) = path.split_once('/')?;
        Some(Self { kind: Kind::read(kind)?, id: id.parse().ok()? })
    }

    /// For answers.
    pub(super) fn words(self) -> String {
        let kind = match self.kind {
            Kind::Contacts => "contact",
            Kind::Companies => "company",
            Kind::Leads => "deal",
            Kind::Customers => "customer",
        };
        format!("{kind} {}", self.id)
    }
}

/// What something is done to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spot {
    pub client: Option<Entity>,
    pub deal: Option<Entity>,
}

impl Spot {
    /// The deal, else the client.
    pub(super) fn of(self) -> Option<Entity> {
        self.deal.or(self.client)
    }

    /// Both, the deal first.
    pub(super) fn both(self) -> impl Iterator<Item = Entity> {
        self.deal.into_iter().chain(self.client)
    }
}

/// One action on its way.
#[derive(Clone, Copy)]
pub(super) struct Desk<'a> {
    pub amo: &'a Amo,
    pub work: &'a Work<'a>,
    /// What the case knows of its client is outdated: somebody merged or deleted a card meanwhile.
    pub outdated: bool,
}

/// An answer that leaves no ids.
pub(super) fn said(what: impl Into<String>) -> Done {
    Done { bound: Bound::default(), what: what.into() }
}

/// There is no client to do it to.
pub(super) fn nobody(what: &str) -> ApplyError {
    refused(format!(
        "{what} needs a client, and this call has none: let a rule make the contact before it \
         (C01), then retry the entry"
    ))
}

pub(super) fn refused(why: String) -> ApplyError {
    ApplyError::Refused { why }
}

/// The id of a user.
pub(super) fn user(id: &EmployeeId) -> Result<i64, ApplyError> {
    id.as_str().parse().map_err(|_| {
        refused(format!(
            "`{id}` is no user of amoCRM: their ids are numbers, `dozvon doctor` and the list of \
             users in amoCRM show them; correct the rules, then retry the entry"
        ))
    })
}

impl<'a> Desk<'a> {
    pub(super) fn new(amo: &'a Amo, work: &'a Work<'a>) -> Self {
        Self { amo, work, outdated: false }
    }

    /// What is refused because its card is gone is done to the cards there are now.
    pub(super) async fn carry_out(self) -> Result<Done, ApplyError> {
        match self.as_planned().await {
            Err(ApplyError::Refused { why }) => {
                let anew = self.looked_at().await?;
                if !anew.outdated {
                    return Err(ApplyError::Refused { why });
                }
                let mut done = anew.as_planned().await?;
                if done.bound.client.is_none() {
                    done.bound.client = anew.client().await?.map(Entity::client);
                }
                Ok(done)
            }
            done => done,
        }
    }

    /// The same, once it is known whether the client and the deal of the case are still there.
    pub(super) async fn looked_at(self) -> Result<Self, Fault> {
        let Some(named) = self.named() else { return Ok(self) };
        if self.amo.person(Class::Delivery, named).await?.is_none() {
            return Ok(Self { outdated: true, ..self });
        }
        let known = self.work.case.client();
        let frozen = known.and_then(|client| client.main_deal()).map(|deal| &deal.id);
        let deal = self.work.bound.deal.as_ref().or(frozen);
        let gone = match deal.and_then(|deal| lead(deal.as_str())) {
            Some(deal) => !self.is_there(deal).await?,
            None => false,
        };
        Ok(Self { outdated: gone, ..self })
    }

    async fn is_there(&self, deal: Entity) -> Result<bool, Fault> {
        let there = self.amo.leads_with(Class::Delivery, &[deal.id], &[]).await?;
        Ok(there.iter().any(|lead| !lead.is_deleted))
    }

    async fn as_planned(self) -> Result<Done, ApplyError> {
        match self.work.action {
            Action::Contact { name, owner, tags, fields } => {
                self.contact(name, owner, tags, fields).await
            }
            Action::Company { name } => self.company(name).await,
            Action::Deal { title, owner, pipeline, stage, tags, fields } => {
                let place = (pipeline.as_deref(), stage.as_deref());
                self.deal(title, owner, place, tags, fields).await
            }
            Action::Unsorted { kind, title, name, pipeline, tags, fields } => {
                let pipeline = pipeline.as_deref();
                self.unsorted(*kind, (title, name), pipeline, tags, fields).await
            }
            Action::AcceptUnsorted { owner, stage } => {
                self.accept_unsorted(owner, stage.as_deref()).await
            }
            Action::DeclineUnsorted {} => self.decline_unsorted().await,
            Action::RegisterCall { result, who, text } => {
                self.register_call(*result, who.as_ref(), text).await
            }
            Action::UpdateCall {} => self.update_call().await,
            Action::Voicemail { on, text } => self.voicemail(*on, text).await,
            Action::Task { kind, on, text, owner, due, done, dedupe } => {
                let task = super::tasks::Wanted {
                    kind,
                    text,
                    owner: user(owner)?,
                    due: *due,
                    done: *done,
                };
                self.task(*on, &task, *dedupe).await
            }
            Action::Notify { to, text, link } => self.notify(to, text, *link).await,
            Action::ChangeOwner { of, to } => self.change_owner(*of, to).await,
            Action::Reactivate {} => self.reactivate().await,
            Action::Tag { on, tags } => self.tag(*on, tags).await,
            Action::Fields { on, touch, fields } => self.fields(*on, *touch, fields).await,
            Action::Note { on, text } => self.note(*on, text).await,
            Action::Webhook { .. } => Err(ApplyError::webhook()),
        }
    }

    pub(super) fn number(&self) -> Option<&'a Phone> {
        self.work.case.number.as_ref()
    }

    pub(super) async fn fill(
        &self,
        kind: Kind,
        fields: &BTreeMap<String, String>,
    ) -> Result<Filled, Fault> {
        self.amo.fill(kind, fields, &self.work.case.fields).await
    }

    pub(super) fn call(&self) -> &'a str {
        self.work.case.call.as_str()
    }

    /// What we made for this case is no older.
    pub(super) fn since(&self) -> i64 {
        let at = self.work.case.at;
        at.checked_sub(SKEW).unwrap_or(Timestamp::UNIX_EPOCH).as_second()
    }

    /// Who the call is known to be with: made or found in it, else as it began.
    pub(super) fn named(&self) -> Option<Entity> {
        let bound = self.work.bound.client.as_ref();
        let known = self.work.case.client().map(|client| &client.id);
        bound.into_iter().chain(known).find_map(Entity::of_client)
    }

    /// The same, else whoever has the number by now.
    pub(super) async fn client(&self) -> Result<Option<Entity>, Fault> {
        if self.outdated {
            return Ok(self.client_now().await?.map(|(client, _)| client));
        }
        if let Some(named) = self.named() {
            return Ok(Some(named));
        }
        Ok(self.by_number().await?.and_then(|client| Entity::of_client(&client.id)))
    }

    async fn by_number(&self) -> Result<Option<Client>, Fault> {
        match self.number() {
            Some(number) => self.amo.by_number(Class::Delivery, number).await,
            None => Ok(None),
        }
    }

    /// The client with the deals he has now; one who was deleted is looked for by number.
    pub(super) async fn client_now(&self) -> Result<Option<(Entity, Client)>, Fault> {
        if let Some(named) = self.named()
            && let Some(client) = self.amo.by_id(Class::Delivery, named).await?
        {
            return Ok(Some((named, client)));
        }
        let found = self.by_number().await?;
        Ok(found.and_then(|client| Some((Entity::of_client(&client.id)?, client))))
    }

    /// What an action stands on.
    pub(super) async fn spot(&self, on: On) -> Result<Spot, Fault> {
        match on {
            On::Client => Ok(Spot { client: self.client().await?, deal: None }),
            On::Deal => self.spot_with(Client::main_deal).await,
        }
    }

    /// Where a call hangs: as [`On::Deal`], but on no closed deal (D03).
    pub(super) async fn spot_of_call(&self) -> Result<Spot, Fault> {
        self.spot_with(Client::open_deal).await
    }

    /// With the deal made in this call, else one of those the client had when it began.
    async fn spot_with(&self, pick: fn(&Client) -> Option<&Deal>) -> Result<Spot, Fault> {
        let lead = |deal: &Deal| lead(deal.id.as_str());
        let made = self.work.bound.deal.as_ref().and_then(|deal| self::lead(deal.as_str()));
        if self.outdated {
            let now = self.client_now().await?;
            let deal = match made {
                Some(made) if self.is_there(made).await? => Some(made),
                _ => now.as_ref().and_then(|(_, client)| pick(client)).and_then(lead),
            };
            return Ok(Spot { client: now.map(|(client, _)| client), deal });
        }
        if let Some(named) = self.named() {
            // Another contact than the call began with has the deals he has now.
            let frozen =
                self.work.case.client().filter(|c| Entity::of_client(&c.id) == Some(named));
            let deal = match (made, frozen) {
                (Some(made), _) => Some(made),
                (None, Some(frozen)) => pick(frozen).and_then(lead),
                (None, None) => {
                    let now = self.amo.by_id(Class::Delivery, named).await?;
                    now.as_ref().and_then(pick).and_then(lead)
                }
            };
            return Ok(Spot { client: Some(named), deal });
        }
        let found = self.by_number().await?;
        let deal = made.or_else(|| found.as_ref().and_then(pick).and_then(lead));
        Ok(Spot { client: found.and_then(|client| Entity::of_client(&client.id)), deal })
    }
}

/// A deal by its id.
pub(super) fn lead(id: &str) -> Option<Entity> {
    id.parse().ok().map(|id| Entity { kind: Kind::Leads, id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contacts_and_companies_with_one_number_are_two_clients() {
        for (entity, id) in [
            (Entity { kind: Kind::Contacts, id: 7 }, "7"),
            (Entity { kind: Kind::Companies, id: 7 }, "company:7"),
        ] {
            assert_eq!(entity.client().as_str(), id);
            assert_eq!(Entity::of_client(&entity.client()), Some(entity));
            assert_eq!(Entity::of_path(&entity.path()), Some(entity));
        }
        assert_eq!(Entity::of_client(&"dz5".into()), None);
    }
}
