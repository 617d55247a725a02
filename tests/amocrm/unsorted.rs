//! Unsorted: made, found again, accepted, declined.

use dozvon::core::facts::Direction;
use serde_json::json;

use crate::office::{NEW, World, new_unsorted, register, sound};
use crate::request::Said;
use crate::server::Wrong;

/// The beginning of each request that declines.
const DECLINES: &str = "DELETE /api/v4/leads/unsorted/u";

#[tokio::test]
async fn a07_a_missed_call_of_nobody_is_an_entry_with_its_call() {
    let w = World::new().await;
    let mut call = w.call("c1", NEW).await;
    call.case.answered = None;
    call.does(json!({ "do": "register_call", "result": "missed" })).await;
    call.does(new_unsorted("call")).await;
    let entry = w.server.house().account.unsorted[0].clone();
    assert_eq!(entry["category"], "sip");
    assert_eq!(entry["metadata"]["phone"], NEW);
    assert_eq!(entry["metadata"]["uniq"], "c1");
    let lead = entry["_embedded"]["leads"][0]["id"].clone();
    let card = format!("leads/{lead}");
    assert_eq!(call.bound.call, Some(card.clone()));
    call.case.voicemail = sound("https://pbx.example/voicemail/1", Some(5));
    call.does(json!({ "do": "update_call" })).await;
    let notes = w.server.house().account.notes[&card].clone();
    assert_eq!(notes.len(), 1, "the entry brings the call along: {notes:?}");
    assert_eq!(notes[0]["params"]["link"], "https://pbx.example/voicemail/1");
}

#[tokio::test]
async fn c03_no_second_entry_while_one_waits_and_its_card_keeps_the_second_call() {
    let w = World::new().await;
    w.call("c1", NEW).await.does(new_unsorted("call")).await;
    // Another engine knows nothing of the first.
    let fresh = World::with(|config| config.url = w.server.url()).await;
    let mut second = fresh.call("c2", NEW).await;
    second.case.answered = None;
    let what = second.does(json!({ "do": "register_call", "result": "missed" })).await;
    assert_eq!(what, "registered the call on its entry in Unsorted");
    let what = second.does(new_unsorted("call")).await;
    assert!(what.starts_with("nothing: Unsorted entry"), "{what}");
    assert!(second.bound.unsorted.is_some());
    assert_eq!(w.server.house().account.unsorted.len(), 1);
}

#[tokio::test]
async fn c02_the_entry_is_accepted_for_who_answered() {
    let w = World::new().await;
    let mut call = w.call("c1", NEW).await;
    call.does(new_unsorted("call")).await;
    assert!(w.find(NEW).await.is_none(), "hidden until it is accepted");
    let accept = json!({ "do": "accept_unsorted", "owner": "504142" });
    let what = call.does(accept.clone()).await;
    assert!(what.contains("became contact"), "{what}");
    let client = w.find(NEW).await.unwrap();
    assert_eq!(client.owner, Some("504142".into()));
    assert_eq!(client.open_deal().map(|deal| deal.id.clone()), call.bound.deal);
    assert_eq!(call.bound.client, Some(client.id));
    let what = call.does(accept).await;
    assert_eq!(what, "nothing: no Unsorted entry waits for this number");
    assert_eq!(call.does(register()).await.split(" on ").next(), Some("updated the call"));
}

#[tokio::test]
async fn a17_a_form_is_an_entry_of_its_own_kind() {
    let w = World::new().await;
    let mut call = w.call("c1", NEW).await;
    call.case.direction = Direction::Callback;
    call.case.fields.insert("page".into(), "https://shop.example/".into());
    call.does(new_unsorted("form")).await;
    let entry = w.server.house().account.unsorted[0].clone();
    assert_eq!(entry["category"], "forms");
    assert_eq!(entry["metadata"]["form_page"], "https://shop.example/");
    // It says no number, and is found by what we wrote beside it.
    let fresh = World::with(|config| config.url = w.server.url()).await;
    let what = fresh.call("c2", NEW).await.does(new_unsorted("form")).await;
    assert!(what.starts_with("nothing: Unsorted entry"), "{what}");
}

