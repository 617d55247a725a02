//! What every CRM behind HTTP has in common: the way of a request, its rate limit, and what its
//! failures mean.

mod fault;
mod gate;
mod key;
pub mod late;
mod left;
mod lenient;
mod profile;
mod rank;
mod recent;
mod said;
mod times;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode, redirect};
use serde::de::DeserializeOwned;

pub use fault::Fault;
pub use gate::{Class, Gate, LONGEST_REST, Limit};
pub use key::Key;
pub use left::{Left, within};
pub use lenient::{Id, object, or_default};
pub use profile::{Profile, no_numbers_in, numbers_in};
pub use rank::choose;
pub use recent::{Made, Recent, Thing};
pub use said::{
    UTM, afterwards, found_client, found_deal, id_of, made_client, made_deal, made_lead, mark,
    refused, said,
};
pub use times::Times;

/// A larger answer is no answer of a CRM.
const LARGEST: usize = 8 * 1024 * 1024;
/// After a 429 without `Retry-After`.
const REST: Duration = Duration::from_secs(1);
/// How much of an error's text is told.
const TOLD: usize = 300;

/// The way to one CRM. Redirects are not followed: a token is for one host.
#[derive(Debug)]
pub struct Remote {
    client: Client,
    gate: Gate,
    name: &'static str,
    too_much: Option<StatusCode>,
}

/// An answer that came whole.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its body; empty with 204.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    /// [`Fault::Strange`]: it is none, or another one than expected.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_json::from_slice(&self.body)
            // It may repeat what it could not read, a number among others.
            .map_err(|error| {
                let why = quiet(&error.to_string());
                Fault::Strange(format!("{}: {why}", self.status.as_u16()))
            })
    }

    /// The same; 204 and an empty body are nothing.
    ///
    /// # Errors
    /// As [`Answer::json`].
    pub fn json_if_any<T: DeserializeOwned>(&self) -> Result<Option<T>, Fault> {
        if self.status == StatusCode::NO_CONTENT || self.body.is_empty() {
            return Ok(None);
        }
        self.json().map(Some)
    }
}

impl Remote {
    /// A way with this limit; a request is given up after `timeout`.
    ///
    /// # Errors
    /// TLS cannot be set up on this machine.
    pub fn new(name: &'static str, limit: Limit, timeout: Duration) -> Result<Self, Fault> {
        let client = crate::http::client()
            .timeout(timeout)
            .connect_timeout(timeout.min(Duration::from_secs(5)))
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| Fault::Unreachable(error.to_string()))?;
        Ok(Self { client, gate: Gate::new(limit), name, too_much: None })
    }

    /// For building requests.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// This CRM says with this status, too, that it was too much.
    #[must_use]
    pub fn rests_at(self, status: StatusCode) -> Self {
        Self { too_much: Some(status), ..self }
    }

    /// So many of a window's requests are for look-ups only: where a window is long, a caller shall
    /// not wait until what deliveries used up is a window old.
    #[must_use]
    pub fn keeps_for_lookups(self, many: usize) -> Self {
        Self { gate: self.gate.keeps_for_lookups(many), ..self }
    }

    /// Sends a request when it is its turn, and reads the answer whole. 2xx only: the rest is a
    /// [`Fault`]. It is not repeated here: the outbox and the directory know when.
    ///
    /// # Errors
    /// [`Fault`], without addresses or tokens.
    pub async fn send(&self, class: Class, request: RequestBuilder) -> Result<Answer, Fault> {
        let (answer, json) = self.exchange(class, request).await?;
        if !json && !answer.body.is_empty() {
            return Err(Fault::Strange(format!("{} and no JSON", answer.status.as_u16())));
        }
        Ok(answer)
    }

    /// The same where nobody needs the answer's body, whatever it is.
    ///
    /// # Errors
    /// As [`Remote::send`].
    pub async fn send_unread(&self, class: Class, request: RequestBuilder) -> Result<(), Fault> {
        self.exchange(class, request).await.map(drop)
    }

    /// An answer of 2xx, and whether it says that it is JSON.
    async fn exchange(
        &self,
        class: Class,
        request: RequestBuilder,
    ) -> Result<(Answer, bool), Fault> {
        let (client, request) = request.build_split();
        let request = request.map_err(Fault::of_sending)?;
        left::comes();
        self.gate.pass(class).await.map_err(|left| {
            let why = format!("{} asked us to rest", self.name);
            Fault::Later { after: Some(left), why }
        })?;
        let changes = !request.method().is_safe();
        if changes {
            left::leaves();
        }
        let response = client.execute(request).await.map_err(Fault::of_sending)?;
        let (status, after) = (response.status(), retry_after(&response));
        let json = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.contains("json"));
        let body = read(response).await;
        let after = after.or_else(|| told_after(body.as_deref().unwrap_or_default()));
        if status == StatusCode::TOO_MANY_REQUESTS || Some(status) == self.too_much {
            crate::metrics::rate_limited(self.name);
            self.gate.rest(after.unwrap_or(REST));
        }
        if status.is_success() {
            return Ok((Answer { status, body: body? }, json));
        }
        let body = body.unwrap_or_default();
        let told = match json {
            true => quiet(&String::from_utf8_lossy(&body[..body.len().min(TOLD)])),
            false => String::new(),
        };
        match Fault::of_status(self.name, status, after, &told, body) {
            // It broke on the way: what was asked for may be done. 503 says that nothing was.
            Fault::Later { why, .. }
                if changes
                    && status.is_server_error()
                    && status != StatusCode::SERVICE_UNAVAILABLE =>
            {
                Err(Fault::Lost(why))
            }
            fault => Err(fault),
        }
    }
}

