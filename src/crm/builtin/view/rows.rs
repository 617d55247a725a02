//! The kinds of records.

use serde::Serialize;
use sqlx::FromRow;

use super::{At, Json, Listed};

/// An id as a shell takes it: one that came from a file may hold anything.
macro_rules! quoted {
    ($id:literal) => {
        concat!(
            "CASE WHEN ",
            $id,
            " GLOB '*[^A-Za-z0-9_.:-]*' THEN '''' || replace(",
            $id,
            ", '''', '''\\''''') || '''' ELSE ",
            $id,
            " END"
        )
    };
}

/// A contact or company.
#[derive(Clone, Debug, FromRow, Serialize)]
pub struct ContactRow {
    /// Its id.
    pub id: String,
    /// `contact` or `company`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The company it belongs to.
    pub company: Option<String>,
    /// Who is responsible.
    pub owner: Option<String>,
    /// Its numbers.
    pub numbers: Json,
    /// Its tags.
    pub tags: Json,
    /// Its fields.
    pub fields: Json,
    /// Something goes on with it.
    pub active: bool,
    /// It is never found again.
    pub deleted: bool,
    /// Since when.
    pub created: At,
}

/// A deal.
#[derive(Clone, Debug, FromRow, Serialize)]
pub struct DealRow {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The client's id.
    pub client: String,
    /// The client's name.
    pub name: String,
    /// Who is responsible.
    pub owner: Option<String>,
    /// The pipeline.
    pub pipeline: String,
    /// The stage.
    pub stage: String,
    /// `open`, `won`, `lost`, or `closed` where the file it came from did not tell.
    pub state: String,
    /// Its tags.
    pub tags: Json,
    /// Its fields.
    pub fields: Json,
    /// The call it was made in.
    pub call: Option<String>,
    /// Since when.
    pub created: At,
}

/// An entry in the inbox of unqualified leads.
#[derive(Clone, Debug, FromRow, Serialize)]
pub struct UnsortedRow {
    /// Its id.
    pub id: i64,
    /// `call` or `form`.
    pub kind: String,
    /// `waiting`, `accepted` or `declined`.
    pub state: String,
    /// The title of the deal it may become.
    pub title: String,
    /// The name of the contact it may become.
    pub name: String,
    /// The pipeline.
    pub pipeline: String,
    /// The number.
    pub number: Option<String>,
    /// Tags for contact and deal.
    pub tags: Json,
    /// Fields for the deal.
    pub fields: Json,
    /// What it became.
    pub client: Option<String>,
    /// What it became.
    pub deal: Option<String>,
    /// The call it was made in.
    pub call: Option<String>,
    /// When.
    pub made: At,
}

/// A registered call.
#[derive(Clone, Debug, FromRow, Serialize)]
pub struct CallRow {
    /// Its id.
    pub id: i64,
    /// The call's own id, as in journal and logs.
    pub call: String,
    /// Which way it went.
    pub direction: String,
    /// How it came out.
    pub result: String,
    /// Whose it is.
    pub who: Option<String>,
    /// The client's number.
    pub number: Option<String>,
    /// The client.
    pub client: Option<String>,
    /// The deal.
    pub deal: Option<String>,
    /// The line.
    pub line: Option<String>,
    /// The line's number.
    pub line_number: Option<String>,
    /// Arrival.
    pub started: At,
    /// When somebody first talked.
    pub answered: Option<At>,
    /// The end.
    pub ended: Option<At>,
    /// Seconds talked.
    pub talked: i64,
    /// Where it can be listened to.
    pub recording: Option<String>,
    /// Length of the recording in seconds.
    pub recording_seconds: Option<i64>,
    /// A remark.
    pub text: String,
}

/// A task.
#[derive(Clone, Debug, FromRow, Serialize)]
pub struct TaskRow {
    /// Its id.
    pub id: i64,
    /// What it is for.
    pub kind: String,
    /// What to do.
    pub text: String,
    /// Who is responsible.
    pub owner: String,
    /// Due.
    pub due: At,
    /// Done.
    pub done: bool,
    /// The client's number.
    pub number: Option<String>,
    /// The client.
    pub client: Option<String>,
    /// The deal.
    pub deal: Option<String>,
    /// The call it was made in.
    pub call: Option<String>,
    /// When.
    pub made: At,
}

/// A notification.
#[derive(Clone, Debug, FromRow, Serialize)]
pub struct NotificationRow {
    /// Its id.
    pub id: i64,
    /// Who is notified.
    pub recipient: String,
    /// Of what.
    pub text: String,
    /// He read it.
    pub read: bool,
    /// The command that shows what it is about: the deal, else the client, else the number's calls.
    pub link: Option<String>,
    /// The client's number.
    pub number: Option<String>,
    /// The client.
    pub client: Option<String>,
    /// The deal.
    pub deal: Option<String>,
    /// The call it was made in.
    pub call: Option<String>,
    /// When.
    pub made: At,
}

