//! The ways a call could go: the call machine is led to each end, and says what occurs.

use std::time::Duration;

use jiff::Timestamp;

use super::Question;
use crate::core::call::{App, Call, Completion, Input, LastWords, Output};
use crate::core::case::{AnsweredBy, Case};
use crate::core::casebook::{Beginning, Brought, Casebook};
use crate::core::client::Lookup;
use crate::core::facts::Direction;
use crate::core::ids::{CallId, EmployeeId, LegId, OpId};
use crate::core::plan::{Step, Target};
use crate::core::record::{CallRecord, Party};
use crate::core::staff::{Number, Staff, Status};
use crate::core::trace::Decision;
use crate::rules::Routing;

/// How long a phone rings before somebody answers, how long a talk and a message are, where
/// nothing else is known.
const RINGS: Duration = Duration::from_secs(5);
const TALK: Duration = Duration::from_secs(90);
const MESSAGE: u64 = 20;

/// One of them.
#[derive(Debug, serde::Serialize)]
pub struct Way {
    /// What happens.
    pub title: String,
    /// What occurs, in order.
    pub cases: Vec<Case>,
}

/// The facts of the question, and what was decided.
pub struct Asked<'a> {
    pub question: &'a Question,
    pub decision: &'a Decision,
    pub lookup: &'a Lookup,
    pub rules: &'a Routing,
    pub staff: &'a Staff,
}

/// What is to happen.
#[derive(Clone)]
enum End {
    /// In the step of this number, this one answers.
    Answer(usize, Party),
    /// Nobody does, and a message is left, where one can be.
    Nobody { message: bool },
}

impl Asked<'_> {
    /// The line whose rules count.
    pub fn line(&self) -> Option<String> {
        self.beginning(&self.record()).line
    }

    /// Each way with another meaning to the rules. None for a call between employees (E02): it is
    /// not registered.
    pub fn ways(&self) -> Vec<Way> {
        if self.decision.internal || self.question.direction == Direction::Internal {
            return Vec::new();
        }
        let outbound = self.question.direction == Direction::Outbound;
        let mut ways: Vec<Way> = Vec::new();
        let mut seen: Vec<AnsweredBy> = Vec::new();
        for (step, party) in self.answerers() {
            let who = match &party.employee {
                _ if outbound => "the client".to_owned(),
                Some(id) => self.name(id).to_owned(),
                None => party.number.clone(),
            };
            let cases = self.play(&End::Answer(step, party));
            let Some(by) = cases.last().map(Case::answered_by) else { continue };
            if !seen.contains(&by) {
                seen.push(by);
                let owner = by == AnsweredBy::Owner && !outbound;
                let whose = if owner { ", the owner," } else { "" };
                ways.push(Way { title: format!("{who}{whose} answers"), cases });
            }
        }
        let nobody = if outbound { "the client does not answer" } else { "nobody answers" };
        let voicemail = |step: &Step| matches!(step, Step::Voicemail { .. });
        for message in [false, true] {
            if message && !self.decision.plan.iter().any(voicemail) {
                continue;
            }
            let cases = self.play(&End::Nobody { message });
            let more = if message { ", and a message is left" } else { "" };
            if !cases.is_empty() {
                ways.push(Way { title: format!("{nobody}{more}"), cases });
            }
        }
        ways
    }

    fn name<'n>(&'n self, id: &'n EmployeeId) -> &'n str {
        self.staff.get(id).map_or(id.as_str(), |employee| employee.name.as_str())
    }

    /// Who can answer, by the number of the step.
    fn answerers(&self) -> Vec<(usize, Party)> {
        let mut found = Vec::new();
        for (step, number) in self.decision.plan.iter().zip(0..) {
            match step {
                Step::Ring(ring) => found.extend(ring.targets.iter().map(|t| (number, party(t)))),
                Step::Callcenter { .. } | Step::Fifo { .. } => {
                    found.extend(self.agents().into_iter().map(|party| (number, party)));
                }
                Step::Voicemail { .. } | Step::Announce { .. } | Step::Hangup { .. } => {}
            }
        }
        found
    }

    /// Who is in a queue only FreeSWITCH knows: the owner may be, and so may any other.
    fn agents(&self) -> Vec<Party> {
        let owner = self.decision.owner.as_ref();
        let mut staff: Vec<_> = self.staff.iter().filter(|e| e.status == Status::Active).collect();
        staff.sort_by(|a, b| a.id.cmp(&b.id));
        let other = staff.iter().find(|e| Some(&e.id) != owner);
        let owner = staff.iter().find(|e| Some(&e.id) == owner);
        let target = |employee: &&std::sync::Arc<crate::core::staff::Employee>| {
            let number = employee.numbers.first()?.clone();
            Some(party(&Target { employee: Some(employee.id.clone()), number }))
        };
        [owner, other].into_iter().flatten().filter_map(target).collect()
    }

    fn record(&self) -> CallRecord {
        let Question { direction, from, to, at } = self.question;
        CallRecord::new(CallId::new("explain"), *direction, from.clone(), to.clone(), *at)
    }

    fn beginning(&self, record: &CallRecord) -> Beginning {
        let (lookup, brought) = (Some(self.lookup), Brought::default());
        Beginning::new(record, self.decision, lookup, self.rules, self.staff, brought)
    }

    fn play(&self, end: &End) -> Vec<Case> {
        let record = self.record();
        let book = Casebook::new(self.beginning(&record));
        let mut player = Player {
            call: Call::new(record),
            book,
            plan: self.decision.plan.clone(),
            now: self.question.at,
            end: end.clone(),
            step: 0,
            cases: Vec::new(),
        };
        player.take(Input::Decided(Box::new(self.decision.clone())));
        while let Some(output) = player.call.poll() {
            player.happens(output);
        }
        player.cases
    }
}

