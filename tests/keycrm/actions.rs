//! What each action becomes.

use dozvon::core::action::Bound;
use dozvon::core::case::{Event, Sound};
use dozvon::crm::keycrm::KeyConfig;
use dozvon::crm::{ApplyError, Crm};
use serde_json::json;

use crate::house::{House, NEW, OLGA, PETRO, act, case, over};

#[tokio::test]
async fn d05_a_client_and_his_card_with_the_tags_of_the_visit() {
    let fields = [("roistat".to_owned(), "LD_1021".to_owned())];
    let set = |config| KeyConfig { fields: fields.into_iter().collect(), ..config };
    let house = House::with(set).await;
    let case = house.case(Event::Answered, NEW).await;
    let mut bound = Bound::default();
    let contact = act(json!({"do": "contact", "name": "Іван", "owner": "12", "tags": ["дзвінок"]}));
    house.apply("call/1/1", &contact, &case, &mut bound).await;
    let deal = act(json!({"do": "deal", "title": "Дзвінок", "owner": "12", "pipeline": "Опт",
        "stage": "9", "fields": {"utm_source": "google", "roistat": "17", "page": "/"}}));
    house.apply("call/1/2", &deal, &case, &mut bound).await;
    let again = house.apply("call/1/3", &deal, &case, &mut bound).await;
    assert!(again.what.starts_with("nothing"), "{}", again.what);
    let state = house.fake.state();
    let buyer = state.buyers.last().unwrap();
    assert_eq!(bound.client.unwrap().as_str(), buyer["id"].to_string());
    assert_eq!((&buyer["phone"], &buyer["note"]), (&json!([NEW]), &json!("#дзвінок")));
    let card = state.cards.last().unwrap();
    assert_eq!(bound.deal.unwrap().as_str(), card["id"].to_string());
    assert_eq!((&card["pipeline_id"], &card["status_id"]), (&json!(2), &json!(9)));
    assert_eq!((&card["utm_source"], &card["source_id"]), (&json!("google"), &json!(7)));
    assert_eq!(card["custom_fields"], json!([{"uuid": "LD_1021", "value": "17"}]));
    assert_eq!(card["contact"]["client_id"], buyer["id"]);
    let comment = card["manager_comment"].as_str().unwrap();
    assert!(comment.starts_with("page: /\ndozvon-"), "{comment}");
}

#[tokio::test]
async fn a_card_that_another_call_opened_meanwhile_is_taken() {
    let house = House::new().await;
    let case = case(Event::Answered, OLGA);
    let deal = act(json!({"do": "deal", "title": "x", "owner": "12"}));
    let done = house.try_apply(&deal, &case).await.unwrap();
    assert_eq!(done.bound.deal.unwrap().as_str(), "2002", "the oldest active one (D03)");
    assert_eq!(house.fake.state().cards.len(), 4);
}

#[tokio::test]
async fn where_orders_are_the_deals_they_are_made_with_source_and_mark() {
    let house = House::with_orders().await;
    let mut bound = Bound::default();
    let case = house.case(Event::Answered, NEW).await;
    let contact = act(json!({"do": "contact", "name": "", "owner": "12"}));
    house.apply("call/1/1", &contact, &case, &mut bound).await;
    let deal = act(json!({"do": "deal", "title": "Дзвінок", "owner": "12", "tags": ["vip"],
        "fields": {"utm_source": "google"}}));
    house.apply("call/1/2", &deal, &case, &mut bound).await;
    let owner = act(json!({"do": "change_owner", "of": "deal", "to": "11"}));
    let done = house.apply("call/1/3", &owner, &case, &mut bound).await;
    assert!(done.what.contains("does not change the manager"), "{}", done.what);
    let tag = act(json!({"do": "tag", "on": "deal", "tags": ["vip", "new"]}));
    let done = house.apply("call/1/4", &tag, &case, &mut bound).await;
    assert!(done.what.ends_with("there are no tags new"), "{}", done.what);
    let state = house.fake.state();
    let order = state.orders.last().unwrap();
    assert_eq!((&order["source_id"], &order["tags"]), (&json!(7), &json!([31])));
    assert_eq!(order["marketing"], json!({"utm_source": "google"}));
    assert!(order["source_uuid"].as_str().unwrap().starts_with("dozvon-"));
    assert_eq!(state.buyers.last().unwrap()["full_name"], NEW, "KeyCRM wants a name");
}

