//! `[crm.NAME]` with `kind = "keycrm"`.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::config::Secret;
use crate::crm::number_of;
use crate::directory::config::human_duration;

/// What counts as a deal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deals {
    /// Cards of pipelines.
    #[default]
    Cards,
    /// Orders, where pipelines are switched off.
    Orders,
}

/// One KeyCRM account.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeyConfig {
    /// Lines of `routing.toml` it serves. None: all that no other CRM serves.
    pub lines: Vec<String>,
    /// Where its API is.
    pub url: String,
    /// The API key.
    pub key: Option<Secret>,
    /// A file with the API key, instead of `key`.
    pub key_file: Option<PathBuf>,
    /// The address KeyCRM gives under Settings, Telephony, Asterisk: calls are told there. It is a
    /// secret, as whoever has it can make up calls.
    pub telephony_url: Option<Secret>,
    /// A file with that address, instead of `telephony_url`.
    pub telephony_url_file: Option<PathBuf>,
    /// A secret that stands in the addresses the CRM calls. Without it there are none.
    pub hook_secret: Option<Secret>,
    /// Whether cards of pipelines or orders are the deals.
    pub deals: Deals,
    /// The id of the source that new cards and orders have. Orders need one.
    pub source: Option<u64>,
    /// Extensions and outside numbers of users, in the order in which they are rung; the key is a
    /// user's id, e-mail or login. KeyCRM tells no program what stands in its own table.
    pub numbers: BTreeMap<String, Vec<String>>,
    /// The field of users with the numbers of those who are not in `numbers`: `phone` is that of
    /// their profiles.
    pub numbers_field: Option<String>,
    /// The extension under which calls that reached nobody are told.
    pub nobody: Option<String>,
    /// Fields of rules that have a field in the CRM: `roistat = "LD_1021"`.
    pub fields: BTreeMap<String, String>,
    /// The id of the status of a card or order that stood for an entry of an inbox and was declined.
    /// Not set: it keeps the status it has.
    pub declined: Option<u64>,
    /// Statuses that count as won (E01), by id, name or alias. None: cards that became an order, orders
    /// that are closed and paid.
    pub won: Vec<String>,
    /// The time zone of times in clients' notes, where people read them.
    pub time_zone: String,
    /// Whether a client's card pops up while a call rings or is talked.
    pub popups: bool,
    /// What comes later, as the CRM could not take it, pops up no more.
    #[serde(with = "human_duration::positive")]
    pub popup_within: Duration,
    /// Requests in any minute at most. KeyCRM allows 60 to all who share key and address.
    pub per_minute: NonZeroU16,
    /// How often the CRM is asked what changed: two requests each time.
    #[serde(with = "human_duration::positive")]
    pub poll: Duration,
    /// When a request is given up.
    #[serde(with = "human_duration::positive")]
    pub timeout: Duration,
}

impl Default for KeyConfig {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            url: "https://openapi.keycrm.app/v1".to_owned(),
            key: None,
            key_file: None,
            telephony_url: None,
            telephony_url_file: None,
            hook_secret: None,
            deals: Deals::default(),
            source: None,
            numbers: BTreeMap::new(),
            numbers_field: None,
            nobody: None,
            fields: BTreeMap::new(),
            declined: None,
            won: Vec::new(),
            time_zone: "Europe/Kyiv".to_owned(),
            popups: true,
            popup_within: Duration::from_secs(30),
            per_minute: const { NonZeroU16::new(54).unwrap() },
            poll: Duration::from_secs(60),
            timeout: Duration::from_secs(20),
        }
    }
}

impl KeyConfig {
    /// What is wrong with it: the key, and why.
    pub(crate) fn check(&self) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        if let Err(why) = self.base() {
            wrong.push(("url", why.to_owned()));
        }
        if let Some(Err(why)) = self.telephony_url.as_ref().map(|url| address(url.reveal())) {
            wrong.push(("telephony_url", why.to_owned()));
        }
        if self.key.is_none() && self.key_file.is_none() {
            wrong.push(("key", "set `key_file` to a file with the API key, or `key`".to_owned()));
        }
        if self.zone().is_err() {
            let why = format!("`{}` is no time zone: write one like Europe/Kyiv", self.time_zone);
            wrong.push(("time_zone", why));
        }
        if self.deals == Deals::Orders && self.source.is_none() {
            let why = "KeyCRM makes no order without a source: set the id of one";
            wrong.push(("source", why.to_owned()));
        }
        let own = self.nobody.iter().map(|one| ("nobody", "nobody", std::slice::from_ref(one)));
        let listed = self.numbers.iter().map(|(user, all)| ("numbers", user.as_str(), &**all));
        for (key, user, numbers) in listed.chain(own) {
            if numbers.iter().any(|text| number_of(text).is_none()) {
                let why = format!(
                    "the numbers of {user} hold something that is neither an extension of at most \
                     six characters nor a number like +380501234567"
                );
                wrong.push((key, why));
            }
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
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

    pub(super) fn zone(&self) -> Result<TimeZone, jiff::Error> {
        TimeZone::get(&self.time_zone)
    }

    /// Paths are appended to it.
    pub(super) fn base(&self) -> Result<Url, &'static str> {
        address(&format!("{}/", self.url.trim_end_matches('/')))
    }
}

/// `http` is for tests on this machine only.
pub(super) fn address(text: &str) -> Result<Url, &'static str> {
    let url: Url = text.trim().parse().map_err(|_| "write a whole address: https://…")?;
    let here = matches!(url.host_str(), Some("127.0.0.1" | "localhost"));
    if url.scheme() != "https" && !(here && url.scheme() == "http") {
        return Err("a key goes over TLS only: write https://…");
    }
    Ok(url)
}
