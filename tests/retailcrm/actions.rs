//! What each action becomes.

use dozvon::core::action::Bound;
use dozvon::core::case::{Event, Sound};
use dozvon::crm::retailcrm::RetailConfig;
use dozvon::crm::{ApplyError, Crm};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::house::{House, NEW, OLGA, PETR, act, case, over};

#[tokio::test]
async fn b05_a_client_and_his_order_with_the_tags_of_the_visit() {
    let fields = [("roistat".to_owned(), "visit".to_owned())];
    let set = |config| RetailConfig { fields: fields.into_iter().collect(), ..config };
    let house = House::with(set).await;
    let case = house.case(Event::Answered, NEW).await;
    let mut bound = Bound::default();
    let contact = act(json!({"do": "contact", "name": "Иван", "owner": "12", "tags": ["звонок"]}));
    house.apply("call/1/1", &contact, &case, &mut bound).await;
    let deal = act(json!({"do": "deal", "title": "Заказ по звонку", "owner": "12", "fields":
        {"utm_source": "ya", "utm_term": "окна", "roistat": "17", "page": "/"}}));
    house.apply("call/1/2", &deal, &case, &mut bound).await;
    let state = house.fake.state();
    let customer = state.customers.last().unwrap();
    assert_eq!(bound.client.unwrap().as_str(), customer["id"].to_string());
    assert_eq!(customer["phones"], json!([{"number": NEW}]));
    assert_eq!(
        (&customer["managerId"], &customer["tags"]),
        (&json!(12), &json!([{"name": "звонок"}]))
    );
    let order = state.orders.last().unwrap();
    assert_eq!(bound.deal.unwrap().as_str(), order["id"].to_string());
    assert_eq!(order["source"], json!({"source": "ya", "keyword": "окна"}));
    assert_eq!(order["customFields"], json!({"visit": "17"}));
    assert_eq!(order["managerComment"], "Заказ по звонку\npage: /");
    assert_eq!(order["customer"]["id"], customer["id"]);
}

#[tokio::test]
async fn c05_a_second_task_of_a_kind_is_not_made_while_one_is_open() {
    let house = House::new().await;
    let case = house.case(Event::Missed, OLGA).await;
    let task = |kind: &str, dedupe: &str| {
        act(json!({"do": "task", "kind": kind, "on": "deal", "text": "Перезвоните", "owner": "11",
            "due": "2099-11-20T12:00:00Z", "dedupe": dedupe}))
    };
    let mut bound = Bound::default();
    for (n, (kind, dedupe, made)) in [
        ("call_back", "until_due", 1),
        ("call_back", "until_due", 1),
        ("call_back", "while_open", 1),
        ("review", "until_due", 2),
        ("call_back", "never", 3),
    ]
    .into_iter()
    .enumerate()
    {
        house.apply(&format!("call/1/{n}"), &task(kind, dedupe), &case, &mut bound).await;
        assert_eq!(house.fake.state().tasks.len(), made, "{n}");
    }
    let state = house.fake.state();
    assert_eq!(state.tasks[0]["datetime"], "2099-11-20 15:00", "Moscow time");
    assert_eq!(
        (&state.tasks[0]["customer"]["id"], &state.tasks[0]["order"]["id"]),
        (&json!(1002), &json!(2002))
    );
}

#[tokio::test]
async fn b06_a_completed_task_is_complete_even_where_a_new_one_may_not_be() {
    let house = House::new().await;
    let case = house.case(Event::Ended, OLGA).await;
    let task = act(json!({"do": "task", "kind": "talk", "on": "client", "text": "Звонок принят",
        "owner": "13", "due": "2026-11-20T12:00:00Z", "done": true}));
    house.apply("call/1/1", &task, &case, &mut Bound::default()).await;
    assert_eq!(house.fake.state().tasks[0]["complete"], json!(true));
}

