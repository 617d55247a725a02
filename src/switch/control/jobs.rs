//! Who waits for which BACKGROUND_JOB.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::core::ids::OpId;
use crate::esl::Event;

#[derive(Default)]
pub(super) struct Jobs(Mutex<HashMap<OpId, oneshot::Sender<String>>>);

impl Jobs {
    /// Makes a Job-UUID and waits for it from now on, so that its event can come before the reply.
    pub(super) fn expect(&self) -> Job<'_> {
        let id = OpId::new(Uuid::new_v4().hyphenated().to_string());
        let (done, body) = oneshot::channel();
        self.lock().insert(id.clone(), done);
        Job { jobs: self, id, body }
    }

    /// A BACKGROUND_JOB has come: ours, or another program's.
    pub(super) fn done(&self, event: &Event) {
        let Some(id) = event.get("Job-UUID") else {
            return;
        };
        if let Some(waiting) = self.lock().remove(&OpId::new(&*id)) {
            let body = String::from_utf8_lossy(event.body()).into_owned();
            // Nobody there any more: the deadline was first.
            let _ = waiting.send(body);
        }
    }

    /// The events connection broke: no result will come.
    pub(super) fn give_up(&self) {
        self.lock().clear();
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<OpId, oneshot::Sender<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job that is awaited. Dropping it forgets it.
pub(super) struct Job<'a> {
    jobs: &'a Jobs,
    id: OpId,
    body: oneshot::Receiver<String>,
}

impl Job<'_> {
    pub(super) fn id(&self) -> &OpId {
        &self.id
    }

    /// Its result; `None` when none will come.
    pub(super) async fn body(&mut self) -> Option<String> {
        (&mut self.body).await.ok()
    }
}

impl Drop for Job<'_> {
    fn drop(&mut self) {
        self.jobs.lock().remove(&self.id);
    }
}
