//! The telephony module, and what `doctor` tells.

use dozvon::crm::retailcrm::RetailConfig;
use dozvon::crm::{Crm, Examined};
use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn the_module_is_registered_with_all_extensions_and_those_that_were_given_there_stay() {
    let numbers = [("12@x".to_owned(), vec!["+79165550000".to_owned(), "202".to_owned()])];
    let set = |config| RetailConfig { numbers: numbers.into_iter().collect(), ..config };
    let house = House::with(set).await;
    let base = "https://pbx.example/crm/shop/secret";
    let module = house.crm.install(base, "shop", &["+74951111111".to_owned()]).await.unwrap();
    assert_eq!(module.codes["11"], "101", "it was given in the CRM");
    assert_eq!(module.codes["12"], "202", "the configuration's");
    let sent = house.fake.state().module.clone().unwrap();
    let fixture = include_str!("fixtures/IntegrationTests_testMgTransportEdit.json");
    let fixture: serde_json::Value = serde_json::from_str(fixture).unwrap();
    let theirs = &fixture["request"]["form"]["integrationModule"]["@json"];
    for key in sent.as_object().unwrap().keys() {
        // As the documents have it.
        assert!(theirs.get(key).is_some() || key == "active", "no key {key} there");
    }
    let telephony = &sent["integrations"]["telephony"];
    assert_eq!(telephony["makeCallUrl"], json!("https://pbx.example/crm/shop/secret/call"));
    assert_eq!(
        telephony["changeUserStatusUrl"],
        json!("https://pbx.example/crm/shop/secret/status")
    );
    assert_eq!(
        telephony["additionalCodes"],
        json!([{"userId": "11", "code": "101"},
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
