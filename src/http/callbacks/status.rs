//! What a page learns of its callback: no numbers, no names.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt, stream};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_util::sync::CancellationToken;

use crate::callback::book::row::stage_word;
use crate::core::campaign::order::{Ending, Stage, View};

/// A proxy cuts a connection on which nothing comes.
const ALIVE: Duration = Duration::from_secs(15);

/// Where a callback stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Status {
    /// Which.
    #[schema(example = "7f0b2c1e-6f0e-4a4e-9c55-0d7d4b0a1c22")]
    id: String,
    /// `accepted`, `waiting`, `dialling_managers`, `manager_on_line`, `dialling_client`,
    /// `connected`, `over`.
    #[schema(example = "waiting")]
    stage: &'static str,
    /// How it came out, once it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "talked")]
    ending: Option<Ending>,
    /// When it was taken.
    #[schema(value_type = String, format = DateTime)]
    accepted: jiff::Timestamp,
    /// When the next try is expected, while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    next_try: Option<jiff::Timestamp>,
}

impl Status {
    pub fn of(view: &View) -> Self {
        let ending = match view.stage {
            Stage::Over(ending) => Some(ending),
            _ => None,
        };
        Self {
            id: view.id.to_string(),
            stage: word(view.stage),
            ending,
            accepted: view.accepted,
            next_try: view.next_try,
        }
    }
}

fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::Over(_) => "over",
        stage => stage_word(stage),
    }
}

/// Each change as an event named by its stage, until it is over, the engine ends, or nobody reads.
pub(super) fn stream(
    news: watch::Receiver<View>,
    end: CancellationToken,
    room: OwnedSemaphorePermit,
) -> Response {
    let events = changes(news).map(|status| {
        let event = Event::default().event(status.stage).json_data(&status);
        // Nothing in a status cannot be written as JSON.
        Ok::<_, Infallible>(event.unwrap_or_else(|_| Event::default().comment("unreadable")))
    });
    let until = events.take_until(end.cancelled_owned()).map(move |event| {
        let _room = &room;
        event
    });
    let sse = Sse::new(until).keep_alive(KeepAlive::new().interval(ALIVE)).into_response();
    // A proxy that gathers answers would hold the events back.
    ([("x-accel-buffering", "no")], sse).into_response()
}

/// The status now, then each that is different, and the last one when it is over.
fn changes(news: watch::Receiver<View>) -> impl Stream<Item = Status> {
    let begin = (news, None::<String>, false);
    stream::unfold(begin, |(mut news, last, over)| async move {
        if over {
            return None;
        }
        loop {
            let status = Status::of(&news.borrow_and_update());
            let over = status.stage == "over";
            let text = serde_json::to_string(&status).ok();
            // Whoever leads it has let go of it: what is known was told.
            if text != last {
                return Some((status, (news, text, over)));
            }
            if news.changed().await.is_err() {
                return None;
            }
        }
    })
}
