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

#[tokio::test]
async fn a02_a_deal_the_owner_made_by_hand_meanwhile_is_taken_and_has_what_ours_would_have() {
    let w = World::new().await;
    let mut call = w.call("c1", CLOSED).await;
    let mut deal = new_deal();
    (deal["tags"], deal["fields"]) = (json!(["сайт"]), json!({ "utm_source": "ya", "yclid": "4" }));
    w.server.fault("POST /api/v4/leads", 1, Wrong::Silent);
    assert!(call.tries(deal.clone()).await.is_err());
    let by_hand = json!({ "name": "Забор", "responsible_user_id": 504142,
        "_embedded": { "contacts": [{ "id": 8 }] } });
    let id = w.server.house().account.create("leads", &by_hand);
    let action = serde_json::from_value(deal).unwrap();
    let work =
        dozvon::crm::Work { key: "k", action: &action, case: &call.case, bound: &call.bound };
    let done = dozvon::crm::Crm::read_back(&w.crm, &work).await.unwrap().unwrap();
    assert_eq!(done.what, format!("took deal {id} for the one to be made"));
    assert_eq!(done.bound.deal, Some(id.to_string().as_str().into()));
    assert!(done.bound.made.is_nothing(), "E01: it is nobody's sale of ours");
    let house = w.server.house();
    let lead = house.account.record("leads", id);
    assert_eq!(lead["_embedded"]["tags"][0]["name"], "сайт");
    assert_eq!(lead["custom_fields_values"][0]["values"][0]["value"], "ya");
    let noted = &house.account.notes[&format!("leads/{id}")][0]["params"]["text"];
    assert_eq!(noted, "yclid: 4");
    assert_eq!(house.account.all("leads").len(), 4);
}

#[tokio::test]
async fn e01_a_contact_that_was_there_is_found_and_not_claimed_as_made() {
    let w = World::new().await;
    let mut call = w.call("c1", NEW).await;
    w.server.fault("POST /api/v4/contacts", 1, Wrong::Silent);
    assert!(call.tries(new_contact()).await.is_err());
    for index_lags in [false, true] {
        {
            let account = &mut w.server.house().account;
            account.add("contacts", crate::office::contact(20, "Иван", 504141, NEW, &[]));
            account.mentions = vec![];
            account.habits.index_lags = index_lags;
            account.fresh = vec![20];
        }
        let action = serde_json::from_value(new_contact()).unwrap();
        let work =
            dozvon::crm::Work { key: "k", action: &action, case: &call.case, bound: &call.bound };
        let done = dozvon::crm::Crm::read_back(&w.crm, &work).await.unwrap().unwrap();
        assert_eq!(done.what, "nothing: contact 20 is known");
        assert_eq!(done.bound.client, Some("20".into()));
        assert!(done.bound.made.is_nothing(), "{done:?}");
    }
}

#[tokio::test]
async fn c08_two_calls_in_ten_minutes_leave_two_notes_that_say_the_same() {
    let w = World::new().await;
    let note = json!({ "do": "note", "on": "client", "text": "Не  дозвонились" });
    w.server.house().account.habits.titles_are_tidied = true;
    w.call("c1", OLGA).await.does(note.clone()).await;
    for made in w.server.house().account.notes.get_mut("contacts/7").unwrap() {
        made["created_at"] = json!(made["created_at"].as_i64().unwrap() - 120);
    }
    let mut call = w.call("c2", OLGA).await;
    w.server.fault("POST /api/v4/contacts/notes", 1, Wrong::Silent);
    assert!(call.tries(note.clone()).await.is_err());
    assert_eq!(call.looks_back(note.clone()).await, None, "that one is the other call's");
    again(&mut call, "POST /api/v4/contacts/notes", note).await;
    assert_eq!(w.server.house().account.notes["contacts/7"].len(), 2);
}

#[tokio::test]
async fn a02_a_contact_the_account_took_for_a_known_one_is_no_new_one() {
    let w = World::new().await;
    let mut call = w.call("c1", NEW).await;
    {
        let account = &mut w.server.house().account;
        account.habits.duplicates_are_merged = true;
        account.habits.index_lags = true;
        let known = json!({ "name": "Иван", "custom_fields_values": [{ "field_code": "PHONE",
            "values": [{ "value": "8 916 555-00-01" }] }] });
        account.create("contacts", &known);
    }
    let action = new_deal();
    let done = call.tries(action).await.unwrap();
    assert!(done.bound.made.deal.is_some() && done.bound.made.client.is_none(), "{done:?}");
    assert_eq!(count(&w, "contacts"), 3);
    assert_eq!(w.find(NEW).await.unwrap().deals.len(), 1);
}
