//! E01: which orders were won, and whose they are.

use dozvon::core::case::Event;
use dozvon::core::sale::Won;
use dozvon::crm::retailcrm::RetailConfig;
use dozvon::crm::{Crm, CrmError, WonSince};
use serde_json::{Value, json};

use crate::fake::{Trouble, says};
use crate::house::{House, NEW, OLGA, act};

async fn won(house: &House) -> Result<Vec<Won>, CrmError> {
    // Nine in the morning in Moscow.
    let since = "2026-11-20T06:00:00Z".parse().unwrap();
    house.crm.won(&WonSince { since, field: "communication_id" }).await
}

fn order(id: u64, customer: Value, status: &str, at: &str) -> Value {
    json!({"id": id, "number": format!("{id}A"), "site": "shop", "status": status,
        "statusUpdatedAt": format!("2026-11-20 {at}"), "totalSumm": 990, "customer": customer,
        "customFields": []})
}

#[tokio::test]
async fn e01_orders_of_the_group_complete_come_with_client_sum_and_what_made_them() {
    let house = House::new().await;
    {
        let mut state = house.fake.state();
        state.customers[0]["customFields"] = json!({"communication_id": "call-9"});
        let mut ours = order(3001, json!({"id": 1002, "type": "customer"}), "complete", "09:00:00");
        ours["customFields"] = json!({"communication_id": "call-1"});
        let company = json!({"id": 77, "type": "customer_corporate"});
        let mut of_contact = order(3002, company.clone(), "complete", "10:00:00");
        of_contact["contact"] = json!({"id": 1003});
        state.orders.extend([
            ours,
            of_contact,
            order(3003, company, "complete", "10:00:00"),
            order(3004, json!({"id": 1002}), "no-call", "10:00:00"),
            order(3005, json!({"id": 1002}), "complete", "08:59:59"),
        ]);
    }
    let all = won(&house).await.unwrap();
    let ids: Vec<_> = all.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["3001", "3002", "3003"], "none that was cancelled, none from before");
    assert_eq!(all[0].closed, "2026-11-20T06:00:00Z".parse().unwrap(), "in the account's time");
    assert_eq!(all[0].price, Some(990.0));
    assert_eq!(all[0].communication, Some("call-1".into()));
    let olga = all[0].contact.as_ref().unwrap();
    assert_eq!((olga.id.as_str(), olga.numbers[0].e164()), ("1002", OLGA));
    assert_eq!(olga.communication, Some("call-9".into()));
    assert_eq!(all[1].contact.as_ref().unwrap().id, "1003".into(), "who speaks for the company");
    assert_eq!(all[2].contact, None, "a company is no contact");
}

#[tokio::test]
async fn e01_shops_that_name_it_otherwise_say_so_and_a_wrong_word_is_told() {
    let set = |word: &str| {
        let won = vec![word.to_owned()];
        House::with(move |config| RetailConfig { won, ..config })
    };
    let house = set("assembling").await;
    let one = order(3001, json!({"id": 1002}), "assembling", "10:00:00");
    house.fake.state().orders.push(one);
    assert_eq!(won(&house).await.unwrap().len(), 1);
    let wrong = set("paid").await;
    let error = won(&wrong).await.unwrap_err().to_string();
    assert!(error.contains("`won` (paid)") && error.contains("codes of statuses"), "{error}");
}

#[tokio::test]
async fn e01_all_pages_are_read_and_what_fails_on_any_fails_whole() {
    let house = House::new().await;
    {
        let mut state = house.fake.state();
        state.page = Some(2);
        let new = |id| order(id, json!({"id": 1002}), "complete", "10:00:00");
        state.orders.extend((3001..3006).map(new));
    }
    assert_eq!(won(&house).await.unwrap().len(), 5);
    let asked = house.fake.dialogue();
    let pages = asked.iter().filter(|seen| seen.path.ends_with("/orders"));
    assert_eq!(pages.map(|seen| seen.query["page"].clone()).collect::<Vec<_>>(), ["1", "2", "3"]);
    let cut = wiremock::ResponseTemplate::new(200)
        .set_body_raw("{\"success\": true, \"orders\": [{\"id\"", "application/json");
    for (trouble, word) in [
        (says(503, json!({"success": false, "errorMsg": "Too many"})), "503"),
        (says(200, json!({"success": false, "errorMsg": "Access denied."})), "Access denied"),
        (says(403, json!({"success": false, "errorMsg": "Wrong \"apiKey\" value."})), "access"),
        (Trouble::Says(cut), "understood"),
    ] {
        house.fake.trouble("/orders", trouble, 1);
        let error = won(&house).await.unwrap_err().to_string();
        assert!(error.contains(word), "{word}: {error}");
    }
    house.fake.trouble("/customers", says(500, json!({})), 1);
    assert!(won(&house).await.is_err(), "whose they are is a part of it");
    assert_eq!(won(&house).await.unwrap().len(), 5);
}

/// An order without a manager is a deal already; it is made by the call that made it.
#[tokio::test]
async fn e01_an_action_says_what_it_made_and_not_what_it_found() {
    let house = House::new().await;
    let case = house.case(Event::Missed, NEW).await;
    let lead = act(json!({"do": "unsorted", "kind": "call", "title": "x", "name": ""}));
    let made = house.try_apply(&lead, &case).await.unwrap().bound;
    assert_eq!(made.made.deal.as_ref().map(|id| id.as_str()), made.unsorted.as_deref());
    assert_eq!(made.deal, None);
    let accept = act(json!({"do": "accept_unsorted", "owner": "12"}));
    let taken = house.try_apply(&accept, &case).await.unwrap().bound;
    assert!(taken.deal == made.made.deal && taken.made.is_nothing(), "{taken:?}");

    let case = house.case(Event::Answered, "+79161234568").await;
    let contact = act(json!({"do": "contact", "name": "x", "owner": "12"}));
    let made = house.try_apply(&contact, &case).await.unwrap().bound;
    assert!(made.client.is_some() && made.made.client == made.client);
    let work = house.read_back(&contact, &case).await.unwrap().bound;
    assert_eq!(work.made.client, made.client, "after a lost answer as well");
    let olga = house.case(Event::Answered, OLGA).await;
    let known = house.try_apply(&contact, &olga).await.unwrap().bound;
    assert!(known.client.is_some() && known.made.is_nothing());
}