#[tokio::test]
async fn a_switched_off_inbox_is_said_before_anything_is_sent() {
    let w = World::new().await;
    w.server.house().account.habits.no_unsorted = true;
    // It is seen with the employees, now and then.
    dozvon::crm::Crm::employees(&w.crm).await.unwrap();
    let mut call = w.call("c1", NEW).await;
    let why = call.refused(new_unsorted("call")).await;
    assert!(why.contains("switched off in the pipeline Воронка"), "{why}");
    assert!(w.server.dialogue().iter().all(|sent| sent.starts_with("GET")));
}

#[tokio::test]
async fn c03_a_declined_entry_is_gone_and_a_new_one_may_be_made() {
    let w = World::new().await;
    let decline = || json!({ "do": "decline_unsorted" });
    let mut call = w.call("c1", NEW).await;
    let nothing = "nothing: no Unsorted entry waits for this number";
    assert_eq!(call.does(decline()).await, nothing);
    call.does(new_unsorted("call")).await;
    let uid = call.bound.unsorted.clone().unwrap();
    let mut later = w.call("c2", NEW).await;
    assert_eq!(later.does(decline()).await, format!("Unsorted entry {uid} is declined"));
    {
        let house = w.server.house();
        let sent = house.said.iter().find(|sent| sent.method == "DELETE").unwrap();
        assert_eq!(sent.path, format!("/api/v4/leads/unsorted/{uid}/decline"));
        // Whose token it is.
        assert_eq!(sent.body, json!({ "user_id": 504141 }));
        assert!(house.account.unsorted.is_empty());
        assert_eq!(house.account.all("contacts").len(), 2, "the hidden contact is gone");
    }
    assert_eq!(later.does(decline()).await, nothing);
    let what = later.does(new_unsorted("call")).await;
    assert!(what.starts_with("made Unsorted entry"), "{what}");
}

#[tokio::test]
async fn c03_an_entry_that_was_dealt_with_already_is_nothing_to_decline() {
    for (status, is_gone) in [(404, true), (400, false)] {
        let w = World::new().await;
        let mut call = w.call("c1", NEW).await;
        call.does(new_unsorted("call")).await;
        w.server.fault(DECLINES, 1, Wrong::Answer(Said::refused(status, "Not found")));
        let decline = json!({ "do": "decline_unsorted" });
        if is_gone {
            let what = call.does(decline).await;
            assert!(what.ends_with("was dealt with already"), "{what}");
        } else {
            // It still waits: that is no such answer.
            assert!(call.refused(decline).await.contains("amoCRM answered 400"));
        }
    }
}

#[tokio::test]
async fn c03_what_came_in_since_is_not_declined_by_an_older_call() {
    let w = World::new().await;
    let mut old = w.call("c1", NEW).await;
    old.case.at = old.case.at.checked_sub(jiff::SignedDuration::from_hours(1)).unwrap();
    let mut new = w.call("c2", NEW).await;
    new.does(new_unsorted("call")).await;
    let decline = json!({ "do": "decline_unsorted" });
    let what = old.does(decline.clone()).await;
    assert_eq!(what, "nothing: no Unsorted entry waits for this number");
    assert_eq!(w.server.house().account.unsorted.len(), 1);
    // Nor is a second one by a call whose own was declined.
    let own = new.bound.unsorted.clone();
    new.does(decline.clone()).await;
    w.call("c3", NEW).await.does(new_unsorted("call")).await;
    assert_eq!(new.bound.unsorted, own);
    new.does(decline).await;
    assert_eq!(w.server.house().account.unsorted.len(), 1);
}

