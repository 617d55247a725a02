//! Recording on a real FreeSWITCH: whole, in stereo, one file a call, and never to a call's harm. Skipped, with the
//! reason, where no FreeSWITCH is installed.

// Helpers are not tests themselves, so clippy.toml does not cover them.
#![allow(clippy::expect_used)]

#[allow(dead_code, reason = "what is left over is for other tests")]
#[path = "support/engine.rs"]
mod engine;
#[allow(dead_code, reason = "what is left over is for other tests")]
#[path = "support/house.rs"]
mod house;
#[path = "support/wav.rs"]
mod wav;

use std::path::{Path, PathBuf};
use std::time::Duration;

use dozvon::recording::{Key, Links, Server};
use engine::Engine;
use house::freeswitch::free_port;
use house::sip::{Behaviour, Call};
use house::{A_WHILE, AT_ONCE, House, SOON};
use jiff::Timestamp;
use wav::{Wav, files};

const OLGA_OF_101: &str = "79161110001";
const SECRET: &str = "a secret of the tests";
/// The tones of those who call, of employees' phones, and of the phone an employee is passed on to.
const CALLER: u32 = 400;
const EMPLOYEE: u32 = 1000;
const COLLEAGUE: u32 = 2000;

/// A house with an engine that serves what is recorded in this folder.
async fn company() -> Option<(House, Engine)> {
    let calls = free_port().await;
    let house = furnished(calls.to_string()).await?;
    let folder = house.freeswitch.recordings();
    let engine = engine(calls, &house, &folder).await;
    Some((house, engine))
}

async fn furnished(engine: String) -> Option<House> {
    let house = House::build(&engine).await?;
    house.caller.hums(CALLER).await;
    house.mobile.hums(EMPLOYEE).await;
    for phone in [101, 102, 104] {
        house.phone(phone).hums(EMPLOYEE).await;
    }
    house.phone(103).hums(COLLEAGUE).await;
    Some(house)
}

async fn engine(calls: std::net::SocketAddr, house: &House, folder: &Path) -> Engine {
    let config = format!("[recording]\nfolder = {folder:?}\nsecret = \"{SECRET}\"\n");
    Engine::start_configured(calls, house.freeswitch.control, &config).await
}

async fn rings(house: &House, extension: usize) -> Call {
    let call = house.phone(extension).next_call(SOON).await;
    call.unwrap_or_else(|| panic!("{extension} rings"))
}

async fn talk(one: &Call, other: &Call) {
    assert!(one.is_answered(SOON).await && other.is_answered(SOON).await, "both are in a talk");
    assert_eq!(one.ended(A_WHILE).await, None, "it goes on");
    assert_eq!(other.ended(Duration::ZERO).await, None, "it goes on");
}

/// The one file in the folder, and what the engine says of its length.
async fn recording(house: &House, engine: &Engine) -> (PathBuf, Wav) {
    let said = engine.says("the recording is complete").await;
    house.ends_empty().await;
    let (path, wav) = only(&house.freeswitch.recordings());
    let seconds = said["seconds"].as_u64().expect("a length") as f64;
    assert!((seconds - wav.seconds()).abs() <= 0.5, "{seconds} {}", wav.seconds());
    (path, wav)
}

fn only(folder: &Path) -> (PathBuf, Wav) {
    let found = files(folder);
    let [path] = &found[..] else { panic!("one file: {found:?}") };
    let wav = Wav::read(path).expect("it is complete");
    assert_eq!(wav.channels.len(), 2, "stereo");
    (path.clone(), wav)
}

/// How long the two talk in [`talk`], as far as a busy machine lets their tones through.
const TALKED: std::ops::Range<f64> = 0.8..4.0;

/// Who is heard on the left and on the right in this second.
#[track_caller]
fn heard(wav: &Wav, second: usize, left: u32, right: u32) {
    for (channel, hertz) in [left, right].into_iter().enumerate() {
        let found = wav.hertz(channel, second);
        let near = (hertz as usize * 4 / 5)..=(hertz as usize * 11 / 10);
        assert!(near.contains(&found), "channel {channel} has {found} Hz in second {second}");
    }
}

