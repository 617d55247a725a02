//! Whom a number belongs to, and who works here.

use dozvon::core::staff::{Number, Status};
use dozvon::crm::Crm;
use dozvon::crm::retailcrm::RetailConfig;
use serde_json::{Value, json};

use crate::common::no_store;
use crate::house::{House, NEW, OLGA, PETR, phone};

#[tokio::test]
async fn a05_a_call_learns_the_owner_with_one_request() {
    let house = House::new().await;
    let crm = dozvon::crm::retailcrm::Retail::new(
        &crate::house::config(&house.fake.server.uri()),
        no_store(),
    );
    let crm = crm.unwrap().rough(true);
    let client = crm.caller(&phone(OLGA)).await.unwrap().unwrap();
    assert_eq!(client.owner, Some("13".into()));
    assert_eq!(client.name, "Ольга Белова");
    let seen = house.fake.dialogue();
    assert_eq!(seen.len(), 1, "{seen:#?}");
    assert_eq!(
        seen[0].line(),
        "GET telephony/manager\n  details = 1\n  ignoreStatus = 1\n  phone = 79160000002"
    );
    assert!(crm.caller_is_rough());
    assert_eq!(crm.caller(&phone(NEW)).await.unwrap(), None);
}

#[tokio::test]
async fn d03_the_whole_answer_has_open_and_closed_orders_by_the_group_of_their_status() {
    let house = House::new().await;
    let olga = house.crm.find(&phone(OLGA)).await.unwrap().unwrap();
    let open: Vec<_> = olga.deals.iter().map(|d| (d.id.as_str(), d.open)).collect();
    assert_eq!(open, [("2001", false), ("2002", true)]);
    let deal = olga.open_deal().unwrap();
    assert_eq!((deal.title.as_str(), deal.owner.clone()), ("№ 2002A", Some("13".into())));
    assert_eq!(deal.created.to_string(), "2026-02-01T06:30:00Z", "Moscow time");
    let petr = house.crm.find(&phone(PETR)).await.unwrap().unwrap();
    assert_eq!(petr.open_deal(), None);
    assert_eq!(house.crm.find(&phone(NEW)).await.unwrap(), None);
    assert_eq!(olga.choice, None);
}

#[tokio::test]
async fn of_two_clients_with_one_number_the_one_with_an_open_order_is_taken() {
    let house = House::new().await;
    house.fake.state().customers.push(json!({"id": 1009, "site": "shop", "firstName": "Павел",
        "createdAt": "2026-10-01 10:00:00", "phones": [{"number": "+79160000002"}]}));
    let client = house.crm.find(&phone(OLGA)).await.unwrap().unwrap();
    assert_eq!(client.id.as_str(), "1002");
    let choice = client.choice.unwrap();
    assert!(choice.contains("2 clients") && choice.contains("open order"), "{choice}");
}

#[tokio::test]
async fn a_wide_search_that_finds_others_too_is_narrowed_to_the_number() {
    let house = House::new().await;
    let other = json!({"id": 1010, "firstName": "Тел 9160000002", "phones": [{"number": "1"}]});
    let olga = house.fake.state().customers[0].clone();
    let wide = json!({"success": true, "customers": [other, olga]});
    house.fake.state().fixed.insert("customers".into(), wide);
    let client = house.crm.find(&phone(OLGA)).await.unwrap().unwrap();
    assert_eq!((client.id.as_str(), client.choice), ("1002", None));
}

