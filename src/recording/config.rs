//! `[recording]`.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::template::Template;
use crate::config::Secret;
use crate::directory::config::human_duration;

/// A shorter secret can be guessed.
const SHORTEST_SECRET: usize = 16;

/// What is recorded, and who may listen.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecordingConfig {
    /// `false`: nothing is recorded, whatever else is set.
    pub enabled: bool,
    /// Where recordings go, for calls whose dialplan sets no `dozvon_record_path`. Not set: those
    /// are not recorded.
    pub path: Option<Template>,
    /// The folder of the recordings, as FreeSWITCH names it: links lead into it and nowhere else.
    /// Not set: the part of `path` before its first word. With neither there are no links.
    pub folder: Option<PathBuf>,
    /// FreeSWITCH's folder of voicemail, for links to messages.
    pub voicemail: Option<PathBuf>,
    /// A web server of the company's own that serves `folder`. Not set: the engine does.
    pub base_url: Option<String>,
    /// How long a link of the engine's own is good.
    #[serde(with = "human_duration::positive")]
    pub expires: Duration,
    /// What links are signed with. Not set: made once, and kept in a file beside the store. Two
    /// engines that serve each other's links need the same.
    pub secret: Option<Secret>,
}

impl Default for RecordingConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            path: None,
            folder: None,
            voicemail: None,
            base_url: None,
            expires: Duration::from_secs(30 * 24 * 60 * 60),
            secret: None,
        }
    }
}

impl RecordingConfig {
    /// The folder links are made for.
    pub fn folder(&self) -> Option<PathBuf> {
        let of_path = || self.path.as_ref().map(|path| path.folder().to_owned());
        self.folder.clone().or_else(of_path)
    }

    /// Every mistake, with its key.
    pub fn check(&self) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        for (key, folder) in [("folder", &self.folder), ("voicemail", &self.voicemail)] {
            if let Some(folder) = folder.as_ref().filter(|f| !f.is_absolute()) {
                let shown = folder.display();
                wrong.push((key, format!("`{shown}` is no whole path: begin with `/`")));
            }
        }
        if let Some(why) = self.base_url.as_deref().and_then(wrong_url) {
            wrong.push(("base_url", why));
        }
        if self.secret.as_ref().is_some_and(|s| s.reveal().len() < SHORTEST_SECRET) {
            let why = format!(
                "the secret is shorter than {SHORTEST_SECRET} characters: make one with `openssl rand -hex 32`"
            );
            wrong.push(("secret", why));
        }
        wrong
    }
}

/// Why it is no address links can begin with; `None`: it is one.
pub fn wrong_url(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let clean = |rest: &str| !rest.is_empty() && !rest.contains([' ', '?', '#']);
    if rest.is_some_and(clean) && !url.contains(char::is_control) {
        return None;
    }
    Some(format!("`{url}` is no address: write it like https://pbx.example.com"))
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(d)?).map_err(D::Error::custom)
    }
}
