//! Answers that are lost: what was done is found again, and not done twice.

use std::time::Duration;

use dozvon::core::action::Bound;
use dozvon::core::case::{Event, Sound};
use dozvon::crm::retailcrm::RetailConfig;
use dozvon::crm::{ApplyError, Crm, Work};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::fake::{Trouble, says};
use crate::house::{House, NEW, OLGA, act};

async fn lost_and_found(number: &str, path: &'static str, action: Value) -> String {
    let house = House::new().await;
    let mut case = house.case(Event::Voicemail, number).await;
    case.voicemail = Some(Sound { url: "https://pbx.example/v".into(), seconds: None });
    let action = act(action);
    assert_eq!(house.read_back(&action, &case).await, None, "{action:?}");
    house.fake.trouble(path, Trouble::Late(Duration::from_secs(2)), 1);
    let lost = house.try_apply(&action, &case).await;
    assert!(matches!(lost, Err(ApplyError::Lost { .. })), "{action:?}: {lost:?}");
    let found = house.read_back(&action, &case).await;
    let found = found.unwrap_or_else(|| panic!("{action:?} is not found"));
    let made = |bound: Option<&str>| bound.unwrap_or("-").to_owned();
    let ids = (found.bound.client, found.bound.deal, found.bound.unsorted);
    let count = {
        let state = house.fake.state();
        (state.customers.len(), state.orders.len(), state.tasks.len(), state.notes.len())
    };
    format!(
        "client {}, deal {}, unsorted {}; {count:?}",
        made(ids.0.as_ref().map(|id| id.as_str())),
        made(ids.1.as_ref().map(|id| id.as_str())),
        made(ids.2.as_deref()),
    )
}

#[tokio::test]
async fn a_client_an_order_a_task_and_a_note_are_found_again() {
    let task = json!({"do": "task", "kind": "k", "on": "deal", "text": "x", "owner": "11",
        "due": "2026-11-20T12:00:00Z", "done": true});
    for (number, path, action, found) in [
        (
            NEW,
            "customers/create",
            json!({"do": "contact", "name": "x", "owner": "12"}),
            "client 1001, deal -, unsorted -; (3, 3, 0, 0)",
        ),
        (
            OLGA,
            "orders/create",
            json!({"do": "deal", "title": "x", "owner": "12"}),
            "client 1002, deal 1001, unsorted -; (2, 4, 0, 0)",
        ),
        (
            NEW,
            "orders/create",
            json!({"do": "unsorted", "kind": "call", "title": "x", "name": "y"}),
            "client -, deal -, unsorted 1002; (3, 4, 0, 0)",
        ),
        (OLGA, "tasks/create", task.clone(), "client -, deal -, unsorted -; (2, 3, 1, 0)"),
        (OLGA, "tasks/1001/edit", task, "client -, deal -, unsorted -; (2, 3, 1, 0)"),
        (
            OLGA,
            "notes/create",
            json!({"do": "note", "on": "client", "text": "x"}),
            "client -, deal -, unsorted -; (2, 3, 0, 1)",
        ),
        (
            OLGA,
            "notes/create",
            json!({"do": "voicemail", "on": "client", "text": "x"}),
            "client -, deal -, unsorted -; (2, 3, 0, 1)",
        ),
    ] {
        assert_eq!(lost_and_found(number, path, action.clone()).await, found, "{action}");
    }
}

/// As the outbox does it: carried out, and while the answer is lost, looked for.
async fn at_last(house: &House, number: &str, action: Value) -> String {
    let action = act(action);
    let case = house.case(Event::Answered, number).await;
    let mut lost = house.try_apply(&action, &case).await.map(|done| done.what);
    for _ in 0..3 {
        if !matches!(lost, Err(ApplyError::Lost { .. })) {
            break;
        }
        let bound = Bound::default();
        let work = Work { key: "call/1/1", action: &action, case: &case, bound: &bound };
        lost = match house.crm.read_back(&work).await {
            Ok(Some(done)) => Ok(done.what),
            Ok(None) => house.try_apply(&action, &case).await.map(|done| done.what),
            Err(error) => Err(error),
        };
    }
    lost.unwrap()
}

