//! The inbox of unqualified leads.

use std::collections::BTreeMap;

use sqlx::{FromRow, SqliteConnection};

use super::apply::Fail;
use super::desk::{Desk, said};
use super::records::{self, NewContact, NewDeal, PIPELINE, STAGE};
use super::{desk, find, word};
use crate::core::action::{Bound, UnsortedKind};
use crate::core::ids::EmployeeId;
use crate::core::phone::{Phone, Region};
use crate::crm::Done;

impl Desk<'_> {
    pub(super) async fn unsorted(
        &mut self,
        kind: UnsortedKind,
        (title, name): (&str, &str),
        pipeline: Option<&str>,
        tags: &[String],
        fields: &BTreeMap<String, String>,
    ) -> Result<Done, Fail> {
        if let Some(id) = self.waiting().await? {
            let what = format!("nothing: unsorted entry {id} waits for this number (C03)");
            let bound = Bound { unsorted: Some(id.to_string()), ..Bound::default() };
            return Ok(Done { bound, what });
        }
        let id = sqlx::query(
            "INSERT INTO unsorted (kind, title, name, pipeline, tags, fields, made, number, call) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(word(&kind))
        .bind(title)
        .bind(name)
        .bind(pipeline.unwrap_or(PIPELINE))
        .bind(serde_json::json!(tags).to_string())
        .bind(serde_json::json!(fields).to_string())
        .bind(self.now)
        .bind(self.number())
        .bind(self.call())
        .execute(&mut *self.db)
        .await?
        .last_insert_rowid();
        let what = format!("made unsorted entry {id}");
        Ok(Done { bound: Bound { unsorted: Some(id.to_string()), ..Bound::default() }, what })
    }

    pub(super) async fn accept_unsorted(
        &mut self,
        owner: &EmployeeId,
        stage: Option<&str>,
    ) -> Result<Done, Fail> {
        let Some(id) = self.waiting().await? else {
            return Ok(said("nothing: no unsorted entry waits for this number"));
        };
        let made = self.work.bound.deal.as_ref().map(|deal| deal.to_string());
        let became = accept(self.db, id, owner.as_str(), stage, made, self.now).await?;
        self.matters = true;
        let bound = Bound {
            client: Some(became.client.as_str().into()),
            deal: Some(became.deal.as_str().into()),
            unsorted: Some(id.to_string()),
            ..Bound::default()
        };
        Ok(Done { bound, what: became.what })
    }

    pub(super) async fn decline_unsorted(&mut self) -> Result<Done, Fail> {
        let Some(id) = self.waiting().await? else {
            return Ok(said("nothing: no unsorted entry waits for this number"));
        };
        decline(self.db, id).await?;
        Ok(said(format!("unsorted entry {id} is declined")))
    }

    /// The entry that waits for the number; for a withheld number, the one this call made.
    async fn waiting(&mut self) -> Result<Option<i64>, sqlx::Error> {
        let query = match self.number() {
            Some(number) => {
                sqlx::query_scalar("SELECT id FROM unsorted WHERE number = ? AND state = 'waiting'")
                    .bind(number)
            }
            None => sqlx::query_scalar(
                "SELECT id FROM unsorted WHERE call = ? AND state = 'waiting' LIMIT 1",
            )
            .bind(self.call()),
        };
        query.fetch_optional(&mut *self.db).await
    }
}

/// What an accepted entry became.
pub(super) struct Became {
    pub(super) client: String,
    pub(super) deal: String,
    pub(super) what: String,
}

#[derive(FromRow)]
struct Entry {
    state: String,
    title: String,
    name: String,
    pipeline: String,
    tags: String,
    fields: String,
    number: Option<String>,
    call: Option<String>,
}

/// Makes contact and deal of an entry that waits (C02). A client the number has by now is taken,
/// and so is his open deal, or the one this call `made`.
pub(super) async fn accept(
    db: &mut SqliteConnection,
    id: i64,
    owner: &str,
    stage: Option<&str>,
    made: Option<String>,
    now: i64,
) -> Result<Became, Fail> {
    desk::employee(db, owner).await?;
    let entry = waiting(db, id).await?;
    let tags: Vec<String> = parse(&entry.tags)?;
    let fields: BTreeMap<String, String> = parse(&entry.fields)?;
    let (number, call) = (entry.number.as_deref(), entry.call.as_deref());
    // Only what was read as a number before is ever written.
    let phone = number.and_then(|number| Phone::parse(number, Region::default()).ok());
    let known = match &phone {
        Some(phone) => find::by_number(db, phone).await?,
        None => None,
    };
    let client = match &known {
        Some(client) => client.id.to_string(),
        None => {
            let name = &entry.name;
            let new = NewContact { name, owner, number, tags: &tags, call, now };
            records::make_contact(db, &new).await?
        }
    };
    let open = known.as_ref().and_then(|client| client.open_deal());
    let deal = match made.or_else(|| open.map(|deal| deal.id.to_string())) {
        Some(deal) => deal,
        None => {
            let new = NewDeal {
                client: &client,
                title: &entry.title,
                owner,
                pipeline: &entry.pipeline,
                stage: stage.unwrap_or(STAGE),
                tags: &tags,
                fields: &fields,
                call,
                now,
            };
            records::make_deal(db, &new).await?
        }
    };
    if let Some(call) = call {
        records::tie_call(db, call, &client, &deal).await?;
        records::tie_rest(db, call, &client, &deal).await?;
    }
    sqlx::query("UPDATE unsorted SET state = 'accepted', client = ?, deal = ? WHERE id = ?")
        .bind(&client)
        .bind(&deal)
        .bind(id)
        .execute(db)
        .await?;
    let what = format!("unsorted entry {id} became client {client} and deal {deal}");
    Ok(Became { client, deal, what })
}

/// It is over with the entry: the next call makes a new one (C03).
pub(super) async fn decline(db: &mut SqliteConnection, id: i64) -> Result<(), Fail> {
    waiting(db, id).await?;
    sqlx::query("UPDATE unsorted SET state = 'declined' WHERE id = ?").bind(id).execute(db).await?;
    Ok(())
}

async fn waiting(db: &mut SqliteConnection, id: i64) -> Result<Entry, Fail> {
    let entry: Option<Entry> = sqlx::query_as(
        "SELECT state, title, name, pipeline, tags, fields, number, call FROM unsorted WHERE id = ?",
    )
    .bind(id)
    .fetch_optional(db)
    .await?;
    match entry {
        Some(entry) if entry.state == "waiting" => Ok(entry),
        Some(entry) => Err(Fail::Refused(format!(
            "unsorted entry {id} is {} already: `dozvon crm list unsorted` shows those that wait",
            entry.state
        ))),
        None => Err(Fail::Refused(format!(
            "there is no unsorted entry {id}: `dozvon crm list unsorted` shows them"
        ))),
    }
}

fn parse<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, Fail> {
    serde_json::from_str(json).map_err(|e| Fail::Store(sqlx::Error::Decode(Box::new(e))))
}
