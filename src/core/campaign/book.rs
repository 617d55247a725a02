//! What occurs in a campaign becomes cases for the rules: numbered, with all that is known.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::core::case::{Case, Event, Known, Sound, Speaker};
use crate::core::facts::Direction;
use crate::core::ids::{CallId, EmployeeId};
use crate::core::record::{Outcome, between};
use crate::core::staff::Number;

use super::order::{Target, Whom};
use super::{Around, Campaign, Output};

/// What was told so far. It is stored with the campaign, so that no number comes twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Book {
    seq: u32,
    /// As it was known first: our own actions change what the CRM says later.
    pub client: Known,
    /// `callback_requested` was told.
    pub requested: bool,
    /// `ringing` was told, or comes too late.
    pub rang: bool,
    rung: Vec<EmployeeId>,
    /// The manager for whom the client was dialled last.
    pub with: Option<Speaker>,
    /// To whom a manager passed the client on, the last one, and since when they talk.
    pub passed_on: Option<(Speaker, Timestamp)>,
    pub talked_from: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub recording: Option<Sound>,
}

impl Book {
    pub(super) fn rung(&mut self, employee: Option<&EmployeeId>) {
        if let Some(employee) = employee.filter(|e| !self.rung.contains(e)) {
            self.rung.push(employee.clone());
        }
    }
}

impl Campaign {
    /// Tells the rules.
    pub(super) fn occurred(&mut self, event: Event, now: Timestamp, line_number: Option<&str>) {
        self.book.seq += 1;
        let case = self.case(event, now, line_number);
        self.outputs.push_back(Output::Occurred(Box::new(case)));
    }

    /// The recording is complete: told behind the end, once.
    pub(super) fn recording_complete(&mut self, now: Timestamp, around: &Around) {
        let recording = self.book.recording.as_ref();
        if recording.is_some_and(|sound| sound.seconds.is_some()) {
            self.occurred(Event::Recorded, now, around.line_number);
        }
    }

    fn case(&self, event: Event, at: Timestamp, line_number: Option<&str>) -> Case {
        let book = &self.book;
        let direction = self.direction();
        let caller = (direction == Direction::Outbound).then(|| self.presser()).flatten();
        // Who rang the client and was not there counts as nobody.
        let speaker = match event {
            Event::Answered | Event::Ended | Event::Recorded => book.with.clone(),
            Event::CallbackClientUnreached => book.with.clone(),
            _ => None,
        };
        // A button's call stays his who pressed it.
        let last = match (event, &book.passed_on) {
            (Event::Ended | Event::Recorded, Some((to, _))) if caller.is_none() => Some(to.clone()),
            _ => speaker.clone(),
        };
        let outcome = match event {
            Event::Ended | Event::Recorded => Some(Outcome::Answered),
            Event::CallbackFailed => Some(Outcome::Missed),
            Event::Unreached | Event::CallbackClientUnreached => Some(Outcome::Unreached),
            _ => None,
        };
        let talked = match (book.talked_from, book.ended) {
            (Some(from), Some(until)) => between(from, until).as_secs(),
            _ => 0,
        };
        Case {
            call: CallId::new(self.id.as_str()),
            seq: book.seq,
            event,
            at,
            direction,
            line: self.order.line.clone(),
            line_number: line_number.map(str::to_owned),
            number: Some(self.order.phone.clone()),
            client: book.client.clone(),
            first: speaker,
            last,
            caller,
            rung: book.rung.clone(),
            started: self.accepted,
            answered: book.talked_from,
            ended: book.ended,
            talked,
            outcome,
            recording: book.recording.clone(),
            voicemail: None,
            fields: self.order.fields.clone(),
            name: self.order.name.clone(),
            comment: self.order.comment.clone(),
        }
    }

    /// Whose call a button's is: his who pressed it, by the phone he used.
    fn presser(&self) -> Option<Speaker> {
        let target = self.order.targets.iter().find_map(|target| match target {
            Target::Employee(id) => Some(id.clone()),
            _ => None,
        });
        let number = match self.caller()?.whom {
            Whom::Manager { number: Number::Line(line), .. } => line.as_str().to_owned(),
            Whom::Manager { number: Number::Outside(phone), .. } => phone.e164().to_owned(),
            Whom::Client(_) => String::new(),
        };
        Some(Speaker { employee: target, number })
    }
}
