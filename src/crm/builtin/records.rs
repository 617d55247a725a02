//! Contacts, companies and deals made and changed. Everything here runs inside a transaction of
//! the caller.

use std::collections::BTreeMap;

use sqlx::SqliteConnection;

use crate::core::action::Touch;

/// The pipeline of a deal whose rule names none.
pub(super) const PIPELINE: &str = "Продажи";
/// The first stage of every pipeline.
pub(super) const STAGE: &str = "Новая";

type Done = Result<(), sqlx::Error>;

/// Whose tags and fields.
#[derive(Clone, Copy, Debug)]
pub(super) enum Of<'a> {
    Client(&'a str),
    Deal(&'a str),
}

/// A contact to be made.
pub(super) struct NewContact<'a> {
    pub(super) name: &'a str,
    pub(super) owner: &'a str,
    pub(super) number: Option<&'a str>,
    pub(super) tags: &'a [String],
    pub(super) call: Option<&'a str>,
    pub(super) now: i64,
}

/// A deal to be made.
pub(super) struct NewDeal<'a> {
    pub(super) client: &'a str,
    pub(super) title: &'a str,
    pub(super) owner: &'a str,
    pub(super) pipeline: &'a str,
    pub(super) stage: &'a str,
    pub(super) tags: &'a [String],
    pub(super) fields: &'a BTreeMap<String, String>,
    pub(super) call: Option<&'a str>,
    pub(super) now: i64,
}

/// A running engine sees by it that what it remembers of clients is old.
pub(super) async fn raise_revision(db: &mut SqliteConnection) -> Done {
    sqlx::query("UPDATE crm_revision SET number = number + 1").execute(db).await.map(drop)
}

/// An id no client and no deal has, whatever a file brought in.
async fn next_id(db: &mut SqliteConnection) -> Result<String, sqlx::Error> {
    loop {
        let last: i64 = sqlx::query_scalar("UPDATE crm_counter SET last = last + 1 RETURNING last")
            .fetch_one(&mut *db)
            .await?;
        let id = format!("dz{last}");
        let taken: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM client WHERE id = ?1) \
             OR EXISTS (SELECT 1 FROM deal WHERE id = ?1)",
        )
        .bind(&id)
        .fetch_one(&mut *db)
        .await?;
        if !taken {
            return Ok(id);
        }
    }
}

/// Makes a contact. What hung on its number alone is the contact's from now on.
pub(super) async fn make_contact(
    db: &mut SqliteConnection,
    new: &NewContact<'_>,
) -> Result<String, sqlx::Error> {
    let id = next_id(db).await?;
    let name = if new.name.is_empty() { new.number.unwrap_or_default() } else { new.name };
    sqlx::query(
        "INSERT INTO client (id, kind, name, owner, created, call) VALUES (?, 'contact', ?, ?, ?, ?)",
    )
    .bind(&id)
    .bind(name)
    .bind(new.owner)
    .bind(new.now)
    .bind(new.call)
    .execute(&mut *db)
    .await?;
    add_tags(db, Of::Client(&id), new.tags).await?;
    if let Some(number) = new.number {
        sqlx::query("INSERT INTO client_number (client, position, phone) VALUES (?, 0, ?)")
            .bind(&id)
            .bind(number)
            .execute(&mut *db)
            .await?;
        for adopt in [
            "UPDATE crm_call SET client = ? WHERE number = ? AND client IS NULL",
            "UPDATE task SET client = ? WHERE number = ? AND client IS NULL",
            "UPDATE note SET client = ? WHERE number = ? AND client IS NULL",
            "UPDATE notification SET client = ? WHERE number = ? AND client IS NULL",
        ] {
            sqlx::query(adopt).bind(&id).bind(number).execute(&mut *db).await?;
        }
    }
    Ok(id)
}

/// The company of this name, made where there is none. The flag: it was made.
pub(super) async fn company(
    db: &mut SqliteConnection,
    name: &str,
    call: &str,
    now: i64,
) -> Result<(String, bool), sqlx::Error> {
    let found: Option<String> = sqlx::query_scalar(
        "SELECT id FROM client WHERE kind = 'company' AND name = ? AND deleted = 0 \
         ORDER BY created DESC, entered DESC LIMIT 1",
    )
    .bind(name)
    .fetch_optional(&mut *db)
    .await?;
    if let Some(id) = found {
        return Ok((id, false));
    }
    let id = next_id(db).await?;
    sqlx::query(
        "INSERT INTO client (id, kind, name, created, call) VALUES (?, 'company', ?, ?, ?)",
    )
    .bind(&id)
    .bind(name)
    .bind(now)
    .bind(call)
    .execute(db)
    .await?;
    Ok((id, true))
}

