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
mod tests {
    use std::fs;
    use std::io::Write;
    use std::sync::Mutex;

    use super::*;

    const WHOLE: &str = "schema = 1\ntitle = \"A set\"\nwhy = \"To be written slowly.\"\n";

    struct House {
        folder: tempfile::TempDir,
        rules: Rules,
        told: Arc<Mutex<Vec<String>>>,
    }

    /// A set, watched in virtual time; each time a change is told, its text is kept.
    fn house() -> House {
        let folder = tempfile::tempdir().unwrap();
        let set = folder.path().join("mine.toml");
        fs::write(&set, "old").unwrap();
        let rules = Rules {
            routing: Some(folder.path().join("routing.toml")),
            set: set.display().to_string(),
            ..Rules::default()
        };
        let told = Arc::<Mutex<Vec<String>>>::default();
        let (watch, heard) = (Watch::begin(&rules), told.clone());
        tokio::spawn(watch.run(async move || {
            heard.lock().unwrap().push(fs::read_to_string(&set).unwrap_or_default());
        }));
        House { folder, rules, told }
    }

    impl House {
        fn told(&self) -> Vec<String> {
            std::mem::take(&mut self.told.lock().unwrap())
        }
    }

    async fn quiet() {
        tokio::time::sleep(3 * LOOK).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_half_written_is_not_told_of() {
        let house = house();
        let mut file = fs::File::create(house.folder.path().join("mine.toml")).unwrap();
        for letter in WHOLE.bytes() {
            file.write_all(&[letter]).unwrap();
            tokio::time::sleep(LOOK * 7 / 10).await;
            assert_eq!(house.told(), [""; 0]);
        }
        quiet().await;
        assert_eq!(house.told(), [WHOLE]);
        quiet().await;
        assert_eq!(house.told(), [""; 0], "once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_appears_goes_or_is_replaced_is_told_of() {
        let house = house();
        quiet().await;
        assert_eq!(house.told(), [""; 0], "nothing was changed");
        for name in ["routing.toml", "mine.test.toml"] {
            fs::write(house.folder.path().join(name), "new").unwrap();
            quiet().await;
            assert_eq!(house.told(), ["old"], "{name} is there");
            fs::remove_file(house.folder.path().join(name)).unwrap();
            quiet().await;
            assert_eq!(house.told(), ["old"], "{name} is gone");
        }
        let (mine, other) = (house.folder.path().join("mine.toml"), house.folder.path().join("x"));
        fs::write(&other, "new").unwrap();
        let time = fs::metadata(&mine).unwrap().modified().unwrap();
        fs::File::options().write(true).open(&other).unwrap().set_modified(time).unwrap();
        fs::rename(&other, &mine).unwrap();
        quiet().await;
        assert_eq!(house.told(), ["new"], "of the same size and time");
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_between_the_first_look_and_the_start_is_told_of() {
        let House { folder, rules, .. } = house();
        let watch = Watch::begin(&rules);
        fs::write(folder.path().join("mine.toml"), "changed meanwhile").unwrap();
        let told = Arc::<Mutex<u32>>::default();
        let heard = told.clone();
        tokio::spawn(watch.run(async move || *heard.lock().unwrap() += 1));
        quiet().await;
        assert_eq!(*told.lock().unwrap(), 1);
    }

    #[test]
    fn every_file_the_configuration_names_is_watched_even_where_a_built_in_one_stands_in() {
        let mut rules = Rules { shadow: Some("x/mine.toml".into()), ..Rules::default() };
        rules.lines.insert("moscow".into(), "sipuni".into());
        rules.lines.insert("spb".into(), "sipuni".into());
        let files: Vec<_> = files(&rules).iter().map(|path| path.display().to_string()).collect();
        assert_eq!(
            files,
            [
                "rules/routing.toml",
                "rules/amocrm-classic.toml",
                "rules/amocrm-classic.test.toml",
                "rules/sipuni.toml",
                "rules/sipuni.test.toml",
                "x/mine.toml",
                "x/mine.test.toml"
            ]
        );
    }
}
