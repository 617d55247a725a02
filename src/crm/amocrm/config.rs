//! `[crm.NAME]` with `kind = "amocrm"`.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::config::Secret;
use crate::core::ids::Extension;
use crate::core::phone::{Phone, Region};
use crate::core::staff::Number;
use crate::directory::config::human_duration;

/// One amoCRM or Kommo account.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AmoConfig {
    /// `https://example.amocrm.ru` or `https://example.kommo.com`.
    pub url: String,
    /// A long-lived token. With it nothing of OAuth is needed.
    pub token: Option<Secret>,
    /// The integration's id, for OAuth.
    pub client_id: Option<String>,
    /// The integration's secret key, for OAuth.
    pub client_secret: Option<Secret>,
    /// The integration's redirect address, letter by letter, for OAuth.
    pub redirect_uri: Option<String>,
    /// Extensions and outside numbers of users, in the order in which they are rung; the key is a
    /// user's id or e-mail. amoCRM knows no extensions.
    pub numbers: BTreeMap<String, Vec<String>>,
    /// The pipeline of deals and Unsorted entries where a rule names none: name or id. Not set:
    /// the account's main one.
    pub pipeline: Option<String>,
    /// Fields that rules fill in and the account does not have are made (the token needs an
    /// administrator's rights). `false`: what has no field goes into a note.
    pub create_fields: bool,
    /// The task type of amoCRM for a kind of task of the rules. Others have type 1.
    pub task_types: BTreeMap<String, i64>,
    /// How a notification reaches a user.
    pub notify: NotifyBy,
    /// The tag that marks a contact as inactive: `reactivate` takes it away.
    pub inactive_tag: Option<String>,
    /// Whether a number that is not found is looked for in other spellings too (`+7…`, `8…`).
    pub other_spellings: bool,
    /// The telephony's name in call records.
    pub source: String,
    /// When a request is given up.
    #[serde(with = "human_duration::positive")]
    pub timeout: Duration,
}

/// What amoCRM has instead of notifications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotifyBy {
    /// The card of a call pops up: number, contact and deal, without the rule's text. Where there
    /// is no number, a task.
    #[default]
    Popup,
    /// A task, due at once, with the text.
    Task,
    /// Nothing.
    Nothing,
}

impl Default for AmoConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            token: None,
            client_id: None,
            client_secret: None,
            redirect_uri: None,
            numbers: BTreeMap::new(),
            pipeline: None,
            create_fields: false,
            task_types: BTreeMap::new(),
            notify: NotifyBy::default(),
            inactive_tag: None,
            other_spellings: true,
            source: "dozvon".to_owned(),
            timeout: Duration::from_secs(20),
        }
    }
}

/// A setting that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` of the amoCRM account: {why}")]
pub struct WrongSetting {
    /// Which.
    pub key: &'static str,
    /// What is wrong, and what to write.
    pub why: String,
}

impl AmoConfig {
    /// Whether it can work.
    ///
    /// # Errors
    /// [`WrongSetting`]: the first mistake.
    pub fn check(&self) -> Result<(), WrongSetting> {
        self.base()?;
        if self.token.is_none() {
            for (key, there) in [
                ("client_id", self.client_id.is_some()),
                ("client_secret", self.client_secret.is_some()),
                ("redirect_uri", self.redirect_uri.is_some()),
            ] {
                if !there {
                    let why = "set it, or set `token` to a long-lived token instead".to_owned();
                    return Err(WrongSetting { key, why });
                }
            }
        }
        for (user, numbers) in &self.numbers {
            for text in numbers {
                if number(text).is_none() {
                    let why = format!(
                        "the numbers of {user} hold something that is neither an extension of at \
                         most six characters nor a number like +79161234567"
                    );
                    return Err(WrongSetting { key: "numbers", why });
                }
            }
        }
        Ok(())
    }

    /// The account's address. `http` is for tests on this machine only.
    pub(super) fn base(&self) -> Result<Url, WrongSetting> {
        let wrong = |why: &str| WrongSetting { key: "url", why: why.to_owned() };
        let url: Url = self.url.parse().map_err(|_| {
            wrong("write it like https://example.amocrm.ru or https://example.kommo.com")
        })?;
        let here = matches!(url.host_str(), Some("127.0.0.1" | "localhost"));
        if url.scheme() != "https" && !here {
            return Err(wrong("a token goes over https only: write https://…"));
        }
        if !matches!(url.path(), "" | "/") {
            return Err(wrong("write only the account's host, without a path"));
        }
        Ok(url)
    }
}

/// A number of an employee as it is written in the configuration.
pub(super) fn number(text: &str) -> Option<Number> {
    let text = text.trim();
    match text.len() {
        0..=6 => Extension::parse(text).ok().map(Number::Line),
        _ => Phone::parse(text, Region::default()).ok().map(Number::Outside),
    }
}
