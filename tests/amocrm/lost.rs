//! An answer that was lost: what was done is found, and never done twice.

use dozvon::crm::ApplyError;
use serde_json::{Value, json};

use crate::office::{
    CLOSED, Call, NEW, OLGA, World, new_contact, new_deal, new_unsorted, register, task,
};
use crate::server::Wrong;

/// As the outbox does it: done with its answer lost, looked for, and done where it was not.
async fn again(call: &mut Call<'_>, on: &'static str, action: Value) -> String {
    call.w.server.fault(on, 1, Wrong::LostAfterwards);
    let lost = call.tries(action.clone()).await;
    assert!(matches!(lost, Err(ApplyError::Lost { .. })), "{action}: {lost:?}");
    match call.looks_back(action.clone()).await {
        Some(what) => what,
        None => call.does(action).await,
    }
}

fn count(w: &World, kind: &'static str) -> usize {
    w.server.house().account.all(kind).len()
}

#[tokio::test]
async fn a_contact_even_before_the_index_knows_him() {
    for index_lags in [false, true] {
        let w = World::new().await;
        w.server.house().account.habits.index_lags = index_lags;
        let mut call = w.call("c1", NEW).await;
        call.does(register()).await;
        let what = again(&mut call, "POST /api/v4/contacts", new_contact()).await;
        assert!(what.starts_with("made contact"), "{what}");
        assert!(what.ends_with("registered the call"), "{what}");
        assert_eq!(count(&w, "contacts"), 3);
        assert!(call.bound.client.is_some());
    }
}

#[tokio::test]
async fn the_call_that_waited_for_the_contact() {
    let w = World::new().await;
    let mut call = w.call("c1", NEW).await;
    call.does(register()).await;
    again(&mut call, "POST /api/v4/calls", new_contact()).await;
    assert_eq!(count(&w, "contacts"), 3);
    let card = format!("contacts/{}", call.bound.client.clone().unwrap());
    assert_eq!(w.server.house().account.notes[&card].len(), 1);
}

#[tokio::test]
async fn a_deal_and_one_with_its_contact() {
    let w = World::new().await;
    let mut call = w.call("c1", CLOSED).await;
    again(&mut call, "POST /api/v4/leads", new_deal()).await;
    assert_eq!(count(&w, "leads"), 4);
    assert!(call.bound.deal.is_some());
    w.server.house().account.habits.index_lags = true;
    let mut call = w.call("c2", NEW).await;
    again(&mut call, "POST /api/v4/leads/complex", new_deal()).await;
    assert_eq!((count(&w, "leads"), count(&w, "contacts")), (5, 3));
    assert!(call.bound.deal.is_some());
}

#[tokio::test]
async fn a_call_an_entry_a_note_a_task_a_company() {
    let w = World::new().await;
    w.server.house().account.habits.index_lags = true;
    let mut call = w.call("c1", OLGA).await;
    again(&mut call, "POST /api/v4/calls", register()).await;
    let note = json!({ "do": "note", "on": "deal", "text": "Звонили" });
    again(&mut call, "POST /api/v4/leads/notes", note).await;
    assert_eq!(w.server.house().account.notes["leads/71"].len(), 2);
    again(&mut call, "POST /api/v4/tasks", task("never")).await;
    assert_eq!(w.server.house().account.tasks.len(), 1);
    let company = json!({ "do": "company", "name": "Лютик" });
    again(&mut call, "POST /api/v4/companies", company).await;
    assert_eq!(count(&w, "companies"), 2);

    let mut call = w.call("c2", NEW).await;
    again(&mut call, "POST /api/v4/leads/unsorted/sip", new_unsorted("call")).await;
    assert_eq!(w.server.house().account.unsorted.len(), 1);
    let accept = json!({ "do": "accept_unsorted", "owner": "504142" });
    call.w.server.fault("POST /api/v4/leads/unsorted/u", 1, Wrong::LostAfterwards);
    assert!(call.tries(accept.clone()).await.is_err());
    let what = call.looks_back(accept).await.unwrap();
    assert!(what.contains("became contact"), "{what}");
    assert!(call.bound.deal.is_some());
}