#[tokio::test]
async fn b04_a_call_goes_out_once_with_its_recording() {
    let house = House::new().await;
    let case = over(house.case(Event::Answered, OLGA).await, "13", "103");
    let register = act(json!({"do": "register_call", "result": "answered", "who": "13"}));
    let mut bound = Bound::default();
    house.apply("call/2/1", &register, &case, &mut bound).await;
    let update = act(json!({"do": "update_call"}));
    let done = house.apply("call/3/1", &update, &case, &mut bound).await;
    assert!(done.what.starts_with("nothing"), "{}", done.what);
    // As after a lost answer.
    let done = house.apply("call/2/1", &register, &case, &mut bound).await;
    assert_eq!(done.what, "nothing: retailCRM has this call");
    let state = house.fake.state();
    assert_eq!(
        state.calls,
        [json!({"date": "2026-11-20 12:00:00", "type": "in",
        "phone": "79160000002", "userId": 13, "result": "answered", "duration": 205,
        "durationWaiting": 8, "externalId": "call", "externalPhone": "+74951111111",
        "recordUrl": "https://pbx.example/recordings/1", "site": "shop"})]
    );
    assert_eq!(
        (&state.events[0]["type"], &state.events[0]["hangupStatus"]),
        (&json!("hangup"), &json!("answered"))
    );
}

#[tokio::test]
async fn a12_a_call_registered_at_its_answer_goes_out_when_it_is_over() {
    let house = House::new().await;
    let answered = house.case(Event::Answered, OLGA).await;
    let register = act(json!({"do": "register_call", "result": "answered", "who": "13"}));
    let update = act(json!({"do": "update_call"}));
    let mut bound = Bound::default();
    house.apply("call/1/1", &register, &answered, &mut bound).await;
    assert_eq!(house.fake.state().calls.len(), 0);
    let ended = over(answered, "13", "103");
    house.apply("call/2/1", &update, &ended, &mut bound).await;
    house.apply("call/3/1", &update, &ended, &mut bound).await;
    let state = house.fake.state();
    assert_eq!(state.calls.len(), 1);
    assert_eq!((&state.calls[0]["userId"], &state.calls[0]["duration"]), (&json!(13), &json!(205)));
}

#[tokio::test]
async fn b01_the_card_pops_up_and_the_text_has_a_link_and_no_html_of_the_caller() {
    let house = House::new().await;
    let mut case = house.case(Event::Answered, OLGA).await;
    case.at = Timestamp::now();
    let notify =
        act(json!({"do": "notify", "to": {"these": ["13"]}, "text": "Звонит <b>Ольга</b>",
        "link": "deal"}));
    house.apply("call/1/1", &notify, &case, &mut Bound::default()).await;
    let uri = house.fake.server.uri();
    let state = house.fake.state();
    assert_eq!(state.events[0]["userIds"], json!([13]));
    let message = state.notifications[0]["message"].as_str().unwrap();
    assert!(message.contains("&lt;b&gt;Ольга"), "{message}");
    assert!(message.contains(&format!("{uri}/orders/2002/edit")), "{message}");
}

#[tokio::test]
async fn b03_all_managers_are_told_without_a_card_and_without_those_who_left() {
    let house = House::new().await;
    // The accountant and the warehouse work there as well; of some it is not told.
    house.fake.state().users.push(json!({"id": 15, "active": true, "isManager": false}));
    house.fake.state().users[2].as_object_mut().unwrap().remove("isManager");
    let case = house.case(Event::Missed, NEW).await;
    let notify = act(json!({"do": "notify", "to": "everybody", "text": "Пропущенный"}));
    house.apply("call/1/1", &notify, &case, &mut Bound::default()).await;
    let state = house.fake.state();
    assert_eq!(state.notifications[0]["userIds"], json!([11, 12, 13]));
    assert_eq!(state.events.len(), 0);
}

#[tokio::test]
async fn without_the_telephony_module_the_text_goes_out_all_the_same() {
    let house = House::new().await;
    let mut case = house.case(Event::Answered, OLGA).await;
    case.at = Timestamp::now();
    let off = json!({"success": false, "errorMsg": "Telephony not enabled"});
    house.fake.trouble("call/event", crate::fake::says(200, off), 1);
    let notify = act(json!({"do": "notify", "to": {"these": ["13"]}, "text": "x"}));
    let done = house.apply("call/1/1", &notify, &case, &mut Bound::default()).await;
    assert!(done.what.contains("Telephony not enabled"), "{}", done.what);
    assert_eq!(house.fake.state().notifications.len(), 1);
}