fn party(target: &Target) -> Party {
    let number = match &target.number {
        Number::Line(line) => line.as_str(),
        Number::Outside(phone) => phone.e164(),
    };
    Party { leg: LegId::new(number), employee: target.employee.clone(), number: number.to_owned() }
}

/// Leads a call to its end.
struct Player {
    call: Call,
    book: Casebook,
    plan: Vec<Step>,
    now: Timestamp,
    end: End,
    /// How many steps were begun.
    step: usize,
    cases: Vec<Case>,
}

impl Player {
    fn take(&mut self, input: Input) {
        self.call.handle(input, self.now);
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now.saturating_add(time).unwrap_or(self.now);
    }

    fn happens(&mut self, output: Output) {
        match output {
            Output::Run(op, app) => self.runs(op, app),
            Output::Occurred(occurrence) => {
                let case = self.book.occurred(self.call.record(), &occurrence, self.now);
                self.cases.extend(case);
            }
            _ => {}
        }
    }

    fn runs(&mut self, op: OpId, app: App) {
        let step = self.step;
        match app {
            App::Bridge { ring, .. } => {
                self.step += 1;
                let employee = ring.targets.first().and_then(|t| t.employee.clone());
                self.rings(employee);
                if !self.answers(step) {
                    self.wait(ring.timeout.saturating_sub(RINGS));
                    self.done(
                        op,
                        Completion {
                            disposition: Some("NO_ANSWER".into()),
                            ..Completion::default()
                        },
                    );
                }
            }
            App::Callcenter(_) | App::Fifo(_) => {
                self.step += 1;
                let agent = match &self.end {
                    End::Answer(at, party) if *at == step => party.employee.clone(),
                    _ => None,
                };
                self.rings(agent);
                if !self.answers(step) {
                    self.waits_in_vain(op, step);
                }
            }
            App::Voicemail(_) => {
                self.step += 1;
                let message = matches!(self.end, End::Nobody { message: true });
                let message_seconds = if message { MESSAGE } else { 0 };
                self.wait(Duration::from_secs(message_seconds));
                self.done(op, Completion { message_seconds, ..Completion::default() });
            }
            App::Playback(_) => {
                self.step += 1;
                self.wait(RINGS);
                self.done(op, Completion::default());
            }
            App::Hangup(cause) => self.hangs_up(cause.0.as_ref()),
            _ => {}
        }
    }

    fn rings(&mut self, employee: Option<EmployeeId>) {
        self.take(Input::Ringing { employee });
        self.wait(RINGS);
    }

    fn answers(&mut self, step: usize) -> bool {
        let End::Answer(at, party) = self.end.clone() else { return false };
        if at != step {
            return false;
        }
        self.take(Input::Bridged { party, answered: true });
        self.wait(TALK);
        self.hangs_up("NORMAL_CLEARING");
        true
    }

    /// The queue lets him go, or he gives up.
    fn waits_in_vain(&mut self, op: OpId, step: usize) {
        let limit = match self.plan.get(step) {
            Some(Step::Callcenter { wait, .. } | Step::Fifo { wait, .. }) => *wait,
            _ => None,
        };
        self.wait(limit.unwrap_or(TALK));
        if limit.is_some() || matches!(self.end, End::Nobody { message: true }) {
            self.done(op, Completion::default());
        } else {
            self.hangs_up("ORIGINATOR_CANCEL");
        }
    }

    fn done(&mut self, op: OpId, result: Completion) {
        self.take(Input::Done { op, result });
    }

    fn hangs_up(&mut self, cause: &str) {
        self.take(Input::HungUp { cause: cause.to_owned() });
        self.take(Input::Completed(LastWords { cause: cause.to_owned(), ..LastWords::default() }));
    }
}
