//! E01: which cards and orders were won, and whose they are.

use dozvon::core::sale::Won;
use dozvon::crm::keycrm::KeyConfig;
use dozvon::crm::{Crm, CrmError, WonSince};
use serde_json::{Value, json};

use crate::fake::{Trouble, says};
use crate::house::{House, OLGA};

async fn won(house: &House) -> Result<Vec<Won>, CrmError> {
    let since = "2026-11-20T06:00:00Z".parse().unwrap();
    house.crm.won(&WonSince { since, field: "communication_id" }).await
}

fn field(mut config: KeyConfig) -> KeyConfig {
    config.fields.insert("communication_id".into(), "LD_1021".into());
    config
}

fn card(id: u64, buyer: u64, at: &str) -> Value {
    let at = format!("2026-11-20 {at}");
    json!({"id": id, "contact_id": 3000 + buyer, "manager_id": 13, "status_id": 9,
        "title": "x", "is_finished": true, "target_type": "order", "status_changed_at": at,
        "created_at": at, "updated_at": at, "custom_fields": [],
        "status": {"id": 9, "name": "Виконано", "alias": "done"},
        "contact": {"id": 3000 + buyer, "client_id": buyer, "phone": null}})
}

#[tokio::test]
async fn e01_cards_that_became_an_order_come_with_client_and_what_made_them() {
    let house = House::with(field).await;
    {
        let mut state = house.fake.state();
        let told = |call: &str| json!([{"uuid": "LD_1021", "value": call}]);
        state.buyers[0]["custom_fields"] = told("call-9");
        let mut ours = card(7001, 1002, "06:00:00");
        ours["custom_fields"] = told("call-1");
        let mut open = card(7002, 1002, "10:00:00");
        open["is_finished"] = json!(false);
        let mut lost = card(7003, 1002, "10:00:00");
        lost["target_type"] = Value::Null;
        let mut nobody = card(7004, 1002, "10:00:00");
        (nobody["contact"], nobody["contact_id"]) = (Value::Null, Value::Null);
        // Changed since, and won long before.
        let mut old = card(7005, 1002, "10:00:00");
        old["status_changed_at"] = json!("2026-11-01 10:00:00");
        let mut no_buyer = card(7006, 1002, "10:00:00");
        no_buyer["contact"] = json!({"id": 4002, "client_id": null, "phone": "0671234567"});
        state.cards.extend([ours, open, lost, nobody, old, no_buyer]);
    }
    let all = won(&house).await.unwrap();
    let ids: Vec<_> = all.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["7001", "7004", "7006"]);
    assert_eq!(all[0].closed, "2026-11-20T06:00:00Z".parse().unwrap());
    assert_eq!(all[0].communication, Some("call-1".into()));
    let olga = all[0].contact.as_ref().unwrap();
    assert_eq!((olga.id.as_str(), olga.numbers[0].e164()), ("1002", OLGA), "as it is spelt there");
    assert_eq!(olga.communication, Some("call-9".into()));
    assert_eq!(all[1].contact, None);
    let lead = all[2].contact.as_ref().unwrap();
    assert_eq!((lead.id.as_str(), lead.numbers[0].e164()), ("contact-4002", "+380671234567"));
}

#[tokio::test]
async fn e01_what_counts_as_won_can_be_set_by_id_name_or_alias() {
    for word in ["9", "виконано", "done"] {
        let set = |config| KeyConfig { won: vec![word.to_owned()], ..config };
        let house = House::with(set).await;
        let mut plain = card(7001, 1002, "10:00:00");
        plain["target_type"] = Value::Null;
        let mut other = card(7002, 1002, "10:00:00");
        (other["status_id"], other["status"]) = (json!(8), json!({"id": 8, "name": "Ні"}));
        house.fake.state().cards.extend([plain, other]);
        let all = won(&house).await.unwrap();
        assert_eq!(all.len(), 1, "{word}");
        assert_eq!(all[0].id, "7001".into());
    }
}

#[tokio::test]
async fn e01_orders_are_won_where_they_are_closed_and_paid() {
    let house = House::with_orders().await;
    {
        let mut state = house.fake.state();
        let order = |id: u64, closing: bool, paid: &str| {
            json!({"id": id, "status_id": 12, "status": {"id": 12, "is_closing_order": closing},
                "payment_status": paid, "grand_total": 122.5, "closed_at": null,
                "buyer": {"id": 1002, "phone": OLGA}, "custom_fields": [],
                "created_at": "2026-02-01 09:30:00", "updated_at": "2026-11-20 10:00:00"})
        };
        state.orders.extend([
            order(8001, true, "paid"),
            order(8002, true, "not_paid"),
            order(8003, false, "paid"),
        ]);
    }
    let all = won(&house).await.unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!((all[0].id.as_str(), all[0].price), ("8001", Some(122.5)));
    assert_eq!(all[0].contact.as_ref().unwrap().numbers[0].e164(), OLGA);
}

#[tokio::test]
async fn e01_a_card_that_slips_between_two_pages_is_still_won() {
    let house = House::new().await;
    {
        let mut state = house.fake.state();
        state.by_change = true;
        state.cards.extend((0..50).map(|n| card(7000 + n, 1002, "10:00:00")));
        state.cards.push(card(7500, 1002, "11:00:00"));
        state.cards.extend((0..10).map(|n| card(7600 + n, 1002, "12:00:00")));
        // Somebody changes a card of the first page: another one is pushed onto it.
        state.meanwhile = Some((2, |state| {
            let card = state.cards.iter_mut().find(|card| card["id"] == 7007).unwrap();
            card["updated_at"] = json!("2026-11-20 13:00:00");
        }));
    }
    assert_eq!(won(&house).await.unwrap().len(), 61);
}

#[tokio::test]
async fn e01_all_pages_are_read_and_what_fails_on_any_fails_whole() {
    let house = House::new().await;
    house.fake.state().cards.extend((0..120).map(|n| card(7000 + n, 1002, "10:00:00")));
    assert_eq!(won(&house).await.unwrap().len(), 120);
    let asked = house.fake.dialogue();
    let pages = asked.iter().filter(|seen| seen.path.ends_with("/pipelines/cards"));
    assert_eq!(pages.count(), 3);
    let cut = wiremock::ResponseTemplate::new(200)
        .set_body_raw("{\"data\": [{\"id\"", "application/json");
    for (trouble, word) in [
        (says(429, json!({"message": "Too Many Attempts."})), "429"),
        (says(401, json!({"message": "Unauthenticated."})), "access"),
        (says(400, json!({"message": "Leads are not enabled"})), "Leads are not enabled"),
        (Trouble::Says(cut), "understood"),
    ] {
        house.fake.trouble("pipelines/cards", trouble, 1);
        let error = won(&house).await.unwrap_err().to_string();
        assert!(error.contains(word), "{word}: {error}");
    }
    house.fake.trouble("/buyer", says(500, json!({})), 1);
    assert!(won(&house).await.is_err(), "whose they are is a part of it");
    assert_eq!(won(&house).await.unwrap().len(), 120);
}
