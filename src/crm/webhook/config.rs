//! `[crm.NAME]` with `kind = "webhook"`.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::config::Secret;
use crate::directory::config::human_duration;

/// Another CRM behind one address.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HookConfig {
    /// Lines of `routing.toml` it serves. None: all that no other CRM serves.
    pub lines: Vec<String>,
    /// Where it is asked.
    pub url: String,
    /// Requests are signed with it.
    pub secret: Option<Secret>,
    /// A file with the secret, instead of `secret`. Read anew when the secret was refused.
    pub secret_file: Option<PathBuf>,
    /// Requests in any second at most.
    pub per_second: NonZeroU16,
    /// When a request is given up.
    #[serde(with = "human_duration::positive")]
    pub timeout: Duration,
}

impl Default for HookConfig {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            url: String::new(),
            secret: None,
            secret_file: None,
            per_second: const { NonZeroU16::new(20).unwrap() },
            timeout: Duration::from_secs(10),
        }
    }
}

impl HookConfig {
    /// What is wrong with it: the key, and why.
    pub(crate) fn check(&self) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        if let Err(why) = self.address() {
            wrong.push(("url", why.to_owned()));
        }
        if self.secret.is_none() && self.secret_file.is_none() {
            let why = "set `secret_file` to a file with the secret, or `secret`".to_owned();
            wrong.push(("secret", why));
        }
        wrong
    }

    /// `http` is for this machine only.
    pub(super) fn address(&self) -> Result<Url, &'static str> {
        let url: Url =
            self.url.parse().map_err(|_| "write an address, like https://crm.example/dozvon")?;
        let here = matches!(url.host_str(), Some("127.0.0.1" | "localhost"));
        match url.scheme() {
            "https" => Ok(url),
            "http" if here => Ok(url),
            _ => Err("clients' numbers go over TLS only: write https://…"),
        }
    }
}
