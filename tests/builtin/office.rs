//! The sample company, with cases and actions to be carried out in it.

use dozvon::core::action::{Action, Bound};
use dozvon::core::case::{Case, Event, Known};
use dozvon::core::facts::Direction;
use dozvon::core::phone::{Phone, Region};
use dozvon::crm::builtin::load_sample;
use dozvon::crm::{ApplyError, Crm, Done, Work};
use serde_json::{Value, json};

use crate::World;

/// Nobody's number in the sample.
pub const NEW: &str = "+79165550001";
/// Ольга Белова, contact `c1`, owner 101, open deal `d1`.
pub const OLGA: &str = "+79161110001";
/// Contact `c4`, owner 106, closed deals only.
pub const CLOSED: &str = "+79161110004";

/// An action as it stands in a journal.
pub fn action(json: Value) -> Action {
    serde_json::from_value(json).unwrap()
}

pub fn contact() -> Action {
    action(json!({ "do": "contact", "name": "Пётр", "owner": "102" }))
}

pub fn deal() -> Action {
    action(json!({ "do": "deal", "title": "Звонок", "owner": "102" }))
}

pub fn unsorted() -> Action {
    action(json!({
        "do": "unsorted", "kind": "call", "title": "Звонок", "name": "Пётр",
        "tags": ["утро"], "fields": { "utm_source": "ya" },
    }))
}

pub fn task(dedupe: &str, due: &str) -> Action {
    action(json!({
        "do": "task", "kind": "callback", "on": "deal", "text": "Перезвонить", "owner": "102",
        "due": due, "dedupe": dedupe,
    }))
}

/// An inbound call of nobody at noon, answered by 102.
pub fn case(call: &str, number: &str) -> Case {
    let at = "2026-11-20T12:00:00Z".parse().unwrap();
    Case {
        call: call.into(),
        seq: 1,
        event: Event::Answered,
        at,
        direction: Direction::Inbound,
        line: Some("moscow".into()),
        line_number: Some("+74951234567".into()),
        number: Phone::parse(number, Region::default()).ok(),
        client: Known::Nobody,
        first: None,
        last: None,
        caller: None,
        rung: vec!["102".into()],
        started: "2026-11-20T11:59:50Z".parse().unwrap(),
        answered: Some(at),
        ended: None,
        talked: 0,
        outcome: None,
        recording: None,
        voicemail: None,
        fields: Default::default(),
        name: None,
        comment: None,
    }
}

/// A call in the sample company: its case, and what its actions left behind.
pub struct Call<'w> {
    pub w: &'w World,
    pub case: Case,
    pub bound: Bound,
    /// Actions so far: a part of the key.
    count: u32,
}

impl World {
    pub async fn sample() -> Self {
        let w = Self::new().await;
        load_sample(&w.store).await.unwrap();
        w
    }

    /// A call of a number as it is known now.
    pub async fn call(&self, call: &str, number: &str) -> Call<'_> {
        let mut case = case(call, number);
        if case.number.is_some()
            && let Some(client) = self.find(number).await
        {
            case.client = Known::Client(client.into());
        }
        Call { w: self, case, bound: Bound::default(), count: 0 }
    }

    pub async fn sql<T>(&self, query: &'static str) -> T
    where
        T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
    {
        sqlx::query_scalar(query).fetch_one(self.store.pool()).await.unwrap()
    }
}

impl Call<'_> {
    pub async fn with_key(&mut self, key: &str, action: &Action) -> Result<Done, ApplyError> {
        let work = Work { key, action, case: &self.case, bound: &self.bound };
        let done = self.w.crm.apply(&work).await?;
        let left = done.bound.clone();
        let bound = &mut self.bound;
        bound.client = left.client.or(bound.client.take());
        bound.deal = left.deal.or(bound.deal.take());
        bound.unsorted = left.unsorted.or(bound.unsorted.take());
        bound.call = left.call.or(bound.call.take());
        Ok(done)
    }

    /// Carries an action out twice under one key: the answer is the same. Says what was done.
    pub async fn does(&mut self, action: Action) -> String {
        self.count += 1;
        let key = format!("{}/1/{}", self.case.call, self.count);
        let first = self.with_key(&key, &action).await.unwrap();
        assert_eq!(self.with_key(&key, &action).await, Ok(first.clone()));
        let work = Work { key: &key, action: &action, case: &self.case, bound: &self.bound };
        assert_eq!(self.w.crm.read_back(&work).await, Ok(Some(first.clone())));
        first.what
    }

    pub async fn json(&mut self, value: Value) -> String {
        self.does(action(value)).await
    }

    /// Why an action is refused for good.
    pub async fn refused(&mut self, value: Value) -> String {
        self.count += 1;
        let key = format!("{}/1/{}", self.case.call, self.count);
        match self.with_key(&key, &action(value)).await {
            Err(ApplyError::Refused { why }) => why,
            other => panic!("not refused: {other:?}"),
        }
    }
}
