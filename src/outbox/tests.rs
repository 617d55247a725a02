//! A hundred thousand entries wait: nothing reads a table from end to end.

use sqlx::AssertSqlSafe;
use tempfile::TempDir;

use super::change::{Change, DUE};
use super::entry::{ENTRY, Entry, Lane, Queue};
use super::worker::Turns;
use super::*;

/// A store in which so many clients have an entry that waits.
async fn full_of(entries: u32) -> (TempDir, Store) {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path().join("s.sqlite")).await.unwrap();
    for statement in [
        "INSERT INTO journal (id, call, seq, at, event, direction, facts, hash) SELECT n, 'c' || n, 1, n, 'ended', 'inbound', '{}', 'h' FROM n",
        "INSERT INTO outbox (id, journal, call, client, lane, state, settled, actions, progress, tries, next_try, since, created, updated) SELECT n, n, 'c' || n, 'k' || n, 'crm', 'waiting', 0, '[]', '[]', 0, n, n, n, n FROM n",
        "INSERT INTO outbox_client (client, crm, lane, next_try) SELECT 'k' || n, '', 'crm', n FROM n",
    ] {
        let numbers = format!(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {entries}) "
        );
        // The numbers are named in front of the whole statement.
        let statement = AssertSqlSafe(format!("{numbers}{statement}"));
        sqlx::query(statement).execute(store.pool()).await.unwrap();
    }
    (folder, store)
}

fn queue(client: &str) -> Queue {
    Queue { crm: String::new(), client: client.into() }
}

async fn plan(store: &Store, statement: &str) -> Vec<String> {
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
    let rows: Vec<(i64, i64, i64, String)> =
        sqlx::query_as(explain).fetch_all(store.pool()).await.unwrap();
    rows.into_iter().map(|(.., step)| step).collect()
}

#[tokio::test]
async fn no_statement_on_the_way_reads_a_table_from_end_to_end() {
    let (_folder, store) = full_of(10).await;
    let head = format!(
        "{ENTRY} WHERE o.client = ? AND o.crm = ? AND o.state IN ('waiting', 'working') ORDER BY o.id LIMIT 1"
    );
    let mut statements = vec![
        (DUE, "outbox_client_due"),
        (head.as_str(), "outbox_queue"),
        (
            "SELECT actions, progress FROM outbox WHERE call = ? AND id < ? AND state = 'parked' AND lane = 'crm'",
            "outbox_by_call",
        ),
        (keep::COUNT_OPEN, "outbox_open"),
        (adopt::NEXT, "outbox_client_due"),
        (
            "UPDATE outbox_client SET claimed_until = ? WHERE claimed_by = ?",
            "outbox_client_claimed",
        ),
        (
            "UPDATE outbox_client SET next_try = ?1 WHERE lane IN ('crm', 'hook') AND next_try > ?2",
            "outbox_client_due",
        ),
    ];
    let indexes = [
        "outbox_closed",
        "journal_by_at",
        "call_record_by_at",
        "outbox_call_by_age",
        "outbox_client_idle",
    ];
    statements.extend(keep::OLD.into_iter().zip(indexes));
    let open =
        keep::OPEN.iter().flat_map(|(due, late)| [(*due, "outbox_open"), (late, "outbox_open")]);
    statements.extend(open);
    for (statement, index) in statements {
        let steps = plan(&store, statement).await;
        assert!(steps.iter().any(|s| s.contains(index)), "{statement}: {steps:#?}");
        assert!(!steps.iter().any(|s| s.starts_with("SCAN")), "{statement}: {steps:#?}");
        let sorts = steps.iter().any(|s| s.contains("TEMP B-TREE"));
        assert!(!sorts, "{statement}: {steps:#?}");
    }
}

#[tokio::test]
async fn of_a_hundred_thousand_that_wait_only_a_page_is_taken() {
    let (_folder, store) = full_of(100_000).await;
    let mut db = store.pool().acquire().await.unwrap();
    let claim = Change::Claim {
        lane: Lane::Crm,
        crm: String::new(),
        count: 8,
        by: "me".into(),
        lease: Duration::MAX,
    };
    let expected = |from: u32| {
        let clients: Vec<_> = (from..from + 8).map(|n| format!("k{n}")).collect();
        change::Answer::Claimed(clients)
    };
    assert_eq!(
        claim.write(&mut db, Timestamp::now()).await.unwrap(),
        expected(1),
        "the oldest first"
    );
    assert_eq!(
        claim.write(&mut db, Timestamp::now()).await.unwrap(),
        expected(9),
        "no queue twice"
    );
    let metrics = Metrics::new().unwrap();
    keep::count(&store, &metrics, Timestamp::now()).await.unwrap();
    assert_eq!(metrics.outbox_pending.with_label_values(&["webhooks"]).get(), 100_000);
    drop(db);
    let head: Result<Option<Entry>, _> = worker::head(&store, &queue("k5")).await;
    assert!(matches!(head, Err(sqlx::Error::Decode(_))), "the facts of this test are no case");
}

