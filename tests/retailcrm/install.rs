//! The telephony module, and what `doctor` tells.

use dozvon::crm::retailcrm::RetailConfig;
use dozvon::crm::{Crm, Examined};
use dozvon::rules::set::DealPlace;
use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn the_module_is_registered_with_all_extensions_and_those_that_were_given_there_stay() {
    let numbers = [("12@x".to_owned(), vec!["+79165550000".to_owned(), "202".to_owned()])];
    let numbers = numbers.into_iter().collect();
    let numbers_field = Some("position".to_owned());
    let house = House::with(|config| RetailConfig { numbers, numbers_field, ..config }).await;
    house.fake.state().users[2]["position"] = json!("ext 3");
    house.fake.state().users[0]["position"] = json!("301");
    let base = "https://pbx.example/crm/shop/secret";
    let module = house.crm.install(base, "shop", &["+74951111111".to_owned()]).await.unwrap();
    assert_eq!(module.codes["11"], "301", "the field's");
    assert_eq!(module.codes["13"], "103", "it was given in the CRM");
    assert_eq!(module.codes["12"], "202", "the configuration's");
    let sent = house.fake.state().module.clone().unwrap();
    let telephony = &sent["integrations"]["telephony"];
    assert_eq!(telephony["makeCallUrl"], json!("https://pbx.example/crm/shop/secret/call"));
    assert_eq!(
        telephony["changeUserStatusUrl"],
        json!("https://pbx.example/crm/shop/secret/status")
    );
    assert_eq!(
        telephony["additionalCodes"],
        json!([{"userId": "11", "code": "301"},
        {"userId": "12", "code": "202"}, {"userId": "13", "code": "103"}])
    );
    let phones = json!([{"siteCode": "shop", "externalPhone": "+74951111111"}]);
    assert_eq!(telephony["externalPhones"], phones);
}

#[tokio::test]
async fn what_the_crm_does_not_know_is_told() {
    let house = House::new().await;
    let info =
        json!({"success": true, "info": {"notExistUsersIds": ["99"], "notExistSiteCodes": []}});
    house.fake.state().fixed.insert("integration-modules/dozvon/edit".into(), info);
    let module = house.crm.install("https://x", "shop", &[]).await.unwrap();
    assert_eq!(module.remarks, ["retailcrm says notExistUsersIds: [\"99\"]"]);
}

#[tokio::test]
async fn doctor_tells_each_missing_right_shop_and_module_and_a_wrong_clock() {
    let set = |config| RetailConfig { site: Some("nowhere".into()), ..config };
    let house = House::with(set).await;
    house.fake.state().module = None;
    let told = house.crm.examine().await;
    let bad = |word: &str, advice: &str| {
        let found = told.iter().any(|examined| match examined {
            Examined::Bad(what, what_to_do) => what.contains(word) && what_to_do.contains(advice),
            Examined::Good(_) => false,
        });
        assert!(found, "{word}: {told:#?}");
    };
    bad("no right `task_write`", "API access keys");
    bad("does not see the shop `nowhere`", "shop");
    bad("`dozvon` is not registered", "dozvon crm install");
    // The clock of the account stands still at a day of the past.
    bad("minutes from that of Europe/Moscow", "time_zone");
}

#[tokio::test]
async fn doctor_names_each_code_of_the_settings_that_the_account_does_not_have() {
    let set = |config| RetailConfig {
        order_method: Some("fax".into()),
        fields: [("roistat", "visit"), ("a", "pages"), ("b", "nothing")]
            .map(|(name, code)| (name.to_owned(), code.to_owned()))
            .into(),
        numbers: ["11", "12@x", "14", "nobody@x"]
            .map(|user| (user.to_owned(), vec!["101".to_owned()]))
            .into(),
        hook_secret: Some("0123456789abcdef".to_owned().into()),
        numbers_field: Some("ext".into()),
        ..config
    };
    let house = House::with(set).await;
    house.fake.state().users[0]["position"] = json!("manager");
    let told = house.crm.examine().await;
    let bad: Vec<String> = told
        .iter()
        .filter_map(|examined| match examined {
            Examined::Bad(what, what_to_do) => Some(format!("{what}; {what_to_do}")),
            Examined::Good(_) => None,
        })
        .collect();
    for word in [
        "no order method `fax`: no order is taken; set `order_method` to one of: phone",
        "clients have no field `pages`: there `a` goes into a text",
        "clients and orders have no field `nothing`",
        "no longer active is the user `14`",
        "there is no user `nobody@x`",
        "`numbers_field` is `ext`, and no user has a number there; write extensions of at most six",
        "users have: position",
        "has another address than ours; set `http.public_url` and run `dozvon crm install`",
    ] {
        assert!(bad.iter().any(|told| told.contains(word)), "{word}: {bad:#?}");
    }
    assert!(!bad.iter().any(|told| told.contains("visit") || told.contains("12@x")), "{bad:#?}");
}

