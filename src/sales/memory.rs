//! What we know of a deal ourselves: what made it, and when its contact called.

use std::collections::HashMap;

use sqlx::query_as;

use super::made::Kind;
use crate::core::ids::CallId;
use crate::core::sale::{Communication, Memory, Won};
use crate::crm::{Crm, of_line};
use crate::outbox::entry::moment;
use crate::store::Store;

/// Calls and forms of a client, a row a communication and line. Never internal calls (E02).
const BY_NUMBER: &str = "SELECT call, line, min(at) FROM journal \
    WHERE number = ? AND direction <> 'internal' GROUP BY call, line";
const BY_CLIENT: &str = "SELECT call, line, min(at) FROM journal \
    WHERE client = ? AND direction <> 'internal' GROUP BY call, line";

type Row = (String, Option<String>, i64);

/// Looks it up in the store, as far as it belongs to this CRM.
pub(super) async fn recall(
    store: &Store,
    crms: &dyn Crm,
    crm: &str,
    won: &Won,
) -> Result<Memory, sqlx::Error> {
    let ours = |row: &Row| of_line(crms, row.1.as_deref()).0 == crm;
    let made = async |kind: Kind, id: &str| -> Result<Option<Communication>, sqlx::Error> {
        let rows: Vec<Row> =
            query_as("SELECT call, line, at FROM made WHERE kind = ? AND id = ? ORDER BY at")
                .bind(kind.as_str())
                .bind(id)
                .fetch_all(store.pool())
                .await?;
        Ok(rows.into_iter().find(|row| ours(row)).map(communication))
    };
    let deal = made(Kind::Deal, won.id.as_str()).await?.map(|made| made.call);
    let Some(contact) = &won.contact else { return Ok(Memory { deal, ..Memory::default() }) };
    let mut began: HashMap<CallId, Communication> = HashMap::new();
    let numbers = contact.numbers.iter().map(|number| (BY_NUMBER, number.e164()));
    for (query, value) in numbers.chain([(BY_CLIENT, contact.id.as_str())]) {
        let rows: Vec<Row> = query_as(query).bind(value).fetch_all(store.pool()).await?;
        for one in rows.into_iter().filter(|row| ours(row)).map(communication) {
            let known = began.entry(one.call.clone()).or_insert_with(|| one.clone());
            known.at = known.at.min(one.at);
        }
    }
    let contact = made(Kind::Client, contact.id.as_str()).await?;
    Ok(Memory { deal, contact, communications: began.into_values().collect() })
}

fn communication((call, _, at): Row) -> Communication {
    Communication { call: CallId::new(call), at: moment(at) }
}