#[tokio::test]
async fn c02_c03_an_order_without_a_manager_stands_for_an_unsorted_entry() {
    let house = House::new().await;
    let case = house.case(Event::Missed, NEW).await;
    let unsorted =
        act(json!({"do": "unsorted", "kind": "call", "title": "Звонок", "name": "Иван"}));
    let mut bound = Bound::default();
    house.apply("call/1/1", &unsorted, &case, &mut bound).await;
    let second = house.apply("call2/1/1", &unsorted, &case, &mut Bound::default()).await;
    assert!(second.what.starts_with("nothing"), "{}", second.what);
    assert_eq!(house.fake.state().orders.len(), 4);
    assert_eq!(house.fake.state().orders[3]["call"], json!(true));
    let accept = act(json!({"do": "accept_unsorted", "owner": "12", "stage": "assembling"}));
    let done = house.apply("call3/1/1", &accept, &case, &mut Bound::default()).await;
    let order = house.fake.state().orders[3].clone();
    assert_eq!(done.bound.deal.unwrap().as_str(), order["id"].to_string());
    assert_eq!((&order["managerId"], &order["status"]), (&json!(12), &json!("assembling")));
    let state = house.fake.state();
    let customer = state.customers.iter().find(|c| c["id"] == order["customer"]["id"]).unwrap();
    assert_eq!(customer["managerId"], json!(12));
}

#[tokio::test]
async fn a17_an_unsorted_entry_of_a_known_client_is_his_and_makes_no_second_one() {
    for (number, id) in [(OLGA, 1002), (PETR, 1003)] {
        let house = House::new().await;
        let case = house.case(Event::Missed, number).await;
        let unsorted =
            act(json!({"do": "unsorted", "kind": "call", "title": "Звонок", "name": "Кто-то"}));
        house.apply("call/1/1", &unsorted, &case, &mut Bound::default()).await;
        assert_eq!(house.fake.state().customers.len(), 2);
        assert_eq!(house.fake.state().orders[3]["customer"]["id"], json!(id));
        // Who takes the entry does not take the client away from his manager.
        let accept = act(json!({"do": "accept_unsorted", "owner": "12"}));
        let done = house.apply("call2/1/1", &accept, &case, &mut Bound::default()).await;
        assert_eq!(done.bound.client.unwrap().as_str(), id.to_string());
        let state = house.fake.state();
        assert_eq!(state.orders[3]["managerId"], json!(12));
        let client = state.customers.iter().find(|client| client["id"] == id).unwrap();
        assert_eq!(client["managerId"], json!(13));
    }
}

#[tokio::test]
async fn c03_an_order_of_the_web_shop_is_nobodys_to_accept_or_to_decline() {
    let house = House::with(|config| RetailConfig { declined: Some("no-call".into()), ..config });
    let house = house.await;
    let paid = json!({"id": 900, "number": "900A", "externalId": "web-17", "status": "new",
        "phone": OLGA, "customer": {"id": 1002}, "site": "shop"});
    house.fake.state().orders.push(paid.clone());
    let case = house.case(Event::Missed, OLGA).await;
    for action in
        [json!({"do": "decline_unsorted"}), json!({"do": "accept_unsorted", "owner": "12"})]
    {
        let done = house.apply("call/1/1", &act(action), &case, &mut Bound::default()).await;
        assert!(done.what.starts_with("nothing"), "{}", done.what);
    }
    // Nor does it stand for an entry that waits.
    let unsorted = act(json!({"do": "unsorted", "kind": "call", "title": "x", "name": "y"}));
    house.apply("call/1/2", &unsorted, &case, &mut Bound::default()).await;
    let state = house.fake.state();
    assert_eq!((&state.orders[3], state.orders.len()), (&paid, 5));
}

#[tokio::test]
async fn b01_no_card_of_a_call_that_is_long_over_pops_up_after_an_outage() {
    for (ago, cards) in [(0, 1), (50, 1), (90, 0), (3600, 0)] {
        let house = House::new().await;
        let mut case = house.case(Event::Ringing, OLGA).await;
        case.at = Timestamp::now() - SignedDuration::from_secs(ago);
        let notify = act(json!({"do": "notify", "to": {"these": ["13"]}, "text": "Звонит Ольга"}));
        house.apply("call/1/1", &notify, &case, &mut Bound::default()).await;
        let state = house.fake.state();
        assert_eq!((state.events.len(), state.notifications.len()), (cards, 1), "{ago} s");
    }
}