/// A note, a message that was left, or a change of owner.
#[derive(Clone, Debug, FromRow, Serialize)]
pub struct NoteRow {
    /// Its id.
    pub id: i64,
    /// `note`, `voicemail`, `owner`, `active` or `company`.
    pub kind: String,
    /// Its text.
    pub text: String,
    /// Where a message can be listened to.
    pub url: Option<String>,
    /// Length of the message in seconds.
    pub seconds: Option<i64>,
    /// The client's number.
    pub number: Option<String>,
    /// The client.
    pub client: Option<String>,
    /// The deal.
    pub deal: Option<String>,
    /// The call it was made in.
    pub call: Option<String>,
    /// When.
    pub made: At,
}

impl Listed for ContactRow {
    const SELECT: &'static str = "SELECT c.id, c.kind, c.name, k.name AS company, c.owner, \
        (SELECT json_group_array(phone ORDER BY position) FROM client_number WHERE client = c.id) \
        AS numbers, \
        (SELECT json_group_array(tag) FROM client_tag WHERE client = c.id) AS tags, \
        (SELECT json_group_object(name, value) FROM client_field WHERE client = c.id) AS fields, \
        c.active, c.deleted, c.created FROM client c LEFT JOIN client k ON k.id = c.company";
    const SHOWN: &'static str = "c.deleted = 0";
    const OF_NUMBER: &'static str = "c.id IN (SELECT client FROM client_number WHERE phone = ?1)";
    const ONE: &'static str = "c.id = ?1";
    const ORDER: &'static str = "c.entered DESC";
    const HANGS: &'static str = "client = ?1";
    const NAME: &'static str = "contact";
    const HEADS: &'static [&'static str] = &["ID", "NAME", "COMPANY", "OWNER", "NUMBERS", "TAGS"];

    fn cells(&self) -> Vec<String> {
        let state = if self.active { "" } else { " (not active)" };
        let name = format!("{}{state}", self.name);
        let (company, owner) = (text(&self.company), text(&self.owner));
        vec![self.id.clone(), name, company, owner, words(&self.numbers), words(&self.tags)]
    }
}

impl Listed for DealRow {
    const SELECT: &'static str = "SELECT d.id, d.title, d.client, c.name, d.owner, d.pipeline, \
        d.stage, CASE WHEN d.open THEN 'open' ELSE coalesce(d.result, 'closed') END AS state, \
        (SELECT json_group_array(tag) FROM deal_tag WHERE deal = d.id) AS tags, \
        (SELECT json_group_object(name, value) FROM deal_field WHERE deal = d.id) AS fields, \
        d.call, d.created FROM deal d JOIN client c ON c.id = d.client";
    const SHOWN: &'static str = "c.deleted = 0";
    const OF_NUMBER: &'static str =
        "d.client IN (SELECT client FROM client_number WHERE phone = ?1)";
    const ONE: &'static str = "d.id = ?1";
    const ORDER: &'static str = "d.open DESC, d.created DESC";
    const HANGS: &'static str = "deal = ?1";
    const NAME: &'static str = "deal";
    const HEADS: &'static [&'static str] =
        &["ID", "TITLE", "CLIENT", "OWNER", "STAGE", "STATE", "TAGS"];

    fn cells(&self) -> Vec<String> {
        let client = format!("{} {}", self.client, self.name);
        let stage = format!("{}/{}", self.pipeline, self.stage);
        let (id, title, owner) = (self.id.clone(), self.title.clone(), text(&self.owner));
        vec![id, title, client, owner, stage, self.state.clone(), words(&self.tags)]
    }
}

impl Listed for UnsortedRow {
    const SELECT: &'static str = "SELECT * FROM unsorted";
    const OF_NUMBER: &'static str = "number = ?1";
    const ONE: &'static str = "id = ?1";
    const ORDER: &'static str = "state = 'waiting' DESC, id DESC";
    const NAME: &'static str = "unsorted entry";
    const HEADS: &'static [&'static str] =
        &["ID", "MADE", "KIND", "STATE", "NUMBER", "NAME", "TITLE", "BECAME"];

    fn cells(&self) -> Vec<String> {
        let became = on(&None, &self.client, &self.deal);
        let (kind, state) = (self.kind.clone(), self.state.clone());
        let (number, name, title) = (text(&self.number), self.name.clone(), self.title.clone());
        vec![self.id.to_string(), time(self.made), kind, state, number, name, title, became]
    }
}

