//! A changed rule file is seen by looking at it each second. Notices of the system would be
//! quicker, and miss what happens on network file systems and behind the links of a mounted volume.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::config::Rules;
use crate::rules::Routing;
use crate::rules::set::Sets;

/// Between two looks. Files are quiet when two looks see the same.
pub const LOOK: Duration = Duration::from_secs(1);

/// Every file the rules of a configuration may come from, whether or not it is there: the way of
/// a call, the sets, their tests.
pub fn files(rules: &Rules) -> Vec<PathBuf> {
    let mut files = vec![Routing::path(rules)];
    files.extend(Sets::files(rules));
    files
}

/// How a file looks from outside. The time of its last change and its number tell one that was
/// put in the place of another, with the old one's size and time.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Print {
    number: u64,
    size: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

type Look = Vec<Option<Print>>;

/// The rule files of a configuration, as they looked last.
#[derive(Debug)]
pub struct Watch {
    files: Arc<[PathBuf]>,
    told: Look,
    last: Look,
}

impl Watch {
    /// Looks for the first time. To be called before the rules are loaded: what changes while
    /// they are is told then.
    pub fn begin(rules: &Rules) -> Self {
        let files: Arc<[PathBuf]> = files(rules).into();
        let first = look(&files);
        Self { files, told: first.clone(), last: first }
    }

    /// Tells of a change once the files have been quiet for a second: a file half written is
    /// nobody's. Never ends.
    pub async fn run(mut self, mut changed: impl AsyncFnMut()) {
        loop {
            tokio::time::sleep(LOOK).await;
            let files = self.files.clone();
            // A file system that hangs must not hold up a call.
            let Ok(now) = tokio::task::spawn_blocking(move || look(&files)).await else { return };
            if self.settled(now) {
                changed().await;
            }
        }
    }

    fn settled(&mut self, now: Look) -> bool {
        let quiet = self.last == now;
        self.last = now;
        let new = quiet && self.last != self.told;
        if new {
            self.told.clone_from(&self.last);
        }
        new
    }
}

fn look(files: &[PathBuf]) -> Look {
    let print = |path: &PathBuf| {
        let seen = std::fs::metadata(path).ok()?;
        Some(Print {
            number: seen.ino(),
            size: seen.size(),
            written: (seen.mtime(), seen.mtime_nsec()),
            changed: (seen.ctime(), seen.ctime_nsec()),
        })
    };
    files.iter().map(print).collect()
}

#[cfg(test)]
mod tests;
