//! `dozvon explain`: what a call would meet, and why.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::ValueEnum;
use jiff::Timestamp;
use jiff::civil::DateTime;
use miette::{IntoDiagnostic, miette};
use serde::Serialize;

use super::out::print;
use crate::core::client::Lookup;
use crate::core::facts::{Direction, Facts, whom_to_ask};
use crate::core::phone::{Caller, Phone};
use crate::core::plan::{Ring, Role, Step, Target};
use crate::core::route::decide;
use crate::core::staff::{NoPresence, Number, Staff};
use crate::core::trace::{Decision, Verdict};
use crate::rules::Routing;
use crate::rules::set::{Sets, SetsError};
use learns::Learnt;
use ways::Asked;

mod learns;
mod ways;

/// `dozvon explain`
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// Who calls: a number, an extension, or `anonymous`.
    #[arg(long, allow_hyphen_values = true)]
    from: String,
    /// What was dialled.
    #[arg(long, allow_hyphen_values = true)]
    to: String,
    /// When: 2026-11-20T18:59:00+03:00, or without an offset by the rules' time zone. Now, if left out.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Which way the call goes. Left out: outbound from an extension, else inbound.
    #[arg(long, value_enum)]
    direction: Option<Way>,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Way {
    Inbound,
    Outbound,
    Internal,
}

/// The question, as it was understood.
#[derive(Debug, Serialize)]
pub struct Question {
    /// Which way the call goes.
    pub direction: Direction,
    /// Who calls.
    pub from: Caller,
    /// What was dialled.
    pub to: String,
    /// When.
    pub at: Timestamp,
}

/// The answer of `dozvon explain --json`.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    question: &'a Question,
    rules: &'a str,
    hash: String,
    decision: &'a Decision,
    /// The set, and what it says on each way the call could go. Absent: no set can be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    learns: Option<Learns<'a>>,
}

#[derive(Debug, Serialize)]
struct Learns<'a> {
    set: &'a str,
    hash: String,
    ways: &'a [Learnt],
}

impl ExplainArgs {
    /// The number that is dialled.
    pub fn dialled(&self) -> &str {
        &self.to
    }

    /// Decides and prints. Phones are not asked: nobody is passed over as busy or unregistered.
    /// Asks the directory at most once.
    ///
    /// # Errors
    /// A time that is none; the output cannot be written; rule sets that cannot be used, once the
    /// plan is told.
    pub async fn run(
        self,
        rules: &Routing,
        sets: Result<Sets, SetsError>,
        lookup: impl AsyncFn(&Phone) -> Lookup,
        staff: &Staff,
    ) -> miette::Result<ExitCode> {
        let json = self.json;
        let question = self.question(rules, Timestamp::now())?;
        let Question { direction, from, to, .. } = &question;
        let lookup = match whom_to_ask(*direction, from, to, rules.region(), staff) {
            Some(phone) => lookup(&phone).await,
            None => Lookup::NotAsked,
        };
        let decision = answer(rules, &question, &lookup, staff);
        let asked =
            Asked { question: &question, decision: &decision, lookup: &lookup, rules, staff };
        let learns = sets.map(|sets| {
            let set = sets.for_line(asked.line().as_deref()).clone();
            let ways = learns::learn(asked.ways(), &set, staff);
            (set, ways)
        });
        let known = learns.as_ref().ok();
        if json {
            let learns =
                known.map(|(set, ways)| Learns { set: set.name(), hash: set.hash(), ways });
            print(&(render_json(rules, &question, &decision, learns)? + "\n"))?;
        } else {
            let zone = rules.timezone();
            let learns = known.map(|(set, ways)| learns::render(ways, set, staff, zone));
            print(&(render(rules, &question, &decision, staff) + &learns.unwrap_or_default()))?;
        }
        learns?;
        Ok(ExitCode::SUCCESS)
    }

    /// Reads the arguments; `now` stands for a time left out.
    ///
    /// # Errors
    /// A time that is none.
    fn question(self, rules: &Routing, now: Timestamp) -> miette::Result<Question> {
        let from = Caller::read(&self.from, rules.region());
        let at = match &self.at {
            Some(text) => time(text, rules)?,
            None => now,
        };
        let direction = match (self.direction, &from) {
            (Some(Way::Inbound), _) => Direction::Inbound,
            (Some(Way::Internal), _) => Direction::Internal,
            (Some(Way::Outbound), _) | (None, Caller::Extension(_)) => Direction::Outbound,
            (None, _) => Direction::Inbound,
        };
        let to = self.to;
        Ok(Question { direction, from, to, at })
    }
}

