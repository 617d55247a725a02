//! Calls. retailCRM takes a call once and never changes it, so it goes out when it is over, with
//! the address of its recording, which is stable and serves the file as soon as it is complete.

use super::desk::{Desk, manager, said};
use super::wire::{EventAnswer, Id, NewCall, NewEvent, Uploaded};
use crate::core::action::{Bound, CallResult};
use crate::core::case::Event;
use crate::core::facts::Direction;
use crate::core::ids::EmployeeId;
use crate::core::record::between;
use crate::crm::remote::{Class, Fault, late};
use crate::crm::{ApplyError, Done};
use tracing::debug;

impl Desk<'_> {
    pub(super) async fn register_call(
        &self,
        result: CallResult,
        who: Option<&EmployeeId>,
    ) -> Result<Done, ApplyError> {
        if let Some(done) =
            late::not_yet(self.work, "nothing yet: retailCRM takes a call when it is over")
        {
            return Ok(done);
        }
        self.upload(result, who).await
    }

    pub(super) async fn update_call(&self) -> Result<Done, ApplyError> {
        match late::put_off(self.work) {
            Ok((result, who)) => self.upload(result, who).await,
            Err(done) => Ok(done),
        }
    }

    async fn upload(
        &self,
        result: CallResult,
        who: Option<&EmployeeId>,
    ) -> Result<Done, ApplyError> {
        let case = self.work.case;
        let Some(number) = &case.number else {
            return Ok(said("nothing: retailCRM takes no call with a withheld number"));
        };
        let sound = match result {
            CallResult::Voicemail => case.voicemail.as_ref(),
            _ => case.recording.as_ref(),
        };
        let picked_up = case.answered.or(case.ended).unwrap_or(case.at);
        let who = who.map(manager).transpose()?;
        let id = case.call.to_string();
        let call = NewCall {
            date: &self.crm.times.write(case.started),
            r#type: way(case.direction),
            phone: number.digits(),
            user_id: who,
            result: match result {
                CallResult::Answered => "answered",
                CallResult::Missed | CallResult::Unreached | CallResult::Voicemail => "no answer",
            },
            duration: case.talked,
            duration_waiting: between(case.started, picked_up).as_secs(),
            external_id: &id,
            record_url: sound.map(|sound| sound.url.as_str()).filter(|url| !url.is_empty()),
            external_phone: case.line_number.as_deref(),
            site: self.site(),
        };
        let calls = serde_json::to_string(&[call]).unwrap_or_default();
        let form = [("calls", calls.as_str())];
        let path = "telephony/calls/upload";
        let answer: Uploaded =
            self.crm.api.post(Class::Delivery, path, &form).await.map_err(|fault| match fault {
                Fault::Forbidden(why) => {
                    Fault::Forbidden(format!("{why}; give the key the right to telephony"))
                }
                other => other,
            })?;
        self.hung_up(who, result).await;
        let what = match answer.duplicate_calls.iter().any(|call| *call == id) {
            true => "nothing: retailCRM has this call".to_owned(),
            false => "registered the call".to_owned(),
        };
        Ok(Done { bound: Bound { call: Some(id), ..Bound::default() }, what })
    }

    /// The card of the call goes away. It is no loss where it stays.
    async fn hung_up(&self, who: Option<Id>, result: CallResult) {
        let Some(who) = who.filter(|_| self.crm.config.popups) else { return };
        let status = match result {
            CallResult::Answered => "answered",
            _ => "no answered",
        };
        if let Err(fault) = self.event("hangup", &[who], Some(status)).await {
            debug!(%fault, "the card of a call stays open in the CRM");
        }
    }

    /// The card of the call pops up, while it goes on. `Ok(None)`: it is not that kind of case.
    pub(super) async fn pop_up(&self, users: &[Id]) -> Result<Option<EventAnswer>, Fault> {
        let case = self.work.case;
        let going_on = matches!(case.event, Event::Ringing | Event::Answered);
        if !self.crm.config.popups || !going_on || case.number.is_none() || users.is_empty() {
            return Ok(None);
        }
        self.event(way(case.direction), users, None).await.map(Some)
    }

    async fn event(
        &self,
        kind: &str,
        users: &[Id],
        hangup_status: Option<&str>,
    ) -> Result<EventAnswer, Fault> {
        let case = self.work.case;
        let event = NewEvent {
            phone: case.number.as_ref().map(|number| number.digits()).unwrap_or_default(),
            r#type: kind,
            user_ids: users,
            call_external_id: case.call.as_str(),
            hangup_status,
            external_phone: case.line_number.as_deref(),
            site: self.site(),
        };
        let event = serde_json::to_string(&event).unwrap_or_default();
        let form = [("event", event.as_str())];
        self.crm.api.post(Class::Delivery, "telephony/call/event", &form).await
    }
}

fn way(direction: Direction) -> &'static str {
    if late::is_ours(direction) { "out" } else { "in" }
}
