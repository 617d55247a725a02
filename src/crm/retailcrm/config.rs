//! `[crm.NAME]` with `kind = "retailcrm"`.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::config::Secret;
use crate::crm::number_of;
use crate::directory::config::human_duration;

/// What the CRM allows a key in any second.
const ALLOWED: usize = 10;
/// One in ten is kept back, because requests are counted where they arrive, and a network may bring
/// them closer together.
const NINE: NonZeroUsize = NonZeroUsize::new(9).unwrap();

/// One retailCRM or Simla account.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetailConfig {
    /// Lines of `routing.toml` it serves. None: all that no other CRM serves.
    pub lines: Vec<String>,
    /// `https://example.retailcrm.ru`, `https://example.simla.com`.
    pub url: String,
    /// The API key.
    pub key: Option<Secret>,
    /// A file with the API key, instead of `key`.
    pub key_file: Option<PathBuf>,
    /// The shop that new clients, orders and calls belong to. Needed where the key sees more than
    /// one.
    pub site: Option<String>,
    /// The time zone of the account, in which all its times are.
    pub time_zone: String,
    /// Extensions and outside numbers of users, in the order in which they are rung; the key is a
    /// user's id or e-mail. Who is not here has the code the telephony module gives him.
    pub numbers: BTreeMap<String, Vec<String>>,
    /// The field of users with the numbers of those who are not in `numbers`, before the module's
    /// code: `phone` and `position` are those of their profiles.
    pub numbers_field: Option<String>,
    /// The code of our telephony module in the account.
    pub module: String,
    /// A secret that stands in the addresses the CRM calls (buttons, status). Without it there are
    /// none.
    pub hook_secret: Option<Secret>,
    /// How orders from calls are marked; one of the account's order methods. Not set: the
    /// account's default.
    pub order_method: Option<String>,
    /// Fields of rules that have another code in the CRM: `roistat = "roistat_visit"`.
    pub fields: BTreeMap<String, String>,
    /// The status, by code, of an order that stood for an entry of an inbox and was declined. Not
    /// set: it keeps the status it has.
    pub declined: Option<String>,
    /// Statuses of orders, or groups of them, that count as won (E01).
    pub won: Vec<String>,
    /// The tag that marks a client as inactive: `reactivate` takes it away.
    pub inactive_tag: Option<String>,
    /// Whether who answers is whom telephony names, in one request: the client's manager, or that
    /// of his open order, as the CRM chooses. Otherwise the whole answer decides, as for all else.
    pub telephony_decides: bool,
    /// Requests in any second, and four times as many of telephony. The CRM allows a key 10 and 40:
    /// sections and engines that share one share them.
    pub requests_per_second: NonZeroUsize,
    /// Whether a client's card pops up while a call rings or is talked.
    pub popups: bool,
    /// How often the CRM is asked what changed.
    #[serde(with = "human_duration::positive")]
    pub poll: Duration,
    /// When a request is given up.
    #[serde(with = "human_duration::positive")]
    pub timeout: Duration,
}

impl Default for RetailConfig {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            url: String::new(),
            key: None,
            key_file: None,
            site: None,
            time_zone: "Europe/Moscow".to_owned(),
            numbers: BTreeMap::new(),
            numbers_field: None,
            module: "dozvon".to_owned(),
            hook_secret: None,
            order_method: None,
            fields: BTreeMap::new(),
            declined: None,
            won: vec!["complete".to_owned()],
            inactive_tag: None,
            telephony_decides: true,
            requests_per_second: NINE,
            popups: true,
            poll: Duration::from_secs(15),
            timeout: Duration::from_secs(20),
        }
    }
}

impl RetailConfig {
    /// What is wrong with it: the key, and why.
    pub(crate) fn check(&self) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        if let Err(why) = self.base() {
            wrong.push(("url", why.to_owned()));
        }
        if self.key.is_none() && self.key_file.is_none() {
            wrong.push(("key", "set `key_file` to a file with the API key, or `key`".to_owned()));
        }
        if self.zone().is_err() {
            let why = format!("`{}` is no time zone: write one like Europe/Moscow", self.time_zone);
            wrong.push(("time_zone", why));
        }
        for (user, numbers) in &self.numbers {
            if numbers.iter().any(|text| number_of(text).is_none()) {
                let why = format!(
                    "the numbers of {user} hold something that is neither an extension of at most \
                     six characters nor a number like +79161234567"
                );
                wrong.push(("numbers", why));
            }
        }
        if self.requests_per_second.get() > ALLOWED {
            let why = format!("the CRM allows a key {ALLOWED} requests a second");
            wrong.push(("requests_per_second", why));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.module.is_empty() || !self.module.chars().all(plain) {
            let why = "write the module's code with letters, digits, - and _".to_owned();
            wrong.push(("module", why));
        }
        if self
            .hook_secret
            .as_ref()
            .is_some_and(|secret| secret.reveal().len() < 16 || !secret.reveal().chars().all(plain))
        {
            let why = "write 16 or more letters and digits, such as `openssl rand -hex 16` gives";
            wrong.push(("hook_secret", why.to_owned()));
        }
        wrong
    }

    /// Whether both would be one module of one account, and replace each other's addresses there.
    pub(crate) fn shares_module(&self, other: &Self) -> bool {
        self.module == other.module && self.base().is_ok_and(|url| other.base() == Ok(url))
    }

    /// The account's address. `http` is for tests on this machine only.
    pub(super) fn base(&self) -> Result<Url, &'static str> {
        let url: Url = self
            .url
            .parse()
            .map_err(|_| "write the account's address, like https://example.retailcrm.ru")?;
        let here = matches!(url.host_str(), Some("127.0.0.1" | "localhost"));
        if url.scheme() != "https" && !(here && url.scheme() == "http") {
            return Err("a key goes over TLS only: write https://…");
        }
        if !matches!(url.path(), "" | "/") {
            return Err("write only the account's host, without a path");
        }
        Ok(url)
    }

    pub(super) fn zone(&self) -> Result<TimeZone, jiff::Error> {
        TimeZone::get(&self.time_zone)
    }
}
