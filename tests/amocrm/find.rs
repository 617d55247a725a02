//! Whom a number belongs to.

use serde_json::json;

use crate::office::{CLOSED, FIRM, NEW, OLGA, World, contact, lead, new_contact, new_deal, phone};

#[tokio::test]
async fn a05_the_owner_of_the_open_deal_is_found_in_two_requests() {
    let w = World::new().await;
    let olga = w.find(OLGA).await.unwrap();
    assert_eq!(olga.name, "Ольга");
    assert_eq!(olga.owner, Some("504141".into()));
    let deal = olga.open_deal().unwrap();
    assert_eq!((deal.id.as_str(), deal.owner.clone()), ("71", Some("504142".into())));
    assert_eq!(olga.deals.len(), 2);
    insta::assert_snapshot!(w.server.dialogue().join("\n"), @r"
    GET /api/v4/contacts?query=9161110001&with=leads&limit=50
    GET /api/v4/leads?filter[id][0]=71&filter[id][1]=72&limit=50
    ");
}

#[tokio::test]
async fn nobody_is_an_answer_without_a_body() {
    let w = World::new().await;
    assert!(w.find(NEW).await.is_none());
    assert_eq!(w.server.paths(), ["GET /api/v4/contacts", "GET /api/v4/companies"]);
}

#[tokio::test]
async fn where_a_search_compares_letters_other_spellings_are_tried() {
    for typed in ["+79165550001", "89165550001"] {
        let w = World::with(|config| config.other_spellings = true).await;
        w.server.house().account.habits.search_compares_words = true;
        assert!(w.find(NEW).await.is_none());
        w.server.house().account.add("contacts", contact(20, "Иван", 504142, typed, &[]));
        assert_eq!(w.find(NEW).await.unwrap().id.as_str(), "20", "{typed}");
    }
}

#[tokio::test]
async fn a01_a_ukrainian_client_is_found_however_his_number_was_typed() {
    for typed in ["067 123 45 67", "+38 (067) 123-45-67", "380671234567"] {
        let w = World::new().await;
        w.server.house().account.add("contacts", contact(20, "Тарас", 504142, typed, &[]));
        assert_eq!(w.find("+380671234567").await.unwrap().id.as_str(), "20", "{typed}");
        assert!(w.find("+380501234567").await.is_none());
    }
}

#[tokio::test]
async fn a01_any_number_of_a_client_is_his() {
    let w = World::new().await;
    let mut olga = contact(7, "Ольга", 504141, "8 (916) 111-00-01", &[71]);
    olga["custom_fields_values"][0]["values"] = json!([
        { "value": "8 (495) 000-00-00", "enum_code": "WORK" }, { "value": NEW, "enum_code": "MOB" }]);
    w.server.house().account.add("contacts", olga);
    assert_eq!(w.find(NEW).await.unwrap().id.as_str(), "7");
    assert_eq!(w.find("+74950000000").await.unwrap().id.as_str(), "7");
    assert!(w.find(OLGA).await.is_none());
}

#[tokio::test]
async fn a01_an_odd_record_or_an_odd_spelling_of_one_costs_no_caller_his_owner() {
    use crate::request::Said;
    use crate::server::Wrong;
    let w = World::new().await;
    let mut olga = contact(7, "Ольга", 504141, OLGA, &[71]);
    (olga["created_at"], olga["responsible_user_id"]) = (json!("1585758072"), json!("504141"));
    let mut plain = contact(70, "Оля", 504141, OLGA, &[]);
    (plain["_embedded"], plain["created_at"]) = (json!([]), json!(null));
    let odd = json!({ "id": { "odd": true }, "name": 5 });
    let list = json!({ "_links": [], "_embedded": { "contacts": [odd, olga, plain] } });
    w.server.fault("GET /api/v4/contacts", 1, Wrong::Answer(Said::ok(list)));
    let mut deal = lead(71, "Окна", 504142, 501);
    (deal["_embedded"], deal["pipeline_id"]) = (json!([]), json!("50"));
    let list = json!({ "_embedded": { "leads": [deal] } });
    w.server.fault("GET /api/v4/leads", 1, Wrong::Answer(Said::ok(list)));
    let found = w.find(OLGA).await.unwrap();
    assert_eq!((found.id.as_str(), found.owner.clone()), ("7", Some("504141".into())));
    assert_eq!(found.open_deal().unwrap().owner, Some("504142".into()));
    // An empty list, as PHP has it.
    for number in ["GET /api/v4/contacts", "GET /api/v4/companies"] {
        w.server.fault(number, 1, Wrong::Answer(Said::ok(json!({ "_embedded": [] }))));
    }
    assert!(w.find(OLGA).await.is_none());
}

#[tokio::test]
async fn a_stranger_in_whose_notes_the_number_stands_is_nobody() {
    let w = World::new().await;
    w.server.house().account.mentions = vec![8];
    assert!(w.find(NEW).await.is_none());
    let olga = w.find(OLGA).await.unwrap();
    assert_eq!((olga.id.as_str(), olga.choice), ("7", None));
}

#[tokio::test]
async fn a_company_answers_where_no_contact_has_the_number() {
    let w = World::new().await;
    let firm = w.find(FIRM).await.unwrap();
    assert_eq!((firm.id.as_str(), firm.name.as_str()), ("company:9", "Ромашка"));
    assert_eq!(firm.owner, Some("504141".into()));
}

#[tokio::test]
async fn d03_of_two_with_one_number_the_one_with_the_oldest_open_deal_is_taken() {
    let w = World::new().await;
    {
        let account = &mut w.server.house().account;
        account.add("contacts", contact(70, "Новая", 504141, "9161110001", &[79]));
        account.add("leads", lead(79, "Позже", 504141, 501));
        account.add("contacts", contact(77, "Без сделок", 504141, "9161110001", &[]));
    }
    let olga = w.find(OLGA).await.unwrap();
    assert_eq!(olga.id.as_str(), "7");
    let choice = olga.choice.unwrap();
    assert!(choice.contains("3 clients") && choice.contains("oldest (D03)"), "{choice}");
}

#[tokio::test]
async fn who_was_deleted_or_waits_in_unsorted_is_nobody() {
    let w = World::new().await;
    {
        let account = &mut w.server.house().account;
        let mut gone = contact(20, "Удалён", 504141, NEW, &[]);
        gone["is_deleted"] = json!(true);
        account.add("contacts", gone);
        let mut hidden = contact(21, "Ждёт", 504141, NEW, &[]);
        hidden["is_unsorted"] = json!(true);
        account.add("contacts", hidden);
    }
    assert!(w.find(NEW).await.is_none());
}

#[tokio::test]
async fn a04_the_company_behind_a_contact_is_told_and_costs_no_call_a_third_request() {
    let w = World::new().await;
    {
        let account = &mut w.server.house().account;
        let mut olga = contact(7, "Ольга", 504141, OLGA, &[71]);
        olga["_embedded"]["companies"] = json!([{ "id": 9 }]);
        account.add("contacts", olga);
        let mut pyotr = contact(8, "Пётр", 504142, CLOSED, &[]);
        pyotr["_embedded"]["companies"] = json!([{ "id": 9 }]);
        account.add("contacts", pyotr);
    }
    // The name is asked for behind the back of the first call.
    let first = w.find(OLGA).await.unwrap();
    assert_eq!(first.company, None);
    // With no deals to ask for, it is the second request.
    let second = w.find(CLOSED).await.unwrap();
    assert_eq!(second.display_name(), "Пётр (Ромашка)");
    assert_eq!(w.find(OLGA).await.unwrap().display_name(), "Ольга (Ромашка)");
}

#[tokio::test]
async fn a_contact_made_a_moment_ago_is_found_though_the_index_does_not_know_him() {
    let w = World::new().await;
    w.server.house().account.habits.index_lags = true;
    let mut call = w.call("c1", NEW).await;
    call.does(crate::office::new_contact()).await;
    let found = w.find(NEW).await.unwrap();
    assert_eq!((found.name.as_str(), found.owner), ("Иван", Some("504142".into())));
}

#[tokio::test]
async fn e14_users_are_employees_with_the_numbers_of_the_configuration() {
    use dozvon::core::staff::Status;
    use dozvon::crm::Crm;
    let w = World::with(|config| {
        config.numbers.insert("504141".into(), vec!["101".into()]);
        config.numbers.insert("B@example.com".into(), vec!["102".into(), "+79160000002".into()]);
    })
    .await;
    let staff = w.crm.employees().await.unwrap();
    let told: Vec<(&str, usize, bool)> = staff
        .iter()
        .map(|e| (e.id.as_str(), e.numbers.len(), e.status == Status::Active))
        .collect();
    assert_eq!(told, [("504141", 1, true), ("504142", 2, true), ("504143", 0, false)]);
    assert_eq!(staff[0].groups, ["Продажи"]);
}

#[tokio::test]
async fn a01_who_was_made_a_moment_ago_is_known_to_another_engine_and_after_a_restart() {
    let w = World::new().await;
    w.server.house().account.habits.index_lags = true;
    let mut call = w.call("c1", NEW).await;
    call.does(new_contact()).await;
    call.does(new_deal()).await;
    call.does(json!({ "do": "company", "name": "Лютик" })).await;
    let other = w.restarted(|_| {});
    let found = dozvon::crm::Crm::find(&other, &phone(NEW)).await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.deals.len()), ("Иван", 1));
    let World { server, folder, .. } = w;
    let w = World { server, folder, crm: other };
    // The call began before: as far as it knows he is nobody.
    let mut call = w.call("c2", NEW).await;
    call.case.client = dozvon::core::case::Known::Nobody;
    let what = call.does(new_contact()).await;
    assert!(what.starts_with("nothing: contact"), "{what}");
    let what = call.does(new_deal()).await;
    assert!(what.contains("was opened meanwhile"), "{what}");
    let what = call.does(json!({ "do": "company", "name": "лютик" })).await;
    assert!(what.starts_with("found company"), "{what}");
    let house = w.server.house();
    let count = |kind| house.account.all(kind).len();
    assert_eq!((count("contacts"), count("leads"), count("companies")), (3, 4, 2));
}

