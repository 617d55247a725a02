//! Contacts, companies and deals in the store.

use std::collections::HashMap;

use sqlx::{FromRow, SqliteConnection};

use crate::core::phone::{Phone, Region};

/// A contact or company as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClientRecord {
    pub(super) id: String,
    pub(super) is_company: bool,
    pub(super) name: String,
    pub(super) numbers: Vec<Phone>,
    pub(super) company: Option<String>,
    pub(super) owner: Option<String>,
    /// Microseconds since 1970; `None`: not told.
    pub(super) created: Option<i64>,
}

/// A deal as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub(super) struct DealRecord {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) client: String,
    pub(super) owner: Option<String>,
    /// Microseconds since 1970.
    pub(super) created: i64,
    pub(super) open: bool,
}

type Row = (String, bool, String, Option<String>, Option<String>, i64);

/// All contacts and companies by id. Give it a transaction.
pub(super) async fn read_all(
    db: &mut SqliteConnection,
) -> Result<HashMap<String, ClientRecord>, sqlx::Error> {
    let rows: Vec<Row> =
        sqlx::query_as("SELECT id, kind = 'company', name, company, owner, created FROM client")
            .fetch_all(&mut *db)
            .await?;
    let numbers: Vec<(String, String)> =
        sqlx::query_as("SELECT client, phone FROM client_number ORDER BY client, position")
            .fetch_all(&mut *db)
            .await?;
    let mut clients: HashMap<_, _> = rows
        .into_iter()
        .map(|(id, is_company, name, company, owner, created)| {
            let record = ClientRecord {
                id: id.clone(),
                is_company,
                name,
                numbers: Vec::new(),
                company,
                owner,
                created: Some(created),
            };
            (id, record)
        })
        .collect();
    for (id, phone) in numbers {
        // Only what was checked is ever written, so nothing is lost here.
        if let (Some(client), Ok(phone)) =
            (clients.get_mut(&id), Phone::parse(&phone, Region::default()))
        {
            client.numbers.push(phone);
        }
    }
    Ok(clients)
}

/// All deals by id.
pub(super) async fn read_deals(
    db: &mut SqliteConnection,
) -> Result<HashMap<String, DealRecord>, sqlx::Error> {
    let deals: Vec<DealRecord> =
        sqlx::query_as("SELECT id, title, client, owner, created, open FROM deal")
            .fetch_all(db)
            .await?;
    Ok(deals.into_iter().map(|deal| (deal.id.clone(), deal)).collect())
}

/// Writes a client anew, or over the one with this id. `now` stands for a `created` not told.
pub(super) async fn write(
    db: &mut SqliteConnection,
    client: &ClientRecord,
    now: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO client (id, kind, name, company, owner, created) VALUES (?, ?, ?, ?, ?, ?) \
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, company = excluded.company, \
         owner = excluded.owner, created = excluded.created",
    )
    .bind(&client.id)
    .bind(if client.is_company { "company" } else { "contact" })
    .bind(&client.name)
    .bind(&client.company)
    .bind(&client.owner)
    .bind(client.created.unwrap_or(now))
    .execute(&mut *db)
    .await?;
    sqlx::query("DELETE FROM client_number WHERE client = ?")
        .bind(&client.id)
        .execute(&mut *db)
        .await?;
    for (position, phone) in (0_i64..).zip(&client.numbers) {
        sqlx::query("INSERT INTO client_number (client, position, phone) VALUES (?, ?, ?)")
            .bind(&client.id)
            .bind(position)
            .bind(phone.e164())
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

/// Writes a deal anew, or over the one with this id.
pub(super) async fn write_deal(
    db: &mut SqliteConnection,
    deal: &DealRecord,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO deal (id, title, client, owner, created, open) VALUES (?, ?, ?, ?, ?, ?) \
         ON CONFLICT (id) DO UPDATE SET title = excluded.title, client = excluded.client, \
         owner = excluded.owner, created = excluded.created, open = excluded.open",
    )
    .bind(&deal.id)
    .bind(&deal.title)
    .bind(&deal.client)
    .bind(&deal.owner)
    .bind(deal.created)
    .bind(deal.open)
    .execute(db)
    .await?;
    Ok(())
}