#[tokio::test]
async fn b04_a_call_is_told_once_when_it_is_over() {
    let house = House::new().await;
    let answered = house.case(Event::Answered, OLGA).await;
    let register = act(json!({"do": "register_call", "result": "answered", "who": "12"}));
    let mut bound = Bound::default();
    house.apply("call/1/1", &register, &answered, &mut bound).await;
    assert!(house.fake.state().told.is_empty());
    let ended = over(answered, "12", "102");
    let update = act(json!({"do": "update_call"}));
    house.apply("call/2/1", &update, &ended, &mut bound).await;
    house.apply("call/3/1", &update, &ended, &mut bound).await;
    let told = house.fake.state().told.clone();
    let call = json!({"id": "call", "direction": "incoming", "caller": "102",
        "destination_number": OLGA, "state": "completed", "duration": 205,
        "audio_url": "https://pbx.example/recordings/1"});
    let mut start = call.clone();
    start["state"] = json!("started");
    for key in ["duration", "audio_url"] {
        start.as_object_mut().unwrap().remove(key);
    }
    assert_eq!(told, [start, call], "nobody was told that it began");
    let theirs = include_str!("fixtures/pbx_event_completed.json");
    let theirs: serde_json::Value = serde_json::from_str(theirs).unwrap();
    let theirs = theirs["body"]["call"].as_object().unwrap();
    for (key, value) in told[0].as_object().unwrap() {
        let same = std::mem::discriminant(value) == std::mem::discriminant(&theirs[key]);
        assert!(same, "{key}: {value}");
    }
}

#[tokio::test]
async fn d02_what_pops_up_has_the_form_that_an_exchange_sends() {
    let house = House::new().await;
    let notice = act(json!({"do": "notify", "to": {"these": ["12"]}, "text": "x"}));
    let mut answered = case(Event::Answered, OLGA);
    answered.first = Some(crate::house::speaker("12", "102"));
    answered.last = answered.first.clone();
    house.try_apply(&notice, &answered).await.unwrap();
    let theirs = [
        include_str!("fixtures/pbx_event_started.json"),
        include_str!("fixtures/pbx_event_answered.json"),
    ];
    let told = house.fake.state().told.clone();
    assert_eq!(told.len(), theirs.len());
    for (ours, theirs) in told.iter().zip(theirs) {
        let mut theirs: serde_json::Value = serde_json::from_str(theirs).unwrap();
        let theirs = &mut theirs["body"]["call"];
        for (key, value) in [("id", "call"), ("caller", "102"), ("destination_number", OLGA)] {
            theirs[key] = json!(value);
        }
        assert_eq!(ours, theirs);
    }
    // Its end is told once more, and its beginning not.
    let register = act(json!({"do": "register_call", "result": "answered", "who": "12"}));
    house.try_apply(&register, &over(answered, "12", "102")).await.unwrap();
    let states: Vec<_> =
        house.fake.state().told.iter().map(|call| call["state"].to_string()).collect();
    assert_eq!(states, ["\"started\"", "\"answered\"", "\"completed\""]);
}

#[tokio::test]
async fn d02_a_card_pops_up_in_time_or_not_at_all() {
    let within = std::time::Duration::from_secs(30);
    let house = House::with(|config| KeyConfig { popup_within: within, ..config }).await;
    let notice = act(json!({"do": "notify", "to": {"these": ["12"]}, "text": "x"}));
    for (ago, told) in [(0, 1), (20, 2), (40, 2)] {
        let mut ringing = case(Event::Ringing, OLGA);
        ringing.at = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(ago);
        let done = house.try_apply(&notice, &ringing).await.unwrap();
        assert_eq!(house.fake.state().told.len(), told, "{}", done.what);
        assert_eq!(done.what.contains("too late"), ago > 30);
    }
}