/// Makes a deal, and ties the call it was made in to it.
pub(super) async fn make_deal(
    db: &mut SqliteConnection,
    new: &NewDeal<'_>,
) -> Result<String, sqlx::Error> {
    let id = next_id(db).await?;
    sqlx::query(
        "INSERT INTO deal (id, title, client, owner, created, open, pipeline, stage, call) \
         VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?)",
    )
    .bind(&id)
    .bind(new.title)
    .bind(new.client)
    .bind(new.owner)
    .bind(new.now)
    .bind(new.pipeline)
    .bind(new.stage)
    .bind(new.call)
    .execute(&mut *db)
    .await?;
    add_tags(db, Of::Deal(&id), new.tags).await?;
    set_fields(db, Of::Deal(&id), Touch::Last, new.fields).await?;
    if let Some(call) = new.call {
        tie_call(db, call, new.client, &id).await?;
    }
    Ok(id)
}

/// The registered call belongs to this deal, unless it has one already.
pub(super) async fn tie_call(
    db: &mut SqliteConnection,
    call: &str,
    client: &str,
    deal: &str,
) -> Done {
    let tie = "UPDATE crm_call SET deal = ?2, client = coalesce(client, ?1) \
               WHERE call = ?3 AND deal IS NULL";
    sqlx::query(tie).bind(client).bind(deal).bind(call).execute(db).await.map(drop)
}

/// The same for everything else that was left by the call.
pub(super) async fn tie_rest(
    db: &mut SqliteConnection,
    call: &str,
    client: &str,
    deal: &str,
) -> Done {
    for tie in [
        "UPDATE task SET deal = ?2, client = coalesce(client, ?1) WHERE call = ?3 AND deal IS NULL",
        "UPDATE note SET deal = ?2, client = coalesce(client, ?1) WHERE call = ?3 AND deal IS NULL",
        "UPDATE notification SET deal = ?2, client = coalesce(client, ?1) \
         WHERE call = ?3 AND deal IS NULL",
    ] {
        sqlx::query(tie).bind(client).bind(deal).bind(call).execute(&mut *db).await?;
    }
    Ok(())
}

/// Adds tags; how many of them are new.
pub(super) async fn add_tags(
    db: &mut SqliteConnection,
    of: Of<'_>,
    tags: &[String],
) -> Result<u64, sqlx::Error> {
    let (add, id) = match of {
        Of::Client(id) => ("INSERT OR IGNORE INTO client_tag (client, tag) VALUES (?, ?)", id),
        Of::Deal(id) => ("INSERT OR IGNORE INTO deal_tag (deal, tag) VALUES (?, ?)", id),
    };
    let mut new = 0;
    for tag in tags.iter().filter(|tag| !tag.is_empty()) {
        new += sqlx::query(add).bind(id).bind(tag).execute(&mut *db).await?.rows_affected();
    }
    Ok(new)
}

/// Sets fields (E08); how many were written. An empty value counts as none.
pub(super) async fn set_fields(
    db: &mut SqliteConnection,
    of: Of<'_>,
    touch: Touch,
    fields: &BTreeMap<String, String>,
) -> Result<u64, sqlx::Error> {
    let (set, id) = match (of, touch) {
        (Of::Client(id), Touch::First) => (
            "INSERT INTO client_field (client, name, value) VALUES (?, ?, ?) \
             ON CONFLICT DO UPDATE SET value = excluded.value WHERE value = ''",
            id,
        ),
        (Of::Client(id), Touch::Last) => (
            "INSERT INTO client_field (client, name, value) VALUES (?, ?, ?) \
             ON CONFLICT DO UPDATE SET value = excluded.value",
            id,
        ),
        (Of::Deal(id), Touch::First) => (
            "INSERT INTO deal_field (deal, name, value) VALUES (?, ?, ?) \
             ON CONFLICT DO UPDATE SET value = excluded.value WHERE value = ''",
            id,
        ),
        (Of::Deal(id), Touch::Last) => (
            "INSERT INTO deal_field (deal, name, value) VALUES (?, ?, ?) \
             ON CONFLICT DO UPDATE SET value = excluded.value",
            id,
        ),
    };
    let mut written = 0;
    for (name, value) in fields {
        let done = sqlx::query(set).bind(id).bind(name).bind(value).execute(&mut *db).await?;
        written += done.rows_affected();
    }
    Ok(written)
}
