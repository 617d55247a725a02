//! The rules of KeyCRM, from what occurs in a call to what the CRM is sent.

use std::sync::Arc;
use std::time::Duration;

use dozvon::config::Rules;
use dozvon::core::case::{Case, Clerk, Event, Known, Sound};
use dozvon::core::facts::Direction;
use dozvon::core::record::Outcome;
use dozvon::directory::{Directory, DirectoryConfig};
use dozvon::metrics::Metrics;
use dozvon::outbox::desk::{Desk, Filter};
use dozvon::outbox::entry::State;
use dozvon::outbox::sets::SetsInForce;
use dozvon::outbox::{JournalConfig, Outbox, OutboxConfig, Parts, WebhookConfig};
use dozvon::rules::set::Sets;
use dozvon::traces::Tracer;
use tempfile::TempDir;

use crate::house::{House, NEW, OLGA, PETRO, case, over, speaker};

/// The outbox of a company that goes by its rules.
pub async fn outbox(house: &House, folder: &TempDir, config: OutboxConfig) -> Parts {
    let metrics = Arc::new(Metrics::new().unwrap());
    let directory = Directory::new(house.crm.clone(), DirectoryConfig::default(), metrics.clone());
    directory.refresh_staff().await.unwrap();
    // Cards are made from calls, so that there is more to see.
    let text = include_str!("../../rules/keycrm.toml");
    let own = folder.path().join("keycrm.toml");
    std::fs::write(&own, text.replace("value = \"by_hand\"", "value = \"from_calls\"")).unwrap();
    let rules = Rules { set: own.to_str().unwrap().into(), ..Rules::default() };
    let sets = Sets::load(&rules).unwrap_or_else(|_| panic!("the set is not loaded"));
    Parts {
        path: folder.path().join("dozvon.sqlite"),
        journal: JournalConfig::default(),
        outbox: config,
        webhook: WebhookConfig::default(),
        judge: Arc::new(SetsInForce::new(sets, directory.clone())),
        crm: house.crm.clone(),
        directory: Some(directory),
        tracer: Tracer::default(),
        metrics,
    }
}

/// What the CRM is sent while these cases occur, one after the other.
async fn dialogue(cases: Vec<Case>) -> String {
    let house = House::new().await;
    let folder = TempDir::new().unwrap();
    let config = OutboxConfig { poll: Duration::from_millis(5), ..OutboxConfig::default() };
    let outbox = Outbox::start(outbox(&house, &folder, config).await);
    let mut store = outbox.store();
    let store = store.wait_for(Option::is_some).await.unwrap().clone().unwrap();
    house.fake.dialogue();
    outbox.began(&"call".into(), Some("main"));
    let mut told = String::new();
    for (n, case) in cases.into_iter().enumerate() {
        told.push_str(&format!("--- {}\n", case.event.as_str()));
        outbox.occurred(Case { client: Known::Unsure, ..case });
        loop {
            let states = vec![State::Waiting, State::Working, State::Parked, State::Done];
            let filter = Filter { states, limit: 100, ..Filter::default() };
            let lines = Desk::new(store.clone()).list(&filter).await.unwrap();
            assert!(lines.iter().all(|line| line.state != State::Parked), "{lines:#?}");
            if lines.len() > n && lines.iter().all(|line| line.state == State::Done) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for seen in house.fake.dialogue() {
            told.push_str(&seen.line());
            told.push('\n');
        }
    }
    told
}

fn answered(number: &str, employee: &str, extension: &str) -> Case {
    let case = case(Event::Answered, number);
    let first = Some(speaker(employee, extension));
    Case { answered: Some(case.started), last: first.clone(), first, ..case }
}

fn recorded(mut case: Case) -> Case {
    case.event = Event::Recorded;
    case.seq += 1;
    case
}

fn missed(number: &str, voicemail: Option<Sound>) -> Case {
    let case = case(Event::Missed, number);
    let outcome = if voicemail.is_some() { Outcome::Voicemail } else { Outcome::Missed };
    Case { ended: Some(case.started), outcome: Some(outcome), voicemail, ..case }
}

#[tokio::test]
async fn d05_a_new_client_was_answered() {
    let mut case = answered(NEW, "12", "102");
    case.fields.insert("utm_source".into(), "google".into());
    let ended = over(case.clone(), "12", "102");
    let told = dialogue(vec![case, ended.clone(), recorded(ended)]).await;
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn d02_the_card_of_a_client_pops_up_at_his_manager() {
    let ringing = Case { rung: vec!["13".into()], ..case(Event::Ringing, OLGA) };
    let mut case = Case { seq: 2, ..answered(OLGA, "13", "103") };
    case.rung = ringing.rung.clone();
    let ended = over(case.clone(), "13", "103");
    insta::assert_snapshot!(dialogue(vec![ringing, case, ended]).await);
}

#[tokio::test]
async fn d04_another_one_answered_a_client() {
    let case = answered(OLGA, "12", "102");
    let ended = over(case.clone(), "12", "102");
    insta::assert_snapshot!(dialogue(vec![case, ended]).await);
}

#[tokio::test]
async fn d05_nobody_answered_a_client_of_a_closed_card() {
    let missed = Case { rung: vec!["13".into()], ..missed(PETRO, None) };
    insta::assert_snapshot!(dialogue(vec![missed]).await);
}

#[tokio::test]
async fn d05_a_client_left_a_message() {
    let sound = Sound { url: "https://pbx.example/voicemail/1".into(), seconds: Some(4) };
    let missed = Case { rung: vec!["13".into()], ..missed(OLGA, Some(sound)) };
    insta::assert_snapshot!(dialogue(vec![missed]).await);
}

#[tokio::test]
async fn d03_his_manager_called_a_client() {
    let mut ended = over(case(Event::Answered, OLGA), "13", "103");
    ended.direction = Direction::Outbound;
    ended.caller = ended.first.take();
    insta::assert_snapshot!(dialogue(vec![ended]).await);
}
