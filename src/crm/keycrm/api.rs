//! The way to a KeyCRM: its limit, its form of requests, and what its refusals mean.
//!
//! * At most `per_minute` requests in any minute. A fifth of them is kept for look-ups, so that a
//!   caller never waits until deliveries of the last minute are forgotten.
//! * 429 says it was too much: nothing goes out for as long as `Retry-After` says.
//! * Nothing is repeated here: the outbox and the directory know when.
//! * Calls are told to another address, which counts on its own.

use std::num::NonZeroU16;
use std::time::Duration;

use reqwest::{Method, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::NAME;
use super::config::{KeyConfig, address};
use super::wire::{Page, Refusal};
use crate::crm::config::secret;
use crate::crm::remote::{Answer, Class, Fault, Key, Limit, Remote, mark, quiet};

const MINUTE: Duration = Duration::from_secs(60);
/// Calls are told that quickly; nothing is documented.
pub(in crate::crm) const TELEPHONY: Limit = Limit { requests: 10, window: Duration::from_secs(1) };

/// What goes to the API at most, and how much of it no delivery takes.
pub(in crate::crm) fn limit(per_minute: NonZeroU16) -> (Limit, usize) {
    let requests = usize::from(per_minute.get());
    (Limit { requests, window: MINUTE }, requests.div_ceil(5))
}

/// The largest page.
pub(super) const PAGE: &str = "50";

/// The way to one account.
#[derive(Debug)]
pub(super) struct Api {
    way: Remote,
    calls: Remote,
    base: Url,
    key: Key,
    telephony: Option<Url>,
}

impl Api {
    pub(super) fn new(config: &KeyConfig) -> Result<Self, Fault> {
        let wrong = |why: &str| Fault::Unreachable(why.to_owned());
        let base = config.base().map_err(wrong)?;
        let key = Key::new(config.key.as_ref(), config.key_file.as_deref())?;
        let telephony = match (&config.telephony_url, &config.telephony_url_file) {
            (None, None) => None,
            (url, file) => {
                let text = secret(url.as_ref(), file.as_deref()).map_err(Fault::Access)?;
                Some(address(text.reveal()).map_err(wrong)?)
            }
        };
        let (limit, kept) = limit(config.per_minute);
        let way = Remote::new(NAME, limit, config.timeout)?.keeps_for_lookups(kept);
        let calls = Remote::new(NAME, TELEPHONY, config.timeout)?;
        Ok(Self { way, calls, base, key, telephony })
    }

    /// Tells accounts apart: all have one address, so by a hash of the key.
    pub(super) fn account(&self) -> String {
        mark(&format!("{} {}", self.base, self.key.load().reveal()))
    }

    /// `path` follows `/v1/`.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        class: Class,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, Fault> {
        self.send(class, Method::GET, path, query, None).await?.json()
    }

    /// Pages of a list, at most `pages`.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        class: Class,
        path: &str,
        query: &[(&str, &str)],
        pages: u32,
    ) -> Result<Vec<T>, Fault> {
        let mut all = Vec::new();
        for page in 1..=pages {
            let page = page.to_string();
            let mut query = query.to_vec();
            query.extend([("limit", PAGE), ("page", page.as_str())]);
            let answer: Page<T> = self.get(class, path, &query).await?;
            let last = answer.is_last();
            all.extend(answer.data);
            if last {
                break;
            }
        }
        Ok(all)
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<T, Fault> {
        self.send(Class::Delivery, Method::POST, path, &[], Some(body)).await?.json()
    }

    /// Nothing is needed of the answer.
    pub(super) async fn change(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(), Fault> {
        self.send(Class::Delivery, method, path, &[], body).await.map(drop)
    }

    async fn send(
        &self,
        class: Class,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, Fault> {
        let url = self.base.join(path).map_err(|e| Fault::Unreachable(e.to_string()))?;
        let mut request = self.way.client().request(method, url).query(query);
        request = request.header("Accept", "application/json");
        request = request.bearer_auth(self.key.load().reveal());
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = self.way.send(class, request).await.map_err(told);
        if let Err(Fault::Access(_)) = &answer {
            self.key.refused(NAME);
        }
        answer
    }

    /// Whether calls are told at all.
    pub(super) fn tells_calls(&self) -> bool {
        self.telephony.is_some()
    }

    /// Tells of a call. Any 2xx will do.
    pub(super) async fn tell_call(&self, call: &Value) -> Result<(), Fault> {
        let Some(url) = &self.telephony else { return Ok(()) };
        let request = self.calls.client().post(url.clone()).json(call);
        self.calls.send_unread(Class::Delivery, request).await.map_err(|fault| match fault {
            // The address has a secret of its own: that the key is refused it does not say.
            Fault::Access(why) => Fault::Forbidden(format!("the address of calls: {why}")),
            other => other,
        })
    }
}

/// Puts the CRM's own words in place of its JSON.
fn told(fault: Fault) -> Fault {
    let Fault::Refused { status, why, body } = fault else { return fault };
    let why = match serde_json::from_slice::<Refusal>(&body) {
        Ok(refusal) => format!("{status}: {}", quiet(&refusal.words())),
        Err(_) => why,
    };
    Fault::Refused { status, why, body }
}