/// The link to a file, as cases carry it.
async fn link(house: &House, engine: &Engine, file: &Path) -> String {
    let server = Server::Own { url: engine.http().await, key: Key::new(SECRET.as_bytes()) };
    let links = Links::new(server, house.freeswitch.recordings(), None);
    let expires = Timestamp::now() + Duration::from_secs(60);
    links.link(file.to_str().expect("UTF-8"), expires).expect("inside the folder")
}

/// A12: the file grows while they talk and is whole after it; the link says so.
#[tokio::test]
async fn a12_a_talk_is_recorded_in_stereo_and_can_be_listened_to() {
    let Some((house, engine)) = company().await else { return };
    house.phone(101).behave(Behaviour::Manual);
    let call = house.call_from(OLGA_OF_101).await;
    let owner = rings(&house, 101).await;
    owner.ring().await;
    assert!(call.rings(SOON).await);
    assert_eq!(call.ended(A_WHILE).await, None);
    assert!(files(&house.freeswitch.recordings()).is_empty(), "nobody talks yet");
    owner.answer().await;
    talk(&call, &owner).await;
    let growing = files(&house.freeswitch.recordings());
    let [growing] = &growing[..] else { panic!("one file: {growing:?}") };
    let link = link(&house, &engine, growing).await;
    let early = dozvon::http::client().build().unwrap().get(&link).send().await.expect("an answer");
    assert_eq!(early.status().as_u16(), 404);
    assert!(early.headers().contains_key("retry-after"));
    call.hang_up().await;
    let (path, wav) = recording(&house, &engine).await;
    assert!(TALKED.contains(&wav.seconds()), "from the answer on: {}", wav.seconds());
    heard(&wav, 0, CALLER, EMPLOYEE);
    engine.ended(1).await;
    let whole = dozvon::http::client().build().unwrap().get(&link).send().await.expect("an answer");
    assert_eq!(whole.status().as_u16(), 200);
    assert_eq!(whole.bytes().await.expect("a body"), std::fs::read(path).expect("a file"));
}

/// mod_callcenter: the music he waits by is not recorded.
#[tokio::test]
async fn a_talk_with_an_agent_of_the_queue_is_recorded() {
    let Some((house, engine)) = company().await else { return };
    house.only_agent(104).await;
    house.phone(101).behave(Behaviour::Reject(486));
    house.phone(104).behave(Behaviour::Answer { after: A_WHILE * 2, talk: None });
    let call = house.call_from(OLGA_OF_101).await;
    let agent = rings(&house, 104).await;
    talk(&call, &agent).await;
    call.hang_up().await;
    let (_, wav) = recording(&house, &engine).await;
    assert!(TALKED.contains(&wav.seconds()), "the talk only: {}", wav.seconds());
    heard(&wav, 0, CALLER, EMPLOYEE);
}

/// mod_fifo, where the agent's leg is the first one of the bridge.
#[tokio::test]
async fn a_talk_with_an_agent_of_mod_fifo_is_recorded() {
    let calls = free_port().await;
    let Some(house) = furnished(calls.to_string()).await else { return };
    let steps = r#"{ do = "fifo", queue = "support@127.0.0.1", wait = "30s" }"#;
    let engine = Engine::start_steps(calls, house.freeswitch.control, steps).await;
    house.phone(103).behave(AT_ONCE);
    house.phone(104).behave(Behaviour::Reject(486));
    let call = house.call_from(OLGA_OF_101).await;
    let agent = rings(&house, 103).await;
    talk(&call, &agent).await;
    agent.hang_up().await;
    let (_, wav) = recording(&house, &engine).await;
    assert!(TALKED.contains(&wav.seconds()), "{}", wav.seconds());
    heard(&wav, 0, CALLER, COLLEAGUE);
}

/// E02: a client passed on is one call with one recording, and the whole of it.
#[tokio::test]
async fn e02_a_blind_transfer_is_one_recording() {
    let Some((house, engine)) = company().await else { return };
    for phone in [101, 103] {
        house.phone(phone).behave(AT_ONCE);
    }
    let call = house.call_from(OLGA_OF_101).await;
    let owner = rings(&house, 101).await;
    talk(&call, &owner).await;
    owner.transfer("103").await;
    let colleague = rings(&house, 103).await;
    talk(&call, &colleague).await;
    call.hang_up().await;
    let (_, wav) = recording(&house, &engine).await;
    assert!((2.0..6.0).contains(&wav.seconds()), "{}", wav.seconds());
    heard(&wav, 0, CALLER, EMPLOYEE);
    heard(&wav, wav.seconds() as usize - 1, CALLER, COLLEAGUE);
}

