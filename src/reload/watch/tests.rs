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