#[tokio::test]
async fn c02_a_deal_on_the_stage_of_unsorted_is_no_open_deal_from_the_first_look_up_on() {
    use dozvon::crm::Crm;
    let w = World::new().await;
    w.server.house().account.add("contacts", contact(20, "Ждёт", 504142, NEW, &[200]));
    w.server.house().account.add("leads", lead(200, "Неразобранное", 504141, 500));
    // Nobody asked for employees or pipelines before.
    let fresh = w.restarted(|_| {});
    let found = fresh.find(&phone(NEW)).await.unwrap().unwrap();
    assert_eq!((found.deals.len(), found.owner), (0, Some("504142".into())));
    // Where the pipelines cannot be had, a call is not held up for them again and again.
    let blind = w.restarted(|_| {});
    let no = crate::request::Said::refused(403, "no");
    w.server.fault("GET /api/v4/leads/pipelines", 9, crate::server::Wrong::Answer(no));
    w.server.paths();
    for _ in 0..2 {
        assert!(blind.find(&phone(NEW)).await.unwrap().is_some());
    }
    let asked = w.server.paths();
    assert_eq!(asked.iter().filter(|sent| sent.ends_with("pipelines")).count(), 1, "{asked:?}");
    // Nor where the first one gave up waiting.
    w.server.house().faults.clear();
    w.server.fault("GET /api/v4/leads/pipelines", 9, crate::server::Wrong::Silent);
    let hangs = w.restarted(|_| {});
    let number = phone(NEW);
    let patience = std::time::Duration::from_millis(500);
    assert!(tokio::time::timeout(patience, hangs.find(&number)).await.is_err());
    assert!(hangs.find(&number).await.unwrap().is_some());
    assert_eq!(w.server.paths().iter().filter(|sent| sent.ends_with("pipelines")).count(), 1);
}

#[tokio::test]
async fn e14_the_number_in_a_field_of_his_is_an_employees_where_that_is_set() {
    use dozvon::crm::Crm;
    let w = World::with(|config| {
        config.numbers_field = Some("phone_number".into());
        config.numbers.insert("504142".into(), vec!["102".into()]);
    })
    .await;
    let staff = w.crm.employees().await.unwrap();
    let told: Vec<String> = staff.iter().map(|e| format!("{:?}", e.numbers)).collect();
    assert!(told[0].contains("101"), "{told:?}");
    assert!(told[1].contains("102") && !told[1].contains("0009"), "the configured goes before");
    assert!(told[2].contains("7916***0003"), "{told:?}");
    let asked = w.server.dialogue();
    assert!(asked[0].contains("with=role,group,phone_number"), "{asked:?}");
}
