//! What the CRM learnt of a call: what the journal says of the rules, and the outbox of the actions.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::core::case::{Case, Event};
use crate::core::ids::CallId;
use crate::outbox::desk::{Desk, DeskError, Filter, Line};
use crate::outbox::entry::{Entry, Progress, State};
use crate::outbox::journal::{self, Judged};
use crate::store::{Store, StoreError};

/// Only a fault takes so long. Nothing waits for this time to pass.
const FAULT: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(5);

/// Why nobody knows what the CRM learnt.
#[derive(Debug, thiserror::Error)]
pub enum PapersError {
    /// The outbox has not done it all.
    #[error("the CRM has not learnt of it within {} s", FAULT.as_secs())]
    Late,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The outbox cannot be read.
    #[error(transparent)]
    Desk(#[from] DeskError),
}

/// One case, judged and carried out.
#[derive(Debug)]
pub struct Learnt {
    /// The case and its rules.
    pub judged: Judged,
    /// What was done.
    pub entry: Entry,
}

impl Learnt {
    /// What was not done, and why.
    pub fn undone(&self) -> Option<String> {
        let error = self.entry.last_error.clone().unwrap_or_default();
        let done = self.entry.progress.iter().all(|step| step.is == Progress::Done);
        (self.entry.state != State::Done || !done).then(|| format!("{}: {error}", self.entry.state))
    }
}

/// The end of the talk, if there was one.
pub fn end(learnt: &[Learnt]) -> Option<&Case> {
    let ended = learnt.iter().find(|learnt| learnt.judged.case.event == Event::Ended);
    ended.map(|learnt| &learnt.judged.case)
}

/// Journal and outbox of the stage.
pub struct Papers {
    store: Store,
    desk: Desk,
}

impl Papers {
    /// In this store.
    pub fn new(store: Store) -> Self {
        Self { desk: Desk::new(store.clone()), store }
    }

    /// How many actions of a call that is over still wait.
    ///
    /// # Errors
    /// [`PapersError`].
    pub async fn waiting(&self, call: &CallId) -> Result<usize, PapersError> {
        let lines = self.lines_once(call, |_| true).await?;
        Ok(lines.iter().map(|line| line.actions - line.done).sum())
    }

    /// What the CRM learnt of a call that is over, as soon as it has.
    ///
    /// # Errors
    /// [`PapersError`].
    pub async fn learnt(&self, call: &CallId) -> Result<Vec<Learnt>, PapersError> {
        let over = |line: &Line| !matches!(line.state, State::Waiting | State::Working);
        let lines = self.lines_once(call, over).await?;
        let mut judged = journal::of_call(&self.store, call).await?;
        let mut learnt = Vec::new();
        for line in lines {
            let entry = self.desk.show(line.id).await?;
            if let Some(at) = judged.iter().position(|j| j.case.seq == entry.case.seq) {
                learnt.push(Learnt { judged: judged.remove(at), entry });
            }
        }
        Ok(learnt)
    }

    /// The call's entries, once all are written and each is `so`.
    async fn lines_once(
        &self,
        call: &CallId,
        so: impl Fn(&Line) -> bool,
    ) -> Result<Vec<Line>, PapersError> {
        let filter = Filter {
            states: State::ALL.to_vec(),
            call: Some(call.to_string()),
            limit: 100,
            ..Filter::default()
        };
        let looking = async {
            loop {
                // The record is written after the last case.
                if journal::is_closed(&self.store, call).await? {
                    let lines = self.desk.list(&filter).await?;
                    if lines.iter().all(&so) {
                        return Ok(lines);
                    }
                }
                sleep(LOOK).await;
            }
        };
        timeout(FAULT, looking).await.unwrap_or(Err(PapersError::Late))
    }
}
