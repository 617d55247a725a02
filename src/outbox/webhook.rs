//! Webhooks: a signed POST to another system.
//!
//! The body is the rule's text, else the case as JSON. Headers:
//!
//! | header | value |
//! |---|---|
//! | `Content-Type` | `application/json` |
//! | `Dozvon-Delivery` | the action's key: the same for every try, so that the receiver can tell a second one |
//! | `Dozvon-Timestamp` | seconds since 1970, when it was signed |
//! | `Dozvon-Signature` | `v1=` and HMAC-SHA256 over `timestamp.body` with `[webhook] secret`, in hex |
//!
//! The receiver should refuse what is older than five minutes. 2xx is success. 408, 425, 429, 5xx
//! and no answer are tried again; where an answer was lost the receiver gets it twice, with one
//! key. Redirects are not followed: the signature is for one receiver.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, StatusCode, Url, redirect};
use sha2::Sha256;

use crate::config::Secret;
use crate::core::action::Action;
use crate::crm::remote::retry_after;
use crate::crm::{ApplyError, Done, Work};
use crate::http;

/// Sends webhooks.
pub(super) struct Webhooks {
    client: Result<Client, String>,
    secret: Option<Secret>,
}

impl Webhooks {
    pub fn new(secret: Option<Secret>, timeout: Duration) -> Self {
        let client = http::client()
            .timeout(timeout)
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| error.to_string());
        Self { client, secret }
    }

    /// Sends one.
    pub async fn send(&self, work: &Work<'_>) -> Result<Done, ApplyError> {
        let refused = |why: String| ApplyError::Refused { why };
        let Action::Webhook { url, body } = work.action else {
            return Err(refused("this action is none for a webhook".into()));
        };
        let client = self.client.as_ref().map_err(|why| refused(why.clone()))?;
        let Some(secret) = &self.secret else {
            return Err(refused("no webhook is sent unsigned: set `secret` in [webhook]".into()));
        };
        let url: Url = url.parse().map_err(|why| refused(format!("the address is none: {why}")))?;
        let body = match body {
            Some(body) => body.clone(),
            None => serde_json::to_string(work.case).map_err(|why| refused(why.to_string()))?,
        };
        let host = url.host_str().unwrap_or("nowhere").to_owned();
        let timestamp = Timestamp::now().as_second().to_string();
        let signature = sign(secret.reveal(), &timestamp, &body);
        let request = client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("Dozvon-Delivery", work.key)
            .header("Dozvon-Timestamp", timestamp)
            .header("Dozvon-Signature", format!("v1={signature}"))
            .body(body);
        match request.send().await {
            Ok(answer) => judge(&host, answer.status(), retry_after(&answer)),
            // The address may hold a token: it is not repeated.
            Err(error) if error.is_builder() => Err(refused(error.without_url().to_string())),
            Err(error) if error.is_connect() => {
                Err(ApplyError::Later { after: None, why: format!("{host} cannot be reached") })
            }
            Err(error) => Err(ApplyError::Lost { why: format!("{host}: {}", error.without_url()) }),
        }
    }
}

fn judge(host: &str, status: StatusCode, after: Option<Duration>) -> Result<Done, ApplyError> {
    let why = format!("{host} answered {}", status.as_u16());
    if status.is_success() {
        return Ok(Done { what: why, ..Done::default() });
    }
    let again = status.is_server_error()
        || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS]
            .contains(&status);
    if again { Err(ApplyError::Later { after, why }) } else { Err(ApplyError::Refused { why }) }
}

/// HMAC-SHA256 over `timestamp.body`, in hex.
pub fn sign(secret: &str, timestamp: &str, body: &str) -> String {
    // Any length of key will do for an HMAC.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The queue a webhook waits in: those of one client to one receiver go in order, and hold up
/// nobody else.
pub(super) fn queue(url: &str, client: &str) -> String {
    let origin = url.parse::<Url>().map(|url| url.origin().ascii_serialization());
    format!("{} {client}", origin.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_what_openssl_makes_of_it() {
        // printf '1763650000.{"a":1}' | openssl dgst -sha256 -hmac secret
        let expected = "2f6f5e257117551972913254485e671cec53760bfa789503f1d1841f6c04c505";
        assert_eq!(sign("secret", "1763650000", "{\"a\":1}"), expected);
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for (code, again) in
            [(500, true), (503, true), (429, true), (408, true), (404, false), (302, false)]
        {
            let result = judge("h", StatusCode::from_u16(code).unwrap(), None);
            assert_eq!(matches!(result, Err(ApplyError::Later { .. })), again, "{code}");
        }
        assert!(judge("h", StatusCode::NO_CONTENT, None).is_ok());
    }
}