/// E02: what the owner asks his colleague is recorded nowhere.
#[tokio::test]
async fn e02_an_attended_transfer_is_one_recording_and_the_question_is_in_none() {
    let Some((house, engine)) = company().await else { return };
    for phone in [101, 103] {
        house.phone(phone).behave(AT_ONCE);
    }
    let call = house.call_from(OLGA_OF_101).await;
    let owner = rings(&house, 101).await;
    talk(&call, &owner).await;
    let question = house.phone(101).call(house.freeswitch.phones, "103", "Anna", "101").await;
    let colleague = rings(&house, 103).await;
    talk(&question, &colleague).await;
    owner.transfer_to(&question).await;
    assert!(owner.ended(SOON).await.is_some());
    talk(&call, &colleague).await;
    call.hang_up().await;
    let (_, wav) = recording(&house, &engine).await;
    assert!((2.5..8.0).contains(&wav.seconds()), "{}", wav.seconds());
    heard(&wav, 0, CALLER, EMPLOYEE);
    heard(&wav, wav.seconds() as usize - 1, CALLER, COLLEAGUE);
    engine.ended(2).await;
    assert_eq!(files(&house.freeswitch.recordings()).len(), 1);
}

/// E02: between employees nothing is recorded; out to a client it is, left the employee.
#[tokio::test]
async fn e02_a_call_out_is_recorded_and_one_inside_is_not() {
    let Some((house, engine)) = company().await else { return };
    house.phone(103).behave(AT_ONCE);
    house.mobile.behave(AT_ONCE);
    let inside = house.freeswitch.phones;
    let call = house.phone(101).call(inside, "103", "Anna", "101").await;
    let colleague = rings(&house, 103).await;
    talk(&call, &colleague).await;
    call.hang_up().await;
    engine.ended(1).await;
    assert!(files(&house.freeswitch.recordings()).is_empty());
    let call = house.phone(103).call(inside, "79167654321", "Boris", "103").await;
    let client = house.mobile.next_call(SOON).await.expect("the client rings");
    talk(&call, &client).await;
    client.hang_up().await;
    let (_, wav) = recording(&house, &engine).await;
    assert!(TALKED.contains(&wav.seconds()), "{}", wav.seconds());
    heard(&wav, 0, COLLEAGUE, EMPLOYEE);
}

/// An employee who called out passes the client on: his leg goes, the recording goes over to the client's.
#[tokio::test]
async fn a_client_called_and_passed_on_is_recorded_to_the_end() {
    let Some((house, engine)) = company().await else { return };
    house.mobile.hums(CALLER).await;
    house.phone(103).behave(AT_ONCE);
    house.mobile.behave(AT_ONCE);
    let call = house.phone(101).call(house.freeswitch.phones, "79167654321", "Anna", "101").await;
    let client = house.mobile.next_call(SOON).await.expect("the client rings");
    talk(&call, &client).await;
    call.transfer("103").await;
    let colleague = rings(&house, 103).await;
    talk(&client, &colleague).await;
    client.hang_up().await;
    engine.ended(2).await;
    house.ends_empty().await;
    let (_, wav) = only(&house.freeswitch.recordings());
    assert!((2.0..6.0).contains(&wav.seconds()), "{}", wav.seconds());
    heard(&wav, 0, EMPLOYEE, CALLER);
    // The leg is another one, so the sides are changed.
    heard(&wav, wav.seconds() as usize - 1, CALLER, COLLEAGUE);
}

/// Where the folder cannot be made the talk is like any other, and the log says it.
#[tokio::test]
async fn an_unwritable_folder_harms_no_call() {
    let Some((house, engine)) = company().await else { return };
    std::fs::write(house.freeswitch.recordings(), "in the folder's place").expect("a file");
    house.phone(101).behave(AT_ONCE);
    let call = house.call_from(OLGA_OF_101).await;
    let owner = rings(&house, 101).await;
    talk(&call, &owner).await;
    owner.hang_up().await;
    assert!(call.ended(SOON).await.expect("it ends").by_other);
    assert_eq!(engine.ended(1).await[0]["outcome"], "answered");
    engine.says("the talk was not recorded").await;
    house.ends_empty().await;
}