#[tokio::test]
async fn what_comes_to_be_there_after_it_was_looked_for_is_found_whether_or_not_a_second_is_taken()
{
    let missing = says(404, json!({"success": false, "errorMsg": "Not found"}));
    for takes_twice in [false, true] {
        for (number, create, look, action) in [
            (
                NEW,
                "customers/create",
                "customers/dozvon-",
                json!({"do": "contact", "name": "x", "owner": "12"}),
            ),
            (
                OLGA,
                "orders/create",
                "orders/dozvon-",
                json!({"do": "deal", "title": "x", "owner": "12"}),
            ),
            (
                NEW,
                "orders/create",
                "orders/dozvon-",
                json!({"do": "unsorted", "kind": "call", "title": "x", "name": "y"}),
            ),
            (
                OLGA,
                "customers-corporate/create",
                "customers-corporate/dozvon-",
                json!({"do": "company", "name": "Окна"}),
            ),
        ] {
            let house = House::new().await;
            {
                let mut state = house.fake.state();
                (state.takes_twice, state.lags) = (takes_twice, true);
            }
            house.fake.trouble(create, Trouble::Late(Duration::from_secs(2)), 1);
            house.fake.trouble(look, missing.clone(), 1);
            let what = at_last(&house, number, action.clone()).await;
            assert!(what.starts_with("made "), "{action}: {what}");
        }
    }
}

#[tokio::test]
async fn a_page_of_maintenance_does_not_say_that_nothing_was_made() {
    let house = House::new().await;
    let case = house.case(Event::Answered, NEW).await;
    let contact = act(json!({"do": "contact", "name": "x", "owner": "12"}));
    house.fake.trouble("customers/create", Trouble::Late(Duration::from_secs(2)), 1);
    assert!(house.try_apply(&contact, &case).await.is_err());
    let page = ResponseTemplate::new(404).set_body_raw("<html>soon back</html>", "text/html");
    house.fake.trouble("customers/dozvon-", Trouble::Says(page), 1);
    let bound = Bound::default();
    let work = Work { key: "call/1/1", action: &contact, case: &case, bound: &bound };
    let answer = house.crm.read_back(&work).await;
    assert!(matches!(answer, Err(ApplyError::Later { .. })), "{answer:?}");
    assert!(house.crm.read_back(&work).await.unwrap().is_some());
}

#[tokio::test]
async fn a_note_of_an_earlier_call_with_the_same_words_is_not_taken_for_this_ones() {
    let house = House::new().await;
    let case = house.case(Event::Missed, OLGA).await;
    let note = act(json!({"do": "note", "on": "client", "text": "Пропущенный звонок"}));
    let there = |id: u64, at: &str, text: &str| {
        json!({"id": id, "text": text, "createdAt": at,
        "customer": {"id": 1002, "site": "shop"}})
    };
    house.fake.state().notes.push(there(1, "2026-11-20 11:00:00", "Пропущенный звонок"));
    assert_eq!(house.read_back(&note, &case).await, None);
    {
        // And it is found behind any number of others.
        let mut state = house.fake.state();
        state.page = Some(1);
        state.notes.push(there(2, "2026-11-20 12:00:05", "другое"));
        state.notes.push(there(3, "2026-11-20 12:00:07", "Пропущенный звонок"));
    }
    let found = house.read_back(&note, &case).await.unwrap();
    assert_eq!(found.what, "made note 3 on client 1002");
}

#[tokio::test]
async fn a_task_is_found_again_whatever_the_time_zone_of_the_account() {
    for zone in ["Asia/Vladivostok", "America/Sao_Paulo"] {
        let set = |config| RetailConfig { time_zone: zone.to_owned(), ..config };
        let house = House::with(set).await;
        house.fake.trouble("tasks/create", Trouble::Late(Duration::from_secs(2)), 1);
        at_last(&house, OLGA, talk()).await;
        assert_eq!(house.fake.state().tasks.len(), 1, "{zone}");
    }
}

fn no() -> Trouble {
    says(400, json!({"success": false, "errorMsg": "Task is not loaded"}))
}

fn talk() -> Value {
    json!({"do": "task", "kind": "k", "on": "client", "text": "x", "owner": "11",
        "due": "2026-11-20T12:00:00Z", "done": true})
}

#[tokio::test]
async fn b06_a_task_that_may_not_be_completed_holds_nobody_up() {
    let house = House::new().await;
    house.fake.trouble("tasks/1001/edit", no(), 9);
    let what = at_last(&house, OLGA, talk()).await;
    assert!(what.contains("completing it was refused: ") && what.contains("not loaded"), "{what}");
    // And where its own answer was lost as well.
    let house = House::new().await;
    house.fake.trouble("tasks/create", Trouble::Late(Duration::from_secs(2)), 1);
    house.fake.trouble("tasks/1001/edit", no(), 9);
    let what = at_last(&house, OLGA, talk()).await;
    assert!(what.contains("completing it was refused: "), "{what}");
    assert_eq!(house.fake.state().tasks.len(), 1);
}