#[tokio::test]
async fn what_was_not_done_is_done() {
    let w = World::new().await;
    for (number, on, action) in [
        (NEW, "POST /api/v4/contacts", new_contact()),
        (CLOSED, "POST /api/v4/leads", new_deal()),
        (OLGA, "POST /api/v4/calls", register()),
        (OLGA, "POST /api/v4/tasks", task("never")),
        (OLGA, "POST /api/v4/leads/notes", json!({ "do": "note", "on": "deal", "text": "!" })),
        (OLGA, "PATCH /api/v4/leads/71", json!({ "do": "tag", "on": "deal", "tags": ["!"] })),
    ] {
        let mut call = w.call(on, number).await;
        w.server.fault(on, 1, Wrong::Silent);
        let lost = call.tries(action.clone()).await;
        assert!(matches!(lost, Err(ApplyError::Lost { .. })), "{on}: {lost:?}");
        assert_eq!(call.looks_back(action.clone()).await, None, "{on}");
        call.does(action).await;
    }
}

#[tokio::test]
async fn a_card_that_may_have_popped_up_does_not_pop_up_again() {
    let w = World::new().await;
    let mut call = w.call("c1", OLGA).await;
    let notify = json!({ "do": "notify", "to": "everybody", "text": "Ольга" });
    let what = again(&mut call, "POST /api/v2/events", notify).await;
    assert!(what.contains("not sent again"), "{what}");
    assert_eq!(w.server.house().account.popups.len(), 1);
}

#[tokio::test]
async fn a02_a_deal_whose_title_the_account_put_in_order_is_found_again() {
    for title in [" Входящий  звонок ", "Входящий звонок с сайта example.ru, окна"]
    {
        let w = World::new().await;
        w.server.house().account.habits.titles_are_tidied = true;
        let mut call = w.call("c1", CLOSED).await;
        let mut deal = new_deal();
        deal["title"] = json!(title);
        again(&mut call, "POST /api/v4/leads", deal).await;
        assert_eq!(count(&w, "leads"), 4, "{title}");
        assert!(call.bound.deal.is_some());
    }
}

#[tokio::test]
async fn a07_an_entry_whose_answer_was_lost_keeps_its_call_and_there_is_no_second_one() {
    for registered in [true, false] {
        let w = World::new().await;
        let mut call = w.call("c1", NEW).await;
        call.case.answered = None;
        if registered {
            call.does(json!({ "do": "register_call", "result": "missed" })).await;
        }
        let what = again(&mut call, "POST /api/v4/leads/unsorted/sip", new_unsorted("call")).await;
        assert!(what.starts_with("nothing: Unsorted entry"), "{what}");
        call.case.voicemail = crate::office::sound("https://pbx.example/voicemail/1", Some(5));
        let what = call.does(json!({ "do": "update_call" })).await;
        assert!(what.starts_with("updated the call on deal"), "{what}");
        let house = w.server.house();
        let notes: Vec<&Value> = house.account.notes.values().flatten().collect();
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert_eq!(notes[0]["params"]["link"], "https://pbx.example/voicemail/1");
    }
}

#[tokio::test]
async fn c03_a_second_call_on_an_entry_whose_answer_was_lost_is_noted_once() {
    let w = World::new().await;
    w.call("c1", NEW).await.does(new_unsorted("call")).await;
    let mut call = w.call("c2", NEW).await;
    call.case.answered = None;
    let missed = json!({ "do": "register_call", "result": "missed" });
    again(&mut call, "POST /api/v4/leads/notes", missed).await;
    let house = w.server.house();
    let notes = house.account.notes.values().flatten();
    assert_eq!(notes.filter(|note| note["params"]["uniq"] == "c2").count(), 1);
}

#[tokio::test]
async fn c03_an_entry_is_declined_once() {
    const DECLINES: &str = "DELETE /api/v4/leads/unsorted/u";
    let w = World::new().await;
    let decline = || json!({ "do": "decline_unsorted" });
    let mut call = w.call("c1", NEW).await;
    call.does(new_unsorted("call")).await;
    // It never arrived: it still waits, and is declined by the next attempt.
    w.server.fault(DECLINES, 1, Wrong::Silent);
    let lost = call.tries(decline()).await;
    assert!(matches!(lost, Err(ApplyError::Lost { .. })), "{lost:?}");
    assert_eq!(call.looks_back(decline()).await, None);
    let what = again(&mut call, DECLINES, decline()).await;
    assert_eq!(what, "no Unsorted entry waits for this number any more");
    let house = w.server.house();
    assert!(house.account.unsorted.is_empty());
    assert_eq!(house.said.iter().filter(|sent| sent.method == "DELETE").count(), 2);
}
