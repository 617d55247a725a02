//! The same stories through the outbox: facts are settled, what fails is tried again, clients wait
//! for nobody but themselves, and this is what amoCRM hears.

use std::sync::Arc;
use std::time::Duration;

use dozvon::outbox::OutboxConfig;
use serde_json::{Value, json};

use crate::account::Habits;
use crate::crm_outbox::{self, parts, prompt};
use crate::office::World;
use crate::request::Said;
use crate::server::Wrong;
use crate::sets::{STORIES, cases, file, without_times};

async fn world() -> World {
    let w = World::with(|config| {
        config.numbers.insert("504141".into(), vec!["101".into()]);
        config.numbers.insert("504142".into(), vec!["102".into()]);
        // The pace is another test's.
        config.requests_per_second = 1000.try_into().unwrap();
    })
    .await;
    // The worst of what is uncertain.
    w.server.house().account.habits =
        Habits { index_lags: true, strange_call_is_400: true, ..Habits::default() };
    w
}

/// What amoCRM hears, with `trouble` on the way.
async fn told(w: &World, name: &str, trouble: impl FnOnce(&World)) -> String {
    let retry = Duration::from_millis(20);
    let config = OutboxConfig { retry, retry_max: retry, ..prompt() };
    let set = file(name, w.folder.path());
    let crm = Arc::new(w.crm.clone());
    let parts = parts(crm, set.to_str().unwrap(), &w.folder, config).await;
    trouble(w);
    let cases = STORIES.iter().enumerate().flat_map(|(n, story)| cases(n, story)).collect();
    without_times(&crm_outbox::dialogue(parts, cases, || w.server.dialogue()).await)
}

async fn dialogue(name: &str) -> String {
    told(&world().await, name, |_| {}).await
}

#[tokio::test]
async fn amocrm_classic() {
    insta::assert_snapshot!(dialogue("amocrm-classic").await);
}

#[tokio::test]
async fn sipuni() {
    insta::assert_snapshot!(dialogue("sipuni").await);
}

#[tokio::test]
async fn comagic() {
    insta::assert_snapshot!(dialogue("comagic").await);
}

#[tokio::test]
async fn retailcrm_matrix() {
    insta::assert_snapshot!(dialogue("retailcrm-matrix").await);
}

#[tokio::test]
async fn keycrm() {
    insta::assert_snapshot!(dialogue("keycrm").await);
}

/// All that is in the account, without its times.
fn account(w: &World) -> String {
    let house = w.server.house();
    let account = &house.account;
    let all = json!({ "records": account.records, "notes": account.notes, "tasks": account.tasks,
        "unsorted": account.unsorted, "popups": account.popups });
    without_times(&serde_json::to_string_pretty(&all).unwrap())
}

/// Nothing is done, or it is and the answer does not come.
fn trouble(w: &World) {
    for on in ["POST /api/v4/contacts", "POST /api/v4/leads", "POST /api/v4/tasks", "GET"] {
        let busy = Wrong::Answer(Said::refused(503, "later"));
        w.server.fault(on, 2, busy);
        let html = Said { status: 502, body: Value::from("<html>"), kind: "text/html" };
        w.server.fault(on, 1, Wrong::Answer(html));
    }
    for on in [
        "POST /api/v4/calls",
        "POST /api/v4/contacts/notes",
        "POST /api/v4/leads/complex",
        "POST /api/v4/contacts",
        "POST /api/v4/leads/unsorted",
        "POST /api/v4/leads",
        "PATCH",
    ] {
        w.server.fault(on, 1, Wrong::LostAfterwards);
    }
}

async fn same_in_the_end(name: &str) {
    let (smooth, rough) = (world().await, world().await);
    told(&smooth, name, |_| {}).await;
    told(&rough, name, trouble).await;
    // Each of them came to pass, unless the set never asks for such a thing.
    let house = rough.server.house();
    for fault in &house.faults {
        let asked = house.asked.iter().filter(|told| told.starts_with(fault.on)).count();
        assert!(fault.times == 0 || asked == 0, "{name}: {} came {asked} times", fault.on);
    }
    drop(house);
    let (smooth, rough) = (account(&smooth), account(&rough));
    let mut differs = smooth.lines().zip(rough.lines()).filter(|(one, other)| one != other);
    assert_eq!(differs.next(), None, "{name}: {rough}");
    assert_eq!(rough.lines().count(), smooth.lines().count(), "{name}: {rough}");
}

#[tokio::test]
async fn what_fails_on_the_way_is_done_once_and_in_order_in_the_end() {
    for name in ["amocrm-classic", "retailcrm-matrix", "keycrm"] {
        same_in_the_end(name).await;
    }
}

#[tokio::test]
async fn what_fails_on_the_way_of_sipuni_and_comagic_is_done_once_and_in_order_in_the_end() {
    for name in ["sipuni", "comagic"] {
        same_in_the_end(name).await;
    }
}
