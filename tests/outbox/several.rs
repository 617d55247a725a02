//! Several CRMs: each has queues and a circuit of its own.

use std::sync::Arc;

use dozvon::core::case::{Case, Clerk, Event};
use dozvon::crm::Crm;
use dozvon::crm::several::Several;
use dozvon::outbox::entry::State;
use dozvon::store::Store;
use sqlx::AssertSqlSafe;
use sqlx::migrate::Migrator;

use crate::fake::{Does, Fake};
use crate::house::{ANNA, House, MS, case, note, until};

/// The house's own CRM serves the line `main`, the other one `second`.
fn two(house: &House, names: [&str; 2]) -> (Arc<Fake>, Arc<dyn Crm>) {
    let right: Arc<Fake> = Arc::default();
    let [rest, other] = names.map(str::to_owned);
    let others = [(other, vec!["second".to_owned()], right.clone() as Arc<dyn Crm>)];
    let both = Several::new((rest, house.crm.clone()), others);
    (right, Arc::new(both))
}

fn house() -> House {
    House::new(|case| vec![note(case.line.as_deref().unwrap_or_default())])
}

fn on(line: &str, call: &str, number: &str) -> Case {
    Case { line: Some(line.into()), ..case(call, 1, Event::Ended, number) }
}

fn keys(crm: &Fake) -> Vec<String> {
    crm.done()
}

#[test]
fn one_that_is_down_holds_up_nothing_of_the_other_not_even_of_the_same_client() {
    let house = house();
    let (right, both) = two(&house, ["left", "right"]);
    house.crm.set_down(true);
    let life = house.start_with(both);
    for call in 10..30 {
        life.outbox.occurred(on("main", &format!("m{call}"), &format!("+79161110{call}0")));
    }
    // Its circuit is open by now.
    until("the circuit opens", || house.crm.asked.lock().unwrap().len() >= 8);
    life.outbox.occurred(on("main", "m", ANNA));
    life.outbox.occurred(on("second", "s", ANNA));
    life.reach(State::Done, 1);
    assert_eq!(keys(&right), ["note s/1/1"]);
    assert_eq!(house.crm.done().len(), 0);
    let pending = |crm: &str| house.metrics.outbox_pending.with_label_values(&[crm]).get();
    life.rt.block_on(async {
        let store = life.outbox.store().borrow().clone().unwrap();
        dozvon::outbox::count(&store, &house.metrics, jiff::Timestamp::now()).await.unwrap();
    });
    assert_eq!((pending("left"), pending("right")), (21, 0));
    house.crm.set_down(false);
    life.reach(State::Done, 22);
    assert_eq!(keys(&right).len(), 1, "each learns of its own line only");
}

#[test]
fn one_that_hangs_takes_no_place_of_the_other() {
    let mut house = house();
    house.config.timeout = 20_000 * MS;
    let (right, both) = two(&house, ["left", "right"]);
    house.crm.script(|_| Does::Hangs { done: false });
    let life = house.start_with(both);
    for call in 10..30 {
        life.outbox.occurred(on("main", &format!("m{call}"), &format!("+79161110{call}0")));
    }
    life.reach(State::Working, house.config.parallel.get());
    life.outbox.occurred(on("second", "s", ANNA));
    until("the other one has it", || keys(&right) == ["note s/1/1"]);
    life.kill();
}

#[test]
fn what_waits_for_a_crm_of_another_name_goes_to_the_one_of_its_line_and_in_order() {
    let house = house();
    let (_, both) = two(&house, ["old-left", "old-right"]);
    house.crm.script(|_| Does::Later(None));
    let life = house.start_with(both);
    for call in ["a", "b", "c"] {
        life.outbox.occurred(on("main", call, ANNA));
    }
    life.reach(State::Waiting, 3);
    life.kill();
    house.crm.script(|_| Does::It);
    // The sections of the configuration were renamed.
    let (right, both) = two(&house, ["left", "right"]);
    let life = house.start_with(both);
    life.outbox.occurred(on("main", "d", ANNA));
    life.outbox.occurred(on("second", "e", ANNA));
    life.reach(State::Done, 5);
    let mut left = keys(&house.crm);
    // The new one may have been on its way before the old ones moved in.
    left.retain(|key| key != "note d/1/1");
    assert_eq!(left, ["note a/1/1", "note b/1/1", "note c/1/1"]);
    assert_eq!(keys(&right), ["note e/1/1"]);
}

/// A store as the engine before this one left it.
#[test]
fn entries_written_before_queues_had_a_crm_are_carried_over() {
    let house = house();
    let rt = tokio::runtime::Runtime::new().unwrap();
    rt.block_on(async {
        let before = house.folder.path().join("before");
        std::fs::create_dir(&before).unwrap();
        for file in std::fs::read_dir("src/store/migrations").unwrap() {
            let file = file.unwrap();
            if file.file_name().to_str().unwrap() < "0008" {
                std::fs::copy(file.path(), before.join(file.file_name())).unwrap();
            }
        }
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(&house.path)
            .create_if_missing(true);
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        Migrator::new(before).await.unwrap().run(&pool).await.unwrap();
        for (id, line, call) in [(1, "main", "a"), (2, "second", "b"), (3, "main", "c")] {
            let facts = serde_json::to_string(&on(line, call, ANNA)).unwrap();
            let actions = format!(
                r#"[{{"key": "{call}/1/1", "rule": "r", "after": null, "action": {{"do": "note", "on": "client", "text": "x"}}}}]"#
            );
            let journal = format!(
                "INSERT INTO journal (id, call, seq, at, event, direction, line, facts, hash) \
                 VALUES ({id}, '{call}', 1, 1, 'ended', 'inbound', '{line}', '{facts}', 'one')"
            );
            let entry = format!(
                "INSERT INTO outbox (id, journal, call, client, lane, state, settled, actions, \
                 progress, tries, next_try, since, created, updated) VALUES ({id}, {id}, '{call}', \
                 '{ANNA}', 'crm', 'waiting', 0, '{actions}', '[]', 0, 1, {now}, 1, 1)",
                now = jiff::Timestamp::now().as_microsecond()
            );
            for statement in [journal, entry] {
                sqlx::query(AssertSqlSafe(statement)).execute(&pool).await.unwrap();
            }
        }
        let queue = format!(
            "INSERT INTO outbox_client (client, lane, next_try, revision) VALUES ('{ANNA}', 'crm', 1, 4)"
        );
        sqlx::query(AssertSqlSafe(queue)).execute(&pool).await.unwrap();
        pool.close().await;
        drop(Store::open(&house.path).await.unwrap());
    });
    let (right, both) = two(&house, ["left", "right"]);
    let life = house.start_with(both);
    life.reach(State::Done, 3);
    assert_eq!(keys(&house.crm), ["note a/1/1", "note c/1/1"]);
    assert_eq!(keys(&right), ["note b/1/1"]);
    assert_eq!(life.sql::<i64>("SELECT max(revision) FROM outbox_client WHERE crm = 'left'"), 4);
}
