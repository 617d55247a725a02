//! Notes, and what amoCRM has instead of notifications.

use serde_json::{Map, Value};

use super::calls::heard;
use super::config::NotifyBy;
use super::desk::{Desk, Entity, nobody, said, user};
use super::sent::{NewNote, Popup, Popups};
use super::tasks::Wanted;
use super::wire::Note;
use crate::core::action::{On, Recipients};
use crate::core::ids::EmployeeId;
use crate::crm::remote::{Class, Fault};
use crate::crm::{ApplyError, Done};

impl Desk<'_> {
    pub(super) async fn note(&self, on: On, text: &str) -> Result<Done, ApplyError> {
        let entity = self.spot(on).await?.of().ok_or_else(|| nobody("a note"))?;
        let id = self.make_note(entity, text).await?;
        Ok(said(format!("made note {id} on {}", entity.words())))
    }

    pub(super) async fn voicemail(&self, on: On, text: &str) -> Result<Done, ApplyError> {
        let Some(message) = &self.work.case.voicemail else {
            return Ok(said("nothing: no message was left in this call"));
        };
        let entity = self.spot(on).await?.of().ok_or_else(|| nobody("a message"))?;
        let id = self.make_note(entity, &heard(message, text)).await?;
        Ok(said(format!("noted the message as {id} on {}", entity.words())))
    }

    pub(super) async fn make_note(&self, on: Entity, text: &str) -> Result<i64, Fault> {
        let params = Map::from_iter([("text".to_owned(), Value::from(text))]);
        let new = NewNote { entity_id: on.id, note_type: "common", params };
        let path = format!("api/v4/{}/notes", on.kind.path());
        let made: Note = self.amo.api.make(&path, &[new]).await?;
        Ok(made.id)
    }

    /// A note that says this, not older than that.
    pub(super) async fn noted(
        &self,
        on: Entity,
        text: &str,
        since: i64,
    ) -> Result<Option<i64>, Fault> {
        let path = format!("api/v4/{}/notes", on.path());
        let query = [
            ("filter[note_type][0]", "common"),
            ("order[updated_at]", "desc"),
            ("limit", super::PAGE),
        ];
        let notes: Vec<Note> = self.amo.api.list(Class::Delivery, &path, &query).await?;
        let same = |note: &&Note| {
            note.created_at >= since && note.param("text").is_some_and(|own| same_text(own, text))
        };
        Ok(notes.iter().find(same).map(|note| note.id))
    }

    pub(super) async fn notify(
        &self,
        to: &Recipients,
        text: &str,
        link: Option<On>,
    ) -> Result<Done, ApplyError> {
        let by = match (self.amo.config.notify, self.number()) {
            (NotifyBy::Popup, Some(number)) => {
                return self.pop_up(to, number.e164()).await;
            }
            // No card pops up without a number.
            (NotifyBy::Popup, None) | (NotifyBy::Task, _) => NotifyBy::Task,
            (NotifyBy::Nothing, _) => NotifyBy::Nothing,
        };
        let recipients = match (by, to) {
            (NotifyBy::Nothing, _) => {
                return Ok(said("nothing: `notify` is set so for this account"));
            }
            (_, Recipients::These(ids)) => users(ids)?,
            (_, Recipients::Everybody) => {
                let all = self.amo.users(Class::Delivery).await?;
                let works = |user: &super::wire::User| {
                    user.rights.as_ref().and_then(|rights| rights.is_active).unwrap_or(true)
                };
                all.into_iter().filter(works).map(|user| user.id).collect()
            }
        };
        if recipients.is_empty() {
            return Ok(said("nothing: there is nobody to notify"));
        }
        let spot = self.spot(link.unwrap_or(On::Deal)).await?;
        let there = self.tasks(spot, &recipients, false).await?;
        let (mut made, mut what) = (Vec::new(), String::new());
        let mut refused = None;
        for owner in recipients {
            let due = self.work.case.at;
            let wanted = Wanted { kind: "notify", text, owner, due, done: false };
            // Some may be there: this was tried before.
            if self.among(&there, &wanted).is_none() {
                match self.make_task(&wanted, spot).await {
                    Ok(_) => {}
                    // A user who is gone keeps nobody else from hearing of it.
                    Err(fault @ Fault::Refused { .. }) => {
                        what = format!("{what}; {owner} was refused: {fault}");
                        refused = Some(fault);
                        continue;
                    }
                    Err(fault) if made.is_empty() => return Err(fault.into()),
                    Err(fault) => return Err(ApplyError::Lost { why: fault.to_string() }),
                }
            }
            made.push(owner.to_string());
        }
        match refused {
            Some(fault) if made.is_empty() => Err(fault.into()),
            _ => Ok(said(format!("made a task for {}{what}", made.join(", ")))),
        }
    }

    async fn pop_up(&self, to: &Recipients, number: &str) -> Result<Done, ApplyError> {
        let (users, whom) = match to {
            Recipients::Everybody => (None, "everybody".to_owned()),
            Recipients::These(ids) if ids.is_empty() => {
                return Ok(said("nothing: there is nobody to notify"));
            }
            Recipients::These(ids) => {
                let ids: Vec<String> = users(ids)?.iter().map(ToString::to_string).collect();
                (Some(ids.clone()), ids.join(", "))
            }
        };
        let phone_number = number.trim_start_matches('+').to_owned();
        let popup = Popup { kind: "phone_call", phone_number, users };
        self.amo.api.tell("api/v2/events", &Popups { add: vec![popup] }).await?;
        Ok(said(format!("the card of the call popped up for {whom}")))
    }
}

fn users(ids: &[EmployeeId]) -> Result<Vec<i64>, ApplyError> {
    ids.iter().map(user).collect()
}

/// The account may put spaces in order.
pub(super) fn same_text(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}