#[tokio::test]
async fn b08_a_call_that_reached_nobody_is_told_at_the_extension_for_it() {
    let set = |config| KeyConfig { nobody: Some("100".into()), ..config };
    for (house, at) in [(House::new().await, None), (House::with(set).await, Some("100"))] {
        let mut missed = house.case(Event::Missed, NEW).await;
        missed.ended = Some(missed.at);
        let register = act(json!({"do": "register_call", "result": "missed"}));
        let done = house.try_apply(&register, &missed).await.unwrap();
        let told = house.fake.state().told.clone();
        assert_eq!(told.first().and_then(|call| call["caller"].as_str()), at);
        assert!(at.is_some() || done.what.contains("`nobody`"), "{}", done.what);
        let states: Vec<_> = told.iter().filter_map(|call| call["state"].as_str()).collect();
        let whole: &[&str] = if at.is_some() { &["started", "canceled"] } else { &[] };
        assert_eq!(states, whole);
    }
}

#[tokio::test]
async fn a_task_is_the_next_contact_of_the_card_and_a_line_in_the_note() {
    let house = House::new().await;
    let case = house.case(Event::Missed, OLGA).await;
    let task = |due: &str| {
        act(json!({"do": "task", "kind": "k", "on": "deal", "text": "Передзвоніть", "owner": "11",
            "due": due, "dedupe": "until_due"}))
    };
    let mut bound = Bound::default();
    house.apply("call/1/1", &task("2099-11-20T12:00:00Z"), &case, &mut bound).await;
    let second = house.apply("call/1/2", &task("2099-11-21T12:00:00Z"), &case, &mut bound).await;
    assert!(second.what.starts_with("nothing: the next contact"), "C05: {}", second.what);
    let state = house.fake.state();
    let card = state.cards.iter().find(|card| card["id"] == 2002).unwrap();
    assert_eq!(card["communicate_at"], "2099-11-20 12:00:00");
    // As people there read the time.
    let note = "2026-11-20 11:00 Передзвоніть (→ 2099-11-20 14:00)";
    assert_eq!(state.buyers[0]["note"], note);
    assert_eq!(state.buyers[0]["full_name"], "Ольга Біла", "the name stays");
}

#[tokio::test]
async fn c05_a_task_is_written_down_where_a_manager_has_planned_a_contact_himself() {
    for (planned, next, told) in [
        ("2099-12-24 10:00:00", "2099-11-20 12:00:00", "set the next contact"),
        ("2099-11-19 10:00:00", "2099-11-19 10:00:00", "has a next contact before that"),
        // He forgot it, or did not reach the client.
        ("2026-02-01 10:00:00", "2099-11-20 12:00:00", "set the next contact"),
    ] {
        let house = House::new().await;
        house.fake.state().cards[1]["communicate_at"] = json!(planned);
        let case = house.case(Event::Missed, OLGA).await;
        let task = act(json!({"do": "task", "kind": "k", "on": "deal", "text": "Передзвоніть",
            "owner": "11", "due": "2099-11-20T12:00:00Z", "dedupe": "until_due"}));
        let done = house.try_apply(&task, &case).await.unwrap();
        assert!(done.what.contains(told), "{}", done.what);
        let again = house.try_apply(&task, &case).await.unwrap();
        assert!(again.what.starts_with("nothing: the next contact"), "{}", again.what);
        let state = house.fake.state();
        assert_eq!(state.cards[1]["communicate_at"], next, "he is not put off");
        let line = "2026-11-20 11:00 Передзвоніть (→ 2099-11-20 14:00)";
        assert_eq!(state.buyers[0]["note"], line, "it has a place, once");
    }
}

