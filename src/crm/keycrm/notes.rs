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
        let line = format!("{} {text}", self.when());
        self.note_unless(&line, |note| stands(note, &line)).await
    }

    /// Beneath what people wrote, unless the note as it is says that it need not.
    pub(super) async fn note_unless(
        &self,
        line: &str,
        is_there: impl Fn(&str) -> bool,
    ) -> Result<Done, ApplyError> {
        let client = self.needed_client("a note").await?;
        let Some(buyer) = self.crm.buyer(client).await? else {
            return Ok(said(format!("nothing: client {client} is gone")));
        };
        let there = buyer.note.clone().unwrap_or_default();
        if is_there(&there) {
            return Ok(said(format!("nothing: it stands in the note of client {client}")));
        }
        let note = format!("{there}\n{line}");
        self.change_buyer(&buyer, json!({ "note": note.trim() })).await?;
        Ok(said(format!("wrote into the note of client {client}")))
    }

    pub(super) async fn voicemail(&self, text: &str) -> Result<Done, ApplyError> {
        match &self.work.case.voicemail {
            Some(message) => self.note(&message_note(text, message)).await,
            None => Ok(said("nothing: no message was left in this call")),
        }
    }

    /// `due` is `None` for what is done already. The card's next contact is never put off: what
    /// somebody planned earlier stays, and the text stands in the note with its own time.
    pub(super) async fn task(
        &self,
        on: On,
        text: &str,
        due: Option<Timestamp>,
        dedupe: Dedupe,
    ) -> Result<Done, ApplyError> {
        let mut spot = self.spot(on).await?;
        if spot.client.is_none() {
            spot.client = self.client_or_lead().await?;
        }
        if spot.client.is_none() && spot.deal.is_none() {
            return Err(refused(
                "a task needs a client or a card, and nobody has this number: let a rule make one \
                 before it",
            ));
        }
        let now = Timestamp::now();
        let told = match (spot.client, due, dedupe) {
            (Some(client), Some(_), Dedupe::UntilDue | Dedupe::WhileOpen) => {
                let note = self.crm.buyer(client).await?.and_then(|buyer| buyer.note);
                self.told(&note.unwrap_or_default(), text).filter(|told| *told > now)
            }
            _ => None,
        };
        let mut did = Vec::new();
        if let (Some(card), Some(due)) = (spot.deal.filter(|_| !self.has_orders()), due) {
            let asked = self.crm.api.get(Class::Delivery, &format!("{DEAL}/{card}"), &[]).await;
            let there: Card = asked.map_err(|fault| self.missed(card, fault))?;
            let next = there.communicate_at.as_deref().and_then(|at| self.crm.times.read(at));
            let next = next.filter(|next| *next > now);
            // The line has no seconds.
            let waits =
                |told: Timestamp| next.is_some_and(|n| n.as_second() / 60 <= told.as_second() / 60);
            if told.is_some_and(waits) {
                let next = there.communicate_at.unwrap_or_default();
                return Ok(said(format!("nothing: the next contact of card {card} is {next}")));
            }
            did.push(match next.is_none_or(|next| next > due) {
                true => {
                    let at = self.crm.times.write(due);
                    self.edit_card(card, &json!({ "communicate_at": at })).await?;
                    format!("set the next contact of card {card}")
                }
                false => format!("card {card} has a next contact before that"),
            });
        } else if let Some(told) = told {
            let told = self.crm.local.write_minute(told);
            return Ok(said(format!("nothing: the same stands in the client's note, due {told}")));
        }
        if spot.client.is_some() {
            let until = due.map(|due| format!(" (→ {})", self.crm.local.write_minute(due)));
            let line = format!("{text}{}", until.unwrap_or_default());
            did.push(self.note(&line).await?.what);
        } else {
            did.push("its text has no place, as the number is withheld".to_owned());
        }
        Ok(said(did.join("; ")))
    }

    /// When the last task with this text is due, as its line in the note says.
    fn told(&self, note: &str, text: &str) -> Option<Timestamp> {
        let begins = format!(" {text} (→ ");
        let due = note.lines().rev().find_map(|line| line.split_once(&begins))?.1;
        self.crm.local.read(due.trim_end().strip_suffix(')')?)
    }
}

/// Whether these are whole lines of the note, or a task there says the same.
fn stands(note: &str, lines: &str) -> bool {
    let framed = |text: &str| {
        let lines: Vec<_> = text.trim().lines().map(str::trim).collect();
        format!("\n{}\n", lines.join("\n"))
    };
    let (note, lines) = (framed(note), framed(lines));
    note.contains(&lines) || note.contains(&format!("{} (→ ", lines.trim_end()))
}

pub(super) fn message_note(text: &str, message: &Sound) -> String {
    match message.url.is_empty() {
        true => text.to_owned(),
        false => format!("{text}: {}", message.url),
    }
}
