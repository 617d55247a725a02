//! What changed in the CRM is dropped from memory.

use dozvon::crm::{Changed, Crm};
use serde_json::{Value, json};

use crate::fake::says;
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
        let order = state.orders.iter_mut().find(|order| order["id"] == 2003).unwrap();
        order["contact"] = json!({"id": 1004});
        // As the CRM tells it: an order that is not new is not said to be anybody's.
        let order = json!({"id": 2003, "managerId": 13, "status": "complete"});
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
    let row = |id: u64, at: &str| json!({"id": id, "field": "manager", "createdAt": at, "customer": {"id": 1000 + id}});
    let rows = vec![row(5, "2026-11-20 11:58:59"), row(6, "2026-11-20 12:00:01")];
    house.fake.state().history.insert("customers".into(), rows);
    assert_eq!(next(&house).await, changed(&[], false));
    assert_eq!(next(&house).await, changed(&["1006"], false), "but what came after it does");
}

#[tokio::test]
async fn a_reading_that_fails_is_done_again() {
    let house = House::new().await;
    next(&house).await;
    let row = json!({"id": 5, "field": "manager", "customer": {"id": 1002}});
    house.fake.state().history.insert("customers".into(), vec![row]);
    house.fake.trouble("history", says(500, json!({})), 3);
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    assert!(house.crm.changed().await.is_err());
    assert_eq!(next(&house).await, changed(&["1002"], false));
}

#[tokio::test]
async fn a_history_that_is_refused_hides_no_change_of_the_others() {
    let denied = json!({"success": false, "errorMsg": "Access denied."});
    for (path, trouble) in [
        ("customers-corporate/history", says(403, denied)),
        ("customers-corporate/history", says(500, json!({}))),
        ("orders/history", says(400, json!({"success": false, "errorMsg": "Errors"}))),
        ("orders/history", crate::fake::Trouble::Late(std::time::Duration::from_secs(2))),
    ] {
        let house = House::new().await;
        house.fake.trouble(path, trouble, 99);
        next(&house).await;
        let row = json!({"id": 5, "field": "manager", "customer": {"id": 1002}});
        house.fake.state().history.insert("customers".into(), vec![row]);
        assert_eq!(next(&house).await, changed(&["1002"], false), "{path}");
        assert_eq!(next(&house).await, changed(&[], false), "{path}: told once");
    }
}

#[tokio::test]
async fn a_row_in_another_form_is_passed_over_and_what_follows_is_told() {
    let house = House::new().await;
    next(&house).await;
    let row =
        |id: u64, customer: Value| json!({"id": id, "field": "manager", "customer": customer});
    let rows = vec![row(5, json!({})), row(6, json!({"id": 1002})), row(7, json!("?"))];
    house.fake.state().history.insert("customers".into(), rows);
    assert_eq!(next(&house).await, changed(&["1002"], false));
    house.fake.dialogue();
    assert_eq!(next(&house).await, changed(&[], false));
    assert_eq!(house.fake.dialogue()[0].query["filter[sinceId]"], "7");
}

#[tokio::test]
async fn a_company_whose_contacts_never_come_holds_no_other_company_up() {
    let house = House::new().await;
    next(&house).await;
    {
        let mut state = house.fake.state();
        let company = |id: u64, contact: u64| json!({"id": id, "site": "shop", "customerContacts": [{"customer": {"id": contact}}]});
        state.corporates = vec![company(3001, 1020), company(3002, 1021)];
        let row = |id: u64, of: u64| json!({"id": id, "field": "manager", "customer": {"id": of}});
        let rows = vec![row(1, 3001), row(2, 3002)];
        state.history.insert("customers-corporate".into(), rows);
    }
    house.fake.trouble("3001/contacts", says(500, json!({})), 3);
    let mut told = Vec::new();
    for _ in 0..3 {
        told.extend(next(&house).await.clients);
    }
    let told: Vec<_> = told.iter().map(|client| client.as_str()).collect();
    assert_eq!(told, ["3001", "3002", "1021"]);
    // And it is asked for until it answers.
    assert_eq!(next(&house).await, changed(&["1020"], false));
}

#[tokio::test]
async fn an_order_that_is_given_to_another_manager_is_noticed_by_the_row_the_crm_writes() {
    let house = House::new().await;
    next(&house).await;
    let text = include_str!("fixtures/OrdersTest_testHistory.json");
    let body: Value = serde_json::from_str(text).unwrap();
    let rows = body["response"]["json"]["history"].as_array().unwrap().clone();
    {
        let mut state = house.fake.state();
        let mut known = std::collections::BTreeSet::new();
        for row in &rows {
            let id = row["order"]["id"].as_u64().unwrap();
            if known.insert(id) {
                state.orders.push(json!({"id": id, "site": "shop", "status": "new",
                    "customer": {"id": id + 10_000}, "contact": {"id": id + 20_000}}));
            }
        }
        // Some of what changed is hidden from the key, or gone.
        state.orders.retain(|order| order["id"] != 2034);
        let rows = rows.into_iter().map(|mut row| {
            row["createdAt"] = Value::Null;
            row
        });
        state.history.insert("orders".into(), rows.collect());
    }
    house.fake.dialogue();
    let read = next(&house).await;
    for id in ["12050", "22050", "12048", "12046"] {
        assert!(read.clients.iter().any(|client| client.as_str() == id), "{id}: {read:?}");
    }
    let asked = house.fake.dialogue();
    let asked = asked.iter().filter(|seen| seen.path == "/api/v5/orders").count();
    assert_eq!(asked, 1, "one request for a hundred orders");
}

#[tokio::test]
async fn whose_an_order_was_and_whose_it_is_are_both_told_when_it_is_given_to_another_client() {
    let house = House::new().await;
    next(&house).await;
    {
        let mut state = house.fake.state();
        state.orders[1]["customer"] = json!({"id": 1003});
        let row = json!({"id": 1, "field": "customer", "oldValue": {"id": 1002},
            "newValue": {"id": 1003}, "order": {"id": 2002}});
        state.history.insert("orders".into(), vec![row]);
    }
    assert_eq!(next(&house).await, changed(&["1002", "1003"], false));
}

#[tokio::test]
async fn whose_orders_changed_is_asked_for_until_the_crm_answers() {
    let house = House::new().await;
    next(&house).await;
    let row = json!({"id": 1, "field": "manager", "order": {"id": 2002}});
    house.fake.state().history.insert("orders".into(), vec![row]);
    // The history comes first.
    let slow = crate::fake::Trouble::Late(std::time::Duration::ZERO);
    house.fake.trouble("orders/history", slow.clone(), 1);
    house.fake.trouble("v5/orders", says(500, json!({})), 1);
    assert_eq!(next(&house).await, changed(&[], false));
    assert_eq!(next(&house).await, changed(&["1002"], false));
}

#[tokio::test]
async fn a_number_given_to_a_known_client_ends_that_nobody_has_it() {
    let house = House::new().await;
    next(&house).await;
    let row = json!({"id": 1, "field": "phones", "oldValue": null, "newValue": "9161234567",
        "customer": {"id": 1002}});
    house.fake.state().history.insert("customers".into(), vec![row]);
    assert_eq!(next(&house).await, changed(&["1002"], true));
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
