//! `[crm.NAME]` with `kind = "amocrm"`.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::config::Secret;
use crate::crm::number_of;
use crate::crm::remote::{Fault, Key, UTM};
use crate::directory::config::human_duration;

/// What amoCRM allows in a second.
const SEVEN: NonZeroUsize = NonZeroUsize::new(7).unwrap();
/// A request that took longer could come to an end when another engine took this one for dead, and
/// uses the same refresh token.
pub(super) const LONGEST_ASKED: Duration = Duration::from_secs(30);

/// One amoCRM or Kommo account.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AmoConfig {
    /// Lines of `routing.toml` it serves. None: all that no other CRM serves.
    pub lines: Vec<String>,
    /// `https://example.amocrm.ru` or `https://example.kommo.com`.
    pub url: String,
    /// A long-lived token. With it nothing of OAuth is needed.
    pub token: Option<Secret>,
    /// A file with that token, instead of `token`.
    pub token_file: Option<PathBuf>,
    /// The integration's id, for OAuth.
    pub client_id: Option<String>,
    /// The integration's secret key, for OAuth and for buttons in amoCRM.
    pub client_secret: Option<Secret>,
    /// A file with that key, instead of `client_secret`.
    pub client_secret_file: Option<PathBuf>,
    /// The integration's redirect address, letter by letter, for OAuth.
    pub redirect_uri: Option<String>,
    /// Extensions and outside numbers of users, in the order in which they are rung; the key is a
    /// user's id or e-mail.
    pub numbers: BTreeMap<String, Vec<String>>,
    /// The field of users with the numbers of those who are not in `numbers`: `phone_number` is
    /// that of their profiles. amoCRM itself knows no extensions.
    pub numbers_field: Option<String>,
    /// The pipeline of deals and Unsorted entries where a rule names none: name or id. Not set:
    /// the account's main one.
    pub pipeline: Option<String>,
    /// Whether fields that the account does not have are made (the token needs an administrator's
    /// rights). What has no field goes into a note.
    pub create_fields: CreateFields,
    /// The task type of amoCRM for a kind of task of the rules. Others have type 1.
    pub task_types: BTreeMap<String, i64>,
    /// How a notification reaches a user.
    pub notify: NotifyBy,
    /// The tag that marks a contact as inactive: `reactivate` takes it away.
    pub inactive_tag: Option<String>,
    /// A secret that stands in the address amoCRM tells changes to. Without it there is none.
    pub hook_secret: Option<Secret>,
    /// Whether a number that is not found is looked for in other spellings too (`+7…`, `8…`).
    pub other_spellings: bool,
    /// Requests in a second: the account allows seven. Engines that share an integration or an
    /// address share them.
    pub requests_per_second: NonZeroUsize,
    /// The telephony's name in call records.
    pub source: String,
    /// When a request is given up.
    #[serde(with = "human_duration::positive")]
    pub timeout: Duration,
}

/// Which fields are made where the account does not have them. Never one that only a form brought
/// along: whoever can fill in the form could make fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CreateFields {
    /// `true`: the UTM fields, and those whose values the rules write out. `false`: none.
    Known(bool),
    /// The same as `true`, and these, which rules may carry over from a visit or a form.
    And(Vec<String>),
}

impl Default for CreateFields {
    fn default() -> Self {
        Self::Known(false)
    }
}

impl CreateFields {
    /// Whether a field of this name is to be made; `brought`: the visit or form names it, too.
    pub(super) fn allow(&self, name: &str, brought: bool) -> bool {
        let is = |own: &str| own.trim().eq_ignore_ascii_case(name.trim());
        match self {
            Self::Known(false) => false,
            Self::Known(true) => !brought || UTM.iter().any(|utm| is(utm)),
            Self::And(names) => {
                Self::Known(true).allow(name, brought) || names.iter().any(|own| is(own))
            }
        }
    }

    /// Those that are named.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let names = match self {
            Self::And(names) => names.as_slice(),
            Self::Known(_) => &[],
        };
        names.iter().map(String::as_str)
    }

    /// Whether any are made.
    pub(super) fn any(&self) -> bool {
        *self != Self::Known(false)
    }
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
            lines: Vec::new(),
            url: String::new(),
            token: None,
            token_file: None,
            client_id: None,
            client_secret: None,
            client_secret_file: None,
            redirect_uri: None,
            numbers: BTreeMap::new(),
            numbers_field: None,
            pipeline: None,
            create_fields: CreateFields::default(),
            task_types: BTreeMap::new(),
            notify: NotifyBy::default(),
            inactive_tag: None,
            hook_secret: None,
            other_spellings: true,
            requests_per_second: SEVEN,
            source: "dozvon".to_owned(),
            timeout: Duration::from_secs(20),
        }
    }
}

impl AmoConfig {
    /// What is wrong with it: the key, and why.
    pub(crate) fn check(&self) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        if let Err(why) = self.base() {
            wrong.push(("url", why.to_owned()));
        }
        if self.token.is_none() && self.token_file.is_none() {
            let secret = self.client_secret.is_some() || self.client_secret_file.is_some();
            for (key, there) in [
                ("client_id", self.client_id.is_some()),
                ("client_secret", secret),
                ("redirect_uri", self.redirect_uri.is_some()),
            ] {
                if !there {
                    let why = format!(
                        "`{key}` is missing: set it for OAuth, or set `token_file` to a file with \
                         a long-lived token instead"
                    );
                    wrong.push((key, why));
                }
            }
        }
        if self.timeout > LONGEST_ASKED {
            let why = "write 30s at most: tokens are exchanged by one engine at a time, and the \
                       others wait a minute for it";
            wrong.push(("timeout", why.to_owned()));
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
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let weak = |text: &str| text.len() < 16 || !text.chars().all(plain);
        if self.hook_secret.as_ref().is_some_and(|secret| weak(secret.reveal())) {
            let why = "write 16 or more letters and digits, such as `openssl rand -hex 16` gives";
            wrong.push(("hook_secret", why.to_owned()));
        }
        wrong
    }

    /// The account's address. `http` is for tests on this machine only.
    pub(super) fn base(&self) -> Result<Url, &'static str> {
        let url: Url = self.url.parse().map_err(|_| {
            "write the account's address, like https://example.amocrm.ru or \
             https://example.kommo.com"
        })?;
        let here = matches!(url.host_str(), Some("127.0.0.1" | "localhost"));
        if url.scheme() != "https" && !(here && url.scheme() == "http") {
            return Err("a token goes over TLS only: write https://…");
        }
        if !matches!(url.path(), "" | "/") {
            return Err("write only the account's host, without a path");
        }
        Ok(url)
    }

    /// The long-lived token. `None`: OAuth.
    pub(super) fn long_lived(&self) -> Result<Option<Key>, Fault> {
        key(self.token.as_ref(), self.token_file.as_deref())
    }

    /// The integration's secret key. `None`: there is none.
    pub(super) fn integration_key(&self) -> Result<Option<Key>, Fault> {
        key(self.client_secret.as_ref(), self.client_secret_file.as_deref())
    }
}

fn key(key: Option<&Secret>, file: Option<&Path>) -> Result<Option<Key>, Fault> {
    match (key, file) {
        (None, None) => Ok(None),
        _ => Key::new(key, file).map(Some),
    }
}
