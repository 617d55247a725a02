//! Recordings of talks: where FreeSWITCH puts them, and the links that lead to them.

pub mod config;
mod key;
mod links;
mod template;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tracing::error;

pub use config::RecordingConfig;
pub use key::KeyError;
pub(crate) use key::random;
pub(crate) use links::hex;
pub use links::{Key, LinkError, Links, Server, Shelf};
pub use template::{PathError, Template, Words, check_path};

/// Says which talk is recorded into which file, and who may listen to it.
#[derive(Default)]
pub struct Recorder {
    enabled: bool,
    template: Option<Template>,
    folder: Option<PathBuf>,
    links: Option<Links>,
    lifetime: Duration,
    lasting: Mutex<HashSet<PathBuf>>,
}

impl Recorder {
    /// As configured. `public_url` is where the engine's own HTTP is reached; `key_file` holds
    /// the key of its links where none is configured, and is made where it is missing.
    pub fn new(config: &RecordingConfig, public_url: &str, key_file: &Path) -> Self {
        let server = || match &config.base_url {
            Some(url) => Server::Company { url: url.clone() },
            None => {
                let url = public_url.to_owned();
                Server::Own { url, key: key(config, key_file) }
            }
        };
        let folder = config.folder();
        Self {
            enabled: config.enabled,
            template: config.path.clone(),
            folder: config.folder.clone(),
            links: folder.map(|folder| Links::new(server(), folder, config.voicemail.clone())),
            lifetime: config.expires,
            lasting: Mutex::default(),
        }
    }

    /// The file a talk is recorded into: the dialplan's (`dozvon_record_path`), else the
    /// template's. `None`: it is not recorded.
    ///
    /// # Errors
    /// [`PathError`]: what the dialplan says is no path. The talk is not recorded.
    pub fn file(
        &self,
        dialplan: Option<&str>,
        words: &Words<'_>,
    ) -> Result<Option<String>, PathError> {
        if !self.enabled {
            return Ok(None);
        }
        match dialplan {
            Some(path) => check_path(path).map(|()| Some(path.to_owned())),
            None => Ok(self.template.as_ref().map(|template| template.fill(words))),
        }
    }

    /// The file a talk that we began ourselves is recorded into: no dialplan says where. By the
    /// template, else where `freeswitch-conf/` puts them. `None`: it is not recorded.
    pub fn own_file(&self, words: &Words<'_>) -> Option<String> {
        let by_template = self.file(None, words).ok()?;
        let folder = self.folder.as_ref().filter(|_| self.enabled);
        by_template.or_else(|| {
            let (folder, date, call) = (folder?.display(), words.date, words.call);
            Some(format!("{folder}/{date}/{call}.wav"))
        })
    }

    /// Whether a talk may be recorded, so that FreeSWITCH is told beforehand.
    pub fn may_record(&self, dialplan: Option<&str>) -> bool {
        self.enabled && (dialplan.is_some() || self.template.is_some())
    }

    /// The link to a file, known before the file is there (A12). `None`: no folder is configured,
    /// or the file is in none of them.
    pub fn link(&self, file: &str, now: Timestamp) -> Option<String> {
        let expires = now.saturating_add(self.lifetime).unwrap_or(Timestamp::MAX);
        self.links.as_ref()?.link(file, expires)
    }

    /// Opens links; `None`: the engine serves no sounds.
    pub fn links(&self) -> Option<&Links> {
        self.links.as_ref().filter(|links| links.own())
    }

    /// Notes that a file is being written, until what is returned is dropped.
    pub fn begin(self: &Arc<Self>, file: &str) -> Lasting {
        let file = PathBuf::from(file);
        self.lasting().insert(file.clone());
        Lasting { recorder: self.clone(), file }
    }

    /// Whether a call in hand is still writing it.
    pub fn lasts(&self, file: &Path) -> bool {
        self.lasting().contains(file)
    }

    fn lasting(&self) -> std::sync::MutexGuard<'_, HashSet<PathBuf>> {
        self.lasting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What this engine signs with: the configured secret, else the key in the file, which is made
/// where it is missing. Engines with one secret open each other's links.
pub fn key(config: &RecordingConfig, file: &Path) -> Key {
    if let Some(secret) = &config.secret {
        return Key::new(secret.reveal().as_bytes());
    }
    match key::kept(file) {
        Ok(key) => key,
        // Talks are recorded and links work; only a new start makes them void.
        Err(error) => {
            error!(%error, "links to recordings are signed with a key that is lost at the next start");
            Key::new(&key::random())
        }
    }
}

/// A recording that goes on.
pub struct Lasting {
    recorder: Arc<Recorder>,
    file: PathBuf,
}

impl Drop for Lasting {
    fn drop(&mut self) {
        self.recorder.lasting().remove(&self.file);
    }
}

#[cfg(test)]
mod tests;
