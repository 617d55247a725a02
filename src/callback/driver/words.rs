//! What campaigns are told from outside: forms that join, a cancel, a client who has called in.
//! All of it stands in the store first, whichever process says it; the engine that leads the
//! campaign reads it there.

use tracing::{debug, warn};

use super::{Came, Driver, call};
use crate::callback::book::deed::Deed;
use crate::callback::book::{Word, row};
use crate::core::campaign::Input;
use crate::core::campaign::order::Stage;
use crate::core::ids::CampaignId;
use crate::telemetry::trace_id;

impl Driver {
    /// Reads what there is. One reading at a time.
    pub(super) fn read_words(&mut self) {
        let Some(book) = self.book().filter(|_| !self.reading) else { return };
        self.reading = true;
        let me = self.parts.me.clone();
        self.coming.push(Box::pin(async move { Came::Words(book.words(&me).await) }));
    }

    pub(super) fn words(&mut self, words: Result<Vec<Word>, sqlx::Error>) {
        self.reading = false;
        match words {
            Ok(words) => words.into_iter().for_each(|word| self.word(word)),
            // Said by whoever writes; it is read again in a moment.
            Err(error) => debug!(%error, "words for callbacks cannot be read"),
        }
    }

    fn word(&mut self, word: Word) {
        let id = CampaignId::new(&word.campaign);
        let over = match self.live.get(&id) {
            Some(live) => matches!(live.campaign.stage(), Stage::Over(_)),
            None if word.alive => return, // It is on its way here.
            None => true,
        };
        if !self.hearing.insert(word.id) {
            return;
        }
        let joined = match word.body.as_deref().map(row::order).transpose() {
            Ok(order) => order,
            Err(error) => {
                warn!(callback = %id, trace_id = %trace_id(&call(&id)), %error, "a form that joined a callback cannot be read");
                None
            }
        };
        let input = match (word.word.as_str(), joined) {
            // It came in the very moment in which the campaign ended: it begins one of its own.
            ("joined", Some(order)) if over => return self.take(order, Some(word.id)),
            ("joined", Some(order)) => Input::Joined(Box::new(order)),
            ("cancel", _) if !over => Input::Cancel,
            ("client_called", _) if !over => Input::ClientCalled,
            _ => {
                let heard = self.deed(Deed::Heard(word.id));
                self.coming.push(Box::pin(async move {
                    drop(heard.await);
                    Came::Nothing
                }));
                return;
            }
        };
        self.step(&id, Some(word.id), |campaign, now, around| campaign.handle(input, now, around));
    }
}