impl Listed for CallRow {
    const SELECT: &'static str = "SELECT * FROM crm_call";
    const OF_NUMBER: &'static str = "number = ?1";
    const ONE: &'static str = "(call = ?1 OR (id = CAST(?1 AS INTEGER) AND CAST(id AS TEXT) = ?1))";
    const ORDER: &'static str = "id DESC";
    const HANGS: &'static str = "call = (SELECT k.call FROM crm_call k WHERE k.call = ?1 OR \
        (k.id = CAST(?1 AS INTEGER) AND CAST(k.id AS TEXT) = ?1))";
    const NAME: &'static str = "call";
    const HEADS: &'static [&'static str] =
        &["ID", "STARTED", "DIRECTION", "RESULT", "WHO", "NUMBER", "ON", "TALKED", "RECORDING"];

    fn cells(&self) -> Vec<String> {
        let on = on(&None, &self.client, &self.deal);
        let talked = format!("{} s", self.talked);
        let (way, result) = (self.direction.clone(), self.result.clone());
        let (who, number, recording) = (text(&self.who), text(&self.number), text(&self.recording));
        let (id, started) = (self.id.to_string(), time(self.started));
        vec![id, started, way, result, who, number, on, talked, recording]
    }
}

impl Listed for TaskRow {
    const SELECT: &'static str = "SELECT * FROM task";
    const OF_NUMBER: &'static str = "number = ?1";
    const ONE: &'static str = "id = ?1";
    const ORDER: &'static str = "done, due, id";
    const NAME: &'static str = "task";
    const HEADS: &'static [&'static str] = &["ID", "DUE", "STATE", "OWNER", "ON", "KIND", "TEXT"];

    fn cells(&self) -> Vec<String> {
        let on = on(&self.number, &self.client, &self.deal);
        let state = if self.done { "done" } else { "open" }.to_owned();
        let (owner, kind, text) = (self.owner.clone(), self.kind.clone(), self.text.clone());
        vec![self.id.to_string(), time(self.due), state, owner, on, kind, text]
    }
}

impl Listed for NotificationRow {
    const SELECT: &'static str = concat!(
        "SELECT id, recipient, text, read, number, client, deal, call, made, \
         CASE WHEN NOT linked THEN NULL \
         WHEN deal IS NOT NULL THEN 'dozvon crm show deal ' || ",
        quoted!("deal"),
        " WHEN client IS NOT NULL THEN 'dozvon crm show contact ' || ",
        quoted!("client"),
        " WHEN number IS NOT NULL THEN 'dozvon crm list calls --number ' || number END AS link \
         FROM notification"
    );
    const OF_NUMBER: &'static str = "number = ?1";
    const ONE: &'static str = "id = ?1";
    const ORDER: &'static str = "read, id DESC";
    const NAME: &'static str = "notification";
    const HEADS: &'static [&'static str] = &["ID", "MADE", "STATE", "TO", "TEXT", "LINK"];

    fn cells(&self) -> Vec<String> {
        let state = if self.read { "read" } else { "new" }.to_owned();
        let (to, body) = (self.recipient.clone(), self.text.clone());
        vec![self.id.to_string(), time(self.made), state, to, body, text(&self.link)]
    }
}

impl Listed for NoteRow {
    const SELECT: &'static str = "SELECT * FROM note";
    const OF_NUMBER: &'static str = "number = ?1";
    const ONE: &'static str = "id = ?1";
    const ORDER: &'static str = "id DESC";
    const NAME: &'static str = "note";
    const HEADS: &'static [&'static str] = &["ID", "MADE", "KIND", "ON", "TEXT", "LINK"];

    fn cells(&self) -> Vec<String> {
        let on = on(&self.number, &self.client, &self.deal);
        let (kind, body) = (self.kind.clone(), self.text.clone());
        vec![self.id.to_string(), time(self.made), kind, on, body, text(&self.url)]
    }
}

fn text(of: &Option<String>) -> String {
    of.clone().unwrap_or_default()
}

/// By the clock on this machine's wall.
fn time(at: At) -> String {
    let zone = jiff::tz::TimeZone::system();
    zone.to_datetime(at.timestamp()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// What something hangs on.
fn on(number: &Option<String>, client: &Option<String>, deal: &Option<String>) -> String {
    match (deal, client) {
        (Some(deal), _) => format!("deal {deal}"),
        (None, Some(client)) => format!("contact {client}"),
        (None, None) => text(number),
    }
}

fn words(of: &Json) -> String {
    let value = of.value();
    let words = value.as_array().into_iter().flatten().filter_map(|word| word.as_str());
    words.collect::<Vec<_>>().join(", ")
}
