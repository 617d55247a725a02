//! What is logged, changed while the engine runs.

use std::fmt;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio::task::AbortHandle;
use tracing::info;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::config::Log;

/// Of this process, once logging is started.
pub(super) static LEVELS: OnceLock<Levels> = OnceLock::new();

pub(super) type Apply = Box<dyn Fn(EnvFilter) -> bool + Send + Sync>;

/// What is logged, and the way to change it.
pub struct Levels {
    apply: Apply,
    configured: String,
    now: Mutex<Now>,
}

struct Now {
    level: String,
    until: Option<Timestamp>,
    /// Goes back to the configured level.
    back: Option<AbortHandle>,
}

/// What is logged now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Level {
    /// As in `log.level` of the configuration.
    pub level: String,
    /// What the configuration says.
    pub configured: String,
    /// When that holds again; `null`: when somebody says so, or with a restart.
    #[schema(value_type = Option<String>)]
    pub until: Option<Timestamp>,
}

/// What is to be logged, and for how long.
pub struct Wanted {
    level: String,
    filter: EnvFilter,
    time: Option<Duration>,
    until: Option<Timestamp>,
}

impl Wanted {
    /// By this level, for a time or until it is changed again.
    ///
    /// # Errors
    /// What is wrong with the level or the time.
    pub fn read(level: &str, time: Option<Duration>) -> Result<Self, String> {
        let until = time.map(|time| {
            let at = Timestamp::now().checked_add(time);
            at.map_err(|_| "the time is too long".to_owned())
        });
        Ok(Self {
            level: level.to_owned(),
            filter: filter(level)?,
            time,
            until: until.transpose()?,
        })
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.level)?;
        self.until.map_or(Ok(()), |until| write!(f, " until {until}"))
    }
}

/// The levels of this process. `None`: it writes no log.
pub fn levels() -> Option<&'static Levels> {
    LEVELS.get()
}

impl Levels {
    pub(super) fn new(apply: Apply, log: &Log) -> Self {
        let now = Now { level: log.level.clone(), until: None, back: None };
        Self { apply, configured: log.level.clone(), now: Mutex::new(now) }
    }

    /// What is logged now.
    pub fn get(&self) -> Level {
        let now = self.now();
        let (level, configured) = (now.level.clone(), self.configured.clone());
        Level { level, configured, until: now.until }
    }

    /// Logs by this from now on. To be called within a runtime.
    pub fn set(&'static self, wanted: Wanted) -> Level {
        let Wanted { level, filter, time, until } = wanted;
        let mut now = self.now();
        if !(self.apply)(filter) {
            // The subscriber is gone, and nothing is logged by any level.
            drop(now);
            return self.get();
        }
        let back = time.map(|time| {
            let back = async move {
                tokio::time::sleep(time).await;
                info!("what is logged is as configured again: the time is over");
                self.reset();
            };
            tokio::spawn(back).abort_handle()
        });
        let before = std::mem::replace(&mut *now, Now { level, until, back });
        drop(now);
        if let Some(back) = before.back {
            back.abort();
        }
        self.get()
    }

    /// Logs as the configuration says.
    pub fn reset(&'static self) -> Level {
        // It was a level when logging started.
        match Wanted::read(&self.configured, None) {
            Ok(wanted) => self.set(wanted),
            Err(_) => self.get(),
        }
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A word alone would be taken for a module, and nothing else would be logged.
pub(super) fn filter(level: &str) -> Result<EnvFilter, String> {
    for word in level.split(',').filter(|part| !part.contains(['=', '['])) {
        if word.trim().is_empty() || word.trim().parse::<LevelFilter>().is_err() {
            return Err(format!("`{word}` is no level"));
        }
    }
    EnvFilter::try_new(level).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_a_level_and_a_filter_is_a_filter() {
        for right in ["info", "WARN", "off", "info,dozvon::switch=debug", "dozvon=trace"] {
            assert!(filter(right).is_ok(), "{right}");
        }
        for wrong in ["loud", "", "info,debugg", "info,dozvon=loud"] {
            assert!(filter(wrong).is_err(), "{wrong}");
        }
    }
}
