//! The way to a retailCRM: its limits, its form of requests, and what its refusals mean.
//!
//! * At most so many requests in any second as [`limits`] says. A third of them is kept for
//!   look-ups: the whole answer takes three.
//! * 503 (and 429) say it was too much: nothing goes out for a second, or as long as it says.
//! * Nothing is repeated here: the outbox and the directory know when.
//! * `success: false` is a refusal, with whatever status. A 4xx without it is not the CRM's word: an
//!   address without an account, a proxy, a page of maintenance.

use bytes::Bytes;
use reqwest::header::HeaderValue;
use reqwest::{RequestBuilder, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::config::RetailConfig;
use super::wire::Verdict;
use super::{NAME, limits};
use crate::crm::remote::{Answer, Class, Fault, Key, Limit, Remote, quiet};

/// The way to one account.
#[derive(Debug)]
pub(super) struct Api {
    ordinary: Remote,
    telephony: Remote,
    base: Url,
    key: Key,
}

impl Api {
    pub(super) fn new(config: &RetailConfig) -> Result<Self, Fault> {
        let base = config.base().map_err(|why| Fault::Unreachable(why.to_owned()))?;
        let key = Key::new(config.key.as_ref(), config.key_file.as_deref())?;
        let way = |limit: Limit| {
            let way = Remote::new(NAME, limit, config.timeout)?;
            // Of one nothing can be kept.
            let kept = limit.requests.div_ceil(3).min(limit.requests - 1);
            let way = way.keeps_for_lookups(kept);
            Ok(way.rests_at(StatusCode::SERVICE_UNAVAILABLE))
        };
        let [ordinary, telephony] = limits(config);
        Ok(Self { ordinary: way(ordinary)?, telephony: way(telephony)?, base, key })
    }

    /// The account's address, for links people open.
    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// `path` follows `/api/v5/`.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        class: Class,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, Fault> {
        let path = format!("api/v5/{path}");
        let request = |way: &Remote, url| way.client().get(url).query(query);
        self.send(class, &path, request).await?.json()
    }

    /// The few paths without a version.
    pub(super) async fn get_unversioned<T: DeserializeOwned>(
        &self,
        class: Class,
        path: &str,
    ) -> Result<T, Fault> {
        let request = |way: &Remote, url| way.client().get(url);
        self.send(class, &format!("api/{path}"), request).await?.json()
    }

    /// A field that is an object holds JSON text.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        class: Class,
        path: &str,
        form: &[(&str, &str)],
    ) -> Result<T, Fault> {
        let path = format!("api/v5/{path}");
        let request = |way: &Remote, url| way.client().post(url).form(form);
        self.send(class, &path, request).await?.json()
    }

    async fn send(
        &self,
        class: Class,
        path: &str,
        request: impl FnOnce(&Remote, Url) -> RequestBuilder,
    ) -> Result<Answer, Fault> {
        let way = match path.starts_with("api/v5/telephony/") {
            true => &self.telephony,
            false => &self.ordinary,
        };
        let url = self.base.join(path).map_err(|e| Fault::Unreachable(e.to_string()))?;
        let request = request(way, url).header("X-API-KEY", secret(self.key.load().reveal())?);
        let answer = way.send(class, request).await.map_err(told).and_then(|answer| {
            let verdict: Verdict = answer.json()?;
            match verdict.success {
                Some(false) => Err(refusal(answer.status.as_u16(), &verdict, answer.body)),
                _ => Ok(answer),
            }
        });
        if let Err(Fault::Access(_)) = &answer {
            self.key.refused(NAME);
        }
        answer
    }
}

/// The key, as what nobody may log.
fn secret(key: &str) -> Result<HeaderValue, Fault> {
    let no_header = |_| Fault::Access("the key has characters that no key has".to_owned());
    let mut value = HeaderValue::from_str(key).map_err(no_header)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Puts the CRM's own words in place of its JSON.
fn told(fault: Fault) -> Fault {
    match fault {
        Fault::Forbidden(why) if why.contains("apiKey") => Fault::Access(why),
        Fault::Refused { status, why, body } => match serde_json::from_slice::<Verdict>(&body) {
            Ok(verdict) if verdict.success == Some(false) => refusal(status, &verdict, body),
            _ => {
                let why = format!("{why}, and not as retailCRM does: is the address right?");
                Fault::Later { after: None, why }
            }
        },
        other => other,
    }
}

fn refusal(status: u16, verdict: &Verdict, body: Bytes) -> Fault {
    let why = words(verdict).unwrap_or_else(|| "success: false, and no word why".to_owned());
    let why = if status < 400 { why } else { format!("{status}: {why}") };
    let said = verdict.error_msg.as_deref().unwrap_or_default();
    if said.contains("apiKey") || said.contains("Account does not exist") {
        Fault::Access(why)
    } else if said.contains("Access denied") {
        Fault::Forbidden(why)
    } else {
        Fault::Refused { status, why, body }
    }
}

/// `Errors in the entity format: performerId: This value should not be blank.`
fn words(verdict: &Verdict) -> Option<String> {
    let mut told = verdict.error_msg.clone()?;
    let mut tell = |field: Option<&str>, text: &Value| {
        let text = text.as_str().map_or_else(|| text.to_string(), str::to_owned);
        told.push_str(": ");
        if let Some(field) = field {
            told.push_str(field);
            told.push_str(": ");
        }
        told.push_str(&text);
    };
    match &verdict.errors {
        Value::Object(fields) => fields.iter().for_each(|(f, text)| tell(Some(f), text)),
        Value::Array(list) => list.iter().for_each(|text| tell(None, text)),
        _ => {}
    }
    Some(quiet(&told))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_in_no_dump_of_a_request() {
        let told = format!("{:?}", secret("Kz7secretSecretSecret42").unwrap());
        assert_eq!(told, "Sensitive");
        assert!(matches!(secret("a\nkey"), Err(Fault::Access(_))));
    }
}
