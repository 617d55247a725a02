//! Whom a number belongs to, and who works here.

use dozvon::core::staff::{Number, Status};
use dozvon::crm::keycrm::{Deals, KeyConfig, KeyCrm};
use dozvon::crm::{Changed, Crm, Examined};
use dozvon::rules::set::DealPlace;
use serde_json::{Value, json};

use crate::common::no_store;
use crate::house::{House, NEW, OLGA, PETRO, config, phone};

#[tokio::test]
async fn a05_a_call_learns_the_owner_with_one_request() {
    let house = House::new().await;
    let crm = KeyCrm::new(&config(&house.fake.server.uri()), no_store()).unwrap().rough(true);
    let client = crm.caller(&phone(OLGA)).await.unwrap().unwrap();
    assert_eq!((client.owner, client.name.as_str()), (Some("13".into()), "Ольга Біла"));
    let seen = house.fake.dialogue();
    assert_eq!(seen.len(), 1, "{seen:#?}");
    let spelt = "+380500000002,380500000002,0500000002";
    assert_eq!(seen[0].query["filter[buyer_phone]"], spelt);
    assert!(crm.caller_is_rough());
    assert_eq!(crm.caller(&phone(NEW)).await.unwrap(), None);
}

#[tokio::test]
async fn d03_the_oldest_active_card_is_the_deal() {
    let house = House::new().await;
    let olga = house.crm.find(&phone(OLGA)).await.unwrap().unwrap();
    let open: Vec<_> = olga.deals.iter().map(|d| (d.id.as_str(), d.open)).collect();
    assert_eq!(open, [("2001", false), ("2002", true), ("2004", true)]);
    let deal = olga.open_deal().unwrap();
    assert_eq!((deal.title.as_str(), deal.owner.clone()), ("№2002", Some("13".into())));
    assert_eq!(deal.created.to_string(), "2026-02-01T09:30:00Z");
    assert_eq!(house.crm.find(&phone(PETRO)).await.unwrap().unwrap().open_deal(), None);
    assert_eq!(house.crm.find(&phone(NEW)).await.unwrap(), None);
}

#[tokio::test]
async fn all_cards_are_read_once_and_then_what_changed() {
    let house = House::new().await;
    let old = house.fake.state().cards[0].clone();
    for id in 10_000..10_120 {
        let mut card = old.clone();
        (card["id"], card["contact"]["client_id"]) = (json!(id), json!(id));
        house.fake.state().cards.push(card);
    }
    house.crm.find(&phone(OLGA)).await.unwrap();
    let cards = |house: &House| {
        let seen = house.fake.dialogue();
        seen.iter().filter(|seen| seen.path.ends_with("/cards")).count()
    };
    assert_eq!(cards(&house), 4, "three pages, and what changed meanwhile");
    {
        let mut state = house.fake.state();
        state.cards[1]["is_finished"] = json!("true");
        state.cards[1]["updated_at"] = json!(crate::fake::now());
    }
    let olga = house.crm.find(&phone(OLGA)).await.unwrap().unwrap();
    assert_eq!(olga.open_deal().unwrap().id.as_str(), "2004");
    assert_eq!(cards(&house), 1);
}

#[tokio::test]
async fn a_reading_of_cards_that_breaks_off_goes_on_where_it_was() {
    let house = House::new().await;
    let old = house.fake.state().cards[0].clone();
    for id in 10_000..10_120 {
        let mut card = old.clone();
        card["id"] = json!(id);
        house.fake.state().cards.push(card);
    }
    let told = crate::fake::says(500, json!({}));
    house.fake.trouble("pipelines/cards", told, 1);
    assert!(house.crm.find(&phone(OLGA)).await.is_err());
    assert!(house.crm.find(&phone(OLGA)).await.unwrap().is_some());
    let pages: Vec<String> = house
        .fake
        .dialogue()
        .into_iter()
        .filter(|seen| seen.path.ends_with("/cards") && seen.query.len() == 3)
        .map(|seen| seen.query["page"].clone())
        .collect();
    assert_eq!(pages, ["1", "1", "2", "3"]);
}