/// A disk that never answers (a pipe nobody reads): ringing, talk and record go their way.
#[tokio::test]
async fn a_disk_that_hangs_harms_no_call() {
    let Some((house, engine)) = company().await else { return };
    house.phone(101).behave(Behaviour::Silent);
    let call = house.call_from(OLGA_OF_101).await;
    let owner = rings(&house, 101).await;
    let id = engine.says("call arrived").await["span"]["id"].as_str().expect("an id").to_owned();
    let day = house.freeswitch.api("strftime %Y-%m-%d").await;
    let folder = house.freeswitch.recordings().join(day.trim());
    std::fs::create_dir_all(&folder).expect("a folder");
    let pipe = folder.join(format!("{id}.wav"));
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    owner.answer().await;
    talk(&call, &owner).await;
    owner.hang_up().await;
    assert!(call.ended(SOON).await.expect("it ends").by_other);
    assert_eq!(engine.ended(1).await[0]["outcome"], "answered");
}

/// A file that is taken away under FreeSWITCH's hands.
#[tokio::test]
async fn a_file_deleted_during_the_talk_harms_no_call() {
    let Some((house, engine)) = company().await else { return };
    house.phone(101).behave(AT_ONCE);
    let call = house.call_from(OLGA_OF_101).await;
    let owner = rings(&house, 101).await;
    talk(&call, &owner).await;
    let found = files(&house.freeswitch.recordings());
    let [file] = &found[..] else { panic!("one file: {found:?}") };
    std::fs::remove_file(file).expect("it was there");
    talk(&call, &owner).await;
    call.hang_up().await;
    assert_eq!(engine.ended(1).await[0]["outcome"], "answered");
    house.ends_empty().await;
    let gone = dozvon::http::client()
        .build()
        .unwrap()
        .get(link(&house, &engine, file).await)
        .send()
        .await
        .expect("an answer");
    assert_eq!(gone.status().as_u16(), 404);
    assert!(!gone.headers().contains_key("retry-after"), "it will never come");
}

/// Cyrillic, umlauts, spaces and quotes in the folder's name.
#[tokio::test]
async fn the_folder_may_have_any_name() {
    let Some((house, engine)) = company().await else { return };
    let folder = house.freeswitch.records_into("Записи für, it's 100% 'so' (2026)").await;
    house.phone(101).behave(AT_ONCE);
    let call = house.call_from(OLGA_OF_101).await;
    let owner = rings(&house, 101).await;
    talk(&call, &owner).await;
    call.hang_up().await;
    engine.says("the recording is complete").await;
    house.ends_empty().await;
    heard(&only(&folder).1, 0, CALLER, EMPLOYEE);
}

/// E09: the engine dies in the talk; the recording goes on to its end, and an engine that comes back serves it.
#[tokio::test]
async fn e09_the_recording_outlives_the_engine() {
    let calls = free_port().await;
    let Some(house) = furnished(calls.to_string()).await else { return };
    let folder = house.freeswitch.recordings();
    let mut dead = engine(calls, &house, &folder).await;
    house.phone(101).behave(AT_ONCE);
    let call = house.call_from(OLGA_OF_101).await;
    let owner = rings(&house, 101).await;
    talk(&call, &owner).await;
    dead.kill();
    talk(&call, &owner).await;
    let alive = engine(free_port().await, &house, &folder).await;
    let growing = files(&folder);
    let [growing] = &growing[..] else { panic!("one file: {growing:?}") };
    let link = link(&house, &alive, growing).await;
    let early = dozvon::http::client().build().unwrap().get(&link).send().await.expect("an answer");
    assert_eq!(early.status().as_u16(), 404, "FreeSWITCH still writes it");
    assert!(early.headers().contains_key("retry-after"));
    call.hang_up().await;
    house.ends_empty().await;
    let (_, wav) = only(&folder);
    assert!(wav.seconds() > 2.0, "{}", wav.seconds());
    heard(&wav, wav.seconds() as usize - 1, CALLER, EMPLOYEE);
    assert_eq!(
        dozvon::http::client()
            .build()
            .unwrap()
            .get(&link)
            .send()
            .await
            .expect("an answer")
            .status()
            .as_u16(),
        200
    );
}
