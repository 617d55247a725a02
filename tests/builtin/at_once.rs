//! Two at once, kills, a store that fails, and what is never lost.

use std::future::Future as _;
use std::task::Poll;
use std::time::Duration;

use dozvon::core::action::{Action, Bound};
use dozvon::crm::builtin::Builtin;
use dozvon::crm::{ApplyError, Crm, Done, Work};
use dozvon::store::Store;
use sqlx::{Connection, Executor, SqliteConnection};

use crate::World;
use crate::office::{NEW, OLGA, case, contact, deal, task, unsorted};

async fn apply(
    crm: &Builtin,
    call: &str,
    number: &str,
    action: Action,
    client: Option<&str>,
) -> Result<Done, ApplyError> {
    let case = case(call, number);
    let bound = Bound { client: client.map(Into::into), ..Bound::default() };
    let key = format!("{call}/1/{action:?}");
    crm.apply(&Work { key: &key, action: &action, case: &case, bound: &bound }).await
}

/// Two calls of one new number, each through a handle of its own.
async fn both(one: &Builtin, two: &Builtin, number: &str) {
    let call = async |crm: &Builtin, call: &str| {
        for action in [contact(), deal(), unsorted(), task("until_due", "2026-11-20T13:00:00Z")] {
            apply(crm, call, number, action, None).await.unwrap();
        }
    };
    let (a, b) = (format!("a{number}"), format!("b{number}"));
    tokio::join!(call(one, &a), call(two, &b));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_calls_of_a_new_number_make_one_contact_one_deal_one_entry_one_task() {
    let w = World::sample().await;
    let other = Builtin::new(Store::open(w.store.path()).await.unwrap());
    for round in 0..5 {
        both(&w.crm, &w.crm.clone(), &format!("+7916555100{round}")).await;
        both(&w.crm, &other, &format!("+7916555200{round}")).await;
    }
    assert_eq!(w.rows("client WHERE call IS NOT NULL").await, 10);
    assert_eq!(w.rows("deal WHERE call IS NOT NULL").await, 10);
    assert_eq!(w.rows("unsorted").await, 10);
    assert_eq!(w.rows("task").await, 10);
    assert_eq!(w.rows("crm_done").await, 80, "each got its answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_from_two_processes_at_once_is_done_once() {
    let w = World::sample().await;
    let other = Builtin::new(Store::open(w.store.path()).await.unwrap());
    for round in 0..20 {
        let call = format!("call-{round}");
        let note = || {
            let text = serde_json::json!({ "do": "note", "on": "client", "text": "T" });
            apply(&w.crm, &call, OLGA, serde_json::from_value(text).unwrap(), None)
        };
        let again = async {
            let text = serde_json::json!({ "do": "note", "on": "client", "text": "T" });
            apply(&other, &call, OLGA, serde_json::from_value(text).unwrap(), None).await
        };
        let (one, two) = tokio::join!(note(), again);
        assert_eq!(one.unwrap(), two.unwrap());
    }
    assert_eq!(w.rows("note").await, 20);
}

/// Dropped at every await, as by a kill; the next try does it once.
#[tokio::test]
async fn an_action_given_up_anywhere_is_done_wholly_or_not_at_all() {
    let w = World::sample().await;
    let mut given_up = 0;
    for polls in 1..40_u32 {
        let number = format!("+79165553{polls:03}");
        let call = format!("call-{polls}");
        let mut work = std::pin::pin!(apply(&w.crm, &call, &number, contact(), None));
        let mut left = polls;
        let ended = std::future::poll_fn(|cx| match left {
            0 => Poll::Ready(None),
            _ => {
                left -= 1;
                work.as_mut().poll(cx).map(Some)
            }
        });
        given_up += u32::from(ended.await.is_none());
    }
    // Whatever was given up is free again: nothing hangs on to the store.
    for polls in 1..40_u32 {
        let number = format!("+79165553{polls:03}");
        apply(&w.crm, &format!("call-{polls}"), &number, contact(), None).await.unwrap();
    }
    assert!(given_up > 0, "every try came through");
    assert_eq!(w.rows("client WHERE call IS NOT NULL").await, 39);
    assert_eq!(w.rows("crm_done").await, 39);
}

#[tokio::test]
async fn a_locked_store_makes_it_wait_and_nothing_is_half_done() {
    let w = World::sample().await;
    let quick = Store::open_within(w.store.path(), Duration::from_millis(20)).await.unwrap();
    let crm = Builtin::new(quick);
    let url = format!("sqlite://{}", w.store.path().display());
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let error = apply(&crm, "a", NEW, contact(), None).await.unwrap_err();
    assert!(matches!(&error, ApplyError::Later { why, .. } if why.contains("locked")), "{error}");
    other.execute("ROLLBACK").await.unwrap();
    assert_eq!(apply(&crm, "a", NEW, contact(), None).await.unwrap().what, "made contact dz1");
}

#[tokio::test]
async fn a_full_disk_makes_it_wait_until_there_is_room() {
    let w = World::sample().await;
    let store = Store::open(w.store.path()).await.unwrap();
    let crm = Builtin::new(store.clone());
    // SQLite's own limit answers as a full disk does; it is the connection's.
    let mut held = Vec::new();
    for _ in 0..4 {
        let mut connection = store.pool().acquire().await.unwrap();
        connection.execute("PRAGMA max_page_count = 1").await.unwrap();
        held.push(connection);
    }
    drop(held);
    let long: String = "длинно ".repeat(20_000);
    let note = |text: &str| {
        serde_json::from_value(serde_json::json!({ "do": "note", "on": "client", "text": text }))
            .unwrap()
    };
    let error = apply(&crm, "a", OLGA, note(&long), None).await.unwrap_err();
    assert!(
        matches!(&error, ApplyError::Later { why, .. } if why.contains("disk is full")),
        "{error}"
    );
    assert_eq!(w.rows("note").await, 0);
    assert!(apply(&w.crm, "a", OLGA, note(&long), None).await.is_ok());
}

#[tokio::test]
async fn no_connection_makes_it_wait() {
    let w = World::sample().await;
    w.store.pool().close().await;
    let error = apply(&w.crm, "a", NEW, contact(), None).await.unwrap_err();
    assert!(matches!(error, ApplyError::Later { .. }), "{error}");
}

/// A row the schema does not take will never be taken.
#[tokio::test]
async fn what_the_schema_refuses_is_refused_for_good() {
    let w = World::sample().await;
    let guard = "CREATE TRIGGER guard BEFORE INSERT ON note BEGIN SELECT raise(ABORT, 'no'); END";
    w.store.pool().execute(guard).await.unwrap();
    let note = serde_json::json!({ "do": "note", "on": "client", "text": "T" });
    let note = serde_json::from_value(note).unwrap();
    let error = apply(&w.crm, "a", OLGA, note, None).await.unwrap_err();
    assert!(matches!(error, ApplyError::Refused { .. }), "{error}");
}

#[tokio::test]
async fn a_deleted_contact_is_never_found_and_never_acted_upon() {
    let w = World::sample().await;
    let mut call = w.call("a", OLGA).await;
    let before = w.crm.counts().await.unwrap().contacts;
    w.crm.delete_client("c1").await.unwrap();
    assert_eq!(w.find(OLGA).await, None);
    assert_eq!(w.crm.counts().await.unwrap().contacts, before - 1);
    // The call began before: its client and deal are nobody's now.
    assert_eq!(
        call.json(serde_json::json!({ "do": "note", "on": "deal", "text": "T" })).await,
        "made note 1 on the number"
    );
    assert_eq!(call.does(contact()).await, "made contact dz1");
    assert_eq!(call.does(deal()).await, "made deal dz2");
    assert_eq!(w.find(OLGA).await.unwrap().id.as_str(), "dz1");
    assert_eq!(w.sql::<String>("SELECT client FROM note").await, "dz1");
    let twice = w.crm.delete_client("c1").await.unwrap_err().to_string();
    assert!(twice.contains("there is no contact `c1`"), "{twice}");
}

#[tokio::test]
async fn of_two_clients_the_deleted_one_is_not_taken_and_a_deleted_company_lends_no_deals() {
    let w = World::sample().await;
    // Тимур works for the company whose open deal is his as well.
    assert!(w.find("+79161110017").await.unwrap().open_deal().is_some());
    w.crm.delete_client("romashka").await.unwrap();
    let timur = w.find("+79161110017").await.unwrap();
    assert_eq!((timur.deals.len(), timur.company.clone()), (0, None));
    w.toml("[[contact]]\nid = \"twin\"\nname = \"Twin\"\nnumbers = [\"+79161110001\"]").await;
    let olga = w.find(OLGA).await.unwrap();
    assert!(olga.choice.unwrap().contains("2 clients"));
    w.crm.delete_client("c1").await.unwrap();
    let twin = w.find(OLGA).await.unwrap();
    assert_eq!((twin.id.as_str(), twin.choice), ("twin", None));
}

/// A file of the first version with data in it.
#[tokio::test]
async fn a_store_of_the_first_version_keeps_its_data() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("old.sqlite");
    let url = format!("sqlite://{}?mode=rwc", path.display());
    let mut old = SqliteConnection::connect(&url).await.unwrap();
    let first = sqlx::migrate!("src/store/migrations");
    let migration = first.iter().find(|m| m.version == 1).unwrap().clone();
    sqlx::migrate::Migrator::with_migrations(vec![migration]).run(&mut old).await.unwrap();
    old.execute(
        "INSERT INTO employee VALUES ('101', 'Анна', NULL, 'active', NULL, 1); \
         INSERT INTO client (id, kind, name, owner, created) VALUES ('c1', 'contact', 'О', '101', 1); \
         INSERT INTO client_number VALUES ('c1', 0, '+79161110001'); \
         INSERT INTO deal VALUES ('d1', 'Окна', 'c1', '101', 1, 1); \
         INSERT INTO deal VALUES ('d2', 'Двери', 'c1', '101', 1, 0);",
    )
    .await
    .unwrap();
    old.close().await.unwrap();
    let store = Store::open(&path).await.unwrap();
    let w = World { folder, crm: Builtin::new(store.clone()), store };
    let client = w.find(OLGA).await.unwrap();
    assert_eq!((client.deals.len(), client.open_deal().map(|d| d.id.as_str())), (2, Some("d1")));
    assert_eq!(w.rows("client WHERE active AND NOT deleted").await, 1);
    assert_eq!(w.rows("deal WHERE pipeline = 'Продажи' AND stage = 'Новая'").await, 2);
    assert_eq!(
        w.call("a", OLGA)
            .await
            .json(serde_json::json!(
        { "do": "task", "kind": "k", "on": "deal", "text": "T", "owner": "101",
          "due": "2026-11-20T13:00:00Z" }))
            .await,
        "made task 1 for 101 on deal d1"
    );
}

#[tokio::test]
async fn foreign_keys_hold_after_everything() {
    let w = World::sample().await;
    for (call, number) in [("a", NEW), ("b", OLGA), ("c", "")] {
        let mut call = w.call(call, number).await;
        call.does(unsorted()).await;
        call.does(contact()).await;
        call.does(deal()).await;
        call.does(task("never", "2026-11-20T13:00:00Z")).await;
        call.json(serde_json::json!({ "do": "register_call", "result": "answered" })).await;
        call.json(serde_json::json!({ "do": "notify", "to": "everybody", "text": "T" })).await;
        call.json(serde_json::json!({ "do": "accept_unsorted", "owner": "101" })).await;
    }
    let broken = sqlx::query("PRAGMA foreign_key_check").fetch_all(w.store.pool()).await.unwrap();
    assert_eq!(broken.len(), 0);
    let remove = "DELETE FROM deal WHERE id IN (SELECT deal FROM task)";
    let removed = w.store.pool().execute(remove).await;
    assert!(removed.is_err(), "a deal that history hangs on cannot be removed");
}

/// Ids of our own keep clear of those a file brought.
#[tokio::test]
async fn an_imported_id_that_looks_like_ours_is_passed_over() {
    let w = World::sample().await;
    w.toml(
        "[[contact]]\nid = \"dz1\"\nname = \"I\"\n[[deal]]\nid = \"dz2\"\nname = \"I\"\n\
            client = \"c1\"\ncreated = 2026-01-01\nstatus = \"closed\"",
    )
    .await;
    let mut call = w.call("a", NEW).await;
    assert_eq!(call.does(contact()).await, "made contact dz3");
    assert_eq!(call.does(deal()).await, "made deal dz4");
}

/// The file stays bounded: of the answers the last million is kept, by count and not by the clock.
#[tokio::test]
async fn the_oldest_answers_go_and_the_young_ones_stay() {
    let w = World::sample().await;
    let answer = "INSERT INTO crm_done (n, key, bound, what, at) VALUES ";
    let rows =
        "(1, 'old', '{}', 'x', 0), (2, 'young', '{}', 'x', 0), (1000000, 'last', '{}', 'x', 0)";
    let fill = sqlx::AssertSqlSafe(format!("{answer}{rows}"));
    w.store.pool().execute(fill).await.unwrap();
    apply(&w.crm, "a", NEW, contact(), None).await.unwrap();
    let kept = "SELECT group_concat(n ORDER BY n) FROM crm_done";
    assert_eq!(w.sql::<String>(kept).await, "2,1000000,1000001");
}
