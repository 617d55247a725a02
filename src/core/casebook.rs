//! What occurs in a call becomes cases: numbered, with the facts of the call so far.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::call::Occurrence;
use super::case::{Case, Event, Known, Speaker};
use super::client::Lookup;
use super::facts::Direction;
use super::ids::{EmployeeId, Extension};
use super::phone::{Caller, Phone};
use super::record::{CallRecord, Outcome, Party};
use super::staff::Staff;
use super::trace::{Decision, Fallback};
use crate::rules::Routing;

/// Where the numbers of a call's cases go on when an engine takes over a call that another one
/// had let go of: it had fewer cases than this.
const SECOND_LIFE: u32 = 100;

/// A call brings along so many fields at most; further ones are left out.
pub const MOST_FIELDS: usize = 32;
/// Characters of a field's value; what is longer is cut.
pub const FIELD_LENGTH: usize = 500;

/// Names as UTM tags have them: 1 to 40 of `a-z 0-9 _`.
pub fn is_field_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    (1..=40).contains(&name.len()) && name.bytes().all(fits)
}

/// What FreeSWITCH says of a call at its arrival, besides who calls whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brought {
    /// The number the dialplan shows to the called party of an outbound call.
    pub shown: Option<String>,
    /// `dozvon_field_NAME`: what call tracking knows of the caller.
    pub fields: BTreeMap<String, String>,
    /// An engine led this call before and let go of it.
    pub led_before: bool,
    /// Somebody has talked with the caller before this engine had the call.
    pub talked_before: bool,
}

/// What stays the same for the whole call, however often it is passed on.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// Which way the call goes.
    pub direction: Direction,
    /// The line by its configured name. On an outbound call: the one whose number is shown.
    pub line: Option<String>,
    line_number: Option<String>,
    number: Option<Phone>,
    client: Known,
    caller: Option<Speaker>,
    fields: BTreeMap<String, String>,
    blocked: bool,
    led_before: bool,
    talked_before: bool,
}

impl Beginning {
    /// Reads it from the first decision, and from what was known then.
    pub fn new(
        record: &CallRecord,
        decision: &Decision,
        lookup: Option<&Lookup>,
        rules: &Routing,
        staff: &Staff,
        brought: Brought,
    ) -> Self {
        let direction = if decision.internal { Direction::Internal } else { record.direction };
        let spelled = |number: &str| match Phone::parse(number, rules.region()) {
            Ok(phone) => phone.e164().to_owned(),
            Err(_) => number.to_owned(),
        };
        let number = match direction {
            Direction::Inbound => record.from.phone().cloned(),
            Direction::Outbound | Direction::Callback => {
                Phone::parse(&record.to, rules.region()).ok()
            }
            Direction::Internal => None,
        };
        let line_number = match direction {
            Direction::Inbound => Some(record.to.as_str()).filter(|to| !extension(to, staff)),
            Direction::Internal => Some(record.to.as_str()).filter(|to| rules.line(to).is_some()),
            Direction::Outbound | Direction::Callback => {
                // FreeSWITCH's own default, ten zeros, is no number of anybody's.
                let number =
                    |n: &&str| rules.line(n).is_some() || Phone::parse(n, rules.region()).is_ok();
                let shown = brought.shown.as_deref().filter(number);
                decision.caller_id.as_ref().map(Phone::e164).or(shown)
            }
        };
        let line_number = line_number.filter(|n| !n.is_empty()).map(spelled);
        let line = decision.line.clone().or_else(|| {
            let line = rules.line(line_number.as_deref()?)?;
            Some(line.name.clone())
        });
        let mut fields = BTreeMap::new();
        if let (Direction::Inbound, Some(name)) = (direction, &line) {
            let line = rules.lines().find(|line| line.name == *name);
            fields.extend(line.map(|line| line.fields.clone()).unwrap_or_default());
        }
        fields.extend(brought.fields);
        let client = match (&number, lookup) {
            (None, _) | (_, Some(Lookup::Unknown { .. } | Lookup::NotAsked)) => Known::Nobody,
            (_, Some(Lookup::Found { client, .. })) => Known::Client(client.clone()),
            (_, Some(Lookup::Slow | Lookup::Down) | None) => Known::Unsure,
        };
        Self {
            direction,
            line,
            line_number,
            number,
            client,
            caller: (direction != Direction::Inbound).then(|| caller(&record.from, staff)),
            fields,
            blocked: decision.fallback == Some(Fallback::Blocked),
            led_before: brought.led_before,
            talked_before: brought.talked_before,
        }
    }
}