fn time(text: &str, rules: &Routing) -> miette::Result<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let wall = text.parse::<DateTime>().map_err(|_| {
        let shown: String = text.chars().take(40).collect();
        miette!(
            help = "write 2026-11-20T18:59:00+03:00 or 2026-11-20T18:59",
            "`{shown}` is no time"
        )
    })?;
    rules.timezone().to_timestamp(wall).into_diagnostic()
}

/// The decision on a question.
pub fn answer(rules: &Routing, question: &Question, lookup: &Lookup, staff: &Staff) -> Decision {
    let facts = Facts {
        direction: question.direction,
        from: &question.from,
        to: &question.to,
        passed_on: false,
        at: question.at,
        lookup,
        staff,
        presence: &NoPresence,
    };
    decide(rules, &facts)
}

/// Question, rules and decision as one JSON object.
///
/// # Errors
/// None that is known: everything in it can be written as JSON.
fn render_json(
    rules: &Routing,
    question: &Question,
    decision: &Decision,
    learns: Option<Learns>,
) -> miette::Result<String> {
    let (hash, rules) = (rules.hash(), rules.file());
    let answer = Answer { question, rules, hash, decision, learns };
    serde_json::to_string_pretty(&answer).into_diagnostic()
}

/// The trace, step by step with file and line, and the plan in words. The numbers are the ones
/// the person asked about; in the trace they are masked.
pub fn render(rules: &Routing, question: &Question, decision: &Decision, staff: &Staff) -> String {
    let mut out = String::new();
    let direction = match question.direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
        Direction::Internal => "internal",
        Direction::Callback => "callback",
    };
    let from = match &question.from {
        Caller::Phone(phone) => phone.e164().to_owned(),
        other => other.to_string(),
    };
    let wall = rules.timezone().to_datetime(question.at).strftime("%a %Y-%m-%d %H:%M");
    let zone = rules.timezone().iana_name().unwrap_or("UTC");
    let _ = writeln!(out, "{from} calls {}, {direction}, {wall} {zone}", question.to);
    let _ = writeln!(out, "rules: {}, hash {}\n", rules.file(), rules.hash());

    let width = decision.trace.iter().map(|e| e.what.chars().count()).max().unwrap_or(0);
    for entry in &decision.trace {
        let sign = match entry.verdict {
            Verdict::Taken => '✓',
            Verdict::Refused => '✗',
            Verdict::Noted => '·',
        };
        let place = entry.rule.as_ref().map(|p| format!("  [{p}]")).unwrap_or_default();
        let _ = writeln!(out, "  {sign} {:width$}  {}{place}", entry.what, entry.why);
    }

    let _ = writeln!(out, "\nThe plan:");
    for (step, number) in decision.plan.iter().zip(1..) {
        let _ = writeln!(out, "  {number}. {}", words(step, staff));
    }
    if let Some(name) = &decision.caller_name {
        let _ = writeln!(out, "The phones show \"{name}\".");
    }
    if let Some(reason) = decision.fallback {
        let _ = writeln!(out, "No owner is rung: {}.", reason.as_str());
    }
    out
}

/// A step in words.
fn words(step: &Step, staff: &Staff) -> String {
    let wait = |wait: &Option<std::time::Duration>| match wait {
        Some(wait) => format!(" for {} s at most", wait.as_secs()),
        None => String::new(),
    };
    match step {
        Step::Ring(Ring { role, targets, timeout }) => {
            let role = match role {
                Role::Owner => "the owner",
                Role::Deputy => "the deputy",
                Role::Employee => "the employee",
                Role::Group => "the group",
                Role::Dialled => "the dialled number",
            };
            let phones: Vec<String> = targets.iter().map(|t| phone(t, staff)).collect();
            format!("ring {role} for {} s: {}", timeout.as_secs(), phones.join(", "))
        }
        Step::Callcenter { queue, wait: w } => format!("wait in the queue {queue}{}", wait(w)),
        Step::Fifo { queue, wait: w } => format!("wait in the fifo queue {queue}{}", wait(w)),
        Step::Voicemail { mailbox } => format!("take a message into mailbox {mailbox}"),
        Step::Announce { file } => format!("play {file}"),
        Step::Hangup { cause } => format!("hang up with {}", cause.0),
    }
}

fn phone(target: &Target, staff: &Staff) -> String {
    let name = target.employee.as_ref().and_then(|id| staff.get(id)).map(|e| e.name.as_str());
    let number = match &target.number {
        Number::Line(line) => line.as_str(),
        Number::Outside(phone) => phone.e164(),
    };
    match name {
        Some(name) => format!("{name} on {number}"),
        None => number.to_owned(),
    }
}

#[cfg(test)]
mod tests;
