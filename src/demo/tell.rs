//! Tells what happens in calls, as readable lines, and waits for how they end.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::cli::out::Lines;
use crate::core::call::Occurrence;
use crate::core::ids::{CallId, EmployeeId};
use crate::core::record::{CallRecord, Party, between};
use crate::switch::engine::{CallNews, Engine};

/// The end of a call, as it was told.
pub type Told = Arc<CallRecord>;

/// Listens to the engine.
pub struct Teller {
    engine: Arc<Engine>,
    news: broadcast::Receiver<CallNews>,
    speed: f64,
    out: Lines,
    aloud: bool,
}

impl Teller {
    /// Listens from now on. `aloud`: prints each line; times are multiplied by `speed`.
    pub fn new(engine: Arc<Engine>, speed: f64, out: Lines, aloud: bool) -> Self {
        let news = engine.news.subscribe();
        Self { engine, news, speed, out, aloud }
    }

    /// Tells one call until it ends. `None`: the engine ended before it.
    pub async fn follow(&mut self, id: &CallId) -> Option<Told> {
        let mut began = None;
        loop {
            match self.news.recv().await {
                Ok(CallNews::Closed(record)) if record.id == *id => {
                    self.say(began, &self.ending(&record));
                    if let Some(sound) = record.recording.as_ref().filter(|s| !s.url.is_empty()) {
                        self.say(began, &format!("the talk: {}", sound.url));
                    }
                    return Some(record);
                }
                Ok(news) => {
                    if let Some(line) = self.line(id, &news) {
                        began.get_or_insert_with(Timestamp::now);
                        self.say(began, &line);
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// The next call that ends, whichever it is.
    pub async fn next_end(&mut self) -> Option<Told> {
        loop {
            match self.news.recv().await {
                Ok(CallNews::Closed(record)) => return Some(record),
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn line(&self, id: &CallId, news: &CallNews) -> Option<String> {
        match news {
            CallNews::Arrived { call, from, to } if call == id => {
                Some(format!("{from} calls {to}"))
            }
            CallNews::Trying { call, what, employees } if call == id => {
                let names: Vec<_> = employees.iter().map(|e| self.name(e)).collect();
                let whom = if names.is_empty() {
                    String::new()
                } else {
                    format!(": {}", names.join(", "))
                };
                Some(format!("tries {what}{whom}"))
            }
            CallNews::Occurred { call, occurrence } if call == id => match occurrence {
                Occurrence::Ringing { .. } => Some("a phone rings".into()),
                Occurrence::Answered(party) => Some(format!("{} answers", self.party(party))),
                Occurrence::PassedOn(party) => Some(format!("{} speaks now", self.party(party))),
                Occurrence::Voicemail { seconds } => {
                    Some(format!("a message of {seconds} s was left"))
                }
                Occurrence::Missed(_) | Occurrence::Ended | Occurrence::Recorded { .. } => None,
            },
            _ => None,
        }
    }

    /// How it ended, in one line.
    pub fn ending(&self, record: &CallRecord) -> String {
        let outcome = record.outcome.map_or("unknown", |o| o.as_str());
        let reason =
            record.fallback.map(|f| format!("; no owner rung: {}", f.as_str())).unwrap_or_default();
        format!("ends: {outcome} ({}{reason})", record.steps())
    }

    fn party(&self, party: &Party) -> String {
        match &party.employee {
            Some(employee) => format!("{} ({})", self.name(employee), party.number),
            None => party.number.clone(),
        }
    }

    fn name(&self, id: &EmployeeId) -> String {
        let staff = self.engine.directory.staff();
        staff.get(id).map_or_else(|| id.to_string(), |e| e.name.clone())
    }

    fn say(&self, began: Option<Timestamp>, line: &str) {
        if self.aloud {
            let passed = began.map_or(Duration::ZERO, |at| between(at, Timestamp::now()));
            let seconds = passed.as_secs_f64() * self.speed;
            self.out.line(format_args!("  {seconds:6.1} s  {line}"));
        }
    }
}