#[tokio::test]
async fn c05_a_task_on_a_client_or_an_order_is_not_told_twice_until_it_is_due() {
    for on in ["client", "deal"] {
        let house = House::with_orders().await;
        let mut case = house.case(Event::Missed, OLGA).await;
        let mut said = Vec::new();
        for (hour, text, due) in [
            (9, "Передзвоніть", "2099-11-20T12:00:00Z"),
            (10, "Передзвоніть", "2099-11-20T13:00:00Z"),
            (11, "Запитати", "2099-11-20T13:00:00Z"),
            // This one was due long ago.
            (12, "Згадати", "2026-11-20T13:00:00Z"),
            (13, "Згадати", "2099-11-20T13:00:00Z"),
        ] {
            case.at = format!("2026-11-20T{hour:02}:00:00Z").parse().unwrap();
            let task = act(json!({"do": "task", "kind": "k", "on": on, "text": text,
                "owner": "11", "due": due, "dedupe": "while_open"}));
            said.push(house.try_apply(&task, &case).await.unwrap().what.starts_with("nothing"));
        }
        assert_eq!(said, [false, true, false, false, false], "{on}");
        let note = house.fake.state().buyers[0]["note"].as_str().unwrap().to_owned();
        assert_eq!(note.lines().count(), 4, "{note}");
    }
}

/// Ігор, whom only a card of a landing page knows.
async fn with_a_lead(house: &House) -> dozvon::core::case::Case {
    house.fake.state().cards.push(json!({"id": 2010, "contact_id": 77, "manager_id": 12,
        "status_id": 1, "title": "Лендінг", "is_finished": null, "communicate_at": null,
        "manager_comment": null, "custom_fields": [],
        "created_at": "2026-04-01 09:30:00", "updated_at": "2026-04-01 09:30:00",
        "contact": {"id": 77, "full_name": "Ігор", "phone": "0501234567", "client_id": null}}));
    house.case(Event::Voicemail, NEW).await
}

#[tokio::test]
async fn d05_a_lead_of_a_landing_page_becomes_a_client_where_something_is_written_of_him() {
    let task = json!({"do": "task", "kind": "k", "on": "deal", "text": "x", "owner": "11",
        "due": "2099-11-20T12:00:00Z"});
    for action in [
        json!({"do": "note", "on": "client", "text": "x"}),
        json!({"do": "voicemail", "on": "client", "text": "x"}),
        json!({"do": "company", "name": "x"}),
        json!({"do": "fields", "on": "deal", "touch": "last", "fields": {"x": "x"}}),
        json!({"do": "notify", "to": "everybody", "text": "x"}),
        task,
    ] {
        let house = House::new().await;
        let mut case = with_a_lead(&house).await;
        case.voicemail = Some(Sound { url: "https://pbx.example/v".into(), seconds: None });
        let mut bound = Bound::default();
        house.apply("call/1/1", &act(action.clone()), &case, &mut bound).await;
        house.apply("call/1/2", &act(action.clone()), &case, &mut bound).await;
        let state = house.fake.state();
        assert_eq!((state.buyers.len(), state.cards.len()), (3, 5), "{action}");
        let igor = &state.buyers[2];
        assert_eq!((&igor["full_name"], &igor["manager"]["id"]), (&json!("Ігор"), &json!(12)));
        assert_eq!(state.cards[4]["contact"]["client_id"], igor["id"], "it is his card");
        let there =
            if action["do"] == "company" { &igor["company"]["name"] } else { &igor["note"] };
        assert!(there.as_str().is_some_and(|text| text.contains('x')), "{action}: {igor}");
    }
}

#[tokio::test]
async fn a_lead_whose_tie_to_his_card_failed_is_tied_by_the_next_try_and_made_once() {
    let house = House::new().await;
    let case = with_a_lead(&house).await;
    let note = act(json!({"do": "note", "on": "client", "text": "x"}));
    house.fake.trouble("cards/2010", crate::fake::says(429, json!({"message": "x"})), 1);
    let put_off = house.try_apply(&note, &case).await;
    assert!(matches!(put_off, Err(ApplyError::Later { .. })), "{put_off:?}");
    house.try_apply(&note, &case).await.unwrap();
    let state = house.fake.state();
    assert_eq!(state.buyers.len(), 3);
    assert_eq!(state.cards[4]["contact"]["client_id"], state.buyers[2]["id"]);
}