#[tokio::test]
async fn a_lead_who_is_no_buyer_yet_is_known_by_his_card() {
    let house = House::new().await;
    house.fake.state().cards.push(json!({"id": 2010, "contact_id": 77, "manager_id": 12,
        "title": "Лендінг", "is_finished": 0, "created_at": "2026-04-01 09:30:00",
        "updated_at": "2026-04-01 09:30:00",
        "contact": {"id": 77, "full_name": "Ігор", "phone": "0501234567", "client_id": null}}));
    let lead = house.crm.find(&phone(NEW)).await.unwrap().unwrap();
    assert_eq!((lead.id.as_str(), lead.name.as_str()), ("contact-77", "Ігор"));
    assert_eq!(lead.open_deal().unwrap().owner, Some("12".into()));
}

#[tokio::test]
async fn d03_where_orders_are_the_deals_statuses_tell_which_are_open() {
    let house = House::with_orders().await;
    let olga = house.crm.find(&phone(OLGA)).await.unwrap().unwrap();
    let open: Vec<_> = olga.deals.iter().map(|d| (d.id.as_str(), d.open)).collect();
    assert_eq!(open, [("4001", false), ("4002", true)]);
    assert_eq!(olga.open_deal().unwrap().owner, Some("13".into()));
    assert_eq!(house.crm.find(&phone(PETRO)).await.unwrap().unwrap().open_deal(), None);
}

#[tokio::test]
async fn an_account_without_pipelines_still_knows_its_clients_and_doctor_tells() {
    let house = House::new().await;
    house.fake.state().no_pipelines = true;
    let olga = house.crm.find(&phone(OLGA)).await.unwrap().unwrap();
    assert_eq!((olga.id.as_str(), olga.deals.len()), ("1002", 0));
    let told = house.crm.examine().await;
    let bad = |one: &Examined| {
        matches!(one, Examined::Bad(why, what)
        if why.contains("switched off") && what.contains("deals = \"orders\""))
    };
    assert!(told.iter().any(bad), "{told:#?}");
}

#[tokio::test]
async fn doctor_tells_each_missing_right_and_setting() {
    let house = House::with(|config| KeyConfig {
        telephony_url: None,
        source: Some(8),
        numbers_field: Some("ext".into()),
        fields: [("roistat".to_owned(), "LD_9".to_owned())].into(),
        numbers: ["11", "left@x"].map(|user| (user.to_owned(), vec!["101".to_owned()])).into(),
        ..config
    })
    .await;
    house.fake.trouble("calls", crate::fake::says(403, json!({"message": "no right"})), 9);
    house.fake.trouble("pipelines/cards", crate::fake::says(403, json!({"message": "no"})), 9);
    let told = house.crm.examine().await;
    let all = format!("{told:#?}");
    for word in [
        "may not read /calls",
        "may not read /pipelines/cards: open deals are not seen",
        "names nobody of the account: left@x",
        "set `hook_secret` here and `public_url`",
        "no source 8",
        "`numbers_field` is `ext`, and no user has a number there",
        "7 (Дзвінки)",
        "no field LD_9",
        "without an extension: 12, 13",
        "learns of no calls",
        "Лендінги, Опт",
    ] {
        assert!(all.contains(word), "{word}: {all}");
    }
    let bad = told.iter().filter(|one| matches!(one, Examined::Bad(..))).count();
    assert_eq!(bad, 9, "{all}");
    let no_sources = |config| KeyConfig { source: None, ..config };
    let told = format!("{:#?}", House::with(no_sources).await.crm.examine().await);
    assert!(told.contains("could be one of: 7 (Дзвінки)"), "{told}");
    assert!(told.contains("set `nobody`"), "missed calls of strangers are not told: {told}");
    let well = House::with(|config| KeyConfig {
        nobody: Some("100".into()),
        hook_secret: Some("0123456789abcdef".to_owned().into()),
        ..config
    });
    let well = well.await.crm.examine().await;
    assert!(well.iter().all(|one| matches!(one, Examined::Good(_))), "{well:#?}");
}

