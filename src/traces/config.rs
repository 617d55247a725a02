//! `[traces]`: where traces go.

use std::collections::BTreeMap;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::config::Secret;
use crate::recording::config::wrong_url;

/// `[traces]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TraceConfig {
    /// A receiver of OTLP over HTTP, `http://127.0.0.1:4318`; `/v1/traces` is added. Not set: no
    /// traces are made.
    pub endpoint: Option<String>,
    /// Sent with each request: a token, a tenant.
    pub headers: BTreeMap<String, Secret>,
    /// The name of this engine among the traces of others.
    pub service: String,
    /// Which part of the calls, from 0 to 1. A call is traced whole or not at all.
    pub ratio: f64,
}

impl Default for TraceConfig {
    fn default() -> Self {
        Self { endpoint: None, headers: BTreeMap::new(), service: "dozvon".into(), ratio: 1.0 }
    }
}

impl TraceConfig {
    /// What is wrong: the key, and why.
    pub fn check(&self) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        if let Some(why) = self.endpoint.as_deref().and_then(wrong_url) {
            wrong.push(("endpoint", why));
        }
        if let Err(why) = self.header_map() {
            wrong.push(("headers", why));
        }
        if !(0.0..=1.0).contains(&self.ratio) {
            wrong
                .push(("ratio", format!("`{}` is no part: write 0.1 for every tenth", self.ratio)));
        }
        wrong
    }

    /// The headers as they are sent.
    ///
    /// # Errors
    /// Which of them is none; its value is not told.
    pub(super) fn header_map(&self) -> Result<HeaderMap, String> {
        let header = |(name, value): (&String, &Secret)| {
            let wrong = || format!("`{name}` cannot be sent as a header");
            let key = HeaderName::try_from(name).map_err(|_| wrong())?;
            let mut value = HeaderValue::try_from(value.reveal()).map_err(|_| wrong())?;
            value.set_sensitive(true);
            Ok((key, value))
        };
        self.headers.iter().map(header).collect()
    }
}
