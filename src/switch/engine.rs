//! What every session shares.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::broadcast;
use tracing::info;

use super::dial::Dial;
use super::registry::Registry;
use super::session::Connected;
use crate::core::call::{Call, Occurrence};
use crate::core::case::{Clerk, NoClerk};
use crate::core::facts::Direction;
use crate::core::ids::{CallId, EmployeeId};
use crate::core::phone::{Caller, Region, mask};
use crate::core::record::{CallRecord, Outcome, Tried};
use crate::core::staff::Presence;
use crate::directory::Directory;
use crate::esl::Limits;
use crate::metrics::Metrics;
use crate::recording::Recorder;
use crate::rules::Routing;
use crate::traces::{Tracer, Trail};

/// How sessions behave.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A connection has to say who calls within this time.
    pub handshake: Duration,
    /// Bounds of the Event Socket.
    pub limits: Limits,
    /// How numbers become endpoints.
    pub dial: Dial,
}

/// The shared parts of an engine.
pub struct Engine {
    /// How sessions behave.
    pub settings: Settings,
    /// Who is calling.
    pub directory: Arc<Directory>,
    /// The rules; a call reads them once for each decision.
    pub rules: ArcSwap<Routing>,
    /// Who changes rules holds it for writing, over the way of a call and the sets alike. A call
    /// that takes up both holds it for reading, so that both are of one version.
    pub standing: RwLock<()>,
    /// Registered and busy lines.
    pub presence: Arc<dyn Presence>,
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// Calls in hand.
    pub calls: Arc<Registry<Connected>>,
    /// What happens in calls, for whoever listens.
    pub news: broadcast::Sender<CallNews>,
    /// Takes down what the rules are to learn.
    pub clerk: Arc<dyn Clerk>,
    /// Which talks are recorded, and where.
    pub recorder: Arc<Recorder>,
    /// Takes down what traces are made of.
    pub tracer: Tracer,
}

/// What happens in calls, as it happens.
#[derive(Clone, Debug)]
pub enum CallNews {
    /// A call came in, or came back after a transfer.
    Arrived {
        /// Which.
        call: CallId,
        /// Who calls.
        from: Caller,
        /// The dialled number.
        to: String,
    },
    /// Something is tried for it.
    Trying {
        /// Which.
        call: CallId,
        /// What.
        what: Tried,
        /// Whom.
        employees: Vec<EmployeeId>,
    },
    /// Something happened in it.
    Occurred {
        /// Which.
        call: CallId,
        /// What.
        occurrence: Occurrence,
    },
    /// It is over.
    Closed(Arc<CallRecord>),
}

impl Engine {
    /// The directory of the CRM a call belongs to, by its line.
    pub fn directory_of(&self, direction: Direction, to: &str) -> &Arc<Directory> {
        let rules = self.rules.load();
        let line = (direction == Direction::Inbound).then(|| rules.line_of(to));
        self.directory.of(line.map(|line| line.name.as_str()))
    }

    /// Puts the parts together.
    pub fn new(
        settings: Settings,
        directory: Arc<Directory>,
        rules: Routing,
        presence: Arc<dyn Presence>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            settings,
            directory,
            rules: ArcSwap::from_pointee(rules),
            standing: RwLock::default(),
            presence,
            metrics,
            calls: Arc::default(),
            news: broadcast::Sender::new(4096),
            clerk: Arc::new(NoClerk),
            recorder: Arc::default(),
            tracer: Tracer::default(),
        }
    }

    /// With somebody who takes the cases down; without it nobody does.
    #[must_use]
    pub fn with_clerk(mut self, clerk: Arc<dyn Clerk>) -> Self {
        self.clerk = clerk;
        self
    }

    /// With recordings; without it nothing is recorded.
    #[must_use]
    pub fn with_recorder(mut self, recorder: Arc<Recorder>) -> Self {
        self.recorder = recorder;
        self
    }

    /// With traces; without it none are made.
    #[must_use]
    pub fn with_tracer(mut self, tracer: Tracer) -> Self {
        self.tracer = tracer;
        self
    }

    /// Tells whoever listens; costs nothing where nobody does.
    pub(super) fn tell(&self, news: impl FnOnce() -> CallNews) {
        if self.news.receiver_count() > 0 {
            // The last listener may leave between the two; that is no fault.
            let _ = self.news.send(news());
        }
    }

    /// While this is held, no other rules take the place of those in force. For moments only.
    pub(super) fn rules_stand(&self) -> RwLockReadGuard<'_, ()> {
        self.standing.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// How national numbers are read.
    pub fn region(&self) -> Region {
        self.rules.load().region()
    }

    /// Something happened in a call.
    pub(super) fn occurred(&self, call: &Call, occurrence: Occurrence) {
        self.tell(|| CallNews::Occurred {
            call: call.record().id.clone(),
            occurrence: occurrence.clone(),
        });
        match occurrence {
            Occurrence::Answered(party) => {
                let record = call.record();
                let by = record.talks.first().map_or("unknown", |talk| talk.by.as_str());
                let waited = record.waited().unwrap_or_default();
                if record.direction == Direction::Inbound {
                    let line = record.line.as_deref().unwrap_or_default();
                    let (seconds, trace) = (waited.as_secs_f64(), self.tracer.exemplar(&record.id));
                    self.metrics.answer_seconds.observe(&[line, by], seconds, trace);
                }
                let who = party.employee.as_ref().map_or("unlisted", |e| e.as_str());
                info!(by, who, waited_ms = waited.as_millis() as u64, "answered");
            }
            Occurrence::PassedOn(party) => {
                let who = party.employee.as_ref().map_or("unlisted", |e| e.as_str());
                info!(who, "another speaker");
            }
            Occurrence::Voicemail { seconds } => info!(seconds, "a message was left"),
            Occurrence::Recorded { seconds } => info!(seconds, "the recording is complete"),
            Occurrence::Ringing { .. } | Occurrence::Missed(_) | Occurrence::Ended => {}
        }
    }

    /// A record is complete: count it, log it, hand it on.
    pub(super) fn closed(&self, record: CallRecord, trail: Trail) {
        let outcome = record.outcome.map_or("unknown", Outcome::as_str);
        let direction = record.direction.as_str();
        self.metrics.call_ended(&record, self.tracer.exemplar(&record.id));
        info!(
            outcome,
            direction,
            from = %record.from,
            to = %mask(&record.to),
            steps = %record.steps(),
            fallback = record.fallback.map_or("", |f| f.as_str()),
            talked_s = record.talked().as_secs(),
            cause = record.hangup_cause.as_deref().unwrap_or(""),
            "call ended"
        );
        if self.clerk.wants() || trail.is_kept() || self.news.receiver_count() > 0 {
            let record = Arc::new(record);
            self.tracer.closed(&record, trail);
            self.clerk.closed(record.clone());
            self.tell(|| CallNews::Closed(record));
        }
    }
}