#[tokio::test]
async fn a_card_that_was_deleted_holds_up_nothing_of_its_client() {
    let fields = [("roistat".to_owned(), "LD_1021".to_owned())];
    for action in [
        json!({"do": "task", "kind": "k", "on": "deal", "text": "x", "owner": "11",
            "due": "2099-11-20T12:00:00Z"}),
        json!({"do": "fields", "on": "deal", "touch": "last", "fields": {"roistat": "17"}}),
        json!({"do": "change_owner", "of": "deal", "to": "11"}),
    ] {
        let set = |config| KeyConfig { fields: fields.clone().into_iter().collect(), ..config };
        let house = House::with(set).await;
        let case = house.case(Event::Missed, OLGA).await;
        house.crm.changed().await.unwrap();
        house.fake.state().cards.remove(1);
        let action = act(action);
        let put_off = house.try_apply(&action, &case).await;
        assert!(matches!(put_off, Err(ApplyError::Later { .. })), "{put_off:?}");
        house.try_apply(&action, &case).await.unwrap();
        let told = house.crm.changed().await.unwrap();
        assert!(told.clients.contains(&"1002".into()), "the next call knows better: {told:?}");
        let olga = house.crm.find(&crate::house::phone(OLGA)).await.unwrap().unwrap();
        assert_eq!(olga.open_deal().unwrap().id.as_str(), "2004");
    }
}

#[tokio::test]
async fn a_client_without_a_name_is_written_of_under_his_number() {
    let house = House::new().await;
    house.fake.state().buyers[0]["full_name"] = json!(null);
    let case = house.case(Event::Ended, OLGA).await;
    for action in [
        json!({"do": "note", "on": "client", "text": "x"}),
        json!({"do": "change_owner", "of": "client", "to": "12"}),
    ] {
        house.try_apply(&act(action), &case).await.unwrap();
        assert_eq!(house.fake.state().buyers[0]["full_name"], "0500000002");
    }
}

#[tokio::test]
async fn a_field_that_takes_a_list_is_filled_with_one_and_costs_no_card() {
    let fields =
        [("roistat".to_owned(), "LD_5".to_owned()), ("x".to_owned(), "LD_1021".to_owned())];
    for orders in [false, true] {
        let set = |config| KeyConfig { fields: fields.clone().into_iter().collect(), ..config };
        let house = match orders {
            true => House::with_orders_and(set).await,
            false => House::with(set).await,
        };
        house.fake.state().lists = vec!["LD_5"];
        let case = house.case(Event::Answered, PETRO).await;
        let mut bound = Bound::default();
        let deal = act(json!({"do": "deal", "title": "x", "owner": "12",
            "fields": {"roistat": "Так", "x": "y"}}));
        house.apply("call/1/1", &deal, &case, &mut bound).await;
        for (touch, told) in [("first", "Так"), ("last", "Ні")] {
            let action = act(json!({"do": "fields", "on": "deal", "touch": touch,
                "fields": {"roistat": "Ні"}}));
            house.apply("call/1/2", &action, &case, &mut bound).await;
            let state = house.fake.state();
            let made = if orders { state.orders.last() } else { state.cards.last() }.unwrap();
            assert_eq!(made["custom_fields"][0]["value"], json!([told]));
        }
    }
}

#[tokio::test]
async fn a_note_is_not_swallowed_by_a_longer_one() {
    let house = House::new().await;
    let case = house.case(Event::Ended, OLGA).await;
    let fields = |touch: &str, name: &str, value: &str| json!({"do": "fields", "on": "deal", "touch": touch, "fields": {name: value}});
    for action in [
        json!({"do": "tag", "on": "client", "tags": ["vip2", "new"]}),
        json!({"do": "tag", "on": "client", "tags": ["vip"]}),
        json!({"do": "tag", "on": "client", "tags": ["new"]}),
        json!({"do": "note", "on": "client", "text": "Ні, дякую"}),
        json!({"do": "note", "on": "client", "text": "Ні"}),
        fields("last", "utm_source", "google"),
        fields("last", "utm_source", "g"),
        fields("last", "utm_source", "bing"),
        fields("last", "utm_source", "google"),
        fields("last", "utm_source", "google"),
        fields("first", "source", "site"),
    ] {
        house.apply("call/1/1", &act(action), &case, &mut Bound::default()).await;
    }
    let note = "#vip2 #new\n#vip\n2026-11-20 11:00 Ні, дякую\n2026-11-20 11:00 Ні\n\
        utm_source: google\nutm_source: g\nutm_source: bing\nutm_source: google\nsource: site";
    assert_eq!(house.fake.state().buyers[0]["note"], note);
}

