//! Notes and tasks. Both are lines in the client's note: KeyCRM's API has nothing else for them.

use jiff::Timestamp;
use serde_json::json;

use super::DEAL;
use super::desk::Desk;
use super::wire::Card;
use crate::core::action::{Dedupe, On};
use crate::core::case::Sound;
use crate::crm::remote::{Class, refused, said};
use crate::crm::{ApplyError, Done};

impl Desk<'_> {
    pub(super) async fn note(&self, text: &str) -> Result<Done, ApplyError> {
        self.note_line(&format!("{} {text}", self.when())).await
    }

    /// Beneath what people wrote. The same line is not written twice.
    pub(super) async fn note_line(&self, line: &str) -> Result<Done, ApplyError> {
        let client = self.needed_client("a note").await?;
        let Some(buyer) = self.crm.buyer(client).await? else {
            return Ok(said(format!("nothing: client {client} is gone")));
        };
        let there = buyer.note.unwrap_or_default();
        if there.lines().any(|one| one.trim() == line.trim()) || there.contains(line) {
            return Ok(said(format!("nothing: it stands in the note of client {client}")));
        }
        let note = format!("{there}\n{line}");
        let change = json!({ "note": note.trim() });
        self.change_buyer(client, buyer.full_name.unwrap_or_default(), change).await?;
        Ok(said(format!("wrote into the note of client {client}")))
    }

    pub(super) async fn voicemail(&self, text: &str) -> Result<Done, ApplyError> {
        match &self.work.case.voicemail {
            Some(message) => self.note(&message_note(text, message)).await,
            None => Ok(said("nothing: no message was left in this call")),
        }
    }

    /// `due` is `None` for what is done already.
    pub(super) async fn task(
        &self,
        on: On,
        text: &str,
        due: Option<Timestamp>,
        dedupe: Dedupe,
    ) -> Result<Done, ApplyError> {
        let spot = self.spot(on).await?;
        if spot.client.is_none() && spot.deal.is_none() {
            return Err(refused(
                "a task needs a client or a card, and nobody has this number: let a rule make one \
                 before it",
            ));
        }
        let mut did = Vec::new();
        if let (Some(card), Some(due)) = (spot.deal.filter(|_| !self.has_orders()), due) {
            let path = format!("{DEAL}/{card}");
            let there: Card = self.crm.api.get(Class::Delivery, &path, &[]).await?;
            let next = there.communicate_at.as_deref().and_then(|at| self.crm.times.read(at));
            let waits = match dedupe {
                Dedupe::Never => false,
                Dedupe::UntilDue | Dedupe::WhileOpen => {
                    next.is_some_and(|next| next > Timestamp::now())
                }
            };
            let at = self.crm.times.write(due);
            if waits && next != Some(due) {
                let next = there.communicate_at.unwrap_or_default();
                return Ok(said(format!("nothing: the next contact of card {card} is {next}")));
            }
            self.edit_card(card, &json!({ "communicate_at": at })).await?;
            did.push(format!("set the next contact of card {card}"));
        }
        if spot.client.is_some() {
            let until = due.map(|due| format!(" (→ {})", self.crm.times.write_minute(due)));
            let line = format!("{text}{}", until.unwrap_or_default());
            did.push(self.note(&line).await?.what);
        } else {
            did.push("its text has no place, as the card's contact is no client yet".to_owned());
        }
        Ok(said(did.join("; ")))
    }
}

pub(super) fn message_note(text: &str, message: &Sound) -> String {
    match message.url.is_empty() {
        true => text.to_owned(),
        false => format!("{text}: {}", message.url),
    }
}