#[tokio::test]
async fn doctor_names_each_status_and_type_of_orders_that_rules_and_settings_name_in_vain() {
    let set = |config| RetailConfig {
        declined: Some("never".into()),
        won: ["complete", "assembling", "sold"].map(String::from).into(),
        ..config
    };
    let house = House::with(set).await;
    let place = |by: &str, pipeline: Option<&str>, stage: Option<&str>| DealPlace {
        by: by.to_owned(),
        pipeline: pipeline.map(str::to_owned),
        stage: stage.map(str::to_owned),
        inbox: false,
    };
    let named = [
        place("a", Some("b2b"), Some("new")),
        place("b", Some("opt"), None),
        place("c", None, Some("won")),
    ];
    let mut told = house.crm.examine().await;
    told.extend(house.crm.examine_places(&named).await);
    let bad = told.iter().filter_map(|examined| match examined {
        Examined::Bad(what, what_to_do) => Some(format!("{what}; {what_to_do}")),
        Examined::Good(_) => None,
    });
    let bad: Vec<_> =
        bad.filter(|told| told.contains("orders `") || told.contains("won")).collect();
    let codes = "assembling, complete, new, no-call";
    assert_eq!(
        bad,
        [
            format!(
                "there is no status of orders `never`: nothing can be declined; set `declined` to \
                 one of: {codes}"
            ),
            format!(
                "`won` names `sold`, no status of orders and no group of them; write statuses, or \
                 groups of them, into `won`; the statuses are: {codes}"
            ),
            format!(
                "c: there is no status of orders `won`; make it under Settings, Reference books, \
                 Order statuses, or write one of: {codes}"
            ),
            "b: there is no type of orders `opt`; make it under Settings, Reference books, Order \
             types, or write one of: b2b, b2c"
                .to_owned(),
        ]
    );
}

#[tokio::test]
async fn doctor_goes_on_where_the_key_may_not_see_its_rights() {
    let shops = [
        json!(["shop", "two"]),
        json!([{"code": "shop"}, {"code": "two"}]),
        json!({"shop": {}, "two": {}}),
        json!("all"),
        json!(null),
    ];
    for shops in shops {
        let set = |config| RetailConfig { site: Some("nowhere".into()), ..config };
        let house = House::with(set).await;
        let known = shops.is_array() || shops.is_object();
        let told = json!({"success": true, "scopes": [], "sitesAvailable": shops});
        house.fake.state().fixed.insert("credentials".into(), told);
        let told = format!("{:?}", house.crm.examine().await);
        assert!(told.contains("does not see the shop `nowhere`"), "{told}");
        assert_eq!(told.contains("one of: shop, two"), known, "{told}");
    }
    let house = House::new().await;
    house.fake.state().module = None;
    let denied = json!({"success": false, "errorMsg": "Access denied."});
    house.fake.trouble("credentials", crate::fake::says(403, denied), 1);
    let told = format!("{:?}", house.crm.examine().await);
    assert!(told.contains("what the key may do is not known"), "{told}");
    assert!(told.contains("`dozvon` is not registered"), "{told}");
}

#[tokio::test]
async fn the_command_registers_the_module_and_says_so() {
    let house = House::new().await;
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("dozvon.toml");
    let rules = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/routing.toml");
    let write = |more: &str| {
        let text = format!(
            "[rules]\nrouting = {rules:?}\n[http]\npublic_url = \"https://pbx.example\"\n\
             [crm.shop]\nkind = \"retailcrm\"\nurl = {:?}\nkey = {:?}\nsite = \"shop\"\n{more}",
            house.fake.server.uri(),
            crate::fake::KEY,
        );
        std::fs::write(&file, text).unwrap();
    };
    let run = || {
        let file = file.clone();
        tokio::task::spawn_blocking(move || {
            let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_dozvon"));
            command.arg("-c").arg(file).args(["crm", "install", "retailcrm"]);
            let done = command.output().unwrap();
            let text = |bytes| String::from_utf8(bytes).unwrap();
            (done.status.success(), text(done.stdout) + &text(done.stderr))
        })
    };
    write("");
    let (good, said) = run().await.unwrap();
    assert!(!good && said.contains("crm.shop.hook_secret is not set"), "{said}");
    write("hook_secret = \"0123456789abcdef\"\n");
    let (good, said) = run().await.unwrap();
    assert!(good, "{said}");
    assert!(said.contains("registered the telephony module `dozvon`, 3 extensions"), "{said}");
    assert!(said.contains("user 11: 101"), "{said}");
    assert!(!said.contains(crate::fake::KEY), "{said}");
    let module = house.fake.state().module.clone().unwrap();
    let button = &module["integrations"]["telephony"]["makeCallUrl"];
    assert_eq!(button, "https://pbx.example/crm/shop/0123456789abcdef/call");
}

#[tokio::test]
async fn doctor_is_content_with_an_account_that_is_as_it_has_to_be() {
    let house = House::new().await;
    let now = jiff::Zoned::now().in_tz("Europe/Moscow").unwrap().strftime("%F %T").to_string();
    {
        let mut state = house.fake.state();
        let history = json!({"success": true, "generatedAt": now, "history": []});
        state.fixed.insert("customers/history".into(), history);
        state.fixed.insert("credentials".into(), json!({"success": true, "scopes": []}));
    }
    let told = house.crm.examine().await;
    assert!(told.iter().all(|examined| matches!(examined, Examined::Good(_))), "{told:#?}");
    assert_eq!(told.len(), 3, "{told:#?}");
}
