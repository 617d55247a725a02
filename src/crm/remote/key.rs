//! The key of an account.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use tracing::info;

use super::Fault;
use crate::config::Secret;
use crate::crm::config::secret;

/// A key that stands in the configuration, or in a file in which somebody may put another one.
#[derive(Debug)]
pub struct Key {
    now: ArcSwap<Secret>,
    file: Option<PathBuf>,
}

impl Key {
    /// The configured one goes before the file.
    ///
    /// # Errors
    /// [`Fault::Access`]: there is none, and where it was looked for.
    pub fn new(key: Option<&Secret>, file: Option<&Path>) -> Result<Self, Fault> {
        let now = ArcSwap::from_pointee(secret(key, file).map_err(Fault::Access)?);
        Ok(Self { now, file: file.filter(|_| key.is_none()).map(Path::to_owned) })
    }

    /// As it is now.
    pub fn load(&self) -> Arc<Secret> {
        self.now.load_full()
    }

    /// The CRM refused it: the next request has the one that stands in the file by now.
    pub fn refused(&self, crm: &str) {
        if let Some(file) = &self.file
            && let Ok(key) = secret(None, Some(file))
            && **self.now.load() != key
        {
            info!(file = %file.display(), "the key of {crm} was refused, and the file has another");
            self.now.store(Arc::new(key));
        }
    }
}
