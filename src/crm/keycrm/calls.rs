//! Calls, told as a telephony exchange does (the connection "Asterisk"): one JSON for each state of
//! a call. `caller` is our extension and `destination_number` the client, whichever way it goes.
//! KeyCRM takes the end of a call once, so that goes out when it is over, with the address of its
//! recording, which is stable and serves the file as soon as it is complete.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::desk::Desk;
use super::records::put_some;
use crate::core::action::{Bound, CallResult, Recipients};
use crate::core::case::Event;
use crate::core::facts::Direction;
use crate::core::ids::{EmployeeId, Extension};
use crate::crm::remote::{late, said};
use crate::crm::{ApplyError, Done};

const NO_ADDRESS: &str = "nothing: `telephony_url` is not set, so KeyCRM learns of no calls";

impl Desk<'_> {
    pub(super) async fn register_call(
        &self,
        result: CallResult,
        who: Option<&EmployeeId>,
    ) -> Result<Done, ApplyError> {
        if let Some(done) =
            late::not_yet(self.work, "nothing yet: KeyCRM takes the end of a call once")
        {
            return Ok(done);
        }
        self.tell_end(result, who).await
    }

    pub(super) async fn update_call(&self) -> Result<Done, ApplyError> {
        match late::put_off(self.work) {
            Ok((result, who)) => self.tell_end(result, who).await,
            Err(done) => Ok(done),
        }
    }

    async fn tell_end(
        &self,
        result: CallResult,
        who: Option<&EmployeeId>,
    ) -> Result<Done, ApplyError> {
        let case = self.work.case;
        if !self.crm.api.tells_calls() {
            return Ok(said(NO_ADDRESS));
        }
        if case.number.is_none() {
            return Ok(said("nothing: KeyCRM takes no call with a withheld number"));
        }
        let Some(extension) = self.extension(who).await? else {
            return Ok(said(
                "nothing: KeyCRM takes no call without an extension. Set `nobody` to the one \
                 under which calls that reached nobody are told",
            ));
        };
        let (state, sound) = match result {
            CallResult::Answered => ("completed", case.recording.as_ref()),
            CallResult::Voicemail => ("canceled", case.voicemail.as_ref()),
            CallResult::Missed | CallResult::Unreached => ("canceled", None),
        };
        let mut call = self.call(&extension, state);
        if result == CallResult::Answered {
            put_some(&mut call, "duration", Some(json!(case.talked)));
        }
        let url = sound.map(|sound| sound.url.as_str()).filter(|url| !url.is_empty());
        put_some(&mut call, "audio_url", url.map(|url| json!(url)));
        // Whoever saw nothing of the call yet learns that it began.
        if !self.crm.started.contains_key(&self.leg(&extension)) {
            self.start(&extension).await?;
        }
        self.tell(call).await?;
        let bound = Bound { call: Some(case.call.to_string()), ..Bound::default() };
        Ok(Done { bound, what: format!("registered the call at {extension}") })
    }

    /// Who called or was called: whom the rules say, who spoke, who was rung first, else nobody's.
    async fn extension(&self, who: Option<&EmployeeId>) -> Result<Option<String>, ApplyError> {
        let case = self.work.case;
        let speaker = case.speaker().or(case.caller.as_ref());
        let spoke = speaker.filter(|one| who.is_none() || one.employee.as_ref() == who);
        if let Some(number) = spoke.and_then(|one| Extension::parse(&one.number).ok())
            && number.as_str().len() <= 6
        {
            return Ok(Some(number.to_string()));
        }
        for one in who.into_iter().chain(case.rung.first()) {
            if let Some(extension) = self.crm.extension_of(one).await? {
                return Ok(Some(extension));
            }
        }
        Ok(self.crm.config.nobody.clone())
    }

    /// The card of the call pops up while it goes on. What comes later, or goes to everybody, can
    /// only be written down.
    pub(super) async fn notify(&self, to: &Recipients, text: &str) -> Result<Done, ApplyError> {
        let case = self.work.case;
        if case.number.is_none() {
            return Ok(said("nothing: no card pops up for a withheld number"));
        }
        let users = match to {
            Recipients::These(users) if matches!(case.event, Event::Ringing | Event::Answered) => {
                users
            }
            _ => return self.note_of_notice(text).await,
        };
        if !self.crm.api.tells_calls() {
            return Ok(said(NO_ADDRESS));
        }
        if !self.crm.config.popups {
            return Ok(said("nothing: `popups` is switched off"));
        }
        let age = Duration::try_from(Timestamp::now().duration_since(case.at)).unwrap_or_default();
        if age > self.crm.config.popup_within {
            return Ok(said("nothing: it is too late for a card to pop up"));
        }
        let mut shown = Vec::new();
        for user in users {
            let Some(extension) = self.extension_at(user).await? else { continue };
            // The card comes with the start, and may not have been there yet.
            self.start(&extension).await?;
            if case.event == Event::Answered {
                self.tell(self.call(&extension, "answered")).await?;
            }
            shown.push(extension);
        }
        Ok(said(match shown.is_empty() {
            true => "nothing: who should see the card has no extension".to_owned(),
            false => format!("the card of the call pops up at {}", shown.join(", ")),
        }))
    }

    async fn note_of_notice(&self, text: &str) -> Result<Done, ApplyError> {
        match self.client_or_lead().await? {
            Some(_) => self.note(text).await,
            None => Ok(said(
                "nothing: KeyCRM's API sends no messages, and nobody has this number whose note it \
                 could stand in",
            )),
        }
    }

    async fn extension_at(&self, user: &EmployeeId) -> Result<Option<String>, ApplyError> {
        let spoke = self.work.case.speaker().filter(|one| one.employee.as_ref() == Some(user));
        match spoke {
            Some(_) => self.extension(Some(user)).await,
            None => Ok(self.crm.extension_of(user).await?),
        }
    }

    fn call(&self, extension: &str, state: &str) -> Value {
        let case = self.work.case;
        json!({
            "id": case.call,
            "direction": way(case.direction),
            "caller": extension,
            "destination_number": self.number(),
            "state": state,
        })
    }

    async fn start(&self, extension: &str) -> Result<(), ApplyError> {
        self.tell(self.call(extension, "started")).await?;
        self.crm.started.insert(self.leg(extension), ()).await;
        Ok(())
    }

    /// The call as it is at this extension.
    fn leg(&self, extension: &str) -> String {
        format!("{} {extension}", self.work.case.call)
    }

    async fn tell(&self, call: Value) -> Result<(), ApplyError> {
        let event = json!({ "action": "call", "call": call });
        Ok(self.crm.api.tell_call(&event).await?)
    }
}

fn way(direction: Direction) -> &'static str {
    if late::is_ours(direction) { "outgoing" } else { "incoming" }
}
