//! Notes and notifications.

use jiff::{SignedDuration, Timestamp};

use super::desk::{Desk, manager, said};
use super::wire::{Id, NewNote, NewNotification, Note, Notes, Success, Whom};
use super::{Entity, Retail};
use crate::core::action::{On, Recipients};
use crate::core::case::Sound;
use crate::crm::remote::{Class, Fault};
use crate::crm::{ApplyError, Done};

/// Pages of 100 notes of a client that are read.
const PAGES: u32 = 10;
/// How far the clocks may be apart when a note is looked for by the time it was written.
const SLACK: SignedDuration = SignedDuration::from_mins(1);

impl Desk<'_> {
    pub(super) async fn note(&self, text: &str) -> Result<Done, ApplyError> {
        let client = self.needed_client("a note").await?;
        self.write_note(client, text).await
    }

    pub(super) async fn write_note(&self, client: Id, text: &str) -> Result<Done, ApplyError> {
        let site = self.crm.site_of(Entity::Customer, client).await?;
        let customer = Whom { id: client, kind: None, site: site.clone() };
        let note = NewNote { text, customer };
        let note = serde_json::to_string(&note).unwrap_or_default();
        let mut form = vec![("note", note.as_str())];
        form.extend(site.as_deref().map(|site| ("site", site)));
        let made: super::wire::Made =
            self.crm.api.post(Class::Delivery, "customers/notes/create", &form).await?;
        let id = made.id.map(|id| id.to_string()).unwrap_or_default();
        Ok(said(format!("made note {id} on client {client}")))
    }

    pub(super) async fn voicemail(&self, text: &str) -> Result<Done, ApplyError> {
        match &self.work.case.voicemail {
            Some(message) => self.note(&message_note(text, message)).await,
            None => Ok(said("nothing: no message was left in this call")),
        }
    }

    /// The note this action made before its answer was lost: of the same words.
    pub(super) async fn note_back(&self, text: &str) -> Result<Option<Done>, ApplyError> {
        let Some(client) = self.client().await? else { return Ok(None) };
        let since = self.work.case.at.saturating_sub(SLACK).unwrap_or(self.work.case.at);
        let times = &self.crm.times;
        // Another call may have left the same words before.
        let ours = |note: &&Note| {
            let at = note.created_at.as_deref().and_then(|at| times.read(at));
            let same = note.text.as_deref().is_some_and(|there| there.trim() == text.trim());
            same && at.is_none_or(|at| at >= since)
        };
        let notes = self.notes_of(client, Some(since)).await?;
        let found = notes.iter().find(ours);
        Ok(found.map(|note| said(format!("made note {} on client {client}", note.id))))
    }

    async fn notes_of(&self, client: Id, since: Option<Timestamp>) -> Result<Vec<Note>, Fault> {
        let id = client.to_string();
        let since = since.map(|since| self.crm.times.write(since));
        let mut notes = Vec::new();
        for page in 1..=PAGES {
            let page = page.to_string();
            let mut query = vec![("filter[customerIds][0]", id.as_str()), ("limit", "100")];
            query.push(("page", &page));
            query.extend(since.as_deref().map(|since| ("filter[createdAtFrom]", since)));
            let answer: Notes =
                self.crm.api.get(Class::Delivery, "customers/notes", &query).await?;
            notes.extend(answer.notes);
            if answer.pagination.is_last() {
                break;
            }
        }
        Ok(notes)
    }

    /// What the notes on a client say, the oldest first.
    pub(super) async fn told(&self, client: Id) -> Result<String, Fault> {
        let mut notes = self.notes_of(client, None).await?;
        notes.sort_by_key(|note| note.id);
        let texts: Vec<_> = notes.into_iter().filter_map(|note| note.text).collect();
        Ok(texts.join("\n"))
    }

    pub(super) async fn notify(
        &self,
        to: &Recipients,
        text: &str,
        link: Option<On>,
    ) -> Result<Done, ApplyError> {
        let users: Vec<Id> = match to {
            Recipients::Everybody => self.crm.active_users().await?,
            Recipients::These(ids) => ids.iter().map(manager).collect::<Result<_, _>>()?,
        };
        if users.is_empty() {
            return Ok(said("nothing: there is nobody to notify"));
        }
        let mut remark = String::new();
        if let Recipients::These(_) = to {
            match self.pop_up(&users).await {
                Ok(Some(answer)) if !answer.not_exist_users.is_empty() => {
                    remark =
                        "; the card did not pop up: the CRM does not know all users".to_owned();
                }
                Ok(_) => {}
                // Without the telephony module there is no card; the text goes out all the same.
                Err(fault @ (Fault::Refused { .. } | Fault::Forbidden(_))) => {
                    remark = format!("; the card did not pop up: {fault}");
                }
                Err(other) => return Err(other.into()),
            }
        }
        let link = match link {
            Some(on) => self.link(on).await?,
            None => None,
        };
        let text = escaped(text);
        let message = match link {
            Some(link) => format!("<p>{text}</p><p><a href=\"{}\">Открыть</a></p>", escaped(&link)),
            None => format!("<p>{text}</p>"),
        };
        let new = NewNotification { r#type: "api.info", message: &message, user_ids: &users };
        let new = serde_json::to_string(&new).unwrap_or_default();
        let form = [("notification", new.as_str())];
        let _: Success = self.crm.api.post(Class::Delivery, "notifications/send", &form).await?;
        let names: Vec<_> = users.iter().map(ToString::to_string).collect();
        Ok(said(format!("notified {}{remark}", names.join(", "))))
    }

    async fn link(&self, on: On) -> Result<Option<String>, ApplyError> {
        let spot = self.spot(on).await?;
        let path = match (spot.order, spot.client) {
            (Some(order), _) => format!("orders/{order}/edit"),
            (None, Some(client)) => format!("customers/{client}"),
            (None, None) => return Ok(None),
        };
        Ok(self.crm.api.base().join(&path).ok().map(String::from))
    }
}

impl Retail {
    /// Managers at work (B03). Remembered for a while: a missed call tells everybody.
    async fn active_users(&self) -> Result<Vec<Id>, Fault> {
        if let Some(known) = self.users.get(&()).await {
            return Ok(known.to_vec());
        }
        let users = self.users_of(Class::Delivery).await?;
        let managers = users.iter().filter(|user| user.active && user.is_manager != Some(false));
        let active: Vec<Id> = managers.map(|user| user.id).collect();
        self.users.insert((), active.clone().into()).await;
        Ok(active)
    }
}

pub(super) fn message_note(text: &str, message: &Sound) -> String {
    match message.url.is_empty() {
        true => text.to_owned(),
        false => format!("{text}: {}", message.url),
    }
}

/// What a caller may have chosen is no HTML.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_who_calls_himself_html_is_text() {
        assert_eq!(escaped("<b>\"A & B\""), "&lt;b&gt;&quot;A &amp; B&quot;");
    }
}
