//! What changed in the CRM is dropped from memory.

use dozvon::crm::{Changed, Crm};
use serde_json::{Value, json};

use crate::house::House;

fn changed(clients: &[&str], added: bool) -> Changed {
    Changed { clients: clients.iter().map(|id| (*id).into()).collect(), added }
}

async fn next(house: &House) -> Changed {
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    house.crm.changed().await.unwrap()
}

#[tokio::test]
async fn histories_are_read_on_from_the_last_row() {
    let house = House::new().await;
    assert_eq!(next(&house).await, changed(&[], false));
    assert_eq!(next(&house).await, changed(&[], false));
    let seen = house.fake.dialogue();
    // Its own clock is gone by, once it has told it.
    assert_eq!(seen[3].query["filter[startDate]"], "2026-11-20 12:00:00");
    {
        let mut state = house.fake.state();
        let row = |id: u64, field: &str, customer: u64| json!({"id": id, "field": field, "source": "user", "customer": {"id": customer}});
        let mut rows: Vec<Value> = (1..=130).map(|id| row(id, "segments", 999)).collect();
        rows.push(row(131, "manager", 1002));
        rows.push(json!({"id": 132, "field": "id", "created": true, "customer": {"id": 1050}}));
        rows.push(json!({"id": 133, "field": "id", "deleted": true, "customer": {"id": 1051},
            "combinedTo": {"id": 1052}}));
        state.history.insert("customers".into(), rows);
        let order = json!({"id": 2002, "customer": {"id": 1003}, "contact": {"id": 1004}});
        let rows = vec![json!({"id": 7, "field": "status", "order": order})];
        state.history.insert("orders".into(), rows);
    }
    let all = ["1002", "1003", "1004", "1050", "1051", "1052"];
    assert_eq!(next(&house).await, changed(&all, true));
    house.fake.dialogue();
    assert_eq!(next(&house).await, changed(&[], false));
    let seen = house.fake.dialogue();
    assert_eq!(seen[0].query["filter[sinceId]"], "133");
    assert_eq!(seen[1].query["filter[sinceId]"], "7");
}

#[tokio::test]
async fn what_was_there_before_the_start_changes_nothing() {
    let house = House::new().await;
    let row = json!({"id": 5, "field": "manager", "customer": {"id": 1002}});
    house.fake.state().history.insert("customers".into(), vec![row]);
    assert_eq!(next(&house).await, changed(&[], false));
}

#[tokio::test]
async fn a_reading_that_fails_is_done_again() {
    let house = House::new().await;
    next(&house).await;
    let row = json!({"id": 5, "field": "manager", "customer": {"id": 1002}});
    house.fake.state().history.insert("customers".into(), vec![row]);
    house.fake.trouble("orders/history", crate::fake::says(500, json!({})), 1);
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    assert!(house.crm.changed().await.is_err());
    assert_eq!(next(&house).await, changed(&["1002"], false));
}

#[tokio::test]
async fn a_large_import_is_got_through_though_each_reading_is_cut_short() {
    let house = House::new().await;
    next(&house).await;
    let row = |id: u64| json!({"id": id, "field": "manager", "customer": {"id": 5000 + id}});
    house.fake.state().history.insert("customers".into(), (1..=250).map(row).collect());
    for reading in 1..=2 {
        house.fake.dialogue();
        house.fake.trouble("orders/history", crate::fake::Trouble::Late(house.late()), 1);
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        let crm = house.crm.clone();
        let reads = tokio::spawn(async move { crm.changed().await });
        while !house.fake.state().seen.iter().any(|seen| seen.path.ends_with("orders/history")) {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        reads.abort();
        assert!(reads.await.unwrap_err().is_cancelled(), "{reading}");
    }
    house.fake.dialogue();
    let read = next(&house).await;
    assert_eq!(house.fake.dialogue()[0].query["filter[sinceId]"], "200");
    assert_eq!(read.clients.len(), 250, "what was read before it was cut short is told as well");
}

#[tokio::test]
async fn a_new_manager_of_a_company_is_told_of_its_contacts() {
    let house = House::new().await;
    next(&house).await;
    {
        let mut state = house.fake.state();
        state.corporates.push(json!({"id": 3001, "site": "other",
            "customerContacts": [{"customer": {"id": 1020}}, {"customer": {"id": 1021}}]}));
        let row = |id: u64, field: &str, of: u64| json!({"id": id, "field": field, "customer": {"id": of, "site": "other"}});
        let rows = vec![row(1, "manager", 3001), row(2, "manager", 3002), row(3, "tags", 3003)];
        state.history.insert("customers-corporate".into(), rows);
    }
    house.fake.dialogue();
    let read = next(&house).await;
    assert_eq!(read, changed(&["1020", "1021", "3001", "3002", "3003"], false));
    let asked = house.fake.dialogue();
    let asked: Vec<_> = asked.iter().filter(|seen| seen.path.ends_with("contacts")).collect();
    assert_eq!(asked.len(), 2, "one of them is gone");
    assert_eq!(asked[0].query["site"], "other");
}

#[tokio::test]
async fn histories_of_the_official_client_are_read() {
    let house = House::new().await;
    next(&house).await;
    for (path, text) in [
        ("customers/history", include_str!("fixtures/CustomersTest_testCustomersHistory.json")),
        ("orders/history", include_str!("fixtures/OrdersTest_testHistory.json")),
        (
            "customers-corporate/history",
            include_str!("fixtures/CustomersCorporateTest_testHistory.json"),
        ),
    ] {
        let mut body: Value = serde_json::from_str(text).unwrap();
        let mut body = body["response"]["json"].take();
        // A whole page would have another one behind it.
        body["history"].as_array_mut().unwrap().truncate(99);
        house.fake.state().fixed.insert(path.into(), body);
    }
    let read = next(&house).await;
    // A client's number, a merged one's, the contact of a company.
    for id in ["985", "974", "5042"] {
        assert!(read.clients.iter().any(|client| client.as_str() == id), "{id}: {read:?}");
    }
    assert!(read.added);
}