/// Инна speaks for Окна, whose shop is another one.
async fn company(house: &House) {
    let mut state = house.fake.state();
    state.customers.push(json!({"id": 1020, "isContact": true, "site": "shop",
        "firstName": "Инна", "phones": [{"number": "+79160000020"}]}));
    let contacts = json!([{"customer": {"id": 1020}}]);
    state.corporates.push(json!({"id": 3001, "type": "customer_corporate", "site": "other",
        "nickName": "Окна", "managerId": 12, "mainCompany": {"id": 5, "name": "ООО Окна"},
        "customerContacts": contacts}));
    state.corporates.push(json!({"id": 3002, "type": "customer_corporate", "site": "shop",
        "nickName": "Двери", "customerContacts": contacts}));
}

#[tokio::test]
async fn a_new_order_of_who_speaks_for_a_company_is_the_companys() {
    let house = House::new().await;
    company(&house).await;
    let case = house.case(Event::Answered, "+79160000020").await;
    let deal = act(json!({"do": "deal", "title": "x", "owner": "12"}));
    let mut bound = Bound::default();
    house.apply("call/1/1", &deal, &case, &mut bound).await;
    assert_eq!(bound.client.clone().unwrap().as_str(), "1020");
    let order = house.fake.state().orders.last().unwrap().clone();
    assert_eq!(
        (&order["customer"], &order["contact"], &order["company"]),
        (
            &json!({"id": 3001, "type": "customer_corporate", "site": "other"}),
            &json!({"id": 1020}),
            &json!({"id": 5})
        )
    );
    // A second call at the same time makes no second one.
    let mut second = case.clone();
    second.call = "call2".into();
    let done = house.apply("call2/1/1", &deal, &second, &mut Bound::default()).await;
    assert!(done.what.contains("was opened meanwhile"), "{}", done.what);
    // And each of his companies' orders is seen.
    house.fake.state().orders.push(json!({"id": 2021, "status": "new", "site": "shop",
        "customer": {"id": 3002}}));
    let inna = house.crm.find(&crate::house::phone("+79160000020")).await.unwrap().unwrap();
    assert_eq!(inna.deals.len(), 2, "{:?}", inna.deals);
}

#[tokio::test]
async fn an_order_and_a_task_of_a_client_of_another_shop_say_which_shop_he_is_of() {
    let house = House::new().await;
    house.fake.state().customers[0]["site"] = json!("other");
    let case = house.case(Event::Answered, OLGA).await;
    let mut bound = Bound::default();
    for (n, action) in [
        json!({"do": "deal", "title": "x", "owner": "12"}),
        json!({"do": "unsorted", "kind": "call", "title": "x", "name": "y"}),
        json!({"do": "task", "kind": "k", "on": "deal", "text": "x", "owner": "11",
            "due": "2026-11-20T12:00:00Z"}),
        json!({"do": "note", "on": "client", "text": "x"}),
    ]
    .into_iter()
    .enumerate()
    {
        house.apply(&format!("call/1/{n}"), &act(action), &case, &mut bound).await;
    }
    let state = house.fake.state();
    let olga = json!({"id": 1002, "site": "other"});
    assert_eq!((&state.orders[3]["customer"], &state.orders[3]["site"]), (&olga, &json!("shop")));
    assert_eq!(state.orders[4]["customer"], olga);
    assert_eq!(state.tasks[0]["customer"], olga);
    assert_eq!(state.notes[0]["customer"], olga);
}

