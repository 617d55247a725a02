//! Notifications and notes.

use super::apply::Fail;
use super::calls::seconds;
use super::desk::{Desk, Spot, said};
use crate::core::action::{On, Recipients};
use crate::core::case::Sound;
use crate::crm::Done;

impl Desk<'_> {
    pub(super) async fn notify(
        &mut self,
        to: &Recipients,
        text: &str,
        link: Option<On>,
    ) -> Result<Done, Fail> {
        let spot = self.spot(link.unwrap_or(On::Client)).await?;
        let recipients: Vec<String> = match to {
            Recipients::Everybody => {
                sqlx::query_scalar("SELECT id FROM employee WHERE status <> 'gone' ORDER BY id")
                    .fetch_all(&mut *self.db)
                    .await?
            }
            Recipients::These(ids) => {
                for id in ids {
                    self.employee(id).await?;
                }
                ids.iter().map(ToString::to_string).collect()
            }
        };
        for recipient in &recipients {
            sqlx::query(
                "INSERT INTO notification (recipient, text, made, linked, number, client, deal, call) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )
            .bind(recipient)
            .bind(text)
            .bind(self.now)
            .bind(link.is_some())
            .bind(self.number())
            .bind(&spot.client)
            .bind(&spot.deal)
            .bind(self.call())
            .execute(&mut *self.db)
            .await?;
        }
        Ok(said(match recipients.len() {
            0 => "nothing: there is nobody to notify".to_owned(),
            _ => format!("notified {}", recipients.join(", ")),
        }))
    }

    pub(super) async fn note(&mut self, on: On, text: &str) -> Result<Done, Fail> {
        let spot = self.spot(on).await?;
        let id = self.left("note", text, None, &spot).await?;
        Ok(said(format!("made note {id} on {}", spot.words())))
    }

    /// What changed, for the history of the record.
    pub(super) async fn record(
        &mut self,
        kind: &str,
        text: &str,
        spot: &Spot,
    ) -> Result<(), sqlx::Error> {
        self.left(kind, text, None, spot).await.map(drop)
    }

    pub(super) async fn left(
        &mut self,
        kind: &str,
        text: &str,
        sound: Option<&Sound>,
        spot: &Spot,
    ) -> Result<i64, sqlx::Error> {
        let done = sqlx::query(
            "INSERT INTO note (kind, text, url, seconds, made, number, client, deal, call) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(kind)
        .bind(text)
        .bind(sound.map(|sound| sound.url.as_str()))
        .bind(sound.and_then(|sound| sound.seconds).map(seconds))
        .bind(self.now)
        .bind(self.number())
        .bind(&spot.client)
        .bind(&spot.deal)
        .bind(self.call())
        .execute(&mut *self.db)
        .await?;
        Ok(done.last_insert_rowid())
    }
}
