//! Access by OAuth: a refresh token can be used once, so one exchange is under way at a time, on
//! all engines together, and the new pair is in the store before it is used.

use std::sync::Arc;
use std::time::Duration;

use dozvon::config::Secret;
use dozvon::crm::amocrm::{Amo, AmoConfig};
use dozvon::crm::lazy::Lazy;
use dozvon::crm::remote::Fault;
use dozvon::crm::{Crm, CrmError};
use dozvon::store::Store;
use tokio::task::JoinSet;

use crate::office::{OLGA, World, config, phone};
use crate::server::{Server, Wrong};

fn oauth(url: String) -> AmoConfig {
    AmoConfig {
        token: None,
        client_id: Some("integration".into()),
        client_secret: Some(Secret::from("integration-secret".to_owned())),
        redirect_uri: Some("https://pbx.example/amocrm".into()),
        timeout: Duration::from_secs(5),
        // Nobody waits for his turn here.
        requests_per_second: 1000.try_into().unwrap(),
        ..config(url)
    }
}

/// Another engine on the same store.
fn engine(w: &World) -> Amo {
    let store = Arc::new(Lazy::new(w.folder.path().join("dozvon.sqlite")));
    Amo::new(&oauth(w.server.url()), store).unwrap()
}

async fn with_oauth() -> World {
    let mut w = World::new().await;
    w.crm = engine(&w);
    w
}

async fn logged_in() -> World {
    let w = with_oauth().await;
    w.crm.login("code-1").await.unwrap();
    w
}

