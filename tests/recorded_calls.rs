//! Recorded calls from beginning to end: the engine and the simulated FreeSWITCH over real sockets, files and links.

#![allow(clippy::unwrap_used)]

#[path = "support/in_process.rs"]
mod engine;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dozvon::core::call::Occurrence;
use dozvon::core::record::{CallRecord, Outcome};
use dozvon::recording::{RecordingConfig, Template};
use dozvon::rules::Routing;
use dozvon::sim::{CallSpec, Caller, FreeSwitch, Script};
use dozvon::switch::engine::CallNews;
use engine::{Engine, MemoryCrm};
use tempfile::TempDir;

const LINE: &str = "+74951234567";
const OLGA_OF_101: &str = "+79161110001";

struct House {
    engine: Engine,
    switch: FreeSwitch,
    folder: TempDir,
}

impl House {
    /// `path`: the template, below a folder of its own.
    async fn new(path: Option<&str>, enabled: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let below = |path: &str| Template::parse(folder.path().join(path).to_str().unwrap());
        let recording = RecordingConfig {
            enabled,
            path: path.map(|path| below(path).unwrap()),
            folder: Some(folder.path().to_owned()),
            secret: Some("a secret of the tests".to_owned().into()),
            ..RecordingConfig::default()
        };
        let crm = MemoryCrm::default().client(OLGA_OF_101, "Ольга Белова", "e101");
        let rules = Routing::default_rules().unwrap();
        let engine = Engine::start_configured(crm, rules, |config| config.recording = recording);
        let engine = engine.await;
        let switch = FreeSwitch::builder()
            .speed(40.0)
            .tick(Duration::ZERO)
            .phone("101", Script::answers(Duration::from_secs(2)))
            .phone("102", Script::answers(Duration::from_secs(2)))
            .recordings(folder.path())
            .engine(&engine.app.calls.to_string())
            .start()
            .await
            .unwrap();
        Self { engine, switch, folder }
    }

    /// Olga calls, with these variables of the dialplan: the record, and the seconds told.
    async fn call(&mut self, variables: &[(&str, &str)]) -> (Arc<CallRecord>, Vec<u64>) {
        let mut news = self.engine.app.engine.news.subscribe();
        let caller = Caller::stays().talks_for(Duration::from_secs(80));
        let mut spec = CallSpec::new(OLGA_OF_101, LINE).caller(caller);
        for (name, value) in variables {
            spec = spec.variable(name, value);
        }
        let report = self.switch.call(spec).report().await;
        assert_eq!(
            (report.talks.len(), report.channels_left),
            (1, 0),
            "the call is like any other"
        );
        let record = self.engine.record().await;
        assert_eq!(record.outcome, Some(Outcome::Answered));
        let mut told = vec![];
        while let Ok(news) = news.try_recv() {
            if let CallNews::Occurred { occurrence: Occurrence::Recorded { seconds }, .. } = news {
                told.push(seconds);
            }
        }
        (record, told)
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn a12_a_call_by_the_template_has_a_file_a_link_and_a_length() {
    let mut house = House::new(Some("{line}/{direction}-{call}.wav"), true).await;
    let (record, told) = house.call(&[]).await;
    let sound = record.recording.clone().unwrap();
    assert_eq!(told, [sound.seconds.unwrap()]);
    // 80 s, forty times as fast, on two clocks; the simulated one counts.
    assert!((75..90).contains(&told[0]), "{told:?}");
    assert_eq!(
        files(house.folder.path()),
        [PathBuf::from(house.path(&format!("main/inbound-{}.wav", record.id)))]
    );
    let answer = dozvon::http::client().build().unwrap().get(&sound.url).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    assert!(answer.bytes().await.unwrap().starts_with(b"RIFF"));
}

#[tokio::test]
async fn the_dialplans_path_goes_before_the_template() {
    let mut house = House::new(Some("{call}.wav"), true).await;
    let path = house.path("Записи it's \\ \"q\", a/x y.wav");
    let (record, told) = house.call(&[("dozvon_record_path", &path)]).await;
    assert_eq!((files(house.folder.path()), told.len()), (vec![PathBuf::from(&path)], 1));
    let url = record.recording.clone().unwrap().url;
    assert_eq!(
        dozvon::http::client().build().unwrap().get(&url).send().await.unwrap().status().as_u16(),
        200,
        "{url}"
    );
}

#[tokio::test]
async fn nothing_is_recorded_where_nothing_says_so() {
    for (path, enabled) in [(None, true), (Some("{call}.wav"), false)] {
        let mut house = House::new(path, enabled).await;
        let (record, told) = house.call(&[]).await;
        assert_eq!((record.recording.clone(), told), (None, vec![]), "{path:?}");
        assert!(files(house.folder.path()).is_empty(), "{path:?}");
    }
}

/// Transcript 10c: the talk is like any other.
#[tokio::test]
async fn a_path_that_cannot_be_written_harms_no_call() {
    let mut house = House::new(None, true).await;
    let (record, told) = house.call(&[("dozvon_record_path", "/proc/nope/x.wav")]).await;
    assert_eq!((record.recording.clone(), told), (None, vec![]));
}

/// Whatever stands in the dialplan's variable, no file is made outside, and no second command.
#[tokio::test]
async fn a_path_that_is_none_is_not_used() {
    let mut house = House::new(None, true).await;
    let outside = house.path("../x.wav");
    for path in [&outside, "x.wav", "/x", "/tmp/a\nb.wav", "{RECORD_APPEND=true}/x.wav"] {
        let (record, told) = house.call(&[("dozvon_record_path", path)]).await;
        assert_eq!((record.recording.clone(), told), (None, vec![]), "{path}");
    }
    assert!(files(house.folder.path()).is_empty());
}
