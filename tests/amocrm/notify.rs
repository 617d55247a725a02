//! A card that was to pop up and could not yet is not forgotten.

use std::time::Duration;

use dozvon::crm::ApplyError;
use serde_json::{Value, json};

use crate::crm_outbox::by_hand;
use crate::office::{OLGA, World};
use crate::request::Said;
use crate::server::Wrong;

fn notify() -> Value {
    json!({ "do": "notify", "to": { "these": ["504142"] }, "text": "Ольга" })
}

#[tokio::test]
async fn a08_of_a_moved_account_no_card_is_lost() {
    let w = World::new().await;
    let mut call = w.call("c1", OLGA).await;
    let moved = Said { status: 302, body: json!("<html>"), kind: "text/html" };
    w.server.fault("POST /api/v2/events", 1, Wrong::Answer(moved));
    let error = call.tries(notify()).await.unwrap_err();
    assert!(matches!(&error, ApplyError::Later { .. }), "{error:?}");
    assert!(error.to_string().contains("a redirect: is the address right?"), "{error}");
    call.does(notify()).await;
    assert_eq!(w.server.house().account.popups.len(), 1);
}

#[tokio::test]
async fn a08_no_card_is_lost_to_a_token_that_could_not_be_had() {
    let w = World::new().await;
    let crm = w.restarted(|config| {
        config.token = None;
        config.client_id = Some("integration".into());
        config.client_secret = Some("integration-secret".to_owned().into());
        config.redirect_uri = Some("https://pbx.example/amocrm".into());
    });
    crm.login("code-1").await.unwrap();
    w.server.house().revoked = true;
    w.server.fault("POST /oauth2/access_token", 1, Wrong::Silent);
    let World { server, folder, .. } = w;
    let w = World { server, folder, crm };
    let case = crate::office::case("c1", OLGA);
    let mut call = crate::office::Call::of(&w, case);
    let error = call.tries(notify()).await.unwrap_err();
    assert!(matches!(&error, ApplyError::Later { .. }), "{error:?}");
    assert_eq!(w.server.house().account.popups, [Value::Null; 0]);
}

#[test]
fn a07_while_the_account_wants_rest_a_card_waits_in_the_outbox_and_pops_up_afterwards() {
    let (rt, hold) = by_hand();
    let _in = rt.enter();
    let w = rt.block_on(World::with(|config| config.timeout = Duration::from_secs(20)));
    let mut call = rt.block_on(w.call("c1", OLGA));
    let busy = Wrong::With(Said::refused(429, "too much"), "Retry-After", "90".to_owned());
    w.server.fault("POST /api/v4/leads/notes", 1, busy);
    let note = json!({ "do": "note", "on": "deal", "text": "!" });
    assert!(rt.block_on(call.tries(note)).is_err());
    // Time passes while it is sent.
    let mut sent = || {
        rt.block_on(async {
            let done = call.tries(notify());
            tokio::pin!(done);
            loop {
                let breath = tokio::task::spawn_blocking(|| {
                    std::thread::sleep(Duration::from_millis(20));
                });
                tokio::select! {
                    done = &mut done => return done,
                    _ = breath => tokio::time::advance(Duration::from_secs(1)).await,
                }
            }
        })
    };
    let error = sent().unwrap_err();
    let ApplyError::Later { after: Some(after), .. } = &error else { panic!("{error:?}") };
    assert!((70..=90).contains(&after.as_secs()), "{after:?}");
    rt.block_on(tokio::time::advance(*after));
    let done = sent().unwrap();
    assert_eq!(done.what, "the card of the call popped up for 504142");
    assert_eq!(w.server.house().account.popups.len(), 1);
    drop(hold);
}

async fn by_task() -> World {
    World::with(|config| config.notify = serde_json::from_value(json!("task")).unwrap()).await
}

fn to(recipients: Value) -> Value {
    json!({ "do": "notify", "to": recipients, "text": "Пропущен  звонок", "link": "client" })
}

#[tokio::test]
async fn a07_whom_a_notification_reached_is_told_once_though_another_ones_failed() {
    for number in ["", "+79165550001", OLGA] {
        let w = by_task().await;
        let mut call = w.call("c1", number).await;
        // The account puts spaces in order.
        w.server.house().account.habits.titles_are_tidied = true;
        let busy = Wrong::Answer(Said::refused(503, "later"));
        w.server.fault_after("POST /api/v4/tasks", 1, busy);
        assert!(call.tries(to(json!("everybody"))).await.is_err(), "{number}");
        assert_eq!(call.does(to(json!("everybody"))).await, "made a task for 504141, 504142");
        assert_eq!(w.server.house().account.tasks.len(), 2, "{number}");
    }
}

#[tokio::test]
async fn a07_a_user_who_is_gone_keeps_nobody_else_from_being_notified() {
    let w = by_task().await;
    let mut call = w.call("c1", OLGA).await;
    let what = call.does(to(json!({ "these": ["504142", "999", "504141"] }))).await;
    assert!(what.starts_with("made a task for 504142, 504141; 999 was refused:"), "{what}");
    assert_eq!(w.server.house().account.tasks.len(), 2);
    let why = call.refused(to(json!({ "these": ["999"] }))).await;
    assert!(why.contains("responsible_user_id"), "{why}");
}

#[tokio::test]
async fn a07_everybody_costs_one_look_at_the_tasks_of_a_client() {
    let w = by_task().await;
    let mut call = w.call("c1", crate::office::FIRM).await;
    call.does(to(json!("everybody"))).await;
    let asked = w.server.paths();
    assert_eq!(asked.iter().filter(|sent| *sent == "GET /api/v4/tasks").count(), 1, "{asked:?}");
}