#[tokio::test]
async fn doctor_names_each_pipeline_and_status_that_rules_and_settings_name_in_vain() {
    let place = |by: &str, pipeline: Option<&str>, stage: Option<&str>| DealPlace {
        by: by.to_owned(),
        pipeline: pipeline.map(str::to_owned),
        stage: stage.map(str::to_owned),
        inbox: false,
    };
    let named = [
        place("a", Some("Опт"), Some("9")),
        place("b", Some("2"), Some("Угода")),
        place("c", Some("Продажи"), Some("77")),
    ];
    let told = async |deals: Deals, declined: u64| {
        let won = ["угода", "12", "sold"].map(String::from).into();
        let set = |config| KeyConfig { deals, declined: Some(declined), won, ..config };
        let house = House::with(set).await;
        let mut told = house.crm.examine().await;
        told.extend(house.crm.examine_places(&named).await);
        let bad = told.iter().filter_map(|examined| match examined {
            Examined::Bad(what, what_to_do) => Some(format!("{what}; {what_to_do}")),
            Examined::Good(_) => None,
        });
        bad.filter(|told| told.contains("there is no") || told.contains("`won`"))
            .collect::<Vec<_>>()
    };
    let stages = "5 (Новий), 6 (Відмова), 9 (Угода)";
    let won = |word: &str, known: &str| {
        format!(
            "`won` names `{word}`, which is no status: nothing is won by it; write ids, names or \
             aliases into `won`: {known}"
        )
    };
    let stage = |by: &str, word: &str, known: &str| {
        format!("{by}: there is no stage `{word}`; write the id of a status, one of: {known}")
    };
    assert_eq!(
        told(Deals::Cards, 6).await,
        [
            won("12", stages),
            won("sold", stages),
            "c: there is no pipeline `Продажи`; make it, or write one of: Лендінги, Опт".to_owned(),
            stage("b", "Угода", stages),
            stage("c", "77", stages),
        ]
    );
    let statuses = "1, 12";
    assert_eq!(
        told(Deals::Orders, 6).await,
        [
            format!(
                "there is no status 6: what is declined keeps the status it has; set `declined` to \
                 the id of one of: {statuses}"
            ),
            won("угода", statuses),
            won("sold", statuses),
            stage("a", "9", statuses),
            stage("b", "Угода", statuses),
            stage("c", "77", statuses),
        ]
    );
}

#[tokio::test]
async fn e14_users_are_employees_with_the_extensions_of_the_configuration() {
    let house = House::new().await;
    let staff = house.crm.employees().await.unwrap();
    let line = |text: &str| vec![Number::Line(dozvon::core::ids::Extension::parse(text).unwrap())];
    assert_eq!(staff[0].numbers, line("101"), "by id");
    assert_eq!(staff[1].numbers, line("102"), "by e-mail");
    assert_eq!(staff[2].numbers, line("103"), "by login");
    assert_eq!((staff[0].online, staff[0].status), (None, Status::Active));
    assert_eq!((staff[3].numbers.len(), staff[3].status), (0, Status::Gone));
}

#[tokio::test]
async fn e14_the_number_in_a_field_of_his_is_an_employees_where_that_is_set() {
    let told = |numbers: &[Number]| -> Vec<String> {
        numbers
            .iter()
            .map(|number| match number {
                Number::Line(extension) => extension.to_string(),
                Number::Outside(phone) => phone.e164().to_owned(),
            })
            .collect()
    };
    for (field, numbers) in [(None, ""), (Some("phone"), "+380501112233"), (Some("ext"), "777")] {
        let numbers_field = field.map(str::to_owned);
        let house = House::with(|config| KeyConfig { numbers_field, ..config }).await;
        house.fake.state().users[0]["phone"] = json!("555");
        house.fake.state().users[3]["phone"] = json!("050 111 22 33");
        house.fake.state().users[3]["custom_fields"] = json!([{ "uuid": "ext", "value": "777" }]);
        let staff = house.crm.employees().await.unwrap();
        assert_eq!(told(&staff[0].numbers), ["101"], "the configured goes before");
        assert_eq!(told(&staff[3].numbers).join(" "), numbers);
    }
}

