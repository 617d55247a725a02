use std::path::Path;

use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use tempfile::TempDir;
use tokio::time::Instant;

use super::*;

const NUMBER: &str = "+79161234567";

fn engine(file: &Path, account: &str) -> Recent {
    Recent::new(Arc::new(Lazy::new(file.to_owned())), "crm", account)
}

fn told(all: &[Made]) -> Vec<(&str, &str, bool)> {
    all.iter().map(|one| (one.name.as_str(), one.made.as_str(), one.is_news)).collect()
}

#[tokio::test]
async fn what_one_made_another_one_knows_and_the_later_of_two_is_right() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("dozvon.sqlite");
    let (one, other) = (engine(&file, "a"), engine(&file, "a"));
    one.keep(Thing::Client, NUMBER, "1").await;
    one.keep(Thing::Deal, "7", "new").await;
    assert_eq!(other.read(Class::Lookup, Thing::Client, NUMBER).await.as_deref(), Some("1"));
    assert_eq!(other.read(Class::Delivery, Thing::Company, NUMBER).await, None);
    assert_eq!(engine(&file, "b").read(Class::Delivery, Thing::Client, NUMBER).await, None);
    assert_eq!(told(&one.all(Class::Delivery, Thing::Deal).await), [("7", "new", false)]);
    let mut news = other.all(Class::Delivery, Thing::Deal).await;
    assert_eq!(told(&news), [("7", "new", true)]);
    other.noted(Thing::Deal, news.remove(0));
    assert_eq!(told(&other.all(Class::Delivery, Thing::Deal).await), [("7", "new", false)]);
    other.keep(Thing::Deal, "7", "changed").await;
    assert_eq!(told(&one.all(Class::Delivery, Thing::Deal).await), [("7", "changed", true)]);
    // One that comes late with what was before does no harm.
    one.write(Thing::Deal, "7", "new", now() - 1_000_000).await.unwrap();
    let fresh = engine(&file, "a");
    assert_eq!(told(&fresh.all(Class::Delivery, Thing::Deal).await), [("7", "changed", true)]);
    one.forget(Thing::Client, NUMBER).await;
    for all in [&one, &other] {
        assert_eq!(all.read(Class::Delivery, Thing::Client, NUMBER).await, None);
    }
}

#[tokio::test]
async fn it_is_forgotten_after_a_quarter_of_an_hour() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("dozvon.sqlite");
    let (one, long_ago) = (engine(&file, "a"), now() - KEPT);
    one.write(Thing::Client, NUMBER, "1", long_ago).await.unwrap();
    one.lock().insert((Thing::Client, NUMBER.to_owned()), (long_ago, "1".to_owned()));
    assert_eq!(one.read(Class::Delivery, Thing::Client, NUMBER).await, None);
    assert_eq!(one.all(Class::Delivery, Thing::Client).await, []);
    one.keep(Thing::Deal, "7", "new").await;
    assert_eq!(one.lock().len(), 1);
    let store = one.store.open().await.unwrap();
    let left = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM crm_made");
    assert_eq!(left.fetch_one(store.pool()).await.unwrap(), 1);
}

#[tokio::test]
async fn without_a_store_this_engine_still_knows() {
    let one = engine(Path::new("/nowhere/dozvon.sqlite"), "a");
    one.keep(Thing::Client, NUMBER, "1").await;
    assert_eq!(one.read(Class::Lookup, Thing::Client, NUMBER).await.as_deref(), Some("1"));
    assert_eq!(told(&one.all(Class::Lookup, Thing::Client).await), [(NUMBER, "1", false)]);
    assert_eq!(one.read(Class::Lookup, Thing::Client, "+79160000001").await, None);
    one.forget(Thing::Client, NUMBER).await;
    assert_eq!(one.read(Class::Lookup, Thing::Client, NUMBER).await, None);
}

#[tokio::test]
async fn a_caller_waits_a_fifth_of_a_second_for_a_store_that_hangs() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("dozvon.sqlite");
    let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    let mut holder = options.connect().await.unwrap();
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut holder).await.unwrap();
    let one = engine(&file, "a");
    tokio::time::pause();
    let begun = Instant::now();
    assert_eq!(one.read(Class::Lookup, Thing::Client, NUMBER).await, None);
    assert_eq!(one.all(Class::Lookup, Thing::Client).await, []);
    assert!(begun.elapsed() < 3 * CALLER, "{:?}", begun.elapsed());
    let begun = Instant::now();
    one.keep(Thing::Client, NUMBER, "1").await;
    assert!(begun.elapsed() < 2 * DELIVERY, "{:?}", begun.elapsed());
    assert_eq!(one.read(Class::Lookup, Thing::Client, NUMBER).await.as_deref(), Some("1"));
}