#[tokio::test]
async fn b06_a_task_is_completed_in_the_shop_of_its_client() {
    for lost in [0, 1] {
        let house = House::new().await;
        house.fake.state().customers[0]["site"] = json!("elsewhere");
        house.fake.trouble("tasks/1001/edit", says(503, json!({"success": false})), lost);
        let what = at_last(&house, OLGA, talk()).await;
        assert_eq!(what, "made completed task 1001 on client 1002");
        let task = house.fake.state().tasks[0].clone();
        assert_eq!((&task["complete"], &task["site"]), (&json!(true), &json!("elsewhere")));
    }
}

#[tokio::test]
async fn the_tags_of_an_order_come_after_it_when_they_failed() {
    let deal = json!({"do": "deal", "title": "x", "owner": "12", "tags": ["vip"]});
    for (trouble, tags, word) in [
        (says(503, json!({"success": false})), json!(["vip"]), ", and tagged the client"),
        (Trouble::Late(Duration::from_secs(2)), json!(["vip"]), ", and tagged the client"),
        (no(), Value::Null, "; tagging the client was refused: "),
    ] {
        let house = House::new().await;
        house.fake.trouble("customers/1002/edit", trouble, 1);
        let what = at_last(&house, OLGA, deal.clone()).await;
        assert!(what.starts_with("made order 1001") && what.contains(word), "{what}");
        let state = house.fake.state();
        assert_eq!((&state.customers[0]["addTags"], state.orders.len()), (&tags, 4));
    }
}

#[tokio::test]
async fn the_note_of_a_clients_other_fields_comes_after_him_when_it_failed() {
    let contact = json!({"do": "contact", "name": "x", "owner": "12", "fields": {"page": "/a"}});
    for (path, notes) in [("customers/notes", 1), ("customers/create", 1)] {
        let house = House::new().await;
        house.fake.trouble(path, Trouble::Late(Duration::from_secs(2)), 1);
        let what = at_last(&house, NEW, contact.clone()).await;
        assert!(what.starts_with("made client 1001"), "{what}");
        let state = house.fake.state();
        assert_eq!((state.customers.len(), state.notes.len()), (3, notes), "{path}");
        assert_eq!(state.notes[0]["text"], "page: /a");
    }
}

#[tokio::test]
async fn c02_an_accepted_order_is_known_again_and_what_follows_lands_on_it() {
    for path in ["customers/1001/edit", "orders/1002/edit"] {
        let house = House::new().await;
        let missed = house.case(Event::Missed, NEW).await;
        let unsorted = act(json!({"do": "unsorted", "kind": "call", "title": "x", "name": "y"}));
        house.apply("call0/1/1", &unsorted, &missed, &mut Bound::default()).await;
        // A deal that is his already is not the one that waited.
        house.fake.state().orders.insert(
            0,
            json!({"id": 900, "status": "new", "managerId": 12,
            "externalId": "dozvon-other", "phone": NEW, "customer": {"id": 1001}, "site": "shop"}),
        );
        let case = house.case(Event::Answered, NEW).await;
        let accept = act(json!({"do": "accept_unsorted", "owner": "12"}));
        house.fake.trouble(path, Trouble::Late(Duration::from_secs(2)), 1);
        let lost = house.try_apply(&accept, &case).await;
        assert!(matches!(lost, Err(ApplyError::Lost { .. })), "{lost:?}");
        let done = match house.read_back(&accept, &case).await {
            Some(done) => done,
            None => house.try_apply(&accept, &case).await.unwrap(),
        };
        assert_eq!(done.bound.deal.unwrap().as_str(), "1002", "{path}");
        assert_eq!(done.bound.client.unwrap().as_str(), "1001", "{path}");
        let state = house.fake.state();
        assert_eq!(state.orders.last().unwrap()["managerId"], json!(12));
        assert_eq!(state.customers.last().unwrap()["managerId"], json!(12));
    }
}

#[tokio::test]
async fn c03_an_order_whose_declining_was_lost_is_known_to_wait_no_more() {
    let house = House::new().await;
    let case = house.case(Event::Missed, NEW).await;
    let unsorted = act(json!({"do": "unsorted", "kind": "call", "title": "x", "name": "y"}));
    house.apply("call0/1/1", &unsorted, &case, &mut Bound::default()).await;
    let decline = act(json!({"do": "decline_unsorted"}));
    assert_eq!(house.read_back(&decline, &case).await, None, "it waits");
    house.fake.trouble("orders/1002/edit", Trouble::Late(Duration::from_secs(2)), 1);
    let lost = house.try_apply(&decline, &case).await;
    assert!(matches!(lost, Err(ApplyError::Lost { .. })), "{lost:?}");
    let found = house.read_back(&decline, &case).await.unwrap();
    assert_eq!(found.what, "no order without a manager waits for this number any more");
    let order = house.fake.state().orders.last().unwrap().clone();
    assert_eq!(order["managerComment"], "x\nОтклонено", "once");
}