/// A text of the CRM for our log: it may repeat the number it was sent, in any spelling.
pub fn quiet(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let spells = |c: char| c.is_ascii_digit() || " -().\u{a0}".contains(c);
        let run = &from[..from.find(|c| !spells(c)).unwrap_or(from.len())];
        let run = &run[..=run.rfind(|c: char| c.is_ascii_digit()).unwrap_or_default()];
        let digits: String = run.chars().filter(char::is_ascii_digit).collect();
        match digits.len() {
            0..=6 => out.push_str(run),
            _ => out.push_str(&crate::core::phone::mask(&digits)),
        }
        rest = &from[run.len()..];
    }
    out.push_str(rest);
    out
}

/// `Retry-After`: seconds, or a date.
pub fn retry_after(answer: &Response) -> Option<Duration> {
    let text = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Duration::try_from(at.duration_since(jiff::Timestamp::now())).ok()
}

/// Seconds to wait as a body tells them (`application/problem+json` of amoCRM).
fn told_after(body: &[u8]) -> Option<Duration> {
    #[derive(serde::Deserialize)]
    struct Told {
        retry_after: u64,
    }
    serde_json::from_slice(body).ok().map(|told: Told| Duration::from_secs(told.retry_after))
}

async fn read(mut response: Response) -> Result<Bytes, Fault> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(Fault::of_sending)? {
        if body.len() + chunk.len() > LARGEST {
            return Err(Fault::Strange("the answer has no end".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Whether a number as the CRM has it is this one: the last ten digits agree, which covers 7 and 8
/// in Russia and 380 and 0 in Ukraine. Shorter ones must agree whole, but for Ukrainian ones
/// without their 0. People type several numbers into one field, and extensions behind them.
pub fn same_number(stored: &str, digits: &str) -> bool {
    let part = |c: char| c.is_ascii_digit() || c.is_whitespace() || "+-().".contains(c);
    same_digits(stored, digits)
        || stored.split(|c| !part(c)).any(|one| same_digits(one, digits))
        || stored.split(|c: char| !part(c) || c.is_whitespace()).any(|one| same_digits(one, digits))
}

fn same_digits(stored: &str, digits: &str) -> bool {
    let stored: String = stored.chars().filter(char::is_ascii_digit).collect();
    let tail = |text: &str| text.len().checked_sub(10).map(|from| text[from..].to_owned());
    match (tail(&stored), tail(digits)) {
        (Some(a), Some(b)) => a == b,
        _ => stored == digits || (stored.len() == 9 && digits.strip_prefix("380") == Some(&stored)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_the_crm_repeats_is_masked() {
        assert_eq!(quiet("phone 79161234567 of 12345, 42"), "phone 7916***4567 of 12345, 42");
        assert_eq!(quiet("8 (916) 123-45-67 is taken"), "8916***4567 is taken");
        assert_eq!(quiet("+7 916\u{a0}123.45.67."), "+7916***4567.");
        assert_eq!(quiet("нет 42"), "нет 42");
    }

    #[test]
    fn a_number_in_an_answer_of_another_form_is_masked() {
        let body = Bytes::from_static(br#"{"name": 79161234567}"#);
        #[derive(serde::Deserialize, Debug)]
        struct Named {
            #[expect(dead_code, reason = "it is never read as far as that")]
            name: String,
        }
        let told = Answer { status: StatusCode::OK, body }.json::<Named>().unwrap_err().to_string();
        assert!(told.contains("invalid type: integer `7916***4567`"), "{told}");
    }

    #[test]
    fn spellings_of_one_number_are_one_number() {
        for same in ["+7 (912) 987-65-43", "8 912 987 65 43", "79129876543", "9129876543"] {
            assert!(same_number(same, "79129876543"), "{same}");
        }
        assert!(same_number("067 123 45 67", "380671234567"));
        assert!(same_number("67 123-45-67", "380671234567"));
        assert!(!same_number("671234567", "79671234567"));
        for of_several in [
            "8 (912) 987-65-43 доб. 12",
            "+7 495 111-22-33, 8 912 987-65-43",
            "89129876543 84951112233",
            "8-912-987-65-43 / 8-495-111-22-33 (секретарь)",
            "моб.89129876543",
        ] {
            assert!(same_number(of_several, "79129876543"), "{of_several}");
        }
        assert!(!same_number("8 (495) 111-22-33 доб. 9129876", "79129876543"));
        for other in ["+7 (495) 987-65-43", "9876543", "", "112"] {
            assert!(!same_number(other, "79129876543"), "{other}");
        }
        assert!(same_number("112", "112"));
    }
}
