//! Who pressed a button in a page of amoCRM: the page brings along a token that amoCRM signed with
//! the integration's secret key (a JWT, HS256, for a few minutes).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use reqwest::Url;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

/// How far amoCRM's clock and ours may be apart, in seconds.
const SKEW: i64 = 60;

#[derive(Deserialize)]
struct Header {
    alg: String,
}

/// What the token says.
#[derive(Deserialize)]
struct Claims {
    /// The account's address.
    iss: String,
    /// The host of the integration's redirect address.
    #[serde(default)]
    aud: Option<String>,
    exp: i64,
    jti: String,
    user_id: i64,
}

/// A press that is to be believed.
pub(super) struct Press {
    pub user: i64,
    pub once: String,
}

/// `None`: forged, outlived, or of another account.
pub(super) fn read(
    token: &str,
    key: &str,
    account: &Url,
    redirect: Option<&str>,
    now: Timestamp,
) -> Option<Press> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    // Another algorithm, such as none at all, is a forgery.
    if part::<Header>(header)?.alg != "HS256" || key.is_empty() {
        return None;
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
    mac.update(signed.as_bytes());
    mac.verify_slice(&signature).ok()?;
    let claims: Claims = part(claims)?;
    let host = |text: &str| Url::parse(text).ok()?.host_str().map(str::to_owned);
    let ours = host(&claims.iss).as_deref() == account.host_str();
    let meant = match (claims.aud.as_deref().and_then(host), redirect.and_then(host)) {
        (Some(meant), Some(own)) => meant == own,
        _ => true,
    };
    let fresh = claims.exp + SKEW > now.as_second();
    (ours && meant && fresh).then_some(Press { user: claims.user_id, once: claims.jti })
}

fn part<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn token(header: &Value, claims: &Value, key: &str) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
        mac.update(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    #[test]
    fn e11_only_a_page_of_the_account_may_press() {
        let account: Url = "https://example.amocrm.ru".parse().unwrap();
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let hs256 = json!({ "typ": "JWT", "alg": "HS256" });
        let good = json!({ "iss": "https://example.amocrm.ru", "aud": "https://pbx.example",
            "exp": 1_700_000_100, "jti": "once", "user_id": 504141, "account_id": 1 });
        let pressed = |header: &Value, claims: &Value, key: &str| {
            let token = token(header, claims, key);
            read(&token, "key", &account, Some("https://pbx.example/cb"), now).map(|p| p.user)
        };
        assert_eq!(pressed(&hs256, &good, "key"), Some(504141));
        assert_eq!(pressed(&hs256, &good, "other"), None);
        assert_eq!(pressed(&json!({ "alg": "none" }), &good, "key"), None);
        for (name, value) in [
            ("iss", json!("https://other.amocrm.ru")),
            ("aud", json!("https://evil.example")),
            ("exp", json!(1_699_999_000)),
        ] {
            let mut wrong = good.clone();
            wrong[name] = value;
            assert_eq!(pressed(&hs256, &wrong, "key"), None, "{name}");
        }
        for text in ["", ".", "..", "a.b.c", "ё.ё.ё"] {
            assert!(read(text, "key", &account, None, now).is_none(), "{text}");
        }
    }
}
