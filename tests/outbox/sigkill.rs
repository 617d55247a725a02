//! A true process, truly killed in the middle of many entries, again and again.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use dozvon::core::case::{Clerk, Event};
use dozvon::core::client::Client;
use dozvon::core::phone::Phone;
use dozvon::core::staff::Employee;
use dozvon::crm::{ApplyError, Crm, CrmError, Done, Work};
use dozvon::outbox::entry::State;

use crate::house::{House, MS, case, note, until};

const FOLDER: &str = "DOZVON_TEST_CHILD";
const CALLS: u32 = 40;
const CASES: u32 = 3;
const ACTIONS: usize = 3;

/// Its effects stand in a file, which outlives the process. Sent twice, it does twice.
struct OnFile(Mutex<File>, PathBuf);

#[async_trait]
impl Crm for OnFile {
    fn name(&self) -> &'static str {
        "file"
    }

    async fn find(&self, _: &Phone) -> Result<Option<Client>, CrmError> {
        Ok(None)
    }

    async fn employees(&self) -> Result<Vec<Employee>, CrmError> {
        Ok(vec![])
    }

    async fn apply(&self, work: &Work<'_>) -> Result<Done, ApplyError> {
        tokio::time::sleep(MS).await;
        // One write: it is there or it is not.
        self.0.lock().unwrap().write_all(format!("{}\n", work.key).as_bytes()).unwrap();
        tokio::time::sleep(MS).await;
        Ok(Done::default())
    }

    async fn read_back(&self, work: &Work<'_>) -> Result<Option<Done>, ApplyError> {
        Ok(keys(&self.1).iter().any(|key| key == work.key).then(Done::default))
    }
}

fn keys(effects: &Path) -> Vec<String> {
    std::fs::read_to_string(effects).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// What the killed process runs.
#[test]
#[ignore = "it is the child of the test below"]
fn the_engine() {
    let folder = PathBuf::from(std::env::var(FOLDER).expect("the parent names a folder"));
    let effects = folder.join("effects");
    let file = OpenOptions::new().create(true).append(true).open(&effects).unwrap();
    let mut house = House::new(|_| (0..ACTIONS).map(|_| note("x")).collect());
    house.path = folder.join("dozvon.sqlite");
    let life = house.start_with(Arc::new(OnFile(Mutex::new(file), effects)));
    if !folder.join("written").exists() {
        for seq in 1..=CASES {
            for call in 0..CALLS {
                let number = format!("+7916111{:04}", call / 2);
                life.outbox.occurred(case(&format!("c{call}"), seq, Event::Ended, &number));
            }
        }
        until("all is written", || {
            life.sql::<i64>("SELECT count(*) FROM journal") == i64::from(CALLS * CASES)
        });
        File::create(folder.join("written")).unwrap();
    }
    life.reach(State::Done, (CALLS * CASES) as usize);
    File::create(folder.join("done")).unwrap();
}

fn spawn(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["sigkill::the_engine", "--exact", "--ignored"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn killed_again_and_again_in_the_middle_nothing_is_lost_and_nothing_done_twice() {
    let folder = tempfile::TempDir::new().unwrap();
    let (effects, done) = (folder.path().join("effects"), folder.path().join("done"));
    let all = (CALLS * CASES) as usize * ACTIONS;
    for life in 1..=5 {
        let mut child = spawn(folder.path());
        let enough = all * life / 7;
        until("it works", || {
            folder.path().join("written").exists() && keys(&effects).len() >= enough
        });
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!done.exists(), "killed too late to tell anything");
    }
    let mut child = spawn(folder.path());
    until("the rest is done", || {
        std::thread::sleep(Duration::from_millis(20));
        done.exists()
    });
    assert!(child.wait().unwrap().success());

    let keys = keys(&effects);
    let mut expected = Vec::new();
    for call in 0..CALLS {
        for seq in 1..=CASES {
            expected.extend((1..=ACTIONS).map(|action| format!("c{call}/{seq}/{action}")));
        }
        // In order within the call.
        let of_call = |key: &&String| key.starts_with(&format!("c{call}/"));
        let own: Vec<_> = keys.iter().filter(of_call).cloned().collect();
        assert_eq!(own, expected[expected.len() - own.len().min(expected.len())..], "call {call}");
    }
    let (mut found, total) = (keys.clone(), keys.len());
    found.sort();
    found.dedup();
    expected.sort();
    assert_eq!((total, found), (all, expected));
}
