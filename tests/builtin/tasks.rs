//! A second task of a kind is made, or not (C05).

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::World;
use crate::office::{NEW, OLGA, contact, task};

const DUE: &str = "2026-11-20T13:00:00Z";

fn due() -> Timestamp {
    DUE.parse().unwrap()
}

/// What becomes of a task wanted at this moment by another call of the number.
async fn wanted(w: &World, call: &str, number: &str, dedupe: &str, at: Timestamp) -> String {
    let mut call = w.call(call, number).await;
    call.case.at = at;
    call.does(task(dedupe, "2026-11-21T13:00:00Z")).await
}

#[tokio::test]
async fn c05_while_it_is_not_yet_due_no_second_one_and_from_its_due_second_on_a_new_one() {
    let w = World::sample().await;
    let mut first = w.call("a", OLGA).await;
    assert_eq!(first.does(task("until_due", DUE)).await, "made task 1 for 102 on deal d1");
    let before = due() - SignedDuration::from_micros(1);
    let said = wanted(&w, "b", OLGA, "until_due", before).await;
    assert_eq!(said, "nothing: task 1 is open, due 2026-11-20T13:00:00Z");
    let said = wanted(&w, "c", OLGA, "until_due", due()).await;
    assert_eq!(said, "made task 2 for 102 on deal d1");
}

#[tokio::test]
async fn c05_another_client_another_kind_and_a_task_that_is_done_are_no_reason() {
    let w = World::sample().await;
    let mut call = w.call("a", OLGA).await;
    call.does(task("until_due", DUE)).await;
    let said = wanted(&w, "b", "+79161110002", "until_due", call.case.at).await;
    assert!(said.starts_with("made task 2"), "{said}");
    let said = call
        .json(json!({ "do": "task", "kind": "review", "on": "client", "text": "T", "owner": "101",
            "due": DUE, "dedupe": "while_open" }))
        .await;
    assert!(said.starts_with("made task 3"), "{said}");
    w.crm.complete_task(1).await.unwrap();
    let said = wanted(&w, "c", OLGA, "while_open", call.case.at).await;
    assert!(said.starts_with("made task 4"), "{said}");
    let twice = w.crm.complete_task(1).await.unwrap_err().to_string();
    assert!(twice.contains("there is no open task 1"), "{twice}");
}

#[tokio::test]
async fn a_task_wanted_while_one_is_open_is_none_however_late_and_never_means_each() {
    let w = World::sample().await;
    let mut call = w.call("a", OLGA).await;
    call.does(task("never", DUE)).await;
    let late = due() + SignedDuration::from_hours(1000);
    let said = wanted(&w, "b", OLGA, "while_open", late).await;
    assert!(said.starts_with("nothing: task 1 is open"), "{said}");
    let said = wanted(&w, "c", OLGA, "never", late).await;
    assert!(said.starts_with("made task 2"), "{said}");
}

#[tokio::test]
async fn c05_a_number_nobody_has_is_known_by_itself_and_its_task_becomes_the_contacts() {
    let w = World::sample().await;
    let mut call = w.call("a", NEW).await;
    assert_eq!(call.does(task("until_due", DUE)).await, "made task 1 for 102 on the number");
    let at = call.case.at;
    assert!(wanted(&w, "b", NEW, "until_due", at).await.starts_with("nothing: task 1"));
    assert!(wanted(&w, "c", "+79165550002", "until_due", at).await.starts_with("made task 2"));
    for withheld in ["d", "e"] {
        assert!(wanted(&w, withheld, "", "until_due", at).await.starts_with("made task"));
    }
    call.does(contact()).await;
    assert!(wanted(&w, "f", NEW, "until_due", at).await.starts_with("nothing: task 1"));
}

/// 10,000 tasks: a look-up touches a handful of them.
#[tokio::test]
async fn c05_among_ten_thousand_tasks_the_one_of_the_client_is_found_by_an_index() {
    let w = World::sample().await;
    sqlx::query(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
         INSERT INTO task (kind, text, owner, due, done, made, number, client) \
         SELECT 'callback', 'T', '101', i, i % 2, i, '+7916' || (2000000 + i), \
                CASE WHEN i % 3 THEN 'c2' END FROM n",
    )
    .execute(w.store.pool())
    .await
    .unwrap();
    let mut call = w.call("a", OLGA).await;
    assert!(call.does(task("until_due", DUE)).await.starts_with("made task 10001"));
    let at = call.case.at;
    let said = wanted(&w, "b", OLGA, "until_due", at).await;
    assert!(said.starts_with("nothing: task 10001"), "{said}");
    assert!(w.find("+79162000007").await.is_none());
}