#[tokio::test]
async fn a_contact_of_a_company_has_its_name_its_orders_and_its_manager() {
    let house = House::new().await;
    {
        let mut state = house.fake.state();
        state.customers.push(json!({"id": 1020, "isContact": true, "site": "shop",
            "firstName": "Инна", "phones": [{"number": "+79160000020"}]}));
        state.corporates.push(json!({"id": 3001, "type": "customer_corporate", "site": "shop",
            "nickName": "Окна", "managerId": 12, "mainCompany": {"id": 5, "name": "ООО Окна"},
            "customerContacts": [{"customer": {"id": 1020}}]}));
        state.orders.push(json!({"id": 2020, "status": "new", "customer": {"id": 3001}}));
    }
    let client = house.crm.find(&phone("+79160000020")).await.unwrap().unwrap();
    assert_eq!(client.company.as_deref(), Some("ООО Окна"));
    assert_eq!(client.owner, Some("12".into()));
    assert_eq!(client.open_deal().unwrap().id.as_str(), "2020");
}

#[tokio::test]
async fn a_key_without_telephony_still_finds_clients() {
    let house = House::new().await;
    let denied = json!({"success": false, "errorMsg": "Access denied."});
    house.fake.trouble("telephony", crate::fake::says(403, denied), 9);
    let client = house.crm.find(&phone(OLGA)).await.unwrap().unwrap();
    assert_eq!((client.id.as_str(), client.owner), ("1002", Some("13".into())));
}

#[tokio::test]
async fn a05_without_telephony_a_call_learns_the_owner_all_the_same() {
    let house = House::new().await;
    let crm = dozvon::crm::retailcrm::Retail::new(
        &crate::house::config(&house.fake.server.uri()),
        no_store(),
    );
    let crm = crm.unwrap().rough(true);
    let said = |why: &str| json!({"success": false, "errorMsg": why});
    for (status, why) in [(403, "Access denied."), (200, "Telephony not enabled")] {
        house.fake.trouble("telephony", crate::fake::says(status, said(why)), 2);
        let client = crm.caller(&phone(OLGA)).await.unwrap().unwrap();
        assert_eq!((client.id.as_str(), client.owner), ("1002", Some("13".into())), "{why}");
        assert_eq!(crm.caller(&phone(NEW)).await.unwrap(), None, "{why}");
    }
}

#[tokio::test]
async fn one_row_in_another_form_does_not_cost_the_answer() {
    let house = House::new().await;
    {
        let mut state = house.fake.state();
        let orders = json!([
            {"id": "2001", "number": 2001, "phone": 79_160_000_002_u64, "status": "complete",
                "managerId": "", "customer": {"id": 1002}, "createdAt": null},
            {"id": 2002, "number": "2002A", "status": "assembling", "managerId": "13",
                "customer": {"id": "1002", "phones": []}, "customFields": [], "source": []},
        ]);
        state.fixed.insert("orders".into(), json!({"success": true, "orders": orders}));
        let olga = json!({"id": 1002, "site": "shop", "isContact": 0, "firstName": 17,
            "phones": [{"number": 79_160_000_002_u64}], "managerId": 13});
        state.fixed.insert("customers".into(), json!({"success": true, "customers": [olga]}));
        let task = json!({"id": 5, "commentary": "dozvon-1 call_back", "complete": "false",
            "phone": 79_160_000_002_u64, "datetime": "2099-01-01 10:00"});
        state.fixed.insert("tasks".into(), json!({"success": true, "tasks": [task]}));
    }
    let olga = house.crm.find(&phone(OLGA)).await.unwrap().unwrap();
    assert_eq!((olga.owner, olga.name.as_str(), olga.deals.len()), (Some("13".into()), "17", 2));
    assert_eq!((olga.deals[0].title.as_str(), &olga.deals[0].owner), ("№ 2001", &None));
    let task = crate::house::act(json!({"do": "task", "kind": "call_back", "on": "client",
        "text": "x", "owner": "11", "due": "2099-11-20T12:00:00Z", "dedupe": "while_open"}));
    let case = house.case(dozvon::core::case::Event::Missed, OLGA).await;
    let done = house.try_apply(&task, &case).await.unwrap();
    assert!(done.what.starts_with("nothing: task 5 is open"), "{}", done.what);
}

