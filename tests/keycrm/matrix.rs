//! The rules of KeyCRM, from what occurs in a call to what the CRM is sent.

use dozvon::core::case::{Case, Event, Sound};
use dozvon::core::facts::Direction;
use dozvon::outbox::{OutboxConfig, Parts};
use tempfile::TempDir;

use crate::common::{answered, missed, recorded};
use crate::crm_outbox::{self, parts, prompt};
use crate::house::{House, NEW, OLGA, PETRO, case, over};

/// The outbox of a company that goes by its rules.
pub async fn outbox(house: &House, folder: &TempDir, config: OutboxConfig) -> Parts {
    // Cards are made from calls, so that there is more to see.
    let text = include_str!("../../rules/keycrm.toml");
    let own = folder.path().join("keycrm.toml");
    std::fs::write(&own, text.replace("value = \"by_hand\"", "value = \"from_calls\"")).unwrap();
    parts(house.crm.clone(), own.to_str().unwrap(), folder, config).await
}

/// What the CRM is sent while these cases occur, one after the other.
async fn dialogue(cases: Vec<Case>) -> String {
    let house = House::patient().await;
    let folder = TempDir::new().unwrap();
    let parts = outbox(&house, &folder, prompt()).await;
    let sent = || house.fake.dialogue().iter().map(|seen| seen.line()).collect();
    crm_outbox::dialogue(parts, cases, sent).await
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