#[tokio::test]
async fn what_changed_is_asked_for() {
    let house = House::new().await;
    let next = async || {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        house.crm.changed().await.unwrap()
    };
    assert_eq!(next().await, Changed::default());
    {
        let mut state = house.fake.state();
        let now = json!(crate::fake::now());
        state.buyers[0]["updated_at"] = now.clone();
        state.cards[3]["is_finished"] = json!(false);
        state.cards[3]["updated_at"] = now.clone();
    }
    let mut changed = next().await;
    changed.clients.sort();
    assert_eq!(changed, Changed { clients: vec!["1002".into(), "1003".into()], added: false });
    assert_eq!(next().await, Changed::default(), "once");
    let mut new = house.fake.state().buyers[0].clone();
    let now = json!(crate::fake::now());
    (new["id"], new["created_at"], new["updated_at"]) = (json!(1050), now.clone(), now);
    house.fake.state().buyers.push(new);
    assert!(next().await.added);
}

#[tokio::test]
async fn what_its_automation_tells_is_asked_for_before_the_next_poll() {
    let poll = std::time::Duration::from_secs(3600);
    let house = House::with(|config| KeyConfig { poll, ..config }).await;
    // Only while nothing is asked: requests take real time.
    let pass = async |seconds| {
        tokio::time::pause();
        tokio::time::advance(std::time::Duration::from_secs(seconds)).await;
        tokio::time::resume();
    };
    assert_eq!(house.crm.changed().await.unwrap(), Changed::default());
    {
        let mut state = house.fake.state();
        state.cards[3]["is_finished"] = json!(false);
        state.cards[3]["updated_at"] = json!(crate::fake::now());
    }
    pass(60).await;
    assert_eq!(house.crm.changed().await.unwrap(), Changed::default(), "nobody told");
    house.crm.hooks().unwrap().changes(&[("event".into(), "lead.change_lead_status".into())]);
    let changed = house.crm.changed().await.unwrap();
    assert_eq!(changed, Changed { clients: vec!["1003".into()], added: false });
    house.crm.hooks().unwrap().changes(&[]);
    house.fake.dialogue();
    house.crm.changed().await.unwrap();
    assert_eq!(house.fake.dialogue().len(), 0, "not twice in ten seconds");
}

#[tokio::test]
async fn bodies_of_the_openapi_file_are_read() {
    let house = House::new().await;
    for (path, text) in [
        ("buyer", include_str!("fixtures/get_buyer.json")),
        ("users", include_str!("fixtures/get_users.json")),
        ("pipelines/cards", include_str!("fixtures/get_pipelines_cards.json")),
        ("order", include_str!("fixtures/get_order.json")),
        ("order/status", include_str!("fixtures/get_order_status.json")),
        ("calls", include_str!("fixtures/get_calls.json")),
    ] {
        let mut fixture: Value = serde_json::from_str(text).unwrap();
        let mut answer = fixture["answer"].take();
        // The example has more pages than there are.
        answer["next_page_url"] = Value::Null;
        house.fake.state().fixed.insert(path.into(), answer);
    }
    let john = phone("+15552341234");
    let client = house.crm.find(&john).await.unwrap().unwrap();
    assert_eq!((client.id.as_str(), client.name.as_str()), ("22", "John Doe"));
    assert_eq!(client.owner, Some("1".into()));
    assert_eq!(house.crm.employees().await.unwrap()[0].name, "John Doe");
    let deals = dozvon::crm::keycrm::Deals::Orders;
    let config = KeyConfig { deals, ..config(&house.fake.server.uri()) };
    KeyCrm::new(&config, no_store()).unwrap().find(&john).await.unwrap().unwrap();
}
