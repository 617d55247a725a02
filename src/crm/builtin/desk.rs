//! Where an action is carried out: what it is done to, and which part of the CRM does it.

use sqlx::{FromRow, SqliteConnection};

use super::apply::Fail;
use super::{find, records};
use crate::core::action::{Action, Bound, On};
use crate::core::client::{Client, Deal};
use crate::core::ids::{DealId, EmployeeId};
use crate::crm::{Done, Work};

/// One action on its way into the tables, inside a transaction.
pub(super) struct Desk<'a> {
    pub(super) db: &'a mut SqliteConnection,
    pub(super) work: &'a Work<'a>,
    /// The moment of the case, in microseconds: an action carried out late is dated as it was.
    pub(super) now: i64,
    /// Something changed that the way of a call depends on.
    pub(super) matters: bool,
}

/// What something is done to. Neither: to the number or the call alone.
#[derive(Clone, Debug, Default)]
pub(super) struct Spot {
    pub(super) client: Option<String>,
    pub(super) deal: Option<String>,
}

/// A deal in the store.
#[derive(Clone, Debug, FromRow)]
pub(super) struct Held {
    pub(super) id: String,
    pub(super) client: String,
    deleted: bool,
}

/// There is no client to do it to.
pub(super) fn nobody(what: &str) -> Fail {
    Fail::Refused(format!(
        "{what} needs a client, and this call has none: let a rule make the contact before it \
         (C01), then retry the entry"
    ))
}

/// An answer that leaves no ids.
pub(super) fn said(what: impl Into<String>) -> Done {
    Done { bound: Bound::default(), what: what.into() }
}

impl<'a> Desk<'a> {
    pub(super) fn new(db: &'a mut SqliteConnection, work: &'a Work<'a>) -> Self {
        Self { db, work, now: work.case.at.as_microsecond(), matters: false }
    }

    pub(super) async fn carry_out(mut self) -> Result<Done, Fail> {
        let done = match self.work.action {
            Action::Contact { name, owner, tags, fields } => {
                self.contact(name, owner, tags, fields).await?
            }
            Action::Company { name } => self.company(name).await?,
            Action::Deal { title, owner, pipeline, stage, tags, fields } => {
                let place = (pipeline.as_deref(), stage.as_deref());
                self.deal(title, owner, place, tags, fields).await?
            }
            Action::Unsorted { kind, title, name, pipeline, tags, fields } => {
                let pipeline = pipeline.as_deref();
                self.unsorted(*kind, (title, name), pipeline, tags, fields).await?
            }
            Action::AcceptUnsorted { owner, stage } => {
                self.accept_unsorted(owner, stage.as_deref()).await?
            }
            Action::DeclineUnsorted {} => self.decline_unsorted().await?,
            Action::RegisterCall { result, who, text } => {
                self.register_call(*result, who.as_ref(), text).await?
            }
            Action::UpdateCall {} => self.update_call().await?,
            Action::Voicemail { on, text } => self.voicemail(*on, text).await?,
            Action::Task { kind, on, text, owner, due, done, dedupe } => {
                let task = super::tasks::NewTask { kind, text, owner, due: *due, done: *done };
                self.task(*on, &task, *dedupe).await?
            }
            Action::Notify { to, text, link } => self.notify(to, text, *link).await?,
            Action::ChangeOwner { of, to } => self.change_owner(*of, to).await?,
            Action::Reactivate {} => self.reactivate().await?,
            Action::Tag { on, tags } => self.tag(*on, tags).await?,
            Action::Fields { on, touch, fields } => self.fields(*on, *touch, fields).await?,
            Action::Note { on, text } => self.note(*on, text).await?,
            Action::Webhook { .. } => {
                return Err(Fail::Refused("a webhook is no record of the CRM".to_owned()));
            }
        };
        if self.matters {
            records::raise_revision(self.db).await?;
        }
        Ok(done)
    }

