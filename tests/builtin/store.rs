//! The store's file: missing, read-only, locked, not a database, newer; broken while in use.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use dozvon::core::client::Lookup;
use dozvon::core::phone::{Phone, Region};
use dozvon::crm::{Crm, CrmError};
use dozvon::directory::{Directory, DirectoryConfig};
use dozvon::metrics::Metrics;
use dozvon::store::{Store, StoreError};
use miette::Diagnostic;
use sqlx::{Connection, Executor, SqliteConnection};
use tempfile::TempDir;

use crate::World;

const SOON: Duration = Duration::from_millis(50);

/// The message and the help, as a person reads them. Both must name the way out.
async fn refusal(path: &Path) -> (StoreError, String) {
    let error = Store::open_within(path, SOON).await.unwrap_err();
    let text = format!("{error}; {}", error.help().unwrap());
    assert!(text.contains(path.to_str().unwrap()), "{text}");
    (error, text)
}

async fn sqlite(path: &Path) -> SqliteConnection {
    let url = format!("sqlite://{}?mode=rwc", path.display());
    SqliteConnection::connect(&url).await.unwrap()
}

#[tokio::test]
async fn a_missing_file_is_made_and_found_again() {
    let w = World::new().await;
    dozvon::crm::builtin::load_sample(&w.store).await.unwrap();
    w.store.pool().close().await;
    let again = Store::open(w.store.path()).await.unwrap();
    let crm = dozvon::crm::builtin::Builtin::new(again);
    assert_eq!(crm.employees().await.unwrap().len(), 6);
}

#[tokio::test]
async fn a_missing_folder_is_named() {
    let folder = TempDir::new().unwrap();
    let (error, text) = refusal(&folder.path().join("nowhere/dozvon.sqlite")).await;
    assert!(matches!(error, StoreError::NoFolder { .. }), "{text}");
    assert!(text.contains("mkdir -p"), "{text}");
}

#[tokio::test]
async fn a_folder_is_not_a_store() {
    let folder = TempDir::new().unwrap();
    let (error, text) = refusal(folder.path()).await;
    assert!(matches!(error, StoreError::NotAFile { .. }), "{text}");
}

#[tokio::test]
async fn a_read_only_file_is_refused_at_once_not_at_the_first_write() {
    let w = World::new().await;
    w.store.pool().close().await;
    let path = w.store.path();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o444)).unwrap();
    let (error, text) = refusal(path).await;
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{text}");
    assert!(text.contains("chmod u+w"), "{text}");
}

#[tokio::test]
async fn a_file_another_process_holds_is_locked() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("dozvon.sqlite");
    let mut other = sqlite(&path).await;
    other.execute("BEGIN EXCLUSIVE").await.unwrap();
    let (error, text) = refusal(&path).await;
    assert!(matches!(error, StoreError::Locked { .. }), "{text}");
    other.execute("ROLLBACK").await.unwrap();
    Store::open_within(&path, SOON).await.unwrap();
}

#[tokio::test]
async fn a_long_write_of_another_process_keeps_nobody_from_reading() {
    let w = World::new().await;
    dozvon::crm::builtin::load_sample(&w.store).await.unwrap();
    let mut other = sqlite(w.store.path()).await;
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    Store::open_within(w.store.path(), SOON).await.unwrap();
    assert!(w.find("+79161110001").await.is_some());
}

#[tokio::test]
async fn another_kind_of_file_is_not_a_database() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("dozvon.sqlite");
    std::fs::write(&path, "Это заметки, а не база данных. ".repeat(100)).unwrap();
    let (error, text) = refusal(&path).await;
    assert!(matches!(error, StoreError::NotADatabase { .. }), "{text}");
}

#[tokio::test]
async fn another_programs_database_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("places.sqlite");
    let mut other = sqlite(&path).await;
    other.execute("CREATE TABLE moz_places (id INTEGER)").await.unwrap();
    let (error, text) = refusal(&path).await;
    assert!(matches!(error, StoreError::Foreign { .. }), "{text}");
    assert!(text.contains("moz_places"), "{text}");
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
        .fetch_one(&mut other)
        .await
        .unwrap();
    assert_eq!(tables, 1);
}

#[tokio::test]
async fn a_newer_schema_is_not_touched() {
    let w = World::new().await;
    w.store
        .pool()
        .execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, \
             execution_time) VALUES (9999, 'from the future', TRUE, x'00', 0)",
        )
        .await
        .unwrap();
    let (error, text) = refusal(w.store.path()).await;
    assert!(matches!(error, StoreError::Newer { version: 9999, .. }), "{text}");
}

#[tokio::test]
async fn two_processes_may_make_the_file_at_once() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("dozvon.sqlite");
    let opens = (0..8).map(|_| Store::open(path.clone()));
    for opened in futures_util::future::join_all(opens).await {
        opened.unwrap();
    }
}

/// The engine runs on: a fault of the store is an answer like any other, and passes.
#[tokio::test]
async fn e09_a_store_that_breaks_in_use_is_a_crm_that_is_down_until_it_is_mended() {
    let w = World::new().await;
    dozvon::crm::builtin::load_sample(&w.store).await.unwrap();
    let metrics = std::sync::Arc::new(Metrics::new().unwrap());
    let crm = std::sync::Arc::new(w.crm.clone());
    let directory = Directory::new(crm, DirectoryConfig::default(), metrics);
    directory.refresh_staff().await.unwrap();
    let phone = Phone::parse("+79161110001", Region::default()).unwrap();

    let mut other = sqlite(w.store.path()).await;
    for table in ["deal", "employee_number"] {
        let broken = format!("ALTER TABLE {table} RENAME TO {table}_away");
        other.execute(sqlx::AssertSqlSafe(broken)).await.unwrap();
    }
    assert_eq!(directory.lookup(&phone).await, Lookup::Down);
    let error = directory.refresh_staff().await.unwrap_err();
    assert!(matches!(&error, CrmError::Fault(why) if why.contains("dozvon.sqlite")));
    assert!(directory.staff().get(&"101".into()).is_some());

    for table in ["deal", "employee_number"] {
        let mended = format!("ALTER TABLE {table}_away RENAME TO {table}");
        other.execute(sqlx::AssertSqlSafe(mended)).await.unwrap();
    }
    assert!(directory.lookup(&phone).await.client().is_some());
    assert!(directory.refresh_staff().await.is_ok());
}

#[tokio::test]
async fn e09_a_store_overwritten_in_use_is_a_fault_not_a_panic() {
    let w = World::new().await;
    dozvon::crm::builtin::load_sample(&w.store).await.unwrap();
    // Into the file itself, so that what is read next is not a database.
    w.store.pool().execute("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
    let size = std::fs::metadata(w.store.path()).unwrap().len();
    let rubbish = vec![0x5a; usize::try_from(size).unwrap()];
    std::fs::write(w.store.path(), rubbish).unwrap();
    let phone = Phone::parse("+79161110001", Region::default()).unwrap();
    let mut faults = 0;
    for _ in 0..3 {
        // A connection may still have the old pages in memory.
        w.store.pool().execute("PRAGMA shrink_memory").await.ok();
        faults += usize::from(matches!(w.crm.find(&phone).await, Err(CrmError::Fault(_))));
    }
    assert!(faults > 0);
}