fn extension(number: &str, staff: &Staff) -> bool {
    Extension::parse(number).is_ok_and(|e| staff.by_extension(&e).is_some())
}

fn caller(from: &Caller, staff: &Staff) -> Speaker {
    let (employee, number) = match from {
        Caller::Extension(e) => (staff.by_extension(e), e.as_str()),
        Caller::Phone(phone) => (staff.by_phone(phone), phone.e164()),
        Caller::Unreadable(text) => (None, text.as_str()),
        Caller::Anonymous => (None, ""),
    };
    Speaker { employee: employee.map(|e| e.id.clone()), number: number.to_owned() }
}

/// Makes the cases of one call.
#[derive(Clone, Debug)]
pub struct Casebook {
    beginning: Beginning,
    seq: u32,
    /// `ringing` was said, or comes too late.
    rang: bool,
    rung: Vec<EmployeeId>,
}

impl Casebook {
    /// For a call that begins so.
    pub fn new(beginning: Beginning) -> Self {
        let seq = if beginning.led_before { SECOND_LIFE } else { 0 };
        Self { beginning, seq, rang: false, rung: Vec::new() }
    }

    /// The case that an occurrence makes; `None`: nobody is to learn of it.
    ///
    /// A call that was let go of gives no end: FreeSWITCH goes on with it. Whoever takes it up
    /// again after a talk cannot know what was said of it, and is silent.
    pub fn occurred(
        &mut self,
        record: &CallRecord,
        occurrence: &Occurrence,
        at: Timestamp,
    ) -> Option<Case> {
        let event = self.event(record, occurrence)?;
        if self.beginning.talked_before {
            return None;
        }
        self.seq += 1;
        let at = match event {
            Event::Answered => record.answered_at(),
            Event::Missed | Event::Unreached | Event::Ended => record.ended,
            _ => None,
        }
        .unwrap_or(at);
        Some(self.case(record, event, at))
    }

    fn event(&mut self, record: &CallRecord, occurrence: &Occurrence) -> Option<Event> {
        match occurrence {
            Occurrence::Ringing { employees } => {
                self.rings(employees);
                (!std::mem::replace(&mut self.rang, true)).then_some(Event::Ringing)
            }
            Occurrence::Answered(party) => {
                self.rings(party.employee.as_slice());
                self.rang = true;
                Some(Event::Answered)
            }
            Occurrence::PassedOn(_) => None,
            Occurrence::Voicemail { .. } => Some(Event::Voicemail),
            Occurrence::Missed(Outcome::Rejected | Outcome::LeftToSwitch) => None,
            Occurrence::Missed(_) if self.beginning.blocked => None,
            Occurrence::Missed(_) => match self.beginning.direction {
                Direction::Inbound => Some(Event::Missed),
                Direction::Outbound | Direction::Internal => Some(Event::Unreached),
                Direction::Callback => None,
            },
            Occurrence::Ended if record.is_left() => None,
            Occurrence::Ended => Some(Event::Ended),
            Occurrence::Recorded { .. } => Some(Event::Recorded),
        }
    }

    fn rings(&mut self, employees: &[EmployeeId]) {
        for employee in employees {
            if !self.rung.contains(employee) {
                self.rung.push(employee.clone());
            }
        }
    }

    fn case(&self, record: &CallRecord, event: Event, at: Timestamp) -> Case {
        let begin = &self.beginning;
        // On an outbound call those in the record are the client's side.
        let ours = |party: &Party| match begin.direction {
            Direction::Outbound => begin.caller.clone(),
            _ => Some(Speaker { employee: party.employee.clone(), number: party.number.clone() }),
        };
        Case {
            call: record.id.clone(),
            seq: self.seq,
            event,
            at,
            direction: begin.direction,
            line: begin.line.clone(),
            line_number: begin.line_number.clone(),
            number: begin.number.clone(),
            client: begin.client.clone(),
            first: record.first_answerer().and_then(ours),
            last: record.last_speaker().and_then(ours),
            caller: begin.caller.clone(),
            rung: self.rung.clone(),
            started: record.started,
            answered: record.answered_at(),
            ended: record.ended,
            talked: record.talked().as_secs(),
            outcome: record.outcome,
            recording: record.recording.clone(),
            voicemail: record.voicemail.clone(),
            fields: begin.fields.clone(),
            name: None,
            comment: None,
        }
    }
}

#[cfg(test)]
mod tests;
