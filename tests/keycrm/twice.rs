//! KeyCRM's search may not know yet what was made a moment ago.

use dozvon::core::case::{Case, Event};
use dozvon::crm::Crm;
use tempfile::TempDir;

use crate::common::answered;
use crate::crm_outbox::{dialogue, prompt};
use crate::house::{House, NEW, phone};
use crate::matrix::outbox;

#[tokio::test]
async fn two_calls_of_one_new_number_make_one_client_and_one_card() {
    let house = House::new().await;
    house.fake.state().lags = true;
    let folder = TempDir::new().unwrap();
    let parts = outbox(&house, &folder, prompt()).await;
    let one = answered(NEW, "12", "102");
    let two = Case { call: "two".into(), ..one.clone() };
    assert_eq!(two.event, Event::Answered);
    dialogue(parts, vec![one, two], || {
        house.fake.dialogue().iter().map(|seen| seen.line()).collect()
    })
    .await;
    {
        let state = house.fake.state();
        let his = state.buyers.iter().filter(|buyer| buyer["phone"][0] == NEW);
        assert_eq!((his.count(), state.cards.len()), (1, 5), "{:#?}", state.buyers);
    }
    let client = house.crm.caller(&phone(NEW)).await.unwrap().unwrap();
    assert_eq!(client.owner, Some("12".into()), "and the next call reaches his manager");
}
