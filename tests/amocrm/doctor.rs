//! What `dozvon doctor` tells of an account, and the login.

use dozvon::config::Secret;
use dozvon::crm::amocrm::CreateFields;
use dozvon::crm::{Crm, Examined};
use dozvon::rules::set::DealPlace;
use serde_json::json;

use crate::office::World;

async fn told(w: &World) -> (Vec<String>, Vec<String>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for examined in w.crm.examine().await {
        match examined {
            Examined::Good(what) => good.push(what),
            Examined::Bad(what, advice) => bad.push(format!("{what}; {advice}")),
        }
    }
    (good, bad)
}

fn secret() -> Option<Secret> {
    Some(Secret::from("0123456789abcdef".to_owned()))
}

#[tokio::test]
async fn each_right_and_field_that_is_missing_is_told_with_what_to_do() {
    let w = World::with(|config| {
        config.hook_secret = secret();
        config.numbers.insert("gone@example.com".into(), vec!["101".into()]);
        config.task_types.insert("call_back".into(), 7);
    })
    .await;
    {
        let account = &mut w.server.house().account;
        account.habits.no_unsorted = true;
        account.token_of = 504142;
    }
    w.crm.employees().await.unwrap();
    let (_, bad) = told(&w).await;
    insta::assert_snapshot!(bad.join("\n"));
}

#[tokio::test]
async fn an_account_that_is_as_it_has_to_be_has_nothing_bad() {
    let w = World::with(|config| {
        config.hook_secret = secret();
        config.create_fields = CreateFields::Known(true);
        config.other_spellings = true;
    })
    .await;
    w.crm.subscribe("https://pbx.example/crm/sales/0123456789abcdef/changes").await.unwrap();
    let (good, bad) = told(&w).await;
    assert_eq!(bad, [""; 0]);
    insta::assert_snapshot!(good.join("\n"));
    w.server.house().account.webhooks[0]["disabled"] = json!(true);
    let (_, bad) = told(&w).await;
    assert!(bad[0].contains("gave up telling us changes"), "{bad:?}");
}