#[tokio::test]
async fn what_follows_of_a_call_goes_to_whom_its_client_was_merged_into() {
    for told in [false, true] {
        let house = House::new().await;
        house.crm.changed().await.unwrap();
        let case = house.case(Event::Answered, OLGA).await;
        {
            let mut state = house.fake.state();
            state.customers[0]["id"] = json!(1050);
            state.customers[0]["phones"] = json!([{"number": OLGA}]);
            state.orders[1]["customer"]["id"] = json!(1050);
            if told {
                let row = json!({"id": 9, "field": "id", "deleted": true, "customer": {"id": 1002},
                    "combinedTo": {"id": 1050}});
                state.history.insert("customers".into(), vec![row]);
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        if told {
            house.crm.changed().await.unwrap();
        }
        let mut bound = Bound::default();
        for (n, action) in [
            json!({"do": "note", "on": "client", "text": "x"}),
            json!({"do": "task", "kind": "k", "on": "deal", "text": "x", "owner": "11",
                "due": "2026-11-20T12:00:00Z"}),
            json!({"do": "tag", "on": "client", "tags": ["vip"]}),
            json!({"do": "fields", "on": "client", "touch": "last", "fields": {"visit": "1"}}),
            json!({"do": "change_owner", "of": "deal", "to": "11"}),
            json!({"do": "deal", "title": "x", "owner": "12"}),
        ]
        .into_iter()
        .enumerate()
        {
            house.apply(&format!("call/1/{n}"), &act(action), &case, &mut bound).await;
        }
        let state = house.fake.state();
        assert_eq!(state.notes[0]["customer"]["id"], json!(1050), "{told}");
        assert_eq!(state.tasks[0]["customer"]["id"], json!(1050));
        assert_eq!(state.tasks[0]["order"]["id"], json!(2002), "his order is still his");
        assert_eq!(state.customers[0]["customFields"], json!({"visit": "1"}));
        assert_eq!((&state.orders[1]["managerId"], state.customers.len()), (&json!(11), 2));
        assert_eq!(state.orders.last().unwrap()["customer"]["id"], json!(1050));
    }
}

#[tokio::test]
async fn e08_what_people_wrote_into_a_comment_stays_when_a_visit_is_told_anew() {
    let house = House::new().await;
    house.fake.state().orders[1]["managerComment"] =
        json!("page: смотрел\nпозвонить после 18\npage: /");
    let case = house.case(Event::Answered, OLGA).await;
    let fields =
        act(json!({"do": "fields", "on": "deal", "touch": "last", "fields": {"page": "/z"}}));
    house.apply("call/1/1", &fields, &case, &mut Bound::default()).await;
    let comment = house.fake.state().orders[1]["managerComment"].clone();
    assert_eq!(comment, "page: смотрел\nпозвонить после 18\npage: /z");
}

#[tokio::test]
async fn a_call_the_crm_says_it_did_not_take_is_told() {
    let house = House::new().await;
    let none = json!({"success": true, "processedCallsCount": 0, "duplicateCalls": []});
    house.fake.state().fixed.insert("telephony/calls/upload".into(), none);
    let case = over(house.case(Event::Answered, OLGA).await, "13", "103");
    let register = act(json!({"do": "register_call", "result": "answered", "who": "13"}));
    let done = house.apply("call/2/1", &register, &case, &mut Bound::default()).await;
    assert!(done.what.contains("took none"), "{}", done.what);
}

#[tokio::test]
async fn b07_owner_tags_fields_notes_and_company() {
    let set = |config| RetailConfig { inactive_tag: Some("спит".into()), ..config };
    let house = House::with(set).await;
    let mut case = house.case(Event::Voicemail, OLGA).await;
    case.voicemail =
        Some(Sound { url: "https://pbx.example/voicemail/1".into(), seconds: Some(4) });
    let mut bound = Bound::default();
    for (n, action) in [
        json!({"do": "change_owner", "of": "client", "to": "12"}),
        json!({"do": "change_owner", "of": "deal", "to": "11"}),
        json!({"do": "reactivate"}),
        json!({"do": "tag", "on": "deal", "tags": ["vip"]}),
        json!({"do": "fields", "on": "client", "touch": "last", "fields": {"utm_source": "b"}}),
        json!({"do": "fields", "on": "client", "touch": "first", "fields": {"utm_source": "c"}}),
        json!({"do": "note", "on": "client", "text": "Заметка"}),
        json!({"do": "voicemail", "on": "deal", "text": "Сообщение"}),
        json!({"do": "company", "name": "Окна"}),
        json!({"do": "company", "name": "Окна"}),
    ]
    .into_iter()
    .enumerate()
    {
        house.apply(&format!("call/1/{n}"), &act(action), &case, &mut bound).await;
    }
    let state = house.fake.state();
    let olga = &state.customers[0];
    assert_eq!(olga["managerId"], json!(12));
    assert_eq!(olga["removeTags"], json!(["спит"]));
    assert_eq!(olga["addTags"], json!(["vip"]), "others are not wiped");
    assert_eq!(olga["source"], json!({"source": "b"}), "E08: the first stays");
    assert_eq!(state.orders[1]["managerId"], json!(11));
    assert_eq!(state.notes[0]["text"], "Заметка");
    assert_eq!(state.notes[1]["text"], "Сообщение: https://pbx.example/voicemail/1");
    assert_eq!(state.corporates.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_a_reason() {
    let house = House::new().await;
    let withheld = case(Event::Missed, "");
    let contact = act(json!({"do": "contact", "name": "x", "owner": "12"}));
    let stranger = act(json!({"do": "contact", "name": "x", "owner": "anna"}));
    let deal = act(json!({"do": "deal", "title": "x", "owner": "12"}));
    for (action, case, word) in [
        (&contact, &withheld, "never be found"),
        (&stranger, &case(Event::Missed, NEW), "no user of retailCRM"),
        (&deal, &case(Event::Missed, NEW), "needs a client"),
    ] {
        match house.try_apply(action, case).await {
            Err(ApplyError::Refused { why }) => assert!(why.contains(word), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}

fn fields(of: &[(&str, &str)]) -> serde_json::Map<String, serde_json::Value> {
    of.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
}

#[tokio::test]
async fn e08_the_order_keeps_the_first_touch_and_the_client_has_the_last() {
    let house = House::new().await;
    let first =
        fields(&[("utm_source", "ya"), ("visit", "1"), ("ua_client_id", "a"), ("page", "/")]);
    let last =
        fields(&[("utm_source", "b"), ("visit", "2"), ("ua_client_id", "c"), ("page", "/z")]);
    let case = house.case(Event::Answered, NEW).await;
    let mut bound = Bound::default();
    for (n, action) in [
        json!({"do": "contact", "name": "x", "owner": "12", "fields": first}),
        json!({"do": "deal", "title": "Заказ", "owner": "12", "fields": first}),
        json!({"do": "fields", "on": "deal", "touch": "first", "fields": last}),
        json!({"do": "fields", "on": "client", "touch": "first", "fields": last}),
    ]
    .into_iter()
    .enumerate()
    {
        house.apply(&format!("call/1/{n}"), &act(action), &case, &mut bound).await;
    }
    {
        let state = house.fake.state();
        let (client, order) = (state.customers.last().unwrap(), state.orders.last().unwrap());
        assert_eq!(client["source"], json!({"source": "ya"}));
        assert_eq!(client["customFields"], json!({"visit": "1", "ua_client_id": "a"}));
        assert_eq!(state.notes.len(), 1, "the first touch of what has no field stays, too");
        assert_eq!(state.notes[0]["text"], "page: /");
        assert_eq!(order["source"], json!({"source": "ya"}));
        assert_eq!(order["customFields"], json!({"visit": "1"}));
        assert_eq!(order["managerComment"], "Заказ\npage: /\nua_client_id: a");
    }
    for (n, on) in [(5, "client"), (6, "client"), (7, "deal")] {
        let action = act(json!({"do": "fields", "on": on, "touch": "last", "fields": last}));
        house.apply(&format!("call/1/{n}"), &action, &case, &mut bound).await;
    }
    let state = house.fake.state();
    let (client, order) = (state.customers.last().unwrap(), state.orders.last().unwrap());
    assert_eq!(client["source"], json!({"source": "b"}));
    assert_eq!(client["customFields"], json!({"visit": "2", "ua_client_id": "c"}));
    let notes: Vec<_> = state.notes.iter().map(|note| &note["text"]).collect();
    assert_eq!(notes, ["page: /", "page: /z"], "the same is not said twice");
    assert_eq!(order["managerComment"], "Заказ\npage: /z\nua_client_id: c");
}

#[tokio::test]
async fn fields_are_found_by_their_codes_and_settings_go_before_them() {
    let settings = [("roistat", "visit"), ("utm_content", "visit_content"), ("lost", "nowhere")];
    let settings = settings.map(|(name, code)| (name.to_owned(), code.to_owned()));
    let set = |config| RetailConfig { fields: settings.into(), ..config };
    let house = House::with(set).await;
    let case = house.case(Event::Answered, OLGA).await;
    let deal = |of: &[(&str, &str)]| {
        act(json!({"do": "deal", "title": "x", "owner": "12", "fields": fields(of)}))
    };
    let given =
        [("roistat", "17"), ("pages", "3"), ("segment", "vip"), ("lost", "y"), ("utm_term", "t")];
    house.apply("call/1/1", &deal(&given), &case, &mut Bound::default()).await;
    {
        let state = house.fake.state();
        let order = state.orders.last().unwrap();
        assert_eq!(order["customFields"], json!({"visit": "17", "pages": 3}));
        // A value a dictionary may not have, and a code that the account has not, cost no order.
        assert_eq!(order["managerComment"], "x\nlost: y\nsegment: vip");
        assert_eq!(order["source"], json!({"keyword": "t"}));
    }
    // What is no number stands in the comment.
    house.apply("call2/1/1", &deal(&[("pages", "many")]), &case, &mut Bound::default()).await;
    assert_eq!(house.fake.state().orders.last().unwrap()["managerComment"], "x\npages: many");
    let asked = house.fake.dialogue();
    let asked = asked.iter().filter(|seen| seen.path.ends_with("custom-fields")).count();
    assert_eq!(asked, 1, "not for each order, and for a code that is not known once a minute");
}

#[tokio::test]
async fn a_key_that_may_not_see_fields_fills_in_those_of_the_settings() {
    let set = |config| RetailConfig { fields: [("r".into(), "visit".into())].into(), ..config };
    let house = House::with(set).await;
    let denied = json!({"success": false, "errorMsg": "Access denied."});
    house.fake.trouble("custom-fields", crate::fake::says(403, denied), 9);
    let case = house.case(Event::Answered, OLGA).await;
    let deal = act(json!({"do": "deal", "title": "x", "owner": "12",
        "fields": fields(&[("r", "17"), ("pages", "3")])}));
    house.apply("call/1/1", &deal, &case, &mut Bound::default()).await;
    let state = house.fake.state();
    let order = state.orders.last().unwrap();
    assert_eq!(
        (&order["customFields"], &order["managerComment"]),
        (&json!({"visit": "17"}), &json!("x\npages: 3"))
    );
}

#[tokio::test]
async fn c03_a_declined_order_waits_no_more_with_its_own_status_or_without() {
    for (declined, status) in [(Some("no-call".to_owned()), json!("no-call")), (None, json!("new"))]
    {
        let has_status = declined.is_some();
        let house = House::with(|config| RetailConfig { declined, ..config }).await;
        let case = house.case(Event::Missed, NEW).await;
        let unsorted = act(json!({"do": "unsorted", "kind": "call", "title": "x", "name": "y"}));
        let decline = act(json!({"do": "decline_unsorted"}));
        let nothing = "nothing: no order without a manager waits for this number";
        assert_eq!(house.try_apply(&decline, &case).await.unwrap().what, nothing);
        house.apply("call/1/1", &unsorted, &case, &mut Bound::default()).await;
        house.fake.state().orders[3]["status"] = json!("new");
        let done = house.apply("call2/1/1", &decline, &case, &mut Bound::default()).await;
        assert!(done.what.starts_with("order 1002 is declined"), "{}", done.what);
        assert_eq!(done.what.contains("`declined` is not set"), !has_status, "{}", done.what);
        let order = house.fake.state().orders[3].clone();
        assert_eq!((&order["status"], &order["call"]), (&status, &json!(false)));
        assert_eq!(order["managerComment"], "x\nОтклонено");
        let accept = act(json!({"do": "accept_unsorted", "owner": "12"}));
        for action in [&decline, &accept] {
            assert_eq!(house.try_apply(action, &case).await.unwrap().what, nothing);
        }
        let made = house.apply("call3/1/1", &unsorted, &case, &mut Bound::default()).await;
        assert!(made.what.starts_with("made order"), "{}", made.what);
    }
}
