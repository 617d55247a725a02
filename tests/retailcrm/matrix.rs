//! The matrix of retailCRM, from what occurs in a call to what the CRM is sent.

use dozvon::core::case::{Case, Event, Sound, Speaker};
use dozvon::core::facts::Direction;
use dozvon::outbox::{OutboxConfig, Parts};
use tempfile::TempDir;

use crate::common::{answered, missed, recorded};
use crate::crm_outbox::{self, parts, prompt};
use crate::house::{House, NEW, OLGA, PETR, case, over};

/// The outbox of a company that goes by the matrix.
pub async fn outbox(house: &House, folder: &TempDir, config: OutboxConfig) -> Parts {
    parts(house.crm.clone(), "retailcrm-matrix", folder, config).await
}

/// What the CRM is sent while these cases occur, one after the other.
async fn dialogue(cases: Vec<Case>) -> String {
    let house = House::new().await;
    let folder = TempDir::new().unwrap();
    let parts = outbox(&house, &folder, prompt()).await;
    let sent = || house.fake.dialogue().iter().map(|seen| seen.line()).collect();
    let cases = cases.into_iter().map(House::going_on).collect();
    let told = crm_outbox::dialogue(parts, cases, sent).await;
    told.replace(&house.fake.server.uri(), "https://shop.retailcrm.ru")
}

#[tokio::test]
async fn b05_a_new_client_was_answered() {
    let mut case = answered(NEW, "12", "102");
    case.fields.insert("utm_source".into(), "yandex".into());
    let ended = over(case.clone(), "12", "102");
    let told = dialogue(vec![case, ended.clone(), recorded(ended)]).await;
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn b06_another_one_answered_a_client_with_an_open_order() {
    let case = answered(OLGA, "12", "102");
    let ended = over(case.clone(), "12", "102");
    insta::assert_snapshot!(dialogue(vec![case, ended]).await);
}

#[tokio::test]
async fn b07_another_one_answered_a_client_of_closed_orders() {
    let case = answered(PETR, "12", "102");
    let ended = over(case.clone(), "12", "102");
    insta::assert_snapshot!(dialogue(vec![case, ended]).await);
}

#[tokio::test]
async fn b08_nobody_answered_a_new_client() {
    insta::assert_snapshot!(dialogue(vec![missed(NEW, None)]).await);
}

#[tokio::test]
async fn b10_a_client_left_a_message() {
    let sound = Sound { url: "https://pbx.example/voicemail/1".into(), seconds: Some(4) };
    let missed = missed(OLGA, Some(sound));
    let voicemail = Case { event: Event::Voicemail, ..missed.clone() };
    let missed = Case { seq: 2, ..missed };
    insta::assert_snapshot!(dialogue(vec![voicemail, missed]).await);
}

#[tokio::test]
async fn b09_his_manager_called_a_client() {
    let mut ended = over(case(Event::Answered, OLGA), "13", "103");
    ended.direction = Direction::Outbound;
    ended.caller = ended.first.take();
    insta::assert_snapshot!(dialogue(vec![ended]).await);
}

#[tokio::test]
async fn b02_an_extension_of_nobodys_answered() {
    let mut case = answered(OLGA, "12", "102");
    case.first = Some(Speaker { employee: None, number: "999".into() });
    case.last = case.first.clone();
    insta::assert_snapshot!(dialogue(vec![case]).await);
}