#[tokio::test]
async fn each_pipeline_and_stage_that_rules_name_in_vain_is_told() {
    let w = World::new().await;
    let place = |by: &str, pipeline: Option<&str>, stage: Option<&str>, inbox| DealPlace {
        by: by.to_owned(),
        pipeline: pipeline.map(str::to_owned),
        stage: stage.map(str::to_owned),
        inbox,
    };
    let named = [
        place("a", None, Some("Первичный контакт"), false),
        place("b", Some("Опт-2"), None, false),
        place("c", None, Some("Нет такой"), false),
        place("d", None, Some("Нет такой"), true),
        place("e", Some("Опт-3"), None, true),
    ];
    let told = w.crm.examine_places(&named).await;
    let told: Vec<_> = told
        .into_iter()
        .map(|one| match one {
            Examined::Bad(what, what_to_do) => format!("{what}; {what_to_do}"),
            Examined::Good(what) => panic!("{what}"),
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test]
async fn what_is_closed_to_the_token_is_told_by_name() {
    let w = World::with(|config| config.create_fields = CreateFields::And(vec!["roistat".into()]))
        .await;
    for (on, what) in [
        ("GET /api/v4/contacts", "the contacts cannot be seen"),
        ("GET /api/v4/companies", "the companies cannot be seen"),
        ("GET /api/v4/leads/custom_fields", "the fields cannot be seen"),
        ("GET /api/v4/leads/unsorted", "the leads/unsorted cannot be seen"),
        ("GET /api/v4/tasks", "the tasks cannot be seen"),
    ] {
        let no = crate::request::Said::refused(403, "Forbidden");
        w.server.fault(on, 9, crate::server::Wrong::Answer(no));
        let (_, bad) = told(&w).await;
        w.server.house().faults.clear();
        assert!(bad.iter().any(|told| told.starts_with(what)), "{what}: {bad:?}");
    }
    let (good, _) = told(&w).await;
    assert!(good.iter().any(|told| told.contains("roistat: they are made")), "{good:?}");
}

#[tokio::test]
async fn e14_profiles_without_numbers_are_told_where_they_should_have_some() {
    let w = World::with(|config| config.numbers_field = Some("phone_number".into())).await;
    let missing =
        |bad: &[String]| bad.iter().any(|told| told.contains("no user has a number there"));
    assert!(!missing(&told(&w).await.1));
    let users = json!({ "_embedded": { "users": [{ "id": 504141, "name": "Алексей" }] } });
    let plain = crate::server::Wrong::Answer(crate::request::Said::ok(users));
    w.server.fault("GET /api/v4/users", 1, plain);
    assert!(missing(&told(&w).await.1));
}

#[tokio::test]
async fn a_doctor_does_not_wait_for_one_answer_before_it_asks_the_next() {
    let w = World::with(|config| config.hook_secret = secret()).await;
    w.server.fault("GET", u32::MAX, crate::server::Wrong::Silent);
    assert_eq!(told(&w).await, (vec![], vec![]), "the employees tell what is wrong");
    let asked = w.server.paths();
    assert_eq!(asked.len(), 10, "{asked:?}");
}

#[tokio::test]
async fn a_hook_secret_without_an_address_of_ours_is_told() {
    let w = World::new().await;
    let file = w.folder.path().join("dozvon.toml");
    for (public, hears) in [("", false), ("[http]\npublic_url = \"https://pbx.example\"\n", true)] {
        let text = format!(
            "[store]\npath = {:?}\n{public}[crm.sales]\nkind = \"amocrm\"\nurl = {:?}\n\
             token = \"lasting-token\"\nhook_secret = \"0123456789abcdef\"\n",
            w.folder.path().join("dozvon.sqlite"),
            w.server.url(),
        );
        std::fs::write(&file, text).unwrap();
        let file = file.clone();
        let told = tokio::task::spawn_blocking(move || {
            let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_dozvon"));
            let done = command.arg("-c").arg(file).arg("doctor").output().unwrap();
            String::from_utf8(done.stdout).unwrap() + &String::from_utf8(done.stderr).unwrap()
        });
        let told = told.await.unwrap();
        assert_eq!(!told.contains("`http.public_url` is not"), hears, "{told}");
    }
}

#[tokio::test]
async fn the_command_logs_in_and_subscribes() {
    let w = World::new().await;
    let folder = w.folder.path();
    let file = folder.join("dozvon.toml");
    let text = format!(
        "[store]\npath = {:?}\n[http]\npublic_url = \"https://pbx.example\"\n[crm.sales]\n\
         kind = \"amocrm\"\nurl = {:?}\nclient_id = \"integration\"\n\
         client_secret_file = {:?}\nredirect_uri = \"https://pbx.example/amocrm\"\n\
         hook_secret = \"0123456789abcdef\"\n",
        folder.join("dozvon.sqlite"),
        w.server.url(),
        folder.join("key"),
    );
    std::fs::write(&file, text).unwrap();
    std::fs::write(folder.join("key"), "integration-secret\n").unwrap();
    let run = |code: &'static str| {
        let file = file.clone();
        tokio::task::spawn_blocking(move || {
            let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_dozvon"));
            command.arg("-c").arg(file).args(["crm", "login", "amocrm"]);
            let done = command.write_stdin(code).output().unwrap();
            let text = |bytes| String::from_utf8(bytes).unwrap();
            (done.status.success(), text(done.stdout) + &text(done.stderr))
        })
    };
    let (good, said) = run("code-0\n").await.unwrap();
    assert!(!good && said.contains("20 minutes and once"), "{said}");
    let (good, said) = run("https://pbx.example/amocrm?code=code-1&state=x\n").await.unwrap();
    assert!(good, "{said}");
    assert!(said.contains("/oauth?client_id=integration"), "{said}");
    assert!(said.contains("sales: there is access; 3 users"), "{said}");
    assert!(said.contains("tells us changes from now on"), "{said}");
    let hook = w.server.house().account.webhooks[0]["destination"].clone();
    assert_eq!(hook, "https://pbx.example/crm/sales/0123456789abcdef/changes");
}

#[tokio::test]
async fn a01_ukrainian_numbers_tell_as_well_how_the_search_compares() {
    let w = World::new().await;
    {
        let account = &mut w.server.house().account;
        account.records.get_mut("contacts").unwrap().clear();
        let taras = crate::office::contact(20, "Тарас", 504142, "067 123-45-67", &[]);
        account.add("contacts", taras);
        account.habits.search_compares_words = true;
    }
    let (_, bad) = told(&w).await;
    assert!(bad.iter().any(|told| told.contains("only as they are typed")), "{bad:?}");
}