/// No set judges here.
struct NoSet;

impl Judge for NoSet {
    fn set_for(&self, _: Option<&str>) -> InForce {
        unreachable!("nothing is judged")
    }
}

/// A turn lets go of its queue and then ends; in between the queue may be claimed again. It would
/// stay claimed, with nobody working on it, until the claim runs out.
#[tokio::test]
async fn a_queue_claimed_while_its_last_turn_ends_is_let_go_of_at_once() {
    let (folder, store) = full_of(1).await;
    let metrics = Arc::new(Metrics::new().unwrap());
    let wall: Wall = Arc::new(Timestamp::now);
    let path = folder.path().join("s.sqlite");
    let (writer, pen) = Writer::new(path.clone(), 16, metrics.clone(), wall.clone());
    tokio::spawn(writer.run());
    let config = OutboxConfig::default();
    let worker = Arc::new(Worker {
        crm: Arc::new(crate::crm::lazy::Lazy::existing(path)),
        directory: None,
        judge: Arc::new(NoSet),
        rulers: Arc::default(),
        webhooks: Webhooks::new(None, config.timeout),
        circuits: Circuits::new(config.retry, config.retry_max),
        rights: Rights::default(),
        config,
        metrics,
        tracer: crate::traces::Tracer::default(),
        pen,
        wall,
        me: "me".into(),
        stop: CancellationToken::new(),
    });
    let mut turns = Turns::default();
    // It has let go of the queue, and has not ended.
    let last = turns.tasks.spawn(std::future::pending());
    turns.of.insert(last.id(), (Lane::Crm, queue("k1")));
    worker
        .fill(&store, Lane::Crm, "", &mut turns)
        .await
        .unwrap_or_else(|trouble| panic!("{trouble}"));
    assert_eq!(turns.of.len(), 1, "no second turn");
    let row: (Option<String>, Option<i64>) =
        sqlx::query_as("SELECT claimed_by, next_try FROM outbox_client WHERE client = 'k1'")
            .fetch_one(store.pool())
            .await
            .unwrap();
    assert_eq!(row.0, None, "nobody's, so that whoever comes next may have it");
    assert!(row.1.is_some(), "and due");
    // With the turn over, the next look gives the queue a new one.
    turns.of.clear();
    worker
        .fill(&store, Lane::Crm, "", &mut turns)
        .await
        .unwrap_or_else(|trouble| panic!("{trouble}"));
    assert_eq!(turns.of.len(), 1);
}

/// E16: a rule may have an action wait. Until then nothing is stuck.
#[tokio::test]
async fn e16_an_action_that_waits_as_its_rule_says_makes_the_outbox_no_older() {
    let (_folder, store) = full_of(1).await;
    let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    let made = now.as_microsecond() - 600_000_000;
    let due = "2026-11-20T12:00:30Z";
    let action =
        format!(r#"[{{"key":"k","rule":"c/r","after":"{due}","action":{{"do":"update_call"}}}}]"#);
    sqlx::query("UPDATE outbox SET since = ?, created = ?, next_try = ?, actions = ?")
        .bind(made)
        .bind(made)
        .bind(now.as_microsecond() + 30_000_000)
        .bind(&action)
        .execute(store.pool())
        .await
        .unwrap();
    let metrics = Metrics::new().unwrap();
    let counted = async |seconds: i64| {
        let now = now + jiff::SignedDuration::from_secs(seconds);
        keep::count(&store, &metrics, now).await.unwrap();
        let of =
            |gauge: &prometheus::IntGaugeVec| gauge.with_label_values(&[keep::shown("")]).get();
        (of(&metrics.outbox_oldest), of(&metrics.outbox_overdue))
    };
    assert_eq!(counted(0).await, (0, 0), "its time has not come");
    assert_eq!(counted(50).await, (20, 0));
    assert_eq!(counted(100).await, (70, 1));
    // It was tried, in vain, and is tried again later.
    sqlx::query("UPDATE outbox SET tries = 3, next_try = next_try + 300000000")
        .execute(store.pool())
        .await
        .unwrap();
    assert_eq!(counted(130).await, (100, 1), "its age counts from when it was due");
}