#[tokio::test]
async fn a17_only_what_we_made_is_accepted_or_declined_and_who_has_a_manager_keeps_him() {
    for orders in [false, true] {
        let house = if orders { House::with_orders().await } else { House::new().await };
        {
            // A web shop's, which waits for people.
            let mut state = house.fake.state();
            state.cards[1]["manager_id"] = json!(null);
            if orders {
                state.orders[1]["manager"] = json!(null);
                state.orders[1]["source_uuid"] = json!("115");
            }
        }
        let case = house.case(Event::Answered, OLGA).await;
        let accept = act(json!({"do": "accept_unsorted", "owner": "12", "stage": "3"}));
        for action in [&accept, &act(json!({"do": "decline_unsorted"}))] {
            let done = house.try_apply(action, &case).await.unwrap();
            assert!(done.what.starts_with("nothing: nothing without a manager"), "{}", done.what);
        }
        let unsorted = act(json!({"do": "unsorted", "kind": "call", "title": "x", "name": "y"}));
        house.apply("call/1/1", &unsorted, &case, &mut Bound::default()).await;
        let done = house.apply("call/1/2", &accept, &case, &mut Bound::default()).await;
        assert_eq!(done.bound.deal.unwrap().as_str(), "5001");
        let state = house.fake.state();
        assert_eq!(state.buyers[0]["manager"]["id"], 13, "she has one");
        assert_eq!(state.cards[1]["manager_id"], json!(null));
    }
}

#[tokio::test]
async fn notes_stand_beneath_what_people_wrote_and_never_twice() {
    let house = House::new().await;
    house.fake.state().buyers[0]["note"] = json!("Любить каву");
    let mut case = house.case(Event::Voicemail, OLGA).await;
    case.voicemail = Some(Sound { url: "https://pbx.example/v".into(), seconds: None });
    let mut bound = Bound::default();
    for (n, action) in [
        json!({"do": "note", "on": "deal", "text": "x"}),
        json!({"do": "note", "on": "deal", "text": "x"}),
        json!({"do": "voicemail", "on": "client", "text": "Повідомлення"}),
        json!({"do": "tag", "on": "client", "tags": ["vip"]}),
        json!({"do": "tag", "on": "client", "tags": ["vip"]}),
        json!({"do": "fields", "on": "deal", "touch": "last", "fields": {"utm_source": "g"}}),
    ]
    .into_iter()
    .enumerate()
    {
        house.apply(&format!("call/1/{n}"), &act(action), &case, &mut bound).await;
    }
    let note = "Любить каву\n2026-11-20 11:00 x\n\
        2026-11-20 11:00 Повідомлення: https://pbx.example/v\n#vip\nutm_source: g";
    assert_eq!(house.fake.state().buyers[0]["note"], note);
}

#[tokio::test]
async fn e08_the_first_touch_stays_and_the_last_one_replaces_on_card_and_client() {
    let fields = [("roistat".to_owned(), "LD_1021".to_owned())];
    let set = |config| KeyConfig { fields: fields.into_iter().collect(), ..config };
    let house = House::with(set).await;
    let case = house.case(Event::Ended, OLGA).await;
    let mut bound = Bound::default();
    for (on, touch, value, there) in [
        ("deal", "first", "1", "1"),
        ("deal", "first", "2", "1"),
        ("deal", "last", "5", "5"),
        ("client", "first", "6", "6"),
        ("client", "first", "7", "6"),
        ("client", "last", "3", "3"),
        ("client", "last", "4", "4"),
    ] {
        let action = act(json!({"do": "fields", "on": on, "touch": touch,
            "fields": {"roistat": value}}));
        house.apply(&format!("call/1/{value}"), &action, &case, &mut bound).await;
        let state = house.fake.state();
        let what = if on == "deal" { &state.cards[1] } else { &state.buyers[0] };
        assert_eq!(what["custom_fields"], json!([{"uuid": "LD_1021", "value": there}]));
    }
}