async fn refresh_in_store(w: &World) -> String {
    let store = Store::open(w.folder.path().join("dozvon.sqlite")).await.unwrap();
    let query = sqlx::query_scalar("SELECT refresh FROM amocrm_token");
    query.fetch_one(store.pool()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_tasks_on_two_engines_exchange_once() {
    let w = logged_in().await;
    let other = engine(&w);
    for crm in [&w.crm, &other] {
        assert!(crm.find(&phone(OLGA)).await.unwrap().is_some());
    }
    // The account takes the token away: all of them are refused at once.
    {
        let mut house = w.server.house();
        house.exchanges = 0;
        house.revoked = true;
    }
    let mut tasks = JoinSet::new();
    for n in 0..100 {
        let crm = if n % 2 == 0 { w.crm.clone() } else { other.clone() };
        tasks.spawn(async move { crm.employees().await.map(|staff| staff.len()) });
    }
    for told in tasks.join_all().await {
        assert_eq!(told.unwrap(), 3);
    }
    assert_eq!(w.server.exchanges(), (1, 0));
    assert_eq!(refresh_in_store(&w).await, "refresh-2");
}

#[tokio::test]
async fn the_new_pair_is_in_the_store_before_it_is_used() {
    let w = logged_in().await;
    w.server.house().revoked = true;
    // The request with the new token does not come to an end: the engine dies with it.
    w.server.house().die_after_exchange = true;
    let crm = w.crm.clone();
    let asked = tokio::spawn(async move { crm.find(&phone(OLGA)).await });
    while !w.server.house().used_new {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    asked.abort();
    assert_eq!(refresh_in_store(&w).await, "refresh-2");
    w.server.house().die_after_exchange = false;
    assert!(engine(&w).find(&phone(OLGA)).await.unwrap().is_some());
    assert_eq!(w.server.exchanges(), (2, 0));
}

#[tokio::test]
async fn a_token_is_exchanged_before_it_runs_out() {
    let w = with_oauth().await;
    w.server.house().expires_in = 60;
    w.crm.login("code-1").await.unwrap();
    w.server.house().expires_in = 86_400;
    assert!(w.crm.find(&phone(OLGA)).await.unwrap().is_some());
    // The code, and one pair more; nobody was refused.
    assert_eq!(w.server.house().exchanges, 2);
    assert_eq!(w.server.house().refused, 0);
}

#[tokio::test]
async fn an_asker_who_gives_up_does_not_lose_the_pair() {
    let w = logged_in().await;
    w.server.house().revoked = true;
    let patience = Duration::from_millis(1);
    for _ in 0..20 {
        let _ = tokio::time::timeout(patience, w.crm.find(&phone(OLGA))).await;
    }
    assert!(w.crm.find(&phone(OLGA)).await.unwrap().is_some());
    assert_eq!(w.server.exchanges(), (2, 0));
}

#[tokio::test]
async fn nobody_logged_in_and_a_dead_refresh_token_say_what_to_do_and_mend_without_a_restart() {
    let w = with_oauth().await;
    let told = |answer: Result<_, CrmError>| answer.map(|_: Option<_>| ()).unwrap_err().to_string();
    let why = told(w.crm.find(&phone(OLGA)).await);
    assert!(why.contains("nobody has logged in") && why.contains("crm login amocrm"), "{why}");
    w.crm.login("code-1").await.unwrap();
    // Somebody else used it: another program with the same integration.
    w.server.house().pair = 40;
    let why = told(w.crm.find(&phone(OLGA)).await);
    assert!(why.contains("Refresh token has expired") && why.contains("login"), "{why}");
    let asked = w.server.house().exchanges;
    told(w.crm.find(&phone(OLGA)).await);
    assert_eq!(w.server.house().exchanges, asked, "a dead token is not sent again and again");
    // As `dozvon crm login` does, in a process of its own.
    engine(&w).login("code-1").await.unwrap();
    assert!(w.crm.find(&phone(OLGA)).await.unwrap().is_some());
}

#[tokio::test]
async fn an_exchange_that_fails_for_now_is_tried_again() {
    let w = logged_in().await;
    w.server.house().revoked = true;
    let busy = crate::request::Said::refused(503, "later");
    w.server.fault("POST /oauth2/access_token", 1, Wrong::Answer(busy));
    assert!(w.crm.find(&phone(OLGA)).await.is_err());
    assert!(w.crm.find(&phone(OLGA)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_code_that_was_used_and_a_long_lived_token_that_is_refused_say_so() {
    let w = with_oauth().await;
    let refused = w.crm.login("code-2").await;
    assert!(matches!(refused, Err(Fault::Refused { status: 400, .. })), "{refused:?}");
    let server = Server::start().await;
    let mut settings = config(server.url());
    settings.token = Some(Secret::from("old".to_owned()));
    let store = Arc::new(Lazy::new(w.folder.path().join("dozvon.sqlite")));
    let crm = Amo::new(&settings, store).unwrap();
    let why = crm.find(&phone(OLGA)).await.unwrap_err().to_string();
    assert!(why.contains("long-lived token is refused: make a new one"), "{why}");
    assert_eq!(server.paths().len(), 1, "nothing can be renewed");
}

#[tokio::test]
async fn a_long_lived_token_that_is_renewed_in_its_file_is_used_without_a_restart() {
    let w = World::new().await;
    let file = w.folder.path().join("token");
    std::fs::write(&file, "old\n").unwrap();
    let crm = w.restarted(|config| {
        config.token = None;
        config.token_file = Some(file.clone());
    });
    let why = crm.find(&phone(OLGA)).await.unwrap_err().to_string();
    assert!(why.contains("in `token_file` it is seen without a restart"), "{why}");
    std::fs::write(&file, "lasting-token\n").unwrap();
    // The caller for whom it is found out has his owner already.
    assert!(crm.find(&phone(OLGA)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_secret_key_that_is_renewed_in_its_file_is_used_without_a_restart() {
    let w = logged_in().await;
    let file = w.folder.path().join("key");
    std::fs::write(&file, "old-secret\n").unwrap();
    let settings = AmoConfig {
        client_secret: None,
        client_secret_file: Some(file.clone()),
        ..oauth(w.server.url())
    };
    let store = Arc::new(Lazy::new(w.folder.path().join("dozvon.sqlite")));
    let crm = Amo::new(&settings, store).unwrap();
    w.server.house().revoked = true;
    std::fs::write(&file, "integration-secret\n").unwrap();
    assert!(crm.find(&phone(OLGA)).await.unwrap().is_some());
    assert_eq!(w.server.exchanges(), (3, 1), "the login, the old key, the new one");
}

#[tokio::test]
async fn an_engine_that_ends_waits_for_the_pair_that_is_under_way() {
    let w = logged_in().await;
    w.server.house().revoked = true;
    let slow = Wrong::Slow(Duration::from_millis(400));
    w.server.fault("POST /oauth2/access_token", 1, slow);
    let patience = Duration::from_millis(200);
    assert!(tokio::time::timeout(patience, w.crm.find(&phone(OLGA))).await.is_err());
    assert_eq!(w.server.exchanges().0, 2, "the new pair is on its way");
    dozvon::crm::amocrm::exchanges_end().await;
    assert_eq!(refresh_in_store(&w).await, "refresh-2");
}

#[tokio::test]
async fn an_engine_that_died_while_it_exchanged_is_waited_for_and_then_taken_for_dead() {
    let w = logged_in().await;
    w.server.house().revoked = true;
    let store = Store::open(w.folder.path().join("dozvon.sqlite")).await.unwrap();
    let soon = jiff::Timestamp::now().as_microsecond() + 1_000_000;
    let claim = sqlx::query("UPDATE amocrm_token SET claimed_by = 'dead', claimed_until = ?");
    claim.bind(soon).execute(store.pool()).await.unwrap();
    let begun = std::time::Instant::now();
    assert!(w.crm.find(&phone(OLGA)).await.unwrap().is_some());
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    assert_eq!(w.server.exchanges(), (2, 0));
}

#[tokio::test]
async fn a_pair_that_could_not_be_stored_yet_is_stored_before_it_is_used() {
    let w = logged_in().await;
    w.server.house().revoked = true;
    let store = Store::open(w.folder.path().join("dozvon.sqlite")).await.unwrap();
    let refuse = "CREATE TRIGGER full BEFORE UPDATE OF refresh ON amocrm_token \
                  BEGIN SELECT RAISE(FAIL, 'disk is full'); END";
    sqlx::query(refuse).execute(store.pool()).await.unwrap();
    let why = w.crm.find(&phone(OLGA)).await.unwrap_err().to_string();
    assert!(why.contains("tokens are kept in the store"), "{why}");
    assert!(!w.server.house().used_new && refresh_in_store(&w).await == "refresh-1");
    sqlx::query("DROP TRIGGER full").execute(store.pool()).await.unwrap();
    assert!(w.crm.find(&phone(OLGA)).await.unwrap().is_some());
    assert_eq!(refresh_in_store(&w).await, "refresh-2");
    assert_eq!(w.server.exchanges(), (2, 0), "the one use of the refresh token was not wasted");
}