#[tokio::test]
async fn e14_users_are_employees_with_the_extensions_of_the_module() {
    let house = House::new().await;
    let mut staff = house.crm.employees().await.unwrap();
    staff.sort_by(|a, b| a.id.cmp(&b.id));
    let line = |text: &str| vec![Number::Line(dozvon::core::ids::Extension::parse(text).unwrap())];
    assert_eq!(staff[0].numbers, line("101"));
    assert_eq!(staff[1].numbers, line("102"), "an id as a number");
    assert_eq!(staff[2].numbers, line("103"), "a code as a number");
    assert_eq!(staff[0].groups, ["manager", "Менеджеры"]);
    assert_eq!((staff[0].online, staff[0].status), (Some(true), Status::Active));
    assert_eq!((staff[3].online, staff[3].status), (None, Status::Gone));
}

#[tokio::test]
async fn e10_who_is_at_dinner_takes_no_calls() {
    let house = House::new().await;
    house.fake.state().users[1]["status"] = json!("dinner");
    let staff = house.crm.employees().await.unwrap();
    assert_eq!(staff.iter().find(|e| e.id.as_str() == "12").unwrap().online, Some(false));
}

#[tokio::test]
async fn numbers_of_the_configuration_come_before_those_of_the_module() {
    let numbers = [("12@x".to_owned(), vec!["202".to_owned(), "+79165550000".to_owned()])];
    let set = |config| RetailConfig { numbers: numbers.into_iter().collect(), ..config };
    let house = House::with(set).await;
    house.fake.state().module = None;
    let staff = house.crm.employees().await.unwrap();
    let of = |id: &str| staff.iter().find(|e| e.id.as_str() == id).unwrap().numbers.len();
    assert_eq!((of("11"), of("12")), (0, 2));
}

#[tokio::test]
async fn e14_the_number_in_a_field_of_his_comes_before_that_of_the_module() {
    for (field, value) in [("position", json!("555")), ("customFields", json!({"ext": 555}))] {
        let numbers_field = Some(if value.is_object() { "ext" } else { field }.to_owned());
        let numbers = [("12@x".to_owned(), vec!["202".to_owned()])].into_iter().collect();
        let house = House::with(|config| RetailConfig { numbers_field, numbers, ..config }).await;
        for user in 0..2 {
            house.fake.state().users[user][field] = value.clone();
        }
        let staff = house.crm.employees().await.unwrap();
        let of = |id: &str| staff.iter().find(|e| e.id.as_str() == id).unwrap().numbers.clone();
        let line = |text| vec![Number::Line(dozvon::core::ids::Extension::parse(text).unwrap())];
        assert_eq!((of("11"), of("12"), of("13")), (line("555"), line("202"), line("103")));
    }
}

#[tokio::test]
async fn bodies_of_the_official_client_are_read() {
    let house = House::new().await;
    let body = |text: &str| {
        let fixture: Value = serde_json::from_str(text).unwrap();
        fixture["response"]["json"].clone()
    };
    {
        let mut state = house.fake.state();
        for (path, text) in [
            ("telephony/manager", include_str!("fixtures/TelephonyTest_testManager.json")),
            ("customers", include_str!("fixtures/CustomersTest_testCustomersList.json")),
            ("orders", include_str!("fixtures/OrdersTest_testList.json")),
            ("reference/statuses", include_str!("fixtures/ReferencesTest_testStatuses.json")),
            ("users", include_str!("fixtures/UsersTest_testList.json")),
            ("customers-corporate", include_str!("fixtures/CustomersCorporateTest_testList.json")),
        ] {
            state.fixed.insert(path.into(), body(text));
        }
    }
    let client = house.crm.find(&phone("+78005553125")).await.unwrap().unwrap();
    assert_eq!((client.id.as_str(), client.name.as_str()), ("1", "John John"));
    assert_eq!(client.deals[0].id.as_str(), "7141");
    let staff = house.crm.employees().await.unwrap();
    assert_eq!(staff[0].groups, ["manager", "Менеджеры", "director", "Руководители"]);
}
