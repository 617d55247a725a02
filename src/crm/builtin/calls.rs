//! Registered calls, and what was left in them.

use super::apply::Fail;
use super::desk::{Desk, said};
use super::word;
use crate::core::action::{Bound, CallResult, On};
use crate::core::case::Sound;
use crate::core::ids::EmployeeId;
use crate::crm::Done;

/// A call twice is one: the later one fills in what the first did not know. An answered call
/// never becomes another one.
const REGISTER: &str = "
INSERT INTO crm_call (call, direction, result, who, number, client, deal, line, line_number,
    started, answered, ended, talked, recording, recording_seconds, text)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (call) DO UPDATE SET
    result = CASE result WHEN 'answered' THEN result ELSE excluded.result END,
    who = coalesce(excluded.who, who),
    text = CASE excluded.text WHEN '' THEN text ELSE excluded.text END,
    client = coalesce(client, excluded.client),
    deal = coalesce(deal, excluded.deal),
    answered = coalesce(answered, excluded.answered),
    ended = coalesce(excluded.ended, ended),
    talked = max(talked, excluded.talked),
    recording = coalesce(excluded.recording, recording),
    recording_seconds = coalesce(excluded.recording_seconds, recording_seconds)
RETURNING id";

const UPDATE: &str = "
UPDATE crm_call SET
    result = CASE WHEN ?3 IS NOT NULL THEN 'answered' ELSE result END,
    client = coalesce(client, ?1),
    deal = coalesce(deal, ?2),
    answered = coalesce(answered, ?3),
    ended = coalesce(?4, ended),
    talked = max(talked, ?5),
    recording = coalesce(?6, recording),
    recording_seconds = coalesce(?7, recording_seconds)
WHERE call = ?8
RETURNING id";

impl Desk<'_> {
    pub(super) async fn register_call(
        &mut self,
        result: CallResult,
        who: Option<&EmployeeId>,
        text: &str,
    ) -> Result<Done, Fail> {
        if let Some(who) = who {
            self.employee(who).await?;
        }
        let spot = self.spot_of_call().await?;
        let case = self.work.case;
        let id: i64 = sqlx::query_scalar(REGISTER)
            .bind(self.call())
            .bind(word(&case.direction))
            .bind(word(&result))
            .bind(who.map(|id| id.as_str()))
            .bind(self.number())
            .bind(&spot.client)
            .bind(&spot.deal)
            .bind(case.line.as_deref())
            .bind(case.line_number.as_deref())
            .bind(case.started.as_microsecond())
            .bind(case.answered.map(|at| at.as_microsecond()))
            .bind(case.ended.map(|at| at.as_microsecond()))
            .bind(seconds(case.talked))
            .bind(case.recording.as_ref().map(|sound| sound.url.as_str()))
            .bind(case.recording.as_ref().and_then(length))
            .bind(text)
            .fetch_one(&mut *self.db)
            .await?;
        Ok(registered(id, format!("registered call {id} on {}", spot.words())))
    }

    pub(super) async fn update_call(&mut self) -> Result<Done, Fail> {
        let spot = self.spot_of_call().await?;
        let case = self.work.case;
        let id: Option<i64> = sqlx::query_scalar(UPDATE)
            .bind(&spot.client)
            .bind(&spot.deal)
            .bind(case.answered.map(|at| at.as_microsecond()))
            .bind(case.ended.map(|at| at.as_microsecond()))
            .bind(seconds(case.talked))
            .bind(case.recording.as_ref().map(|sound| sound.url.as_str()))
            .bind(case.recording.as_ref().and_then(length))
            .bind(self.call())
            .fetch_optional(&mut *self.db)
            .await?;
        Ok(match id {
            Some(id) => registered(id, format!("updated call {id}")),
            None => said("nothing: this call was not registered"),
        })
    }

    pub(super) async fn voicemail(&mut self, on: On, text: &str) -> Result<Done, Fail> {
        let Some(message) = &self.work.case.voicemail else {
            return Ok(said("nothing: no message was left in this call"));
        };
        let spot = self.spot(on).await?;
        let id = self.left("voicemail", text, Some(message), &spot).await?;
        Ok(said(format!("attached message {id} to {}", spot.words())))
    }
}

fn registered(id: i64, what: String) -> Done {
    Done { bound: Bound { call: Some(id.to_string()), ..Bound::default() }, what }
}

fn length(sound: &Sound) -> Option<i64> {
    sound.seconds.map(seconds)
}

/// SQLite has no unsigned numbers.
pub(super) fn seconds(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