    /// The client's number in full.
    pub(super) fn number(&self) -> Option<&'a str> {
        self.work.case.number.as_ref().map(|phone| phone.e164())
    }

    pub(super) fn call(&self) -> &'a str {
        self.work.case.call.as_str()
    }

    /// The client: made or found in this call, else the one the call began with, else whoever has
    /// the number by now. Never a deleted one.
    pub(super) async fn client(&mut self) -> Result<Option<Client>, Fail> {
        let bound = self.work.bound.client.as_ref();
        let known = self.work.case.client().map(|client| &client.id);
        for id in bound.into_iter().chain(known) {
            if let Some(client) = find::by_id(self.db, id.as_str()).await? {
                return Ok(Some(client));
            }
        }
        match &self.work.case.number {
            Some(number) => Ok(find::by_number(self.db, number).await?),
            None => Ok(None),
        }
    }

    /// The client, where there is no way without one.
    pub(super) async fn needed_client(&mut self, what: &str) -> Result<Client, Fail> {
        self.client().await?.ok_or_else(|| nobody(what))
    }

    /// What an action stands on.
    pub(super) async fn spot(&mut self, on: On) -> Result<Spot, Fail> {
        let client = self.client().await?;
        let deal = match on {
            On::Client => None,
            On::Deal => self.deal_among(client.as_ref(), Client::main_deal).await?,
        };
        Ok(Spot::new(client, deal))
    }

    /// Where a call hangs: as [`On::Deal`], but on no closed deal (D03).
    pub(super) async fn spot_of_call(&mut self) -> Result<Spot, Fail> {
        let client = self.client().await?;
        let deal = self.deal_among(client.as_ref(), Client::open_deal).await?;
        Ok(Spot::new(client, deal))
    }

    /// The deal made in this call, else one of those the client had when it began.
    async fn deal_among(
        &mut self,
        client: Option<&Client>,
        pick: fn(&Client) -> Option<&Deal>,
    ) -> Result<Option<Held>, Fail> {
        if let Some(made) = &self.work.bound.deal
            && let Some(held) = self.held(made).await?
        {
            return Ok(Some(held));
        }
        let Some(client) = client else { return Ok(None) };
        // Another contact than the call began with has the deals he has now.
        let frozen = self.work.case.client().filter(|frozen| frozen.id == client.id);
        match pick(frozen.map_or(client, |frozen| frozen)) {
            Some(deal) => self.held(&deal.id).await,
            None => Ok(None),
        }
    }

    /// The deal as it is in the store; `None`: its client was deleted.
    pub(super) async fn held(&mut self, id: &DealId) -> Result<Option<Held>, Fail> {
        let held: Option<Held> = sqlx::query_as(
            "SELECT d.id, d.client, c.deleted FROM deal d JOIN client c ON c.id = d.client \
             WHERE d.id = ?",
        )
        .bind(id.as_str())
        .fetch_optional(&mut *self.db)
        .await?;
        match held {
            Some(held) if held.deleted => Ok(None),
            Some(held) => Ok(Some(held)),
            None => Err(Fail::Refused(format!(
                "there is no deal `{id}` in this store: it may be the id of another CRM; \
                 drop the entry"
            ))),
        }
    }

    /// Whether somebody has this id. He may be gone: who stands in for him is the rules' affair.
    pub(super) async fn employee(&mut self, id: &EmployeeId) -> Result<(), Fail> {
        employee(self.db, id.as_str()).await
    }
}

/// The same outside an action.
pub(super) async fn employee(db: &mut SqliteConnection, id: &str) -> Result<(), Fail> {
    let known: Option<i64> = sqlx::query_scalar("SELECT 1 FROM employee WHERE id = ?")
        .bind(id)
        .fetch_optional(db)
        .await?;
    known.map(drop).ok_or_else(|| {
        Fail::Refused(format!(
            "no employee has the id `{id}`: name one that `dozvon crm list` shows, or take him \
             over with `dozvon crm import`, then try again"
        ))
    })
}

impl Spot {
    fn new(client: Option<Client>, deal: Option<Held>) -> Self {
        let client = client.map(|client| client.id.to_string());
        match deal {
            Some(deal) => Self { client: client.or(Some(deal.client)), deal: Some(deal.id) },
            None => Self { client, deal: None },
        }
    }

    /// In words, for answers.
    pub(super) fn words(&self) -> String {
        match (&self.deal, &self.client) {
            (Some(deal), _) => format!("deal {deal}"),
            (None, Some(client)) => format!("client {client}"),
            (None, None) => "the number".to_owned(),
        }
    }
}
