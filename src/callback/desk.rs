//! The desk: where orders are taken and asked for. In front of the driver and the book.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::book::Book;
use super::book::deed::{Deed, Done};
use super::driver::{Driver, Note, Parts, Reins};
use super::{Callbacks, How, Refused, Taken, keep, taking};
use crate::core::campaign::order::{Kind, Order, Stage, View};
use crate::core::ids::CampaignId;
use crate::metrics::Metrics;
use crate::outbox::writer::{Pen, Undone};
use crate::store::Store;

/// So long somebody who cancels waits to see it done.
const SEEN: Duration = Duration::from_secs(2);

/// The callbacks of an engine.
pub struct Desk {
    pen: Pen,
    store: watch::Receiver<Option<Store>>,
    reins: Reins,
    me: String,
    metrics: Arc<Metrics>,
    /// The driver has ended.
    gone: CancellationToken,
}

impl Desk {
    /// Begins to take and to lead, in tasks of the current runtime.
    pub(crate) fn start(
        parts: Parts,
        reins: Reins,
        notes: mpsc::UnboundedReceiver<Note>,
    ) -> Arc<Self> {
        let (pen, store, me) = (parts.pen.clone(), parts.store.clone(), parts.me.clone());
        let metrics = parts.engine.metrics.clone();
        let keeping = keep::run(store.clone(), parts.config.clone(), reins.stop.clone());
        let driver = Driver::new(parts, &reins, notes);
        tokio::spawn(keeping);
        let gone = CancellationToken::new();
        let at_end = gone.clone().drop_guard();
        tokio::spawn(async move {
            let _at_end = at_end;
            driver.run().await;
        });
        Arc::new(Self { pen, store, reins, me, metrics, gone })
    }

    /// No new tries from now on. What has somebody on the line is led on.
    pub(crate) fn rest(&self) {
        self.reins.drain.cancel();
    }

    /// Until nobody is on the line any more.
    pub(crate) async fn rested(&self) {
        self.gone.cancelled().await;
    }

    /// Ends: talks go on on FreeSWITCH, and the next engine takes up what is left.
    pub(crate) async fn end(&self, limit: Duration) {
        self.reins.stop.cancel();
        if timeout(limit, self.gone.cancelled()).await.is_err() {
            warn!(
                "callbacks did not end in order; the next engine takes them up when their claim runs out"
            );
        }
    }

    fn book(&self) -> Result<Book, Refused> {
        let store = self.store.borrow().clone();
        store.map(Book::new).ok_or_else(|| Refused::Store("the store is not open yet".into()))
    }

    /// `None`: this engine does not lead it.
    async fn follow(&self, id: &CampaignId) -> Option<watch::Receiver<View>> {
        let (answer, answered) = oneshot::channel();
        self.reins.notes.send(Note::Watch(id.clone(), answer)).ok()?;
        answered.await.ok()?
    }
}

#[async_trait]
impl Callbacks for Desk {
    async fn take(&self, order: Order, key: Option<String>) -> Result<Taken, Refused> {
        // A store that was never open keeps nobody waiting.
        self.book()?;
        let kind = order.kind;
        let (campaign, deed) = taking(order, key, &self.me, None, Timestamp::now())
            .map_err(|error| Refused::Store(error.to_string()))?;
        let Done::Taken(taken) = self.pen.deed(deed).await.map_err(refused)? else {
            return Err(Refused::Store("it was not written".into()));
        };
        self.metrics.callback_taken(kind, taken.how);
        match taken.how {
            How::New => drop(self.reins.notes.send(Note::Begin(Box::new(campaign)))),
            How::Joined => self.reins.nudge.notify_one(),
            How::Repeated => {}
        }
        Ok(taken)
    }

    async fn show(&self, id: &CampaignId) -> Result<View, Refused> {
        self.book()?.show(id).await
    }

    async fn watch(&self, id: &CampaignId) -> Result<watch::Receiver<View>, Refused> {
        if let Some(followed) = self.follow(id).await {
            return Ok(followed);
        }
        // Over, or another engine's: as it stands, and nothing follows.
        self.show(id).await.map(|view| watch::channel(view).1)
    }

    async fn list(&self, open: bool, limit: u32) -> Result<Vec<View>, Refused> {
        self.book()?.list(open, limit).await
    }

    async fn cancel(&self, id: &CampaignId) -> Result<View, Refused> {
        let book = self.book()?;
        let followed = self.follow(id).await;
        match self.pen.deed(Deed::Cancel(id.clone())).await.map_err(refused)? {
            Done::Held(true) => {}
            _ => return book.show(id).await.and(Err(Refused::Over)),
        }
        self.reins.nudge.notify_one();
        if let Some(mut followed) = followed {
            // A talk goes on; then nothing changes, unless a button made it.
            let over = |view: &View| {
                matches!(view.stage, Stage::Over(_))
                    || (view.stage == Stage::Connected && view.order.kind != Kind::Click)
            };
            drop(timeout(SEEN, followed.wait_for(over)).await);
        }
        book.show(id).await
    }
}

fn refused(undone: Undone) -> Refused {
    Refused::Store(undone.to_string())
}