#[tokio::test]
async fn e08_visits_that_have_no_field_stand_in_the_note_the_first_one_once() {
    let house = House::new().await;
    let case = house.case(Event::Ended, OLGA).await;
    let mut bound = Bound::default();
    for (n, (touch, value)) in
        [("first", "google"), ("first", "bing"), ("last", "bing")].into_iter().enumerate()
    {
        let action = act(json!({"do": "fields", "on": "deal", "touch": touch,
            "fields": {"utm_source": value}}));
        house.apply(&format!("call/1/{n}"), &action, &case, &mut bound).await;
    }
    let note = "utm_source: google\nutm_source: bing";
    assert_eq!(house.fake.state().buyers[0]["note"], note);
}

#[tokio::test]
async fn c02_where_orders_are_the_deals_one_without_a_manager_is_the_entry() {
    let house = House::with_orders().await;
    house.fake.state().buyers[1]["manager"] = json!(null);
    let case = house.case(Event::Missed, PETRO).await;
    let unsorted = act(json!({"do": "unsorted", "kind": "call", "title": "x", "name": "Петро",
        "tags": ["vip", "new"]}));
    let mut bound = Bound::default();
    let done = house.apply("call/1/1", &unsorted, &case, &mut bound).await;
    assert_eq!(done.what, "made order 5001 without a manager");
    let again = house.apply("call2/1/1", &unsorted, &case, &mut Bound::default()).await;
    assert!(again.what.contains("order 5001 waits for this number (C03)"), "{}", again.what);
    let accept = act(json!({"do": "accept_unsorted", "owner": "12", "stage": "3"}));
    let done = house.apply("call3/1/1", &accept, &case, &mut bound).await;
    assert!(done.what.contains("order 5001 has no manager"), "{}", done.what);
    assert_eq!(bound.deal.unwrap().as_str(), "5001");
    let state = house.fake.state();
    assert_eq!((state.orders.len(), &state.orders[3]["status_id"]), (4, &json!(3)));
    assert_eq!(state.orders[3]["tags"], json!([31]));
    assert_eq!(state.orders[3]["manager_comment"], "x\n#new", "there is no such tag");
    assert_eq!(state.buyers[1]["manager"]["id"], 12);
}

#[tokio::test]
async fn a_notice_after_the_call_is_a_line_and_a_task_for_nobody_is_refused() {
    let house = House::new().await;
    let notice = act(json!({"do": "notify", "to": {"these": ["12"]}, "text": "Пропущений"}));
    let case = house.case(Event::Missed, OLGA).await;
    house.try_apply(&notice, &case).await.unwrap();
    assert_eq!(house.fake.state().buyers[0]["note"], "2026-11-20 11:00 Пропущений");
    let case = house.case(Event::Missed, NEW).await;
    let done = house.try_apply(&notice, &case).await.unwrap();
    assert!(done.what.contains("nobody has this number"), "{}", done.what);
    let task = act(json!({"do": "task", "kind": "k", "on": "client", "text": "x", "owner": "11",
        "due": "2099-11-20T12:00:00Z"}));
    for action in [task, act(json!({"do": "note", "on": "client", "text": "x"}))] {
        let refused = house.try_apply(&action, &case).await.unwrap_err();
        assert!(matches!(&refused, ApplyError::Refused { why } if why.contains("nobody has")));
    }
}

