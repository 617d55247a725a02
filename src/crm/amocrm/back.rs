//! After a lost answer: was it done? amoCRM has no idempotency keys. What was made is known by
//! the call's id where a record has a place for one (calls, Unsorted), else by what it says and
//! that it is no older than its case. What may be done twice without a difference is simply done
//! again.

use super::desk::{Desk, Entity, said, user};
use super::find::has;
use super::people::same_name;
use super::tasks::Wanted;
use super::wire::{Kind, Person};
use crate::core::action::{Action, On};
use crate::crm::remote::Class;
use crate::crm::{ApplyError, Done};

/// Seconds. Notes of two calls may say the same, so one that is older than its case is another's.
const JITTER: i64 = 5;

impl Desk<'_> {
    /// `None`: it was not done, or it does no harm to do it again.
    pub(super) async fn look_back(self) -> Result<Option<Done>, ApplyError> {
        self.looked_at().await?.look_back_there().await
    }

    async fn look_back_there(self) -> Result<Option<Done>, ApplyError> {
        match self.work.action {
            Action::Contact { name, fields, .. } => {
                let Some((contact, made)) = self.contact_back(name).await? else {
                    return Ok(None);
                };
                if !made {
                    return self.contact_known(contact).await.map(Some);
                }
                let filled = self.fill(Kind::Contacts, fields).await?;
                self.contact_made(contact, &filled).await.map(Some)
            }
            Action::Company { name } => {
                // It is found by its name then.
                let same = |person: &Person| same_name(&person.name, name);
                if let Some(made) = self.amo.newest(Kind::Companies, same).await? {
                    self.remember_company(name, made.id).await;
                }
                Ok(None)
            }
            Action::Deal { title, owner, tags, fields, .. } => {
                if self.client().await?.is_none() {
                    // Made together with its contact.
                    self.contact_back("").await?;
                }
                self.deal_back((title, owner), tags, fields).await
            }
            Action::AcceptUnsorted { .. } => {
                if self.waiting().await?.is_some() {
                    return Ok(None);
                }
                let uid = self.work.bound.unsorted.clone().unwrap_or_default();
                self.became(&uid).await
            }
            Action::DeclineUnsorted {} => Ok(match self.meant().await? {
                Some(_) => None,
                None => {
                    self.forget_entry().await;
                    Some(said("no Unsorted entry waits for this number any more"))
                }
            }),
            Action::RegisterCall { .. } => {
                let spot = self.spot_of_call().await?;
                Ok(self.call_anywhere(spot).await?.map(|(at, _)| {
                    let bound = super::calls::Kept::In(at).bound();
                    Done { bound, what: format!("registered the call on {}", at.words()) }
                }))
            }
            Action::Note { on, text } => self.note_back(*on, text).await,
            Action::Voicemail { on, text } => match &self.work.case.voicemail {
                Some(message) => self.note_back(*on, &super::calls::heard(message, text)).await,
                None => Ok(None),
            },
            Action::Task { kind, on, text, owner, due, done, .. } => {
                let wanted = Wanted { kind, text, owner: user(owner)?, due: *due, done: *done };
                self.task_back(*on, &wanted).await
            }
            // A second card on the screen is worse than none where the first may have been seen.
            Action::Notify { .. } if self.pops_up() => {
                Ok(Some(said("it is not known whether the card popped up; it is not sent again")))
            }
            Action::Unsorted { .. }
            | Action::UpdateCall {}
            | Action::Notify { .. }
            | Action::ChangeOwner { .. }
            | Action::Reactivate {}
            | Action::Tag { .. }
            | Action::Fields { .. }
            | Action::Webhook { .. } => Ok(None),
        }
    }

    /// The contact, even where the search does not know it yet, and whether it may be one that was
    /// made for this case.
    pub(super) async fn contact_back(
        &self,
        name: &str,
    ) -> Result<Option<(Entity, bool)>, ApplyError> {
        let since = self.since();
        if let Some(client) = self.client().await? {
            let named = self.named().is_some();
            let found = match named {
                true => None,
                false => self.amo.person(Class::Delivery, client).await?,
            };
            return Ok(Some((client, found.is_some_and(|person| person.created_at >= since))));
        }
        let found = match self.number() {
            Some(number) => self.amo.newest(Kind::Contacts, |p: &Person| has(p, number)).await?,
            None => {
                let same = |p: &Person| p.created_at >= since && same_name(&p.name, name);
                self.amo.newest(Kind::Contacts, same).await?
            }
        };
        let Some(found) = found else { return Ok(None) };
        let contact = Entity { kind: Kind::Contacts, id: found.id };
        self.remember(contact).await;
        Ok(Some((contact, found.created_at >= since)))
    }

    async fn note_back(&self, on: On, text: &str) -> Result<Option<Done>, ApplyError> {
        let Some(entity) = self.spot(on).await?.of() else { return Ok(None) };
        let found = self.noted(entity, text, self.work.case.at.as_second() - JITTER).await?;
        Ok(found.map(|id| said(format!("made note {id} on {}", entity.words()))))
    }

    fn pops_up(&self) -> bool {
        self.amo.config.notify == super::config::NotifyBy::Popup && self.number().is_some()
    }
}