#[tokio::test]
async fn c02_an_entry_that_a_person_took_a_moment_before_is_taken_for_accepted() {
    let w = World::new().await;
    let mut call = w.call("c1", NEW).await;
    call.does(new_unsorted("call")).await;
    w.server.fault("POST /api/v4/leads/unsorted/u", 1, Wrong::Raced);
    let accept = json!({ "do": "accept_unsorted", "owner": "504142" });
    let what = call.does(accept).await;
    assert!(what.contains("became contact"), "{what}");
    let client = w.find(NEW).await.unwrap();
    assert_eq!(call.bound.client, Some(client.id.clone()));
    assert_eq!(call.bound.deal.as_ref(), client.open_deal().map(|deal| &deal.id));
}

#[tokio::test]
async fn c02_an_entry_that_a_person_declined_a_moment_before_is_nothing_to_accept() {
    let w = World::new().await;
    let mut call = w.call("c1", NEW).await;
    call.does(new_unsorted("call")).await;
    w.server.fault("POST /api/v4/leads/unsorted/u", 1, Wrong::Declined);
    let what = call.does(json!({ "do": "accept_unsorted", "owner": "504142" })).await;
    assert!(what.ends_with("was dealt with already"), "{what}");
    // A refusal of one that still waits is one.
    call.does(new_unsorted("call")).await;
    call.bound.unsorted = None;
    let no = Wrong::Answer(Said::refused(400, "no"));
    w.server.fault("POST /api/v4/leads/unsorted/u", 1, no);
    let why = call.refused(json!({ "do": "accept_unsorted", "owner": "504142" })).await;
    assert!(why.contains("amoCRM answered 400"), "{why}");
}

/// So many others that wait.
fn others(w: &World, many: i64) {
    let account = &mut w.server.house().account;
    for n in 0..many {
        account.unsorted.push(json!({
            "uid": format!("other{n}"), "category": "sip", "pipeline_id": 50,
            "created_at": 4_000_000_000_i64 + n, "metadata": { "phone": "+79990000000" },
            "_embedded": { "contacts": [], "leads": [] },
        }));
    }
}

#[tokio::test]
async fn c03_an_entry_of_ours_that_waits_for_weeks_behind_a_thousand_others_is_the_only_one() {
    let w = World::new().await;
    w.call("c1", NEW).await.does(new_unsorted("call")).await;
    others(&w, 1200);
    let file = w.folder.path().join("dozvon.sqlite");
    let store = dozvon::store::Store::open(file).await.unwrap();
    let weeks = 30_i64 * 24 * 60 * 60 * 1_000_000;
    let aged = sqlx::query("UPDATE crm_made SET at = at - ?").bind(weeks);
    assert_eq!(aged.execute(store.pool()).await.unwrap().rows_affected(), 1);
    let crm = w.restarted(|_| {});
    let World { server, folder, .. } = w;
    let w = World { server, folder, crm };
    // Something else was made meanwhile, and old rows were put away.
    w.call("c2", "+79165550007").await.does(crate::office::new_contact()).await;
    let what = w.call("c3", NEW).await.does(new_unsorted("call")).await;
    assert!(what.starts_with("nothing: Unsorted entry"), "{what}");
}

#[tokio::test]
async fn c03_an_entry_of_somebody_elses_is_found_behind_three_hundred_others() {
    let w = World::new().await;
    w.call("c1", NEW).await.does(new_unsorted("form")).await;
    others(&w, 300);
    let fresh = World::with(|config| config.url = w.server.url()).await;
    let mut call = fresh.call("c2", NEW).await;
    let what = call.does(new_unsorted("call")).await;
    assert!(what.starts_with("nothing: Unsorted entry"), "{what}");
}

#[tokio::test]
async fn c03_an_entry_that_is_listed_though_it_was_decided_stands_in_nobodys_way() {
    let w = World::new().await;
    w.call("c1", NEW).await.does(new_unsorted("call")).await;
    w.server.house().account.unsorted[0]["action"] = json!("accept");
    let what = w.call("c2", NEW).await.does(new_unsorted("call")).await;
    assert!(what.starts_with("made Unsorted entry"), "{what}");
}
