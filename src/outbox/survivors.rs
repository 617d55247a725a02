//! The end of calls nobody leads any more. An engine that is stopped or killed in a talk leaves
//! the talk alone: FreeSWITCH goes on with it. Whichever engine hears of its end writes it down,
//! so that the CRM learns how long the talk was, and how long its recording (A12).

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::journal;
use crate::core::call::Recorded;
use crate::core::case::{Case, Clerk, Event};
use crate::core::ids::CallId;
use crate::core::record::{Outcome, between};
use crate::esl;
use crate::store::Store;
use crate::switch::control::{News, NewsReader};
use crate::switch::translate;
use crate::telemetry::trace_id;

/// An engine that leads the call writes its end down in milliseconds. After this nobody has.
const GRACE: Duration = Duration::from_secs(5);

/// Where the numbers of these cases are: behind those of any engine. Of two engines that hear of
/// the same end one writes it down.
const SEQ: u32 = 10_000;

/// Hears of the ends, and tells of those nobody told of.
pub(crate) struct Survivors {
    /// Told.
    pub clerk: Arc<dyn Clerk>,
    /// What was told before stands there.
    pub store: watch::Receiver<Option<Store>>,
    /// Whether this engine leads the call: then it tells of the end itself.
    pub leads: Box<dyn Fn(&CallId) -> bool + Send + Sync>,
}

/// The end of a call.
struct End {
    call: CallId,
    at: Timestamp,
    /// Seconds of the recording, where FreeSWITCH tells.
    recorded: Option<u64>,
}

impl Survivors {
    /// Until `cancel`.
    pub async fn run(self, mut news: NewsReader, cancel: CancellationToken) {
        let (this, looks) = (Arc::new(self), TaskTracker::new());
        while let Some(news) = cancel.run_until_cancelled(news.next()).await {
            let News::Event { event, .. } = news else { continue };
            let Some(end) = end(&event).filter(|end| !(this.leads)(&end.call)) else { continue };
            let (this, cancel) = (this.clone(), cancel.clone());
            looks.spawn(async move { cancel.run_until_cancelled(this.ended(end)).await });
        }
    }

    async fn ended(&self, end: End) {
        sleep(GRACE).await;
        let Some(store) = self.store.borrow().clone() else { return };
        let cases = match journal::of_call(&store, &end.call).await {
            Ok(cases) => cases,
            Err(error) => {
                return warn!(call = %end.call, trace_id = %trace_id(&end.call), %error, "the end of a talk cannot be told to the CRM");
            }
        };
        let over = |event| matches!(event, Event::Ended | Event::Missed | Event::Unreached);
        if cases.iter().any(|judged| over(judged.case.event)) {
            return;
        }
        let answered = cases.into_iter().map(|judged| judged.case);
        let Some(answered) = answered.filter(|case| case.event == Event::Answered).last() else {
            return;
        };
        info!(call = %end.call, trace_id = %trace_id(&end.call), "a talk has ended that no engine led: the CRM learns of it");
        for case in survived(answered, &end) {
            self.clerk.occurred(case);
        }
    }
}

/// `None`: no call an engine has led.
fn end(event: &esl::Event) -> Option<End> {
    let led = event.name() == "CHANNEL_HANGUP_COMPLETE"
        && event.raw("variable_dozvon_led").is_some_and(|led| led == "true");
    let call = CallId::new(event.get("Unique-ID").filter(|_| led)?);
    let recorded = match translate::recorded(event) {
        Recorded::Milliseconds(ms) => Some(ms.saturating_add(500) / 1000),
        Recorded::Nothing | Recorded::Unknown => None,
    };
    // FreeSWITCH's own time, so that two engines tell the same.
    let micros = event.get("Caller-Channel-Hangup-Time").and_then(|at| at.parse().ok());
    let at = micros.and_then(|at| Timestamp::from_microsecond(at).ok());
    Some(End { call, at: at.unwrap_or_else(Timestamp::now), recorded })
}

/// What the engine that led the call would have said, by what it had said of the answer. Who
/// spoke last, and whether the client waited again between two talks, nobody saw.
fn survived(answered: Case, end: &End) -> Vec<Case> {
    let from = answered.answered.unwrap_or(answered.at);
    let talked = between(from, end.at).as_secs();
    let ended = Case {
        seq: SEQ,
        event: Event::Ended,
        at: end.at,
        ended: Some(end.at),
        talked,
        outcome: Some(Outcome::Answered),
        ..answered
    };
    let recorded = end.recorded.zip(ended.recording.clone()).map(|(seconds, mut sound)| {
        sound.seconds = Some(seconds);
        let recording = Some(sound);
        Case { seq: SEQ + 1, event: Event::Recorded, recording, ..ended.clone() }
    });
    std::iter::once(ended.clone()).chain(recorded).collect()
}