#[tokio::test]
async fn c02_a_card_without_a_manager_is_the_entry_of_an_inbox() {
    let house = House::new().await;
    let case = house.case(Event::Missed, NEW).await;
    let unsorted = act(json!({"do": "unsorted", "kind": "call", "title": "x", "name": "Іван"}));
    let mut bound = Bound::default();
    house.apply("call/1/1", &unsorted, &case, &mut bound).await;
    let again = house.apply("call2/1/1", &unsorted, &case, &mut Bound::default()).await;
    assert!(again.what.contains("waits for this number (C03)"), "{}", again.what);
    let accept = act(json!({"do": "accept_unsorted", "owner": "12", "stage": "3"}));
    house.apply("call3/1/1", &accept, &case, &mut bound).await;
    let state = house.fake.state();
    assert_eq!(state.cards.len(), 5);
    assert_eq!(
        (&state.cards[4]["manager_id"], &state.cards[4]["status_id"]),
        (&json!(12), &json!(3))
    );
}

#[tokio::test]
async fn a_company_is_made_for_who_has_none_and_owners_change() {
    let house = House::new().await;
    let case = house.case(Event::Ended, OLGA).await;
    let mut bound = Bound::default();
    for (n, (action, said)) in [
        (json!({"do": "company", "name": "Вікна"}), "made company"),
        (json!({"do": "company", "name": "Вікна"}), "nothing"),
        (json!({"do": "change_owner", "of": "deal", "to": "11"}), "card 2002 is of 11"),
        (json!({"do": "change_owner", "of": "client", "to": "12"}), "client 1002 is of 12"),
        (json!({"do": "reactivate"}), "nothing"),
        (json!({"do": "notify", "to": "everybody", "text": "x"}), "wrote into the note"),
    ]
    .into_iter()
    .enumerate()
    {
        let done = house.apply(&format!("call/1/{n}"), &act(action), &case, &mut bound).await;
        assert!(done.what.starts_with(said), "{}", done.what);
    }
    let state = house.fake.state();
    assert_eq!(state.cards[1]["manager_id"], 11);
    assert_eq!(state.buyers[0]["manager"]["id"], 12);
}

#[tokio::test]
async fn what_is_of_another_crm_is_refused() {
    let house = House::new().await;
    let contact = act(json!({"do": "contact", "name": "x", "owner": "boris"}));
    let refused = house.try_apply(&contact, &case(Event::Answered, NEW)).await.unwrap_err();
    assert!(matches!(&refused, ApplyError::Refused { why } if why.contains("no user of keycrm")));
}

#[tokio::test]
async fn c03_a_declined_card_or_order_waits_no_more_with_its_own_status_or_without() {
    let unsorted = act(json!({"do": "unsorted", "kind": "call", "title": "x", "name": "Іван"}));
    let decline = act(json!({"do": "decline_unsorted"}));
    let accept = act(json!({"do": "accept_unsorted", "owner": "12"}));
    let nothing = "nothing: nothing without a manager waits for this number";
    for (orders, declined) in [(false, None), (false, Some(9)), (true, None), (true, Some(12))] {
        let set = |config| KeyConfig { declined, ..config };
        let house = match orders {
            true => House::with_orders_and(set).await,
            false => House::with(set).await,
        };
        let case = house.case(Event::Missed, PETRO).await;
        assert_eq!(house.try_apply(&decline, &case).await.unwrap().what, nothing);
        house.apply("call/1/1", &unsorted, &case, &mut Bound::default()).await;
        let done = house.apply("call2/1/1", &decline, &case, &mut Bound::default()).await;
        assert!(done.what.contains("5001 is declined"), "{}", done.what);
        assert_eq!(done.what.contains("`declined` is not set"), declined.is_none());
        let entry = {
            let state = house.fake.state();
            if orders { state.orders.last() } else { state.cards.last() }.unwrap().clone()
        };
        if let Some(status) = declined {
            assert_eq!(entry["status_id"], json!(status));
        }
        match orders {
            true => assert_eq!(entry["manager_comment"], "x\nВідхилено"),
            false => assert_eq!(entry["title"], "Відхилено: x"),
        }
        for action in [&decline, &accept] {
            assert_eq!(house.try_apply(action, &case).await.unwrap().what, nothing);
        }
        let made = house.apply("call3/1/1", &unsorted, &case, &mut Bound::default()).await;
        assert!(made.what.starts_with("made "), "{}", made.what);
    }
}
