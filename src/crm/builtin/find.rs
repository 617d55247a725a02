//! Whom a number belongs to, and which of several is taken.

use std::cmp::Reverse;

use jiff::Timestamp;
use sqlx::{FromRow, SqliteConnection};

use crate::core::client::{Client, Deal};
use crate::core::phone::Phone;

/// Contacts and companies, each once for each of its deals. The company's deals count as the
/// contact's, and the company's owner where the contact has none.
macro_rules! clients {
    ($which:literal) => {
        concat!(
            "SELECT c.id, c.kind = 'company' AS is_company, c.name, k.name AS company, \
             coalesce(c.owner, k.owner) AS owner, c.created, c.entered, \
             d.id AS deal, d.title, d.owner AS deal_owner, d.created AS deal_created, d.open \
             FROM client c \
             LEFT JOIN client k ON k.id = c.company AND k.deleted = 0 \
             LEFT JOIN deal d ON d.client IN (c.id, k.id) \
             WHERE c.deleted = 0 AND ",
            $which,
            " ORDER BY c.entered, d.created, d.id"
        )
    };
}

const BY_NUMBER: &str = clients!("c.id IN (SELECT client FROM client_number WHERE phone = ?)");
const BY_ID: &str = clients!("c.id = ?");

/// The client a number belongs to.
pub(super) async fn by_number(
    db: &mut SqliteConnection,
    phone: &Phone,
) -> Result<Option<Client>, sqlx::Error> {
    Ok(best(sqlx::query_as(BY_NUMBER).bind(phone.e164()).fetch_all(db).await?))
}

/// The client with this id, unless he was deleted.
pub(super) async fn by_id(
    db: &mut SqliteConnection,
    id: &str,
) -> Result<Option<Client>, sqlx::Error> {
    Ok(best(sqlx::query_as(BY_ID).bind(id).fetch_all(db).await?))
}

#[derive(FromRow)]
struct Row {
    id: String,
    is_company: bool,
    name: String,
    company: Option<String>,
    owner: Option<String>,
    created: i64,
    entered: i64,
    deal: Option<String>,
    title: Option<String>,
    deal_owner: Option<String>,
    deal_created: Option<i64>,
    open: Option<bool>,
}

/// The least is taken. Its fields stand in the order in which they decide.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    no_open_deal: bool,
    is_company: bool,
    oldest_open: Option<Timestamp>,
    created: Reverse<i64>,
    entered: Reverse<i64>,
}

impl Rank {
    /// Why this one comes before the next.
    fn reason(&self, next: &Self) -> &'static str {
        if self.no_open_deal != next.no_open_deal {
            "it has an open deal"
        } else if self.is_company != next.is_company {
            "a contact comes before a company"
        } else if self.oldest_open != next.oldest_open {
            "its open deal is the oldest (D03)"
        } else if self.created != next.created {
            "it is the newest"
        } else {
            "it was entered last"
        }
    }
}

fn best(rows: Vec<Row>) -> Option<Client> {
    let mut found: Vec<(Row, Client)> = Vec::new();
    for row in rows {
        let deal = row.deal();
        match found.last_mut() {
            Some((first, client)) if first.entered == row.entered => client.deals.extend(deal),
            _ => {
                let client = Client {
                    id: row.id.as_str().into(),
                    name: row.name.clone(),
                    company: row.company.clone(),
                    owner: row.owner.as_deref().map(Into::into),
                    deals: deal.into_iter().collect(),
                    choice: None,
                };
                found.push((row, client));
            }
        }
    }
    let mut ranked: Vec<(Rank, Client)> = found
        .into_iter()
        .map(|(row, client)| {
            let oldest_open = client.open_deal().map(|deal| deal.created);
            let rank = Rank {
                no_open_deal: oldest_open.is_none(),
                is_company: row.is_company,
                oldest_open,
                created: Reverse(row.created),
                entered: Reverse(row.entered),
            };
            (rank, client)
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    let count = ranked.len();
    let mut ranked = ranked.into_iter();
    let (rank, mut client) = ranked.next()?;
    client.choice = ranked.next().map(|(next, _)| {
        let reason = rank.reason(&next);
        format!("{count} clients have this number; {} is taken: {reason}", client.display_name())
    });
    Some(client)
}

impl Row {
    fn deal(&self) -> Option<Deal> {
        Some(Deal {
            id: self.deal.as_deref()?.into(),
            title: self.title.clone().unwrap_or_default(),
            owner: self.deal_owner.as_deref().map(Into::into),
            // Only times that are one are ever written.
            created: Timestamp::from_microsecond(self.deal_created?).unwrap_or_default(),
            open: self.open.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn a_lookup_reads_no_table_from_end_to_end() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = Store::open(folder.path().join("s.sqlite")).await.unwrap();
        for (query, index) in
            [(BY_NUMBER, "client_number_by_phone"), (BY_ID, "sqlite_autoindex_client_1")]
        {
            let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}"));
            let plan: Vec<(i64, i64, i64, String)> =
                sqlx::query_as(explain).bind("+79161234567").fetch_all(store.pool()).await.unwrap();
            let steps: Vec<_> = plan.iter().map(|(.., step)| step.as_str()).collect();
            assert!(steps.iter().any(|s| s.contains(index)), "{steps:#?}");
            assert!(steps.iter().any(|s| s.contains("deal_by_client")), "{steps:#?}");
            assert!(!steps.iter().any(|s| s.starts_with("SCAN")), "{steps:#?}");
        }
    }
}
