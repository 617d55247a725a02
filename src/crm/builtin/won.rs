//! Deals that were won (E01).

use sqlx::FromRow;

use super::Builtin;
use crate::core::ids::CallId;
use crate::core::phone::{Phone, Region};
use crate::core::sale::{Contact, Won};
use crate::crm::{CrmError, WonSince};
use crate::outbox::entry::moment;

/// The field of a card comes first: it tells the first communication of a deal and the last of a
/// contact. A company is no contact.
const WON: &str = "\
    SELECT d.id, d.closed, coalesce(nullif(df.value, ''), d.call) AS communication, \
    c.id AS contact, coalesce(nullif(cf.value, ''), c.call) AS contact_communication \
    FROM deal d \
    LEFT JOIN deal_field df ON df.deal = d.id AND df.name = ?1 \
    LEFT JOIN client c ON c.id = d.client AND c.kind = 'contact' AND NOT c.deleted \
    LEFT JOIN client_field cf ON cf.client = c.id AND cf.name = ?1 \
    WHERE d.result = 'won' AND NOT d.open AND d.closed >= ?2 ORDER BY d.closed, d.id";

#[derive(FromRow)]
struct Row {
    id: String,
    closed: i64,
    communication: Option<String>,
    contact: Option<String>,
    contact_communication: Option<String>,
}

impl Builtin {
    pub(super) async fn won_since(&self, ask: &WonSince<'_>) -> Result<Vec<Won>, CrmError> {
        let read = async {
            let mut tx = self.store.pool().begin().await?;
            let rows: Vec<Row> = sqlx::query_as(WON)
                .bind(ask.field)
                .bind(ask.since.as_microsecond())
                .fetch_all(&mut *tx)
                .await?;
            let mut all = Vec::new();
            for row in rows {
                let numbers: Vec<String> = sqlx::query_scalar(
                    "SELECT phone FROM client_number WHERE client = ? ORDER BY position",
                )
                .bind(&row.contact)
                .fetch_all(&mut *tx)
                .await?;
                // Only what was read as a number before is ever written.
                let numbers =
                    numbers.iter().filter_map(|n| Phone::parse(n, Region::default()).ok());
                let contact = row.contact.map(|id| Contact {
                    id: id.as_str().into(),
                    numbers: numbers.collect(),
                    communication: row.contact_communication.map(CallId::new),
                });
                all.push(Won {
                    id: row.id.as_str().into(),
                    closed: moment(row.closed),
                    price: None,
                    communication: row.communication.map(CallId::new),
                    contact,
                });
            }
            Ok(all)
        };
        read.await.map_err(|e: sqlx::Error| self.fault(&e))
    }
}
