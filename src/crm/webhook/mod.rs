//! Any other CRM, by signed HTTP requests.
//!
//! Each is a POST of JSON to one address, signed as a rule set's webhooks are ([`sign`]):
//! `Dozvon-Timestamp` has seconds since 1970, `Dozvon-Signature` is `v1=` and HMAC-SHA256 over
//! `timestamp.body` in hex. It is answered with 200 and JSON.
//!
//! | request | answer |
//! |---|---|
//! | `{"do": "find", "number": "+7916…"}` | `{"client": null}`, or a client: `{"client": {"id": "7", "name": "Anna", "company": null, "owner": "27", "deals": [{"id": "1", "title": "", "owner": "27", "created": "2026-11-20T09:00:00Z", "open": true}]}}` |
//! | `{"do": "employees"}` | `{"employees": [{"id": "27", "name": "Boris", "numbers": ["101", "+7903…"], "groups": ["sales"], "gone": false, "online": true}]}` |
//! | `{"do": "act", "key": "…", "action": {…}, "case": {…}, "bound": {…}}` | `{"what": "made deal 5", "bound": {"client": "7", "deal": "5"}}` |
//! | `{"do": "won", "since": "2026-11-20T00:00:00Z", "field": "communication_id"}` | every deal won since then: `{"deals": [{"id": "5", "closed": "2026-11-20T15:00:00Z", "price": 1200.5, "communication": null, "contact": {"id": "7", "numbers": ["+7916…"], "communication": null}}]}` |
//!
//! `action` and `case` are those of `rules/LANGUAGE.md` and of the journal; `bound` has the ids
//! that earlier answers of the call gave. An answer that made a client or deal, rather than found one,
//! says so for the sales (E01): `"bound": {"client": "7", "deal": "5", "made": {"deal": "5"}}`; so do
//! cards that keep `communication`, the field named in the request. `won` comes only where `[sales]`
//! is switched on; all deals are in one answer, and a contact may be `null`. After a lost answer a request comes again with the same
//! `key`: it must be done once, and get the first answer again. 408, 425, 429 and 5xx are tried
//! again; 401 and 402 wait for a good secret, 403 for a right; another 4xx refuses the action, and
//! its text is shown to the operator.

mod config;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::abilities::Ability;
use super::remote::{Class, Fault, Key, Limit, Remote};
use super::{ApplyError, Crm, CrmError, Done, WonSince, Work, number_of};
use crate::core::action::{Action, Bound};
use crate::core::case::Case;
use crate::core::client::Client;
use crate::core::phone::Phone;
use crate::core::sale::Won;
use crate::core::staff::{Employee, Status};
use crate::outbox::sign;

pub use config::HookConfig;

/// Its kind in the configuration, logs and metrics.
pub const NAME: &str = "webhook";

/// It does what it is asked, or says itself that it does not.
pub const ABILITIES: &[Ability] = &[];

/// Another CRM behind one address.
#[derive(Debug)]
pub struct Hook {
    remote: Remote,
    url: Url,
    secret: Key,
}

#[derive(Serialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Ask<'a> {
    Find { number: &'a str },
    Employees,
    Won { since: Timestamp, field: &'a str },
    Act { key: &'a str, action: &'a Action, case: &'a Case, bound: &'a Bound },
}

#[derive(Deserialize)]
struct Found {
    /// `null` says that nobody has the number. An answer without it says nothing.
    #[serde(deserialize_with = "Option::deserialize")]
    client: Option<Client>,
}

#[derive(Deserialize)]
struct People {
    employees: Vec<Person>,
}

#[derive(Deserialize)]
struct Sold {
    deals: Vec<Won>,
}

#[derive(Deserialize)]
struct Person {
    id: String,
    name: String,
    #[serde(default)]
    numbers: Vec<String>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    gone: bool,
    online: Option<bool>,
}

#[derive(Deserialize)]
struct Acted {
    what: String,
    #[serde(default)]
    bound: Bound,
}

impl Hook {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// [`Fault`]: no secret, or no TLS on this machine.
    pub fn new(config: &HookConfig) -> Result<Self, Fault> {
        let url = config.address().map_err(|why| Fault::Unreachable(why.to_owned()))?;
        let secret = Key::new(config.secret.as_ref(), config.secret_file.as_deref())?;
        let limit =
            Limit { requests: config.per_second.get().into(), window: Duration::from_secs(1) };
        // A caller does not wait until the second of a burst of deliveries is over.
        let remote =
            Remote::new(NAME, limit, config.timeout)?.keeps_for_lookups(limit.requests / 3);
        Ok(Self { remote, url, secret })
    }

    async fn who(&self, class: Class, phone: &Phone) -> Result<Option<Client>, CrmError> {
        let ask = Ask::Find { number: phone.e164() };
        Ok(self.ask::<Found>(class, &ask).await?.client)
    }

    async fn ask<T: DeserializeOwned>(&self, class: Class, ask: &Ask<'_>) -> Result<T, Fault> {
        let body = serde_json::to_string(ask).map_err(|e| Fault::Strange(e.to_string()))?;
        let timestamp = Timestamp::now().as_second().to_string();
        let signature = sign(self.secret.load().reveal(), &timestamp, &body);
        let request = self
            .remote
            .client()
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("Dozvon-Timestamp", timestamp)
            .header("Dozvon-Signature", format!("v1={signature}"))
            .body(body);
        let answer = self.remote.send(class, request).await;
        if let Err(Fault::Access(_)) = answer {
            self.secret.refused(NAME);
        }
        answer?.json()
    }
}

#[async_trait]
impl Crm for Hook {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn find(&self, phone: &Phone) -> Result<Option<Client>, CrmError> {
        self.who(Class::Lookup, phone).await
    }

    async fn facts(&self, phone: &Phone) -> Result<Option<Client>, CrmError> {
        self.who(Class::Delivery, phone).await
    }

    async fn won(&self, ask: &WonSince<'_>) -> Result<Vec<Won>, CrmError> {
        let since = ask.since;
        let asked = Ask::Won { since, field: ask.field };
        Ok(self.ask::<Sold>(Class::Delivery, &asked).await?.deals)
    }

    async fn employees(&self) -> Result<Vec<Employee>, CrmError> {
        let people: People = self.ask(Class::Lookup, &Ask::Employees).await?;
        Ok(people.employees.into_iter().map(Employee::from).collect())
    }

    async fn apply(&self, work: &Work<'_>) -> Result<Done, ApplyError> {
        let Work { key, action, case, bound } = *work;
        let ask = Ask::Act { key, action, case, bound };
        let Acted { what, bound } = self.ask(Class::Delivery, &ask).await?;
        Ok(Done { bound, what })
    }

    // After a lost answer it is asked again with the same key, and does it once: that is agreed.
}

impl From<Person> for Employee {
    fn from(person: Person) -> Self {
        Self {
            id: person.id.as_str().into(),
            name: person.name,
            numbers: person.numbers.iter().filter_map(|text| number_of(text)).collect(),
            groups: person.groups,
            deputy: None,
            status: if person.gone { Status::Gone } else { Status::Active },
            online: person.online,
        }
    }
}
